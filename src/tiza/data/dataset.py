"""A data set ready for training: tensors, classes, splits that share no sample, and how the input is scaled."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tiza.config import Data
from tiza.data.seal import Sealed, Split
from tiza.errors import TizaError

# What `tiza train` carves where neither the source nor the user says: a fifth for test, then a tenth for validation.
TEST, VALID = 0.2, 0.1


@dataclass(frozen=True)
class Raw:
    """What a source hands over: arrays, before any division.

    ``x`` uint8 N×C×H×W or float32 N×F and ``y`` int64 N; ``test`` the same pair where the source brings its own.
    ``form`` says how a file becomes a sample (see :func:`tiza.data.intake.prepare`); ``valid`` is the usual share.
    """

    x: np.ndarray
    y: np.ndarray
    classes: tuple[str, ...]
    test: tuple[np.ndarray, np.ndarray] | None = None
    features: tuple[str, ...] = ()
    form: dict[str, Any] = field(default_factory=dict)
    valid: int | float = VALID


@dataclass(frozen=True, repr=False)
class Dataset:
    """Train, validation and sealed test splits with what a model needs to know of them.

    ``valid`` is a :class:`Sealed` only where ``config.valid == "test"``: then validation is the test split and each
    measurement an opening. ``fingerprint`` is a hash of every sample, label and class, before the division.
    """

    config: Data
    train: Split
    valid: Split | Sealed
    test: Sealed
    classes: tuple[str, ...]
    features: tuple[str, ...]
    form: dict[str, Any]
    fingerprint: str

    def __repr__(self) -> str:
        counts = f"train={len(self.train)}, valid={len(self.valid)}, test={len(self.test)}"
        return f"Dataset({self.name!r}, shape={self.shape}, classes={len(self.classes)}, {counts})"

    @property
    def name(self) -> str:
        """The source's name in the registry, or ``external``."""
        return self.config.name

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample: (C, H, W) or (F,)."""
        return tuple(self.train.x.shape[1:])

    def open_valid(self, by: str) -> Split:
        """The validation split, for measuring; an opening where validation is the test split itself."""
        if isinstance(self.valid, Sealed):
            return self.valid.open(data=self.name, by=by, purpose="validation")[0]
        return self.valid

    def scaling(self) -> tuple[Tensor, Tensor]:
        """Mean and deviation, one per channel or feature, that the model's first layer takes away and divides by.

        ``standard`` measures them on train alone; a feature that never changes gets deviation 1.
        """
        channels = self.shape[0]
        image = len(self.shape) == 3
        zeros, ones = torch.zeros(channels), torch.ones(channels)
        match self.config.scale:
            case "raw":
                return zeros, ones
            case "unit" | "symmetric" if image:
                half = 255 / 2
                return (zeros, ones * 255) if self.config.scale == "unit" else (ones * half, ones * half)
            case "unit" | "symmetric":
                low, high = self.train.x.amin(0), self.train.x.amax(0)
                spread = torch.where(high > low, high - low, ones)
                return (low, spread) if self.config.scale == "unit" else ((low + high) / 2, spread / 2)
        if not image:
            mean, deviation = self.train.x.double().mean(0), self.train.x.double().std(0, correction=0)
        else:  # exact, and without a float copy of the images: the grey levels are counted
            counts = torch.stack([_levels(self.train.x[:, c]) for c in range(channels)]).double()
            levels = torch.arange(256, dtype=torch.float64)
            mean = counts @ levels / counts.sum(1)
            deviation = ((counts @ levels**2) / counts.sum(1) - mean**2).clamp(min=0).sqrt()
        return mean.float(), torch.where(deviation > 0, deviation, 1).float()


def _levels(images: Tensor) -> Tensor:
    pieces = (np.bincount(piece.numpy().ravel(), minlength=256) for piece in images.split(256))
    return torch.from_numpy(sum(pieces, np.zeros(256, np.int64)))


def divide(raw: Raw, config: Data) -> Dataset:
    """The data set that a source's arrays and a data config make: test set aside first, then validation carved.

    Raises :class:`TizaError` for fewer than two classes, a class too small to be divided, values that are not finite.
    """
    check(raw, config.name)
    fingerprint = _fingerprint(raw)
    x, y = np.ascontiguousarray(raw.x), raw.y
    if raw.test is None:
        keep, carved = carve(x, y, config.test or TEST, config.seed, raw.classes, config.name)
        test = (x[carved], y[carved])
        x, y = x[keep], y[keep]
    else:
        test = raw.test
    whole = Split(torch.from_numpy(x), torch.from_numpy(y))
    sealed = Sealed(Split(*map(torch.from_numpy, map(np.ascontiguousarray, test))))
    if config.valid == "test":
        train, valid = whole, sealed
    else:
        keep, carved = carve(x, y, config.valid or raw.valid, config.seed, raw.classes, config.name)
        train = Split(whole.x[keep], whole.y[keep])
        valid = Split(whole.x[carved], whole.y[carved])
    return Dataset(config, train, valid, sealed, raw.classes, raw.features, raw.form, fingerprint)


def _fingerprint(raw: Raw) -> str:
    pairs = [(raw.x, raw.y), *([raw.test] if raw.test else [])]
    digests = [Split(*(torch.from_numpy(np.ascontiguousarray(part)) for part in pair)).digest() for pair in pairs]
    return hashlib.blake2b("\0".join([*digests, *raw.classes, *raw.features]).encode(), digest_size=16).hexdigest()


def check(raw: Raw, name: str) -> None:
    """Raise the one sentence for arrays that no classifier can be trained on."""
    pairs = [(raw.x, raw.y)] + ([raw.test] if raw.test else [])
    for x, y in pairs:
        if len(x) != len(y):
            raise TizaError("lengths", where=name, samples=len(x), labels=len(y))
        if x.dtype.kind == "f" and not np.isfinite(x).all():
            row, *rest = (int(i) for i in np.argwhere(~np.isfinite(x))[0])
            column = raw.features[rest[0]] if raw.features else str(rest[0] if rest else 0)
            raise TizaError("not-finite", where=f"{name}: {row}, {column}", row=row, column=column)
        if len(y) and not 0 <= y.min() <= y.max() < len(raw.classes):
            row = int(np.flatnonzero((y < 0) | (y >= len(raw.classes)))[0])
            raise TizaError("label-range", where=name, row=row, label=int(y[row]), classes=len(raw.classes))
    counts = np.bincount(raw.y, minlength=len(raw.classes))
    if (counts > 0).sum() < 2:
        raise TizaError("one-class", where=name, n=len(raw.y))


def carve(
    x: np.ndarray, y: np.ndarray, share: int | float, seed: int, classes: tuple[str, ...], name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Indices that stay and indices carved out: stratified, seeded, identical samples on one side.

    scikit-learn has no splitter that is stratified, grouped and of a given size at once. Every class keeps at least
    one sample; groups of identical samples may leave the carved part a little smaller than asked.
    """
    want = share if isinstance(share, int) else max(1, round(share * len(y)))
    if want > len(y) - np.count_nonzero(np.bincount(y)):
        raise TizaError("carve", where=name, want=want, n=len(y))
    first: dict[int, int] = {}
    leader = np.array([first.setdefault(hash(row.tobytes()), i) for i, row in enumerate(x)])
    leaders, group_of = np.unique(leader, return_inverse=True)
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
