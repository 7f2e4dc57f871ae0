"""Numbers on both sides of 0 as colours: one scale for all tiles of a figure, 0 white."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from tiza.figures.paper import GREY, HAIR, as_value

SIGNED = LinearSegmentedColormap.from_list("signed", ["#6d2250", "#cc79a7", "#ffffff", "#56b4e9", "#0b4467"])


def signed_tile(page: Axes, values: Any, x: float, y: float, side: float, most: float) -> None:
    """Values (H×W) from −``most`` to ``most`` in a square of that side, the longer side of the tile."""
    array = np.asarray(values)
    height, width = array.shape
    scale = side / max(height, width)
    x, y = x + (side - width * scale) / 2, y + (side - height * scale) / 2
    right, bottom = x + width * scale, y + height * scale
    page.imshow(
        array, cmap=SIGNED, vmin=-(most or 1), vmax=most or 1, extent=(x, right, bottom, y), aspect="auto",
        interpolation="nearest",
    )  # fmt: skip
    page.plot([x, right, right, x, x], [y, y, bottom, bottom, y], color=HAIR, linewidth=0.6)


def scale_bar(page: Axes, x: float, y: float, most: float, width: float = 2.0) -> None:
    """The scale of the tiles with its ends and its middle."""
    page.imshow(
        np.linspace(-1, 1, 256)[None], cmap=SIGNED, vmin=-1, vmax=1, extent=(x, x + width, y + 0.13, y), aspect="auto"
    )
    for place, value in ((0, -most), (width / 2, 0.0), (width, most)):
        page.text(x + place, y + 0.31, as_value(value), ha="center", color=GREY)
