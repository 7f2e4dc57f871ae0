"""A sample and the training samples that a network takes for most alike to it."""

from textwrap import wrap
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from tiza.figures.paper import GREY, INK, MARGIN, WIDTH, WRONG, as_value, fit, sheet, styled, tile
from tiza.i18n import number, t

if TYPE_CHECKING:
    from tiza.explain.neighbours import Neighbours

COLUMNS, STEP, PITCH = 4, 1.27, 1.68
SIDE = 1.12
MOST_FEATURES = 6


@styled
def neighbours(of: "Neighbours") -> Figure:
    """The sample at the left, its neighbours by distance; those of another class than the answer are marked with ≠."""
    k, answer = len(of.index), fit(of.classes[of.answer], 1.2)
    title = t("fig.neighbours.title", agree=of.agree, k=k, answer=answer)
    metric = t(f"metric.{of.metric}")
    note = t("fig.neighbours.note", layer=of.layer, metric=metric, n=of.among)
    return (_images if of.sample.ndim == 3 else _rows)(of, title, note)


def _images(of: "Neighbours", title: str, note: str) -> Figure:
    rows = -(-len(of.index) // COLUMNS)
    top = 1.15
    figure, page = sheet(max(top + rows * PITCH, top + 2.4), title, note)
    photo = len(of.sample) > 1
    page.text(MARGIN, top - 0.1, fit(of.name, 1.7), weight="bold")
    tile(page, of.sample, MARGIN, top, 1.68, photo=photo)
    page.text(MARGIN, top + 1.9, t("fig.neighbours.answer", answer=fit(of.classes[of.answer], 1)))
    if of.label is not None:
        page.text(MARGIN, top + 2.1, t("fig.neighbours.label", label=fit(of.classes[of.label], 1)), color=GREY)
    left = WIDTH - MARGIN - COLUMNS * STEP + (STEP - SIDE)
    page.text(left, top - 0.1, t("fig.neighbours.train"), weight="bold")
    for i, (image, label, distance) in enumerate(zip(of.x, of.labels, of.distances, strict=True)):
        x, y = left + i % COLUMNS * STEP, top + i // COLUMNS * PITCH
        tile(page, image, x, y, SIDE, photo=photo)
        other = label != of.answer
        name = ("≠ " if other else "") + of.classes[label]
        style: Any = {"weight": "bold", "color": WRONG} if other else {"color": INK}
        page.text(x + SIDE / 2, y + SIDE + 0.18, fit(name, SIDE + 0.08, weight="bold"), ha="center", **style)
        page.text(x + SIDE / 2, y + SIDE + 0.38, _short(float(distance)), ha="center", color=GREY)
    return figure


def _rows(of: "Neighbours", title: str, note: str) -> Figure:
    """Of a table: a line each with its label, its distance and its first features."""
    features = of.features[:MOST_FEATURES]
    left, step = 2.5, 0.3
    each = (WIDTH - MARGIN - left) / max(len(features), 1)
    columns = [left + i * each for i in range(len(features))]
    figure, page = sheet(1.7 + step * (len(of.index) + 2), title, note)
    for x, name in zip(columns, features, strict=True):
        lines = wrap(name, max(4, int(each / 0.085)))[:2]
        page.text(x, 1.3, "\n".join(fit(line, each - 0.1) for line in lines), color=GREY)
    rows = [(t("fig.neighbours.answer", answer=of.classes[of.answer]), None, of.sample, False)]
    rows += [
        (of.classes[label], float(distance), x, label != of.answer)
        for label, distance, x in zip(of.labels, of.distances, of.x, strict=True)
    ]
    for i, (name, distance, x, other) in enumerate(rows):
        y = 1.6 + i * step + (0.1 if i else 0)
        colour, weight = (WRONG, "bold") if other else (INK, "normal" if i else "bold")
        wide = 1.35 if i else 2.2
        page.text(MARGIN, y, fit(("≠ " if other else "") + name, wide, weight=weight), color=colour, weight=weight)
        if distance is not None:
            page.text(1.65, y, _short(distance), color=GREY)
        for at, value in zip(columns, x[: len(features)], strict=True):
            page.text(at, y, as_value(float(value)))
    return figure


def _short(distance: float) -> str:
    """Three digits that count."""
    return number(distance, "#.3g") if distance >= 1e-3 else number(distance, ".1e")
