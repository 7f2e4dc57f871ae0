"""What an audit found: the pairs of samples that are the same, side by side."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tiza.errors import RequestError
from tiza.figures.paper import GREY, INK, MARGIN, WIDTH, WRONG, as_value, fit, sheet, styled, tile
from tiza.i18n import t

if TYPE_CHECKING:
    from tiza.data.audit import Audit, Pair, Place
    from tiza.data.dataset import Dataset

COLUMNS, TILE, GAP, BLOCK = 3, 1.06, 0.1, 2.02  # pairs in a row; inches: a tile, between two of them, a row of pairs
LINE, HEAD = 0.24, 1.05  # of a table: a line of text, and room for the names of its columns
LABEL, VALUES = 1.85, 2.95  # where labels and values begin
FEATURES = 6  # columns of a table that have room


@styled
def audit(of: "Audit", data: "Dataset", most: int = 12) -> Figure:
    """The first ``most`` pairs of an audit of ``data``: the two images, or rows, with split, number and label.

    Labels that differ are marked. Raises :class:`TizaError` where there is no pair.
    """
    if not of.pairs:
        raise RequestError("audit-clean", where=of.data)
    pairs = of.pairs[:most]
    title = t("fig.audit.title", name=of.data, n=len(of.pairs))
    note = [t("fig.audit.first", n=len(pairs)) if len(pairs) < len(of.pairs) else t("fig.audit.all")]
    if of.images:
        note.append(t("fig.audit.under"))
    elif len(data.features) > FEATURES:
        note.append(t("fig.audit.features", n=len(data.features) - FEATURES))
    return (_tiles if of.images else _rows)(pairs, data, title, "; ".join(note))


def _tiles(pairs: Sequence["Pair"], data: "Dataset", title: str, note: str) -> Figure:
    figure, page = sheet(0.85 + BLOCK * math.ceil(len(pairs) / COLUMNS), title, note)
    step = (WIDTH - 2 * MARGIN + 0.2) / COLUMNS
    for i, pair in enumerate(pairs):
        left, top = MARGIN + i % COLUMNS * step, 0.98 + i // COLUMNS * BLOCK
        said = t("fig.audit.near", distance=pair.distance) if pair.kind == "near" else t("audit.kind.identical")
        page.text(left, top, said, weight="bold")
        for j, place in enumerate((pair.one, pair.other)):
            x = left + j * (TILE + GAP)
            tile(page, data.look(place.split).x[place.index], x, top + 0.08, TILE)
            _caption(page, x, top + TILE + 0.28, place, pair.conflicts)
    return figure


def _caption(page: Axes, x: float, y: float, place: "Place", wrong: bool) -> None:
    page.text(x, y, fit(t(f"split.{place.split}"), TILE + GAP), color=GREY)
    page.text(x, y + 0.18, str(place.number), color=GREY)
    label = fit(f"✗ {place.label}" if wrong else place.label, TILE + GAP - 0.02, weight="bold")
    page.text(x, y + 0.36, label, weight="bold", color=WRONG if wrong else INK)


def _rows(pairs: Sequence["Pair"], data: "Dataset", title: str, note: str) -> Figure:
    names = data.features[:FEATURES]
    figure, page = sheet(1.0 + HEAD + len(pairs) * 3.4 * LINE, title, note)
    step = (WIDTH - MARGIN - 0.45 - VALUES) / FEATURES
    for i, name in enumerate(names):
        x = VALUES + (i + 0.85) * step
        page.text(x, 0.82 + HEAD, fit(name, HEAD), rotation=55, rotation_mode="anchor")
    for i, pair in enumerate(pairs):
        top = 1.15 + HEAD + i * 3.4 * LINE
        page.text(MARGIN, top, t(f"audit.kind.{pair.kind}"), weight="bold")
        for j, place in enumerate((pair.one, pair.other), 1):
            y = top + j * LINE
            page.text(MARGIN, y, fit(t(f"split.{place.split}"), 1.1), color=GREY)
            page.text(LABEL - 0.1, y, str(place.number), color=GREY, ha="right")
            label = fit(f"✗ {place.label}" if pair.conflicts else place.label, VALUES - LABEL, weight="bold")
            page.text(LABEL, y, label, weight="bold", color=WRONG if pair.conflicts else INK)
            row: Any = data.look(place.split).x[place.index]
            for k in range(len(names)):
                page.text(VALUES + (k + 1) * step, y, as_value(float(row[k])), ha="right")
    return figure
