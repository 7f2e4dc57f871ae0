"""The loss over two weights: the path is that of the training, the surface that of the loss."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tiza import build, explain, fit, load
from tiza.config import Recipe, changed, make
from tiza.errors import TizaError
from tiza.fitting import prepare
from tiza.runs import restore

IRIS = make(
    Recipe,
    {"data": "iris", "model": "softmax", "plan": {"epochs": 4, "batch_size": 16, "lr": 0.05, "threads": 1}},
)


def test_the_path_begins_at_the_first_weights_and_ends_at_the_runs_and_the_loss_there_is_its_own(tmp_path: Path):
    run = fit(IRIS, run=tmp_path / "run")
    of = explain.surface(run, weights=(1, 12))  # the second weight, the first bias
    data, model = load("iris"), restore(run).model
    first = build(IRIS.model, data, seed=IRIS.plan.seed).body[1]
    last = model.body[1]  # type: ignore[index]
    assert of.names == ("logits.weight[0, 1]", "logits.bias[0]")
    assert of.path[0] == pytest.approx([first.weight[0, 1].item(), first.bias[0].item()])
    assert of.path[-1] == pytest.approx([last.weight[0, 1].item(), last.bias[0].item()])
    assert of.steps.tolist() == list(range(4 * 6 + 1))
    assert of.others == 15 - 2
    row, column = np.abs(of.y - of.path[-1, 1]).argmin(), np.abs(of.x - of.path[-1, 0]).argmin()
    with torch.no_grad():
        last.weight[0, 1], last.bias[0] = float(of.x[column]), float(of.y[row])
        expected = F.cross_entropy(model(data.train.x), data.train.y).item()
    assert of.loss[row, column] == pytest.approx(expected, rel=1e-5)


def test_by_default_the_two_weights_that_moved_most_are_taken():
    of = explain.surface(IRIS, side=3)
    moved = np.abs(of.path[-1] - of.path[0])
    every = [
        np.abs(np.subtract(*explain.surface(IRIS, weights=(i, i + 1), side=2).path[[0, -1], 0])) for i in range(14)
    ]
    assert sorted(every)[-1] == pytest.approx(moved.max())
    assert moved.min() >= sorted(every)[-2] - 1e-6


def test_the_surface_has_the_path_inside_and_is_the_same_each_time():
    one, other = (explain.surface(IRIS, side=4) for _ in range(2))
    for axis, values in enumerate((one.x, one.y)):
        assert values[0] < one.path[:, axis].min()
        assert one.path[:, axis].max() < values[-1]
    assert (one.loss == other.loss).all()
    assert (one.path == other.path).all()


def test_a_long_training_is_noted_at_even_steps(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.modules["tiza.explain.surface"], "MOMENTS", 5)  # the package has the function of that name
    of = explain.surface(IRIS, side=2)
    assert of.steps.tolist() == [0, 5, 10, 15, 20, 24]


def test_convolutions_have_their_weights_by_place(tmp_path: Path):
    recipe = make(
        Recipe,
        {"data": {"name": "digits", "limit": 200}, "plan": {"epochs": 1, "batch_size": 100, "threads": 1},
         "model": {"name": "cnn", "channels": [4, 4], "hidden": [], "kernels": 3, "batch_norm": False}},
    )  # fmt: skip
    of = explain.surface(recipe, weights=(9 + 3, 9 + 5), side=2)
    first = prepare(recipe, None, None).learner.model.body.conv1.weight  # type: ignore[union-attr]
    assert of.names == ("conv1.weight[1, 0, 1, 0]", "conv1.weight[1, 0, 1, 2]")
    assert of.path[0] == pytest.approx([first[1, 0, 1, 0].item(), first[1, 0, 1, 2].item()])
    assert np.ptp(of.loss) > 0


@pytest.mark.parametrize("weights", [(0, 0), (0, 15), (-1, 2)])
def test_weights_that_do_not_exist_are_refused(weights: tuple[int, int]):
    with pytest.raises(TizaError) as caught:
        explain.surface(IRIS, weights=weights)
    assert caught.value.code == "no-weight"
    assert "14" in str(caught.value)


def test_a_training_that_diverges_says_so():
    with pytest.raises(TizaError) as caught:
        explain.surface(changed(IRIS, ["model.name=mlp", "plan.lr=1e30", "plan.optimizer=sgd"]))
    assert caught.value.code == "diverged"
