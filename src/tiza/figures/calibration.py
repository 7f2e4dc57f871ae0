"""Reliability: confidence against accuracy, how many answers have it, and what leaving out unsure ones gives."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from tiza.figures.learning import zoom
from tiza.figures.paper import GREY, INK, SIZE, TRAIN, VALID, Box, as_percent, place, sheet, styled, text_width
from tiza.i18n import number, t

if TYPE_CHECKING:
    from tiza.explain.calibration import Calibration

PLOT: Box = (0.65, 1.17, 2.7, 2.7)
COUNTS: Box = (0.65, 4.25, 2.7, 0.75)
RIGHT: Box = (4.3, 1.17, 2.3, 1.3)
ANSWERED: Box = (4.3, 2.8, 2.3, 1.07)
DASHED = (0, (3, 2))


@styled
def calibration(of: "Calibration") -> Figure:
    """Left the reliability diagram over the count of each bin; right accuracy and coverage against the threshold."""
    title = t("fig.calibration.title", split=t(f"split.{of.split}"), n=of.n, error=of.width.error)
    figure, page = sheet(5.5, title, t("fig.calibration.note", bins=len(of.width.n)))
    colour = {"train": TRAIN, "valid": VALID}[of.split]
    _reliability(page, of, colour)
    _counts(page, of, colour)
    _thresholds(page, of, colour)
    return figure


def _reliability(page: Axes, of: "Calibration", colour: str) -> None:
    """A dot for each bin with its interval, a diamond for each bin of equal count, and the diagonal."""
    page.text(PLOT[0], PLOT[1] - 0.15, t("fig.calibration.accuracy"), weight="bold")
    ax = place(page, PLOT)
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=1.2, linestyle=DASHED)
    some, even = of.width.n > 0, of.count.n > 0
    x, y = of.width.confidence[some], of.width.accuracy[some]
    ax.vlines(x, of.width.low[some], of.width.high[some], color=colour, linewidth=2)
    ax.plot(x, y, "o", color=colour, markersize=6, clip_on=False)
    look: dict[str, Any] = {"mfc": "white", "mec": INK, "mew": 1.1, "markersize": 4.5, "clip_on": False}
    ax.plot(of.count.confidence[even], of.count.accuracy[even], "D", **look)
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.xaxis.set_major_formatter(NullFormatter())  # the counts below have the same axis
    ax.yaxis.set_major_formatter(FuncFormatter(as_percent))


def _counts(page: Axes, of: "Calibration", colour: str) -> None:
    """How many answers each bin of equal width has, on a logarithmic scale from one on."""
    page.text(COUNTS[0], COUNTS[1] - 0.12, t("fig.calibration.counts"), weight="bold")
    ax = place(page, COUNTS)
    edges, n = of.width.edges, of.width.n
    ax.bar(edges[:-1], np.log10(np.maximum(n, 1)) + (n > 0) * 0.12, np.diff(edges) * 0.92, align="edge", color=colour)
    powers = np.arange(int(np.log10(max(n.max(), 10))) + 1)[:: 1 + (n.max() >= 10_000)]
    ax.set(xlim=(0, 1), ylim=(0, np.log10(max(n.max(), 10)) + 0.3))
    ax.set_yticks(powers + 0.12, [number(10**power, ",") for power in powers.tolist()])
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.xaxis.set_major_formatter(FuncFormatter(as_percent))
    ax.set_xlabel(t("fig.calibration.confidence"), labelpad=3)


def _thresholds(page: Axes, of: "Calibration", colour: str) -> None:
    """Accuracy of what is still answered, with its interval, and its share of all; where the wanted one is reached."""
    known = [one for one in of.thresholds if one.accuracy is not None]
    x = np.array([one.at for one in known])
    accuracy = np.array([one.accuracy for one in known])
    low, high = np.array([one.interval for one in known]).T
    ax = place(page, RIGHT)
    zoom(ax, [accuracy, np.array([of.wanted])], "accuracy")
    ax.fill_between(x, low, high, color=colour, alpha=0.25, linewidth=0)
    ends = (number(round(100 * end, 2), "g") for end in ax.get_yticks()[[0, -1]])
    zoomed = t("fig.zoom", **dict(zip(("low", "high"), ends, strict=True)))
    _line(page, RIGHT, ax, x, accuracy, colour, t("fig.calibration.right"), zoomed)
    ax.axhline(of.wanted, color=GREY, linewidth=1, linestyle=DASHED)
    below = place(page, ANSWERED)
    below.set(ylim=(0, 1), yticks=[0.5, 1])
    coverage = np.array([one.coverage for one in known])
    _line(page, ANSWERED, below, x, coverage, INK, t("fig.calibration.answered"), "")
    below.xaxis.set_major_formatter(FuncFormatter(as_percent))
    below.set_xlabel(t("fig.calibration.at-least"), labelpad=3)
    if of.enough is not None and of.enough.accuracy is not None:
        for axes, y in ((ax, of.enough.accuracy), (below, of.enough.coverage)):
            axes.axvline(of.enough.at, color=GREY, linewidth=1, linestyle=DASHED)
            axes.plot([of.enough.at], [y], "o", color=INK, markersize=4.5, clip_on=False)
    for i, line in enumerate(_said(of)):
        page.text(RIGHT[0], COUNTS[1] + 0.28 + 0.22 * i, line, color=GREY if i else INK)


def _line(page: Axes, box: Box, ax: Axes, x: np.ndarray, y: np.ndarray, colour: str, name: str, zoomed: str) -> None:
    """One line over the thresholds, named above, with its last value at its end."""
    left, top, width, height = box
    page.text(left, top - 0.15, name, weight="bold")
    page.text(left + text_width(name, SIZE, "bold") + 0.08, top - 0.15, zoomed, color=GREY)
    ax.plot(x, y, color=colour, linewidth=2, clip_on=False)
    ax.set(xlim=(0, 1), xticks=[0, 0.5, 1])
    ax.xaxis.set_major_formatter(NullFormatter())
    ax.yaxis.set_major_formatter(FuncFormatter(as_percent))
    low, high = ax.get_ylim()
    here = top + min(height * (high - float(y[-1])) / (high - low), height - 0.1)
    page.text(left + width + 0.1, here, number(float(y[-1]), ".1%"), weight="bold", va="center_baseline")


def _said(of: "Calibration") -> list[str]:
    """What has to be left out for the accuracy that is wanted, in lines."""
    if of.enough is None:
        return [t("fig.calibration.never", wanted=of.wanted)]
    if of.enough.at == 0:
        return [t("fig.calibration.always", wanted=of.wanted)]
    low, high = of.enough.interval
    return [
        t("fig.calibration.wanted", wanted=of.wanted, at=of.enough.at),
        t("fig.calibration.covers", coverage=of.enough.coverage, n=of.enough.n),
        t("fig.calibration.interval", low=low, high=high),
    ]
