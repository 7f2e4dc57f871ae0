"""``tiza explain steps`` and ``tiza explain neuron``: numbers worked one by one."""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiza.errors import RequestError
from tiza.i18n import number, t

if TYPE_CHECKING:
    import numpy as np

    from tiza.explain import Number, Sheet, Steps, Trace

LOGITS, LABELS = "2,0.5,0.1,-1.2;0.2,1.5,-0.5,0;-1,0,0.2,2", "2,0,3"  # document 003's three samples
X, WEIGHTS, BIAS = "1,2,3;0,1,0", "0.1,0.4;0.2,0.5;0.3,0.6", "1,-1"


def steps(
    run: str | None, index: int | None, logits: str | None, labels: str | None, split: str, layer: str | None,
    unit: int | None, at: str | None, save: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """``tiza explain steps``: of a sample of a run, or of logits and labels."""
    from tiza import explain

    if run is not None:
        if index is None:
            raise RequestError("missing-argument", where="SAMPLE", name=t("meta.index"), command="tiza explain steps")
        if logits is not None or labels is not None:
            raise RequestError("steps-of", where="--logits")
        place = None if at is None else _whole(matrix(at, "--at")[0])
        of = explain.trace(run, index, split=split, layer=layer, unit=unit, at=place)
        _told(of, of.to_dict(), save, as_json)
        return
    if (logits is None) is not (labels is None):
        raise RequestError("steps-both", where="--labels" if labels is None else "--logits")
    for name, given in (("--layer", layer), ("--unit", unit), ("--at", at)):
        if given is not None:
            raise RequestError("steps-no-run", where=name)
    classes = _whole(matrix(labels or LABELS, "--labels")[0])
    found = explain.steps(matrix(logits or LOGITS, "--logits"), classes)
    _told(found, found.to_dict(), save, as_json)


def _told(of: "Steps | Trace", numbers: dict[str, Any], save: Path | None, as_json: bool) -> None:
    """The sheet written where it is asked for; its answers, or the numbers as JSON."""
    from tiza import explain
    from tiza.cli.saving import say_saved
    from tiza.storage import to_json

    sheet = explain.sheet(of)
    saved = explain.save_sheet(sheet, save) if save is not None else []
    if as_json:
        print(to_json({**numbers, "saved": [str(path) for path in saved]}))
        return
    if isinstance(of, explain.Steps):
        _logits(of)
    else:
        _sheet(sheet)
    say_saved(saved)


def _sheet(of: "Sheet") -> None:
    """A sheet with its answers, as text."""
    from tiza import explain, terminal

    out = terminal.console()
    out.print(of.title, style="bold")
    for fact in of.facts:
        print(textwrap.fill(fact, 80))
    for section in of.sections:
        print()
        out.print(section.title, style="bold")
        grids: list[list[str]] = []
        for block in section.blocks:
            if isinstance(block, explain.Table) and block.grid:
                grids.append([block.caption, *_aligned([[*map(_text, row)] for row in block.rows])])
                continue
            _beside(grids)
            if isinstance(block, str):
                print(textwrap.fill(block, 80, initial_indent="  ", subsequent_indent="  "))
            elif isinstance(block, explain.Line):
                print(textwrap.fill(block.text, 80, initial_indent="  ", subsequent_indent="    "))
            else:
                rows = [["  " + _text(row[0]), *map(_text, row[1:])] for row in block.rows]
                _table(["  " + block.heads[0], *block.heads[1:]], rows)


def _beside(grids: list[list[str]]) -> None:
    """Print what was gathered, three beside each other where they have room, and forget it."""
    widths = [max(map(len, grid)) for grid in grids]
    for first in range(0, len(grids), 3):
        some, width = grids[first : first + 3], widths[first : first + 3]
        if sum(width) + 3 * len(some) > 80:
            print(*("  " + line for grid in some for line in grid), sep="\n")
        else:
            for lines in zip(*some, strict=True):
                print("  " + "   ".join(map(str.ljust, lines, width)).rstrip())
    grids.clear()


def _text(of: "str | Number") -> str:
    return of if isinstance(of, str) else of.text


def _logits(found: "Steps") -> None:
    """Softmax, loss and gradient of each sample, and of their mean."""
    names, n = [str(i) for i in range(found.logits.shape[1])], len(found.labels)
    for i in range(n):
        _sample(found, i, names, t("steps.sample", n=i + 1) if n > 1 else "")
    if n > 1:
        losses = " + ".join(_cell(loss) for loss in found.losses)
        print(t("steps.mean", losses=losses, n=n, loss=_cell(found.loss)))
        print(t("steps.mean-gradient", n=n))
        rows = [(t("steps.sample", n=i + 1), *map(_cell, row)) for i, row in enumerate(found.mean_gradient)]
        _table(("", *names), rows)


def _sample(found: "Steps", i: int, names: Sequence[str], title: str) -> None:
    """One sample's numbers, a row for each class."""
    from tiza import terminal

    if title:
        terminal.console().print(title, style="bold")
    columns = (found.logits, found.shifted, found.exponentials)
    label = int(found.labels[i])
    rows = [
        (
            name,
            *(_cell(column[i, c]) for column in columns),
            _cell(found.probabilities[i, c], near_one=True),
            str(int(c == label)),
            _cell(found.gradient[i, c]),
        )
        for c, name in enumerate(names)
    ]
    _table((t("col.class"), "z", t("steps.shifted"), t("steps.exponential"), "p", "y", "p − y"), rows)
    print("  " + t("steps.sum", total=_cell(found.sums[i])))
    p = _cell(found.probabilities[i, label], near_one=True)
    print(f"  J = −ln p = −ln {p} = {_cell(found.losses[i])}")
    print()


def _cell(value: float, *, near_one: bool = False) -> str:
    """Four decimals; where that leaves less than two digits of it, or of what is missing to 1, as many that count."""
    from tiza.explain import written

    small = 0 < abs(value) < 0.01 or (near_one and value > 0.99)
    return written(float(value), 4, near_one=near_one).text if small else number(float(value), ".4f").replace("-", "−")


def neuron(x: str, weights: str, bias: str, as_json: bool) -> None:
    """``tiza explain neuron``: X·W + b, with broadcasting."""
    from tiza import explain, terminal
    from tiza.storage import to_json

    found = explain.neuron(matrix(x, "--x"), matrix(weights, "--weights"), matrix(bias, "--bias")[0])
    if as_json:
        print(to_json({name: values.tolist() for name, values in asdict(found).items()}))
        return
    out = terminal.console()
    n, units = found.outputs.shape
    for name, values in (("X", found.x), ("W", found.weights), ("b", found.bias[None])):
        out.print(f"{name} ({'×'.join(map(str, values.shape if name != 'b' else values.shape[1:]))})", style="bold")
        _matrix(values)
    first = " + ".join(f"{_short(a)}·{_short(b)}" for a, b in zip(found.x[0], found.weights[:, 0], strict=True))
    out.print(f"X·W ({n}×{units})", style="bold")
    print(f"  {t('neuron.first')}: {first} = {_short(found.sums[0, 0])}")
    _matrix(found.sums)
    out.print(f"X·W + b ({n}×{units})", style="bold")
    print(f"  {t('neuron.broadcast', units=units, n=n)}")
    _matrix(found.outputs)
    print(t("neuron.mean"))
    print("  [True, False, True, True] → [1, 0, 1, 1] → (1 + 0 + 1 + 1) / 4 = " + number(0.75, ".2f"))


def matrix(text: str, where: str) -> list[list[float]]:
    """Numbers between commas, rows between semicolons; or JSON."""
    try:
        values = json.loads(text) if text.strip().startswith("[") else [row.split(",") for row in text.split(";")]
        rows: list[Any] = values if isinstance(values[0], list) else [values]
        found = [[float(value) for value in row] for row in rows]
    except (ValueError, TypeError, IndexError):
        raise RequestError("numbers", where=where, text=text) from None
    if len({len(row) for row in found}) != 1:
        raise RequestError("numbers", where=where, text=text)
    return found


def _whole(values: Sequence[float]) -> list[Any]:
    """Whole numbers as such; others are left to whoever does not want them."""
    return [int(value) if value.is_integer() else value for value in values]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from tiza import terminal

    terminal.console().print(terminal.plain_table(heads, rows))


def _matrix(values: "np.ndarray") -> None:
    print(*("  " + line for line in _aligned([[_short(value) for value in row] for row in values])), sep="\n")


def _aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    width = max(len(cell) for row in cells for cell in row)
    return ["  ".join(cell.rjust(width) for cell in row) for row in cells]


def _short(value: float) -> str:
    return number(round(float(value), 10), "g")
