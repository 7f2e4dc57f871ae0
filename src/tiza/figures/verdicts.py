"""What a model answers and how often it errs: the confusion matrix, and the samples with the highest loss."""

import math
from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from tiza.errors import RequestError
from tiza.figures.paper import (
    GREY,
    HAIR,
    INK,
    MARGIN,
    RIGHT,
    SIZE,
    WIDTH,
    WRONG,
    Box,
    as_probability,
    as_value,
    decimals_of,
    fit,
    place,
    sheet,
    styled,
    text_width,
    tile,
)
from tiza.i18n import number, t

if TYPE_CHECKING:
    from tiza.data.dataset import Dataset
    from tiza.reports import Report


@styled
def confusion(
    report: "Report", split: Literal["train", "valid", "test"] | None = None, *, rates: bool = False
) -> Figure:
    """Label against answer, as counts or per cent of each row; by default of test, of validation where it is sealed.

    Raises :class:`TizaError` for a split that was not measured.
    """
    chosen = split or report.worst_split
    of = report.splits[chosen]
    if of is None:
        raise RequestError("unmeasured", where=chosen, split=t(f"split.{chosen}"))
    matrix = np.array(of["confusion"])
    title = t("fig.confusion.title", split=t(f"split.{chosen}"), n=of["n"], wrong=int(_wrong(matrix).sum()))
    return matrix_sheet(title, matrix, report.classes, rates=rates)


def matrix_sheet(
    title: str, matrix: np.ndarray, classes: Sequence[str], *, rates: bool = False, more: str = ""
) -> Figure:
    """A sheet that holds one matrix under its title; ``more`` ends the line under that."""
    side = 3.6 if len(matrix) == 2 else min(5.2, 0.9 + 0.85 * len(matrix))
    left, bottom = _borders(classes, side / len(matrix), SIZE)
    note = (
        errors_line("fig.confusion.rates" if rates else "fig.confusion.counts", "fig.most-error", matrix, rates) + more
    )
    width = 2 * MARGIN + max(left + side, text_width(title, 13, "bold"), text_width(note))
    figure, page = sheet(0.85 + side + bottom + 0.1, title, note, width=width)
    draw_matrix(page, (MARGIN, 0.85, left + side, side + bottom), matrix, classes, rates=rates)
    return figure


def _wrong(matrix: np.ndarray) -> np.ndarray:
    """The matrix without the right answers."""
    return np.where(np.eye(len(matrix), dtype=bool), 0, matrix)


def _rates(matrix: np.ndarray) -> np.ndarray:
    return matrix / np.maximum(matrix.sum(1, keepdims=True), 1)


def errors_line(key: str, most_key: str, matrix: np.ndarray, rates: bool = False) -> str:
    """A line on the errors and, where there are any, how many the darkest cell holds."""
    text, most = t(key, n=int(_wrong(matrix).sum())), _wrong(_rates(matrix) if rates else matrix).max()
    return f"{text} · {t(most_key, n=number(most, '.1%') if rates else number(int(most), ','))}" if most else text


def _borders(classes: Sequence[str], cell: float, size: float) -> tuple[float, float]:
    """What names take at the left of a matrix and under it."""
    longest, line = max(text_width(fit(name, 1.3, size), size) for name in classes), size * 1.6 / 72
    return line + longest + 0.12, line + (longest * 0.72 + 0.12 if longest > cell - 0.04 else line)


def draw_matrix(
    page: Axes, box: Box, counts: np.ndarray, classes: Sequence[str], *, rates: bool = False, size: float = SIZE
) -> None:
    """Right answers in a calm green; errors the more vermilion the more there are. Numbers where they have room."""
    (left, top, width, height), k = box, len(counts)
    border, bottom = _borders(classes, width * 0.85 / k, size)
    side = min(width - border, height - bottom)
    cell, right = side / k, np.eye(k, dtype=bool)
    shares = _rates(counts)
    errors = _wrong(shares if rates else counts)
    strength = np.where(errors > 0, 0.1 + 0.6 * errors / max(errors.max(), 1e-12), 0)
    colours = np.where(errors[..., None] > 0, _mix(WRONG, strength), to_rgb("#f3f4f2"))
    colours[right] = _mix(RIGHT, np.array(0.24))

    ax = place(page, (left + border, top, side, side))
    edges = np.arange(k + 1) - 0.5
    ax.pcolormesh(edges, edges, colours, edgecolors="white", linewidth=min(2, 20 / k))
    ax.set(xlim=(-0.5, k - 0.5), ylim=(k - 0.5, -0.5))
    ax.grid(False)
    ax.spines[:].set_visible(False)
    texts = [[_cell(counts[i, j], shares[i, j], rates) for j in range(k)] for i in range(k)]
    kinds = [t(f"fig.{kind}") for kind in ("tn", "fp", "fn", "tp")] if k == 2 else []
    kinds = kinds if all(text_width(line, size) < cell for kind in kinds for line in kind.splitlines()) else []
    large = size * (1.6 if k <= 3 else 1)
    for cells in (np.argwhere(right).tolist(), np.argwhere(~right).tolist()):
        for i, j in cells if max(text_width(texts[i][j], large) for i, j in cells) <= cell - 0.02 else ():
            ax.text(j, i - 0.16 * bool(kinds), texts[i][j], size=large, ha="center", va="center_baseline",
                    color=INK if counts[i, j] else "#7a807c")  # fmt: skip
    for i, kind in enumerate(kinds):
        ax.text(i % 2, i // 2 + 0.02, kind, size=size, ha="center", va="top", linespacing=1.3)

    every = range(0, k, math.ceil(size * 1.2 / 72 / cell))
    names = [fit(classes[i], 1.3, size) for i in every]
    slanted = max(text_width(name, size) for name in names) > cell * every.step - 0.04
    turned: dict[str, Any] = {"rotation": 45, "ha": "right", "va": "top", "rotation_mode": "anchor"} if slanted else {}
    ax.set_yticks(every, names, size=size)
    ax.set_xticks(every, names, size=size, **turned)
    page.text(left, top + side / 2, t("fig.label"), size=size, color=GREY, rotation=90, va="center")
    page.text(left + border + side / 2, top + side + bottom, t("fig.answer"), size=size, color=GREY, ha="center")


def _mix(colour: str, strength: np.ndarray) -> np.ndarray:
    """The colour, thinned with white."""
    return 1 - strength[..., None] * (1 - np.array(to_rgb(colour)))


def _cell(count: int, share: float, rates: bool) -> str:
    if not rates or not count:
        return number(int(count), ",")
    return "<" + number(0.1, ".1f") if share < 0.001 else number(100 * share, ".1f")


@styled
def worst(report: "Report", data: "Dataset") -> Figure:
    """The samples with the highest loss: the right label, then the answer with its probability.

    Images five in a row; of tables the first 15 as rows of text, with up to four features.
    """
    samples = report.worst if len(data.shape) == 3 else report.worst[:15]
    title = t("fig.worst.title", split=t(f"split.{report.worst_split}"), n=len(samples))
    if len(data.shape) == 1:
        return _worst_rows(report, data, samples, title)
    height = math.ceil(len(samples) / 5) * _pitch(1.26, report.classes, SIZE)
    figure, page = sheet(0.85 + height, title, t("fig.worst.note"))
    worst_tiles(page, (MARGIN, 0.85, WIDTH - 2 * MARGIN, height), 5, report, data, side=1.26)
    return figure


def _worst_rows(report: "Report", data: "Dataset", samples: Sequence[dict[str, Any]], title: str) -> Figure:
    """A table of text: features, label, answer, probability, loss."""
    x, told = data.look(report.worst_split).x, min(4, data.shape[0])
    decimals = decimals_of([s["loss"] for s in samples if s["loss"] is not None])
    columns = [[as_value(float(x[s["index"], feature])) for s in samples] for feature in range(told)]
    columns += [[fit(report.classes[s[key]], 1.1, weight="bold") for s in samples] for key in ("label", "answer")]
    columns.append([as_probability(s["probability"]) for s in samples])
    columns.append(["∞" if s["loss"] is None else number(s["loss"], f".{decimals}f") for s in samples])
    names = [*data.features[:told], *(t(f"fig.{name}") for name in ("label", "answer", "probability", "loss"))]
    heads = [[fit(line, 1.1) for line in wrap(name, 13, break_long_words=False)[:3]] for name in names]
    table = list(zip(heads, columns, strict=True))
    widths = [max(text_width(text, weight="bold") for text in head + cells) for head, cells in table]
    gap = (WIDTH - 2 * MARGIN - sum(widths)) / (len(widths) - 1)
    top = 0.5 + 0.18 * max(map(len, heads))
    figure, page = sheet(top + 0.28 * len(samples) + 0.3, title)
    page.plot([MARGIN, WIDTH - MARGIN], [top + 0.1] * 2, color=HAIR, linewidth=0.8)
    for column, (head, cells) in enumerate(table):
        right = MARGIN + sum(widths[: column + 1]) + column * gap
        for i, text in enumerate(reversed(head)):
            page.text(right, top - 0.18 * i, text, ha="right", color=GREY)
        for i, (sample, text) in enumerate(zip(samples, cells, strict=True)):
            wrong = sample["label"] != sample["answer"] and column == told + 1
            weight, colour = ("bold", WRONG) if wrong else ("normal", INK)
            page.text(right, top + 0.34 + i * 0.28, text, ha="right", weight=weight, color=colour)
    return figure


def is_long(classes: Sequence[str]) -> bool:
    """Whether a label and an answer have no room beside each other under a tile."""
    return max(map(len, classes)) > 3


def _pitch(side: float, classes: Sequence[str], size: float) -> float:
    return side + size / 72 * (3.5 if is_long(classes) else 2.1)


def worst_tiles(
    page: Axes, box: Box, columns: int, report: "Report", data: "Dataset", *, side: float, size: float = SIZE
) -> None:
    """The worst images with label and answer under each, as many rows as the box holds."""
    left, top, width, height = box
    pitch, step, x = _pitch(side, report.classes, size), (width - side) / (columns - 1), data.look(report.worst_split).x
    room = step - 0.05 if is_long(report.classes) else side
    for i, sample in enumerate(report.worst[: columns * int(height / pitch + 0.01)]):
        at, y = left + i % columns * step, top + i // columns * pitch
        tile(page, x[sample["index"]], at, y, side)
        verdict(page, (at, y + side + size * 1.2 / 72), room, sample, report.classes, size, told=side > 1)


def verdict(
    page: Axes, at: tuple[float, float], width: float, sample: dict[str, Any], classes: tuple[str, ...], size: float,
    *, told: bool = True,
) -> None:  # fmt: skip
    """The right label at the left; the answer at the right, or under it where names are long; its probability."""
    weight, colour = ("normal", INK) if sample["label"] == sample["answer"] else ("bold", WRONG)
    label, answer = fit(classes[sample["label"]], width, size), fit(classes[sample["answer"]], width, size, weight)
    probability = as_probability(sample["probability"])
    taken = text_width(answer, size, weight), text_width(probability, size) + 0.06
    under, told = is_long(classes), told and sum(taken) <= width
    x, y = at[0] if under else at[0] + width - taken[0] - told * taken[1], at[1] + under * size * 1.35 / 72
    page.text(*at, label, size=size)
    page.text(x, y, answer, size=size, weight=weight, color=colour)
    if told:
        page.text(x + taken[0] + 0.06, y, probability, size=size, color=GREY)
