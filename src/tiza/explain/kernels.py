"""The kernels of a convolution: what each of its maps looks for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from tiza import runs
from tiza.errors import RequestError
from tiza.explain.layers import layer_of, layers_of
from tiza.explain.watching import called


@dataclass(frozen=True)
class Kernels:
    """The ``weights`` (K×C×h×w) of the convolution ``layer``: K kernels over C input channels (of a group, C of each).

    ``colour``: the three channels are those of a picture. ``channel``: the input channel that is looked at; None where
    it is of each kernel the one with the largest weights.
    """

    layer: str
    weights: np.ndarray
    colour: bool
    channel: int | None

    @property
    def strength(self) -> np.ndarray:
        """The length of each kernel as a vector, √Σw², (K)."""
        return np.sqrt((self.weights.astype(np.float64) ** 2).sum((1, 2, 3)))

    @property
    def channels(self) -> np.ndarray:
        """The input channel that each kernel is shown over, (K)."""
        if self.channel is not None:
            return np.full(len(self.weights), self.channel)
        return (self.weights.astype(np.float64) ** 2).sum((2, 3)).argmax(1)

    @property
    def slices(self) -> np.ndarray:
        """Each kernel over that channel, (K×h×w)."""
        return self.weights[np.arange(len(self.weights)), self.channels]

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it."""
        return {
            "layer": self.layer, "shape": list(self.weights.shape), "colour": self.colour,
            "channels": self.channels.tolist(), "strength": self.strength.tolist(), "weights": self.weights.tolist(),
        }  # fmt: skip


def kernels(
    of: "str | Path | runs.Run | nn.Module", layer: str | None = None, *, channel: int | None = None,
    model: nn.Module | None = None,
) -> Kernels:  # fmt: skip
    """The kernels of a convolution of a run or a module, by default its first; of one input ``channel`` if asked for.

    ``model``: the user's module, for runs recorded as external. Raises :class:`TizaError` for a model without
    convolutions, for a layer that is none, and for a channel that it has not.
    """
    module = of if isinstance(of, nn.Module) else runs.restore(of, model=model).model
    first = next((name for name, each in layers_of(module).items() if isinstance(each, nn.Conv2d)), None)
    if first is None:
        raise RequestError("no-convolution", where=called(of))
    found = layer_of(module, layer or first, of=nn.Conv2d)
    assert isinstance(found, nn.Conv2d)
    weights = found.weight.detach().cpu().float().numpy().copy()
    if channel is not None and not 0 <= channel < weights.shape[1]:
        raise RequestError(
            "kernel-channel", where="--channel", layer=layer or first, n=channel, last=weights.shape[1] - 1
        )
    return Kernels(layer or first, weights, (layer or first) == first and weights.shape[1] == 3, channel)


def strongest(strength: np.ndarray, most: int) -> np.ndarray:
    """The places of the ``most`` largest values, in their own order."""
    return np.sort(np.argsort(-strength, kind="stable")[:most])
