"""Decision regions: the plane of two features in the colours of the answers, the boundary, and the train split."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from tiza.figures.paper import GREY, INK, MARGIN, SIZE, WIDTH, WRONG, as_tick, fit, place, sheet, styled, text_width
from tiza.figures.samples import CLASSES, MARKERS
from tiza.i18n import t

if TYPE_CHECKING:
    from tiza.explain.regions import Regions

MOST_POINTS = 800  # more would hide the regions
DEEP = 0.4  # how much of its colour a region has where the answer is sure


@styled
def regions(of: "Regions") -> Figure:
    """What the model answers everywhere: the paler, the less sure; points on the wrong side are ringed.

    At most 800 points are drawn, each class with its share.
    """
    from tiza.data.dataset import stratified

    shown = stratified(of.labels, MOST_POINTS)
    names = [fit(name, 1.5) for name in of.classes]
    ringed = t("fig.regions.wrong")
    right = WIDTH - MARGIN - max(text_width(text) for text in (*names, ringed)) - 0.2
    across, upwards = of.features
    side = min(right - 0.95, 4.6)
    n, wrong = len(of.labels), int(of.wrong.sum())
    note = t("fig.regions.note" if len(shown) == n else "fig.regions.some", n=len(shown))
    figure, page = sheet(1.25 + side + 0.6, t("fig.regions.title", n=n, wrong=wrong), note)
    page.text(0.65, 1.05, fit(upwards, side), color=GREY)
    ax = place(page, (0.65, 1.2, side, side))
    ax.imshow(
        shading(of.probabilities), extent=(of.x[0], of.x[-1], of.y[0], of.y[-1]), origin="lower", aspect="auto",
        interpolation="bilinear",
    )  # fmt: skip
    ax.grid(False)
    for i in range(len(of.classes) - 1):  # each boundary parts two classes, so that the last is drawn with the others
        others = np.delete(of.logits, i, -1).max(-1)
        margin = of.logits[..., i] - others
        if margin.min() < 0 < margin.max():
            ax.contour(of.x, of.y, margin, levels=[0], colors=INK, linewidths=1.3, zorder=0.9)
    scatter(ax, of.points[shown], of.labels[shown], of.wrong[shown])
    left = 0.65 + side + 0.25
    legend(page, left, 1.35, names)
    if wrong:
        page.plot([left], [1.35 + len(names) * 0.27], "o", markersize=9, mfc="none", mec=WRONG, mew=1.8)
        page.text(left + 0.15, 1.35 + len(names) * 0.27, ringed, va="center_baseline")
    ax.set_xlabel(fit(across, side), labelpad=5)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(FuncFormatter(as_tick))
    return figure


def shading(probabilities: np.ndarray) -> np.ndarray:
    """Of each place (H, W, C) the colour of its answer, (H, W, 3), thinned with white to the chance of one in C."""
    colours = np.array([to_rgb(CLASSES[i % len(CLASSES)]) for i in range(probabilities.shape[-1])])
    sure = (probabilities.max(-1) - 1 / len(colours)) / (1 - 1 / len(colours))
    return 1 - DEEP * sure[..., None] * (1 - colours[probabilities.argmax(-1)])


def scatter(ax: Axes, points: np.ndarray, labels: np.ndarray, wrong: np.ndarray) -> None:
    """Points (N, 2), each class with its colour and shape, the wrong ones with a ring around them."""
    area = float(np.clip(9000 / max(len(points), 1), 14, 34))
    for label in np.unique(labels):
        ax.scatter(*points[labels == label].T, s=area, linewidth=0.5, edgecolor="white", **look(int(label)))
    ax.scatter(*points[wrong].T, s=area * 2.2 + 25, facecolors="none", edgecolors=WRONG, linewidth=1.4)


def look(label: int) -> dict[str, Any]:
    """The colour and the shape of a class."""
    return {"color": CLASSES[label % len(CLASSES)], "marker": MARKERS[label % len(MARKERS)]}


def legend(page: Axes, left: float, top: float, names: Sequence[str]) -> None:
    """The classes with their signs, one under the other."""
    for i, name in enumerate(names):
        page.plot([left], [top + i * 0.27], linestyle="", markersize=7, **look(i))
        page.text(left + 0.15, top + i * 0.27, name, va="center_baseline", size=SIZE)
