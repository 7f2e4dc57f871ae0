"""Figures of where a model fails, measured as a reader would: every text large enough, inside, and on its own."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.special import softmax
from torch import nn

from reading import check_readable, written
from tiza import figures
from tiza.data.sources import load
from tiza.explain import Calibration, Cell, Confident, Confused, LabelErrors, Pair, Robustness, calibration
from tiza.explain.distortions import DISTORTIONS
from tiza.explain.robustness import Curve
from tiza.figures.paper import WRONG
from tiza.i18n import set_language
from tiza.metrics import wilson

GARMENTS = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
LONG = ("una clase de nombre muy largo, con su unidad", "otra que se llama casi igual que la primera")


def mixed_up(classes: tuple[str, ...], n: int, shape: tuple[int, ...] = (1, 28, 28), most: int = 200) -> Confused:
    """A model that takes classes for their neighbours, with ``n`` samples in the cell of the first and second."""
    k = len(classes)
    counts = np.eye(k, dtype=int) * 12_345
    for i in range(k - 1):
        counts[i, i + 1], counts[i + 1, i] = most // (i + 1), most // (2 * i + 1)
    counts[0, 1] = n
    pairs = []
    for i in range(k - 1):
        each = int(counts[i, i + 1]), int(counts[i + 1, i])
        of = int(counts[i].sum() + counts[i + 1].sum())
        pairs.append(Pair((classes[i], classes[i + 1]), each, of, sum(each) / of, wilson(sum(each), of)))
    samples = np.random.default_rng(0).integers(0, 256, (min(n, 30), *shape)).astype(np.uint8)
    probability = np.linspace(0.999, 0.5, n)
    share = n / 12_345
    cell = Cell(classes[0], classes[1], 12_345, share, wilson(n, 12_345), np.arange(n), probability, 1 - probability,
                samples)  # fmt: skip
    return Confused("valid", classes, counts, tuple(pairs), cell)


def right(classes: tuple[str, ...]) -> Confused:
    return Confused("train", classes, np.eye(len(classes), dtype=int) * 50, (), None)


@cache
def calibrated(n: int, classes: int, spread: float, split: str = "valid") -> Calibration:
    """Of a model that is right as often as it is sure; of one that is always wrong where the spread is small."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, spread, (2 * n, classes)).astype(np.float32)
    labels = (softmax(logits, 1).cumsum(1) > rng.random((2 * n, 1))).argmax(1)
    labels = (logits.argmax(1) + 1) % classes if spread < 0.5 else labels
    data = load((logits, labels))
    return calibration(nn.Identity(), data=data, split=split)


def worse(kinds: tuple[str, ...], shape: tuple[int, ...] = (1, 28, 28), split: str = "valid") -> Robustness:
    """Accuracies that fall to nothing, to something or not at all."""
    examples = np.random.default_rng(0).integers(0, 256, (6, *shape)).astype(np.uint8)
    falling = [tuple(max(0, 1000 - i * severity * 50) for severity in range(6)) for i in range(len(kinds))]
    curves = []
    for kind, right in zip(kinds, falling, strict=True):
        of = DISTORTIONS[kind]
        unit, amounts = (of.unit, (0, *of.amounts)) if len(shape) == 3 else ("deviations", (0, 0.1, 0.2, 0.5, 1, 2))
        curves.append(Curve(kind, unit, amounts, 1000, right, examples))
    return Robustness(split, 1000, np.arange(1000), tuple(curves))


def doubted(classes: tuple[str, ...], errors: int, shape: tuple[int, ...] = (1, 28, 28)) -> LabelErrors:
    """So many labels of 12,345 that may be the next class."""
    k, place = len(classes), np.arange(errors)
    labels, sure = place % k, np.linspace(0.999, 0.6, errors)
    shares = (np.eye(k) + 0.02 * np.roll(np.eye(k), 1, 1)) / (1.02 * k)
    found = Confident(np.full(k, 0.8), np.eye(k, dtype=int), shares, place, (labels + 1) % k, 1 - 2 * sure)
    samples = np.random.default_rng(0).integers(0, 256, (min(errors, 30), *shape)).astype(np.uint8)
    p = np.stack([1 - sure, sure], 1)
    split = ("train",) * errors
    return LabelErrors(classes, 12_345, 5, 0.97, found, split, place, labels, p, samples, Path("search"))


FIGURES: dict[str, Callable[[], Figure]] = {
    "confused": lambda: figures.confused(mixed_up(tuple("0123456789"), 7)),
    "confused garments": lambda: figures.confused(mixed_up(GARMENTS, 40)),
    "confused photos of two long names": lambda: figures.confused(mixed_up(LONG, 3, (3, 20, 30))),
    "confused thousands": lambda: figures.confused(mixed_up(GARMENTS[:3], 4_000, most=11_000)),
    "confused rows of a table": lambda: figures.confused(mixed_up(("yes", "no"), 3, (5,))),
    "confused of what makes no error": lambda: figures.confused(right(("yes", "no"))),
    "robustness": lambda: figures.robustness(worse(tuple(DISTORTIONS))),
    "robustness of four, on train": lambda: figures.robustness(worse(tuple(DISTORTIONS)[:4], (3, 24, 32), "train")),
    "robustness of one": lambda: figures.robustness(worse(("contrast",))),
    "robustness of a table": lambda: figures.robustness(worse(("noise",), (5,))),
    "label errors": lambda: figures.label_errors(doubted(tuple("0123456789"), 40)),
    "label errors, a few garments": lambda: figures.label_errors(doubted(GARMENTS, 7, (3, 20, 30))),
    "label errors of a table": lambda: figures.label_errors(doubted(LONG, 7, (5,))),
    "label errors, none": lambda: figures.label_errors(doubted(("yes", "no"), 0)),
    "calibration": lambda: figures.calibration(calibrated(5_000, 10, 3.0)),
    "calibration of few samples": lambda: figures.calibration(calibrated(30, 2, 1.0)),
    "calibration of many that are sure": lambda: figures.calibration(calibrated(60_000, 10, 9.0, "train")),
    "calibration where nothing is enough": lambda: figures.calibration(calibrated(400, 3, 0.3)),
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


def test_the_note_under_a_title_is_whole(language: str) -> None:
    for name in FIGURES:
        assert "…" not in FIGURES[name]().axes[0].texts[1].get_text(), name


def test_a_pair_has_its_counts_and_its_share_and_a_tile_its_label_and_answer(language: str) -> None:
    of = mixed_up(tuple("0123456789"), 7)
    content = written(figures.confused(of)).splitlines()
    assert "0 ↔ 1" in content
    assert "7 + 200" in content
    low, high = (f"{100 * end:.1f}" for end in of.pairs[0].interval)
    share = f"{of.pairs[0].share:.1%}".replace("%", "\u00a0%") + f" ({low}–{high})"
    assert (share.replace(".", ",") if language == "es" else share) in content
    assert content.count("0") == content.count("1") == 7
    many = figures.confused(mixed_up(GARMENTS, 40))
    assert written(many).splitlines().count("T-shirt/top") == 15, "so many tiles are drawn"


def test_the_threshold_that_is_enough_is_told_with_its_interval(language: str) -> None:
    of = calibrated(5_000, 10, 3.0)
    assert of.enough is not None
    assert 0 < of.enough.at < 1
    content = written(figures.calibration(of))
    for share in (of.enough.at, of.enough.coverage, *of.enough.interval):
        said = f"{share:.1%}".replace("%", "\u00a0%")
        assert (said.replace(".", ",") if language == "es" else said) in content
    assert calibrated(400, 3, 0.3).enough is None
    assert ("no threshold" if language == "en" else "ningún umbral") in written(
        figures.calibration(calibrated(400, 3, 0.3))
    )


def test_every_bin_with_answers_has_its_dot_and_its_bar() -> None:
    of = calibrated(5_000, 10, 3.0)
    figure = figures.calibration(of)
    dots = [line for line in figure.axes[1].lines if line.get_marker() == "o"]
    some = of.width.n > 0
    assert np.column_stack(dots[0].get_data()) == pytest.approx(
        np.column_stack([of.width.confidence[some], of.width.accuracy[some]])
    )
    heights = [bar.get_height() for bar in figure.axes[2].patches]
    assert np.array_equal(np.argsort(heights, kind="stable"), np.argsort(of.width.n, kind="stable"))


def test_each_curve_ends_in_its_value_over_its_amounts(language: str) -> None:
    figure = figures.robustness(worse(tuple(DISTORTIONS)))
    content = written(figure).splitlines()
    assert {f"{share}\u00a0%" for share in (100, 75, 50, 25, 0)} <= set(content)
    assert "0.5" in content if language == "en" else "0,5" in content
    assert content.count("100") == 1, "σ of the noise"
    assert "90" in content, "contrast in per cent"
    assert len([image for axes in figure.axes for image in axes.images]) == 36


def test_a_doubted_image_stands_over_its_label_and_the_likelier_class() -> None:
    figure = figures.label_errors(doubted(("yes", "no"), 5))
    content = written(figure).splitlines()
    assert content.count("yes") == content.count("no") == 5
    assert len(figure.axes[0].images) == 5
    wrong = [text for text in figure.axes[0].texts if text.get_color() == WRONG]
    assert [text.get_text() for text in wrong] == ["no", "yes", "no", "yes", "no"]
    assert len(figures.label_errors(doubted(GARMENTS, 40)).axes[0].images) == 25
