"""How a run learnt: its loss, accuracy and F1 against epochs, each line named at its end."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from tiza.errors import unknown
from tiza.figures.paper import (
    GREY,
    SIZE,
    TRAIN,
    VALID,
    Box,
    as_percent,
    as_tick,
    as_value,
    decimals_of,
    place,
    sheet,
    styled,
    text_width,
)
from tiza.i18n import number, t
from tiza.training.events import Measured, RunStarted, Stepped

if TYPE_CHECKING:
    from tiza.rates import Rates
    from tiza.runs import Run

LOOKS: dict[str, dict[str, Any]] = {
    "running": {"color": TRAIN, "linewidth": 1.1, "linestyle": (0, (3, 2)), "alpha": 0.75},
    "train": {"color": TRAIN, "linewidth": 2},
    "valid": {"color": VALID, "linewidth": 2},
}
METRICS = {"loss": "col.loss", "accuracy": "col.accuracy", "f1_macro": "col.f1"}  # and their words


@styled
def curves(run: "Run", metrics: Sequence[str] = ("loss", "accuracy")) -> Figure:
    """Metrics against epochs: train measured again, train as it ran, and validation.

    Of ``f1_macro``, the third that there is, no running mean is taken: F1 is no mean over batches.
    """
    for name in metrics:
        if name not in METRICS:
            raise unknown("metric", name, list(METRICS), where="metrics")
    words = [t(METRICS[name]) for name in metrics]
    what = t("fig.and", one=", ".join(words[:-1]), other=words[-1]) if len(words) > 1 else words[0]
    wide = len(metrics) % 2  # of an odd number of plots the first takes both columns, so that no hole is left
    places = [(0.6 + 3.67 * (i % 2), 1.18 + 2.5 * (i // 2), 1.75, 1.75) for i in range(wide, len(metrics) + wide)]
    if wide:
        places[0] = (0.6, 1.18, 1.75 + 3.67, 1.75)
    height = places[-1][1] + 1.75 + 0.57
    figure, page = sheet(height, t("fig.curves.title", what=what, **names_of(run)), t("fig.curves.note"))
    plots(page, run, places, metrics)
    return figure


@styled
def rates(of: "Rates") -> Figure:
    """Loss against the rate, and where the suggested one lies."""
    figure, page = sheet(3.6, t("fig.rates.title", rate=as_value(of.suggestion)), t("fig.rates.note"))
    ax = place(page, (0.75, 0.95, 6.3, 2.0))
    ax.plot(of.rates, of.losses, color=TRAIN, linewidth=2)
    ax.axvline(of.suggestion, color=GREY, linewidth=1, linestyle=(0, (3, 2)))
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(FuncFormatter(as_tick))
    ax.yaxis.set_major_formatter(FuncFormatter(as_tick))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_ylim(0, min(max(of.losses), 2 * of.losses[0]) * 1.05)
    ax.set_xlabel(t("fig.rate"))
    ax.set_ylabel(t("fig.loss"))
    return figure


def names_of(run: "Run") -> dict[str, str]:
    """The names of a run's data and model, in words where they are the user's own."""
    names = {"data": run.facts.data, "model": run.recipe.model.name}
    return {kind: t(f"fig.external-{kind}") if name == "external" else name for kind, name in names.items()}


def plots(
    page: Axes,
    run: "Run",
    boxes: Sequence[Box],
    metrics: Sequence[str] = ("loss", "accuracy"),
    size: float = SIZE,
) -> None:
    """The plots of the metrics, each in its box."""
    events = list(run.events())
    per_epoch = max((e.steps_per_epoch for e in events if isinstance(e, RunStarted)), default=1)
    measured = [e for e in events if isinstance(e, Measured)]
    ticked = [e for e in events if isinstance(e, Stepped)]
    x = np.array([e.step / per_epoch for e in measured])
    for box, metric in zip(boxes, metrics, strict=True):
        ax = place(page, box)
        named = [name for name in LOOKS if (name, metric) != ("running", "f1_macro")]
        lines = {name: np.array([getattr(e, name)[metric][0] for e in measured], float) for name in named}
        ax.set_xlim(0, x.max(initial=1))
        zoom(ax, list(lines.values()), metric)
        if metric == "loss":
            ax.plot([e.step / per_epoch for e in ticked], [e.loss[0] for e in ticked], color=TRAIN, alpha=0.22, lw=0.8)
        for name, y in lines.items():
            ax.plot(x, y, marker="o" if len(x) <= 12 else "", markersize=3, **LOOKS[name])
        label(page, ax, box, metric, size)
        _ends(page, ax, box, metric, x, lines, size)


def zoom(ax: Axes, lines: Sequence[np.ndarray], metric: str) -> None:
    """Loss from zero; accuracy and F1 from where they are once the first fifth of the epochs is over."""
    values = np.concatenate([y[len(y) // 5 * (metric != "loss") :] for y in lines])
    values = values[np.isfinite(values)]
    nice = MaxNLocator(4, steps=[1, 2, 5, 10])
    if metric == "loss":
        ax.set_ylim(0, values.max(initial=0) * 1.08 or 1)
        ax.yaxis.set_major_locator(nice)
        return
    low, high = float(values.min(initial=1)), float(values.max(initial=0))
    found = nice.tick_values(*((min(low, high - 0.004), high) if len(values) else (0, 1)))
    ticks = [float(tick) for tick in found if -1e-9 < tick < 1 + 1e-9]
    ax.set(ylim=(ticks[0], ticks[-1] + 0.03 * (ticks[-1] - ticks[0])), yticks=ticks)


def label(page: Axes, ax: Axes, box: Box, metric: str, size: float) -> None:
    """What is measured, above the plot, with its range where it is zoomed; epochs under it."""
    left, top = box[:2]
    name = t(f"fig.axis.{metric}")
    page.text(left, top - 0.15, name, size=size, weight="bold")
    low, high = (number(round(100 * end, 2), "g") for end in ax.get_yticks()[[0, -1]])
    if metric != "loss" and (low, high) != ("0", "100"):
        zoomed = t("fig.zoom", low=low, high=high)
        page.text(left + text_width(name, size, "bold") + 0.08, top - 0.15, zoomed, size=size, color=GREY)
    ax.set_xlabel(t("fig.epoch"), size=size, labelpad=2)
    ax.tick_params(labelsize=size)
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], integer=True))
    ax.xaxis.set_major_formatter(FuncFormatter(as_tick))
    ax.yaxis.set_major_formatter(FuncFormatter(as_tick if metric == "loss" else as_percent))


def _ends(
    page: Axes, ax: Axes, box: Box, metric: str, x: np.ndarray, lines: Mapping[str, np.ndarray], size: float
) -> None:
    """At the end of each line its name and latest value, apart from the others."""
    left, top, width, height = box
    (low, high), row = ax.get_ylim(), size * 1.28 / 72
    last = {name: int(np.flatnonzero(np.isfinite(y))[-1]) for name, y in lines.items() if np.isfinite(y).any()}
    if not last:
        page.text(left + width / 2, top + height / 2, t("fig.nothing"), size=size, color=GREY, ha="center", va="center")
        return
    values = {name: float(lines[name][i]) for name, i in last.items()}
    heights = [top + height * (high - value) / (high - low) for value in values.values()]
    decimals = decimals_of(list(values.values()))
    places = spread(heights, 2 * row + 0.06, top + row, top + height - row)
    for (name, value), here, y in zip(values.items(), heights, places, strict=True):
        look: dict[str, Any] = LOOKS[name] | {"linewidth": 0.9}
        start, end = left + width * x[last[name]] / ax.get_xlim()[1], left + width + 0.2
        page.plot([start], [here], "o", color=look["color"], markersize=4)
        page.plot([start, end - 0.05], [here, y], **look)
        page.text(end, y, t("fig.running" if name == "running" else f"split.{name}"), size=size, va="bottom", gid="end")
        text = number(value, f".{decimals}f" if metric == "loss" else ".1%")
        page.text(end, y + 0.01, text, size=size, weight="bold", va="top", gid="end")


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places as near to ``wanted`` as they can be, in the same order, ``gap`` apart, between ``low`` and ``high``."""
    order, n = np.argsort(wanted, kind="stable"), len(wanted)
    steps = np.arange(n) * gap
    loose = np.asarray(wanted, float)[order] - steps
    # Isotonic regression by its min–max formula.
    level = [max(min(loose[a:b].mean() for b in range(i + 1, n + 1)) for a in range(i + 1)) for i in range(n)]
    placed = np.empty(n)
    placed[order] = np.clip(level, low, max(high - (n - 1) * gap, low)) + steps
    return placed.tolist()
