"""A unit's weights are those it has for the raw picture, its best samples those that excite it most."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import tiza
from tiza import explain
from tiza.config import Recipe, make
from tiza.data.dataset import Dataset
from tiza.errors import TizaError
from tiza.explain.layers import layer_of
from tiza.explain.units import LOOKED_AT
from tiza.models.building import Built, build
from tiza.runs import Run


@pytest.fixture(scope="module")
def data() -> Dataset:
    return tiza.load("mnist", limit=600)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    plan = {"epochs": 5, "lr": 0.01, "threads": 1}
    recipe = make(Recipe, {"data": "digits", "model": {"name": "mlp", "hidden": [24, 12]}, "plan": plan})
    return tiza.fit(recipe, run=tmp_path_factory.mktemp("runs") / "run")


def outputs(model: nn.Module, layer: str, x: Tensor) -> Tensor:
    """What torch's own hook sees come out of the layer."""
    seen: list[Tensor] = []
    hook = layer_of(model, layer).register_forward_hook(lambda _m, _i, out: seen.append(out))
    with torch.no_grad():
        model.eval()(x)
    hook.remove()
    return seen[0]


@pytest.mark.parametrize("layer", ["linear1", "linear2", "logits"])
def test_the_best_samples_are_those_that_excite_a_unit_most_of_all(run: Run, layer: str):
    of, train = explain.units(run, layer, best=5), tiza.load("digits").train
    every = outputs(tiza.runs.restore(run).model, layer, train.x)
    assert of.n == len(train) < LOOKED_AT
    for u in range(every.shape[1]):
        order = sorted(range(len(train)), key=lambda i: (-float(every[i, u]), i))[:5]
        assert of.excitement[u] == pytest.approx([float(every[i, u]) for i in order], abs=1e-5)
        assert of.excitement[u] == pytest.approx(every[of.best[u], u].numpy(), abs=1e-5)
        assert np.array_equal(of.samples[u], train.x[of.best[u]].numpy())
        assert np.array_equal(of.labels[u], train.y[of.best[u]].numpy())
        assert of.silent[u] == (float(every[:, u].max()) <= 0)


def test_the_weights_are_those_of_the_raw_pixels(run: Run):
    model, x = tiza.runs.restore(run).model, tiza.load("digits").train.x[:50]
    of, (w, b) = explain.units(run), list(layer_of(model, "linear1").parameters())
    assert of.weights is not None
    assert of.weights.shape == (24, 1, 8, 8)
    normalise = model.get_submodule("normalise")
    mean, deviation = (normalise.get_buffer(name) for name in ("mean", "deviation"))
    shift = (b - (w.reshape(24, 1, 8, 8) * mean / deviation).sum((1, 2, 3))).detach().numpy()
    raw = x.numpy().reshape(50, -1) @ of.weights.reshape(24, -1).T + shift
    assert raw == pytest.approx(outputs(model, "linear1", x).numpy(), abs=1e-3)
    assert explain.units(run, "linear2").weights is None


def test_importance_is_the_size_of_output_times_slope(run: Run):
    of, train = explain.units(run, "linear2"), tiza.load("digits").train
    model = tiza.runs.restore(run).model
    seen: list[Tensor] = []
    layer_of(model, "linear2").register_forward_hook(lambda _m, _i, out: (out.retain_grad(), seen.append(out))[1])
    total = torch.zeros(12, dtype=torch.float64)
    for i in range(0, len(train), 100):
        seen.clear()
        model(train.x[i : i + 100]).max(1).values.sum().backward()
        assert seen[0].grad is not None
        total += (seen[0] * seen[0].grad).abs().double().sum(0).detach()
    assert of.importance == pytest.approx((total / len(train)).numpy(), rel=1e-4)
    assert of.shares.sum() == pytest.approx(1)
    assert list(of.importance[of.order]) == sorted(of.importance, reverse=True)


def test_a_unit_that_nothing_comes_out_of_has_no_importance_and_is_silent(data: Dataset):
    model = build("mlp", data, hidden=(6,), dropout=0.0)
    first = layer_of(model, "linear1")
    with torch.no_grad():
        first.get_parameter("bias")[2] = -1e6
    of = explain.units(model, data=data)
    assert of.silent.tolist() == [k == 2 for k in range(6)]
    assert of.importance[2] == 0
    assert of.order[-1] == 2


def test_the_model_and_what_may_not_learn_are_left_alone(data: Dataset):
    model = build("mlp", data)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    of = explain.units(model, data=data)
    assert of.importance.any()
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_large_data_is_looked_at_in_part_with_every_class_in_its_share():
    digits = tiza.load("mnist")
    of = explain.units(build("softmax", digits), data=digits, best=2)
    assert of.n == LOOKED_AT
    assert of.best.max() > LOOKED_AT, "they keep their numbers in train"
    assert np.array_equal(of.samples[3, 0], digits.train.x[of.best[3, 0]].numpy())


def test_of_a_table_it_is_told_by_feature(tmp_path: Path):
    recipe = make(Recipe, {"data": "iris", "model": {"name": "mlp", "hidden": [5, 4]}, "plan": {"epochs": 20}})
    run = tiza.fit(recipe, run=tmp_path / "run")
    x, model = tiza.load("iris").train.x[:], tiza.runs.restore(run).model
    first, second = explain.units(run), explain.units(run, "linear2", best=6)
    assert np.array_equal(first.weights, layer_of(model, "linear1").get_parameter("weight").detach().numpy())
    assert second.weights is None
    assert second.profile is not None
    best = outputs(model, "linear2", x)[:, 1].topk(6).indices
    assert second.profile[1] == pytest.approx(((x[best].mean(0) - x.mean(0)) / x.std(0)).numpy(), abs=1e-5)
    assert second.features == tuple(tiza.load("iris").features)


def test_the_classes_of_the_best_samples_are_counted(run: Run):
    of = explain.units(run)
    told = of.counted(0)
    names, counts = np.unique(of.labels[0], return_counts=True)
    assert all(str(name) in told for name in names)
    assert len(names) == 1 or f"({counts.max()})" in told.split(", ")[0]
    told = of.to_dict()["units"][0]
    assert told["unit"] == of.order[0]
    assert np.array(told["weights"]).shape == (1, 8, 8)


class Scaled(nn.Module):
    """A network of one's own that scales its input itself, with a layer that is never asked and one over sequences."""

    def __init__(self) -> None:
        super().__init__()
        self.rows, self.unused, self.out = nn.Linear(28, 4), nn.Linear(2, 2), nn.Linear(112, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.rows(x.float()[:, 0] / 255).flatten(1))


def test_what_has_no_such_units_says_so(data: Dataset):
    two = tiza.load("points", limit=60)
    for of, layer, code in (
        (nn.Sequential(nn.Flatten()), None, "no-linear"),
        (build("mlp", data), "relu1", "layer-unknown"),
        (build("mlp", data), "linear9", "layer-unknown"),
        (Scaled(), "unused", "layer-silent"),
        (Scaled(), "rows", "layer-form"),
    ):
        source = data if code != "no-linear" else two
        with pytest.raises(TizaError) as caught:
            explain.units(of, layer, data=source)
        assert caught.value.code == code, str(caught.value)
    assert explain.units(Scaled(), "out", data=data).weights is None
    assert not isinstance(Scaled(), Built)
