"""Data that the user already holds: a pair (X, y), a DataFrame, a torch Dataset; brought to the arrays of a source."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tiza.data.dataset import Raw
from tiza.errors import RequestError, TizaError, unknown


def in_memory(source: Any, target: str | None, classes: Sequence[str] | None) -> Raw:
    """The arrays of ``source``; see :func:`tiza.load`. Raises :class:`TizaError` for what can't be told apart."""
    features: tuple[str, ...] = ()
    if hasattr(source, "columns"):
        x, labels, features = _from_frame(source, target)
    elif isinstance(source, tuple) and len(source) == 2 and all(map(_is_column, source)):
        x, labels = (_array(part) for part in source)
    else:
        x, labels = _from_pairs(source)
    y, names = _classes(labels, classes)
    if x.dtype.kind not in "biuf":
        raise TizaError("sample-shape", where="X", shape="×".join(map(str, x.shape)), dtype=str(x.dtype))
    if x.ndim == 2:
        features = features or tuple(f"x{i + 1}" for i in range(x.shape[1]))
        with np.errstate(over="ignore"):  # what float32 can't hold becomes infinite, and is told as such
            return Raw(x.astype(np.float32), y, names, features=features)
    images = _images(x)
    _, channels, height, width = images.shape
    return Raw(images, y, names, form={"form": "image", "channels": channels, "height": height, "width": width})


def _is_column(part: Any) -> bool:
    return hasattr(part, "__len__") and not isinstance(part, (str, bytes, dict))


def _from_frame(frame: Any, target: str | None) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    if target is None:
        raise RequestError("target-missing", where="target", columns=", ".join(map(str, frame.columns)))
    if target not in frame.columns:
        raise unknown("column", target, [str(column) for column in frame.columns], where="target")
    table = frame.drop(columns=target)
    for column in table.columns:
        if table[column].dtype.kind not in "biuf":
            raise TizaError("text-column", where=str(column), column=str(column))
    return table.to_numpy(np.float64), frame[target].to_numpy(), tuple(map(str, table.columns))


def _from_pairs(source: Any) -> tuple[np.ndarray, np.ndarray]:
    """A torch Dataset, or any sequence of (sample, label)."""
    try:
        pairs = [source[i] for i in range(len(source))]
        samples, labels = zip(*((_array(sample), label) for sample, label in pairs), strict=True)
        return np.stack(samples), _array(labels)
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise RequestError("source", where="source", found=type(source).__name__) from error


def _array(value: Any) -> np.ndarray:
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    try:
        return np.asarray(value)
    except ValueError as error:  # rows of unequal length
        raise RequestError("source", where="source", found=type(value).__name__) from error


def _classes(labels: np.ndarray, classes: Sequence[str] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels as class numbers, and the names of the classes."""
    labels = labels.reshape(-1) if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if labels.ndim != 1:
        raise TizaError("label-shape", where="y", shape="×".join(map(str, labels.shape)))
    if labels.dtype.kind not in "iuf":
        import pandas as pd

        if (missing := np.flatnonzero(pd.isna(labels))).size:
            raise TizaError("label-missing", where="y", row=int(missing[0]))
        present, y = np.unique(labels.astype(str), return_inverse=True)
        names = tuple(map(str, classes or present))
        places = np.array([names.index(name) if name in names else -1 for name in map(str, present)], np.int64)
        if (unnamed := np.flatnonzero(places < 0)).size:
            raise unknown("class", str(present[unnamed[0]]), names, where="y")
        return places[y], names
    whole = np.isfinite(labels) & (labels == np.floor(labels))
    if not whole.all():
        row = int(np.flatnonzero(~whole)[0])
        raise TizaError("label-value", where="y", row=row, label=str(labels[row]))
    y = labels.astype(np.int64)
    most = int(y.max(initial=-1))
    if classes is None and most >= max(len(y), 2):  # an identifier, not a class number: not even one sample for each
        row = int(y.argmax())
        raise TizaError("label-range", where="y", row=row, label=most, classes=len(np.unique(y)))
    return y, tuple(map(str, classes or range(most + 1)))


def _images(x: np.ndarray) -> np.ndarray:
    """uint8 N×C×H×W from N×H×W, N×C×H×W or N×H×W×C of any scale."""
    if x.ndim == 3:
        x = x[:, None]
    elif x.ndim == 4 and x.shape[1] not in (1, 3, 4) and x.shape[3] in (1, 3, 4):
        x = x.transpose(0, 3, 1, 2)
    if x.ndim != 4:
        raise TizaError("sample-shape", where="X", shape="×".join(map(str, x.shape)), dtype=str(x.dtype))
    if x.dtype == np.uint8:
        return x
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        row = int(np.argwhere(~np.isfinite(x))[0][0])
        raise TizaError("not-finite", where="X", row=row, column="–")
    low, high = float(min(x.min(initial=0), 0)), float(x.max(initial=0))
    if low == 0 and 1 < high <= 255 and x.dtype.kind in "iu":
        return x.astype(np.uint8)
    return np.rint((x.astype(np.float64) - low) * (255 / (high - low or 1))).astype(np.uint8)
