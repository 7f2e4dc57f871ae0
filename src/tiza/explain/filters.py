"""A convolution with a given kernel, over a picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from tiza.data import intake
from tiza.data.digit import picture_of
from tiza.errors import RequestError, unknown
from tiza.explain.shapes import border, convolve, size_formula

# The gradients: I. Sobel and G. Feldman, 1968; edges: the Laplacian of all eight neighbours; blur: binomial, 1 2 1.
KERNELS: dict[str, tuple[tuple[float, ...], ...]] = {
    "edges": ((-1, -1, -1), (-1, 8, -1), (-1, -1, -1)),
    "blur": ((1 / 16, 2 / 16, 1 / 16), (2 / 16, 4 / 16, 2 / 16), (1 / 16, 2 / 16, 1 / 16)),
    "sharpen": ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    "sobel-x": ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    "sobel-y": ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
    "emboss": ((-2, -1, 0), (-1, 1, 1), (0, 1, 2)),
}
MOST = 256  # pixels of the longer side: on more, what a small kernel does could not be seen


@dataclass(frozen=True)
class Filtered:
    """A ``kernel`` laid over every place of a grey ``image`` (uint8 H×W), and the ``result`` (float64).

    ``kind``: the kernel's name, or empty; ``original``: height and width of the picture before it was made smaller;
    ``place``: row and column of the result that is furthest from 0 where the kernel lies on the image alone, ``window``
    the pixels under it, ``worked`` the sum of their products; ``sizes``: how the result's height and width come about.
    """

    name: str
    kind: str
    image: np.ndarray
    original: tuple[int, int]
    kernel: np.ndarray
    stride: int
    padding: int | str
    result: np.ndarray
    place: tuple[int, int]
    window: np.ndarray
    corner: tuple[int, int]
    worked: str
    sizes: tuple[str, str]

    @property
    def signed(self) -> bool:
        """Whether the kernel's weights cancel out, so that the result is 0 where the image is even."""
        return bool(abs(self.kernel.sum()) < 1e-6 * np.abs(self.kernel).sum())

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it."""
        plain = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in vars(self).items()}
        del plain["image"]
        return plain | {"size": self.image.shape}


def filter(
    picture: Any, kernel: Any = "edges", *, stride: int = 1, padding: int | Literal["valid", "same", "full"] = 0,
    name: str = "",
) -> Filtered:  # fmt: skip
    """A convolution of a picture with a kernel, as :func:`convolve` lays it: not turned round.

    ``picture``: a PNG or JPEG file, or uint8 H×W, H×W×3 or C×H×W; it is taken in grey, its longer side at most 256
    pixels. ``kernel``: a table of numbers, or one of edges, blur, sharpen, sobel-x, sobel-y, emboss. Raises
    :class:`TizaError` for what is no picture, for an unknown kernel, and for one that does not fit.
    """
    if isinstance(picture, (str, Path)):
        name, array = Path(picture).name, intake.read_picture(picture)
    else:
        array = np.asarray(picture)
        if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[2] != 3:
            array = array[0] if array.shape[0] == 1 else array.transpose(1, 2, 0)
    grey = picture_of(array).convert("L")
    original = grey.height, grey.width
    grey.thumbnail((MOST, MOST), Image.Resampling.LANCZOS)
    image = np.asarray(grey)
    weights, kind = _weights(kernel)
    x = torch.from_numpy(image.astype(np.float64))
    try:
        (top, bottom), (left, right) = (border(side, padding) for side in weights.shape)
        padded = F.pad(x, (left, right, top, bottom))
        result = F.conv2d(padded[None, None], torch.from_numpy(weights)[None, None], stride=stride)[0, 0].numpy()
    except (RuntimeError, ValueError, KeyError) as error:
        raise RequestError("convolve", where="--kernel", reason=str(error).splitlines()[0]) from error
    (height, width), (high, wide) = weights.shape, image.shape
    rows = slice(-(-top // stride), (top + high - height) // stride + 1)
    columns = slice(-(-left // stride), (left + wide - width) // stride + 1)
    if not result[rows, columns].size:  # the kernel hangs over the border everywhere
        rows = columns = slice(0, None)
    far = np.abs(result[rows, columns])
    i, j = (int(at) for at in np.unravel_index(far.argmax(), far.shape))
    place = rows.start + i, columns.start + j
    row, column = stride * place[0], stride * place[1]
    window = padded[row : row + height, column : column + width].numpy()
    sizes = [
        size_formula(side, long, stride, 1, sum(pads), out)
        for side, long, pads, out in zip(
            image.shape, weights.shape, ((top, bottom), (left, right)), result.shape, strict=True
        )
    ]
    return Filtered(
        name, kind, image, original, weights, stride, padding, result, place, window, (row - top, column - left),
        convolve(window, weights).worked[0][0], (sizes[0], sizes[1]),
    )  # fmt: skip


def _weights(kernel: Any) -> tuple[np.ndarray, str]:
    """The kernel as float64 h×w, and its name if it has one."""
    kind = kernel if isinstance(kernel, str) else ""
    if kind and kind not in KERNELS:
        raise unknown("kernel", kind, list(KERNELS), where="--kernel")
    try:
        weights = np.asarray(KERNELS[kind] if kind else kernel, np.float64)
    except (ValueError, TypeError):
        raise RequestError("kernel-table", where="--kernel") from None
    if weights.ndim != 2 or not weights.size or not np.isfinite(weights).all():
        raise RequestError("kernel-table", where="--kernel")
    return weights, kind
