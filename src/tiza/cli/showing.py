"""evaluate, predict, runs: call one public function and print what it returns."""

from collections.abc import Sequence
from pathlib import Path

from tiza.cli.choosing import own_of
from tiza.cli.saving import save_answers, save_run, say_saved
from tiza.errors import RequestError
from tiza.i18n import t


def evaluate(run: str, model: str | None, sealed: bool, save: Path | None, as_json: bool) -> None:
    """``tiza evaluate``."""
    from tiza import reports, terminal
    from tiza.checks import diagnose
    from tiza.runs import Run, bundled, find
    from tiza.storage import to_json

    own = own_of(model, run)
    bundle = bundled(run)
    source = find(run) if bundle is None else bundle
    report = reports.evaluate(run, sealed=sealed, model=own)
    found = diagnose(source, model=own) if isinstance(source, Run) else []  # a bundle has no history
    saved = save_run(source, report, save) if save is not None else []
    if as_json:
        diagnosis = [finding.to_dict() for finding in found]
        plain = {
            "run": str(source.path if isinstance(source, Run) else source.where),
            **report.to_dict(),
            "diagnosis": diagnosis,
        }
        print(to_json({**plain, "saved": [str(path) for path in saved]}))
        return
    out = terminal.console()
    out.print(terminal.report(report))
    out.print(report.openings(), style=terminal.QUIET)
    out.print(terminal.calibration(report), style=terminal.QUIET)
    out.print()
    out.print(terminal.per_class(report))
    for paragraph in terminal.findings(found):
        out.print(paragraph)
    say_saved(saved)


def predict(run: str, files: Sequence[Path], model: str | None, save: Path | None, as_json: bool) -> None:
    """``tiza predict``."""
    from tiza import terminal
    from tiza.prediction import Predictor
    from tiza.storage import to_json

    answers = Predictor(run, model=own_of(model, run)).predict(files)
    saved = save_answers(files, answers, save) if save is not None else []
    if as_json:
        plain = [answer.to_dict() for answer in answers]
        print(to_json({"predictions": plain, "saved": [str(path) for path in saved]}))
        return
    terminal.console().print(terminal.answers(answers))
    say_saved(saved)


def runs_list(as_json: bool) -> None:
    """``tiza runs``, ``tiza runs list``."""
    from tiza import terminal
    from tiza.runs import list_runs, runs_home
    from tiza.storage import to_json

    found = list_runs()
    if as_json:
        print(to_json({"runs": [run.to_dict() for run in found]}))
    elif found:
        out, listed = terminal.console(), terminal.runs(found)
        whole = out.measure(listed, options=out.options.update(width=1_000)).maximum
        out.width = max(out.width, whole)  # a name that is cut can't be copied
        out.print(listed)
    else:
        print(t("runs.none", folder=runs_home()))


def runs_show(name: str, save: Path | None, as_json: bool) -> None:
    """``tiza runs show``."""
    from tiza import terminal
    from tiza.checks import diagnose
    from tiza.reports import Report
    from tiza.runs import find
    from tiza.storage import to_json

    run = find(name)
    report = Report.from_dict(run.report) if run.report else None
    found = diagnose(run)
    saved: list[Path] = []
    if save is not None:
        if report is None:
            raise RequestError("no-report", where=str(run.path))
        saved = save_run(run, report, save)
    if as_json:
        plain = {"recipe": run.recipe.model_dump(mode="json"), "facts": run.facts.model_dump(mode="json")}
        plain |= {"report": run.report, "diagnosis": [finding.to_dict() for finding in found]}
        print(to_json({**run.to_dict(), **plain, "saved": [str(path) for path in saved]}))
        return
    out = terminal.console()
    terminal.announce(run, out)
    out.print(t("runs.status", status=t(f"status.{run.status}"), path=run.path), style=terminal.QUIET)
    out.print()
    out.print(terminal.history(run))
    if report:
        out.print()
        out.print(terminal.report(report))
        out.print(report.openings(), style=terminal.QUIET)
    for paragraph in terminal.findings(found):
        out.print(paragraph)
    say_saved(saved)


def runs_delete(names: Sequence[str]) -> None:
    """``tiza runs delete``: all of them exist, or nothing is deleted."""
    from tiza.runs import find

    for run in [find(name) for name in names]:
        run.delete()
        print(t("runs.deleted", name=run.name))
