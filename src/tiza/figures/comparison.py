"""A recipe against its variants: accuracy on validation by epoch and by second, every seed and their mean."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from tiza.figures.learning import label, spread, zoom
from tiza.figures.paper import HAIR, INK, SIZE, as_tick, fit, place, sheet, styled
from tiza.figures.samples import CLASSES
from tiza.i18n import number, t

COLOURS = (CLASSES[0], CLASSES[1], CLASSES[3])  # of the variants; the recipe is in ink
DASHES = ("-", (0, (5, 2)), (0, (1.2, 1.6)), (0, (6, 2, 1.2, 2)), (0, (5, 1.5, 1.2, 1.5, 1.2, 1.5)))
LEFT, PLOT = 0.6, 3.8  # where the plots begin, and their width
FAR_APART = 8  # times as long as the shortest training, from where on seconds are drawn by factors

Curve = Mapping[str, Sequence[float]]


@styled
def comparison(of: Mapping[str, Sequence[Curve]]) -> Figure:
    """Curves over seeds, by recipe, of which the first is compared with the others.

    Each has its ``epochs``, its ``seconds`` of training and its ``accuracy``. Thin: each seed; thick: their mean.
    """
    first, *_ = of
    seeds = max(map(len, of.values()))
    high = max(1.9, 0.46 * len(of))
    note = t("fig.comparison.note", n=seeds)
    figure, page = sheet(2.65 + 2 * high, t("fig.comparison.title", id=first), note)
    for i, by in enumerate(("epochs", "seconds")):
        _plot(page, of, by, 1.25 + i * (high + 0.85), high)
    return figure


def _plot(page: Axes, of: Mapping[str, Sequence[Curve]], by: str, top: float, high: float) -> None:
    """Accuracy against epochs or seconds, with a name at the end of each mean."""
    box = (LEFT, top, PLOT, high)
    ax = place(page, box)
    means: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for i, (name, curves) in enumerate(of.items()):
        for curve in curves:
            ax.plot(curve[by], curve["accuracy"], linewidth=0.8, alpha=0.55, **_look(i))
        n = min(len(curve["accuracy"]) for curve in curves)  # up to where all seeds went
        x, y = (np.mean([curve[key][:n] for curve in curves], 0) for key in (by, "accuracy"))
        ax.plot(x, y, linewidth=2.2, marker="o" if n <= 12 else "", markersize=3.5, **_look(i))
        if n:
            means[name] = x, y
    zoom(ax, [np.asarray(curve["accuracy"]) for curves in of.values() for curve in curves], "accuracy")
    label(page, ax, box, "accuracy", SIZE)
    ax.set_xlim(0, None)
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    if by == "seconds":
        ax.set_xlabel(t("fig.comparison.seconds"), labelpad=2)
    ends = [float(x[-1]) for x, _ in means.values()]
    if by == "seconds" and min(ends, default=1) * FAR_APART < max(ends, default=1):
        ax.set_xscale("log")
        ax.autoscale(axis="x")
        ax.xaxis.set_major_locator(LogLocator(10, subs=(1, 3), numticks=8))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(as_tick))
    _ends(page, ax, means, list(of), top, high)


def _ends(
    page: Axes, ax: Axes, means: Mapping[str, tuple[np.ndarray, np.ndarray]], names: Sequence[str], top: float,
    high: float,
) -> None:  # fmt: skip
    """Each mean's line, name and last value, apart from the others; hairlines lead there from where it ends."""
    row, right = SIZE * 1.28 / 72, LEFT + PLOT
    low, most = ax.get_ylim()
    heights = [top + high * (most - float(y[-1])) / (most - low) for _, y in means.values()]
    places = spread(heights, 2 * row + 0.06, top + row, top + high - row)
    for (name, (x, y)), here, there in zip(means.items(), heights, places, strict=True):
        look = _look(names.index(name))
        along = (ax.transAxes.inverted().transform(ax.transData.transform((x[-1], y[-1]))))[0]
        page.plot([LEFT + PLOT * along], [here], "o", color=look["color"], markersize=4.5)
        page.plot([LEFT + PLOT * along, right, right + 0.12], [here, there, there], color=HAIR, linewidth=0.7, zorder=1)
        page.plot([right + 0.16, right + 0.46], [there, there], linewidth=2.2, **look)
        page.text(right + 0.53, there, fit(name, 2.36), va="bottom")
        page.text(right + 0.53, there + 0.01, number(float(y[-1]), ".1%"), weight="bold", va="top")


def _look(i: int) -> dict[str, Any]:
    """A colour and a dash of its own."""
    return {"color": COLOURS[(i - 1) % len(COLOURS)] if i else INK, "linestyle": DASHES[i % len(DASHES)]}
