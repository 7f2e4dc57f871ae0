"""Decision regions: the grid, its answers, and what can't be drawn over two features."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tiza import explain, fit, load
from tiza.errors import TizaError
from tiza.prediction import Predictor

PETALS = ["petal length (cm)", "petal width (cm)"]


class Quadrants(nn.Module):
    """The rule that made the XOR points."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = 40 * (0.5 - x[:, 0]) * (x[:, 1] - 0.5)
        return torch.stack([-z, z], 1)


def test_the_rule_of_the_points_has_no_point_on_the_wrong_side_and_half_of_the_plane():
    of = explain.regions(Quadrants(), load("points", kind="xor"))
    assert of.wrong.sum() == 0
    assert of.shares == pytest.approx([0.5, 0.5], abs=0.02)
    rows, columns = np.meshgrid(of.y > 0.5, of.x > 0.5, indexing="ij")
    assert (of.logits.argmax(-1) == (rows != columns)).all()


def test_the_grid_spans_the_train_split_with_a_margin_and_row_and_column_are_y_and_x():
    data = load("iris", features=PETALS)
    of = explain.regions(nn.Linear(2, 3), data, side=50)
    points = data.train.x.numpy()
    assert of.logits.shape == (50, 50, 3)
    assert (of.x[0], of.y[0]) < tuple(points.min(0))
    assert (of.x[-1], of.y[-1]) > tuple(points.max(0))
    assert of.probabilities.sum(-1) == pytest.approx(np.ones((50, 50)))


def test_the_grid_answers_as_the_predictor_does(tmp_path: Path):
    recipe = {"data": {"name": "iris", "features": PETALS}, "model": {"name": "mlp", "hidden": [8]}}
    run = fit(recipe_of(recipe, epochs=3), run=tmp_path / "run")
    of = explain.regions(run, side=7)
    grid = np.stack(np.meshgrid(of.x, of.y), -1).reshape(-1, 2)
    answers = [answer.label for answer in Predictor(run).predict(grid)]
    assert of.logits.argmax(-1).ravel().tolist() == answers
    assert of.classes == ("setosa", "versicolor", "virginica")


def recipe_of(values: dict, **plan):
    from tiza.config import Recipe, make

    return make(Recipe, values | {"plan": {"threads": 1, **plan}})


def test_a_model_in_training_goes_on_in_training():
    model = nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.5), nn.Linear(8, 2))
    one, other = (explain.regions(model, load("points"), side=9).logits for _ in range(2))
    assert model.training
    assert (one == other).all()


@pytest.mark.parametrize("source", ["iris", "digits"])
def test_other_than_two_features_are_refused(source: str):
    data = load(source)
    model = nn.Sequential(nn.Flatten(), nn.LazyLinear(len(data.classes)))
    model(data.train.x[:1].float())
    with pytest.raises(TizaError) as caught:
        explain.regions(nn.Sequential(Floats(), model), data)
    assert caught.value.code == "regions-features"


class Floats(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.float()


def test_answers_that_are_no_numbers_are_told():
    model = nn.Linear(2, 2)
    nn.init.constant_(model.weight, float("nan"))
    with pytest.raises(TizaError) as caught:
        explain.regions(model, load("points"))
    assert caught.value.code == "answer-not-finite"
