"""Saliency: the sample beside what speaks for and against a class in it, by each method, with its sanity check."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from tiza.figures.paper import (
    GREY,
    HAIR,
    INK,
    MARGIN,
    WIDTH,
    WRONG,
    as_tick,
    fit,
    place,
    sheet,
    styled,
    text_width,
    tile,
)
from tiza.figures.samples import CLASSES
from tiza.i18n import t

if TYPE_CHECKING:
    from tiza.explain.saliency import Saliency
    from tiza.explain.sanity import Sanity

AGAINST, FOR = CLASSES[0], "#8f3a6b"  # one pale, one dark: told apart in grey too
SIGNED = LinearSegmentedColormap.from_list("signed", [AGAINST, "#ffffff", FOR])
SIDE, STEP, TOP, BLOCK = 1.96, 2.45, 1.1, 2.85  # of a panel; from one to the next; of the first row; from row to row
COLUMNS = 3
MOST_FEATURES, ROW = 14, 0.27


@styled
def saliency(of: Sequence["Saliency"]) -> Figure:
    """The maps of one sample; of a table a bar for each feature, the strongest 14. Every map has its own scale."""
    one = of[0]
    target, answer = (fit(one.classes[i], 1.2) for i in (one.target, one.answer))
    title = t("fig.saliency.title", target=target, name=one.name)
    note = t("fig.saliency.note", answer=answer, target=target, logit=one.logit)
    return (_images if one.map.ndim == 2 else _bars)(of, title, note, target)


def _images(of: Sequence["Saliency"], title: str, note: str, target: str) -> Figure:
    rows = -(-(len(of) + 2) // COLUMNS)
    figure, page = sheet(TOP + rows * BLOCK + 0.2, title, note)
    one = of[0]
    boxes = [(MARGIN + i % COLUMNS * STEP, TOP + i // COLUMNS * BLOCK) for i in range(len(of) + 2)]
    left, top = boxes[0]
    page.text(left, top - 0.08, t("fig.saliency.sample"), weight="bold")
    tile(page, one.sample, left, top, SIDE, photo=len(one.sample) > 1)
    for (left, top), each in zip(boxes[1:], of, strict=False):
        page.text(left, top - 0.08, t(f"saliency.{each.method}"), weight="bold")
        ax = place(page, (left, top, SIDE, SIDE))
        most = float(np.abs(each.map).max()) or 1.0
        ax.imshow(each.map, cmap=SIGNED, vmin=-most, vmax=most, interpolation="nearest")
        if len(one.sample) == 1 and np.ptp(one.sample) > 0:  # where the ink is
            ax.contour(one.sample[0], levels=[float(one.sample.max()) / 2], colors=GREY, linewidths=0.6)
        ax.grid(False)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set(visible=True, color=HAIR, linewidth=0.6)
        _check(page, left, top + SIDE + 0.2, each.sanity)
    left, top = boxes[-1]
    ax = place(page, (left, top + 0.1, SIDE, 0.16))
    ax.imshow(np.linspace(-1, 1, 256)[None], cmap=SIGNED, aspect="auto")
    ax.set_axis_off()
    page.text(left, top + 0.47, "← " + t("fig.saliency.against"))
    page.text(left + SIDE, top + 0.71, t("fig.saliency.for", target=target) + " →", ha="right")
    page.text(MARGIN, TOP + rows * BLOCK - 0.02, t("fig.saliency.key"), color=GREY)
    return figure


def _check(page: Axes, left: float, top: float, check: "Sanity") -> None:
    """What the sanity check found, in two lines."""
    if check.mean is None:
        page.text(left, top, t("fig.saliency.open" if check.draws else "fig.saliency.unchecked"), color=GREY)
        return
    page.text(left, top, t("fig.saliency.same", mean=check.mean), color=GREY)
    if not check.passed:
        page.text(left, top + 0.2, t("fig.saliency.failed"), color=WRONG, weight="bold")
    else:
        page.text(left, top + 0.2, t(f"fig.saliency.{'sign' if check.by_sign_alone else 'passed'}"), color=INK)


def _bars(of: Sequence["Saliency"], title: str, note: str, target: str) -> Figure:
    one = of[0]
    weights = np.max([np.abs(each.map) / (np.abs(each.map).max() or 1) for each in of], axis=0)
    order = np.argsort(-weights, kind="stable")[:MOST_FEATURES]
    names = [
        f"{fit(one.features[i] if one.features else str(i), 1.6)} = {as_tick(float(f'{one.sample[i]:.3g}'))}"
        for i in order
    ]
    left = MARGIN + max(map(text_width, names)) + 0.15
    step = (WIDTH - MARGIN - left) / len(of)
    high = ROW * len(order)
    rest = len(one.map) - len(order)
    figure, page = sheet(TOP + 0.4 + high + 1.15 + 0.22 * (rest > 0), title, note)
    top = TOP + 0.4
    for row, name in enumerate(names):
        page.text(left - 0.12, top + (row + 0.5) * ROW, name, ha="right", va="center_baseline")
    for column, each in enumerate(of):
        x = left + column * step
        name = t(f"saliency.{each.method}")
        if text_width(name, weight="bold") > step - 0.1:
            name = "\n".join(name.split())
        page.text(x, top - 0.3, name, weight="bold")
        unit = "fig.saliency.unit.gradient" if each.method == "gradient" else "fig.saliency.unit"
        page.text(x, top - 0.1, t(unit), color=GREY)
        ax = place(page, (x, top, step - 0.25, high))
        values = each.map[order]
        most = float(np.abs(values).max()) or 1.0
        ax.barh(range(len(order)), values, color=[FOR if v > 0 else AGAINST for v in values], height=0.7)
        ax.axvline(0, color=INK, linewidth=0.8)
        ax.set(ylim=(len(order) - 0.5, -0.5), yticks=[], xlim=(-1.1 * most, 1.1 * most))
        ax.xaxis.set_major_locator(MaxNLocator(3, symmetric=True))
        ax.xaxis.set_major_formatter(FuncFormatter(as_tick))
        _check(page, x, top + high + 0.48, each.sanity)
    under = top + high + 0.95
    key = (t("fig.saliency.against"), AGAINST), (t("fig.saliency.for", target=target), FOR)
    x = left
    for text, colour in key:
        page.fill_between([x, x + 0.16], under - 0.11, under + 0.01, color=colour, linewidth=0)
        page.text(x + 0.24, under, text)
        x += 0.24 + text_width(text) + 0.3
    if rest > 0:
        page.text(left - 0.12, under, t("fig.saliency.rest", n=rest), color=GREY, ha="right")
    return figure
