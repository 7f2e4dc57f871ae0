"""Which classes are taken for each other: a bar a pair, and the samples of one cell as tiles."""

import math
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tiza.figures.paper import GREY, MARGIN, SIZE, WIDTH, WRONG, fit, sheet, styled, text_width, tile
from tiza.figures.verdicts import is_long, verdict
from tiza.i18n import number, t

if TYPE_CHECKING:
    from tiza.explain.confused import Cell, Confused, Pair

PAIRS, TILES, COLUMNS = 8, 15, 5  # most that are drawn
ROW, SIDE = 0.3, 1.26
LOOKS: tuple[dict[str, Any], ...] = ({"color": WRONG}, {"color": WRONG, "alpha": 0.45})


@styled
def confused(of: "Confused") -> Figure:
    """Up to eight pairs with the errors in each direction; below, up to 15 images of the cell, the surest first."""
    pairs, n = of.pairs[:PAIRS], int(of.confusion.sum())
    images = of.cell is not None and of.cell.samples.ndim == 4 and of.cell.n > 0
    shown = min(len(of.cell.samples), TILES) if of.cell is not None and images else 0
    pitch = SIDE + SIZE / 72 * (3.5 if is_long(of.classes) else 2.1)
    tiles = 0.5 + math.ceil(shown / COLUMNS) * pitch if shown else 0.0
    split = t(f"split.{of.split}")
    title = t("fig.confused.title" if pairs else "fig.confused.none", split=split, n=n, wrong=of.wrong)
    figure, page = sheet(0.95 + ROW * len(pairs) + 0.15 + tiles, title, t("fig.confused.note") if pairs else "")
    if pairs:
        _bars(page, pairs, 0.95)
    if of.cell is not None and images:
        _tiles(page, of.cell, of.classes, 0.95 + ROW * len(pairs) + 0.25, shown, pitch)
    return figure


def _bars(page: Axes, pairs: tuple["Pair", ...], top: float) -> None:
    """One row a pair: its names, a bar for each direction, the counts, and the share with its interval."""
    names = [" ↔ ".join(fit(name, 1.0) for name in pair.classes) for pair in pairs]
    said = [_share(pair) for pair in pairs]
    counts = [" + ".join(number(count, ",") for count in pair.counts) for pair in pairs]
    left = MARGIN + max(map(text_width, names)) + 0.15
    right = WIDTH - MARGIN - max(map(text_width, said))
    room = right - 0.2 - max(map(text_width, counts)) - 0.1 - left
    most = max(sum(pair.counts) for pair in pairs)
    for i, pair in enumerate(pairs):
        y, x = top + i * ROW, left
        page.text(left - 0.15, y + ROW / 2, names[i], ha="right", va="center_baseline")
        for count, look in zip(pair.counts, LOOKS, strict=True):
            page.fill_between([x, x + room * count / most], y + 0.05, y + ROW - 0.05, linewidth=0, **look)
            x += room * count / most
        page.text(x + 0.08, y + ROW / 2, counts[i], va="center_baseline")
        page.text(WIDTH - MARGIN, y + ROW / 2, said[i], ha="right", va="center_baseline", color=GREY)


def _share(pair: "Pair") -> str:
    low, high = (number(100 * end, ".1f") for end in pair.interval)
    return f"{number(pair.share, '.1%')} ({low}–{high})"


def _tiles(page: Axes, cell: "Cell", classes: tuple[str, ...], top: float, shown: int, pitch: float) -> None:
    """The images of the cell under a line that says how many there are."""
    key = "fig.confused.cell" if shown == cell.n else "fig.confused.some"
    said = t(key, label=fit(cell.label, 1.2), answer=fit(cell.answer, 1.2), n=cell.n, of=cell.of, shown=shown)
    page.text(MARGIN, top + 0.14, said, weight="bold")
    step = (WIDTH - 2 * MARGIN - SIDE) / (COLUMNS - 1)
    room = step - 0.05 if is_long(classes) else SIDE
    for i in range(shown):
        x, y = MARGIN + i % COLUMNS * step, top + 0.3 + i // COLUMNS * pitch
        tile(page, cell.samples[i], x, y, SIDE)
        sample = {"label": classes.index(cell.label), "answer": classes.index(cell.answer)}
        told = sample | {"probability": float(cell.probability[i])}
        verdict(page, (x, y + SIDE + SIZE * 1.2 / 72), room, told, classes, SIZE)
