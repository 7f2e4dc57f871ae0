"""Figures of a search: how its trials learnt, what each field changes, and what one of them answered."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from tiza.figures.learning import label
from tiza.figures.paper import MARGIN, SIZE, VALID, WIDTH, as_percent, fit, place, sheet, styled, text_width
from tiza.figures.searched import (
    LOOKS,
    LOST,
    ROW,
    below,
    distinct,
    draw_key,
    entries,
    key_rows,
    mean_of,
    name_best,
    plain,
    said,
    scales,
    ticks_of,
)
from tiza.figures.verdicts import matrix_sheet
from tiza.i18n import number, t

if TYPE_CHECKING:
    from tiza.trials.table import Trials

MOST = 400  # curves in one plot
LEFT, GAP = 0.7, 0.34
ROOM = WIDTH - LEFT - MARGIN

Panel = tuple[str, list[dict[str, Any]], float]  # a field, its effects, and the inches that each has


@styled
def trials_curves(trials: "Trials") -> Figure:
    """Validation accuracy by epoch of every trial: the best in colour, those it can't be told from darker.

    Those that do the same as another are left out; of many hundreds every so many are drawn, by rank. A trial that
    diverged ends in a cross.
    """
    rows = distinct(trials)
    some = rows if len(rows) <= MOST else [rows[int(i)] for i in np.linspace(0, len(rows) - 1, MOST)]
    same, ranked = len(trials.rows) - len(rows), rows[0]["rank"] is not None
    title = t(f"fig.trials.curves.{'one' if len(rows) == 1 else 'many'}", n=len(rows), best=rows[0]["accuracy"] or 0)
    curves = {row["trial"]: np.array(trials.curve(row["trial"]), float) for row in some}
    ticks = ticks_of(*_ends(list(curves.values()), [row["accuracy"] for row in some if row["rank"] is not None]))
    told = entries(rows, LOOKS | {"dropped": LOOKS["worse"], "unfinished": LOOKS["worse"], "diverged": LOST})
    told += [({}, t("fig.trials.same", n=same))] if same else []
    told += [({}, t("fig.trials.some", n=len(some)))] if len(some) < len(rows) else []
    key, box = key_rows(told + below(ticks, rows)), (LEFT, 1.17, 5.5, 3.0)
    note = name_best(trials) + mean_of(trials) if ranked else ""
    figure, page = sheet(4.94 + ROW * (len(key) - 1), title if ranked else t("fig.trials.none"), note)
    ax = place(page, box)
    ax.set(ylim=(ticks[0], ticks[-1] + 0.03 * (ticks[-1] - ticks[0])), yticks=ticks)
    ax.set_xlim(0, max((len(curve) for curve in curves.values()), default=1) or 1)
    label(page, ax, box, "accuracy", SIZE)
    for row in reversed(some):
        _curve(ax, row, curves[row["trial"]])
    if ranked:
        _name_end(page, ax, box, rows[0]["trial"], curves[rows[0]["trial"]])
    draw_key(page, 4.74, key)
    return figure


def _ends(curves: Sequence[np.ndarray], accuracies: Sequence[float]) -> tuple[float, float]:
    """What matters: where the better half is, its first epochs and worst moments apart, most ends, and all above."""
    half = curves[: (len(accuracies) + 1) // 2] or curves
    later = np.concatenate([np.zeros(0), *(curve[len(curve) // 5 :] for curve in half)])
    every = np.concatenate([np.zeros(0), *curves])
    later, every = later[np.isfinite(later)], every[np.isfinite(every)]
    if not (accuracies and len(later)):
        return 0.0, 1.0
    low, high = float(np.quantile(later, 0.05)), float(every.max())
    return min(low, max(float(np.quantile(accuracies, 0.1)), high - 3 * (high - low))), high


def _curve(ax: Axes, row: dict[str, Any], curve: np.ndarray) -> None:
    """One trial's line, with dots where it has few epochs; a cross where it stopped being a number."""
    look = LOOKS.get(row["verdict"], LOOKS["worse"])
    epochs, best = np.arange(1, len(curve) + 1), row["verdict"] == "best"
    dots = len(curve) <= 12 and (best or len(curve) == 1)
    ax.plot(epochs, curve, marker="o" if dots else "", markersize=4 if best else 2.5, **look)
    if row["status"] == "diverged":
        known, low = np.flatnonzero(np.isfinite(curve)), ax.get_ylim()[0]
        last = int(known[-1]) if len(known) else 0
        low += 0.03 * (ax.get_ylim()[1] - low)
        y = max(low, float(curve[last])) if len(known) else low
        ax.plot([last + 1], [y], clip_on=False, **LOST)


def _name_end(page: Axes, ax: Axes, box: tuple[float, float, float, float], k: int, curve: np.ndarray) -> None:
    """The best one's name and last value at its line's end."""
    left, top, width, height = box
    low, high = ax.get_ylim()
    x, right = left + width * len(curve) / ax.get_xlim()[1], left + width + 0.12
    y = top + height * (high - float(curve[-1])) / (high - low)
    page.plot([x], [y], "o", color=VALID, markersize=4.5)
    page.plot([x, right - 0.03], [y, y], color=VALID, linewidth=0.9)
    page.text(right, y, fit(t("fig.trials.one", k=k), WIDTH - right - 0.05), va="bottom")
    page.text(right, y + 0.01, number(float(curve[-1]), ".1%"), weight="bold", va="top")


@styled
def effects(trials: "Trials") -> Figure:
    """For every field the mean validation accuracy of the trials that have each value, with its 95 % interval."""
    fields = {of.field: of for of in scales(trials)}
    groups: dict[str, list[dict[str, Any]]] = {field: [] for field in fields}
    for effect in trials.effects:
        if effect["field"] in fields:
            groups[effect["field"]].append(effect)
    groups = {field: _in_order(group, fields[field].values) for field, group in groups.items() if group}
    if not groups:
        return sheet(1.0, t("fig.effects.title"), t("fig.effects.none"))[0]
    panels = [(field, group, _slot(field, group)) for field, group in groups.items()]
    lines = _lines(panels)
    deep = 0.25 + 0.19 * any("\n" in _name(effect) for group in groups.values() for effect in group)
    pitch = 0.3 + 1.75 + deep + 0.3
    every = [effect for group in groups.values() for effect in group]
    ends = [end for e in every for end in (e["low"], e["high"], e["accuracy"]) if end is not None]
    ticks = ticks_of(max(0.0, min(ends)), min(1.0, max(ends)))
    zoomed = " · " + t(
        "fig.zoom", **{name: number(round(100 * ticks[i], 2), "g") for name, i in (("low", 0), ("high", -1))}
    )
    alone = " · " + t("fig.effects.alone") if any(effect["n"] == 1 for effect in every) else ""
    figure, page = sheet(1.0 + pitch * len(lines), t("fig.effects.title"), t("fig.effects.note") + alone + zoomed)
    for i, line in enumerate(lines):
        left, top = LEFT, 1.0 + pitch * i
        for j, (field, group, slot) in enumerate(line):
            wide = slot * len(group)
            page.text(left, top + 0.12, fit(field, max(wide + GAP - 0.1, 0.6), weight="bold"), weight="bold")
            ax = place(page, (left, top + 0.3, wide, 1.75))
            ax.set(
                xlim=(-0.5, len(group) - 0.5), ylim=(ticks[0], ticks[-1] + 0.14 * (ticks[-1] - ticks[0])), yticks=ticks
            )
            ax.yaxis.set_major_formatter(NullFormatter() if j else FuncFormatter(as_percent))
            _panel(ax, group, slot)
            left += wide + GAP
    return figure


def _panel(ax: Axes, group: Sequence[dict[str, Any]], slot: float) -> None:
    """One field: a dot with its interval for each value, hollow where a single trial has it; the mean above it."""
    best = max(effect["accuracy"] for effect in group)
    for x, effect in enumerate(group):
        y, top = effect["accuracy"], effect["accuracy"]
        if effect["low"] is not None:
            low, top = max(0.0, effect["low"]), min(1.0, effect["high"])
            ax.plot([x, x], [low, top], color=VALID, linewidth=2)
        ax.plot([x], [y], "o", color=VALID, mfc=VALID if effect["n"] > 1 else "white", mew=1.6, markersize=6)
        text, weight = number(100 * y, ".1f"), "bold" if y == best else "normal"
        if text_width(text, weight=weight) < slot - 0.06:
            ax.annotate(text, (x, top), (0, 4), textcoords="offset points", ha="center", va="bottom", weight=weight)
    ax.set_xticks(range(len(group)), [fit(_name(effect), 1.3) for effect in group])
    ax.grid(False, axis="x")


def _name(effect: dict[str, Any]) -> str:
    """A value, written; a part of a range in two lines."""
    value = effect["value"]
    low, dash, high = value.partition("–") if isinstance(value, str) else ("", "", "")
    try:
        return f"{said(float(low))}\n–{said(float(high))}" if dash else said(value)
    except ValueError:
        return said(value)


def _in_order(group: list[dict[str, Any]], values: Sequence[Any]) -> list[dict[str, Any]]:
    """By the order of the values; parts of a range are in order."""
    known = [effect for effect in group if plain(effect["value"]) in values]
    return sorted(known, key=lambda effect: values.index(plain(effect["value"]))) if len(known) == len(group) else group


def _slot(field: str, group: Sequence[dict[str, Any]]) -> float:
    """The width of a value, so that its name has room, and the field's above the panel."""
    widest = max(text_width(line) for effect in group for line in fit(_name(effect), 1.3).split("\n"))
    heading = (text_width(field, weight="bold") - GAP + 0.12) / len(group)
    return min(max(0.5, widest + 0.14, heading), ROOM / len(group))


def _lines(panels: Sequence[Panel]) -> list[list[Panel]]:
    """The panels in as many lines as they need, as many in each line if that goes, and stretched a little."""
    lines: list[list[Panel]] = [[]]
    for panel in panels:
        if lines[-1] and _wide([*lines[-1], panel]) > ROOM:
            lines.append([])
        lines[-1].append(panel)
    each = math.ceil(len(panels) / len(lines))
    even = [list(panels[i : i + each]) for i in range(0, len(panels), each)]
    lines = even if all(_wide(line) <= ROOM for line in even) else lines
    stretch = min(1.5, *((ROOM - GAP * (len(line) - 1)) / (_wide(line) - GAP * (len(line) - 1)) for line in lines))
    return [[(field, group, slot * stretch) for field, group, slot in line] for line in lines]


def _wide(line: Sequence[Panel]) -> float:
    return sum(slot * len(group) for _, group, slot in line) + GAP * (len(line) - 1)


@styled
def trial_confusion(trials: "Trials", k: int | None = None, *, rates: bool = False) -> Figure:
    """Label against answer on validation of trial ``k``, over all its repeats and folds; of the best by default.

    Raises :class:`TizaError` for a number that is none, and where there is no best.
    """
    chosen = trials.best if k is None else k
    matrix = trials.confusion(chosen)
    n, wrong = int(matrix.sum()), int(matrix.sum() - np.trace(matrix))
    title = t("fig.trials.confusion", k=chosen, n=n, wrong=wrong) if n else t("fig.trials.no-answers", k=chosen)
    repeats = trials.search.repeats
    more = " · " + t("fig.trials.repeats", n=repeats) if repeats > 1 else ""
    return matrix_sheet(title, matrix, trials.classes, rates=rates, more=more)
