"""Whether a model's confidence is the share of its answers that are right, and what it is worth to leave some out.

The confidence of an answer is its probability. Shapes: N samples, C classes, B bins.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, logsumexp
from torch import nn

from tiza import runs
from tiza.data.dataset import stratified
from tiza.errors import RequestError
from tiza.explain.answering import answered
from tiza.metrics import BINS, wilson
from tiza.storage import finite

MOST_BINS = 100
DRAWS = 200  # of a calibrated model's right answers
THRESHOLDS = np.unique(np.append(np.arange(101) / 100, [0.995, 0.999]))
TEMPERATURES = (0.05, 20.0)  # between which one is looked for


@dataclass(frozen=True)
class Bins:
    """Answers by their confidence: B bins between ``edges`` (B+1), each with its upper edge and without its lower one.

    ``n`` (B) answers, their mean ``confidence`` (B) and ``accuracy`` (B) with Wilson's 95 % interval ``low``–``high``
    (B); NaN in a bin that has none.
    """

    edges: np.ndarray
    n: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error: the mean distance of accuracy and confidence (Guo et al. 2017)."""
        return float(np.nansum(self.n * self.gaps) / self.n.sum())

    @property
    def largest(self) -> int:
        """The bin where they are furthest apart; the maximum calibration error is its gap."""
        return int(np.nanargmax(self.gaps))

    @property
    def gaps(self) -> np.ndarray:
        """The distance in each bin, (B)."""
        return np.abs(self.accuracy - self.confidence)

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it; None for NaN."""
        plain = finite({name: values.tolist() for name, values in vars(self).items()})
        return plain | {"expected_error": self.error, "maximum_error": float(self.gaps[self.largest])}


@dataclass(frozen=True)
class Temperature:
    """What divides the logits of one half of the samples so that their NLL is lowest (Guo et al. 2017).

    On the ``n`` samples of the other half: expected calibration error and NLL, ``before`` and ``after``. No answer
    changes.
    """

    temperature: float
    n: int
    error_before: float
    error_after: float
    nll_before: float
    nll_after: float


@dataclass(frozen=True)
class Threshold:
    """Answers only with at least the confidence ``at``: ``n`` of the samples, a share ``coverage`` of them.

    ``accuracy``: of those that are answered, with Wilson's 95 % ``interval``; None where none is.
    """

    at: float
    n: int
    coverage: float
    accuracy: float | None
    interval: tuple[float, float]


@dataclass(frozen=True)
class Calibration:
    """Confidence against accuracy on ``n`` samples of a split, in bins of equal ``width`` and of equal ``count``.

    ``confidence``, ``accuracy``: their means over all. ``chance``: between which expected errors 90 % of models lie
    that are as sure as this one and perfectly calibrated, in bins of equal width. ``brier``: Σ (p − y)² over the
    classes, from 0 to 2 (Brier 1950); ``nll``: mean cross-entropy, in nats. ``thresholds``: what answering only above
    a confidence gives; ``enough``: the lowest that gives the accuracy ``wanted``, None if none does. ``temperature`` is
    None where the half that it is fitted to has no error.
    """

    split: str
    n: int
    confidence: float
    accuracy: float
    width: Bins
    count: Bins
    chance: tuple[float, float]
    brier: float
    nll: float
    temperature: Temperature | None
    thresholds: tuple[Threshold, ...]
    wanted: float
    enough: Threshold | None

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it."""
        plain = vars(self) | {"width": self.width.to_dict(), "count": self.count.to_dict()}
        plain["temperature"] = None if self.temperature is None else vars(self.temperature)
        plain["enough"] = None if self.enough is None else vars(self.enough)
        return plain | {"thresholds": [vars(one) for one in self.thresholds]}


def calibration(
    of: "str | Path | runs.Run | nn.Module", *, bins: int = BINS, wanted: float = 0.99, split: str = "valid",
    data: Any = None, model: nn.Module | None = None, seed: int = 0,
) -> Calibration:  # fmt: skip
    """Confidence against accuracy of a run, or of a module with its ``data``, on validation (or train).

    ``bins``: how many; ``wanted``: the accuracy for which a threshold is looked for; ``seed``: of the two halves and of
    the draws. Raises :class:`TizaError` for numbers out of range.
    """
    if not 2 <= bins <= MOST_BINS:
        raise RequestError("calibration-bins", where="--bins", n=bins, most=MOST_BINS)
    if not 0 < wanted <= 1:
        raise RequestError("calibration-wanted", where="--wanted", value=wanted)
    found = answered(of, split, data=data, model=model)
    p, labels = found.probabilities, found.labels
    confidence, right = p.max(1), found.answers == labels
    edges = np.linspace(0, 1, bins + 1)
    thresholds = tuple(_above(confidence, right, at) for at in THRESHOLDS.tolist())
    return Calibration(
        split, len(labels), float(confidence.mean()), float(right.mean()), binned(confidence, right, edges),
        binned(confidence, right, np.quantile(confidence, edges)), _chance(confidence, edges, seed),
        float(((p - np.eye(p.shape[1])[labels]) ** 2).sum(1).mean()), _nll(found.logits, labels),
        _temperature(found.logits, labels, edges, seed), thresholds, wanted, _enough(confidence, right, wanted),
    )  # fmt: skip


def binned(confidence: np.ndarray, right: np.ndarray, edges: np.ndarray) -> Bins:
    """The answers, of ``confidence`` (N) and ``right`` or not (N), in the bins between ``edges`` (B+1)."""
    at, size = np.searchsorted(edges[1:-1], confidence), len(edges) - 1
    n, hits, sums = (np.bincount(at, weight, size) for weight in (None, right, confidence))
    ends = np.array([wilson(int(k), int(of)) if of else (np.nan, np.nan) for k, of in zip(hits, n, strict=True)])
    some = np.where(n, n, np.nan)
    return Bins(edges, n, sums / some, hits / some, ends[:, 0], ends[:, 1])


def _chance(confidence: np.ndarray, edges: np.ndarray, seed: int) -> tuple[float, float]:
    """The expected errors that chance alone gives a calibrated model (Bröcker & Smith 2007): 5th and 95th of 100."""
    rng, n, at = np.random.default_rng(seed), len(confidence), np.searchsorted(edges[1:-1], confidence)
    drawn = ((rng.random(n) < confidence) - confidence for _ in range(DRAWS))
    errors = [np.abs(np.bincount(at, gap)).sum() / n for gap in drawn]
    low, high = np.quantile(errors, (0.05, 0.95))
    return float(low), float(high)


def _nll(logits: np.ndarray, labels: np.ndarray) -> float:
    return float(-log_softmax(logits, 1)[np.arange(len(labels)), labels].mean())


def _temperature(logits: np.ndarray, labels: np.ndarray, edges: np.ndarray, seed: int) -> Temperature | None:
    """Fitted to one half of the samples, each class with its share, and measured on the other."""
    half = np.zeros(len(labels), bool)
    half[stratified(labels, len(labels) // 2, seed)] = True
    if (logits[half].argmax(1) == labels[half]).all():  # the lower, the better, without end
        return None
    fitted: Any = minimize_scalar(
        lambda log: _nll(logits[half] / np.exp(log), labels[half]), bounds=np.log(TEMPERATURES).tolist(),
        method="bounded", options={"xatol": 1e-6},
    )  # fmt: skip
    found = float(np.exp(fitted.x))
    z, y = logits[~half], labels[~half]
    before, after = (_error(scaled, y, edges) for scaled in (z, z / found))
    return Temperature(found, len(y), before, after, _nll(z, y), _nll(z / found, y))


def _error(logits: np.ndarray, labels: np.ndarray, edges: np.ndarray) -> float:
    confidence = np.exp(logits.max(1) - logsumexp(logits, 1))
    return binned(confidence, logits.argmax(1) == labels, edges).error


def _above(confidence: np.ndarray, right: np.ndarray, at: float) -> Threshold:
    chosen = right[confidence >= at]
    n, hits = len(chosen), int(chosen.sum())
    return Threshold(at, n, n / len(right), hits / n if n else None, wilson(hits, n))


def _enough(confidence: np.ndarray, right: np.ndarray, wanted: float) -> Threshold | None:
    """The threshold that answers most samples with the accuracy wanted; equal confidences are answered together."""
    order = np.argsort(-confidence, kind="stable")
    falling, n = confidence[order], len(right)
    accuracy = np.cumsum(right[order]) / np.arange(1, n + 1)
    last = np.append(falling[1:] < falling[:-1], True)
    places = np.flatnonzero(last & (accuracy >= wanted))
    if not len(places):
        return None
    return _above(confidence, right, 0.0 if places[-1] == n - 1 else float(falling[places[-1]]))
