"""``tiza explain`` confused, calibration, robustness: where a model fails, as tables, JSON and pictures."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from tiza.cli.choosing import run_and_model
from tiza.cli.saving import tell, words_of
from tiza.i18n import number, t

if TYPE_CHECKING:
    from tiza.explain import Calibration, Cell, Confused, Robustness

PAIRS, SAMPLES = 10, 10  # shown in a table
MIDDLE = 3  # the severity that a sentence speaks of
SAID = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999)  # the thresholds that a table has


def confused(run: str, cell: str | None, split: str, model: str | None, save: Path | None, as_json: bool) -> None:
    """``tiza explain confused``."""
    from tiza import explain

    found, own = run_and_model(run, model)
    of = explain.confused(found, cell, split=split, model=own)
    words = words_of([run], {"--cell": (cell, None), "--split": (split, "valid"), "--model": (model, None)})
    tell("confused", words, of, lambda: _say_confused(of, run), of.to_dict(), save, as_json)


def _say_confused(of: "Confused", run: str) -> None:
    from tiza import terminal

    out, n = terminal.console(), int(of.confusion.sum())
    split = t(f"split.{of.split}")
    if not of.pairs:
        print(t("confused.none", n=n, split=split))
    else:
        out.print(t("confused.pairs", split=split, n=n, wrong=of.wrong), style="bold")
        rows = [
            (" ↔ ".join(pair.classes), *(number(count, ",") for count in (*pair.counts, sum(pair.counts))),
             terminal.accuracy({"accuracy": pair.share, "interval": pair.interval}))
            for pair in of.pairs[:PAIRS]
        ]  # fmt: skip
        out.print(terminal.plain_table((t("col.pair"), "→", "←", t("col.both"), t("col.share")), rows))
        if (rest := len(of.pairs) - PAIRS) > 0:
            out.print(t("confused.more", n=rest), style=terminal.QUIET)
    if of.cell is not None:
        print()
        _say_cell(of.cell, run, of.split)


def _say_cell(cell: "Cell", run: str, split: str) -> None:
    from tiza import terminal

    names, out = {"label": cell.label, "answer": cell.answer}, terminal.console()
    if not cell.n:
        print(t("confused.cell.none", **names, of=cell.of))
        return
    low, high = cell.interval
    said = t("confused.cell", **names, n=cell.n, of=cell.of, share=cell.share, low=low, high=high)
    out.print(said, style="bold")
    rows = [
        (str(i), number(p, ".2%"), number(q, ".2%"))
        for i, p, q in zip(cell.index[:SAMPLES], cell.probability, cell.label_probability, strict=False)
    ]
    out.print(terminal.plain_table((t("col.sample"), t("col.of-answer"), t("col.of-label")), rows))
    if (rest := cell.n - SAMPLES) > 0:
        out.print(t("confused.cell.more", n=rest), style=terminal.QUIET)
    print(
        t("confused.next", run=quote(run), index=int(cell.index[0]), split="" if split == "valid" else " --split train")
    )


def calibration(
    run: str, bins: int, wanted: float, split: str, model: str | None, save: Path | None, as_json: bool
) -> None:
    """``tiza explain calibration``."""
    from tiza import explain

    found, own = run_and_model(run, model)
    of = explain.calibration(found, bins=bins, wanted=wanted, split=split, model=own)
    given = {"--bins": (bins, 15), "--wanted": (wanted, 0.99), "--split": (split, "valid"), "--model": (model, None)}
    words = words_of([run], given)
    tell("calibration", words, of, lambda: _say_calibration(of), of.to_dict(), save, as_json)


def _say_calibration(of: "Calibration") -> None:
    """The bins, what they come to, and what answering only when sure gives."""
    from tiza import terminal

    out, bins = terminal.console(), of.width
    out.print(t("calibration.head", split=t(f"split.{of.split}"), n=of.n), style="bold")
    rows = [
        (f"{number(100 * a, '.1f')}–{number(b, '.1%')}", number(int(n), ","), number(sure, ".1%"),
         terminal.accuracy({"accuracy": right, "interval": (low, high)}))
        for a, b, n, sure, right, low, high in zip(
            bins.edges[:-1], bins.edges[1:], bins.n, bins.confidence, bins.accuracy, bins.low, bins.high, strict=True)
        if n
    ]  # fmt: skip
    out.print(terminal.plain_table((t("col.confidence"), "n", t("col.mean-confidence"), t("col.accuracy")), rows))
    out.print()
    for sentence in _judged(of):
        print(sentence)
    out.print()
    out.print(t("calibration.thresholds"), style="bold")
    rows = [
        (number(one.at, ".1%"), number(one.n, ","), number(one.coverage, ".1%"),
         "–" if one.accuracy is None else terminal.accuracy({"accuracy": one.accuracy, "interval": one.interval}))
        for one in of.thresholds if one.at in SAID
    ]  # fmt: skip
    out.print(terminal.plain_table((t("col.from"), "n", t("col.coverage"), t("col.accuracy")), rows))
    print(_enough(of))


def _judged(of: "Calibration") -> "Iterator[str]":
    """The errors of calibration in sentences."""
    (low, high), points = of.chance, 100 * (of.confidence - of.accuracy)
    yield t("calibration.error", error=of.width.error, count=of.count.error, low=low, high=high)
    if of.width.error <= high:
        yield t("calibration.within")
    else:
        yield t("calibration.over" if points > 0 else "calibration.under", points=abs(points))
    worst = of.width.largest
    gap, n = float(of.width.gaps[worst]), int(of.width.n[worst])
    yield t("calibration.largest", gap=gap, n=n, brier=of.brier, nll=of.nll)
    if of.temperature is None:
        yield t("calibration.no-temperature")
    else:
        yield t("calibration.temperature", **vars(of.temperature))


def _enough(of: "Calibration") -> str:
    """From which confidence on the wanted accuracy is reached."""
    found, wanted = of.enough, 100 * of.wanted
    if found is None:
        return t("calibration.never", wanted=wanted)
    low, high = found.interval
    told = {"wanted": wanted, "accuracy": found.accuracy, "low": low, "high": high}
    if found.at == 0:
        return t("calibration.always", **told)
    return t("calibration.enough", **told, at=found.at, coverage=found.coverage, n=found.n)


def robustness(
    run: str, kinds: list[str], samples: int, split: str, model: str | None, save: Path | None, as_json: bool
) -> None:
    """``tiza explain robustness``."""
    from tiza import explain, terminal

    found, own = run_and_model(run, model)
    with terminal.reading(t("robustness.progress")) as said:
        of = explain.robustness(found, kinds or None, samples=samples, split=split, model=own, said=said)
    given = {"--samples": (samples, 1_000), "--split": (split, "valid"), "--model": (model, None)}
    words = [*words_of([run], given), *(word for kind in kinds for word in ("--kind", kind))]
    tell("robustness", words, of, lambda: _say_robustness(of), of.to_dict(), save, as_json)


def _say_robustness(of: "Robustness") -> None:
    """A row of accuracies for each distortion, under it how much each severity is."""
    from rich.text import Text

    from tiza import terminal

    out = terminal.console()
    out.print(t("robustness.head", n=of.n, split=t(f"split.{of.split}")), style="bold")
    rows: list[Sequence[str | Text]] = []
    for curve in of.curves:
        rows.append((t(f"distortion.{curve.kind}"), *(number(share, ".1%") for share in curve.accuracy)))
        times = 100 if curve.unit == "share" else 1
        amounts = (t(f"distortion.{curve.unit}"), *(number(times * amount, "g") for amount in curve.amounts))
        rows.append([Text(text, style=terminal.QUIET) for text in amounts])
    heads = (t("col.distortion"), t("col.none"), *map(str, range(1, len(of.curves[0].amounts))))
    out.print(terminal.plain_table(heads, rows))
    out.print()
    worst = min(of.curves, key=lambda curve: curve.right[MIDDLE])
    (low, high), times = worst.intervals[MIDDLE], 100 if worst.unit == "share" else 1
    print(t("robustness.worst", kind=t(f"distortion.{worst.kind}"), clean=worst.accuracy[0], low=low, high=high,
            accuracy=worst.accuracy[MIDDLE], amount=number(times * worst.amounts[MIDDLE], "g"),
            unit=t(f"distortion.{worst.unit}")))  # fmt: skip
    widest = max(float(abs(curve.intervals - curve.accuracy[:, None]).max()) for curve in of.curves)
    print(t("robustness.sure", n=of.n, points=100 * widest))
