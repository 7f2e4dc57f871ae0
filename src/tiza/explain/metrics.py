"""Each metric of a confusion matrix as its formula, the numbers that go in, and what comes out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tiza.errors import RequestError
from tiza.i18n import number, t

# Numerator and denominator, each a sum of terms. The second of two classes is the positive one.
FORMULAS = {
    "accuracy": ("TP + TN", "TP + TN + FP + FN"),
    "precision": ("TP", "TP + FP"),
    "recall": ("TP", "TP + FN"),
    "specificity": ("TN", "TN + FP"),
    "f1": ("2·TP", "2·TP + FP + FN"),
    "type-1": ("FP", "FP + TN"),
    "type-2": ("FN", "FN + TP"),
}
PER_CLASS = ("precision", "recall", "f1")
NAME = r"[A-Za-z]\w*"  # of a symbol; a sum of them has Σ before it
SYMBOLS = {
    "TP": "symbol.tp",
    "TN": "symbol.tn",
    "precision": "metric.precision",
    "recall": "metric.recall",
    "f1": "metric.f1",
}


@dataclass(frozen=True)
class Metric:
    """One metric of all samples, or of the class ``of``: a ``formula`` over the symbols of ``inputs``, its ``result``.

    Where the formula is 0/0, ``defined`` is False and the result counts as 0, as in reports.
    """

    name: str
    of: str | None
    formula: str
    inputs: Mapping[str, float]
    result: float
    defined: bool

    def symbols(self) -> str:
        """The formula as the user's language writes it: true positives are VP in Spanish."""
        return re.sub(NAME, lambda found: t(SYMBOLS[found[0]]) if found[0] in SYMBOLS else found[0], self.formula)

    def numbers(self) -> str:
        """The formula with its inputs filled in."""
        return re.sub(f"Σ?{NAME}", lambda found: _filled(self.inputs[found[0]]), self.formula)


def metrics(confusion: Any, classes: Sequence[str] | None = None) -> list[Metric]:
    """Every metric of a C×C confusion matrix of counts, row = label, column = answer.

    Of two classes the second is the positive one: accuracy, precision, recall, specificity, F1 and the rates of errors
    of type I (false positives) and II. Then, for any number of classes, precision, recall and F1 of each, and their
    means over the classes that appear. ``classes`` names them, 0, 1, … by default. Raises :class:`TizaError` for what
    is no confusion matrix.
    """
    counts = _checked(confusion)
    names = [str(name) for name in (range(len(counts)) if classes is None else classes)]
    if len(names) != len(counts):
        raise RequestError("confusion-names", where="classes", n=len(names), classes=len(counts))
    each = [_inputs(counts, i) for i in range(len(counts))]
    if len(counts) == 2:
        found = [_metric(name, None, *FORMULAS[name], each[1]) for name in FORMULAS]
    else:
        right = {"ΣTP": int(counts.trace()), "N": int(counts.sum())}
        found = [_metric("accuracy", None, "ΣTP", "N", right)]
    for name in PER_CLASS:
        of_each = [_metric(name, one, *FORMULAS[name], inputs) for one, inputs in zip(names, each, strict=True)]
        present = [one.result for one, inputs in zip(of_each, each, strict=True) if sum(inputs.values()) > inputs["TN"]]
        means = {f"Σ{name}": float(sum(present)), "k": len(present)}
        found += [*of_each, _metric(f"{name}_macro", None, f"Σ{name}", "k", means)]
    return found


def _checked(confusion: Any) -> np.ndarray:
    """The counts as a square array of whole numbers."""
    try:
        counts = np.asarray(confusion)
        with np.errstate(invalid="ignore"):  # what is no number becomes another one, and is seen by that
            whole = counts.astype(np.int64)
        good = counts.ndim == 2 and counts.shape[0] == counts.shape[1] > 1 and (whole == counts).all()
    except (ValueError, TypeError, OverflowError):
        whole, good = np.zeros(0, np.int64), False
    if not good or whole.min() < 0 or whole.sum() == 0:
        raise RequestError("confusion", where="confusion", text=str(confusion)[:60])
    return whole


def _inputs(counts: np.ndarray, positive: int) -> dict[str, int]:
    """TP, FP, FN and TN when one class is the positive one and all others are negative."""
    tp = int(counts[positive, positive])
    fp, fn = int(counts[:, positive].sum()) - tp, int(counts[positive].sum()) - tp
    return {"TP": tp, "FP": fp, "FN": fn, "TN": int(counts.sum()) - tp - fp - fn}


def _metric(name: str, of: str | None, above: str, below: str, inputs: Mapping[str, float]) -> Metric:
    symbols = re.findall(f"Σ?{NAME}", f"{above} {below}")
    numerator, denominator = _sum(above, inputs), _sum(below, inputs)
    formula = " / ".join(f"({terms})" if "+" in terms else terms for terms in (above, below))
    used = {symbol: value for symbol, value in inputs.items() if symbol in symbols}
    return Metric(name, of, formula, used, numerator / denominator if denominator else 0.0, denominator != 0)


def _sum(terms: str, inputs: Mapping[str, float]) -> float:
    """The value of ``2·TP + FP``."""
    total = 0.0
    for term in terms.split(" + "):
        factor, _, symbol = term.rpartition("·")
        total += int(factor or 1) * inputs[symbol]
    return total


def _filled(value: float) -> str:
    return number(value, "," if isinstance(value, int) else ".4f")
