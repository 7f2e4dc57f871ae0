"""Figures of the structure of networks, measured as a reader would: every text large enough, inside, on its own."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from torch import nn

from reading import check_readable, written
from tiza import explain, figures
from tiza.explain.structure import Structure
from tiza.figures.samples import CLASSES
from tiza.i18n import set_language
from tiza.models.building import body_of
from tiza.registry import table


def network(name: str, **options: Any) -> Structure:
    shape = (2,) if name == "perceptron" else (1, 28, 28)
    return explain.structure(body_of(name, shape, 2 if name == "perceptron" else 10, **options), shape)


def long_named() -> Structure:
    """A block in a block, and names that no sheet is wide enough for."""
    inner = nn.Sequential()
    inner.add_module("a_layer_of_a_very_long_name_that_someone_gave_it", nn.Conv2d(3, 2_000, 3))
    inner.add_module("and_another_one_whose_name_is_as_long_as_that", nn.AdaptiveAvgPool2d(1))
    whole = nn.Sequential()
    whole.add_module("a_block_with_a_name_as_long_as_its_layers", nn.Sequential(inner, nn.ReLU(), nn.Flatten()))
    whole.add_module("logits", nn.Linear(2_000, 10_000))
    return explain.structure(whole, (3, 32, 32))


FIGURES: dict[str, Callable[[], Figure]] = {
    **{name: lambda name=name: figures.structure(network(name)) for name in table("model")},
    "one layer": lambda: figures.structure(explain.structure(nn.Linear(3, 2), (3,))),
    "a mirrored network": lambda: figures.structure(network("cnn", mirrored=True)),
    "long names": lambda: figures.structure(long_named()),
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


def test_a_structure_names_every_layer_with_its_size_and_parameters(language: str) -> None:
    of = network("cnn")
    content = written(figures.structure(of)).splitlines()
    assert {node.name for node in of.nodes[1:]} <= set(content)
    assert {"×".join(map(str, node.after)) for node in of.nodes} <= set(content)
    assert ("200,704" if language == "en" else "200\u00a0704") in content


def test_a_shortcut_is_drawn_beside_and_a_block_has_its_name(language: str) -> None:
    figure = figures.structure(network("resnet18"))
    wires = [patch for patch in figure.axes[0].patches if isinstance(patch, PathPatch)]
    beside = [patch for patch in wires if patch.get_edgecolor() == to_rgba(CLASSES[0])]
    assert len(beside) == 16, "to each of eight shortcuts and from it"
    blocks = [f"stage{i}.block{j}" for i in range(1, 5) for j in (1, 2)]
    assert [text for text in written(figure).splitlines() if text in blocks] == blocks
    assert "shortcut.conv · norm" in written(figure).splitlines()
    chain = figures.structure(network("cnn")).axes[0].patches
    assert not [patch for patch in chain if patch.get_edgecolor() == to_rgba(CLASSES[0])]
