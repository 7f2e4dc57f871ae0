"""A picture before and after a convolution, and one number of it worked."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tiza.figures.paper import GREY, MARGIN, WIDTH, as_value, fit, place, sheet, styled, text_width
from tiza.figures.samples import CLASSES
from tiza.figures.signed import SIGNED, scale_bar
from tiza.i18n import t

if TYPE_CHECKING:
    from tiza.explain.filters import Filtered

SIDE, CELL, LARGEST = 3.4, 0.58, 5  # inches of a picture and of a number; rows of a kernel that is written out


@styled
def filter(of: "Filtered") -> Figure:
    """The picture and the result side by side, the same place framed in both; below, the numbers of that place.

    Where the kernel's weights cancel out, the result has a colour on each side of 0; else it is grey as the picture.
    """
    title = t("fig.filter.title", name=of.name or t("fig.original"), kernel=said(of))
    tall = max(SIDE * shape[0] / max(shape) for shape in (of.image.shape, of.result.shape))
    below = 1.4 + tall + (0.4 if of.signed else 0)
    written = max(of.kernel.shape) <= LARGEST
    figure, page = sheet(below + (0.35 + 0.27 * len(of.kernel) if written else -0.15), title, t("fig.filter.note"))
    most, bright = float(np.abs(of.result).max()), sorted((0.0, 255 * float(of.kernel.sum())))
    grey: dict[str, Any] = {"cmap": "gray", "vmin": bright[0], "vmax": bright[1]}
    look = {"cmap": SIGNED, "vmin": -(most or 1), "vmax": most or 1} if of.signed else grey
    left, right = MARGIN, WIDTH - MARGIN - SIDE
    under = (*of.corner, *of.kernel.shape)
    _picture(page, of.image, "fig.filter.before", left, under, {"cmap": "gray", "vmin": 0, "vmax": 255})
    _picture(page, of.result, "fig.filter.after", right, (*of.place, 1, 1), look)
    if of.signed:
        scale_bar(page, right + (SIDE - 2) / 2, 1.2 + tall, most)
    if written:
        _worked(page, of, below)
    return figure


def said(of: "Filtered") -> str:
    """What the kernel is called."""
    size = "×".join(map(str, of.kernel.shape))
    return t(f"filter.{of.kind}", size=size) if of.kind else t("filter.own", size=size)


def _picture(
    page: Axes, values: np.ndarray, heading: str, x: float, frame: tuple[int, int, int, int], look: dict[str, Any]
) -> None:
    """An image under its heading, with a frame: first row and column, rows, columns."""
    height, width = values.shape
    scale = SIDE / max(height, width)
    page.text(x, 0.98, t(heading, height=height, width=width), color=GREY)
    ax = place(page, (x, 1.08, width * scale, height * scale))
    ax.imshow(values, aspect="auto", **look)
    row, column, rows, columns = frame
    room = max(0.0, (0.06 / scale - max(rows, columns)) / 2)  # never too small to be seen
    ys, xs = (row - 0.5 - room, row + rows - 0.5 + room), (column - 0.5 - room, column + columns - 0.5 + room)
    ax.plot([*xs, *xs[::-1], xs[0]], [ys[0], *ys, *ys[::-1]], color=CLASSES[1], linewidth=1.6, clip_on=False)
    ax.set(xticks=[], yticks=[], xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    ax.spines[:].set_visible(False)
    ax.grid(False)


def _worked(page: Axes, of: "Filtered", top: float) -> None:
    """The pixels under the kernel, the kernel, and the sum of their products."""
    rows, columns = of.kernel.shape
    x, middle = MARGIN, top + 0.3 + 0.27 * (rows - 1) / 2
    for heading, values in (("fig.filter.window", of.window), ("fig.filter.kernel", of.kernel)):
        name = t(heading)
        page.text(x, top, name, weight="bold")
        for i, line in enumerate(values):
            for j, value in enumerate(line):
                page.text(x + CELL * (j + 0.5), top + 0.3 + 0.27 * i, as_value(float(value)), ha="center")
        x += max(CELL * columns, text_width(name, weight="bold")) + 0.15
        page.text(x, middle, "·" if heading == "fig.filter.window" else "=", ha="center", size=13)
        x += 0.2
    said = fit(as_value(float(of.result[of.place])), WIDTH - MARGIN - x, weight="bold")
    page.text(x, middle, said, weight="bold")
