"""Dense networks: softmax regression and the multilayer perceptron."""

import math

from pydantic import PositiveInt
from torch import nn

from tiza.config import Fraction
from tiza.models.layers import ACTIVATIONS, Activation, Dropout, stack
from tiza.registry import register


@register("model", "softmax")
def softmax(shape: tuple[int, ...], classes: int) -> nn.Module:
    """Softmax regression: one linear layer."""
    return stack([("flatten", nn.Flatten()), ("logits", nn.Linear(math.prod(shape), classes))])


@register("model", "mlp")
def mlp(
    shape: tuple[int, ...],
    classes: int,
    *,
    hidden: tuple[PositiveInt, ...] = (128, 64),
    activation: Activation = "relu",
    dropout: Fraction = 0.2,
    batch_norm: bool = False,
) -> nn.Module:
    """A multilayer perceptron: one width per hidden layer."""
    layers: list[tuple[str, nn.Module | None]] = [("flatten", nn.Flatten())]
    layers += hidden_layers(math.prod(shape), hidden, activation, dropout, batch_norm)
    return stack([*layers, ("logits", nn.Linear(hidden[-1] if hidden else math.prod(shape), classes))])


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
