"""The accuracy of a search's trials as dots: on the scales of two fields, or against one with their intervals."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from tiza.figures.learning import label
from tiza.figures.paper import GREY, INK, MARGIN, SIZE, VALID, WIDTH, Box, as_percent, fit, place, sheet, text_width
from tiza.figures.searched import (
    LOOKS,
    LOST,
    ROW,
    Entry,
    Scale,
    below,
    distinct,
    draw_key,
    entries,
    key_rows,
    name_best,
    set_axis,
    standing,
    ticks_of,
)
from tiza.i18n import number, t

if TYPE_CHECKING:
    from tiza.trials.table import Trials

SHADES = LinearSegmentedColormap.from_list("validation", ["#fdf8ec", VALID])
EDGES: dict[str, dict[str, Any]] = {
    "best": {"markeredgecolor": INK, "markeredgewidth": 2.2, "markersize": 11, "zorder": 5},
    "tie": {"markeredgecolor": INK, "markeredgewidth": 0.9, "markersize": 8, "zorder": 3},
    "worse": {"markeredgecolor": "#9aa19d", "markeredgewidth": 0.6, "markersize": 7, "zorder": 2},
}
DOT: dict[str, Any] = {"marker": "o", "linestyle": "", "color": VALID}
LOSSES = ("diverged", "dropped", "unfinished")
MARKS: dict[str, dict[str, Any]] = {
    name: LOST | {"marker": marker} for name, marker in zip(LOSSES, ("x", "v", "+"), strict=True)
}
BREADTH = WIDTH - 2 * MARGIN


def ends_of(accuracies: Sequence[float]) -> tuple[float, float]:
    """The ends of the shades; what is far below the rest is as pale as the lower end."""
    if not accuracies:
        return 0.0, 1.0
    low, middle, high = (float(f(accuracies)) for f in (np.min, np.median, np.max))
    low = max(low, high - 5 * (high - middle)) if high > middle else low
    return (low, high) if high - low > 1e-6 else (low - 0.01, high)


def shade(accuracy: float, ends: tuple[float, float]) -> Any:
    """The stronger the higher."""
    return SHADES((accuracy - ends[0]) / (ends[1] - ends[0]))


def bar(page: Axes, box: Box, ends: tuple[float, float], lowest: float) -> None:
    """What the shades mean; the lower end is for everything below, too."""
    ax = place(page, box)
    ax.imshow(np.linspace(1, 0, 256)[:, None], cmap=SHADES, aspect="auto", extent=(0, 1, *ends))
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.yaxis.tick_right()
    ax.set(xticks=[], ylim=ends)
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(as_percent))
    if lowest < ends[0] - 1e-9:
        page.text(box[0], box[1] + box[3] + 0.2, t("fig.heat.below"), color=GREY)


def key_of(trials: "Trials", looks: dict[str, dict[str, Any]]) -> list[Entry]:
    """The key of a plot of dots: the best with what it is, and how many the others are."""
    told = entries(distinct(trials), looks)
    if trials.rows[0]["rank"] is not None:
        told[0] = told[0][0], fit(name_best(trials), BREADTH - 0.4)
    return told


def scattered(trials: "Trials", x: Scale, y: Scale, heads: tuple[str, str]) -> Figure:
    """A dot for each trial where its two values are, the stronger the more accurate."""
    looks = {name: DOT | {"markerfacecolor": "white"} | edge for name, edge in EDGES.items()} | MARKS
    key = key_rows(key_of(trials, looks))
    left = MARGIN + (0.62 if y.drawn else max(0.3, *map(text_width, y.names())) + 0.14)
    wide, high = WIDTH - left - 1.15, 3.6
    top = 1.22
    step = wide / max(len(x.values), 1)
    under = x.under(step)
    figure, page = sheet(top + high + under + 0.66 + ROW * len(key), *heads)
    page.text(MARGIN, top - 0.14, fit(y.field, BREADTH), color=GREY)
    ax = place(page, (left, top, wide, high))
    set_axis(ax, "x", x, step)
    set_axis(ax, "y", y, high / len(y.values))
    page.text(left + wide / 2, top + high + under + 0.16, x.field, color=GREY, ha="center", va="center")
    rows = distinct(trials)
    known = [row["accuracy"] for row in rows if row["rank"] is not None]
    ends = ends_of(known)
    for row in reversed(rows):
        at = x.place(row["values"][x.field]), y.place(row["values"][y.field])
        look: dict[str, Any] = MARKS.get(row["status"], {})
        if row["rank"] is not None:
            look = DOT | EDGES[standing(row)] | {"markerfacecolor": shade(row["accuracy"], ends)}
        ax.plot([at[0]], [at[1]], **look)
    if known:
        bar(page, (WIDTH - 0.92, top, 0.16, high), ends, min(known))
    draw_key(page, top + high + under + 0.56, key)
    return figure


def single(trials: "Trials", x: Scale | None, heads: tuple[str, str]) -> Figure:
    """Accuracy against one field, or of the one trial that there is: a dot with its 95 % interval for each trial."""
    looks: dict[str, dict[str, Any]] = {
        name: DOT | {"color": look["color"], "markersize": 7} for name, look in LOOKS.items()
    }
    rows = distinct(trials)
    finished = [row for row in rows if row["rank"] is not None]
    low = [row["low"] for row in finished if standing(row) != "worse"]
    low.append(float(np.quantile([row["accuracy"] for row in finished] or [0], 0.1)))
    ticks = ticks_of(min(low), max((row["high"] for row in finished), default=1.0))
    key = key_rows(key_of(trials, looks | MARKS) + below(ticks, rows))
    box = left, top, wide, high = 0.72, 1.24, WIDTH - 0.72 - 0.3, 2.9
    step = wide / (len(x.values) if x else 1)
    under = x.under(step) if x else 0.0
    figure, page = sheet(top + high + under + 0.66 + ROW * len(key), *heads)
    ax = place(page, box)
    ax.set(ylim=(ticks[0], ticks[-1] + 0.03 * (ticks[-1] - ticks[0])), yticks=ticks)
    label(page, ax, box, "accuracy", SIZE)
    ax.set_xlabel("")
    if x:
        set_axis(ax, "x", x, step)
        page.text(left + wide / 2, top + high + under + 0.16, x.field, color=GREY, ha="center", va="center")
    else:
        ax.set(xlim=(-0.5, 0.5), xticks=[])
    ax.grid(False, axis="x")
    for row in reversed(rows):
        at = x.place(row["values"][x.field]) if x else 0.0
        if row["rank"] is None:
            ax.plot([at], [ticks[0]], clip_on=False, **MARKS[row["status"]])
            continue
        look, best = looks[standing(row)], row is rows[0]
        ax.plot([at, at], [row["low"], row["high"]], color=look["color"], linewidth=1.6)
        ax.plot([at], [row["accuracy"]], **look)
        told = x is None or (x.drawn is None and len(rows) == len(x.values) and step > 0.75)
        if told and row["accuracy"] > ticks[0]:
            ax.annotate(
                number(row["accuracy"], ".1%"), (at, row["accuracy"]), (8, 0), textcoords="offset points",
                weight="bold" if best else "normal", va="center",
            )  # fmt: skip
    draw_key(page, top + high + under + 0.56, key)
    return figure
