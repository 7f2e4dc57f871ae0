"""The written-out gradient of a dense network is autograd's."""

import copy
from typing import Any

import pytest
import torch
from torch import nn

import tiza
from tiza.config import Plan
from tiza.data.dataset import Dataset
from tiza.models.building import build
from tiza.models.layers import kept
from tiza.training.dense import DenseLearner, plain_layers_of
from tiza.training.learner import ModuleLearner

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "softmax": ("softmax", {}),
    "one hidden layer": ("mlp", {"hidden": (7,), "dropout": 0.0}),
    "relu": ("mlp", {"hidden": (9, 6, 5), "activation": "relu", "dropout": 0.3}),
    "tanh": ("mlp", {"hidden": (9, 6), "activation": "tanh", "dropout": 0.3}),
    "sigmoid": ("mlp", {"hidden": (9, 6), "activation": "sigmoid", "dropout": 0.1}),
    "leaky relu": ("mlp", {"hidden": (9, 6), "activation": "leaky-relu", "dropout": 0.5}),
}


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return tiza.load("digits")


def pair(model: nn.Module, plan: Plan, weights: torch.Tensor | None = None) -> tuple[ModuleLearner, DenseLearner]:
    layers = plain_layers_of(model)
    assert layers is not None
    autograd = ModuleLearner(copy.deepcopy(model), plan, class_weights=weights)
    return autograd, DenseLearner(model, plan, layers, class_weights=weights)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
@pytest.mark.parametrize("case", MODELS)
def test_thirty_updates_are_those_of_autograd(case: str, optimizer: str, weighted: bool, digits: Dataset):
    name, options = MODELS[case]
    plan = Plan.model_validate({"optimizer": optimizer, "lr": 0.01, "weight_decay": 0.1, "clip": 1.0})
    weights = torch.linspace(0.5, 2, 10, dtype=torch.double) if weighted else None
    autograd, written_out = pair(build(name, digits, seed=3, **options).double(), plan, weights)
    for step in range(30):
        x, y = digits.train.x[step * 16 :][:16], digits.train.y[step * 16 :][:16]
        said = []
        for learner in (autograd, written_out):
            torch.manual_seed(step)
            said.append(learner.train_batch(x, y))
        for mine, other in zip(*said, strict=True):
            torch.testing.assert_close(mine, other, rtol=0, atol=1e-12)
    for mine, other in zip(autograd.state().values(), written_out.state().values(), strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-12)


def double(module: nn.Module, inputs: Any, outputs: torch.Tensor) -> torch.Tensor:
    return outputs * 2


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Flatten(), nn.Linear(64, 10, bias=False)),
        nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.ReLU()),
        nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.Linear(16, 10)),
        nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.Dropout(0.2), nn.ReLU(), nn.Linear(16, 10)),
        nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.GELU(), nn.Linear(16, 10)),
        nn.Sequential(nn.Flatten(), nn.Linear(64, 10).requires_grad_(False), nn.Linear(10, 10)),
        nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.LeakyReLU(0.5), nn.Linear(16, 10)),
        nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 10)),
        nn.Sequential(nn.Flatten(), shared := nn.Linear(64, 64), nn.ReLU(), shared, nn.Linear(64, 10)),
        nn.Sequential(nn.Flatten(), nn.utils.parametrizations.weight_norm(nn.Linear(64, 10))),
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 10)),
    ],
)
def test_what_is_not_dense_is_left_to_autograd(model: nn.Module, digits: Dataset):
    assert plain_layers_of(build(model, digits)) is None


def test_a_hook_is_heeded(digits: Dataset):
    model = build("softmax", digits)
    assert plain_layers_of(model) is not None
    model.body[-1].register_forward_hook(double)
    assert plain_layers_of(model) is None


def test_a_run_says_which_engine_trained_it(digits: Dataset, tmp_path: Any):
    plan = {"epochs": 1}
    assert tiza.fit(build("mlp", digits), digits, plan, run=tmp_path / "a").facts.engine in ("dense", "module")
    smoothed = plan | {"label_smoothing": 0.1}
    assert tiza.fit(build("mlp", digits), digits, smoothed, run=tmp_path / "b").facts.engine == "module"


@pytest.mark.parametrize("p", [0.1, 0.2, 0.5, 0.9])
def test_dropout_leaves_out_its_share_and_keeps_the_mean(p: float):
    torch.manual_seed(0)
    factors = kept(torch.zeros(1000, 1001), p)
    assert sorted(factors.unique().tolist()) == pytest.approx([0, 1 / (1 - p)])
    assert (factors == 0).float().mean().item() == pytest.approx(p, abs=5 * (p * (1 - p) / 1001_000) ** 0.5)
    columns = (factors == 0).float().mean(0)  # nothing repeats along the bits of a word
    assert columns.std().item() == pytest.approx((p * (1 - p) / 1000) ** 0.5, rel=0.1)
