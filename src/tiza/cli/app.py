"""What can be asked of the command: its subcommands, their arguments and options.

Everything heavier than typer is imported by the function that needs it: --help takes no torch, no pydantic, no numpy.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from tiza.cli import data_sets, showing, training
from tiza.cli.choosing import takes_data
from tiza.cli.speech import Command, Group, translate_panels
from tiza.i18n import t


def commands() -> typer.Typer:
    """The commands, with their help in the language chosen."""
    translate_panels()
    app = _group(t("cmd.tiza"))
    app.add_typer(_data_commands(), name="data")
    app.add_typer(_runs_commands(), name="runs")

    @app.callback(invoke_without_command=True)
    def tiza(
        version: Annotated[bool, typer.Option("--version", help=t("opt.version"))] = False,
        lang: Annotated[str, typer.Option("--lang", metavar="es|en", help=t("opt.lang"), show_default=False)] = "",
        debug: Annotated[bool, typer.Option("--debug", help=t("opt.debug"))] = False,
    ) -> None:
        if version:
            from importlib.metadata import version as installed

            print(f"tiza {installed('tiza')}")
            raise typer.Exit

    @app.command("train", cls=Command, help=t("cmd.train"))
    @takes_data
    def train(
        choices: list[str],
        source: Annotated[str | None, _data_argument()] = None,
        recipe: Annotated[str | None, _recipe_option()] = None,
        model: Annotated[str | None, _model_option()] = None,
        seed: Annotated[int | None, typer.Option(help=t("opt.seed"), show_default=False)] = None,
        run: Annotated[
            Path | None, typer.Option(metavar=t("meta.folder"), help=t("opt.run"), show_default=False)
        ] = None,
        resume: Annotated[
            str | None, typer.Option(metavar=t("meta.run"), help=t("opt.resume"), show_default=False)
        ] = None,
        sealed: Annotated[bool, typer.Option("--sealed", help=t("opt.sealed"))] = False,
        profile: Annotated[bool, typer.Option("--profile", help=t("opt.profile"))] = False,
        as_json: Annotated[bool, _json_option()] = False,
    ) -> None:
        training.train(source, recipe, model, choices, seed, run, resume, sealed, profile, as_json)

    @app.command("lr-find", cls=Command, help=t("cmd.lr-find"))
    @takes_data
    def lr_find(
        choices: list[str],
        source: Annotated[str | None, _data_argument()] = None,
        recipe: Annotated[str | None, _recipe_option()] = None,
        model: Annotated[str | None, _model_option()] = None,
        save: Annotated[Path | None, _save_option("opt.save.lr-find")] = None,
        as_json: Annotated[bool, _json_option()] = False,
    ) -> None:
        training.lr_find(source, recipe, model, choices, save, as_json)

    @app.command("evaluate", cls=Command, help=t("cmd.evaluate"))
    def evaluate(
        run: Annotated[str, _run_argument()],
        sealed: Annotated[bool, typer.Option("--sealed", help=t("opt.sealed"))] = False,
        save: Annotated[Path | None, _save_option("opt.save.evaluate")] = None,
        as_json: Annotated[bool, _json_option()] = False,
    ) -> None:
        showing.evaluate(run, sealed, save, as_json)

    @app.command("predict", cls=Command, help=t("cmd.predict"))
    def predict(
        run: Annotated[str, _run_argument()],
        files: Annotated[
            list[Path], typer.Argument(metavar=t("meta.images"), help=t("arg.images"), show_default=False)
        ],
        save: Annotated[Path | None, _save_option("opt.save.predict")] = None,
        as_json: Annotated[bool, _json_option()] = False,
    ) -> None:
        showing.predict(run, files, save, as_json)

    return app


def _data_commands() -> typer.Typer:
    data = _group(t("cmd.data"))

    @data.command("list", cls=Command, help=t("cmd.data.list"))
    def data_list(as_json: Annotated[bool, _json_option()] = False) -> None:
        data_sets.show_list(as_json)

    @data.command("show", cls=Command, help=t("cmd.data.show"))
    @takes_data
    def data_show(
        choices: list[str],
        source: Annotated[str, _data_argument()],
        split: Annotated[
            str, typer.Option(metavar="train|valid|test", help=t("opt.split"), show_default=False)
        ] = "train",
        sample: Annotated[int, typer.Option(metavar=t("meta.n"), help=t("opt.sample"))] = 0,
        batch: Annotated[int | None, typer.Option(metavar=t("meta.n"), help=t("opt.batch"), show_default=False)] = None,
        mosaic: Annotated[str, typer.Option(metavar=t("meta.mosaic"), help=t("opt.mosaic"))] = "3x3",
        seed: Annotated[int, typer.Option(metavar=t("meta.n"), help=t("opt.seed.data"))] = 0,
        save: Annotated[Path | None, _save_option("opt.save.data")] = None,
        as_json: Annotated[bool, _json_option()] = False,
    ) -> None:
        data_sets.show(source, choices, split, sample, batch, mosaic, seed, save, as_json)

    @data.command("export", cls=Command, help=t("cmd.data.export"))
    @takes_data
    def data_export(
        choices: list[str],
        source: Annotated[str, _data_argument()],
        folder: Annotated[Path, typer.Argument(metavar=t("meta.folder"), help=t("arg.export"), show_default=False)],
        per_class: Annotated[
            str | None, typer.Option(metavar="60/20/10", help=t("opt.per-class"), show_default=False)
        ] = None,
        seed: Annotated[int, typer.Option(metavar=t("meta.n"), help=t("opt.seed.data"))] = 0,
        as_json: Annotated[bool, _json_option()] = False,
    ) -> None:
        data_sets.export(source, choices, folder, per_class, seed, as_json)

    return data


def _runs_commands() -> typer.Typer:
    runs = typer.Typer(cls=Group, help=t("cmd.runs"), add_completion=False, rich_markup_mode="rich")

    @runs.callback(invoke_without_command=True)
    def runs_default(ctx: typer.Context) -> None:
        if ctx.invoked_subcommand is None:
            showing.runs_list(False)

    @runs.command("list", cls=Command, help=t("cmd.runs.list"))
    def runs_list(as_json: Annotated[bool, _json_option()] = False) -> None:
        showing.runs_list(as_json)

    @runs.command("show", cls=Command, help=t("cmd.runs.show"))
    def runs_show(
        run: Annotated[str, _run_argument()],
        save: Annotated[Path | None, _save_option("opt.save.evaluate")] = None,
        as_json: Annotated[bool, _json_option()] = False,
    ) -> None:
        showing.runs_show(run, save, as_json)

    @runs.command("delete", cls=Command, help=t("cmd.runs.delete"))
    def runs_delete(
        names: Annotated[list[str], typer.Argument(metavar=t("meta.runs"), help=t("arg.run"), show_default=False)],
    ) -> None:
        showing.runs_delete(names)

    return runs


def _group(help: str) -> typer.Typer:
    return typer.Typer(
        cls=Group, help=help, add_completion=False, no_args_is_help=True, rich_markup_mode="rich",
        pretty_exceptions_enable=False, context_settings={"help_option_names": ["--help", "-h"]},
    )  # fmt: skip


def _json_option() -> Any:
    return typer.Option("--json", help=t("opt.json"))


def _run_argument() -> Any:
    return typer.Argument(metavar=t("meta.run"), help=t("arg.run"), show_default=False)


def _data_argument() -> Any:
    return typer.Argument(metavar=t("meta.data"), help=t("arg.data"), show_default=False)


def _save_option(what: str) -> Any:
    return typer.Option("--save", metavar=t("meta.folder"), help=t(what), show_default=False)


def _recipe_option() -> Any:
    return typer.Option(metavar=t("meta.recipe"), help=t("opt.recipe"), show_default=False)


def _model_option() -> Any:
    return typer.Option(metavar=t("meta.name"), help=t("opt.model"), show_default=False)
