"""The accuracy of a search over two of its fields: a cell for each pair of values, or dots where they were drawn."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tiza.errors import unknown
from tiza.figures.paper import GREY, INK, MARGIN, SIZE, WIDTH, fit, place, sheet, styled, text_width
from tiza.figures.searched import (
    ROW,
    Entry,
    Scale,
    draw_key,
    is_number,
    key_rows,
    mean_of,
    name_best,
    scale,
    scales,
    set_axis,
    standing,
)
from tiza.figures.spots import BREADTH, LOSSES, bar, ends_of, scattered, shade, single
from tiza.i18n import number, t

if TYPE_CHECKING:
    from tiza.trials.table import Trials

EMPTY: dict[str, Any] = {"facecolor": "#f6f7f5", "edgecolor": "#9aa19d", "linewidth": 0}
HATCHED = {name: EMPTY | {"hatch": hatch} for name, hatch in zip(LOSSES, ("xxxx", "////", "...."), strict=True)}
FRAMES: dict[str, dict[str, Any]] = {
    "tie": {"facecolor": "none", "edgecolor": INK, "linewidth": 0.8},
    "best": {"facecolor": "none", "edgecolor": INK, "linewidth": 2.6},
}
TOP = 1.22

Cells = dict[tuple[int, int], dict[str, Any]]  # the best row of each pair of values: column, then row from below


@styled
def heat(trials: "Trials", x: str | None = None, y: str | None = None) -> Figure:
    """Mean validation accuracy over two fields; each cell has that of the best trial over the other fields.

    By default over the two numeric fields whose values differ most in their mean. Drawn values that hardly ever repeat
    are dots on their scales; a single field is drawn as dots with their 95 % intervals. Raises :class:`TizaError` for a
    field that was not searched.
    """
    for where, field in (("x", x), ("y", y)):
        if field is not None and field not in trials.search.grid:
            raise unknown("field", field, list(trials.search.grid), where=where)
    free = [field for field in _by_spread(trials) if field not in (x, y)]
    across = x or next(iter(free), None)
    up = y or next((field for field in free if field != across), None)
    named = [field for field in dict.fromkeys((across, up)) if field is not None]
    axes = [scale(trials, field) for field in named]
    heads = _heads(trials, named)
    if len(axes) < 2:
        return single(trials, axes[0] if axes else None, heads)
    return (scattered if any(axis.drawn for axis in axes) else _cells)(trials, axes[0], axes[1], heads)


def _by_spread(trials: "Trials") -> list[str]:
    """The fields of more than one value: numbers first, then by how far the means of their values are apart."""

    def spread(of: Scale) -> float:
        finished = [(of.place(row["values"][of.field]), row["accuracy"]) for row in trials.rows if row["rank"]]
        groups: dict[float, list[float]] = defaultdict(list)
        for i, (at, accuracy) in enumerate(sorted(finished)):
            groups[5 * i // len(finished) if of.drawn else at].append(accuracy)
        means = [fmean(group) for group in groups.values()]
        return max(means, default=0.0) - min(means, default=0.0)

    return [of.field for of in sorted(scales(trials), key=lambda of: (not all(map(is_number, of.values)), -spread(of)))]


def _heads(trials: "Trials", names: Sequence[str]) -> tuple[str, str]:
    """Title and the line under it."""
    what = t("fig.and", one=names[0], other=names[1]) if len(names) > 1 else "".join(names)
    if trials.rows[0]["rank"] is None:
        return t("fig.trials.none"), ""
    title = t("fig.heat.title" if names else "fig.heat.recipe", what=what, best=trials.rows[0]["accuracy"])
    others = [of.field for of in scales(trials) if of.field not in names]
    note = t("fig.heat.interval") if len(names) < 2 else t("fig.heat.note")
    if others and len(names) > 1 and not any(scale(trials, name).drawn for name in names):
        note = t("fig.heat.best", fields=", ".join(others))
        if text_width(note + mean_of(trials)) > BREADTH:
            note = t("fig.heat.best-many", n=len(others))
    return title, note + mean_of(trials)


def _cells(trials: "Trials", x: Scale, y: Scale, heads: tuple[str, str]) -> Figure:
    """The best accuracy of each pair of values; the best cell framed, hatched where no trial has finished."""
    cells: Cells = {}
    for row in trials.rows:  # the best first
        cells.setdefault((int(x.place(row["values"][x.field])), int(y.place(row["values"][y.field]))), row)
    done = [row["accuracy"] for row in cells.values() if row["rank"] is not None]
    left, nx, ny = MARGIN + max(map(text_width, y.names())) + 0.14, len(x.values), len(y.values)
    room, high = WIDTH - MARGIN - left, min(4.6 / ny, 0.62)
    write = _writer(done, room / nx, high)
    wide = min((room if write else room - 0.95) / nx, 1.25)
    size, ends, under = (wide, high), ends_of(done), x.under(wide)
    lost = {row["status"] for row in cells.values() if row["rank"] is None}
    told = {name for name in lost if text_width(t(f"verdict.{name}")) < wide - 0.16 and high > 0.3}
    key = _key(trials, cells, lost - told)
    deep, broad = TOP + high * ny, wide * nx
    figure, page = sheet(deep + under + 0.4 + ROW * (len(key) + bool(key)), *heads)
    page.text(MARGIN, TOP - 0.14, fit(y.field, BREADTH), color=GREY)
    ax = place(page, (left, TOP, broad, high * ny))
    set_axis(ax, "x", x, wide)
    set_axis(ax, "y", y, high)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    page.text(
        left + max(broad, text_width(x.field)) / 2, deep + under + 0.16, x.field, color=GREY, ha="center", va="center"
    )
    for at, row in cells.items():
        if row["rank"] is None:
            _box(ax, at, size, 0.015, HATCHED[row["status"]])
            if row["status"] in told:
                ground = {"facecolor": EMPTY["facecolor"], "linewidth": 0, "pad": 1.5}
                ax.text(*at, t(f"verdict.{row['status']}"), ha="center", va="center", bbox=ground)
            continue
        _box(ax, at, size, min(0.012, wide / 20), {"facecolor": shade(row["accuracy"], ends), "linewidth": 0})
        if write:
            weight = "bold" if row["verdict"] == "best" else "normal"
            ax.text(*at, write(row["accuracy"]), ha="center", va="center_baseline", weight=weight)
    for name, look in FRAMES.items():
        for at in [at for at, row in cells.items() if standing(row) == name]:
            small = min(size) < 0.3
            _box(ax, at, size, 0.0 if small else 0.035, look | ({"linewidth": 0.4} if small and name == "tie" else {}))
    if not write and done:
        bar(page, (left + broad + 0.25, TOP, 0.16, max(high * ny, 1.0)), ends, min(done))
    draw_key(page, deep + under + 0.56, key)
    return figure


def _writer(accuracies: Sequence[float], wide: float, high: float) -> Callable[[float], str] | None:
    """How an accuracy is written so that each has room in its cell, if it can be."""
    ways: tuple[Callable[[float], str], ...] = (lambda a: number(a, ".1%"), lambda a: number(100 * a, ".1f"))
    widths = (max((text_width(way(a), SIZE, "bold") for a in accuracies), default=0.0) for way in ways)
    return next((way for way, width in zip(ways, widths, strict=True) if width < wide - 0.1 and high > 0.2), None)


def _box(ax: Axes, at: tuple[int, int], size: tuple[float, float], inset: float, look: dict[str, Any]) -> None:
    """A cell, or a frame in it, so many inches from its borders."""
    dx, dy = inset / size[0], inset / size[1]
    corner = at[0] - 0.5 + dx, at[1] - 0.5 + dy
    ax.add_patch(Rectangle(corner, 1 - 2 * dx, 1 - 2 * dy, clip_on=False, **look))


def _key(trials: "Trials", cells: Cells, lost: set[str]) -> list[list[Entry]]:
    """What the frames mean, with what the best trial is; the hatches whose words have no room in their cells."""
    told: list[Entry] = []
    if trials.rows[0]["rank"] is not None:
        told.append((FRAMES["best"], fit(name_best(trials), BREADTH - 0.4)))
    if any(standing(row) == "tie" for row in cells.values()):
        told.append((FRAMES["tie"], t("verdict.tie")))
    return key_rows([*told, *((HATCHED[name], t(f"verdict.{name}")) for name in LOSSES if name in lost)])
