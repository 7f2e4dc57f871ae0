"""tiza.models.dense: softmax regression and the multilayer perceptron, layer by layer."""

import pytest
import torch
from torch import nn

from tiza.errors import RequestError
from tiza.models.building import body_of
from tiza.models.layers import ACTIVATIONS


def test_softmax_regression_is_one_linear_map():
    body = body_of("softmax", (2, 3, 4), 5)
    x = torch.randn(6, 2, 3, 4)
    logits = dict(body.named_children())["logits"]
    torch.testing.assert_close(body(x), x.reshape(6, 24) @ logits.weight.T + logits.bias)


def test_the_perceptron_is_one_neuron_from_0_against_0():
    body = body_of("perceptron", (2, 3), 2)
    neuron = dict(body.named_children())["neuron"]
    assert not any(parameter.any() for parameter in body.parameters())
    assert sum(parameter.numel() for parameter in body.parameters()) == 7
    nn.init.normal_(neuron.weight)
    nn.init.constant_(neuron.bias, 0.5)
    x = torch.randn(5, 2, 3)
    z = x.reshape(5, 6) @ neuron.weight[0] + 0.5
    torch.testing.assert_close(body(x), torch.stack([torch.zeros(5), z], 1))


@pytest.mark.parametrize("classes", [1, 3, 10])
def test_the_perceptron_tells_two_classes_apart(classes: int):
    with pytest.raises(RequestError) as caught:
        body_of("perceptron", (4,), classes)
    assert (caught.value.code, caught.value.where) == ("two-classes", "model.name")
    assert str(classes) in str(caught.value)


@pytest.mark.parametrize(
    ("options", "layers"),
    [
        ({"hidden": (5,), "dropout": 0}, ["flatten", "linear1", "relu1", "logits"]),
        ({"hidden": (5,), "dropout": 0.3}, ["flatten", "linear1", "relu1", "dropout1", "logits"]),
        (
            {"hidden": (5, 4), "dropout": 0.3, "batch_norm": True, "activation": "sigmoid"},
            [
                "flatten",
                "linear1",
                "norm1",
                "sigmoid1",
                "dropout1",
                "linear2",
                "norm2",
                "sigmoid2",
                "dropout2",
                "logits",
            ],
        ),
        ({"hidden": (), "dropout": 0.3}, ["flatten", "logits"]),
    ],
)
def test_a_perceptron_has_its_layers_in_order(options: dict[str, object], layers: list[str]):
    assert [name for name, _ in body_of("mlp", (4,), 3, **options).named_children()] == layers


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_perceptron_is_what_torch_would_make_of_its_weights(activation: str):
    body = body_of("mlp", (4,), 3, hidden=(6, 5), dropout=0.5, activation=activation).eval()
    linear = [module for module in body.modules() if isinstance(module, nn.Linear)]
    x = torch.randn(7, 4)
    h = x
    for layer in linear[:-1]:
        h = ACTIVATIONS[activation]()(layer(h))  # type: ignore[index]
    assert torch.equal(body(x), linear[-1](h))


def test_a_layer_before_batch_norm_has_no_bias():
    body = body_of("mlp", (4,), 3, hidden=(6, 5), batch_norm=True)
    assert [module.bias is None for module in body.modules() if isinstance(module, nn.Linear)] == [True, True, False]


def test_dropout_has_its_share():
    body = body_of("mlp", (4,), 3, hidden=(6,), dropout=0.35)
    assert [module.p for module in body.modules() if isinstance(module, nn.Dropout)] == [0.35]
