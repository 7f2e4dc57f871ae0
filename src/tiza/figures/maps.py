"""Feature maps: the heat of all of them over the picture, and each as a tile."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from tiza.figures.paper import MARGIN, WIDTH, as_probability, as_value, fit, sheet, styled, tile
from tiza.figures.samples import CLASSES
from tiza.figures.signed import SIGNED, scale_bar, signed_tile
from tiza.i18n import t

if TYPE_CHECKING:
    from tiza.explain.maps import Maps

MOST, COLUMNS = 64, 8  # maps that are drawn, beside each other
MOST_UNITS, FEW = 1024, 14  # units that are drawn; that stand in one row, with their numbers
SIDE = 1.62  # of the pictures above them


@styled
def maps(of: "Maps") -> Figure:
    """The picture, what all maps together answer to, that over the picture, and the strongest map over it.

    Below, each map: at most 64, the strongest, on one scale with 0 white. Units are squares beside the picture.
    """
    from tiza.explain.kernels import strongest

    count = len(of.values)
    sizes = "×".join(map(str, of.values.shape[1:]))
    title = t("fig.maps.title" if of.are_maps else "fig.maps.units", layer=of.layer, n=count, size=sizes)
    told = [fit(of.name, 2.2), t("fig.maps.answer", answer=fit(of.answer, 1.2), p=as_probability(of.probability))]
    if of.label is not None:
        told.insert(1, t("fig.maps.label", label=fit(of.label, 1.2)))
    note = " · ".join(told)
    most = float(np.abs(of.values).max())
    if not of.are_maps:
        return _units(of, title, note, most)
    shown = strongest(of.strength, MOST)
    columns = min(COLUMNS, len(shown))
    step = (WIDTH - 2 * MARGIN) / COLUMNS
    side, pitch, top = step - 0.14, step + 0.14, 0.85 + SIDE + 0.75
    bottom = top + pitch * math.ceil(len(shown) / columns)
    figure, page = sheet(bottom + 0.6, title, note)
    k = of.strongest
    texts = t("fig.maps.picture"), t("fig.maps.heat"), t("fig.maps.over"), t("fig.maps.one", k=k)
    for i, (text, heat) in enumerate(zip(texts, (None, None, of.heat(), of.heat(k)), strict=True)):
        x = MARGIN + i * (WIDTH - 2 * MARGIN + 0.12) / 4
        picture = of.image if i != 1 else np.rint(255 * SIGNED(0.5 + 0.5 * of.heat())).astype(np.uint8)
        tile(page, picture, x, 0.85, SIDE, photo=True)
        if heat is not None:
            _lay(page, heat, x, 0.85)
        page.text(x + SIDE / 2, 0.85 + SIDE + 0.2, fit(text, SIDE + 0.1), ha="center")
    some = t("fig.maps.some", n=len(shown), of=count) if len(shown) < count else t("fig.maps.each")
    page.text(MARGIN, top - 0.12, some, weight="bold")
    for i, k in enumerate(shown.tolist()):
        x, y = MARGIN + i % columns * step, top + i // columns * pitch
        signed_tile(page, of.values[k], x, y, side, most)
        page.text(x + side / 2, y + side + 0.17, str(k), ha="center")
    scale_bar(page, MARGIN + 0.35, bottom + 0.1, most)
    return figure


def _lay(page: Axes, heat: np.ndarray, x: float, y: float) -> None:
    """The heat over the picture that stands there, the denser the hotter."""
    shade = np.empty((*heat.shape, 4))
    shade[..., :3], shade[..., 3] = to_rgb(CLASSES[1]), 0.9 * heat
    tile(page, np.rint(255 * shade).astype(np.uint8), x, y, SIDE, photo=True)


def _units(of: "Maps", title: str, note: str, most: float) -> Figure:
    """The picture, and a square for each unit, row by row."""
    from tiza.explain.kernels import strongest

    shown = strongest(of.strength, MOST_UNITS)
    left, top = MARGIN + SIDE + 0.35, 1.05
    room = WIDTH - MARGIN - left
    columns = len(shown) if len(shown) <= FEW else math.ceil(math.sqrt(2.2 * len(shown)))
    cell = min(room / columns, 0.35)
    rows = math.ceil(len(shown) / columns)
    high = max(rows * cell, SIDE - 0.2)
    figure, page = sheet(top + high + 0.75, title, note)
    tile(page, of.image, MARGIN, 0.85, SIDE, photo=True)
    some = t("fig.maps.some-units", n=len(shown), of=len(of.values))
    page.text(left, 0.95, some if len(shown) < len(of.values) else t("fig.maps.every-unit"), weight="bold")
    cells = np.full(rows * columns, np.nan)
    cells[: len(shown)] = of.values[shown]
    look: dict[str, Any] = {"cmap": SIGNED, "vmin": -(most or 1), "vmax": most or 1, "aspect": "auto"}
    page.imshow(
        cells.reshape(rows, columns), extent=(left, left + columns * cell, top + rows * cell, top),
        interpolation="nearest", **look,
    )  # fmt: skip
    for k in range(columns + 1):
        page.plot([left + k * cell] * 2, [top, top + rows * cell], color="white", linewidth=min(2.0, 6 * cell))
    for k in range(rows + 1):
        page.plot([left, left + columns * cell], [top + k * cell] * 2, color="white", linewidth=min(2.0, 6 * cell))
    for k in range(len(shown) if len(shown) <= FEW else 0):
        page.text(left + (k + 0.5) * cell, top + cell + 0.2, str(k), ha="center")
    best = of.strongest
    said = t("fig.maps.strongest", k=best, value=as_value(float(of.values[best])))
    page.text(left + 2.75, top + high + 0.42, said)
    scale_bar(page, left + 0.35, top + high + 0.1, most)
    return figure
