"""Dense networks: the perceptron, softmax regression and the multilayer perceptron."""

import math

from pydantic import PositiveInt
from torch import nn

from tiza.config import Fraction
from tiza.errors import RequestError
from tiza.models.initial import Init, initialise
from tiza.models.layers import ACTIVATIONS, Activation, Dropout, stack
from tiza.registry import register


@register("model", "perceptron")
def perceptron(shape: tuple[int, ...], classes: int) -> nn.Module:
    """One neuron that tells two classes apart: logits (0, z), z = w·x + b, all from 0.

    With ``plan.loss`` ``perceptron``, ``sgd`` and batches of one sample it learns by Rosenblatt's rule.
    """
    if classes != 2:
        raise RequestError("two-classes", where="model.name", name="perceptron", classes=classes)
    neuron = initialise(nn.Linear(math.prod(shape), 1), "zeros")
    return stack([("flatten", nn.Flatten()), ("neuron", neuron), ("logits", nn.ZeroPad1d((1, 0)))])


@register("model", "softmax")
def softmax(shape: tuple[int, ...], classes: int, *, init: Init = "default") -> nn.Module:
    """Softmax regression: one linear layer."""
    return initialise(stack([("flatten", nn.Flatten()), ("logits", nn.Linear(math.prod(shape), classes))]), init)


@register("model", "mlp")
def mlp(
    shape: tuple[int, ...],
    classes: int,
    *,
    hidden: tuple[PositiveInt, ...] = (128, 64),
    activation: Activation = "relu",
    dropout: Fraction = 0.2,
    batch_norm: bool = False,
    init: Init = "default",
) -> nn.Module:
    """A multilayer perceptron: one width per hidden layer."""
    layers: list[tuple[str, nn.Module | None]] = [("flatten", nn.Flatten())]
    layers += hidden_layers(math.prod(shape), hidden, activation, dropout, batch_norm)
    layers.append(("logits", nn.Linear(hidden[-1] if hidden else math.prod(shape), classes)))
    return initialise(stack(layers), init)


def hidden_layers(
    inputs: int, hidden: tuple[int, ...], activation: Activation, dropout: float, batch_norm: bool
) -> list[tuple[str, nn.Module | None]]:
    """linear – batch norm – activation – dropout, once per width."""
    layers: list[tuple[str, nn.Module | None]] = []
    for i, (before, after) in enumerate(zip((inputs, *hidden), hidden, strict=False), 1):
        layers += [
            (f"linear{i}", nn.Linear(before, after, bias=not batch_norm)),
            (f"norm{i}", nn.BatchNorm1d(after) if batch_norm else None),
            (f"{activation}{i}", ACTIVATIONS[activation]()),
            (f"dropout{i}", Dropout(dropout) if dropout else None),
        ]
    return layers
