"""The perceptron's line: one for every update, by the rule, until nothing is wrong."""

import numpy as np
import pytest

from tiza import explain
from tiza.config import Recipe, make
from tiza.errors import TizaError
from tiza.explain.perceptron import Lines


def recipe(data: dict | None = None, model: str = "perceptron", **plan) -> Recipe:
    points = {"name": "points", "kind": "linear", "n": 100, "scale": "raw"} | (data or {})
    rule = {"optimizer": "sgd", "lr": 0.5, "batch_size": 1, "epochs": 15, "threads": 1, **plan}
    return make(Recipe, {"data": points, "model": model, "plan": {"loss": "perceptron"} | rule})


@pytest.fixture(scope="module")
def lines() -> Lines:
    return explain.perceptron(recipe())


def test_there_is_one_line_for_each_sample_of_each_epoch_and_one_before(lines: Lines):
    n = len(lines.labels)
    assert lines.weights.shape == (15 * n + 1, 3)
    assert lines.samples.shape == (15 * n,)
    for epoch in range(15):
        assert sorted(lines.samples[epoch * n : (epoch + 1) * n]) == list(range(n))
    assert (lines.weights[0] == 0).all()


def test_every_line_follows_from_the_one_before_by_the_rule(lines: Lines):
    """w ← w + 0.5 · error · x, b ← b + 0.5 · error, the answer being 1 from a sum of 0 on."""
    w = np.zeros(3)
    for after, sample in zip(lines.weights[1:], lines.samples, strict=True):
        x = np.append(lines.points[sample], 1)
        error = lines.labels[sample] - float(w @ x >= 0)
        assert after == pytest.approx(w + 0.5 * error * x, abs=1e-4)
        w = after


def test_points_that_a_line_can_part_are_parted_and_then_nothing_moves(lines: Lines):
    assert lines.separated is not None
    assert lines.wrong(lines.separated).sum() == 0
    assert lines.wrong(len(lines.samples)).sum() == 0
    assert lines.moved.max() == lines.separated
    assert lines.wrong(0).sum() == (lines.labels == 0).sum()


def test_xor_is_never_parted():
    of = explain.perceptron(recipe({"kind": "xor"}, epochs=4))
    assert of.separated is None
    assert of.wrong(len(of.samples)).mean() > 0.2


def test_the_line_is_told_in_the_units_of_the_data(lines: Lines):
    scaled = explain.perceptron(recipe({"scale": "standard"}))
    assert scaled.wrong(len(scaled.samples)).sum() == 0
    w1, w2, b = scaled.weights[-1]
    assert -b / w1 == pytest.approx(1, abs=0.4)  # the points are parted by x₁ + x₂ = 1
    assert -b / w2 == pytest.approx(1, abs=0.4)


def test_a_recipe_with_larger_batches_is_shown_sample_by_sample(lines: Lines):
    of = explain.perceptron(recipe(batch_size=32))
    assert (of.weights == lines.weights).all()


@pytest.mark.parametrize(
    "asked",
    [recipe(model="softmax"), recipe(model="mlp")],
)
def test_what_is_no_perceptron_has_no_line(asked: Recipe):
    with pytest.raises(TizaError) as caught:
        explain.perceptron(asked)
    assert caught.value.code == "one-neuron"
