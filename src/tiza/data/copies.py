"""Samples that are there more than once: identical ones, near ones, and which of them may stay where."""

import hashlib
import io
import warnings
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Literal

import numpy as np
from torch import Tensor

from tiza import storage
from tiza.data import near
from tiza.data.near import Pairs, Samples, near_images
from tiza.data.rows import Rows, pieces
from tiza.data.seal import Split
from tiza.errors import TizaError
from tiza.i18n import t

AT_MOST = 200_000  # samples; each is compared with each, so that a million would take hours
KEPT = 5_000  # what is found among so many samples or more is kept for the next time
FEATURES = 4  # of a table with fewer, neighbours are near by chance
ROUNDING = 0.01  # of a feature's deviation: how far a near row may be in each feature
DENSE = 10  # near pairs for each row, or near.MOST in all: beyond it, rows are near by chance
AT_ONCE = 1_000  # rows whose neighbours are counted before looking whether they are too many
SPLITS = ("train", "valid", "test")
NONE = Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


@dataclass(frozen=True)
class Copies:
    """Which of N samples are the same.

    ``same`` (N): for each the place of the first that is identical to it. ``near``: pairs of such first places whose
    samples are nearly the same. ``unsearched``: why near ones were not looked for: ``many`` samples, too ``few``
    features, or rows so ``dense`` that neighbours are near by chance; None where they were.
    """

    same: np.ndarray
    near: Pairs
    unsearched: Literal["many", "few", "dense"] | None = None

    def groups(self) -> np.ndarray:
        """A number for each sample, N; those linked by being the same, identical or near, have the same."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        n = len(self.same)
        links = coo_array((np.ones(len(self.near.first), bool), (self.near.first, self.near.second)), (n, n))
        return connected_components(links, directed=False)[1][self.same]


def alike(*parts: "np.ndarray | Tensor | Rows") -> np.ndarray:
    """A number for each sample of all parts, the place of the first that is identical to it."""
    n = sum(map(len, parts))
    keys = np.fromiter((hash(row.tobytes()) for part in parts for piece in pieces(part) for row in piece), np.int64, n)
    _, first, same = np.unique(keys, return_index=True, return_inverse=True)
    return first[same]  # not the hash itself, which another process would have otherwise


def copies(samples: Samples, progress: Callable[[int, int], None] | None = None) -> Copies:
    """Identical and near samples of one or several parts, images or rows of a table.

    Near images: see :func:`tiza.data.near.near_images`. Near rows differ in no feature by more than a hundredth of its
    deviation, extreme values aside. ``progress(done, total)`` is called meanwhile. Nothing is looked for where it would
    take hours.
    """
    same = alike(*samples)
    n, images = len(same), len(samples[0].shape) == 4
    if n > AT_MOST:
        return Copies(same, NONE, "many")
    if not images and samples[0].shape[1] < FEATURES:
        return Copies(same, NONE, "few")
    path = _kept_at(samples) if n >= KEPT else None
    if path is not None and (known := _read(path)) is not None:
        return Copies(same, known)
    first = np.unique(same)
    if len(first) < 2:
        return Copies(same, NONE)
    if images:
        found = near_images(samples, first, progress)
    else:
        found = _near_rows(near.gathered(samples, first).numpy().astype(np.float64))
        if found is None:
            return Copies(same, NONE, "dense")
        found = found._replace(first=first[found.first], second=first[found.second])
    if path is not None:
        with suppress(TizaError):  # no room or no right to keep it
            _write(path, found)
    return Copies(same, found)


def _near_rows(rows: np.ndarray) -> Pairs | None:
    """Pairs of rows N×F; ``distance``: the largest difference in one feature, in deviations of that feature.

    None where there are too many to be copies. Only rows that have a neighbour are paired: to count neighbours is
    quick, and most rows have none.
    """
    from scipy.spatial import KDTree

    scaled = rows / np.array([_deviation(values) for values in rows.T])
    tree, most = KDTree(scaled), min(DENSE * len(rows), near.MOST)
    neighbours = np.zeros(len(rows), np.int64)
    for start in range(0, len(rows), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        neighbours[some] = tree.query_ball_point(scaled[some], ROUNDING, p=np.inf, return_length=True) - 1  # not itself
        if neighbours.sum() > 2 * most:
            return None
    places = np.flatnonzero(neighbours)
    if not len(places):
        return NONE
    pairs = places[KDTree(scaled[places]).query_pairs(ROUNDING, p=np.inf, output_type="ndarray")]
    first, second = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))].T
    return Pairs(first, second, np.abs(scaled[first] - scaled[second]).max(1, initial=0))


def _deviation(values: np.ndarray) -> float:
    """How far the values of a feature lie from each other, 1 where all are the same.

    A few extreme ones (income, −999 for what is missing) must not make all others near: the least of their standard
    deviation and of what the middle of all, and of all but the commonest value, would have if they were normal.
    """
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) == 1:
        return 1.0
    spreads = [values.std(), _spread(values), _spread(values[values != distinct[counts.argmax()]])]
    return min(spread for spread in spreads if spread > 0)


def _spread(values: np.ndarray) -> float:
    """The deviation of a normal distribution with the same quartiles; or outer quantiles, where those coincide."""
    for tail in (0.25, 0.1, 0.05, 0.01):
        low, high = np.quantile(values, (tail, 1 - tail))
        if high > low:
            return (high - low) / (2 * NormalDist().inv_cdf(1 - tail))
    return 0.0


def parted(
    splits: Mapping[str, Split], how: Literal["grouped", "drop"], where: str
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The groups of copies among the samples of train, a number for each; and of each split the samples that may stay.

    See :func:`staying`. ``where`` is what the data is called. Warns where only identical samples count as copies.
    Raises :class:`TizaError` for too many samples, and where a split would be left without samples, or train with one
    class.
    """
    found = copies([split.x for split in splits.values()])
    labels = np.concatenate([split.y.numpy() for split in splits.values()])
    if found.unsearched == "many":
        raise TizaError("copies-many", where=where, n=len(labels), most=AT_MOST)
    if found.unsearched is not None:
        warnings.warn(
            f"{where}: {t(f'audit.unsearched.{found.unsearched}', least=FEATURES)}", storage.TizaWarning, stacklevel=2
        )
    groups, rank = found.groups(), [SPLITS.index(name) for name in splits]
    part = np.repeat(rank, [len(split) for split in splits.values()])
    stays = staying(groups, labels, part, how)
    kept = {name: np.flatnonzero(stays[part == number]) for name, number in zip(splits, rank, strict=True)}
    for name, split in splits.items():
        if len(split) and len(split.y[kept[name]].unique()) < (2 if name == "train" else 1):
            raise TizaError("copies-nothing", where=where, split=t(f"split.{name}"), n=len(split))
    return groups[: len(splits["train"])], kept


def staying(groups: np.ndarray, labels: np.ndarray, part: np.ndarray, how: Literal["grouped", "drop"]) -> np.ndarray:
    """Which of N samples stay, when no group may be on two sides; ``part``: 0 train, 1 validation, 2 test.

    Where a group is in several parts, its samples stay in the last of them alone, so that what is measured on stays as
    it is. ``drop``: of each group in train or validation only the first sample stays, and none where its labels differ,
    since nobody can tell which is right; a test split stays whole.
    """
    last = np.zeros(len(groups), np.int64)
    np.maximum.at(last, groups, part)
    stays = part == last[groups]
    if how == "drop":
        low, high = np.full(len(groups), labels.max(initial=0) + 1), np.full(len(groups), -1)
        np.minimum.at(low, groups, labels)
        np.maximum.at(high, groups, labels)
        there = np.flatnonzero(stays)
        first = np.zeros(len(groups), bool)
        first[there[np.unique(groups[there], return_index=True)[1]]] = True
        stays &= (part == 2) | (first & (low == high)[groups])
    return stays


def _kept_at(samples: Samples) -> Path:
    """The file for what was found among just these samples, in this way."""
    how = (near.LEVELS, near.SHARE, near.SHIFT, near.LIKE, near.NEAREST, near.MOST, near.SIDE, near.WAVES, near.PARTS,
           near.EACH, near.FEW)  # fmt: skip
    state = hashlib.blake2b(f"2 {how} {ROUNDING} {samples[0].dtype} {samples[0].shape[1:]}".encode(), digest_size=16)
    for part in samples:
        for piece in pieces(part):
            state.update(piece.data)
    return storage.home() / "cache" / "near" / f"{state.hexdigest()}.npz"


def _read(path: Path) -> Pairs | None:
    with suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # there is none, or it is damaged
        found = np.load(io.BytesIO(path.read_bytes()))
        return Pairs(found["first"], found["second"], found["distance"])
    return None


def _write(path: Path, found: Pairs) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **found._asdict())
    storage.write(path, buffer.getvalue())
