"""Where the weights of a model begin."""

from collections.abc import Callable
from typing import Any, Literal

from torch import nn

Init = Literal["default", "zeros", "truncated-normal", "kaiming"]

SIGMA = 0.1  # of the truncated normal, document 002's
_WEIGHTS: dict[Init, Callable[..., Any]] = {
    "zeros": nn.init.zeros_,
    "truncated-normal": lambda weight: nn.init.trunc_normal_(weight, std=SIGMA, a=-2 * SIGMA, b=2 * SIGMA),
    "kaiming": lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu"),
}


def initialise(model: nn.Module, how: Init) -> nn.Module:
    """The model, the weights of its linear and convolutional layers drawn anew and their biases 0.

    ``default``: left as torch draws them. ``truncated-normal``: σ 0.1, nothing beyond 2 σ. ``kaiming``: normal, with
    variance 2 / inputs, which keeps the scale of what passes through ReLUs (K. He et al., arXiv:1502.01852).
    """
    if how != "default":
        for layer in model.modules():
            if isinstance(layer, (nn.Linear, nn.Conv2d)):
                _WEIGHTS[how](layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
    return model
