"""What may be wrong with a data set before any training: copies, crossings between splits, conflicts, absent classes.

Samples and labels are compared with each other, never with a model's answers: that opens nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from tiza.data.copies import SPLITS, copies
from tiza.data.dataset import Dataset
from tiza.data.near import Samples
from tiza.data.seal import Sealed
from tiza.data.sources import load

Kind = Literal["identical", "near"]


@dataclass(frozen=True)
class Place:
    """A sample: its ``split`` and ``index`` there; its ``number`` in the ``part`` of the source that it comes from."""

    split: str
    index: int
    part: str
    number: int
    label: str


@dataclass(frozen=True)
class Pair:
    """Two samples that are the same, or nearly.

    ``distance``: 0 for identical ones; for near images in grey levels of 255, for near rows in deviations of a feature
    (see :func:`tiza.data.copies.copies`).
    """

    kind: Kind
    one: Place
    other: Place
    distance: float

    @property
    def crosses(self) -> bool:
        """Whether they are in different splits."""
        return self.one.split != self.other.split

    @property
    def conflicts(self) -> bool:
        """Whether their labels differ."""
        return self.one.label != self.other.label


@dataclass(frozen=True)
class Count:
    """How many samples ``of`` a split have a copy ``within`` another; of itself: that repeat an earlier one."""

    of: str
    within: str
    identical: int
    near: int


@dataclass(frozen=True)
class Audit:
    """What was found in a data set.

    ``used`` counts copies in the splits as they are trained and measured with, ``given`` in the parts that the source
    has by itself. ``pairs``: those in two splits first, identical before near; of n identical samples in a split each
    is paired with the first. ``counts``: samples by split and class. ``unsearched``: why near copies were not looked
    for, see :class:`tiza.data.copies.Copies`; else None.
    """

    data: str
    images: bool
    classes: tuple[str, ...]
    counts: dict[str, list[int]]
    used: tuple[Count, ...]
    given: tuple[Count, ...]
    pairs: tuple[Pair, ...]
    unsearched: str | None

    @property
    def absent(self) -> list[str]:
        """The classes that no sample has."""
        return [name for i, name in enumerate(self.classes) if not any(of[i] for of in self.counts.values())]

    @property
    def missing(self) -> dict[str, list[str]]:
        """For each split the classes that it has no sample of, and others have."""
        return {
            split: [name for i, name in enumerate(self.classes) if not of[i] and name not in self.absent]
            for split, of in self.counts.items()
        }

    @property
    def ratio(self) -> float:
        """How many times as many samples the largest class of train has as its smallest."""
        there = [n for n in self.counts["train"] if n]
        return max(there) / min(there)

    @property
    def conflicts(self) -> int:
        """How many pairs have different labels."""
        return sum(pair.conflicts for pair in self.pairs)

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it."""
        return {
            "data": self.data, "splits": {split: sum(of) for split, of in self.counts.items()},
            "classes": list(self.classes), "counts": self.counts, "absent": self.absent, "missing": self.missing,
            "ratio": self.ratio, "used": [vars(count) for count in self.used],
            "given": [vars(count) for count in self.given], "conflicts": self.conflicts, "unsearched": self.unsearched,
            "pairs": [
                {"kind": pair.kind, "one": vars(pair.one), "other": vars(pair.other), "distance": pair.distance,
                 "crosses": pair.crosses, "conflicts": pair.conflicts}
                for pair in self.pairs
            ],
        }  # fmt: skip


def audit(data: Any, progress: Callable[[int, int], None] | None = None) -> Audit:
    """Copies within and across the splits of a data set, labels that contradict each other, classes that lack.

    ``data``: a :class:`Dataset`, or what :func:`tiza.load` takes. ``progress(done, total)`` is called meanwhile.
    Nothing is opened: no answer is compared with a label.
    """
    data = data if isinstance(data, Dataset) else load(data)
    names = [name for name in SPLITS if name != "valid" or not isinstance(data.valid, Sealed)]
    looks = {name: data.look(name) for name in names}
    split = np.repeat(np.arange(len(names)), [len(looks[name]) for name in names])
    index = np.concatenate([np.arange(len(looks[name])) for name in names])
    labels = np.concatenate([looks[name].y.numpy() for name in names])
    part = np.concatenate([np.full(len(looks[name]), SPLITS.index(_origin(data, name)[0])) for name in names])
    number = np.concatenate([_origin(data, name)[1] for name in names])
    samples, order = _in_order([looks[name].x for name in names], np.lexsort((number, part)))
    split, index, labels, part, number = (values[order] for values in (split, index, labels, part, number))

    found = copies(samples, progress)
    near = found.near.first, found.near.second

    def place(i: int) -> Place:
        return Place(names[split[i]], int(index[i]), SPLITS[part[i]], int(number[i]), data.classes[labels[i]])

    def pair(kind: Kind, i: int, j: int, distance: float) -> Pair:
        one, other = sorted((i, j), key=lambda k: (split[k], k))
        return Pair(kind, place(one), place(other), distance)

    heads = _heads(found.same, split)
    pairs = [pair("identical", i, j, 0.0) for i, j in _identical(found.same, split, heads)]
    for a, b, distance in zip(*near, found.near.distance.tolist(), strict=True):
        pairs += [pair("near", i, j, distance) for i in heads[a] for j in heads[b]]
    pairs.sort(key=lambda pair: (not pair.crosses, pair.kind, pair.distance))
    counts = {name: look.y.bincount(minlength=len(data.classes)).tolist() for name, look in looks.items()}
    return Audit(
        data.name, len(data.shape) == 3, data.classes, counts, _counts(found.same, near, split, names),
        _counts(found.same, near, part, SPLITS), tuple(pairs), found.unsearched,
    )  # fmt: skip


def _origin(data: Dataset, name: str) -> tuple[str, np.ndarray]:
    """Where the samples of a split come from; folds of a division say nothing of it."""
    return data.origin.get(name, (name, np.arange(len(data.look(name)))))


def _in_order(samples: Samples, order: np.ndarray) -> tuple[Samples, np.ndarray]:
    """The samples in the order of their source, whatever the division; as they are where they stay in their file."""
    tensors = [part for part in samples if isinstance(part, Tensor)]
    if len(tensors) < len(samples):
        return samples, np.arange(len(order))
    return [torch.cat(tensors)[order]], order


def _heads(same: np.ndarray, split: np.ndarray) -> dict[int, list[int]]:
    """For each group of identical samples, by its number, the first of them in every split."""
    _, first = np.unique(np.stack([same, split], 1), axis=0, return_index=True)
    heads: dict[int, list[int]] = {}
    for i in first.tolist():
        heads.setdefault(int(same[i]), []).append(i)
    return heads


def _identical(same: np.ndarray, split: np.ndarray, heads: Mapping[int, Sequence[int]]) -> Iterator[tuple[int, int]]:
    """Each later copy with the first in its split, and the first ones of two splits with each other."""
    first = {(int(same[i]), int(split[i])): i for group in heads.values() for i in group}
    for i in np.flatnonzero(np.bincount(same, minlength=len(same))[same] > 1).tolist():
        if (head := first[int(same[i]), int(split[i])]) != i:
            yield head, i
    for group in heads.values():
        yield from combinations(group, 2)


def _counts(
    same: np.ndarray, near: tuple[np.ndarray, np.ndarray], split: np.ndarray, names: Sequence[str]
) -> tuple[Count, ...]:
    """How many samples have a copy, within each split and in each one before it."""
    n = len(same)
    there = [np.bincount(same[split == i], minlength=n) for i in range(len(names))]  # of each group, how many
    found = []
    for i, of in enumerate(names):
        if not there[i].any():
            continue
        for j in (i, *range(i)):
            if not there[j].any():
                continue
            first, second = near
            linked = np.zeros(n, bool)
            linked[second[(there[j] > 0)[first]]] = True
            if i == j:
                identical = int((there[i] - (there[i] > 0)).sum())
            else:
                linked[first[(there[j] > 0)[second]]] = True
                identical = int(there[i][there[j] > 0].sum())
            found.append(Count(of, names[j], identical, int(there[i][linked].sum())))
    return tuple(found)
