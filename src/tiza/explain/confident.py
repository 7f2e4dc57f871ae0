"""Confident learning: how often labels are wrong, and which probably are (Northcutt, Jiang & Chuang 2021).

Everything follows from the labels and from probabilities of a model that has not seen the samples. Shapes: N samples,
C classes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tiza.errors import RequestError

RANKS = ("margin", "self-confidence")


@dataclass(frozen=True)
class Confident:
    """What probabilities (N×C) say of labels (N).

    ``thresholds`` (C): the mean probability of each class over the samples that are labelled so; a sample counts as of
    a class where it has at least that. ``joint`` (C×C): how many samples labelled i (row) count as j (column);
    ``shares`` (C×C): the same as a distribution whose rows have the labels' shares. ``errors`` (K): which samples are
    probably labelled wrong, the likeliest first; ``suggested`` (K): the class that each probably has; ``scores`` (K):
    what they are ranked by, lower for likelier errors.
    """

    thresholds: np.ndarray
    joint: np.ndarray
    shares: np.ndarray
    errors: np.ndarray
    suggested: np.ndarray
    scores: np.ndarray

    @property
    def noise(self) -> np.ndarray:
        """How often a sample that is j is labelled i, (C×C): each column of ``shares`` divided by its sum."""
        sums = self.shares.sum(0, keepdims=True)
        return self.shares / np.where(sums > 0, sums, 1)

    @property
    def share(self) -> float:
        """The share of all labels that is estimated to be wrong."""
        return float(self.shares.sum() - np.trace(self.shares))


def confident(labels: Any, probabilities: Any, *, by: str = "margin") -> Confident:
    """The labels that are probably wrong, by probabilities (N×C) of models that did not learn from their samples.

    The confident joint gives how many samples labelled i are j. Errors are those that two ways of pruning both name
    (the paper's C+NR): of each pair i, j so many whose probability of j is the furthest above that of i; of each label
    so many whose own probability is the lowest. A sample whose label is the answer is none. ``by`` ranks them:
    ``margin`` (label's probability minus the largest other) or ``self-confidence`` (the label's probability). Raises
    :class:`TizaError` for what does not belong together.
    """
    y, p = np.asarray(labels), np.asarray(probabilities, np.float64)
    if p.ndim != 2 or p.shape[1] < 2 or y.shape != (len(p),) or not len(y) or y.dtype.kind not in "iu":
        shapes = " / ".join("×".join(map(str, part.shape)) or "–" for part in (y, p))
        raise RequestError("confident-shapes", where="labels, probabilities", shapes=shapes)
    if not np.isfinite(p).all() or y.min() < 0 or y.max() >= p.shape[1]:
        raise RequestError("confident-values", where="labels, probabilities", last=p.shape[1] - 1)
    check_rank(by)
    n, size = p.shape
    counts = np.bincount(y, minlength=size)
    thresholds = np.array([p[y == j, j].mean() if counts[j] else np.inf for j in range(size)])
    joint = _joint(y, p, thresholds)
    shares = joint / np.maximum(joint.sum(1, keepdims=True), 1) * counts[:, None] / n
    own, answers = p[np.arange(n), y], p.argmax(1)
    errors = np.flatnonzero(_by_rate(y, p, n * shares) & _by_class(y, own, n * shares) & (answers != y))
    others = np.where(np.eye(size, dtype=bool)[y], -np.inf, p).max(1)
    scores = (own - others if by == "margin" else own)[errors]
    order = np.argsort(scores, kind="stable")
    return Confident(thresholds, joint, shares, errors[order], answers[errors][order], scores[order])


def check_rank(by: str) -> None:
    """Raise :class:`TizaError` for what nothing can be ranked by."""
    if by not in RANKS:
        raise RequestError("confident-by", where="--by", by=by, names=", ".join(RANKS))


def _by_rate(labels: np.ndarray, p: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Pruned by noise rate, (N): of the samples labelled i so many, as are estimated to be j, by p(j) − p(i)."""
    found = np.zeros(len(labels), bool)
    for i, j in np.argwhere(~np.eye(len(counts), dtype=bool)).tolist():
        mine = np.flatnonzero(labels == i)
        found[mine[np.argsort(p[mine, i] - p[mine, j], kind="stable")[: round(counts[i, j])]]] = True
    return found


def _by_class(labels: np.ndarray, own: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Pruned by class, (N): of the samples labelled i so many, as are estimated to be another, by p(i)."""
    found = np.zeros(len(labels), bool)
    for i, most in enumerate(counts.sum(1) - counts.diagonal()):
        mine = np.flatnonzero(labels == i)
        found[mine[np.argsort(own[mine], kind="stable")[: round(most)]]] = True
    return found


def _joint(labels: np.ndarray, p: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Each sample counts as the likeliest of the classes whose threshold it reaches, or as none."""
    reached = np.where(p >= thresholds, p, -1.0)
    sure = reached.max(1) >= 0
    joint = np.zeros((p.shape[1], p.shape[1]), np.int64)
    np.add.at(joint, (labels[sure], reached.argmax(1)[sure]), 1)
    empty = np.flatnonzero((joint.sum(1) == 0) & (np.bincount(labels, minlength=len(joint)) > 0))
    joint[empty, empty] = np.bincount(labels, minlength=len(joint))[empty]  # nothing says that they are wrong
    return joint
