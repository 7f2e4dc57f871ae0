"""Likely label errors: each image over its label and the likelier class; of tables, how many labels are which class."""

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from tiza.figures.paper import MARGIN, SIZE, WIDTH, sheet, styled, tile
from tiza.figures.verdicts import is_long, matrix_sheet, verdict
from tiza.i18n import t

if TYPE_CHECKING:
    from tiza.explain.label_errors import LabelErrors

TILES, COLUMNS, SIDE = 25, 5, 1.26


@styled
def label_errors(of: "LabelErrors") -> Figure:
    """Up to 25 images, the likeliest errors first: the label at the left, the likelier class with its probability.

    Of a table the estimated counts, label against likely class.
    """
    k = len(of.index)
    title = t("fig.label-errors.title" if k else "fig.label-errors.none", n=of.n, errors=k)
    if of.samples.ndim != 4:
        counts = np.rint(of.n * of.found.shares).astype(np.int64)
        return matrix_sheet(title, counts, of.classes, more=" · " + t("fig.label-errors.matrix"))
    shown = min(k, TILES, len(of.samples))
    pitch = SIDE + SIZE / 72 * (3.5 if is_long(of.classes) else 2.1)
    key = "fig.label-errors.note" if shown == k else "fig.label-errors.some"
    figure, page = sheet(0.85 + math.ceil(shown / COLUMNS) * pitch, title, t(key, n=shown, folds=of.folds) if k else "")
    step = (WIDTH - 2 * MARGIN - SIDE) / (COLUMNS - 1)
    room = step - 0.05 if is_long(of.classes) else SIDE
    for i in range(shown):
        x, y = MARGIN + i % COLUMNS * step, 0.85 + i // COLUMNS * pitch
        tile(page, of.samples[i], x, y, SIDE)
        sample = {"label": int(of.label[i]), "answer": int(of.suggested[i]), "probability": of.probabilities[i, 1]}
        verdict(page, (x, y + SIDE + SIZE * 1.2 / 72), room, sample, of.classes, SIZE)
    return figure
