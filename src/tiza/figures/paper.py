"""The paper that figures are drawn on: tiza's style, a sheet, an image as a tile, texts that fit and numbers."""

import io
import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cache, wraps
from pathlib import Path
from typing import Any, ParamSpec

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from tiza import storage
from tiza.i18n import number

INK, GREY, HAIR = "#1d2321", "#5b6360", "#b9bfbb"
TRAIN, VALID, WRONG, RIGHT = "#0072b2", "#e69f00", "#d55e00", "#009e73"
CHALK = LinearSegmentedColormap.from_list("chalk", ["#1f2a27", "#ffffff"])
WIDTH, MARGIN, SIZE = 7.5, 0.2, 10.0
STYLE = Path(__file__).with_name("tiza.mplstyle")

P = ParamSpec("P")
Box = tuple[float, float, float, float]  # left, top, width, height


class Picture(Figure):
    """A Figure that a notebook shows by itself: sharp, 100 px an inch, without pyplot."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        width, height = self.get_size_inches()
        return _bytes(self, "png"), {"width": round(width * 100), "height": round(height * 100)}


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in tiza's style, whatever the user's own is."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with style.context(STYLE, after_reset=True):
            figure = draw(*args, **kwargs)
            figure.draw_without_rendering()  # ticks are made when first drawn: here, in this style
        return figure

    return drawn


def save(figure: Figure, path: str | Path) -> list[Path]:
    """Write the figure as PNG and as SVG, the same bytes each time; the two paths.

    ``path`` may end in ``.png``, ``.svg`` or neither. Raises :class:`TizaError` where it can't be written.
    """
    path = Path(path)
    stem = path.stem if path.suffix.lower() in (".png", ".svg") else path.name
    written = [path.with_name(f"{stem}.{kind}") for kind in ("png", "svg")]
    for file in written:
        storage.write(file, _bytes(figure, file.suffix[1:]))
    return written


def _bytes(figure: Figure, kind: str) -> bytes:
    buffer = io.BytesIO()
    with style.context(STYLE, after_reset=True):
        figure.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()


def sheet(
    height: float, title: str = "", note: str = "", *, width: float = WIDTH, size: float = 13, note_size: float = SIZE
) -> tuple[Figure, Axes]:
    """An empty figure with its title, and the page: axes over all of it whose coordinates are inches."""
    figure, room = Picture(figsize=(width, height)), width - 2 * MARGIN
    page = figure.add_axes((0, 0, 1, 1))
    page.set_axis_off()
    page.set(xlim=(0, width), ylim=(height, 0), autoscale_on=False)
    size = max(SIZE, size * min(1, 0.999 * room / max(text_width(title, size, "bold"), 0.01)))
    page.text(MARGIN, 0.34, fit(title, room, size, "bold"), size=size, weight="bold")
    page.text(MARGIN, 0.62, fit(note, room, note_size), size=note_size, color=GREY)
    return figure, page


def place(page: Axes, box: Box) -> Axes:
    """New axes in the box."""
    left, top, width, height = box
    whole, high = page.get_xlim()[1], page.get_ylim()[0]
    figure: Any = page.figure
    return figure.add_axes((left / whole, 1 - (top + height) / high, width / whole, height / high))


def tile(page: Axes, image: Any, x: float, y: float, side: float, *, photo: bool = False) -> None:
    """An image (H×W, C×H×W or H×W×3, uint8) in a square, each of its pixels as wide as the others.

    In chalk on a board; a photo in its own greys or colours, framed.
    """
    array = np.asarray(image)
    if array.ndim == 3 and array.shape[2] not in (3, 4):
        array = array[0] if array.shape[0] == 1 else array.transpose(1, 2, 0)
    height, width = array.shape[:2]
    dots = side * 200 / max(height, width)  # of the 200 an inch, for each pixel
    dots = (math.floor(dots) if dots >= 2 else dots) / 200
    x = round((x + (side - width * dots) / 2) * 200) / 200
    y = round((y + (side - height * dots) / 2) * 200) / 200
    right, bottom = x + width * dots, y + height * dots
    page.imshow(array, cmap="gray" if photo else CHALK, vmin=0, vmax=255, extent=(x, right, bottom, y), aspect="auto")
    if photo:
        page.plot([x, right, right, x, x], [y, y, bottom, bottom, y], color=HAIR, linewidth=0.6)


@cache
def text_width(text: str, size: float = SIZE, weight: str = "normal") -> float:
    """The width of a text in inches."""
    if not text.strip():
        return 0.0
    path = TextPath((0, 0), text, size, prop=FontProperties(family="DejaVu Sans", weight=weight))
    return path.get_extents().width * 1.02 / 72


def fit(text: str, width: float, size: float = SIZE, weight: str = "normal") -> str:
    """The text, cut with … where it is wider than ``width``."""
    if text_width(text, size, weight) <= width:
        return text

    def cut(n: int) -> str:
        return text[:n].rstrip() + "…"

    return cut(bisect_right(range(1, len(text)), width, key=lambda n: text_width(cut(n), size, weight)))


def as_tick(value: float, _: Any = None) -> str:
    """A number as short as it can be written."""
    return number(float(f"{value:.6g}"), "g").replace("-", "−")


def as_percent(value: float, _: Any = None) -> str:
    """A share, as a tick in per cent."""
    return as_tick(100 * value) + "\u00a0%"


def as_value(value: float) -> str:
    """A feature's value, with three digits that count or as a whole number."""
    return as_tick(round(value) if abs(value) >= 100 else float(f"{value:.3g}"))


def as_probability(value: float) -> str:
    """A whole number of per cent, never 100."""
    return ">" + number(0.99, ".0%") if value >= 0.995 else number(value, ".0%")


def decimals_of(losses: Sequence[float]) -> int:
    """So many that the largest of the losses has three digits that count, and the smallest one."""
    sizes = [math.floor(math.log10(loss)) for loss in losses if 0 < loss < math.inf]
    return min(max(2 - max(sizes), -min(sizes), 0), 6) if sizes else 2
