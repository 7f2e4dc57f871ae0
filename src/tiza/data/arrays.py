"""Data that the user already holds: a pair (X, y), a DataFrame, a torch Dataset; brought to the arrays of a source."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tiza.data.dataset import Raw
from tiza.data.samples import array_of, as_bytes, channels_first, scale_of
from tiza.errors import RequestError, TizaError, unknown


def in_memory(source: Any, target: str | None, classes: Sequence[str] | None) -> Raw:
    """The arrays of ``source``; see :func:`tiza.load`. Raises :class:`TizaError` for what can't be told apart."""
    features: tuple[str, ...] = ()
    if hasattr(source, "columns"):
        x, labels, features = _from_frame(source, target)
    elif isinstance(source, tuple) and len(source) == 2 and all(map(_is_column, source)):
        x, labels = (array_of(part) for part in source)
    else:
        x, labels = _from_pairs(source)
    y, names = _classes(labels, classes)
    if x.dtype.kind not in "biuf":
        raise TizaError("sample-shape", where="X", shape="×".join(map(str, x.shape)), dtype=str(x.dtype))
    if x.ndim == 2:
        features = features or tuple(f"x{i + 1}" for i in range(x.shape[1]))
        with np.errstate(over="ignore"):  # what float32 can't hold becomes infinite, and is told as such
            return Raw(x.astype(np.float32), y, names, features=features)
    x = channels_first(x)
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        raise TizaError("not-finite", where="X", row=int(np.argwhere(~np.isfinite(x))[0][0]), column="–")
    form: dict[str, Any] = dict(zip(("channels", "height", "width"), x.shape[1:], strict=True), form="image")
    if scale := scale_of(x):
        form["scale"] = list(scale)  # the model's manifest keeps it: later arrays are stretched alike
    return Raw(as_bytes(x, scale), y, names, form=form)


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
        samples, labels = zip(*((array_of(sample), label) for sample, label in pairs), strict=True)
        return np.stack(samples), array_of(labels)
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise RequestError("source", where="source", found=type(source).__name__) from error


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
