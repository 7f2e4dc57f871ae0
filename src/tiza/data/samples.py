"""Arrays of samples as a data set and a model take them: one layout, one scale. No torch."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tiza.errors import RequestError, TizaError

SEVERAL = 10  # images of which one at least is as bright as those that were learnt from


def array_of(value: Any) -> np.ndarray:
    """Numbers from whatever holds them: lists, arrays, tensors, a DataFrame."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    try:
        return np.asarray(value)
    except ValueError as error:  # rows of unequal length
        raise RequestError("source", where="source", found=type(value).__name__) from error


def channels_first(x: np.ndarray) -> np.ndarray:
    """Images as N×C×H×W from N×H×W, N×C×H×W or N×H×W×C."""
    if x.ndim == 3:
        return x[:, None]
    if channels_last(x.shape):
        return x.transpose(0, 3, 1, 2)
    if x.ndim != 4:
        raise TizaError("sample-shape", where="X", shape="×".join(map(str, x.shape)), dtype=str(x.dtype))
    return x


def channels_last(shape: tuple[int, ...]) -> bool:
    """Whether images of this shape are N×H×W×C."""
    return len(shape) == 4 and shape[1] not in (1, 3, 4) and shape[3] in (1, 3, 4)


def scale_of(dtype: np.dtype[Any], low: float, high: float) -> tuple[float, float] | None:
    """The values that become 0 and 255, where images are not bytes already: floats, integers beyond 255."""
    low, high = min(low, 0.0), max(high, 0.0)
    if dtype == np.uint8 or (dtype.kind in "iu" and low == 0 and 1 < high <= 255):
        return None
    return low, high


def on_scale(dtype: np.dtype[Any], low: float, high: float, scale: tuple[float, float] | None) -> bool:
    """Whether images with these values can be on the scale of those that were learnt from: of its order of size."""
    if dtype == np.uint8:
        return scale is None or high > 1
    if scale is None:
        return low >= 0 and high <= 255 and (dtype.kind != "f" or high > 1)
    span, learnt = max(high, 0.0) - min(low, 0.0), scale[1] - scale[0]
    return not learnt or learnt <= 10 * span <= 100 * learnt


def check_scale(where: str, dtype: np.dtype[Any], ends: tuple[float, float], scale: tuple[float, float] | None) -> None:
    """Raise :class:`TizaError` for images from ``ends[0]`` to ``ends[1]`` that :func:`on_scale` doesn't take."""
    if not on_scale(dtype, *ends, scale):
        train = scale or (0, 255)
        raise TizaError(
            "another-scale", where=where, low=ends[0], high=ends[1], train_low=train[0], train_high=train[1]
        )


def as_bytes(images: np.ndarray, scale: tuple[float, float] | None) -> np.ndarray:
    """uint8 images, stretched from ``scale`` to 0–255; bytes are taken as they are."""
    if scale is None or images.dtype == np.uint8:
        return images.astype(np.uint8)
    low, high = scale
    stretched = np.empty(images.shape, np.uint8)
    for first in range(0, len(images), 256):  # some at a time: each value takes eight bytes on the way
        some = images[first : first + 256].astype(np.float64) - low
        stretched[first : first + 256] = np.rint(some.clip(0, high - low) * (255 / (high - low or 1)))
    return stretched


def for_model(value: Any, shape: tuple[int, ...], form: Mapping[str, Any]) -> np.ndarray:
    """Samples as a model of ``shape`` takes them, N×…, brought to them as its training data was.

    ``form`` is the manifest's. Raises :class:`TizaError` for another shape or type, and for images on another scale.
    """
    x = array_of(value)
    found = "×".join(map(str, x.shape[1:])) or "–"
    wrong = RequestError("predict-shape", where="inputs", found=found, wanted="×".join(map(str, shape)))
    if x.dtype.kind not in "biuf" and x.shape[1:] == shape:
        raise RequestError("predict-type", where="inputs", found=str(x.dtype))
    if x.dtype.kind not in "biuf" or x.ndim == 0:
        raise wrong
    if len(shape) == 1:
        with np.errstate(over="ignore"):  # what float32 can't hold becomes infinite, which is told
            x = x.astype(np.float32)
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        row = int(np.argwhere(~np.isfinite(x))[0][0])
        raise TizaError("not-finite", where="inputs", row=row, column="–")
    if len(shape) == 1:
        if x.shape[1:] != shape:
            raise wrong
        return x
    if x.shape[1:] != shape:
        x = channels_first(x) if x.ndim in (3, 4) else x
    if x.shape[1:] != shape:
        raise wrong
    scale = tuple(form["scale"]) if form.get("scale") else None
    if x.dtype == np.uint8 and scale is None:
        return x
    low, high = float(x.min(initial=0)), float(x.max(initial=0))
    if scale is None and not on_scale(x.dtype, low, high, None):
        raise RequestError("predict-scale", where="inputs", low=low, high=high)
    if scale is not None and (high > scale[1] or len(x) >= SEVERAL):
        check_scale("inputs", x.dtype, (low, high), scale)
    return as_bytes(x, scale)
