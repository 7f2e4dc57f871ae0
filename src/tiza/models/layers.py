"""The layers that tiza's own models share."""

import math
from collections import OrderedDict
from typing import Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

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
        numbers = x.to(self.mean.dtype)
        if numbers is x:
            return (x - self.mean) / self.deviation
        return numbers.sub_(self.mean).div_(self.deviation)  # nobody else has this copy

    def extra_repr(self) -> str:
        """The numbers, where there are few."""
        numbers = [torch.flatten(t).tolist() for t in (self.mean, self.deviation)]
        return "mean={}, deviation={}".format(*numbers) if len(numbers[0]) <= 4 else f"features={len(numbers[0])}"


class Prepared(Normalise):
    """Pictures as a body trained on others wants them: ``size`` × ``size``, one channel thrice, then normalised.

    The whole picture is stretched, bilinear, smoothed where it shrinks. Takes N×C×H×W, uint8 or floats of 0–255.
    """

    def __init__(self, mean: Tensor, deviation: Tensor, size: int) -> None:
        super().__init__(mean, deviation, dimensions=3)
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """N×3×size×size."""
        x = x.to(self.mean.dtype)
        if tuple(x.shape[2:]) != (self.size, self.size):
            shrinks = max(x.shape[2:]) > self.size
            x = F.interpolate(x, (self.size, self.size), mode="bilinear", antialias=shrinks)
        return (x - self.mean) / self.deviation

    def extra_repr(self) -> str:
        """The size, and the numbers."""
        return f"size={self.size}, {super().extra_repr()}"


class Frozen(nn.Sequential):
    """Layers that training leaves as they are.

    Their weights take no gradient, and they stay in eval mode whatever the model around them does: batch norm keeps
    its statistics, dropout is off.
    """

    def __init__(self, layers: nn.Sequential) -> None:
        # Not named_children(), which leaves out a layer that stands twice.
        super().__init__(OrderedDict((name, part) for name, part in layers._modules.items() if part is not None))
        self.requires_grad_(False)
        self.train(False)

    def train(self, mode: bool = True) -> Self:
        """Eval mode, in any case."""
        return super().train(False)


class Dropout(nn.Dropout):
    """Dropout whose random numbers cost little on the CPU; see :func:`kept`."""

    def forward(self, input: Tensor) -> Tensor:
        """As torch's: zeros with probability ``p`` in training, the rest divided by 1 − p."""
        return input * kept(input, self.p) if self.training and 0 < self.p < 1 else super().forward(input)


def kept(x: Tensor, p: float) -> Tensor:
    """A factor for each value of ``x``: 0 with probability ``p``, else 1 / (1 − p).

    On the CPU sixteen random bits decide: ``p`` is met to 1/65,536, in about half of torch's time.
    """
    if x.device.type != "cpu":
        return F.dropout(torch.ones_like(x), p)
    return (bits(x.shape) < below(p)).to(x.dtype).mul_(1 / (1 - p))


def bits(shape: tuple[int, ...], generator: torch.Generator | None = None) -> Tensor:
    """Sixteen random bits for each place of ``shape``, as int16."""
    n = math.prod(shape)
    drawn = torch.empty(-(-n // 4), dtype=torch.int64).random_(-(2**63), None, generator=generator)
    return drawn.view(torch.int16)[:n].view(shape)


def below(p: float) -> int:
    """The bits of a place that is kept, where a share ``p`` is not, are less than this."""
    return min(round((1 - p) * 2**16) - 2**15, 2**15 - 1)


class Mirrored(nn.Sequential):
    """Layers whose answer in eval mode is the mean of the logits of a picture and of its mirror image.

    For pictures that mean the same mirrored. The weights and their names are those of the plain Sequential; training
    is too. (Averaging over transformed copies: Krizhevsky et al. 2012, §4.1.)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Logits, N×C, of images N×C×H×W."""
        if self.training:
            return super().forward(input)
        both, n = super().forward(torch.cat([input, input.flip(-1)])), input.shape[0]
        return (both[:n] + both[n:]) / 2  # not chunk(2): an exported graph would be tied to one size of batch


def stack(layers: list[tuple[str, nn.Module | None]]) -> nn.Sequential:
    """A Sequential of the layers that are there, named ``conv1, relu1, …, logits``."""
    model = nn.Sequential()
    for name, layer in layers:
        if layer is not None:
            model.add_module(name, layer)
    return model
