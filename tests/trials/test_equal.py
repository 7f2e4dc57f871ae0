"""When two trainings are the same one: those that are said to be give the same weights, bit for bit."""

from typing import Any

import pytest
import torch

import tiza
from tiza.config import Recipe, make
from tiza.trials.equal import readable, work_of

N = 96  # samples of train


@pytest.fixture(scope="module")
def iris() -> Any:
    return tiza.load("iris", valid=24)


def recipe(**plan: Any) -> Recipe:
    model = {"name": "mlp", "hidden": (5,), "dropout": 0.2}
    return make(Recipe, {"data": {"name": "iris", "valid": 24}, "model": model, "plan": {"epochs": 4, **plan}})


SAME: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"momentum": 0.5}, {"momentum": 0.9}),
    ({"optimizer": "sgd", "betas": (0.5, 0.9)}, {"optimizer": "sgd"}),
    ({"optimizer": "adam"}, {"optimizer": "adamw"}),
    ({"decay_on": "all"}, {"decay_on": "weights"}),
    ({"batch_size": "full"}, {"batch_size": 96}),
    ({"batch_size": 500}, {"batch_size": 96}),
    ({"warmup": 0.5, "gamma": 0.5, "every": 3, "start": 3}, {}),
    ({"threads": 1}, {"threads": 2}),
    ({"probe": 0}, {}),
]
OTHER: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"optimizer": "momentum", "momentum": 0.5}, {"optimizer": "momentum", "momentum": 0.9}),
    ({"betas": (0.5, 0.9)}, {}),
    ({"optimizer": "adam", "weight_decay": 0.1}, {"optimizer": "adamw", "weight_decay": 0.1}),
    ({"decay_on": "all", "weight_decay": 0.1}, {"weight_decay": 0.1}),
    ({"batch_size": 90}, {"batch_size": 96}),
    ({"schedule": "step", "every": 2}, {"schedule": "step", "every": 3}),
    ({"seed": 1}, {}),
    ({"epochs": 5}, {}),
    ({"lr": 0.01}, {}),
]


CASES = [(*pair, True) for pair in SAME] + [(*pair, False) for pair in OTHER]


@pytest.mark.parametrize(("one", "other", "same"), CASES)
def test_what_is_said_to_be_the_same_work_is(one: dict[str, Any], other: dict[str, Any], same: bool, iris: Any):
    assert len(iris.train) == N
    assert (work_of(recipe(**one), N) == work_of(recipe(**other), N)) is same
    weights = [torch.cat([p.flatten() for p in trained(recipe(**plan), iris)]) for plan in (one, other)]
    assert torch.equal(*weights) is same


def trained(of: Recipe, data: Any) -> list[torch.Tensor]:
    return list(tiza.runs.restore(tiza.fit(of, data)).model.parameters())


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        ({}, True),
        ({"schedule": "step", "every": 2}, True),
        ({"schedule": "exponential", "every": 2}, True),
        ({"schedule": "one-cycle"}, False),
        ({"schedule": "cosine"}, False),
    ],
)
def test_a_short_training_is_the_beginning_of_a_long_one_where_that_is_said(
    plan: dict[str, Any], expected: bool, iris: Any
):
    assert readable(recipe(**plan)) is expected
    short, long = (tiza.fit(recipe(**plan, epochs=epochs), iris).history()[2] for epochs in (3, 6))
    assert (short.valid == long.valid) is expected


@pytest.mark.parametrize("plan", [{"patience": 2}, {"keep": "best"}])
def test_what_depends_on_all_epochs_is_not_read_off(plan: dict[str, Any]):
    assert not readable(recipe(**plan))
