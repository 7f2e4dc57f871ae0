"""The layers that tiza's own models share."""

from typing import Literal

import torch
from torch import Tensor, nn

Activation = Literal["relu", "tanh", "sigmoid", "leaky-relu"]

ACTIVATIONS: dict[Activation, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "leaky-relu": nn.LeakyReLU,
}


class Normalise(nn.Module):
    """(x − mean) / deviation, per channel (N×C×H×W) or feature (N×F); takes uint8 or floats, gives floats.

    Both are buffers, so that weights, ONNX and a page carry them: who has the model has its preprocessing.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: Tensor, deviation: Tensor, dimensions: int) -> None:
        super().__init__()
        shape = (-1,) + (1,) * (dimensions - 1)
        self.register_buffer("mean", mean.reshape(shape).clone())
        self.register_buffer("deviation", deviation.reshape(shape).clone())

    def forward(self, x: Tensor) -> Tensor:
        """Floats of the buffers' type, same shape as ``x``."""
        return (x.to(self.mean.dtype) - self.mean) / self.deviation

    def extra_repr(self) -> str:
        """The numbers, where there are few."""
        numbers = [torch.flatten(t).tolist() for t in (self.mean, self.deviation)]
        return "mean={}, deviation={}".format(*numbers) if len(numbers[0]) <= 4 else f"features={len(numbers[0])}"


def stack(layers: list[tuple[str, nn.Module | None]]) -> nn.Sequential:
    """A Sequential of the layers that are there, named ``conv1, relu1, …, logits``."""
    model = nn.Sequential()
    for name, layer in layers:
        if layer is not None:
            model.add_module(name, layer)
    return model
