"""A rate to begin with, found while the rate rises."""

import math

import pytest

import tiza
from tiza.config import Recipe, make


def recipe(**plan: object) -> Recipe:
    return make(Recipe, {"data": "digits", "model": {"name": "mlp", "hidden": (32,), "dropout": 0}, "plan": plan})


def test_the_rate_found_learns_better_than_one_far_below_or_above(tmp_path: pytest.TempPathFactory):
    found = tiza.lr_find(recipe(optimizer="adam", batch_size=32))
    assert list(found.rates) == sorted(found.rates)
    assert all(map(math.isfinite, found.losses))
    accuracies = []
    for i, rate in enumerate((found.suggestion / 300, found.suggestion, min(found.suggestion * 300, 10))):
        run = tiza.fit(recipe(optimizer="adam", batch_size=32, lr=rate, epochs=2), run=tmp_path / str(i))
        accuracies.append(run.history()[-1].valid["accuracy"][0])
    assert accuracies[1] > max(accuracies[0], accuracies[2]) + 0.1


def test_it_ends_where_the_loss_explodes_and_keeps_nothing(home: object):
    found = tiza.lr_find(recipe(optimizer="sgd"), low=1e-3, high=1e6, steps=100)
    assert len(found.rates) < 100
    assert max(found.rates) < 1e6
    assert not list((tiza.runs.runs_home()).glob("*"))


def test_the_loss_of_the_first_update_is_that_of_training():
    """With a rate that hardly moves the weights, all updates see the loss of the fresh model."""
    found = tiza.lr_find(recipe(optimizer="sgd", batch_size="full"), low=1e-12, high=1e-11, steps=5)
    assert found.losses == pytest.approx([found.losses[0]] * 5, rel=1e-4)
    assert found.losses[0] == pytest.approx(math.log(10), rel=0.15)
