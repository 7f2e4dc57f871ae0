"""A data set ready for training: tensors, classes, splits that share no sample, and how the input is scaled."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tiza.config import Data
from tiza.data.copies import alike, parted
from tiza.data.rows import Rows, pieces
from tiza.data.seal import Sealed, Split
from tiza.errors import Note, RequestError, TizaError, note, unknown

# What `tiza train` carves where neither the source nor the user says: a fifth for test, then a tenth for validation.
TEST, VALID = 0.2, 0.1


Pair = tuple[np.ndarray | Rows, np.ndarray]


@dataclass(frozen=True)
class Target:
    """The column of a table that is the answer: its name and its values as they were, one a sample of ``Raw``."""

    name: str
    values: np.ndarray


@dataclass(frozen=True)
class Raw:
    """What a source hands over: arrays, before any division.

    ``x`` uint8 N×C×H×W or float32 N×F and ``y`` int64 N; ``test`` the same pair where the source brings its own.
    ``form`` says how a file becomes a sample (see :mod:`tiza.data.intake` and :mod:`tiza.data.tables`); ``valid`` is
    the usual share, or the pair that the source brings. ``notes``: what was done to the data unasked; ``skipped``: what
    was left out because it could not be used. ``columns``: of a table, as its file has them.
    """

    x: np.ndarray | Rows
    y: np.ndarray
    classes: tuple[str, ...]
    test: Pair | None = None
    features: tuple[str, ...] = ()
    form: dict[str, Any] = field(default_factory=dict)
    valid: int | float | Pair = VALID
    notes: tuple[Note, ...] = ()
    skipped: tuple[TizaError, ...] = ()
    columns: tuple[dict[str, Any], ...] = ()
    target: Target | None = None

    def pairs(self) -> dict[str, Pair]:
        """The arrays that it holds, by split."""
        own = self.valid if isinstance(self.valid, tuple) else None
        return {n: pair for n, pair in (("train", (self.x, self.y)), ("valid", own), ("test", self.test)) if pair}


@dataclass(frozen=True)
class Reading:
    """What is asked of every source: which ``classes``, in which order; at most how many samples to learn from.

    ``progress(done, total)`` is called now and then by sources that take long.
    """

    classes: tuple[str, ...] | None = None
    limit: int | None = None
    seed: int = 0
    progress: Callable[[int, int], None] | None = None

    def renumber(self, names: tuple[str, ...], where: str) -> tuple[np.ndarray, tuple[str, ...]]:
        """For each class its new number, −1 for one left out; and the classes that stay."""
        chosen = tuple(dict.fromkeys(self.classes or names))
        if missing := [name for name in chosen if name not in names]:
            raise unknown("class", missing[0], names, where=where)
        return np.array([chosen.index(name) if name in chosen else -1 for name in names], np.int64), chosen

    def limited(self, y: np.ndarray) -> np.ndarray:
        """The places of the samples that stay, each class with its share."""
        return np.arange(len(y)) if self.limit is None else np.sort(stratified(y, self.limit, self.seed))


@dataclass(frozen=True, repr=False)
class Dataset:
    """Train, validation and sealed test splits with what a model needs to know of them.

    ``valid`` is a :class:`Sealed` only where ``config.valid == "test"``: then validation is the test split and each
    measurement an opening. ``fingerprint`` is a hash of every sample, label and class, before the division.
    ``origin``: for each split the part of the source that it comes from (``train`` for all that was carved) and where
    its samples stood there. ``notes``, ``skipped``, ``columns`` and ``target`` are those of :class:`Raw`.
    """

    config: Data
    train: Split
    valid: Split | Sealed
    test: Sealed
    classes: tuple[str, ...]
    features: tuple[str, ...]
    form: dict[str, Any]
    fingerprint: str
    origin: dict[str, tuple[str, np.ndarray]] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    skipped: tuple[TizaError, ...] = ()
    columns: tuple[dict[str, Any], ...] = ()
    target: Target | None = None

    def __repr__(self) -> str:
        counts = f"train={len(self.train)}, valid={len(self.valid)}, test={len(self.test)}"
        return f"Dataset({self.name!r}, shape={self.shape}, classes={len(self.classes)}, {counts})"

    @property
    def name(self) -> str:
        """The source's name in the registry, that of the user's file or folder, or ``external``."""
        return self.config.title

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample: (C, H, W) or (F,)."""
        return tuple(self.train.x.shape[1:])

    def look(self, split: str) -> Split:
        """A split, to be shown or hashed; that is no opening of the test split."""
        part = {"train": self.train, "valid": self.valid, "test": self.test}[split]
        return part.look() if isinstance(part, Sealed) else part

    def open_valid(self, by: str) -> Split:
        """The validation split, for measuring; an opening where validation is the test split itself."""
        if isinstance(self.valid, Sealed):
            return self.valid.open(data=self.name, by=by, purpose="validation")[0]
        return self.valid

    def scaling(self, scale: str | None = None) -> tuple[Tensor, Tensor]:
        """Mean and deviation, one per channel or feature, that the model's first layer takes away and divides by.

        ``scale``: one of those that ``config.scale`` can be, which is the default.
        ``standard`` measures them on train alone; a feature that never changes gets deviation 1.
        """
        channels = self.shape[0]
        image = len(self.shape) == 3
        zeros, ones = torch.zeros(channels), torch.ones(channels)
        scale = scale or self.config.scale
        match scale:
            case "raw":
                return zeros, ones
            case "unit" | "symmetric" if image:
                half = 255 / 2
                return (zeros, ones * 255) if scale == "unit" else (ones * half, ones * half)
            case "unit" | "symmetric":
                ends = [(piece.min(0), piece.max(0)) for piece in pieces(self.train.x)]
                low, high = (torch.from_numpy(f([e[i] for e in ends], axis=0)) for i, f in enumerate((np.min, np.max)))
                spread = torch.where(high > low, high - low, ones)
                return (low, spread) if scale == "unit" else ((low + high) / 2, spread / 2)
        if not image:
            n = len(self.train)
            mean = sum((piece.sum(0, np.float64) for piece in pieces(self.train.x)), np.zeros(channels)) / n
            squares = (np.square(piece - mean).sum(0) for piece in pieces(self.train.x))
            mean, deviation = map(torch.from_numpy, (mean, np.sqrt(sum(squares, np.zeros(channels)) / n)))
        else:  # exact, and without a float copy of the images: the grey levels are counted
            counts = torch.from_numpy(_levels(self.train.x, channels)).double()
            levels = torch.arange(256, dtype=torch.float64)
            mean = counts @ levels / counts.sum(1)
            deviation = ((counts @ levels**2) / counts.sum(1) - mean**2).clamp(min=0).sqrt()
        return mean.float(), torch.where(deviation > 0, deviation, 1).float()


def _levels(images: Tensor | Rows, channels: int) -> np.ndarray:
    """How often each grey level appears in each channel, C×256."""
    counts = np.zeros((channels, 256), np.int64)
    for piece in pieces(images):
        for first in range(0, len(piece), 256):  # bincount makes eight bytes of each
            for c in range(channels):
                counts[c] += np.bincount(piece[first : first + 256, c].ravel(), minlength=256)
    return counts


def divide(raw: Raw, config: Data) -> Dataset:
    """The data set that a source's arrays and a data config make: test set aside first, then validation carved.

    Raises :class:`TizaError` for fewer than two classes, a class too small to be divided, values that are not finite.
    """
    check(raw, config.title)
    own = raw.pairs()
    if "valid" in own and config.valid not in (None, "test"):
        raise RequestError("own-valid", where="data.valid", n=len(own["valid"][1]))
    whole, places = Split.of(raw.x, raw.y), np.arange(len(raw.y))
    origin = {name: (name, np.arange(len(y))) for name, (_, y) in own.items()}
    splits = {name: Split.of(*pair) for name, pair in own.items()}
    notes = raw.notes
    if config.copies in ("grouped", "drop"):
        same, stay = parted(splits, config.copies, config.title)
        gone = sum(map(len, splits.values())) - sum(map(len, stay.values()))
        notes = (*notes, note("copies-drop" if config.copies == "drop" else "copies-grouped", n=gone))
        origin = {name: (name, kept) for name, kept in stay.items()}
        splits = {name: split.take(stay[name]) for name, split in splits.items()}
        places = stay["train"]
    else:
        same = None if {"valid", "test"} <= own.keys() else alike(whole.x)
        if same is not None and config.copies == "apart":
            same = np.arange(len(same))

    def carve_out(split: str, share: int | float) -> None:
        nonlocal places
        assert same is not None
        keep, carved = carve(same[places], raw.y[places], share, config.seed, raw.classes, config.title)
        origin[split] = ("train", places[carved])
        splits[split] = whole.take(origin[split][1])
        places = places[keep]

    if "test" not in own:
        carve_out("test", config.test or TEST)
    sealed = Sealed(splits["test"])
    if config.valid == "test":
        origin["valid"] = origin["test"]
    elif not isinstance(raw.valid, tuple):
        carve_out("valid", config.valid or raw.valid)
    if config.imbalance > 1:
        places = unbalanced(raw.y, places, config.imbalance, config.seed)
    if len(places) < len(whole):
        origin["train"], splits["train"] = ("train", places), whole.take(places)
    train, valid = splits["train"], sealed if config.valid == "test" else splits["valid"]
    return Dataset(
        config, train, valid, sealed, raw.classes, raw.features, raw.form, _fingerprint(raw), origin, notes,
        raw.skipped, raw.columns, raw.target,
    )  # fmt: skip


def undivided(raw: Raw, config: Data) -> Dataset:
    """The data set of samples that somebody else has divided: ``train`` is all of them and ``test`` is empty.

    ``config.valid`` is carved out where it is given; else validation is train again, measured and not chosen by.
    """
    check(raw, config.title)
    whole, places = Split.of(raw.x, raw.y), {"train": np.arange(len(raw.y)), "valid": np.arange(len(raw.y))}
    if config.valid is not None:
        assert config.valid != "test"
        keep, carved = carve(alike(raw.x), raw.y, config.valid, config.seed, raw.classes, config.title)
        places = {"train": keep, "valid": carved}
    train, valid = (whole.take(places[name]) for name in ("train", "valid"))
    origin = {name: ("train", taken) for name, taken in places.items()}
    empty = Sealed(whole.take(np.arange(0)))
    return Dataset(
        config, train, valid, empty, raw.classes, raw.features, raw.form, _fingerprint(raw), origin, raw.notes
    )


def _fingerprint(raw: Raw) -> str:
    digests = [Split.of(*pair).digest() for pair in raw.pairs().values()]
    return hashlib.blake2b("\0".join([*digests, *raw.classes, *raw.features]).encode(), digest_size=16).hexdigest()


def select(raw: Raw, reading: Reading, name: str) -> Raw:
    """The classes asked for, in the order asked for, and no more samples to learn from than asked for."""
    if reading.classes is None and reading.limit is None:
        return raw
    numbers, classes = reading.renumber(raw.classes, f"{name}: classes")

    def chosen(pair: Pair, *, limited: bool) -> tuple[Pair, np.ndarray]:
        x, y = pair
        y = numbers[y]
        places = np.flatnonzero(y >= 0)
        if limited:
            places = places[reading.limited(y[places])]
        return (x.take(places) if isinstance(x, Rows) else x[places], y[places]), places

    (x, y), places = chosen((raw.x, raw.y), limited=True)
    others: dict[str, Any] = {
        split: chosen(pair, limited=False)[0] for split, pair in raw.pairs().items() if split != "train"
    }
    if isinstance(raw.valid, int) and reading.limit:  # a number that was meant for all samples
        others["valid"] = VALID
    target = raw.target and Target(raw.target.name, raw.target.values[places])
    return replace(raw, x=x, y=y, classes=classes, target=target, **others)


def check(raw: Raw, name: str) -> None:
    """Raise the one sentence for arrays that no classifier can be trained on."""
    for x, y in raw.pairs().values():
        if len(x) != len(y):
            raise TizaError("lengths", where=name, samples=len(x), labels=len(y))
        first = 0
        for piece in pieces(x):
            if piece.dtype.kind == "f" and not np.isfinite(piece).all():
                row, *rest = (int(i) for i in np.argwhere(~np.isfinite(piece))[0])
                column = raw.features[rest[0]] if raw.features else str(rest[0] if rest else 0)
                raise TizaError("not-finite", where=f"{name}: {first + row}, {column}", row=first + row, column=column)
            first += len(piece)
        if len(y) and not 0 <= y.min() <= y.max() < len(raw.classes):
            row = int(np.flatnonzero((y < 0) | (y >= len(raw.classes)))[0])
            raise TizaError("label-range", where=name, row=row, label=int(y[row]), classes=len(raw.classes))
    counts = np.bincount(raw.y, minlength=len(raw.classes))
    if (counts > 0).sum() < 2:
        raise TizaError("one-class", where=name, n=len(raw.y))


def stratified(y: np.ndarray, n: int, seed: int = 0) -> np.ndarray:
    """The places of at most ``n`` labels, drawn with the seed, each class with its share."""
    if len(y) <= n:
        return np.arange(len(y))
    order = np.random.default_rng(seed).permutation(len(y))
    by_class = order[np.argsort(y[order], kind="stable")]
    return by_class[np.linspace(0, len(y) - 1, n).astype(int)]


def unbalanced(y: np.ndarray, places: np.ndarray, ratio: float, seed: int) -> np.ndarray:
    """The ``places`` that stay when every second class keeps one of ``ratio`` of its samples, at least one."""
    rng = np.random.default_rng(seed)
    gone: list[np.ndarray] = []
    for label in range(1, int(y.max()) + 1, 2):
        mine = rng.permutation(places[y[places] == label])
        gone.append(mine[max(1, round(len(mine) / ratio)) :])
    return np.setdiff1d(places, np.concatenate(gone))


def carve(
    same: np.ndarray, y: np.ndarray, share: int | float, seed: int, classes: tuple[str, ...], name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Indices that stay and indices carved out: stratified, seeded, identical samples on one side.

    ``same``: a number for each sample, equal for identical ones (see :func:`tiza.data.copies.alike`).

    scikit-learn has no splitter that is stratified, grouped and of a given size at once. Every class keeps at least
    one sample; groups of identical samples may leave the carved part a little smaller than asked.
    """
    want = share if isinstance(share, int) else max(1, round(share * len(y)))
    if want > len(y) - np.count_nonzero(np.bincount(y)):
        raise TizaError("carve", where=name, want=want, n=len(y))
    _, first, group_of = np.unique(same, return_index=True, return_inverse=True)
    leaders = np.sort(first)  # groups in the order of their first samples
    group_of = np.searchsorted(leaders, first[group_of])
    groups = np.bincount(y[leaders], minlength=len(classes))
    if (alone := np.flatnonzero(groups == 1)).size:
        n = int((y == alone[0]).sum())
        raise TizaError("small-class", where=name, label=classes[alone[0]], n=n)

    left = np.bincount(y, minlength=len(classes))
    quota = want * left / len(y)
    short = want - int(np.floor(quota).sum())
    upwards = np.argsort(np.floor(quota) - quota, kind="stable")[:short]
    quota = np.floor(quota)
    quota[upwards] += 1

    members = np.split(np.argsort(group_of, kind="stable"), np.cumsum(np.bincount(group_of))[:-1])
    carved: list[np.ndarray] = []
    for group in np.random.default_rng(seed).permutation(len(leaders)):
        mine = members[group]
        counts = np.bincount(y[mine], minlength=len(classes)) if len(mine) > 1 else None
        if counts is None:
            label = y[mine[0]]
            if quota[label] >= 1 and left[label] > 1:
                quota[label] -= 1
                left[label] -= 1
                carved.append(mine)
        elif (counts <= quota).all() and (left - counts >= (left > 0)).all():
            quota -= counts
            left -= counts
            carved.append(mine)
    if not carved:
        raise TizaError("carve", where=name, want=want, n=len(y))
    out = np.zeros(len(y), bool)
    out[np.concatenate(carved)] = True
    return np.flatnonzero(~out), np.flatnonzero(out)
