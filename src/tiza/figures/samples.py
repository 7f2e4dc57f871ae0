"""Samples as they are, before any answer: images in tiles, pictures as the network sees them, tables, class counts."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from tiza.errors import RequestError
from tiza.figures.paper import (
    GREY,
    INK,
    MARGIN,
    TRAIN,
    VALID,
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
from tiza.i18n import number, t

if TYPE_CHECKING:
    from tiza.data.seal import Split

CLASSES = ("#56b4e9", "#cc79a7", INK, "#8a8f8c")  # colours that mean nothing else in tiza
MARKERS = "o^sDvPX*<>"
MOST_POINTS = 5_000  # of a scatter plot


@styled
def digits(
    images: Any, captions: Sequence[str] | None = None, wrong: Sequence[bool] | None = None, *,
    columns: int | None = None, title: str = "",
) -> Figure:  # fmt: skip
    """Tiles of one or many images (uint8 N×C×H×W, N×H×W or H×W), each with its caption; a wrong one's is marked."""
    array = np.asarray(images)
    array = array[None] if array.ndim == 2 else array
    most = columns or (5 if captions and max(map(len, captions)) > 6 else 10)
    columns, step = min(len(array), most), min((WIDTH - 2 * MARGIN) / most, 1.6)
    side, pitch = step - 0.12, step + (0.2 if captions else 0)
    top = 0.6 if title else MARGIN
    height = top + pitch * math.ceil(len(array) / columns) + 0.1
    width = max(2 * MARGIN + columns * step - 0.12, min(WIDTH, text_width(title, 13, "bold") + 2 * MARGIN))
    figure, page = sheet(height, title, width=width)
    for i, image in enumerate(array):
        x, y = MARGIN + i % columns * step, top + i // columns * pitch
        tile(page, image, x, y, side)
        if captions:
            marked = wrong is not None and bool(wrong[i])
            _caption(page, x + side / 2, y + side + 0.19, captions[i], step - 0.05, marked)
    return figure


@styled
def before_after(pairs: Sequence[tuple[Any, Any, str, bool]]) -> Figure:
    """Pictures as they came, over what the network sees of them: (original, prepared or None, caption, is right)."""
    names, title = [t("fig.original"), t("fig.seen")], t("fig.before-after")
    widest = max(text_width(f"✗ {caption}", weight="bold") for *_, caption, _ in pairs) + 0.1
    left = _beside(names)
    most = int(np.clip((WIDTH - MARGIN - left) // widest, 2, 6))  # a name that is cut tells nothing
    columns = min(len(pairs), most)
    step = (WIDTH - MARGIN - left) / most
    step = min(step, max(widest, (WIDTH - MARGIN - left) / 6))
    side, block = step - 0.1, 2 * step + 0.4
    width = max(left + columns * step - 0.1, MARGIN + text_width(title, 13, "bold")) + MARGIN
    figure, page = sheet(0.55 + block * math.ceil(len(pairs) / columns), title, width=width)
    for i, (original, prepared, caption, right) in enumerate(pairs):
        x, y = left + i % columns * step, 0.55 + i // columns * block
        for row, name in enumerate(names if x == left else ()):
            page.text(left - 0.12, y + row * step + side / 2, name, color=GREY, ha="right", va="center")
        tile(page, original, x, y, side, photo=True)
        if prepared is None:
            page.text(x + side / 2, y + step + side / 2, t("fig.unseen"), color=GREY, ha="center", va="center")
        else:
            tile(page, prepared, x, y + step, side)
        _caption(page, x + side / 2, y + step + side + 0.19, caption, step - 0.04, not right)
    return figure


@styled
def mosaic(split: "Split", classes: Sequence[str], per_class: int = 8, seed: int = 0) -> Figure:
    """Some images of each class, one row a class, drawn with the seed. Raises :class:`TizaError` for a table."""
    if split.x.ndim != 4:
        raise RequestError("no-images", where="split")
    left = _beside(classes)
    step = min((WIDTH - MARGIN - left) / per_class, 1.0)
    title = t("fig.mosaic.title", n=len(split), classes=len(classes))
    width = max(left + step * per_class + MARGIN - 0.06, text_width(title, 13, "bold") + 2 * MARGIN)
    figure, page = sheet(0.6 + step * len(classes) + 0.1, title, width=width)
    _name_rows(page, classes, left, 0.57, step)
    random, labels = np.random.default_rng(seed), split.y.numpy()
    for row in range(len(classes)):
        mine = random.permutation(np.flatnonzero(labels == row))[:per_class]
        if not len(mine):
            page.text(left, 0.57 + (row + 0.5) * step, t("fig.absent"), color=GREY, va="center")
        for column, index in enumerate(mine):
            tile(page, split.x[index], left + column * step, 0.6 + row * step, step - 0.06)
    return figure


@styled
def scatter(split: "Split", classes: Sequence[str], features: Sequence[str], axes: tuple[int, int] = (0, 1)) -> Figure:
    """The samples of a table over two of its features, at most 5,000; each class has a colour and a shape.

    Raises :class:`TizaError` for images and for tables of one feature.
    """
    from tiza.data.dataset import stratified

    if split.x.ndim != 2 or split.x.shape[1] < 2:
        raise RequestError("two-features", where="split")
    n, split = len(split), split.take(stratified(split.y.numpy(), MOST_POINTS))
    names = [fit(name, 1.5) for name in classes]
    right = WIDTH - MARGIN - max(text_width(name) for name in names) - 0.15
    across, upwards = (features[i] for i in axes)
    figure, page = sheet(4.8, t("fig.scatter.title", n=n, x=across, y=upwards), upwards)
    ax = place(page, (0.65, 0.85, right - 0.9, 3.35))
    points, labels = split.x[:].numpy()[:, list(axes)], split.y.numpy()
    area = float(np.clip(9000 / max(len(points), 1), 6, 34))
    for i, name in enumerate(names):
        look: dict[str, Any] = {"color": CLASSES[i % len(CLASSES)], "marker": MARKERS[i % len(MARKERS)]}
        mine = points[labels == i].T
        ax.scatter(*mine, s=area, linewidth=0.3, edgecolor="white", **look)
        page.plot([right], [0.95 + i * 0.27], linestyle="", markersize=7, **look)
        page.text(right + 0.15, 0.95 + i * 0.27, name, va="center_baseline")
    ax.set_xlabel(across, labelpad=5)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(FuncFormatter(as_tick))
    return figure


@styled
def histogram(counts_by_split: Mapping[str, Sequence[int]], classes: Sequence[str]) -> Figure:
    """How many samples each class has in each split, one panel a split."""
    left = _beside(classes)
    step, row = (WIDTH - MARGIN - left) / len(counts_by_split), 0.3
    total = sum(sum(counts) for counts in counts_by_split.values())
    figure, page = sheet(1.2 + row * len(classes), t("fig.histogram.title", n=total), t("fig.histogram.note"))
    _name_rows(page, classes, left, 1.1, row)
    for column, (split, counts) in enumerate(counts_by_split.items()):
        x, texts = left + column * step, [number(int(count), ",") for count in counts]
        full = step - 0.25 - max(text_width(text) for text in texts)
        name = t(f"split.{split}") if split in ("train", "valid", "test") else split
        page.text(x, 0.98, fit(f"{name} {number(int(sum(counts)), ',')}", step - 0.1, weight="bold"), weight="bold")
        colour = {"train": TRAIN, "valid": VALID}.get(split, "#8a8f8c")
        for i, (count, text) in enumerate(zip(counts, texts, strict=True)):
            length, y = full * count / max(*counts, 1), 1.1 + i * row
            page.fill_between([x, x + length], y + 0.05, y + row - 0.05, color=colour, linewidth=0)
            page.text(x + length + 0.06, y + row / 2, text, va="center_baseline")
    return figure


@styled
def channels(of: Mapping[str, Any], title: str) -> Figure:
    """The channels of a picture (H×W each, by name) beside each other, each in the greys of its own values."""
    step = min((WIDTH - 2 * MARGIN) / len(of), 2.4)
    names = [t(f"channel.{name}") for name in of]
    width = max(2 * MARGIN + len(of) * step - 0.12, min(WIDTH, text_width(title, 13, "bold") + 2 * MARGIN))
    figure, page = sheet(0.6 + step + 0.3, title, width=width)
    for i, (name, values) in enumerate(zip(names, of.values(), strict=True)):
        grey = values if values.dtype == np.uint8 else (values // 257).astype(np.uint8)
        x, side, caption = MARGIN + i * step, step - 0.12, f"{name} {values.min()}–{values.max()}"
        tile(page, grey, x, 0.6, side, photo=True)
        _caption(page, x + side / 2, 0.8 + side, caption, step, wrong=False)
    return figure


@styled
def target(before: Any, after: Mapping[str, int], name: str) -> Figure:
    """The values of a table's target as they were, and the classes that were made of them."""
    figure, page = sheet(3.4, t("fig.target.title", name=name, n=len(before)))
    panels = [place(page, (left, 1.0, 2.8, 1.7)) for left in (0.75, 4.45)]
    values = np.asarray(before)
    if values.dtype.kind == "f" and len(np.unique(values)) > 30:
        panels[0].hist(values, bins=30, color=GREY)
        panels[0].xaxis.set_major_formatter(FuncFormatter(as_tick))
    else:
        different, counts = np.unique(values, return_counts=True)
        _bars(panels[0], [as_tick(v) if isinstance(v, float) else str(v) for v in different.tolist()], counts.tolist())
    _bars(panels[1], list(after), list(after.values()))
    for ax, heading, left in zip(panels, ("fig.target.before", "fig.target.after"), (0.75, 4.45), strict=True):
        page.text(left, 0.85, t(heading), color=GREY)
        ax.set_ylabel(t("fig.axis.samples"), labelpad=4)
        ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        ax.yaxis.set_major_formatter(FuncFormatter(as_tick))
    panels[0].set_xlabel(fit(name, 2.6), labelpad=4)
    return figure


def _bars(ax: Axes, names: Sequence[str], counts: Sequence[int]) -> None:
    ax.bar(range(len(names)), counts, color=GREY, width=0.8)
    shown = range(0, len(names), math.ceil(len(names) / 12))
    width = 2.6 / max(len(shown), 1)
    ax.set_xticks(list(shown), [fit(names[i], width) for i in shown])
    ax.set_ylim(0, max(counts) * 1.15)
    if len(names) <= 8:
        for i, count in enumerate(counts):
            ax.text(i, count, number(count, ","), ha="center", va="bottom")


def _beside(names: Sequence[str]) -> float:
    """Where what the names stand beside begins."""
    return MARGIN + max(text_width(fit(name, 1.4)) for name in names) + 0.12


def _name_rows(page: Axes, classes: Sequence[str], left: float, top: float, row: float) -> None:
    """The class names, each at the left of its row."""
    for i, name in enumerate(classes):
        page.text(left - 0.12, top + (i + 0.5) * row, fit(name, 1.4), ha="right", va="center_baseline")


def _caption(page: Axes, x: float, y: float, text: str, width: float, wrong: bool) -> None:
    text, weight = (f"✗ {text}", "bold") if wrong else (text, "normal")
    weight = weight if text_width(text, weight=weight) <= width else "normal"
    page.text(x, y, fit(text, width, weight=weight), ha="center", weight=weight, color=WRONG if wrong else INK)
