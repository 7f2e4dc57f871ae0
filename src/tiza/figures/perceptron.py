"""The perceptron's line at some moments, and as a moving picture of every update that moved it."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from PIL import Image

from tiza import storage
from tiza.figures.paper import GREY, INK, MARGIN, STYLE, WIDTH, as_tick, fit, place, sheet, styled, text_width
from tiza.figures.regions import look, scatter
from tiza.figures.samples import CLASSES
from tiza.i18n import t

if TYPE_CHECKING:
    from tiza.explain.perceptron import Lines

PANELS, FRAMES = 6, 120  # at most
PALE = 0.22  # how much of a class's colour its side of the line has
ROOM = 0.06  # of the range of each feature, around the points
DOTS = 100  # an inch of a moving picture
FRAME, LAST = 200, 3_000  # milliseconds


@styled
def perceptron(of: "Lines") -> Figure:
    """The line at six moments, from none to the last; the sample just seen and those on the wrong side are ringed."""
    moments = spaced([0, *of.moved.tolist()], PANELS)
    n, wrong = len(of.samples), int(of.wrong(len(of.samples)).sum())
    side, step, row = 1.95, 2.4, 2.6
    title = t("fig.perceptron.title", n=n, wrong=wrong, points=len(of.labels))
    figure, page = sheet(1.3 + row * -(-len(moments) // 3), title, t("fig.perceptron.note"))
    _legend(page, of, 0.92, WIDTH)
    for i, moment in enumerate(moments):
        left, top = 0.5 + i % 3 * step, 1.5 + i // 3 * row
        page.text(left, top - 0.1, _heading(of, moment))
        _draw(place(page, (left, top, side, side)), of, moment, ticks=3)
    return figure


def animate(of: "Lines", path: str | Path) -> Path:
    """A GIF of the line before the first update and after each that moved it, at most 120 frames; the path written.

    Where there are more, those at the beginning, which move it most, are kept closest; the picture says so.
    """
    every = [0, *of.moved.tolist()]
    moments = spaced(every, FRAMES)
    counts = {"n": len(moments) - 1, "moved": len(every) - 1}
    note = t("fig.perceptron.all" if len(moments) == len(every) else "fig.perceptron.some", **counts)
    frames: list[Image.Image] = []
    with style.context(STYLE, after_reset=True):
        for moment in moments:
            figure, page = sheet(6.0, _heading(of, moment), note, width=5.2)
            _legend(page, of, 0.92, 5.2)
            _draw(place(page, (0.5, 1.15, 4.45, 4.45)), of, moment, ticks=5)
            figure.set_dpi(DOTS)
            canvas = FigureCanvasAgg(figure)
            canvas.draw()
            picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
            frames.append(picture.quantize(64, dither=Image.Dither.NONE))
    buffer = io.BytesIO()
    times = [FRAME] * (len(frames) - 1) + [LAST]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=times, loop=0)
    path = Path(path).with_suffix(".gif")
    storage.write(path, buffer.getvalue())
    return path


def spaced(values: list[int], n: int) -> list[int]:
    """At most ``n`` of the values, the first and the last among them, those at the beginning closest."""
    if len(values) <= n:
        return values
    return [values[i] for i in np.unique(np.geomspace(1, len(values), n).round().astype(int) - 1)]


def _heading(of: "Lines", moment: int) -> str:
    wrong = int(of.wrong(moment).sum())
    return t("fig.perceptron.after" if of.weights[moment, :2].any() else "fig.perceptron.none", n=moment, wrong=wrong)


def _legend(page: Axes, of: "Lines", y: float, width: float) -> None:
    """The two classes with their signs, and which feature runs which way."""
    x = MARGIN + 0.06
    for label, name in enumerate(of.classes):
        name = fit(name, 0.22 * width)
        page.plot([x], [y], linestyle="", markersize=7, **look(label))
        page.text(x + 0.14, y, name, va="center_baseline")
        x += 0.14 + text_width(name) + 0.3
    axes = t("fig.axes", x=of.features[0], y=of.features[1])
    page.text(width - MARGIN, y, fit(axes, width - MARGIN - x), color=GREY, ha="right", va="center_baseline")


def _draw(ax: Axes, of: "Lines", moment: int, ticks: int) -> None:
    """Points, the line and its two sides; before there is a line, the one answer that the bias gives everywhere."""
    low, high = of.points.min(0), of.points.max(0)
    room = ROOM * np.where(high > low, high - low, 1)
    (x0, y0), (x1, y1) = low - room, high + room
    w1, w2, b = of.weights[moment]
    colours = [to_hex((1 - PALE + PALE * np.array(to_rgb(CLASSES[label]))).tolist()) for label in (0, 1)]
    z = np.array([[w1 * x + w2 * y + b for x in (x0, x1)] for y in (y0, y1)])  # at the corners: it is linear
    if z.min() < 0 < z.max():
        far = 2 * np.abs(z).max()
        ax.contourf([x0, x1], [y0, y1], z, levels=[-far, 0, far], colors=colours, zorder=0.5)
        ax.contour([x0, x1], [y0, y1], z, levels=[0], colors=INK, linewidths=1.8, zorder=0.9)
    else:
        ax.set_facecolor(colours[int(z.max() > 0 or not z.any())])
    ax.grid(False)
    scatter(ax, of.points, of.labels, of.wrong(moment))
    if moment:
        seen = of.points[of.samples[moment - 1]]
        ax.plot(*seen, "o", markersize=11, mfc="none", mec=INK, mew=1.6)
    ax.set(xlim=(x0, x1), ylim=(y0, y1))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(FuncFormatter(as_tick))
