"""Accuracy against the severity of each distortion, over one example at every severity."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from tiza.figures.paper import GREY, TRAIN, VALID, as_percent, as_tick, place, sheet, styled, text_width, tile
from tiza.i18n import number, t

if TYPE_CHECKING:
    from tiza.explain.robustness import Curve, Robustness

COLUMNS, LEFT, ROOM, GAP = 3, 0.62, 6.26, 0.52  # panels beside each other, where they begin, all of them, between
TOP, HIGH = 1.17, 1.2


@styled
def robustness(of: "Robustness") -> Figure:
    """A panel a distortion, three beside each other: accuracy with its 95 % interval, its value at the end.

    Under each severity one sample as the model then gets it, and how much the distortion is.
    """
    columns, images = min(COLUMNS, len(of.curves)), of.curves[0].examples.ndim == 4
    wide = (ROOM - (columns - 1) * GAP) / columns
    strip = wide / len(of.curves[0].amounts) + 0.05 if images else 0.0
    pitch = HIGH + strip + 0.76
    title = t("fig.robustness.title", split=t(f"split.{of.split}"), n=of.n, accuracy=float(of.curves[0].accuracy[0]))
    height = TOP + math.ceil(len(of.curves) / columns) * pitch - 0.35
    figure, page = sheet(height, title, t("fig.robustness.note" if images else "fig.robustness.table"))
    colour = {"train": TRAIN, "valid": VALID}[of.split]
    for i, curve in enumerate(of.curves):
        left, top = LEFT + i % columns * (wide + GAP), TOP + i // columns * pitch
        _panel(page, curve, (left, top, wide), colour, named=i % columns == 0)
        for k, (image, amount) in enumerate(zip(curve.examples, amounts(curve), strict=True)):
            step = wide / len(curve.amounts)
            if images:
                tile(page, image, left + k * step + 0.01, top + HIGH + 0.06, step - 0.02)
            page.text(left + (k + 0.5) * step, top + HIGH + 0.19 + strip, amount, ha="center", color=GREY)
    return figure


def _panel(page: Axes, curve: "Curve", at: tuple[float, float, float], colour: str, *, named: bool) -> None:
    """The line of one distortion; the first of a row says what its height means."""
    left, top, wide = at
    name = t(f"distortion.{curve.kind}")
    page.text(left, top - 0.15, name, weight="bold")
    page.text(left + text_width(name, weight="bold") + 0.08, top - 0.15, t(f"distortion.{curve.unit}"), color=GREY)
    ax = place(page, (left, top, wide, HIGH))
    x, y = np.arange(len(curve.accuracy)), curve.accuracy
    ax.fill_between(x, *curve.intervals.T, color=colour, alpha=0.25, linewidth=0)
    ax.plot(x, y, "o-", color=colour, linewidth=2, markersize=4, clip_on=False)
    ax.set(xlim=(-0.5, len(x) - 0.5), ylim=(0, 1), xticks=x, yticks=[0, 0.5, 1])
    ax.xaxis.set_major_formatter(NullFormatter())
    ax.yaxis.set_major_formatter(FuncFormatter(as_percent) if named else NullFormatter())
    here, end = top + min(HIGH * (1 - float(y[-1])), HIGH - 0.07), left + wide * (len(x) - 0.5) / len(x)
    page.text(end + 0.11, here, number(float(y[-1]), ".0%"), weight="bold", va="center_baseline")


def amounts(curve: "Curve") -> Sequence[str]:
    """Each amount as a number of its unit; shares in per cent."""
    times = 100 if curve.unit == "share" else 1
    return [as_tick(times * amount) for amount in curve.amounts]
