"""What figures of a search share: a field as an axis, how values are written, which trials tie, a key under a plot."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from tiza.figures.paper import GREY, HAIR, INK, MARGIN, SIZE, VALID, WIDTH, as_tick, as_value, fit, text_width
from tiza.i18n import number, t

if TYPE_CHECKING:
    from tiza.trials.space import Range
    from tiza.trials.table import Trials

TIE = "#7f8783"
LOOKS: dict[str, dict[str, Any]] = {
    "best": {"color": VALID, "linewidth": 2.4, "zorder": 5},
    "tie": {"color": TIE, "linewidth": 0.9, "zorder": 3},
    "worse": {"color": HAIR, "linewidth": 0.7, "zorder": 2},
}
LOST: dict[str, Any] = {
    "color": INK,
    "marker": "x",
    "markersize": 6,
    "markeredgewidth": 1.4,
    "linestyle": "",
    "zorder": 6,
}
ROW = 0.26

Entry = tuple[dict[str, Any], str]  # how it is drawn, and its words


@dataclass(frozen=True)
class Scale:
    """A field as an axis: its values side by side in order; to scale where they are drawn and hardly ever repeat."""

    field: str
    values: list[Any]
    drawn: "Range | None" = None

    def place(self, value: Any) -> float:
        """Where a value is."""
        return float(value) if self.drawn else float(self.values.index(plain(value)))

    @cached_property
    def short(self) -> bool:
        """Whether three digits tell the values apart."""
        return all(map(is_number, self.values)) and len(set(map(as_value, self.values))) == len(self.values)

    def said(self, value: Any) -> str:
        """A value as it is written on this axis."""
        return as_value(value) if self.short or self.drawn else said(value)

    def names(self) -> list[str]:
        """The values, written."""
        return [fit(self.said(value), 1.3) for value in self.values]

    def every(self, step: float) -> int:
        """Of how many names one has room, for values ``step`` inches apart."""
        return math.ceil((SIZE * 1.3 / 72) / step)

    def under(self, step: float) -> float:
        """What the names take under a plot: more where they have to be slanted."""
        wide = 0.0 if self.drawn else max(map(text_width, self.names()))
        return wide * 0.72 + 0.12 if wide > step * self.every(step) - 0.08 else 0.2


def scale(trials: "Trials", field: str) -> Scale:
    """The axis of a field."""
    from tiza.trials.space import Range

    asked = trials.search.grid[field]
    own = [plain(row["values"][field]) for row in trials.rows]
    values = list(dict.fromkeys(own if isinstance(asked, Range) else map(plain, asked)))
    values = sorted(values) if all(map(is_number, values)) else values
    exact = isinstance(asked, Range) and (asked.draw != "integer" or len(values) > 12)
    return Scale(field, values, asked if exact and isinstance(asked, Range) else None)


def scales(trials: "Trials") -> list[Scale]:
    """The axes of the fields that have more than one value."""
    found = [scale(trials, field) for field in trials.search.grid]
    return [of for of in found if len(of.values) > 1]


def plain(value: Any) -> Any:
    """A value that can be looked up."""
    return tuple(map(plain, value)) if isinstance(value, (list, tuple)) else value


def is_number(value: Any) -> bool:
    """Whether a value is a number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def said(value: Any) -> str:
    """A value as short as it can be written: ``0,01``, ``80-40``, ``true``."""
    if isinstance(value, (list, tuple)):
        return "-".join(map(said, value)) or "–"
    if value is None or isinstance(value, bool):
        return "–" if value is None else str(value).lower()
    if isinstance(value, dict):
        return str(value.get("name") or ", ".join(f"{key} {said(own)}" for key, own in value.items()))
    return as_tick(value) if is_number(value) else str(value)


def said_all(trials: "Trials", k: int) -> str:
    """What trial ``k`` is, of what differs."""
    values = trials.trials[k].values
    axes = scales(trials)
    short = [axis.field.rpartition(".")[2] for axis in axes]
    names = short if len(set(short)) == len(short) else [axis.field for axis in axes]
    return " · ".join(f"{name} {axis.said(values[axis.field])}" for name, axis in zip(names, axes, strict=True))


def name_best(trials: "Trials") -> str:
    """``best: trial 7 · lr 0.01 · hidden 80``."""
    settings = said_all(trials, trials.best)
    return t("fig.trials.best", k=trials.best) + (settings and f" · {settings}")


def mean_of(trials: "Trials") -> str:
    """Of what an accuracy is the mean, if of anything: `` · mean of 3 repeats``."""
    folds, repeats = trials.search.folds, trials.search.repeats
    if not folds and repeats == 1:
        return ""
    key = "both" if folds and repeats > 1 else "folds" if folds else "repeats"
    return " · " + t(f"fig.trials.mean.{key}", folds=folds or 1, repeats=repeats)


def distinct(trials: "Trials") -> list[dict[str, Any]]:
    """The rows, the best first, without those that do the same as another."""
    return [row for row in trials.rows if row["same_as"] is None]


def standing(row: dict[str, Any]) -> str:
    """``best``, ``tie`` (what does the same as the best, too), ``worse``; ``diverged``, ``dropped``, ``unfinished``."""
    verdict = row["verdict"] or row["status"]
    return "tie" if verdict == "same" else verdict


def entries(rows: Sequence[dict[str, Any]], looks: Mapping[str, dict[str, Any]]) -> list[Entry]:
    """For a key: the best, and how many are what else there is."""
    members = {name: [row["trial"] for row in rows if standing(row) == name] for name in looks}
    words = {name: f"{t(f'verdict.{name}')}: {number(len(own), ',')}" for name, own in members.items() if own}
    words |= {"best": t("fig.trials.best", k=members["best"][0])} if members.get("best") else {}
    return [(looks[name], word) for name, word in words.items()]


def ticks_of(low: float, high: float) -> list[float]:
    """Round accuracies around two."""
    found = MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(min(low, high - 0.004), high)
    return [float(tick) for tick in found if -1e-9 < tick < 1 + 1e-9]


def below(ticks: Sequence[float], rows: Sequence[dict[str, Any]]) -> list[Entry]:
    """For a key: how many finished trials are under the axis."""
    n = sum(row["rank"] is not None and row["accuracy"] < ticks[0] - 1e-9 for row in rows)
    return [({}, t("fig.trials.below", n=n))] if n else []


def set_axis(ax: Axes, which: Literal["x", "y"], of: Scale, step: float) -> None:
    """Ticks and limits of an axis whose values are ``step`` inches apart, if they are side by side."""
    axis = ax.xaxis if which == "x" else ax.yaxis
    limits = ax.set_xlim if which == "x" else ax.set_ylim
    if of.drawn is None:
        every = slice(None, None, of.every(step))
        slanted: dict[str, Any] = {"rotation": 45, "ha": "right", "va": "top", "rotation_mode": "anchor"}
        turned = slanted if which == "x" and of.under(step) > 0.2 else {}
        axis.set_ticks(list(range(len(of.values)))[every], of.names()[every], **turned)
        limits(-0.5, len(of.values) - 0.5)
        return
    low, high = of.drawn.low, of.drawn.high
    if of.drawn.draw == "log":
        (ax.set_xscale if which == "x" else ax.set_yscale)("log")
        limits(low / (high / low) ** 0.03, high * (high / low) ** 0.03)
        axis.set_major_locator(LogLocator(10, subs=(1, 2, 5) if high / low < 30 else (1,), numticks=6))
        axis.set_minor_locator(NullLocator())
    else:
        limits(low - 0.03 * (high - low), high + 0.03 * (high - low))
        axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=of.drawn.draw == "integer"))
    axis.set_major_formatter(FuncFormatter(as_tick))


def key_rows(of: Sequence[Entry], width: float = WIDTH) -> list[list[Entry]]:
    """A key, in as many rows as it needs."""
    rows: list[list[Entry]] = [[]]
    left = MARGIN
    for look, word in of:
        wide = 0.38 * bool(look) + text_width(word) + 0.3
        if rows[-1] and left + wide - 0.3 > width - MARGIN:
            rows.append([])
            left = MARGIN
        rows[-1].append((look, word))
        left += wide
    return [row for row in rows if row]


def draw_key(page: Axes, top: float, rows: Sequence[Sequence[Entry]]) -> None:
    """A key under a plot: boxes, lines or marks with their words."""
    for i, row in enumerate(rows):
        left, y = MARGIN, top + ROW * i
        for look, word in row:
            if "facecolor" in look:
                page.add_patch(Rectangle((left + 0.02, y - 0.075), 0.26, 0.15, **look))
            elif look:
                inside = look.get("linestyle") == ""
                page.plot([left + 0.15] if inside else [left, left + 0.28], [y] if inside else [y, y], **look)
            page.text(left + 0.38 * bool(look), y, word, va="center_baseline", color=GREY)
            left += 0.38 * bool(look) + text_width(word) + 0.3
