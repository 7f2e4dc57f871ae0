"""The structure of a network, from its input down to its answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Line

from tiza.figures.paper import GREY, HAIR, INK, MARGIN, WIDTH, fit, sheet, styled, text_width
from tiza.figures.samples import CLASSES
from tiza.i18n import number, t

if TYPE_CHECKING:
    from tiza.explain.structure import Node, Structure

MOST_NODES = 32  # with a line each; in larger networks an activation stands on the line of what it follows
TOP, ROW = 1.12, 0.27  # of the first line; its height, and that of a block's name
CENTRE, FIRST, STEP, ACROSS = 0.8, 1.66, 0.22, 1.2  # of the shapes; of the first lane, from lane to lane, of all
SIDE, DEEP, SHEETS, DOTS = 0.5, 0.035, 6, 9  # of the largest map; from map to map; maps and units that are drawn
BANDS = ("#f3f4f1", "#e9ece7", "#dfe3dd")

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Band:
    """The lines ``first`` to ``last`` of a block, inside ``depth`` others."""

    group: str
    first: int
    last: int
    depth: int


@styled
def structure(of: "Structure") -> Figure:
    """Every layer on a line, with the size of what comes out and its parameters; blocks shaded, shortcuts beside.

    At the left what becomes of a sample: maps as large as they are beside its own, units as dots.
    """
    from tiza.explain.lanes import folded, lanes

    title = t("fig.structure.title", n=of.layers, parameters=of.parameters)
    if len(of.nodes) > MOST_NODES:
        of = folded(of)
    at, along = lanes(of)
    bands, shapes = _bands(of.nodes), _changes(of, at)
    largest = max((max(shape[1:]) for shape in shapes.values() if len(shape) == 3), default=1)
    tall = [max(ROW, _height(shapes[i], largest) + 0.12 if i in shapes else 0) for i in range(len(of.nodes))]
    middles, tops, bottoms, end = _heights(tall, bands)
    figure, page = sheet(end + MARGIN, title, t("fig.structure.note"))
    for band in bands:
        x, y = FIRST - 0.16 + 0.05 * band.depth, tops[band.group, band.first]
        right, shade = WIDTH - MARGIN + 0.08 - 0.05 * band.depth, BANDS[min(band.depth, len(BANDS) - 1)]
        page.fill_between([x, right], y, bottoms[band.group, band.first], color=shade, linewidth=0, zorder=0)
    _wires(page, of, at, along, middles)
    _shapes(page, of, shapes, middles, largest)
    _texts(page, of, bands, middles, tops, _lane(max(along, default=0), along) + 0.2)
    return figure


def _bands(nodes: Sequence["Node"]) -> list[Band]:
    """The blocks that have lines of their own, at least two; the outer ones first."""
    found: list[Band] = []
    for group in sorted({node.group for node in nodes if node.group}, key=lambda group: (group.count("."), group)):
        inside = [f"{node.group}.".startswith(f"{group}.") for node in nodes]
        for here, run in groupby(enumerate(inside), lambda each: each[1]):
            first, *rest = (i for i, _ in run)
            if here and rest:
                depth = sum(band.first <= first and rest[-1] <= band.last for band in found)
                found.append(Band(group, first, rest[-1], depth))
    return found


def _changes(of: "Structure", at: Sequence[int]) -> dict[int, Shape]:
    """Where the first lane's samples become maps or vectors of another size, the input's among them."""
    found: dict[int, Shape] = {}
    before: Shape | None = None
    for i, node in enumerate(of.nodes):
        if at[i] == 0 and node.after != before and len(node.after) in (1, 3):
            found[i] = before = node.after
    return found


def _heights(
    tall: Sequence[float], bands: Sequence[Band]
) -> tuple[list[float], dict[tuple[str, int], float], dict[tuple[str, int], float], float]:
    """The middle of every line, the top and bottom of every block, and where all ends."""
    y, middles, tops, bottoms = TOP, list[float](), {}, {}
    for i, height in enumerate(tall):
        for band in bands:
            if band.first == i:
                tops[band.group, i] = y + 0.05
                y += 0.05 + ROW
        middles.append(y + height / 2)
        y += height
        for band in reversed(bands):
            if band.last == i:
                bottoms[band.group, band.first] = y + 0.02
                y += 0.07
    return middles, tops, bottoms, y


def _lane(lane: int, along: Sequence[int]) -> float:
    return FIRST + lane * min(STEP, ACROSS / max(1, *along, 1))


def _wires(page: Axes, of: "Structure", at: Sequence[int], along: Sequence[int], middles: Sequence[float]) -> None:
    """The edges, those that leave their lane bent; filled points for what has parameters, a + for a sum."""
    for (source, target), lane in sorted(zip(of.edges, along, strict=True), key=lambda edge: -edge[1]):
        xs = [_lane(each, along) for each in (at[source], lane, at[target])]
        bend = ROW if target > source + 1 else (middles[target] - middles[source]) / 2
        ys = [middles[source], middles[source] + bend, middles[target] - bend, middles[target]]
        points, codes = [(xs[0], ys[0])], [Line.MOVETO]
        for x, to, (one, other) in ((xs[0], xs[1], ys[:2]), (xs[1], xs[2], ys[2:])):
            middle = (one + other) / 2
            points += [(x, one), (x, middle), (to, middle), (to, other)]
            codes += [Line.LINETO, *[Line.CURVE4] * 3]
        colour = CLASSES[0] if lane or xs[0] != xs[2] else GREY
        page.add_patch(PathPatch(Line(points, codes), fill=False, edgecolor=colour, linewidth=1.4, zorder=2))
    for node, lane, y in zip(of.nodes, at, middles, strict=True):
        look = {"markerfacecolor": INK if node.parameters else "white", "markeredgecolor": INK, "zorder": 3}
        x, is_sum = _lane(lane, along), node.type in ("add", "sub")
        page.plot([x], [y], "o", markersize=10 if is_sum else 7, markeredgewidth=1.2, **look)
        if is_sum:
            page.plot([x], [y], "+", markersize=6, markeredgewidth=1.2, color=INK, zorder=4)


def _height(shape: Shape, largest: int) -> float:
    if len(shape) == 1:
        return 0.16
    channels, height, _ = shape
    return max(SIDE * height / largest, 0.05) + DEEP * (min(channels, SHEETS) - 1)


def _shapes(page: Axes, of: "Structure", shapes: dict[int, Shape], middles: Sequence[float], largest: int) -> None:
    """What a sample is where it changes, joined from one to the next; units to all units where weights lie between."""
    ends: list[tuple[int, tuple[float, list[float]], tuple[float, list[float]]]] = []  # above and below: where, at what
    for i, shape in shapes.items():
        y, half = middles[i], _height(shape, largest) / 2
        if len(shape) == 1:
            xs, gap = _dots(shape[0])
            page.plot(xs, [y] * len(xs), "o", markersize=5.5, color=INK, zorder=3)
            page.plot(
                [x + k for x in gap for k in (-0.04, 0, 0.04)], [y] * 3 * len(gap), "o", markersize=1.3, color=INK
            )
            ends.append((i, (y, xs), (y, xs)))
            continue
        sheets, wide = min(shape[0], SHEETS), max(SIDE * shape[2] / largest, 0.05)
        deep = DEEP * (sheets - 1)
        left, high = CENTRE - (wide + deep) / 2, 2 * half - deep
        for k in range(sheets):
            x, top = left + DEEP * k, y - half + DEEP * k
            page.fill(
                [x, x + wide, x + wide, x], [top, top, top + high, top + high],
                facecolor="white", edgecolor=INK, linewidth=0.8, zorder=3,
            )  # fmt: skip
        ends.append((i, (y - half, [left, left + wide]), (y + half, [left + deep, left + deep + wide])))
    for (i, _, (bottom, above)), (j, (top, below), _) in pairwise(ends):
        fan = len(shapes[i]) == len(shapes[j]) == 1 and any(node.parameters for node in of.nodes[i + 1 : j + 1])
        pairs = [(a, b) for a in above for b in below] if fan else [(above[0], below[0]), (above[-1], below[-1])]
        for a, b in pairs:
            page.plot([a, b], [bottom, top], color=HAIR, linewidth=0.4 if fan else 0.7, zorder=1)


def _dots(units: int) -> tuple[list[float], list[float]]:
    """Where units are drawn, and where the gap is, if there are too many."""
    n, middle = min(units, DOTS), DOTS // 2
    xs = [CENTRE + 0.13 * (k - (n - 1) / 2) for k in range(n)]
    return (xs, []) if units <= DOTS else (xs[:middle] + xs[middle + 1 :], xs[middle : middle + 1])


def _texts(
    page: Axes, of: "Structure", bands: Sequence[Band], middles: Sequence[float],
    tops: dict[tuple[str, int], float], left: float,
) -> None:  # fmt: skip
    """Names, types, sizes and parameters in columns; the blocks' names above their lines."""
    from tiza.explain.lanes import kind

    sizes = ["×".join(map(str, node.after)) for node in of.nodes]
    counts = [number(node.parameters, ",") if node.parameters else "" for node in of.nodes]
    heads = t("col.layer"), t("col.out"), t("col.parameters")
    right = WIDTH - MARGIN
    middle = right - max(text_width(text, weight="bold") for text in (heads[2], *counts)) - 0.2
    room = middle - max(text_width(text, weight="bold") for text in (heads[1], *sizes)) - 0.15 - left
    names, types = [], []
    for i, node in enumerate(of.nodes):
        inner = max((band for band in bands if band.first <= i <= band.last), key=lambda b: b.depth, default=None)
        names.append(node.name.removeprefix(f"{inner.group}.") if inner else node.name)
        types.append(kind(node))
    names[0] = t("structure.input")
    widest = min(max(map(text_width, names)), room - min(1.45, max(map(text_width, types))) - 0.15)
    for text, x, side in zip(heads, (left, middle, right), ("left", "right", "right"), strict=True):
        page.text(x, TOP - 0.08, text, ha=side, weight="bold")
    for band in bands:
        y = tops[band.group, band.first] + 0.04 + ROW / 2
        page.text(left, y, fit(band.group, room, weight="bold"), weight="bold", va="center_baseline")
    for i, y in enumerate(middles):
        page.text(left, y, fit(names[i], widest), va="center_baseline")
        page.text(left + widest + 0.15, y, fit(types[i], room - widest - 0.15), color=GREY, va="center_baseline")
        page.text(middle, y, sizes[i], ha="right", va="center_baseline")
        page.text(right, y, counts[i], ha="right", va="center_baseline")
