"""What can be asked of the command: its subcommands, their arguments and options.

Everything heavier than typer is imported by the function that needs it: --help takes no torch, no pydantic, no numpy.
"""

from pathlib import Path
from typing import Annotated

import typer

from tiza.cli import auditing, cataloguing, data_sets, exporting, opening, options, searching, showing, training
from tiza.cli.choosing import takes_data
from tiza.cli.explain_app import explain_commands
from tiza.cli.speech import Command, Group, translate_panels
from tiza.i18n import t


def commands() -> typer.Typer:
    """The commands, with their help in the language chosen."""
    translate_panels()
    app = options.group(t("cmd.tiza"))
    app.add_typer(_data_commands(), name="data")
    app.add_typer(_runs_commands(), name="runs")
    app.add_typer(explain_commands(), name="explain")

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
        source: Annotated[str | None, options.data_argument()] = None,
        recipe: Annotated[str | None, options.recipe_option()] = None,
        model: Annotated[str | None, options.model_option()] = None,
        seed: Annotated[int | None, typer.Option(help=t("opt.seed"), show_default=False)] = None,
        run: Annotated[
            Path | None, typer.Option(metavar=t("meta.folder"), help=t("opt.run"), show_default=False)
        ] = None,
        resume: Annotated[
            str | None, typer.Option(metavar=t("meta.run"), help=t("opt.resume"), show_default=False)
        ] = None,
        sealed: Annotated[bool, typer.Option("--sealed", help=t("opt.sealed"))] = False,
        profile: Annotated[bool, typer.Option("--profile", help=t("opt.profile"))] = False,
        open_: Annotated[bool, typer.Option("--open", help=t("opt.open"))] = False,
        track: Annotated[
            list[str] | None, typer.Option(metavar="tensorboard|mlflow", help=t("opt.track"), show_default=False)
        ] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        training.train(source, recipe, model, choices, seed, run, resume, sealed, profile, open_, track or [], as_json)

    @app.command("lr-find", cls=Command, help=t("cmd.lr-find"))
    @takes_data
    def lr_find(
        choices: list[str],
        source: Annotated[str | None, options.data_argument()] = None,
        recipe: Annotated[str | None, options.recipe_option()] = None,
        model: Annotated[str | None, options.model_option()] = None,
        save: Annotated[Path | None, options.save_option("opt.save.lr-find")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        training.lr_find(source, recipe, model, choices, save, as_json)

    @app.command("evaluate", cls=Command, help=t("cmd.evaluate"))
    def evaluate(
        run: Annotated[str, options.exported_argument()],
        model: Annotated[str | None, options.own_option()] = None,
        sealed: Annotated[bool, typer.Option("--sealed", help=t("opt.sealed"))] = False,
        save: Annotated[Path | None, options.save_option("opt.save.evaluate")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        showing.evaluate(run, model, sealed, save, as_json)

    @app.command("predict", cls=Command, help=t("cmd.predict"))
    def predict(
        run: Annotated[str, options.exported_argument()],
        files: Annotated[
            list[Path], typer.Argument(metavar=t("meta.images"), help=t("arg.images"), show_default=False)
        ],
        model: Annotated[str | None, options.own_option()] = None,
        save: Annotated[Path | None, options.save_option("opt.save.predict")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        showing.predict(run, files, model, save, as_json)

    @app.command("export", cls=Command, help=t("cmd.export"))
    def export(
        run: Annotated[str, options.run_argument()],
        to: Annotated[str, typer.Option("--to", metavar="onnx|bundle", help=t("opt.export-to"), show_default=False)],
        model: Annotated[str | None, options.own_option()] = None,
        save: Annotated[
            Path | None, typer.Option("--save", metavar=t("meta.file"), help=t("opt.save.export"), show_default=False)
        ] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        exporting.export(run, to, model, save, as_json)

    @app.command("recipes", cls=Command, help=t("cmd.recipes"))
    def recipes(
        words: Annotated[
            list[str] | None, typer.Argument(metavar="[ID|compare ID]", help=t("arg.recipes"), show_default=False)
        ] = None,
        seeds: Annotated[int | None, typer.Option(metavar=t("meta.n"), help=t("opt.seeds"), show_default=False)] = None,
        save: Annotated[Path | None, options.save_option("opt.save.compare")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        cataloguing.recipes(words or [], seeds, save, as_json)

    @app.command("search", cls=Command, help=t("cmd.search"))
    @takes_data
    def search(
        choices: list[str],
        source: Annotated[str | None, options.data_argument()] = None,
        recipe: Annotated[str | None, options.recipe_option()] = None,
        model: Annotated[str | None, options.model_option()] = None,
        grid: Annotated[
            list[str] | None, typer.Option(metavar=t("meta.grid"), help=t("opt.grid"), show_default=False)
        ] = None,
        trials: Annotated[int | None, typer.Option(metavar="N", help=t("opt.trials"), show_default=False)] = None,
        folds: Annotated[int | None, typer.Option(metavar="K", help=t("opt.folds"), show_default=False)] = None,
        repeats: Annotated[int, typer.Option(metavar="N", help=t("opt.repeats"), min=1)] = 1,
        halving: Annotated[int | None, typer.Option(metavar="N", help=t("opt.halving"), show_default=False)] = None,
        budget: Annotated[str | None, typer.Option(metavar="20m", help=t("opt.budget"), show_default=False)] = None,
        jobs: Annotated[int, typer.Option(metavar="N", help=t("opt.jobs"))] = 1,
        on: Annotated[str | None, typer.Option(metavar="ray", help=t("opt.on"), show_default=False)] = None,
        no_reuse: Annotated[bool, typer.Option("--no-reuse", help=t("opt.no-reuse"))] = False,
        seed: Annotated[int, typer.Option(metavar="N", help=t("opt.search-seed"))] = 0,
        sealed: Annotated[bool, typer.Option("--sealed", help=t("opt.sealed"))] = False,
        run: Annotated[
            Path | None, typer.Option(metavar=t("meta.folder"), help=t("opt.search-run"), show_default=False)
        ] = None,
        resume: Annotated[
            str | None, typer.Option(metavar=t("meta.search"), help=t("opt.search-resume"), show_default=False)
        ] = None,
        top: Annotated[int, typer.Option(metavar="N", help=t("opt.top"), min=1)] = searching.TOP,
        save: Annotated[Path | None, options.save_option("opt.save.search")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        searching.search(
            source, recipe, model, choices, grid or [], trials=trials, folds=folds, repeats=repeats, halving=halving,
            budget=budget, jobs=jobs, on=on, reuse=not no_reuse, seed=seed, sealed=sealed, folder=run, resume=resume,
            top=top, save=save, as_json=as_json,
        )  # fmt: skip

    @app.command("open", cls=Command, help=t("cmd.open"))
    def open_(
        runs: Annotated[
            list[str] | None, typer.Argument(metavar=t("meta.runs"), help=t("arg.open"), show_default=False)
        ] = None,
        port: Annotated[int | None, typer.Option(metavar=t("meta.n"), help=t("opt.port"), show_default=False)] = None,
        no_browser: Annotated[bool, typer.Option("--no-browser", help=t("opt.no-browser"))] = False,
    ) -> None:
        opening.open_page(runs or [], port, not no_browser)

    return app


def _data_commands() -> typer.Typer:
    data = options.group(t("cmd.data"))

    @data.command("list", cls=Command, help=t("cmd.data.list"))
    def data_list(as_json: Annotated[bool, options.json_option()] = False) -> None:
        data_sets.show_list(as_json)

    @data.command("show", cls=Command, help=t("cmd.data.show"))
    @takes_data
    def data_show(
        choices: list[str],
        source: Annotated[str, options.data_argument()],
        split: Annotated[
            str, typer.Option(metavar="train|valid|test", help=t("opt.split"), show_default=False)
        ] = "train",
        sample: Annotated[int, typer.Option(metavar=t("meta.n"), help=t("opt.sample"))] = 0,
        batch: Annotated[int | None, typer.Option(metavar=t("meta.n"), help=t("opt.batch"), show_default=False)] = None,
        mosaic: Annotated[str, typer.Option(metavar=t("meta.mosaic"), help=t("opt.mosaic"))] = "3x3",
        seed: Annotated[int, typer.Option(metavar=t("meta.n"), help=t("opt.seed.data"))] = 0,
        save: Annotated[Path | None, options.save_option("opt.save.data")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        data_sets.show(source, choices, split, sample, batch, mosaic, seed, save, as_json)

    @data.command("export", cls=Command, help=t("cmd.data.export"))
    @takes_data
    def data_export(
        choices: list[str],
        source: Annotated[str, options.data_argument()],
        folder: Annotated[Path, typer.Argument(metavar=t("meta.folder"), help=t("arg.export"), show_default=False)],
        per_class: Annotated[
            str | None, typer.Option(metavar="60/20/10", help=t("opt.per-class"), show_default=False)
        ] = None,
        seed: Annotated[int, typer.Option(metavar=t("meta.n"), help=t("opt.seed.data"))] = 0,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        data_sets.export(source, choices, folder, per_class, seed, as_json)

    @data.command("audit", cls=Command, help=t("cmd.data.audit"))
    @takes_data
    def data_audit(
        choices: list[str],
        source: Annotated[str, options.data_argument()],
        repair: Annotated[
            str | None, typer.Option(metavar="grouped|drop", help=t("opt.repair"), show_default=False)
        ] = None,
        to: Annotated[Path | None, typer.Option(metavar=t("meta.folder"), help=t("opt.to"), show_default=False)] = None,
        save: Annotated[Path | None, options.save_option("opt.save.audit")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        auditing.audit(source, choices, repair, to, save, as_json)

    return data


def _runs_commands() -> typer.Typer:
    runs = typer.Typer(cls=Group, help=t("cmd.runs"), add_completion=False, rich_markup_mode="rich")

    @runs.callback(invoke_without_command=True)
    def runs_default(ctx: typer.Context) -> None:
        if ctx.invoked_subcommand is None:
            showing.runs_list(False)

    @runs.command("list", cls=Command, help=t("cmd.runs.list"))
    def runs_list(as_json: Annotated[bool, options.json_option()] = False) -> None:
        showing.runs_list(as_json)

    @runs.command("show", cls=Command, help=t("cmd.runs.show"))
    def runs_show(
        run: Annotated[str, options.run_argument()],
        save: Annotated[Path | None, options.save_option("opt.save.evaluate")] = None,
        as_json: Annotated[bool, options.json_option()] = False,
    ) -> None:
        showing.runs_show(run, save, as_json)

    @runs.command("delete", cls=Command, help=t("cmd.runs.delete"))
    def runs_delete(
        names: Annotated[list[str], typer.Argument(metavar=t("meta.runs"), help=t("arg.run"), show_default=False)],
    ) -> None:
        showing.runs_delete(names)

    return runs
