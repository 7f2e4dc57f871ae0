"""Gradient noise: how far batches of each size stray from the gradient of all samples."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from tiza.figures.paper import GREY, INK, MARGIN, as_tick, as_value, place, sheet, styled
from tiza.figures.samples import CLASSES
from tiza.i18n import t

if TYPE_CHECKING:
    from tiza.explain.noise import Noise

BINS = 40
COLOURS = (CLASSES[1], CLASSES[0])


@styled
def noise(of: "Noise") -> Figure:
    """For each size of batch the distributions of cosine and deviation, with their medians and the speed."""
    note = t("fig.noise.fresh" if of.fresh else "fig.noise.trained", n=of.samples, draws=len(of.draws[0].cosine))
    figure, page = sheet(1.5 + 1.75 * len(of.draws), t("fig.noise.title"), note)
    deviations = np.concatenate([draws.deviation for draws in of.draws])
    widest = max(deviations.max(), 1e-6)
    ends = max(deviations.min(), widest / 10_000) * 0.8, widest * 1.25
    bins = np.linspace(-1, 1, BINS + 1).tolist(), np.geomspace(*ends, BINS + 1).tolist()
    for i, draws in enumerate(of.draws):
        top = 1.5 + 1.75 * i
        page.text(MARGIN, top + 0.45, t("fig.batch", n=draws.size), weight="bold")
        page.text(MARGIN, top + 0.66, t("fig.rate-of", rate=draws.rate), color=GREY)
        for left, values, edges in zip((1.85, 4.75), (draws.cosine, draws.deviation), bins, strict=True):
            ax = place(page, (left, top, 2.5, 1.1))
            ax.hist(np.clip(values, edges[0], edges[-1]), bins=edges, color=COLOURS[i % 2])
            ax.axvline(float(np.median(values)), color=INK, linewidth=1.4)
            page.text(left + 2.5, top - 0.06, t("fig.median", value=as_value(float(np.median(values)))), ha="right")
            ax.set(xlim=(edges[0], edges[-1]), yticks=[])
            _scale(ax, logarithmic=left > 2)
    for left, heading in ((1.85, "fig.noise.cosine"), (4.75, "fig.noise.deviation")):
        page.text(left, 1.13, t(heading), weight="bold")
    return figure


def _scale(ax: Axes, *, logarithmic: bool) -> None:
    if logarithmic:
        ax.set_xscale("log")
        low, high = ax.get_xlim()
        narrow = high / low < 30
        ax.xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5) if narrow else (1, 3), numticks=8))
        ax.xaxis.set_minor_locator(NullLocator())
    else:
        ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(as_tick))
