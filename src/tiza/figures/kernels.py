"""The kernels of a convolution as tiles."""

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from tiza.figures.paper import MARGIN, WIDTH, fit, sheet, styled, tile
from tiza.figures.signed import scale_bar, signed_tile
from tiza.i18n import t

if TYPE_CHECKING:
    from tiza.explain.kernels import Kernels

MOST, COLUMNS = 64, 8  # kernels that are drawn, beside each other


@styled
def kernels(of: "Kernels") -> Figure:
    """Kernels on one scale with 0 white; those over red, green and blue in colour, with 0 grey.

    At most 64, the strongest. Over other channels than a picture's one is shown of each kernel. Kernels of 1×1 are one
    table, a row each.
    """
    from tiza.explain.kernels import strongest

    count, channels, height, width = of.weights.shape
    title = t("fig.kernels.title", layer=of.layer, n=count, height=height, width=width)
    largest = float(np.abs(of.weights).max())
    if height == width == 1:
        return _table(of, title, largest)
    if of.colour:
        note = t("fig.kernels.colour")
    elif channels == 1:
        note = t("fig.kernels.one")
    else:
        note = t("fig.kernels.strongest" if of.channel is None else "fig.kernels.channel", n=channels, k=of.channel)
    shown = strongest(of.strength, MOST)
    note += " · " + t("fig.kernels.some", n=len(shown)) if len(shown) < count else ""
    columns = min(COLUMNS, len(shown))
    step = (WIDTH - 2 * MARGIN) / COLUMNS
    side, pitch = step - 0.14, step + 0.14
    bottom = 0.85 + pitch * math.ceil(len(shown) / columns)
    figure, page = sheet(bottom + (0.2 if of.colour else 0.6), title, note)
    for i, k in enumerate(shown.tolist()):
        x, y = MARGIN + i % columns * step, 0.85 + i // columns * pitch
        if of.colour:
            tile(page, np.rint(127.5 + 127.5 * of.weights[k] / (largest or 1)).astype(np.uint8), x, y, side, photo=True)
        else:
            signed_tile(page, of.slices[k], x, y, side, largest)
        name = f"{k} ← {of.channels[k]}" if channels > 1 and not of.colour else str(k)
        page.text(x + side / 2, y + side + 0.17, fit(name, step), ha="center")
    if not of.colour:
        scale_bar(page, MARGIN + 0.35, bottom + 0.1, largest)
    return figure


def _table(of: "Kernels", title: str, largest: float) -> Figure:
    """Kernels of 1×1: what each makes of each channel, as one table."""
    count, channels = of.weights.shape[:2]
    cell = min((WIDTH - 2 * MARGIN) / max(count, channels), 0.3)
    figure, page = sheet(1.75 + cell * count, title, t("fig.kernels.table", n=channels))
    values, side = of.weights[:, :, 0, 0], cell * max(count, channels)
    top = 0.85 - (side - cell * count) / 2  # the tile is centred in its square
    signed_tile(page, values, MARGIN - (side - cell * channels) / 2, top, side, largest)
    scale_bar(page, MARGIN + 0.35, 1.05 + cell * count, largest)
    return figure
