"""What the units of a dense layer look for, the most important first."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tiza.figures.paper import GREY, MARGIN, WIDTH, fit, sheet, styled, text_width, tile
from tiza.figures.signed import SIGNED, scale_bar, signed_tile
from tiza.i18n import number, t

if TYPE_CHECKING:
    from tiza.explain.units import Units

MOST, SAMPLES, FEATURES = 10, 8, 16  # units, samples of each, columns of a table
TOP, SIDE = 1.3, 0.62


@styled
def units(of: "Units") -> Figure:
    """Of each unit its number, its part of the importance, its weights, and the samples that excite it most.

    The ten most important. Of a table, what the unit weighs or how those samples differ from the mean, by feature.
    """
    shown = of.order[:MOST]
    title = t("fig.units.title", layer=of.layer, n=len(of.importance))
    note = t("fig.units.note", n=of.n)
    if of.samples.ndim != 5:
        return _table(of, shown, title, note)
    weighed = of.weights is not None
    pitch, left = SIDE + 0.27, 1.15 if not weighed else 1.15 + SIDE + 0.3
    step = min(SIDE + 0.1, (WIDTH - MARGIN - left + 0.1) / SAMPLES)
    figure, page = sheet(TOP + pitch * len(shown) + (0.5 if weighed else 0), title, note)
    most = float(np.abs(of.weights[shown]).max()) if of.weights is not None else 0.0
    if weighed:
        page.text(1.15 + SIDE / 2, TOP - 0.15, t("fig.units.weights"), weight="bold", ha="center")
    page.text(left, TOP - 0.15, t("fig.units.best"), weight="bold")
    for i, u in enumerate(shown.tolist()):
        y = TOP + i * pitch
        _name(page, of, u, y + SIDE / 2)
        if of.weights is not None:
            signed_tile(page, of.weights[u].mean(0), 1.15, y, SIDE, most)
        for k, (sample, label) in enumerate(zip(of.samples[u][:SAMPLES], of.labels[u], strict=False)):
            tile(page, sample, left + k * step, y, step - 0.1)
            name = fit(of.classes[label], step - 0.04)
            page.text(left + k * step + (step - 0.1) / 2, y + step + 0.06, name, ha="center", color=GREY)
    if weighed:
        scale_bar(page, 1.15, TOP + pitch * len(shown) + 0.05, most)
    return figure


def _name(page: Axes, of: "Units", u: int, y: float) -> None:
    """A unit's number over its part of the importance."""
    page.text(MARGIN, y - 0.02, str(u), weight="bold")
    page.text(MARGIN, y + 0.18, number(float(of.shares[u]), ".1%"), color=GREY)


def _table(of: "Units", shown: np.ndarray, title: str, note: str) -> Figure:
    """A row of signed numbers for each unit, one column a feature; beside it the classes of its best samples."""
    values = of.profile if of.weights is None else of.weights
    assert values is not None
    values = values[shown]
    columns = np.sort(np.argsort(-np.abs(values).mean(0), kind="stable")[:FEATURES])
    names = [fit(of.features[c], 1.4) for c in columns]
    high, cell, pitch = max(map(text_width, names)) + 0.15, min(0.45, 3.6 / len(columns)), 0.42
    top, left = 1.15 + high, 1.15
    right = left + len(columns) * cell + 0.25
    figure, page = sheet(top + pitch * len(shown) + 0.6, title, note)
    for k, name in enumerate(names):
        page.text(left + (k + 0.5) * cell, top - 0.08, name, rotation=90, ha="center", va="bottom")
    page.text(right, top - 0.1, fit(t("fig.units.best"), WIDTH - MARGIN - right, weight="bold"), weight="bold")
    most, bottom = float(np.abs(values).max()), top + pitch * len(shown)
    page.imshow(
        values[:, columns], cmap=SIGNED, vmin=-(most or 1), vmax=most or 1, interpolation="nearest", aspect="auto",
        extent=(left, left + len(columns) * cell, bottom, top),
    )  # fmt: skip
    for i, u in enumerate(shown.tolist()):
        y = top + (i + 0.5) * pitch
        _name(page, of, u, y - 0.05)
        page.text(right, y, fit(of.counted(u), WIDTH - MARGIN - right), va="center_baseline")
    page.text(left + 2.9, bottom + 0.42, t("fig.units.by-weight" if of.weights is not None else "fig.units.by-sample"))
    scale_bar(page, left, bottom + 0.1, most)
    return figure
