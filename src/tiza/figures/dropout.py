"""Dropout at work: the units of one layer in eval mode and in four draws, and what the draws answer."""

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from tiza.figures.paper import GREY, INK, MARGIN, as_percent, as_probability, fit, place, sheet, styled
from tiza.figures.samples import CLASSES
from tiza.i18n import number, t

if TYPE_CHECKING:
    from tiza.explain.dropout import Dropout

MOST_UNITS = 400  # more would be too small to see
DRAWS = 4
BINS = 20
SIDE, STEP = 1.3, 1.45  # of a panel, and from one to the next
SHADES = LinearSegmentedColormap.from_list("units", ["#edefed", INK])
OFF = CLASSES[1]


@styled
def dropout(of: "Dropout") -> Figure:
    """Each unit a square, the darker the larger its activation, crossed where a draw switches it off.

    At most 400 units are drawn. Below, the probability of the right class over all draws, against eval mode's.
    """
    n, label = len(of.units), of.classes[of.label]
    shown = min(n, MOST_UNITS)
    note = t("fig.dropout.note", layer=of.layer, p=of.p, index=of.index, label=fit(label, 1.5))
    some = " · " + t("fig.dropout.some", n=shown) if shown < n else ""
    figure, page = sheet(4.85, t("fig.dropout.title", share=of.p, n=n), note + some)
    none = np.zeros(n, bool)
    panels = [(t("fig.dropout.eval"), of.units, none, of.probability)]
    panels += [
        (t("fig.dropout.draw", n=i + 1), of.activations[i], of.off[i], of.probabilities[i])
        for i in range(min(DRAWS, len(of.factors)))
    ]
    most = max(float(np.abs(values[:shown]).max()) for _, values, *_ in panels)
    for i, (name, values, off, probability) in enumerate(panels):
        left = MARGIN + i * STEP
        page.text(left, 1.02, name, weight="bold")
        _units(place(page, (left, 1.12, SIDE, SIDE)), values[:shown], off[:shown], most)
        page.text(left, 2.6, t("fig.dropout.off", n=int(off.sum())), color=GREY)
        page.text(left, 2.79, f"P({fit(label, 0.55)}) = {as_probability(float(probability))}", color=GREY)
    page.text(MARGIN, 3.1, t("fig.dropout.key", stays=1 - of.p), color=GREY)
    _histogram(page, of, label)
    return figure


def _units(ax: Axes, values: np.ndarray, off: np.ndarray, most: float) -> None:
    """One square a unit, row by row; what is switched off is white and crossed."""
    columns = math.ceil(math.sqrt(len(values)))
    rows = math.ceil(len(values) / columns)
    cells = np.full(rows * columns, np.nan)
    cells[: len(values)] = np.where(off, np.nan, np.abs(values))
    ax.imshow(cells.reshape(rows, columns), cmap=SHADES, vmin=0, vmax=most or 1)
    y, x = np.divmod(np.flatnonzero(off), columns)
    size = 72 * SIDE / columns
    ax.plot(x, y, "x", color=OFF, markersize=0.55 * size, markeredgewidth=min(0.16 * size, 1.6), linestyle="")
    ax.grid(False)
    for line in range(1, columns):  # between the squares
        ax.axvline(line - 0.5, color="white", linewidth=0.1 * size)
    for line in range(1, rows):
        ax.axhline(line - 0.5, color="white", linewidth=0.1 * size)
    ax.set(xticks=[], yticks=[], xlim=(-0.5, columns - 0.5), ylim=(columns - 0.5, -0.5))
    ax.spines[:].set_visible(False)


def _histogram(page: Axes, of: "Dropout", label: str) -> None:
    """How often the draws give the right class which probability; their mean and eval mode's beside it."""
    left, top, width = 0.55, 3.62, 4.2
    chances, mean = of.probabilities, float(of.probabilities.mean())
    page.text(MARGIN, top - 0.12, t("fig.dropout.chances", label=fit(label, 1.5), n=len(chances)), weight="bold")
    ax = place(page, (left, top, width, 0.8))
    ax.hist(chances, bins=np.linspace(0, 1, BINS + 1).tolist(), color=OFF)
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(FuncFormatter(as_percent))
    ax.yaxis.set_major_locator(MaxNLocator(3, integer=True, prune="lower"))
    lines = (("fig.dropout.eval", of.probability, "-", INK), ("fig.dropout.mean", mean, (0, (3, 2)), GREY))
    for i, (key, value, dashes, colour) in enumerate(lines):
        ax.axvline(value, color=colour, linestyle=dashes, linewidth=1.8, clip_on=False)
        x, y = left + width + 0.3, top + 0.08 + 0.45 * i
        page.plot([x, x + 0.35], [y, y], color=colour, linestyle=dashes, linewidth=1.8)
        page.text(x + 0.45, y, t(key), va="center_baseline")
        page.text(x + 0.45, y + 0.19, number(value, ".1%"), weight="bold", va="center_baseline")
