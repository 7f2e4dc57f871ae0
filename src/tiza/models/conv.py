"""Convolutional networks."""

from collections import OrderedDict

from pydantic import NonNegativeInt, PositiveInt
from torch import nn

from tiza.config import Fraction
from tiza.errors import RequestError
from tiza.models.dense import hidden_layers
from tiza.models.initial import Init, initialise
from tiza.models.layers import ACTIVATIONS, Activation, Dropout, Mirrored, stack
from tiza.registry import register


@register("model", "cnn")
def cnn(
    shape: tuple[int, ...],
    classes: int,
    *,
    channels: tuple[PositiveInt, ...] = (16, 32),
    kernels: tuple[PositiveInt, ...] = (4, 3),
    strides: tuple[PositiveInt, ...] = (2, 2),
    padding: tuple[NonNegativeInt, ...] = (1,),
    pools: tuple[PositiveInt, ...] = (1,),
    final_pool: PositiveInt | None = None,
    hidden: tuple[PositiveInt, ...] = (128,),
    activation: Activation = "relu",
    dropout: Fraction = 0.0,
    batch_norm: bool = True,
    mirrored: bool = False,
    init: Init = "default",
) -> nn.Module:
    """Convolutions, then dense layers. One number per convolution; a single number stands for all of them.

    Each block: convolution – max pooling (1: none) – batch norm – activation – dropout. Pooling comes first: before an
    activation that never falls it is the same function on fewer values, and with batch norm it is as accurate.
    ``final_pool``: side of the maps that an adaptive max pooling leaves before the dense part.
    ``mirrored``: outside of training, answer for the picture and its mirror image together.
    """
    check_images("cnn", shape)
    per_block = {"kernels": kernels, "strides": strides, "padding": padding, "pools": pools}
    for name, values in per_block.items():
        if len(values) not in (1, len(channels)):
            raise RequestError("per-block", where=f"model.{name}", name=name, n=len(values), blocks=len(channels))
        per_block[name] = values * len(channels) if len(values) == 1 else values
    layers: list[tuple[str, nn.Module | None]] = []
    before, height, width = shape
    for i, (after, kernel, stride, pad, pool) in enumerate(zip(channels, *per_block.values(), strict=True), 1):
        height, width = ((side + 2 * pad - kernel) // stride + 1 for side in (height, width))
        height, width = height // pool, width // pool
        if min(height, width) < 1:
            raise RequestError("kernel-too-large", where=f"model.kernels[{i - 1}]", layer=f"conv{i}", kernel=kernel)
        layers += [
            (f"conv{i}", nn.Conv2d(before, after, kernel, stride, pad, bias=not batch_norm)),
            (f"pool{i}", nn.MaxPool2d(pool) if pool > 1 else None),
            (f"norm{i}", nn.BatchNorm2d(after) if batch_norm else None),
            (f"{activation}{i}", ACTIVATIONS[activation]()),
            (f"dropout{i}", Dropout(dropout) if dropout else None),
        ]
        before = after
    if final_pool:
        layers.append(("final_pool", nn.AdaptiveMaxPool2d(final_pool)))
        height = width = final_pool
    flat = before * height * width
    dense = stack(hidden_layers(flat, hidden, activation, dropout, batch_norm))
    layers += [("flatten", nn.Flatten()), *((f"dense_{name}", layer) for name, layer in dense.named_children())]
    layers.append(("logits", nn.Linear(hidden[-1] if hidden else flat, classes)))
    body = initialise(stack(layers), init)
    return Mirrored(OrderedDict(body.named_children())) if mirrored else body


def check_images(name: str, shape: tuple[int, ...], smallest: int = 1) -> None:
    """Raise the one sentence for samples that are no images C×H×W, or have less than ``smallest`` pixels a side."""
    if len(shape) != 3:
        raise RequestError("needs-images", where="model.name", name=name, shape="×".join(map(str, shape)))
    _, height, width = shape
    if min(height, width) < smallest:
        fields = {"name": name, "smallest": smallest, "height": height, "width": width}
        raise RequestError("image-too-small", where="model.name", **fields)
