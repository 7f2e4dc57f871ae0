"""An embedding as a cloud: every sample a dot or its own small image, its class by colour, mark and name."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from tiza.figures.paper import GREY, INK, MARGIN, WIDTH, WRONG, fit, place, sheet, styled, text_width
from tiza.figures.samples import MARKERS
from tiza.i18n import t

if TYPE_CHECKING:
    from tiza.explain.embedding import Embedding

# After P. Tol's muted scheme, safe for colour-blind readers, its pale colours darker; then from the beginning again.
COLOURS = ("#332288", "#5aa9d6", "#44aa99", "#117733", "#8a8a26", "#c2a63a", "#cc6677", "#882255", "#aa4499", "#6f7674")
TOP, MOST, LEAST = 0.95, 6.0, 2.6  # inches: where the cloud begins, its largest and smallest height
TILE, EDGE = 0.24, 0.2  # the side of an image in it; the room at its edges
ROW = 0.27
MANY = 15  # points of a class, among which its name may stand


@styled
def embedding(of: "Embedding") -> Figure:
    """The samples as their images where there is room, else as dots; wrongly answered ones are ringed."""
    n, wrong = len(of.points), int(of.wrong.sum())
    names = [fit(name, 1.2) for name in of.classes]
    if of.explained is not None:
        across, up = of.explained
        note = t("fig.embedding.pca", across=across, up=up, near=of.trustworthiness)
    else:
        note = t("fig.embedding.t-sne", perplexity=of.perplexity, near=of.trustworthiness)
    title = t("fig.embedding.title", n=n, split=t(f"split.{of.split}"), layer=of.layer)
    left = WIDTH - MARGIN - max(text_width(name) for name in (*names, t("fig.embedding.wrong"))) - 0.25
    points, (wide, high) = _inches(of, left - MARGIN - 0.25)
    high = max(high, (len(names) + 2) * ROW)
    figure, page = sheet(TOP + high + 0.55, title, note)
    ax = place(page, (MARGIN, TOP, wide, high))
    ax.set_axis_off()
    ax.set(xlim=(0, wide), ylim=(high, 0))
    shown = _apart(points) if of.x.ndim == 4 else np.zeros(n, bool)
    for c in np.unique(of.labels):
        x, y = points[(of.labels == c) & ~shown].T
        ax.scatter(x, y, s=(11 if shown.any() else 26) * (2 if _look(c)["marker"] == "*" else 1), **_look(c))
    for i in np.flatnonzero(shown):
        _image(ax, of.x[i], points[i], COLOURS[of.labels[i] % len(COLOURS)])
    for i in np.flatnonzero(of.wrong):
        size = 15 if shown[i] else 8
        ax.plot(*points[i], "o", markersize=size, mfc="none", mec=WRONG, mew=1.5)
    _name(ax, of, points, names)
    for c, name in enumerate(names):
        page.plot([left], [TOP + 0.15 + c * ROW], linestyle="", markersize=7, **_look(c))
        page.text(left + 0.17, TOP + 0.15 + c * ROW, name, va="center_baseline")
    if wrong:
        y = TOP + 0.15 + (len(names) + 0.5) * ROW
        page.plot([left], [y], "o", markersize=9, mfc="none", mec=WRONG, mew=1.5)
        page.text(left + 0.17, y, t("fig.embedding.wrong"), va="center_baseline")
    page.text(MARGIN, TOP + high + 0.32, t(f"fig.embedding.honest.{of.method}"), color=GREY)
    return figure


def _look(c: int) -> dict[str, Any]:
    return {"color": COLOURS[c % len(COLOURS)], "marker": MARKERS[c % len(MARKERS)], "linewidth": 0}


def _inches(of: "Embedding", wide: float) -> tuple[np.ndarray, tuple[float, float]]:
    """The points on the page, one scale for both axes, and the size of the cloud."""
    low, high = of.points.min(0), of.points.max(0)
    spread = np.where(high > low, high - low, 1e-9)
    room = np.array([wide, MOST]) - 2 * EDGE
    scale = min(room / spread)
    tall = max(LEAST, float(spread[1] * scale) + 2 * EDGE)
    placed = (of.points - (low + high) / 2) * scale
    return placed * [1, -1] + np.array([wide, tall]) / 2, (wide, tall)


def _apart(points: np.ndarray) -> np.ndarray:
    """Which images can be drawn so that none covers another: the first come first."""
    kept: list[np.ndarray] = []
    shown = np.zeros(len(points), bool)
    for i, point in enumerate(points):
        shown[i] = not kept or bool((np.abs(np.array(kept) - point).max(1) >= TILE).all())
        if shown[i]:
            kept.append(point)
    return shown


def _image(ax: Axes, image: np.ndarray, at: np.ndarray, colour: str) -> None:
    """A small image: a grey one in the ink of its class on white, a coloured one framed by it."""
    (x, y), half = at, TILE / 2
    extent = (x - half, x + half, y + half, y - half)
    if len(image) == 1:
        ink = LinearSegmentedColormap.from_list("ink", ["#ffffff", colour])
        ax.imshow(image[0], cmap=ink, vmin=0, vmax=255, extent=extent, aspect="auto")
    else:
        ax.imshow(image.transpose(1, 2, 0), extent=extent, aspect="auto")
        ax.plot([extent[i] for i in (0, 1, 1, 0, 0)], [extent[i] for i in (2, 2, 3, 3, 2)], color=colour, linewidth=1.4)


def _name(ax: Axes, of: "Embedding", points: np.ndarray, names: list[str]) -> None:
    """Each class's name at the middle of its points; of names that would cover each other the first."""
    taken: list[tuple[float, float, float]] = []
    for c in np.unique(of.labels):
        mine = points[of.labels == c]
        x, y = np.median(mine, axis=0)
        y = y if len(mine) > MANY else mine[:, 1].min() - 0.16
        half = text_width(names[c], 13, "bold") / 2
        x = float(np.clip(x, half, ax.get_xlim()[1] - half))
        if any(abs(y - v) < 0.22 and abs(x - u) < half + w + 0.05 for u, v, w in taken):
            continue
        taken.append((x, float(y), half))
        ax.text(
            x, y, names[c], size=13, weight="bold", color=INK, ha="center", va="center", zorder=5,
            path_effects=[patheffects.withStroke(linewidth=3.5, foreground="white")],
        )  # fmt: skip
