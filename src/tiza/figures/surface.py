"""The loss over two weights, and the way down."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from tiza.figures.paper import GREY, INK, TRAIN, as_tick, as_value, fit, place, sheet, styled
from tiza.i18n import t

if TYPE_CHECKING:
    from tiza.explain.surface import Surface

SLOPE = LinearSegmentedColormap.from_list("slope", ["#ffffff", "#b9bfbb"])
LEVELS = 10


@styled
def surface(of: "Surface") -> Figure:
    """Contours of the loss, darker where it is higher, with the path from start to end."""
    title = t("fig.surface.title", n=int(of.steps[-1]))
    figure, page = sheet(6.2, title, t("fig.surface.note", n=of.others))
    left, top, width, height = 0.75, 1.2, 5.4, 4.3
    page.text(left, top - 0.12, fit(of.names[1], width), color=GREY)
    ax, bar = place(page, (left, top, width, height)), place(page, (left + width + 0.3, top, 0.18, height))
    levels = _levels(of.loss)
    shades = SLOPE(np.linspace(0, 1, len(levels) - 1))
    ax.contourf(of.x, of.y, of.loss, levels=levels, colors=shades)
    ax.contour(of.x, of.y, of.loss, levels=levels, colors=GREY, linewidths=0.5)
    ax.plot(*of.path.T, color=TRAIN, linewidth=1.8)
    (x0, y0), (x1, y1) = of.path[0], of.path[-1]
    ax.plot([x0], [y0], "o", color=TRAIN, mfc="white", mew=1.8, markersize=8)
    ax.plot([x1], [y1], "o", color=TRAIN, markersize=8)
    for text, x, y, above in (("fig.start", x0, y0, y0 > y1), ("fig.end", x1, y1, y1 >= y0)):
        ax.annotate(
            t(text), (x, y), (0, 9 if above else -9), textcoords="offset points", ha="center",
            va="bottom" if above else "top", weight="bold", color=INK,
        )  # fmt: skip
    ax.grid(False)
    ax.set_xlabel(fit(of.names[0], width), labelpad=5)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(FuncFormatter(as_tick))
    page.text(left + width + 0.3, top - 0.12, t("fig.loss"), color=GREY)
    for i, shade in enumerate(shades):
        bar.axhspan(i, i + 1, color=shade, linewidth=0)
    bar.grid(False)
    bar.yaxis.tick_right()
    bar.set(xticks=[], ylim=(0, len(shades)))
    bar.set_yticks(range(len(levels)), [as_value(level) for level in levels])
    return figure


def _levels(loss: np.ndarray) -> np.ndarray:
    """Even steps; where the loss spans more than a tenfold, even factors."""
    low, high = float(loss.min()), float(loss.max())
    if high - low < 1e-4 * high:  # as good as flat
        return np.array([low * 0.99, high * 1.01])
    if high > 10 * low:
        return np.geomspace(max(low, high / 10_000), high, LEVELS + 1)
    return np.asarray(MaxNLocator(LEVELS).tick_values(low, high))
