"""evaluate, predict, data, runs: call one public function and print what it returns."""

from collections.abc import Sequence
from pathlib import Path

from tiza.cli.saving import save_answers, save_data, save_run, say_saved
from tiza.errors import RequestError
from tiza.i18n import number, t


def evaluate(run: str, sealed: bool, save: Path | None, as_json: bool) -> None:
    """``tiza evaluate``."""
    from tiza import reports, terminal
    from tiza.runs import find
    from tiza.storage import to_json

    folder = find(run)
    report = reports.evaluate(folder, sealed=sealed)
    saved = save_run(folder, report, save) if save is not None else []
    if as_json:
        print(to_json({"run": str(folder.path), **report.to_dict(), "saved": [str(path) for path in saved]}))
        return
    out = terminal.console()
    out.print(terminal.report(report))
    out.print(report.openings(), style=terminal.QUIET)
    out.print(terminal.calibration(report), style=terminal.QUIET)
    out.print()
    out.print(terminal.per_class(report))
    say_saved(saved)


def predict(run: str, files: Sequence[Path], save: Path | None, as_json: bool) -> None:
    """``tiza predict``."""
    from tiza import terminal
    from tiza.prediction import Predictor
    from tiza.storage import to_json

    answers = Predictor(run).predict(files)
    saved = save_answers(files, answers, save) if save is not None else []
    if as_json:
        plain = [answer.to_dict() for answer in answers]
        print(to_json({"predictions": plain, "saved": [str(path) for path in saved]}))
        return
    terminal.console().print(terminal.answers(answers))
    say_saved(saved)


def data_list(as_json: bool) -> None:
    """``tiza data list``."""
    from tiza.registry import table
    from tiza.storage import to_json

    entries = [{"name": entry.name, **entry.facts} for entry in table("dataset").values()]
    if as_json:
        print(to_json({"datasets": entries}))
        return
    width = max(len(entry["name"]) for entry in entries)
    for entry in entries:
        n = number(entry["train"], ",") + (f" + {number(entry['test'], ',')}" if entry["test"] else "")
        line = t(f"data.{entry['name']}")
        print(f"{entry['name']:<{width}}  {n:>15}  {entry['shape']:>7}  {entry['classes']:>2}  {line}")


def data_show(source: str, save: Path | None, as_json: bool) -> None:
    """``tiza data show``: its test split is looked at, not opened."""
    from tiza import terminal
    from tiza.data.sources import load
    from tiza.storage import to_json

    data = load(source)
    splits = {"train": data.train, "valid": data.valid, "test": data.test.look()}
    counts = {name: split.y.bincount(minlength=len(data.classes)).tolist() for name, split in splits.items()}
    dtype, low, high = (
        str(data.train.x.dtype).removeprefix("torch."),
        data.train.x.min().item(),
        data.train.x.max().item(),
    )
    saved = save_data(data, counts, save) if save is not None else []
    if as_json:
        facts = {
            "data": data.name, "shape": list(data.shape), "dtype": dtype, "range": [low, high],
            "fingerprint": data.fingerprint, "classes": list(data.classes), "features": list(data.features),
            "counts": counts, "saved": [str(path) for path in saved],
        }  # fmt: skip
        print(to_json(facts))
        return
    out = terminal.console()
    shape = "×".join(map(str, data.shape))
    out.print(t("data.shown", name=data.name, shape=shape, dtype=dtype, low=low, high=high))
    out.print(t("data.fingerprint", fingerprint=data.fingerprint), style=terminal.QUIET)
    out.print()
    out.print(terminal.counts(counts, data.classes))
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
        terminal.console().print(terminal.runs(found))
    else:
        print(t("runs.none", folder=runs_home()))


def runs_show(name: str, save: Path | None, as_json: bool) -> None:
    """``tiza runs show``."""
    from tiza import terminal
    from tiza.reports import Report
    from tiza.runs import find
    from tiza.storage import to_json

    run = find(name)
    report = Report.from_dict(run.report) if run.report else None
    saved: list[Path] = []
    if save is not None:
        if report is None:
            raise RequestError("no-report", where=str(run.path))
        saved = save_run(run, report, save)
    if as_json:
        plain = {"recipe": run.recipe.model_dump(mode="json"), "facts": run.facts.model_dump(mode="json")}
        print(to_json({**run.to_dict(), **plain, "report": run.report, "saved": [str(path) for path in saved]}))
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
    say_saved(saved)


def runs_delete(names: Sequence[str]) -> None:
    """``tiza runs delete``: all of them exist, or nothing is deleted."""
    from tiza.runs import find

    for run in [find(name) for name in names]:
        run.delete()
        print(t("runs.deleted", name=run.name))
