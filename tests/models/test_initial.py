"""tiza.models.initial: where weights begin, drawn from the model's seed."""

from typing import get_args

import pytest
import torch
from torch import nn

from tiza.models.building import body_of
from tiza.models.initial import Init
from tiza.registry import table

GREY = (1, 28, 28)
MODELS = [name for name, entry in table("model").items() if "init" in entry.options()]
INITS = get_args(Init)


def layers(name: str, init: str, seed: int = 0) -> list[nn.Linear | nn.Conv2d]:
    body = body_of(name, GREY, 10, seed, init=init)
    return [layer for layer in body.modules() if isinstance(layer, (nn.Linear, nn.Conv2d))]


def test_the_models_that_ask_where_to_begin():
    assert {"softmax", "mlp", "cnn", "lenet", "alexnet", "vgg", "nin", "resnet18"} <= {*MODELS}


@pytest.mark.parametrize("name", ["softmax", "mlp", "cnn"])
def test_left_alone_weights_are_torchs(name: str):
    for found, expected in zip(
        body_of(name, GREY, 10, 4, init="default").parameters(), body_of(name, GREY, 10, 4).parameters(), strict=True
    ):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("init", [init for init in INITS if init != "default"])
@pytest.mark.parametrize("name", MODELS)
def test_biases_begin_at_0_and_batch_norm_is_left_alone(name: str, init: str):
    for layer in body_of(name, GREY, 10, init=init).modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)) and layer.bias is not None:
            assert not layer.bias.any()
        if isinstance(layer, nn.BatchNorm2d):
            assert (layer.weight == 1).all()


@pytest.mark.parametrize("name", MODELS)
def test_zeros_are_zeros(name: str):
    assert not any(layer.weight.any() for layer in layers(name, "zeros"))


@pytest.mark.parametrize("name", MODELS)
def test_the_truncated_normal_has_deviation_a_tenth_and_nothing_beyond_two(name: str):
    for layer in layers(name, "truncated-normal"):
        assert layer.weight.abs().max() <= 0.2
        if layer.weight.numel() > 5000:  # σ √(1 − 4 φ(2) / (2 Φ(2) − 1)), what is left of σ after the cut
            assert layer.weight.std().item() == pytest.approx(0.0880, rel=0.04)


@pytest.mark.parametrize("name", MODELS)
def test_kaiming_has_the_variance_two_by_inputs(name: str):
    for layer in layers(name, "kaiming"):
        if layer.weight.numel() > 5000:
            inputs = layer.weight[0].numel()
            assert layer.weight.std().item() == pytest.approx((2 / inputs) ** 0.5, rel=0.06)


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("name", MODELS)
def test_the_seed_decides_where_they_begin(name: str, init: str):
    one, same, other = (layers(name, init, seed) for seed in (3, 3, 4))
    for a, b, c in zip(one, same, other, strict=True):
        assert torch.equal(a.weight, b.weight)
        assert torch.equal(a.weight, c.weight) == (init == "zeros")
