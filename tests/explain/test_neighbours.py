"""The nearest training samples are scikit-learn's, a sample is no neighbour of itself, and what can't be is told."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import nn

from tiza import explain, fit, load
from tiza.config import Recipe, make
from tiza.errors import TizaError
from tiza.explain.hidden import hidden
from tiza.models.building import build
from tiza.runs import Run, restore


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    recipe = {"data": "digits", "model": "cnn", "plan": {"epochs": 3, "threads": 1}}
    return fit(make(Recipe, recipe), run=tmp_path_factory.mktemp("neighbours") / "run")


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("layer", [None, "conv1"])
def test_the_neighbours_are_scikit_learns(run: Run, metric: str, layer: str | None):
    data, model = load("digits"), restore(run).model
    there, here = (hidden(model, x, layer)[1].astype(np.float64) for x in (data.train.x, data.look("valid").x[5:8]))
    distances, index = NearestNeighbors(n_neighbors=12, metric=metric, algorithm="brute").fit(there).kneighbors(here)
    for i in range(3):
        of = explain.neighbours(run, 5 + i, 12, layer=layer, metric=metric)
        assert of.index.tolist() == index[i].tolist()
        assert of.distances == pytest.approx(distances[i], abs=1e-6)
        assert np.array_equal(of.labels, data.train.y[of.index].numpy())
        assert np.array_equal(of.x, data.train.x[of.index].numpy())
        assert of.agree == (of.labels == of.answer).sum()
        assert of.among == len(data.train)


def test_a_trained_network_has_its_own_class_around_a_sample(run: Run):
    found = [explain.neighbours(run, i, 5) for i in range(12)]
    right = [of for of in found if of.answer == of.label]
    assert len(right) >= 8
    assert np.mean([of.agree for of in right]) > 4


def test_a_training_sample_is_no_neighbour_of_itself_but_its_copy_from_outside_is_its_nearest(run: Run):
    of = explain.neighbours(run, 7, 3, split="train")
    assert 7 not in of.index
    assert of.among == len(load("digits").train) - 1
    outside = explain.neighbours(run, of.sample, 3)
    assert outside.index[0] == 7
    assert outside.distances[0] == pytest.approx(0, abs=1e-6)
    assert outside.label is None
    assert outside.index[1:].tolist() == of.index[:2].tolist()


def test_a_picture_and_a_row_of_a_table_have_neighbours(run: Run):
    assert explain.neighbours(run, Path("examples/pen.png"), 2).name == "pen.png"
    iris = load("iris")
    of = explain.neighbours(build("mlp", iris), 0, 4, data=iris, metric="euclidean")
    assert of.x.shape == (4, 4)
    plain = of.to_dict()
    assert len(plain["labels"]) == 4
    assert set(plain["labels"]) <= set(iris.classes)
    assert plain["agree"] == of.agree


def test_an_angle_with_nothing_is_a_right_one():
    digits = load("digits")
    model = build("mlp", digits)
    for parameter in model.parameters():
        parameter.data.zero_()
    of = explain.neighbours(model, 0, 3, data=digits)
    assert of.distances.tolist() == [1, 1, 1]
    assert of.index.tolist() == [0, 1, 2]


def test_what_has_no_neighbours_is_told(run: Run):
    def told(code: str, *arguments: Any, **options: Any) -> str:
        with pytest.raises(TizaError) as caught:
            explain.neighbours(run, *arguments, **options)
        assert (caught.value.code, caught.value.exit_code) == (code, 2)
        return str(caught.value)

    n = len(load("digits").train)
    assert f"{n:,}" in told("neighbours-k", 0, n + 1)
    assert f"{n - 1:,}" in told("neighbours-k", 0, n, split="train")
    assert "1" in told("neighbours-k", 0, 0)
    assert "cosine" in told("unknown", 0, metric="cosin")
    assert "relu1" in told("layer-unknown", 0, layer="relu9")
    assert "9999" in told("no-answer", 9999)
    assert len(explain.neighbours(run, 0, n).index) == n


def test_a_run_of_ones_own_module_is_asked_with_it(tmp_path: Path):
    data = load("iris")
    module = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
    run = fit(module, data, {"epochs": 1, "threads": 1}, run=tmp_path / "run")
    with pytest.raises(TizaError, match=r"model="):
        explain.neighbours(run, 0)
    of = explain.neighbours(run, 0, 2, model=module, data=data)
    assert (of.layer, of.units) == ("1", 6)
    assert torch.isfinite(torch.from_numpy(of.distances)).all()
