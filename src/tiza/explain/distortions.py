"""What happens to images between a scanner and a model: six distortions, each in five severities.

In the spirit of ImageNet-C (Hendrycks & Dietterich 2019) and MNIST-C (Mu & Gilmer 2019). Shapes: N images, C channels,
H×W pixels.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from torchvision.transforms.v2 import functional as vision

from tiza.errors import RequestError, unknown

SEVERITIES = 5
SIDE = 28  # the side of an image that amounts in pixels are meant for; larger ones get as many times more


@dataclass(frozen=True)
class Distortion:
    """``apply(images, amount, rng)`` changes uint8 N×C×H×W images; ``amounts`` of ``unit``: one for each severity."""

    amounts: tuple[float, ...]
    unit: str
    apply: Callable[[np.ndarray, float, np.random.Generator], np.ndarray]

    def amount(self, severity: int, shape: Sequence[int]) -> float:
        """How much a severity is for images of this shape; 0 for severity 0. Pixels grow with the shorter side."""
        times = max(1, round(min(shape[-2:]) / SIDE)) if self.unit == "pixels" else 1
        return times * (0, *self.amounts)[severity]


def distort(images: Any, kind: str, severity: int, *, seed: int | Sequence[int] = 0) -> np.ndarray:
    """Images (uint8 N×C×H×W) with the distortion ``kind`` at ``severity`` 0 (none) to 5.

    ``shift``: 1 to 5 pixels to one of four sides. ``rotation``: 10 to 50 degrees to the left or right. ``noise``:
    normal, its deviation 20 to 100 grey levels. ``blur``: a Gaussian of σ 0.5 to 2.5 pixels. ``thickness``: strokes
    0.5 to 2.5 pixels wider on each side. ``contrast``: 20 to 90 % of it lost. Pixels are those of a side of 28, and
    more where the side is a multiple of that. Sides and noise follow from ``seed`` and are the same at all
    severities. Raises :class:`TizaError` for an unknown kind, a severity that there is not, and for what is no images.
    """
    if kind not in DISTORTIONS:
        raise unknown("distortion", kind, list(DISTORTIONS), where="--kind")
    if severity not in range(SEVERITIES + 1):
        raise RequestError("severity", where="severity", severity=severity, most=SEVERITIES)
    x = np.asarray(images)
    if x.ndim != 4 or x.dtype != np.uint8:
        shape = "×".join(map(str, x.shape)) or "–"
        raise RequestError("distort-images", where="images", shape=shape, dtype=str(x.dtype))
    if severity == 0:
        return x.copy()
    of = DISTORTIONS[kind]
    return of.apply(x, of.amount(severity, x.shape), np.random.default_rng(seed))


def background(images: np.ndarray) -> np.ndarray:
    """The grey level behind what an image shows, N×C×1×1: the median of its outermost pixels."""
    edges = (images[..., 0, :], images[..., -1, :], images[..., 1:-1, 0], images[..., 1:-1, -1])
    return np.median(np.concatenate(edges, -1), -1)[..., None, None]


def shifted(images: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Moved by ``amount`` whole pixels to the left, right, top or bottom; the background comes in."""
    side = rng.integers(4, size=len(images))
    moves = [(-amount, 0.0), (amount, 0.0), (0.0, -amount), (0.0, amount)]
    return _moved(images, side, [(0.0, move) for move in moves])


def rotated(images: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Turned about the centre by ``amount`` degrees to the left or to the right, bilinear; the background comes in."""
    side = rng.integers(2, size=len(images))
    return _moved(images, side, [(-amount, (0.0, 0.0)), (amount, (0.0, 0.0))])


def _moved(images: np.ndarray, side: np.ndarray, ways: Sequence[tuple[float, tuple[float, float]]]) -> np.ndarray:
    """Each image turned and moved as its ``side`` says."""
    behind, moved = background(images), np.empty(images.shape, np.float64)
    for i, (angle, (right, down)) in enumerate(ways):
        mine = side == i
        ink = torch.from_numpy(images[mine] - behind[mine])
        whole = vision.InterpolationMode.NEAREST if angle == 0 else vision.InterpolationMode.BILINEAR
        moved[mine] = vision.affine(ink, angle, [right, down], 1.0, [0.0, 0.0], interpolation=whole, fill=[0.0]).numpy()
    return _bytes(moved + behind)


def noisy(images: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Normal noise of deviation ``amount`` grey levels on every pixel and channel, cut off at black and white."""
    return _bytes(images + amount * rng.standard_normal(images.shape, np.float32))


def blurred(images: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Through a Gaussian of σ ``amount`` pixels; beyond the border goes on what is there."""
    return _bytes(ndimage.gaussian_filter(images.astype(np.float32), (0, 0, amount, amount), mode="nearest"))


def thickened(images: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Strokes ``amount`` pixels wider on each side: grey dilation of what is lighter than its background, else erosion.

    Between whole pixels the two nearest are mixed.
    """
    light = (images - background(images)).mean((1, 2, 3)) >= 0
    thick = np.empty(images.shape, np.float64)
    for mine, grown in ((light, ndimage.grey_dilation), (~light, ndimage.grey_erosion)):
        less, part = int(amount), amount % 1
        near, far = (
            grown(images[mine], size=(1, 1, 2 * k + 1, 2 * k + 1), mode="nearest") if k else images[mine]
            for k in (less, less + (part > 0))
        )
        thick[mine] = (1 - part) * near + part * far
    return _bytes(thick)


def paled(images: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """The share ``amount`` of the contrast lost: each pixel that much of the way to the image's mean grey level."""
    return vision.adjust_contrast(torch.from_numpy(images), 1 - amount).numpy()


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.rint(values).clip(0, 255).astype(np.uint8)


DISTORTIONS: Mapping[str, Distortion] = MappingProxyType(
    {
        "shift": Distortion((1, 2, 3, 4, 5), "pixels", shifted),
        "rotation": Distortion((10, 20, 30, 40, 50), "degrees", rotated),
        "noise": Distortion((20, 40, 60, 80, 100), "levels", noisy),
        "blur": Distortion((0.5, 1, 1.5, 2, 2.5), "pixels", blurred),
        "thickness": Distortion((0.5, 1, 1.5, 2, 2.5), "pixels", thickened),
        "contrast": Distortion((0.2, 0.4, 0.6, 0.75, 0.9), "share", paled),
    }
)
