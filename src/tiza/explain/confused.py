"""Which classes a model takes for each other, and the samples of one cell of its confusion matrix."""

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from tiza import runs
from tiza.errors import RequestError, unknown
from tiza.explain.answering import Answered, answered
from tiza.metrics import wilson

KEPT = 30  # samples of a cell that come with the answer


@dataclass(frozen=True)
class Pair:
    """Two classes that are taken for each other.

    ``counts``: how many samples of the first are answered as the second, and of the second as the first; ``n``: how
    many samples the two have. ``share``: of those that are taken for the other, with Wilson's 95 % ``interval``.
    """

    classes: tuple[str, str]
    counts: tuple[int, int]
    n: int
    share: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix: the samples of class ``label`` that are answered as ``answer``, the surest first.

    ``n`` of the label's ``of``, as a ``share`` with its ``interval``. ``index`` (n): where they stand in the split;
    ``probability`` (n): of the answer; ``label_probability`` (n): of the label. ``samples``: the first 30 of them,
    uint8 K×C×H×W or float32 K×F.
    """

    label: str
    answer: str
    of: int
    share: float
    interval: tuple[float, float]
    index: np.ndarray
    probability: np.ndarray
    label_probability: np.ndarray
    samples: np.ndarray

    @property
    def n(self) -> int:
        """How many samples it has."""
        return len(self.index)


@dataclass(frozen=True)
class Confused:
    """The ``confusion`` (C×C; row = label, column = answer) on a split, its ``pairs`` by their errors, and one cell.

    ``cell`` is None where nothing is wrong, and on test, whose samples are not for looking at.
    """

    split: str
    classes: tuple[str, ...]
    confusion: np.ndarray
    pairs: tuple[Pair, ...]
    cell: Cell | None

    @property
    def wrong(self) -> int:
        """How many samples are answered wrong."""
        return int(self.confusion.sum() - np.trace(self.confusion))

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it."""
        pairs = [vars(pair) for pair in self.pairs]
        cell = None
        if self.cell is not None:
            of = self.cell
            columns = (of.index, of.probability, of.label_probability)
            rows = [
                {"index": int(i), "probability": float(p), "label_probability": float(q)}
                for i, p, q in zip(*columns, strict=True)
            ]
            cell = {"label": of.label, "answer": of.answer, "n": of.n, "of": of.of, "share": of.share,
                    "interval": of.interval, "samples": rows}  # fmt: skip
        return {
            "split": self.split, "n": int(self.confusion.sum()), "wrong": self.wrong, "classes": self.classes,
            "confusion": self.confusion.tolist(), "pairs": pairs, "cell": cell,
        }  # fmt: skip


def confused(
    of: "str | Path | runs.Run | nn.Module", cell: str | tuple[str, str] | None = None, *, split: str = "valid",
    data: Any = None, model: nn.Module | None = None,
) -> Confused:  # fmt: skip
    """The pairs of classes that are taken for each other most, in both directions, and the samples of one cell.

    ``of``: a run, or a module with its ``data``; ``cell``: the label and the answer, also as a text with a comma
    between, by default the largest cell of wrong answers. ``split``: ``valid`` or ``train``; ``test`` only where the
    run's report has opened it, from that report and without samples. Raises :class:`TizaError` for a cell or a split
    that is none.
    """
    if split == "test":
        return _of_report(of, cell)
    found = answered(of, split, data=data, model=model)
    classes = found.data.classes
    counts = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(counts, (found.labels, found.answers), 1)
    at = _largest(counts) if cell is None else _place(cell, classes)
    return Confused(split, classes, counts, _pairs(counts, classes), None if at is None else _cell(found, counts, *at))


def _of_report(of: Any, cell: Any) -> Confused:
    """The pairs on test, as a report has them."""
    report = None if isinstance(of, nn.Module) else runs.find(of).report
    if report is None or report["test"] is None:
        raise RequestError("confused-sealed", where="--split")
    if cell is not None:
        raise RequestError("confused-test-cell", where="--cell")
    counts, classes = np.array(report["test"]["confusion"]), tuple(report["classes"])
    return Confused("test", classes, counts, _pairs(counts, classes), None)


def _pairs(counts: np.ndarray, classes: tuple[str, ...]) -> tuple[Pair, ...]:
    """Those with an error, the most errors first."""
    samples, found = counts.sum(1), []
    for i, j in combinations(range(len(classes)), 2):
        both, n = int(counts[i, j] + counts[j, i]), int(samples[i] + samples[j])
        if both:
            each = (int(counts[i, j]), int(counts[j, i]))
            found.append(Pair((classes[i], classes[j]), each, n, both / n, wilson(both, n)))
    return tuple(sorted(found, key=lambda pair: (-sum(pair.counts), -pair.share)))


def _largest(counts: np.ndarray) -> tuple[int, int] | None:
    wrong = np.where(np.eye(len(counts), dtype=bool), 0, counts)
    label, answer = divmod(int(wrong.argmax()), len(counts))
    return (label, answer) if wrong.any() else None


def _place(cell: str | tuple[str, str], classes: tuple[str, ...]) -> tuple[int, int]:
    """Row and column of the cell that is meant; a name may hold a comma itself."""
    if isinstance(cell, str):
        commas = [i for i, letter in enumerate(cell) if letter == ","]
        ways = [(cell[:i].strip(), cell[i + 1 :].strip()) for i in commas]
        if not ways:
            raise RequestError("cell", where="--cell", text=cell, one=classes[0], other=classes[1])
        cell = next((way for way in ways if set(way) <= set(classes)), ways[0])
    for name in cell:
        if name not in classes:
            raise unknown("class", name, classes, where="--cell")
    return classes.index(cell[0]), classes.index(cell[1])


def _cell(of: Answered, counts: np.ndarray, label: int, answer: int) -> Cell:
    index = np.flatnonzero((of.labels == label) & (of.answers == answer))
    index = index[np.argsort(-of.probabilities[index, answer], kind="stable")]
    n, whole, names = len(index), int(counts[label].sum()), of.data.classes
    samples = np.asarray(of.samples.take(index[:KEPT]).x[:])
    return Cell(
        names[label], names[answer], whole, n / max(whole, 1), wilson(n, whole), index,
        of.probabilities[index, answer], of.probabilities[index, label], samples,
    )  # fmt: skip
