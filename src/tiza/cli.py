"""The command: parse, call one public function, print."""

import json
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from tiza.errors import RequestError, TizaError, unknown
from tiza.i18n import LANGUAGES, number, set_language, t

# Everything heavier than this is imported by the command that needs it: --help takes no torch, no pydantic, no numpy.


class _Speaks:
    """Help and usage errors in the user's language; what typer says in English is told by type in ``_told``."""

    def get_usage(self, ctx: Any) -> str:
        usage = super().get_usage(ctx)  # type: ignore[misc]
        for english, key in (("Usage:", "usage"), ("[OPTIONS]", "options-meta"), ("COMMAND [ARGS]", "command-meta")):
            usage = usage.replace(english, t(f"help.{key}"), 1)
        return usage

    def get_help_option(self, ctx: Any) -> Any:
        option = super().get_help_option(ctx)  # type: ignore[misc]
        if option is not None:
            option.help = t("help.help")
        return option


class _Command(_Speaks, TyperCommand):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.allow_extra_args = True
        if extra := super().parse_args(ctx, args):
            raise RequestError("extra-argument", where=extra[0], arguments=" ".join(extra), command=ctx.command_path)
        return extra


class _Group(_Speaks, TyperGroup):
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise unknown("command", args[0], self.list_commands(ctx), where=ctx.command_path)
        return super().resolve_command(ctx, args)


class _Interrupted(TizaError):
    exit_code = 130


def main(argv: list[str] | None = None) -> None:
    """Run the command and exit: 0 done, 1 the work failed, 2 the request was wrong, 130 interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    as_json, debug = "--json" in arguments, "--debug" in arguments
    try:
        arguments = _global_options(arguments)
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            if _app()(arguments, prog_name="tiza", standalone_mode=False) == 130:  # what typer makes of Ctrl-C
                raise _Interrupted("interrupted")
        raise SystemExit(0)
    except KeyboardInterrupt:
        _fail(_Interrupted("interrupted"), as_json)
        raise SystemExit(130) from None
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except Exception as error:
        if debug:
            raise
        told = _told(error)
        _fail(told, as_json)
        raise SystemExit(told.exit_code) from None


def _global_options(arguments: list[str]) -> list[str]:
    """Take --lang and --debug out, wherever they stand: the language is known before any help text is made."""
    rest: list[str] = []
    language = os.environ.get("TIZA_LANG")
    words = iter(arguments)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif word == "--lang" or word.startswith("--lang="):
            language = word.partition("=")[2] if "=" in word else next(words, "")
        elif word != "--debug":
            rest.append(word)
    if language:
        if language not in LANGUAGES:
            raise unknown("language", language, LANGUAGES, where="--lang / TIZA_LANG")
        set_language(language)
    return rest


def _told(error: Exception) -> TizaError:
    """Any failure as one of ours: typer's by type, a full memory or disk by name, the rest as a fault of tiza."""
    from typer._click import exceptions as click

    match error:
        case TizaError():
            return error
        case click.NoSuchOption():
            known = [name for p in (error.ctx.command.params if error.ctx else []) for name in p.opts]
            return unknown("option", error.option_name, [*known, "--lang", "--debug", "--help"])
        case click.MissingParameter():
            name = (getattr(error.param, "metavar", None) or error.param.name or "?") if error.param else "?"
            return RequestError("missing-argument", where=name, name=name, command=_path(error))
        case click.BadOptionUsage():
            return RequestError("option-usage", where=error.option_name, name=error.option_name)
        case click.BadParameter():
            name = error.param.opts[0] if error.param else "?"
            return RequestError("bad-argument", where=name, name=name, command=_path(error))
        case click.UsageError():
            return RequestError("usage", where=_path(error), command=_path(error))
        case MemoryError():
            return TizaError("memory")
        case OSError():
            from tiza.storage import cannot_write

            return cannot_write(Path(error.filename or "–"), error)
        case _:
            return TizaError("internal", where=type(error).__name__, type=type(error).__name__, reason=str(error))


def _path(error: Any) -> str:
    return error.ctx.command_path if error.ctx else "tiza"


def _fail(error: TizaError, as_json: bool) -> None:
    sys.stdout.flush()
    if as_json:
        print(
            json.dumps({"error": {"code": error.code, "message": str(error), "where": error.where}}, ensure_ascii=False)
        )
    else:
        print(f"tiza: {error}", file=sys.stderr)


def _warn(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any) -> None:
    if category.__module__.startswith("tiza."):  # other libraries' warnings are for developers
        print(f"tiza: {message}", file=sys.stderr)


def _app() -> typer.Typer:
    """The commands, with their help in the language chosen."""
    from typer import rich_utils

    rich_utils.ARGUMENTS_PANEL_TITLE = t("help.arguments")
    rich_utils.OPTIONS_PANEL_TITLE = t("help.options")
    rich_utils.COMMANDS_PANEL_TITLE = t("help.commands")
    rich_utils.DEFAULT_STRING = t("help.default")
    rich_utils.REQUIRED_LONG_STRING = t("help.required")

    def new(help: str) -> typer.Typer:
        return typer.Typer(
            cls=_Group, help=help, add_completion=False, no_args_is_help=True, rich_markup_mode="rich",
            pretty_exceptions_enable=False, context_settings={"help_option_names": ["--help", "-h"]},
        )  # fmt: skip

    app = new(t("cmd.tiza"))
    data = new(t("cmd.data"))
    runs = typer.Typer(cls=_Group, help=t("cmd.runs"), add_completion=False, rich_markup_mode="rich")
    app.add_typer(data, name="data")
    app.add_typer(runs, name="runs")

    def json_option() -> Any:
        return typer.Option("--json", help=t("opt.json"))

    def run_argument() -> Any:
        return typer.Argument(metavar=t("meta.run"), help=t("arg.run"), show_default=False)

    def save_option(what: str) -> Any:
        return typer.Option("--save", metavar=t("meta.folder"), help=t(what), show_default=False)

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

    @app.command("train", cls=_Command, help=t("cmd.train"))
    def train(
        source: Annotated[
            str | None, typer.Argument(metavar=t("meta.data"), help=t("arg.data"), show_default=False)
        ] = None,
        recipe: Annotated[
            str | None, typer.Option(metavar=t("meta.recipe"), help=t("opt.recipe"), show_default=False)
        ] = None,
        model: Annotated[
            str | None, typer.Option(metavar=t("meta.name"), help=t("opt.model"), show_default=False)
        ] = None,
        assignments: Annotated[
            list[str] | None, typer.Option("--set", metavar=t("meta.set"), help=t("opt.set"), show_default=False)
        ] = None,
        seed: Annotated[int | None, typer.Option(help=t("opt.seed"), show_default=False)] = None,
        run: Annotated[
            Path | None, typer.Option(metavar=t("meta.folder"), help=t("opt.run"), show_default=False)
        ] = None,
        resume: Annotated[
            str | None, typer.Option(metavar=t("meta.run"), help=t("opt.resume"), show_default=False)
        ] = None,
        sealed: Annotated[bool, typer.Option("--sealed", help=t("opt.sealed"))] = False,
        as_json: Annotated[bool, json_option()] = False,
    ) -> None:
        _train(source, recipe, model, assignments or [], seed, run, resume, sealed, as_json)

    @app.command("evaluate", cls=_Command, help=t("cmd.evaluate"))
    def evaluate(
        run: Annotated[str, run_argument()],
        sealed: Annotated[bool, typer.Option("--sealed", help=t("opt.sealed"))] = False,
        save: Annotated[Path | None, save_option("opt.save.evaluate")] = None,
        as_json: Annotated[bool, json_option()] = False,
    ) -> None:
        _evaluate(run, sealed, save, as_json)

    @app.command("predict", cls=_Command, help=t("cmd.predict"))
    def predict(
        run: Annotated[str, run_argument()],
        files: Annotated[
            list[Path], typer.Argument(metavar=t("meta.images"), help=t("arg.images"), show_default=False)
        ],
        save: Annotated[Path | None, save_option("opt.save.predict")] = None,
        as_json: Annotated[bool, json_option()] = False,
    ) -> None:
        _predict(run, files, save, as_json)

    @data.command("list", cls=_Command, help=t("cmd.data.list"))
    def data_list(as_json: Annotated[bool, json_option()] = False) -> None:
        _data_list(as_json)

    @data.command("show", cls=_Command, help=t("cmd.data.show"))
    def data_show(
        source: Annotated[str, typer.Argument(metavar=t("meta.data"), help=t("arg.data"), show_default=False)],
        save: Annotated[Path | None, save_option("opt.save.data")] = None,
        as_json: Annotated[bool, json_option()] = False,
    ) -> None:
        _data_show(source, save, as_json)

    @runs.callback(invoke_without_command=True)
    def runs_default(ctx: typer.Context) -> None:
        if ctx.invoked_subcommand is None:
            _runs_list(False)

    @runs.command("list", cls=_Command, help=t("cmd.runs.list"))
    def runs_list(as_json: Annotated[bool, json_option()] = False) -> None:
        _runs_list(as_json)

    @runs.command("show", cls=_Command, help=t("cmd.runs.show"))
    def runs_show(
        run: Annotated[str, run_argument()],
        save: Annotated[Path | None, save_option("opt.save.evaluate")] = None,
        as_json: Annotated[bool, json_option()] = False,
    ) -> None:
        _runs_show(run, save, as_json)

    @runs.command("delete", cls=_Command, help=t("cmd.runs.delete"))
    def runs_delete(
        names: Annotated[list[str], typer.Argument(metavar=t("meta.runs"), help=t("arg.run"), show_default=False)],
    ) -> None:
        from tiza.runs import find

        chosen = [find(name) for name in names]  # all of them exist, or nothing is deleted
        for one in chosen:
            one.delete()
            print(t("runs.deleted", name=one.name))

    return app


# --- one function per command -----------------------------------------------------------------------------------------


def _train(
    source: str | None, recipe: str | None, model: str | None, assignments: list[str], seed: int | None,
    folder: Path | None, resume: str | None, sealed: bool, as_json: bool,
) -> None:  # fmt: skip
    from tiza import fitting, reports, terminal
    from tiza import runs as folders
    from tiza.storage import DivergedWarning
    from tiza.training.events import Event, RunStarted
    from tiza.training.learner import Learner

    began = time.perf_counter()
    chosen: Any = None
    if resume is not None:
        if source or recipe or model or assignments or seed is not None or folder:
            raise RequestError("resume-alone", where="--resume")
        run = folders.find(resume)
        name, path = None, run.path
    else:
        name, chosen = _recipe(source, recipe, model, assignments, seed)
        path = folder or folders.new_folder(chosen)
    narrator = terminal.Narrator(str(path))

    def show(event: Event, learner: Learner) -> None:
        if isinstance(event, RunStarted):
            narrator.announce(folders.Run(path))
        narrator(event, learner)

    readers = () if as_json else (show,)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DivergedWarning)  # told below, as an error
            run = fitting.fit(chosen, run=path, resume=resume is not None, readers=readers)
    except KeyboardInterrupt:
        saved = (path / "checkpoint.safetensors").exists()
        raise _Interrupted("interrupted-saved" if saved else "interrupted", where=_quoted(str(path))) from None
    finally:
        narrator.progress.stop()
    ended = run.ended
    if ended is not None and ended.reason == "diverged":
        raise fitting.diverged(ended)
    report = reports.evaluate(run, sealed=sealed)
    history, facts = run.history(), run.facts
    samples = history[-1].step * facts.counts["train"] / max(1, _steps_per_epoch(run)) if history else 0
    took = ended.seconds if ended else 0.0
    if as_json:
        plain = report.to_dict()
        result = {
            "run": str(run.path), "recipe": name, "model": run.recipe.model.name, "parameters": facts.parameters,
            "epochs": history[-1].epoch if history else 0, "seconds": round(took, 3),
            "seconds_total": round(time.perf_counter() - began, 3),
            "samples_per_second": round(samples / took, 1) if took else None,
            "device": facts.device, "threads": facts.threads,
            **{split: _brief(plain[split]) for split in reports.SPLITS},
            "test_opening": report.opening, "test_reason": report.reason,
        }  # fmt: skip
        _print_json(result)
        return
    out = terminal.console()
    out.print()
    out.print(terminal.report(report))
    out.print(report.openings(), style=terminal.QUIET)
    out.print()
    print(t("train.run", path=run.path, seconds=terminal.seconds(took)))
    label = _quoted(str(run.path)) if folder or resume else "last"
    print(t("train.next" if facts.form else "train.next-table", run=label))


def _steps_per_epoch(run: Any) -> int:
    from tiza.training.events import RunStarted

    return next((event.steps_per_epoch for event in run.events() if isinstance(event, RunStarted)), 1)


def _brief(split: dict[str, Any] | None) -> dict[str, Any] | None:
    return {key: split[key] for key in ("n", "loss", "accuracy", "interval", "f1_macro")} if split else None


def _quoted(path: str) -> str:
    import shlex

    return shlex.quote(path)


def _recipe(
    source: str | None, recipe: str | None, model: str | None, assignments: list[str], seed: int | None
) -> tuple[str | None, Any]:
    """The recipe that the command line asks for, and its name where it has one."""
    from tiza.catalogue import default_for, recipes
    from tiza.config import Recipe, changed, make
    from tiza.runs import read_json

    name: str | None = None
    if recipe is None and source is None:
        raise RequestError("missing-argument", where="DATA", name=t("meta.data"), command="tiza train")
    if recipe is None:
        base = default_for(str(source))
        name = next((known for known in recipes if recipes[known] == base), None)
    elif recipe.endswith(".json") or Path(recipe).is_file():
        base = make(Recipe, read_json(Path(recipe)))
    else:
        base, name = recipes[recipe], recipe
    changes = list(assignments)
    if recipe is not None and source is not None and source != base.data.name:
        changes.insert(0, f"data.name={source}")
    if model is not None:
        changes.insert(0, f"model.name={model}")
    if seed is not None:
        changes.append(f"plan.seed={seed}")
    return name, changed(base, changes)


def _evaluate(run: str, sealed: bool, save: Path | None, as_json: bool) -> None:
    from tiza import reports, terminal
    from tiza.runs import find

    folder = find(run)
    report = reports.evaluate(folder, sealed=sealed)
    saved = _save_figures(folder, report, save) if save is not None else []
    if as_json:
        _print_json({"run": str(folder.path), **report.to_dict(), "saved": [str(path) for path in saved]})
        return
    out = terminal.console()
    out.print(terminal.report(report))
    out.print(report.openings(), style=terminal.QUIET)
    out.print()
    out.print(terminal.per_class(report))
    _say_saved(saved)


def _save_figures(run: Any, report: Any, folder: Path) -> list[Path]:
    from tiza import figures
    from tiza.data.sources import load

    data = load(run.recipe.data)
    drawn = {
        "curves": figures.curves(run),
        "confusion": figures.confusion(report),
        "confusion-rates": figures.confusion(report, rates=True),
        "worst": figures.worst(report, data),
        "overview": figures.overview(run, report, data),
    }
    return [path for name, figure in drawn.items() for path in figures.save(figure, folder / name)]


def _predict(run: str, files: list[Path], save: Path | None, as_json: bool) -> None:
    from tiza import terminal
    from tiza.prediction import Predictor

    predictor = Predictor(run)
    answers = predictor.predict(files)
    saved: list[Path] = []
    if save is not None:
        from tiza import figures
        from tiza.data.intake import read_picture

        pairs = []
        for file, answer in zip(files, answers, strict=True):
            caption = f"{answer.class_} · {_share(answer)}" if answer.class_ else t("predict.none")
            pairs.append((read_picture(file), answer.image, caption, answer.class_ is not None))
        saved = figures.save(figures.before_after(pairs), save / "predictions")
    if as_json:
        _print_json({"predictions": [answer.to_dict() for answer in answers], "saved": [str(path) for path in saved]})
        return
    rows = [
        (
            str(file),
            answer.class_ or t("predict.none"),
            _share(answer),
        )
        for file, answer in zip(files, answers, strict=True)
    ]
    heads = (t("col.file"), t("col.answer"), t("col.probability"))
    terminal.console().print(terminal.plain_table(heads, rows, left=2))
    _say_saved(saved)


def _share(answer: Any) -> str:
    """A probability that never rounds up to certainty."""
    if answer.probability is None:
        return "–"
    return f"> {number(0.999, '.1%')}" if answer.probability > 0.9994 else number(answer.probability, ".1%")


def _data_list(as_json: bool) -> None:
    from tiza.registry import table

    entries = [{"name": entry.name, **entry.facts} for entry in table("dataset").values()]
    if as_json:
        _print_json({"datasets": entries})
        return
    width = max(len(entry["name"]) for entry in entries)
    for entry in entries:
        n = number(entry["train"], ",") + (f" + {number(entry['test'], ',')}" if entry["test"] else "")
        line = t(f"data.{entry['name']}")
        print(f"{entry['name']:<{width}}  {n:>15}  {entry['shape']:>7}  {entry['classes']:>2}  {line}")


def _data_show(source: str, save: Path | None, as_json: bool) -> None:
    from tiza import terminal
    from tiza.data.sources import load

    data = load(source)
    shown = {"train": data.train, "valid": data.valid, "test": data.test.look()}
    facts = {
        "data": data.name, "shape": list(data.shape), "dtype": str(data.train.x.dtype).removeprefix("torch."),
        "range": [data.train.x.min().item(), data.train.x.max().item()], "fingerprint": data.fingerprint,
        "classes": list(data.classes), "features": list(data.features),
        "counts": {name: split.y.bincount(minlength=len(data.classes)).tolist() for name, split in shown.items()},
    }  # fmt: skip
    saved: list[Path] = []
    if save is not None:
        from tiza import figures

        picture = figures.mosaic(data.train, data.classes) if len(data.shape) == 3 else figures.scatter(
            data.train, data.classes, data.features
        )  # fmt: skip
        saved += figures.save(picture, save / "samples")
        saved += figures.save(figures.histogram(facts["counts"], data.classes), save / "classes")
    if as_json:
        _print_json({**facts, "saved": [str(path) for path in saved]})
        return
    out = terminal.console()
    shape = "×".join(map(str, data.shape))
    out.print(
        t(
            "data.shown",
            name=data.name,
            shape=shape,
            dtype=facts["dtype"],
            low=facts["range"][0],
            high=facts["range"][1],
        )
    )
    out.print(t("data.fingerprint", fingerprint=data.fingerprint), style=terminal.QUIET)
    out.print()
    rows = [
        (name, *(number(facts["counts"][split][i], ",") for split in shown)) for i, name in enumerate(data.classes)
    ] + [(t("col.all"), *(number(len(split), ",") for split in shown.values()))]
    out.print(terminal.plain_table((t("col.class"), *(t(f"split.{split}") for split in shown)), rows))
    _say_saved(saved)


def _runs_list(as_json: bool) -> None:
    from tiza import terminal
    from tiza.runs import list_runs, runs_home

    found = list_runs()
    described = [_described(run) for run in found]
    if as_json:
        _print_json({"runs": described})
        return
    if not found:
        print(t("runs.none", folder=runs_home()))
        return
    rows = [
        (one["name"], t(f"status.{one['status']}"), str(one["epochs"]),
         number(one["valid_accuracy"], ".2%") if one["valid_accuracy"] is not None else "–",
         terminal.accuracy(one["test"]) if one["test"] else "–")
        for one in described
    ]  # fmt: skip
    heads = (t("col.run"), t("col.status"), t("col.epochs"), t("split.valid"), t("split.test"))
    terminal.console().print(terminal.plain_table(heads, rows, left=2))


def _described(run: Any) -> dict[str, Any]:
    history, report = run.history(), run.report
    return {
        "name": run.name, "path": str(run.path), "status": run.status, "data": run.recipe.data.name,
        "model": run.recipe.model.name, "epochs": history[-1].epoch if history else 0,
        "valid_accuracy": history[-1].valid["accuracy"][0] if history else None,
        "test": _brief(report["test"]) if report and report["test"] else None,
    }  # fmt: skip


def _runs_show(name: str, save: Path | None, as_json: bool) -> None:
    from tiza import terminal
    from tiza.reports import Report
    from tiza.runs import find

    run = find(name)
    report = Report.from_dict(run.report) if run.report else None
    if save is not None and report is None:
        raise RequestError("no-report", where=str(run.path))
    saved = _save_figures(run, report, save) if save is not None else []
    if as_json:
        plain = {"recipe": run.recipe.model_dump(mode="json"), "facts": run.facts.model_dump(mode="json")}
        _print_json({**_described(run), **plain, "report": run.report, "saved": [str(path) for path in saved]})
        return
    narrator = terminal.Narrator(str(run.path))
    narrator.console = out = terminal.console()
    narrator.announce(run)
    out.print(t("runs.status", status=t(f"status.{run.status}"), path=run.path), style=terminal.QUIET)
    out.print()
    rows = [
        (str(m.epoch), number(m.train["loss"][0], ".4f"), number(m.valid["loss"][0], ".4f"),
         number(m.train["accuracy"][0], ".2%"), number(m.valid["accuracy"][0], ".2%"), terminal.seconds(m.seconds))
        for m in run.history()
    ]  # fmt: skip
    keys = ("col.epoch", "col.train-loss", "col.valid-loss", "col.train-accuracy", "col.valid-accuracy", "col.time")
    out.print(terminal.plain_table([t(key) for key in keys], rows))
    if report:
        out.print()
        out.print(terminal.report(report))
        out.print(report.openings(), style=terminal.QUIET)
    _say_saved(saved)


def _say_saved(paths: list[Path]) -> None:
    if paths:
        print(t("saved", paths=", ".join(str(path) for path in paths if path.suffix == ".png")))


def _print_json(value: Any) -> None:
    from tiza.storage import to_json

    print(to_json(value))


if __name__ == "__main__":
    main()
