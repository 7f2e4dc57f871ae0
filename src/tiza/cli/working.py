"""``tiza explain steps`` and ``tiza explain neuron``: numbers worked one by one."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tiza.errors import RequestError
from tiza.i18n import number, t

if TYPE_CHECKING:
    import numpy as np

    from tiza.explain import Steps

LOGITS, LABELS = "2,0.5,0.1,-1.2;0.2,1.5,-0.5,0;-1,0,0.2,2", "2,0,3"  # document 003's three samples
X, WEIGHTS, BIAS = "1,2,3;0,1,0", "0.1,0.4;0.2,0.5;0.3,0.6", "1,-1"


def steps(
    run: str | None, index: int | None, logits: str | None, labels: str | None, split: str, as_json: bool
) -> None:
    """``tiza explain steps``: of a sample of a run, or of logits and labels."""
    from tiza import explain
    from tiza.storage import to_json

    if run is not None:
        if index is None:
            raise RequestError("missing-argument", where="SAMPLE", name=t("meta.index"), command="tiza explain steps")
        if logits is not None or labels is not None:
            raise RequestError("steps-of", where="--logits")
        if split not in ("train", "valid"):
            raise RequestError("answer-split", where="--split", split=split)
        _update(run, index, split, as_json)
        return
    if (logits is None) is not (labels is None):
        raise RequestError("steps-both", where="--labels" if labels is None else "--logits")
    classes = [int(n) for n in matrix(labels or LABELS, "--labels")[0]]
    found = explain.steps(matrix(logits or LOGITS, "--logits"), classes)
    if as_json:
        print(to_json(found.to_dict()))
        return
    names = [str(i) for i in range(found.logits.shape[1])]
    for i in range(len(found.labels)):
        _sample(found, i, names, t("steps.sample", n=i + 1) if len(found.labels) > 1 else "")
    if (n := len(found.labels)) > 1:
        losses = " + ".join(number(loss, ".4f") for loss in found.losses)
        print(t("steps.mean", losses=losses, n=n, loss=number(found.loss, ".4f")))
        print(t("steps.mean-gradient", n=n))
        rows = [(t("steps.sample", n=i + 1), *_cells(row)) for i, row in enumerate(found.mean_gradient)]
        _table(("", *names), rows)


def _update(run: str, index: int, split: str, as_json: bool) -> None:
    """A sample of a run, from its last layer to the loss after one update on it."""
    from tiza import explain, terminal
    from tiza.storage import to_json

    found = explain.update(run, index, split=split)
    if as_json:
        print(to_json(found.to_dict()))
        return
    out = terminal.console()
    c, j = found.largest
    name, label = found.classes[c], found.classes[int(found.steps.labels[0])]
    products = sorted(found.weights[c] * found.inputs, key=abs, reverse=True)
    shown, rest = products[:4], sum(products[4:])
    terms = " + ".join(_signed(value) for value in [*shown, *([rest] if len(products) > 4 else [])])
    out.print(t("steps.logit", layer=found.layer, name=name, n=len(products)), style="bold")
    result = number(found.steps.logits[0, c], ".4f")
    print(f"  z = {terms} + {_signed(found.bias[c])} = {result}")
    if len(products) > 4:
        out.print("  " + t("steps.rest", n=len(products) - 4), style=terminal.QUIET)
    print()
    _sample(found.steps, 0, found.classes, t("steps.of", index=index, split=t(f"split.{split}"), label=label))
    out.print(t("steps.weight", layer=found.layer, name=name, j=j), style="bold")
    slope, before, after = found.slopes[c, j], found.weights[c, j], found.moved[c, j]
    gradient, given = found.steps.gradient[0, c], found.inputs[j]
    print(f"  ∂J/∂w = (p − y) · h = {_signed(gradient)} · {_signed(given)} = {_signed(slope, 6)}")
    moved = t("steps.moved", optimizer=found.optimizer, lr=number(found.lr, "g"))
    print(f"  {moved}: w = {_signed(before, 6)} → {_signed(after, 6)}")
    print()
    print(t("steps.after", before=number(found.steps.loss, ".4f"), after=number(found.after.loss, ".4f")))


def _sample(found: "Steps", i: int, names: Sequence[str], title: str) -> None:
    """One sample's numbers, a row for each class."""
    from tiza import terminal

    out = terminal.console()
    if title:
        out.print(title, style="bold")
    columns = (found.logits, found.shifted, found.exponentials, found.probabilities)
    label = int(found.labels[i])
    rows = [
        (name, *_cells([column[i, c] for column in columns]), str(int(c == label)), number(found.gradient[i, c], ".4f"))
        for c, name in enumerate(names)
    ]
    _table((t("col.class"), "z", t("steps.shifted"), t("steps.exponential"), "p", "y", "p − y"), rows)
    print("  " + t("steps.sum", total=number(found.sums[i], ".4f")))
    p, loss = number(found.probabilities[i, label], ".4f"), number(found.losses[i], ".4f")
    print(f"  J = −ln p = −ln {p} = {loss}")
    print()


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


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from tiza import terminal

    terminal.console().print(terminal.plain_table(heads, rows))


def _matrix(values: "np.ndarray") -> None:
    cells = [[_short(value) for value in row] for row in values]
    width = max(len(cell) for row in cells for cell in row)
    for row in cells:
        print("  " + "  ".join(cell.rjust(width) for cell in row))


def _cells(values: Any) -> list[str]:
    return [number(float(value), ".4f") for value in values]


def _short(value: float) -> str:
    return number(round(float(value), 10), "g")


def _signed(value: float, digits: int = 4) -> str:
    """A term of a sum or product: negative ones in brackets."""
    text = number(float(value), f".{digits}f")
    return f"({text})" if text.startswith(("-", "−")) else text
