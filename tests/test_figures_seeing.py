"""Figures of what a network sees, measured as a reader would: every text large enough, inside, on its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from reading import check_readable, written
from tiza import explain, figures
from tiza.explain.kernels import Kernels
from tiza.explain.maps import Maps
from tiza.explain.units import Units
from tiza.figures.signed import SIGNED
from tiza.i18n import set_language

GARMENTS = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
LONG = ("una clase de nombre muy largo, con su unidad", "otra que se llama casi igual que la primera")
RANDOM = np.random.default_rng(0)


def drawn(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape).astype(np.float32)


def kernels(*shape: int, colour: bool = False, channel: int | None = None) -> Kernels:
    return Kernels("stage1.block1.conv1", drawn(*shape), colour, channel)


def maps(*shape: int, picture: tuple[int, ...] = (1, 28, 28), names: tuple[str, ...] = GARMENTS) -> Maps:
    image = RANDOM.integers(0, 256, picture).astype(np.uint8)
    return Maps("stage4.block2", drawn(*shape), image, "a picture with a long name.png", names[0], names[1], 0.4567)


def units(count: int, shape: tuple[int, ...], names: tuple[str, ...], *, weighed: bool, best: int = 8) -> Units:
    images = len(shape) == 3
    samples = RANDOM.integers(0, 256, (count, best, *shape))
    labels = RANDOM.integers(0, len(names), (count, best))
    return Units(
        "dense_linear1", 4_000, drawn(count, *shape) if weighed else None, labels * 7, drawn(count, best),
        samples.astype(np.uint8 if images else np.float32), labels, None if images else drawn(count, *shape),
        RANDOM.random(count), np.zeros(count, bool), names, () if images else tuple(LONG[i % 2] for i in range(*shape)),
    )  # fmt: skip


def photo() -> np.ndarray:
    return RANDOM.integers(0, 256, (300, 200)).astype(np.uint8)


FIGURES: dict[str, Callable[[], Figure]] = {
    "kernels": lambda: figures.kernels(kernels(16, 1, 5, 5)),
    "kernels of a single map": lambda: figures.kernels(kernels(1, 1, 3, 3)),
    "kernels in colour": lambda: figures.kernels(kernels(20, 3, 11, 11, colour=True)),
    "kernels over many channels": lambda: figures.kernels(kernels(300, 512, 3, 3)),
    "kernels over one of many channels": lambda: figures.kernels(kernels(12, 512, 3, 2, channel=37)),
    "kernels of 1×1": lambda: figures.kernels(kernels(40, 48, 1, 1)),
    "kernels of nothing": lambda: figures.kernels(Kernels("conv1", np.zeros((4, 1, 3, 3), np.float32), False, None)),
    "filter of edges": lambda: figures.filter(explain.filter(Path("examples/photo.jpg"))),
    "filter that blurs": lambda: figures.filter(explain.filter(photo(), "blur", stride=3, name="a long name " * 9)),
    "filter of one's own": lambda: figures.filter(explain.filter(photo()[:20], [[-0.0123, 1234.5]] * 5)),
    "filter of a large kernel": lambda: figures.filter(explain.filter(photo(), np.full((9, 9), -0.01), padding="full")),
    "filter of one pixel": lambda: figures.filter(explain.filter(photo()[:1, :1], [[2]])),
    "maps": lambda: figures.maps(maps(16, 28, 28)),
    "maps of many": lambda: figures.maps(maps(200, 4, 7, picture=(3, 32, 50), names=LONG)),
    "maps of one": lambda: figures.maps(maps(1, 3, 3)),
    "units of the answer": lambda: figures.maps(maps(10)),
    "units of a layer": lambda: figures.maps(maps(128, names=LONG)),
    "units of a wide layer": lambda: figures.maps(maps(5_000)),
    "what units look for": lambda: figures.units(units(128, (1, 28, 28), GARMENTS, weighed=True)),
    "what few units look for": lambda: figures.units(units(2, (3, 32, 32), LONG, weighed=True, best=3)),
    "what deep units look for": lambda: figures.units(units(64, (1, 28, 28), tuple("0123456789"), weighed=False)),
    "what units look for in a table": lambda: figures.units(units(64, (11,), GARMENTS, weighed=True)),
    "what deep units look for in a table": lambda: figures.units(units(3, (40,), LONG, weighed=False)),
    "what units look for in two features": lambda: figures.units(units(5, (2,), GARMENTS, weighed=True)),
}


@pytest.fixture(params=["en", "es"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    set_language(request.param)
    yield request.param
    set_language(None)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_can_be_read(name: str, language: str) -> None:
    figure = FIGURES[name]()
    check_readable(figure, language)
    assert not figure.axes[0].texts[1].get_text().endswith("…"), "the note under the title is whole"


def tiles(figure: Figure) -> list[np.ndarray]:
    return [np.asarray(image.get_array()) for image in figure.axes[0].images]


def test_kernels_stand_on_one_scale_with_0_white(language: str) -> None:
    of = kernels(5, 1, 3, 3)
    figure = figures.kernels(of)
    shown = figure.axes[0].images[:5]
    assert all(np.array_equal(image.get_array(), of.weights[k, 0]) for k, image in enumerate(shown))
    limits = {image.get_clim() for image in shown}
    largest = float(np.abs(of.weights).max())
    assert limits == {(-largest, largest)}
    assert SIGNED(0.5)[:3] == pytest.approx((1, 1, 1), abs=0.01)


def test_a_kernel_in_colour_is_grey_where_it_is_0() -> None:
    weights = np.zeros((1, 3, 2, 2), np.float32)
    weights[0, :, 0, 0] = 1, -1, 0
    (tile,) = tiles(figures.kernels(Kernels("conv1", weights, True, None)))
    assert tile[0, 0].tolist() == [255, 0, 128]
    assert tile[1, 1].tolist() == [128, 128, 128]


def test_of_many_the_strongest_are_drawn_in_their_order(language: str) -> None:
    of = maps(200, 4, 4)
    numbers = [int(text.get_text()) for text in figures.maps(of).axes[0].texts if text.get_text().isdecimal()]
    strongest = [k for k in range(200) if of.strength[k] >= np.sort(of.strength)[-64]]
    assert numbers[:64] == strongest


def test_a_filter_writes_the_numbers_of_the_place_that_it_frames(language: str) -> None:
    of = explain.filter(photo(), "edges")
    figure = figures.filter(of)
    content = written(figure).splitlines()
    assert all(content.count(str(int(value))) >= 1 for value in of.window.ravel())
    assert f"{of.result[of.place]:.0f}".replace("-", "−") in content
    before, after = (axes.lines[0] for axes in figure.axes[1:])
    (row, column), (i, j) = of.corner, of.place
    for line, (x, y) in ((before, (column + 1, row + 1)), (after, (j, i))):
        xs, ys = (np.asarray(values, float) for values in line.get_data())
        assert (xs.min() + xs.max()) / 2 == pytest.approx(x)
        assert (ys.min() + ys.max()) / 2 == pytest.approx(y)


def test_heat_lies_densest_where_the_maps_are_largest() -> None:
    of = maps(3, 7, 7)
    shown = tiles(figures.maps(of))
    assert shown[0].shape == (28, 28), "the picture itself"
    laid = [image[..., 3] for image in shown if image.ndim == 3 and image.shape[2] == 4][-2:]
    for alpha, heat in zip(laid, (of.heat(), of.heat(of.strongest)), strict=True):
        assert alpha == pytest.approx(255 * 0.9 * heat, abs=0.6)
