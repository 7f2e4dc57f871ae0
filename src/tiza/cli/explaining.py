"""``tiza explain metrics`` and ``tiza explain shapes``: call one public function and print what it returns."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from tiza.cli.choosing import chosen_model
from tiza.errors import RequestError
from tiza.i18n import number, t

if TYPE_CHECKING:
    from tiza.explain import Metric

MOST_CLASSES = 12  # of a matrix that is shown


def metrics(run: str | None, confusion: str | None, as_json: bool) -> None:
    """``tiza explain metrics``: of a run on test where it was opened, else on validation; or of a matrix given."""
    from tiza import explain
    from tiza.storage import to_json

    if run is not None and confusion is None:
        split, classes, counts = _confusion_of(run)
    elif confusion is not None and run is None:
        split, counts = None, _counts(confusion)
        classes = [str(i) for i in range(len(counts))]
    else:
        raise RequestError("metrics-of", where="--confusion")
    found = explain.metrics(counts, classes)
    if as_json:
        plain = {"split": split, "classes": classes, "confusion": counts}
        print(to_json(plain | {"metrics": [asdict(metric) for metric in found]}))
        return
    n = sum(map(sum, counts))
    _say_confusion(
        counts, classes, t("metrics.of", split=t(f"split.{split}"), n=n) if split else t("metrics.given", n=n)
    )
    _say_metrics(found)


def _confusion_of(run: str) -> tuple[str, list[str], list[list[int]]]:
    from tiza.runs import find

    folder = find(run)
    report = folder.report
    if report is None:
        raise RequestError("no-report", where=str(folder.path))
    split = "test" if report["test"] else "valid"
    return split, report["classes"], report[split]["confusion"]


def _counts(text: str) -> list[list[int]]:
    """The matrix written as ``50,3;4,43``."""
    try:
        return [[int(cell) for cell in row.split(",")] for row in text.strip().strip(";").split(";")]
    except ValueError:
        raise RequestError("confusion", where="--confusion", text=text) from None


def _say_confusion(counts: Sequence[Sequence[int]], classes: Sequence[str], title: str) -> None:
    from tiza import terminal

    out, cells = terminal.console(), [[number(n, ",") for n in row] for row in counts]
    if two := len(classes) == 2:
        names = ("symbol.tn", "symbol.fp"), ("symbol.fn", "symbol.tp")
        cells = [[f"{t(name)} = {n}" for name, n in zip(*pair, strict=True)] for pair in zip(names, cells, strict=True)]
    out.print(title, style="bold")
    if len(classes) <= MOST_CLASSES:
        rows = [(name, *row) for name, row in zip(classes, cells, strict=True)]
        out.print(terminal.plain_table(("", *classes), rows))
    if two:
        out.print(t("metrics.binary", positive=classes[1]), style=terminal.QUIET)


def _say_metrics(found: "Sequence[Metric]") -> None:
    """Each metric with its formula, and below it the numbers, of all samples or class by class."""
    from rich.text import Text

    from tiza import terminal

    out, each = terminal.console(), False
    for name, group in groupby(found, lambda metric: metric.name):
        same = list(group)
        if same[0].of is not None and not each:
            out.print()
            out.print(t("metrics.each"), style=terminal.QUIET)
            each = True
        results = [number(one.result, ".4f") if one.defined else t("metrics.undefined") for one in same]
        rows = [(f"  {one.of or ''}", one.numbers(), f"= {said}") for one, said in zip(same, results, strict=True)]
        shown = terminal.plain_table(("", "", ""), rows, left=3)
        shown.show_header = False
        out.print()
        out.print(Text.assemble((t(f"metric.{name}"), "bold"), f" = {same[0].symbols()}"))
        out.print(shown)


def shapes(
    model: str | None, size: str | None, classes: int | None, choices: list[str], example: bool, as_json: bool
) -> None:
    """``tiza explain shapes``."""
    from tiza import explain, terminal
    from tiza.storage import to_json

    if example:
        _example(as_json)
        return
    if model is None:
        raise RequestError("missing-argument", where="MODEL", name=t("meta.model"), command="tiza explain shapes")
    body, shape = chosen_model(model, size, classes, choices, command="tiza explain shapes")
    rows = explain.shapes(body, shape)
    parameters, work = sum(p.numel() for p in body.parameters()), sum(row.multiply_adds for row in rows)
    if as_json:
        layers = [asdict(row) | {"values": row.values} for row in rows]
        totals = {"parameters": parameters, "multiply_adds": work}
        print(to_json({"model": model, "input": shape, "layers": layers, **totals}))
        return
    out = terminal.console()
    lines = [
        (row.name, row.type, _by(row.before), _by(row.after),
         *(number(n, ",") for n in (row.values, row.parameters, row.multiply_adds)))
        for row in rows
    ]  # fmt: skip
    lines.append((t("col.all"), "", "", "", "", number(parameters, ","), number(work, ",")))
    heads = ("col.layer", "col.type", "col.in", "col.out", "col.values", "col.parameters", "col.multiply-adds")
    out.print(terminal.plain_table([t(key) for key in heads], lines, left=2))
    formulas = [(row.name, row.formula) for row in rows if row.formula]
    if formulas:
        out.print()
        out.print(t("shapes.formula"), style=terminal.QUIET)
        out.print(terminal.plain_table((t("col.layer"), t("col.formula")), formulas, left=2))


def _by(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


def _example(as_json: bool) -> None:
    """A kernel of 2×2 over a picture of 3×3, and the sizes that paddings and strides make of it."""
    from tiza import explain, terminal
    from tiza.storage import to_json

    image, kernel = [[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0, 1], [2, 3]]
    found = explain.convolve(image, kernel)
    sizes: list[dict[str, Any]] = []
    ways: tuple[tuple[Literal["valid", "same", "full"], int], ...]
    ways = (("valid", 1), ("same", 1), ("full", 1), ("valid", 2))
    for padding, stride in ways:
        one = explain.convolve(image, kernel, padding=padding, stride=stride)
        before, after = len(one.padded) - len(image), len(one.result)
        formula = explain.size_formula(len(image), len(kernel), stride, 1, before, after)
        sizes.append({"padding": padding, "stride": stride, "formula": formula, "result": one.result})
    if as_json:
        print(to_json(asdict(found) | {"sizes": sizes}))
        return
    out = terminal.console()
    for key, matrix in (("image", image), ("kernel", kernel), ("result", found.result)):
        out.print(t(f"convolve.{key}"), style="bold")
        for row in matrix:
            print("  " + " ".join(f"{number(value, 'g'):>3}" for value in row))
    print()
    for line in (cell for row in found.worked for cell in row):
        print(f"  {line}")
    print()
    print(t("convolve.cross-correlation"))
    print()
    rows = [(one["padding"], str(one["stride"]), one["formula"]) for one in sizes]
    out.print(terminal.plain_table((t("col.padding"), t("col.stride"), t("col.size")), rows, left=3))
