"""What crossed samples do to validation: for each share the accuracy that validation shows, and the true one."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from tiza.figures.learning import spread
from tiza.figures.paper import GREY, INK, VALID, as_percent, place, sheet, styled
from tiza.i18n import number, t

if TYPE_CHECKING:
    from tiza.explain.crossing import Crossed, Crossing

WIDE, HIGH, STEP, DOWN = 1.95, 1.7, 3.6, 2.55  # inches: a plot, and from one to the next
LEAST = 0.44  # between the two last values


@styled
def crossing(of: "Crossing") -> Figure:
    """Means over seeds, with their intervals, one panel for each share, all on one scale."""
    from tiza.metrics import student

    seeds = len(of.shares[0].valid)
    note = t("fig.crossing.note", recipe=of.recipe, seeds=seeds)
    figure, page = sheet(1.0 + DOWN * -(-len(of.shares) // 2), t("fig.crossing.title"), note)
    ends = [student(values) for one in of.shares for values in (one.valid, one.unseen)]
    settled = np.concatenate([mean[len(mean) // 10 :] for mean, _, _ in ends])
    low = max(0.0, float(np.floor(settled.min() * 20)) / 20)
    for i, one in enumerate(of.shares):
        _panel(page, one, 0.6 + i % 2 * STEP, 1.25 + i // 2 * DOWN, low)
    return figure


def _panel(page: Axes, one: "Crossed", left: float, top: float, low: float) -> None:
    from tiza.metrics import student

    page.text(left, top - 0.16, t("fig.crossing.share", share=one.share), weight="bold")
    ax = place(page, (left, top, WIDE, HIGH))
    epochs = np.arange(1, one.valid.shape[1] + 1)
    last: list[float] = []
    looks = (("fig.crossing.unseen", one.unseen, INK), ("split.valid", one.valid, VALID))
    for _, values, colour in looks:
        mean, lower, upper = student(values)
        ax.fill_between(epochs, lower, upper, color=colour, alpha=0.2, linewidth=0)
        ax.plot(epochs, mean, color=colour, linewidth=2)
        last.append(float(mean[-1]))
    ax.set(xlim=(1 if len(epochs) > 1 else 0, len(epochs)), ylim=(low, 1.005))
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.yaxis.set_major_formatter(FuncFormatter(as_percent))
    ax.set_xlabel(t("col.epoch"), labelpad=2)
    heights = [top + HIGH * (1.005 - value) / (1.005 - low) for value in last]
    for (name, _, colour), value, y in zip(looks, last, spread(heights, LEAST, top, top + HIGH), strict=True):
        page.plot([left + WIDE + 0.03, left + WIDE + 0.15], [y, y], color=colour, linewidth=3)
        page.text(left + WIDE + 0.2, y, number(value, ".1%"), weight="bold", va="bottom")
        page.text(left + WIDE + 0.2, y, t(name), color=GREY, va="top")
