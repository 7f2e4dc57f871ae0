"""Arrays of samples and labels → what a source hands over: a pair (X, y), a torch Dataset, the arrays of a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tiza.data.dataset import Raw
from tiza.data.rows import Rows
from tiza.data.samples import array_of, as_bytes, channels_first, check_scale, scale_of
from tiza.errors import RequestError, TizaError, note, unknown


@dataclass(frozen=True)
class Part:
    """Samples and labels of one split as the user has them, and what errors call them."""

    x: np.ndarray | Rows
    labels: np.ndarray
    x_name: str = "X"
    y_name: str = "y"


def in_memory(source: Any, classes: Sequence[str] | None) -> Raw:
    """The arrays of ``source``; see :func:`tiza.load`. Raises :class:`TizaError` for what can't be told apart."""
    if isinstance(source, tuple) and len(source) == 2 and all(map(_is_column, source)):
        x, labels = (_whole(part, name) for part, name in zip(source, "Xy", strict=True))
    else:
        x, labels = _from_pairs(source)
    return from_arrays({"train": Part(x, labels)}, classes)


def from_arrays(
    parts: Mapping[str, Part], classes: Sequence[str] | None = None, scale: tuple[float, float] | None = None
) -> Raw:
    """What the arrays of ``train``, and of ``valid`` and ``test`` where they are, hand over.

    Images are stretched to 0–255 as those of train need it (samples in :class:`Rows` are ready, stretched from
    ``scale``). Labels: names in alphabetical order, or whole numbers; numbers that are not 0 … C − 1 are the names of
    their classes. Raises :class:`TizaError` for what can't be samples or labels, and for a label that train has not.
    """
    if bare := next((part for part in parts.values() if not len(part.x)), None):
        raise TizaError("no-samples", where=bare.x_name)
    labels, names, remapped = _classes(parts, classes)
    train = parts["train"]
    if train.x.ndim == 2:
        x = {split: _rows_of_table(part) for split, part in parts.items()}
        form: dict[str, Any] = {}
        features = tuple(f"x{i + 1}" for i in range(train.x.shape[1]))
    else:
        if isinstance(train.x, np.ndarray):
            _check_numbers(train)
            scale = scale_of(train.x.dtype, *_ends(train.x))
        x = {split: _images(part, scale) for split, part in parts.items()}
        form = dict(zip(("channels", "height", "width"), x["train"].shape[1:], strict=True), form="image")
        if scale:
            form["scale"] = list(scale)  # the model's manifest keeps it: later arrays are stretched alike
        features = ()
    for split, part in parts.items():
        if x[split].shape[1:] != x["train"].shape[1:]:
            found, wanted = ("×".join(map(str, x[s].shape[1:])) for s in (split, "train"))
            raise TizaError("shapes-differ", where=part.x_name, found=found, wanted=wanted)
    pairs: dict[str, Any] = {split: (x[split], labels[split]) for split in parts if split != "train"}
    notes = (note("labels-renumbered", classes=", ".join(names)),) if remapped else ()
    return Raw(x["train"], labels["train"], names, features=features, form=form, notes=notes, **pairs)


def _rows_of_table(part: Part) -> np.ndarray | Rows:
    if isinstance(part.x, Rows):
        return part.x
    _check_numbers(part, (2,))
    with np.errstate(over="ignore"):  # what float32 can't hold becomes infinite, and is told as such
        return part.x.astype(np.float32)


def _images(part: Part, scale: tuple[float, float] | None) -> np.ndarray | Rows:
    if isinstance(part.x, Rows):
        return part.x
    _check_numbers(part)
    _check_finite(part)
    if part.x.size:
        check_scale(part.x_name, part.x.dtype, _ends(part.x), scale)
    return as_bytes(channels_first(part.x), scale)


def _ends(x: np.ndarray) -> tuple[float, float]:
    return float(x.min(initial=0)), float(x.max(initial=0))


def _check_numbers(part: Part, dimensions: tuple[int, ...] = (3, 4)) -> None:
    assert isinstance(part.x, np.ndarray)
    if part.x.dtype.kind not in "biuf" or part.x.ndim not in dimensions:
        shape, dtype = "×".join(map(str, part.x.shape)), str(part.x.dtype)
        raise TizaError("sample-shape", where=part.x_name, shape=shape, dtype=dtype)


def _check_finite(part: Part) -> None:
    assert isinstance(part.x, np.ndarray)
    if part.x.dtype.kind == "f" and not (finite := np.isfinite(part.x)).all():
        raise TizaError("not-finite", where=part.x_name, row=int(np.argwhere(~finite)[0][0]), column="–")


def _is_column(part: Any) -> bool:
    return hasattr(part, "__len__") and not isinstance(part, (str, bytes, dict))


def _whole(part: Any, name: str) -> np.ndarray:
    """One of a pair as an array with samples."""
    if hasattr(part, "toarray"):
        shape = "×".join(map(str, part.shape))
        raise RequestError("source-sparse", where=name, found=type(part).__name__, shape=shape)
    if (array := array_of(part)).ndim == 0:  # a set, say, which numpy takes for one thing
        raise RequestError("source", where="source", found=type(part).__name__)
    return array


def _from_pairs(source: Any) -> tuple[np.ndarray, np.ndarray]:
    """A torch Dataset, or any sequence of (sample, label)."""
    try:
        pairs = [source[i] for i in range(len(source))]
        samples, labels = zip(*((array_of(sample), label) for sample, label in pairs), strict=True)
        return np.stack(samples), array_of(labels)
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise RequestError("source", where="source", found=type(source).__name__) from error


def _classes(
    parts: Mapping[str, Part], classes: Sequence[str] | None
) -> tuple[dict[str, np.ndarray], tuple[str, ...], bool]:
    """Labels as class numbers, the names of the classes, and whether the numbers are other ones than before."""
    labels = {split: _labels(part) for split, part in parts.items()}
    train = labels["train"]
    named = train.dtype == object
    if classes is not None and not named:  # a number out of range is told by the check that every source goes through
        return labels, tuple(map(str, classes)), False
    known: list[Any] = np.unique(train).tolist() if classes is None else [str(name) for name in classes]
    if not named and len(train):
        row = int(train.argmin() if known[0] < 0 else train.argmax())
        if known[0] < 0 or known[-1] >= max(len(train), 2):  # an identifier: not even one sample for each
            where = parts["train"].y_name
            raise TizaError("label-range", where=where, row=row, label=int(train[row]), classes=len(known))
    places = {name: i for i, name in enumerate(known)}
    names = tuple(map(str, known))
    numbered: dict[str, np.ndarray] = {}
    for split, part in parts.items():
        different, inverse = np.unique(labels[split], return_inverse=True)
        numbered[split] = np.array([places.get(name, -1) for name in different.tolist()], np.int64)[inverse]
        if (strange := np.flatnonzero(numbered[split] < 0)).size:
            row, label = int(strange[0]), str(labels[split][strange[0]])
            if split == "train":
                raise unknown("class", label, names, where=part.y_name)
            raise TizaError("label-unseen", where=part.y_name, row=row, label=label, classes=", ".join(names))
    return numbered, names, not named and known != list(range(len(known)))


def _labels(part: Part) -> np.ndarray:
    """Labels as a vector: int64, or texts."""
    labels, where = part.labels, part.y_name
    labels = labels.reshape(-1) if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if labels.ndim != 1:
        raise TizaError("label-shape", where=where, shape="×".join(map(str, labels.shape)))
    if labels.dtype.kind not in "biufUSOMm":
        raise TizaError("label-shape", where=where, shape=f"{len(labels)} ({labels.dtype})")
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8", "replace")
    if labels.dtype.kind not in "iuf":
        import pandas as pd

        if (missing := np.flatnonzero(pd.isna(labels))).size:
            raise TizaError("label-missing", where=where, row=int(missing[0]))
        return np.array([str(label) for label in labels.tolist()], object)
    whole = np.isfinite(labels) & (labels == np.floor(labels)) & (abs(labels.astype(np.float64)) < 2**63)
    if not whole.all():
        row = int(np.flatnonzero(~whole)[0])
        raise TizaError("label-value", where=where, row=row, label=str(labels[row]))
    return labels.astype(np.int64)
