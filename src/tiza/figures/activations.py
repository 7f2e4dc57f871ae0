"""Activation functions beside their derivatives."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from tiza.figures.paper import GREY, INK, as_tick, place, sheet, styled
from tiza.figures.samples import CLASSES
from tiza.i18n import t

if TYPE_CHECKING:
    from tiza.explain.activations import Curve

FUNCTION: dict[str, Any] = {"color": INK, "linewidth": 2}
SLOPE: dict[str, Any] = {"color": CLASSES[1], "linewidth": 2, "linestyle": (0, (3, 2))}
JUMP = 0.4  # between two neighbours: no line joins what a function leaps over


@styled
def activations(of: Mapping[str, "Curve"]) -> Figure:
    """Each function and its derivative on one scale, so that slopes can be compared."""
    rows = -(-(len(of) + 1) // 4)
    figure, page = sheet(1.0 + 2.05 * rows, t("fig.activations.title"), t("fig.activations.note"))
    for i, (name, curve) in enumerate(of.items()):
        left, top = 0.5 + i % 4 * 1.76, 1.3 + i // 4 * 2.05
        page.text(left - 0.1, top - 0.24, t(f"fig.activation.{name}"), weight="bold")
        page.text(left - 0.1, top - 0.05, t(f"fig.formula.{name}"), color=GREY)
        ax = place(page, (left, top + 0.05, 1.4, 1.15))
        ax.plot(curve.x, broken(curve.y), **FUNCTION)
        ax.plot(curve.x, broken(curve.slope), **SLOPE)
        ax.set(
            xlim=(curve.x[0], curve.x[-1]), ylim=(-1.2, 2.2), xticks=[curve.x[0], 0, curve.x[-1]], yticks=[-1, 0, 1, 2]
        )
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(FuncFormatter(as_tick))
    left, top = 0.5 + len(of) % 4 * 1.76, 1.3 + len(of) // 4 * 2.05
    for i, (style, text) in enumerate(((FUNCTION, t("fig.function")), (SLOPE, t("fig.derivative")))):
        page.plot([left, left + 0.35], [top + 0.3 + i * 0.3] * 2, **style)
        page.text(left + 0.45, top + 0.3 + i * 0.3, text, va="center_baseline")
    return figure


def broken(values: np.ndarray) -> np.ndarray:
    """The values with a gap where they leap."""
    values = values.copy()
    values[1:][np.abs(np.diff(values)) > JUMP] = np.nan
    return values
