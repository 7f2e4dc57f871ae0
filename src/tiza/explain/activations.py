"""Activation functions and their derivatives."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from tiza.models.layers import ACTIVATIONS

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    **{name: kind() for name, kind in ACTIVATIONS.items()},
    "step": lambda x: (x.sign() + 1) / 2,  # not a comparison, of which autograd knows no derivative
    "softplus": nn.Softplus(),
    "gelu": nn.GELU(),
}


@dataclass(frozen=True)
class Curve:
    """Values ``y`` of a function at ``x``, and its ``slope`` there."""

    x: np.ndarray
    y: np.ndarray
    slope: np.ndarray


def activations(low: float = -4.0, high: float = 4.0, n: int = 800) -> dict[str, Curve]:
    """Every activation at ``n`` places from ``low`` to ``high``; the derivatives are autograd's."""
    curves = {}
    for name, function in FUNCTIONS.items():
        x = torch.linspace(low, high, n, dtype=torch.float64, requires_grad=True)
        y = function(x)
        (slope,) = torch.autograd.grad(y.sum(), x)
        curves[name] = Curve(x.detach().numpy(), y.detach().numpy(), slope.numpy())
    return curves
