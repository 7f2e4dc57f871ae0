"""What is measured of a model's answers: sums over samples that any leading trial axis runs through for free.

Shapes: T trials, N samples, C classes; ``...`` is the trial axis, present or not.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from tiza.data.seal import Split
from tiza.registry import register, table

BINS = 15  # of the calibration error, as in Guo et al. 2017
MEASURED = 250  # samples at once
Logits = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Tally:
    """The sums from which every metric follows; two tallies of different samples add up.

    ``n`` samples; ``loss`` (...) the summed cross-entropy; ``confusion`` (..., C, C) counts, row = label, column =
    answer; ``bins`` (..., 3, BINS): samples, right answers and summed confidence by confidence.
    """

    n: int
    loss: Tensor
    confusion: Tensor
    bins: Tensor

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.n + other.n, self.loss + other.loss, self.confusion + other.confusion, self.bins + other.bins)


def tally(logits: Tensor, labels: Tensor) -> Tally:
    """The tally of ``logits`` (..., N, C) against ``labels``, (N) or (..., N)."""
    *trials, n, classes = logits.shape
    labels = labels.expand(*trials, n)
    log_p = F.log_softmax(logits, -1).double()
    loss = -log_p.gather(-1, labels[..., None])[..., 0].sum(-1)
    best, answers = log_p.max(-1)
    confusion = _count(labels * classes + answers, classes * classes).unflatten(-1, (classes, classes))
    confidence = best.exp()
    bin_ = (confidence * BINS).ceil().long().clamp(1, BINS) - 1
    bins = [_count(bin_, BINS, weight) for weight in (None, (answers == labels).double(), confidence)]
    return Tally(n, loss, confusion, torch.stack([b.double() for b in bins], -2))


def _count(keys: Tensor, size: int, weight: Tensor | None = None) -> Tensor:
    """How often (or with what weight) each key of 0 … size − 1 stands in the last axis."""
    counts = torch.zeros(*keys.shape[:-1], size, dtype=torch.float64 if weight is not None else torch.long)
    ones = torch.ones_like(keys) if weight is None else weight
    return counts.to(keys.device).scatter_add_(-1, keys, ones)


def measure(logits: Logits, split: Split, *, batch: int = MEASURED) -> Tally:
    """The tally of a whole split; ``logits`` maps samples to (..., N, C), in eval mode."""
    parts = (tally(logits(x), y) for x, y in zip(split.x.split(batch), split.y.split(batch), strict=True))
    total = next(parts)
    for part in parts:
        total = total + part
    return total


@register("metric", "loss")
def loss(t: Tally) -> Tensor:
    """Mean cross-entropy, in nats."""
    return t.loss / t.n


@register("metric", "accuracy")
def accuracy(t: Tally) -> Tensor:
    """Share of right answers."""
    return t.confusion.diagonal(dim1=-2, dim2=-1).sum(-1).double() / t.n


@register("metric", "f1_macro")
def f1_macro(t: Tally) -> Tensor:
    """Mean F1 over the classes that appear as label or answer; an undefined precision or recall counts as 0."""
    return _over_present(per_class(t)["f1"], t)


@register("metric", "precision_macro")
def precision_macro(t: Tally) -> Tensor:
    """Mean precision over the classes that appear."""
    return _over_present(per_class(t)["precision"], t)


@register("metric", "recall_macro")
def recall_macro(t: Tally) -> Tensor:
    """Mean recall over the classes that appear."""
    return _over_present(per_class(t)["recall"], t)


@register("metric", "calibration_error")
def calibration_error(t: Tally) -> Tensor:
    """Expected calibration error: mean distance of confidence and accuracy over 15 equal bins (Guo et al. 2017)."""
    _, right, confidence = t.bins.unbind(-2)
    return (right - confidence).abs().sum(-1) / t.n


def per_class(t: Tally) -> dict[str, Tensor]:
    """Precision TP/(TP+FP), recall TP/(TP+FN) and F1 2TP/(2TP+FP+FN) of every class, (..., C)."""
    hits = t.confusion.diagonal(dim1=-2, dim2=-1).double()
    labelled, answered = t.confusion.sum(-1).double(), t.confusion.sum(-2).double()
    return {
        "precision": hits / answered.clamp(min=1),
        "recall": hits / labelled.clamp(min=1),
        "f1": 2 * hits / (labelled + answered).clamp(min=1),
    }


def _over_present(values: Tensor, t: Tally) -> Tensor:
    present = (t.confusion.sum(-1) + t.confusion.sum(-2)) > 0
    return (values * present).sum(-1) / present.sum(-1)


def summary(t: Tally, *names: str) -> dict[str, Any]:
    """The metrics called ``names`` (all, if none), as numbers or lists over trials, with ``n``."""
    chosen = names or tuple(table("metric"))
    return {"n": t.n} | {name: table("metric")[name].function(t).tolist() for name in chosen}


def majority(known: Tensor, labels: Tensor) -> tuple[int, float]:
    """The most frequent of the ``known`` labels, and the share of ``labels`` that answering it always gets right.

    That is scikit-learn's ``DummyClassifier(strategy="most_frequent")``.
    """
    common = int(known.bincount().argmax())
    return common, float((labels == common).double().mean())


def student(values: Any) -> tuple[Any, Any, Any]:
    """Mean of N ≥ 2 ``values`` (N, …) and the ends of its 95 % interval (Student 1908)."""
    from scipy import stats

    values = np.asarray(values, float)
    mean, error = values.mean(0), values.std(0, ddof=1) / len(values) ** 0.5
    # Not stats.t.interval: it has no numbers where all values are equal.
    half = stats.t.ppf(0.975, len(values) - 1) * error
    return mean, mean - half, mean + half


def wilson(right: int, n: int, *, z: float = 1.959963984540054) -> tuple[float, float]:
    """The interval of a share that ``right`` of ``n`` allow, at 95 % by default (Wilson 1927)."""
    if n == 0:
        return (0.0, 1.0)
    share = right / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half)))  # the share may be 0 or 1
