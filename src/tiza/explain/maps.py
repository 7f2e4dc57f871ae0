"""What comes out of a layer for one picture: its feature maps, or its units."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tiza import runs
from tiza.errors import RequestError
from tiza.explain.layers import layer_of, layers_of, outputs_of
from tiza.explain.watching import called, look


@dataclass(frozen=True)
class Maps:
    """The ``values`` that ``layer`` gives for ``image`` (uint8 C×H×W): K×h×w maps, or K units.

    ``name``: what to call the image; ``label``: its class, None for what is of no data set; ``answer``: the model's,
    with its ``probability``.
    """

    layer: str
    values: np.ndarray
    image: np.ndarray
    name: str
    label: str | None
    answer: str
    probability: float

    @property
    def are_maps(self) -> bool:
        """Whether the values have a place in the image."""
        return self.values.ndim == 3

    @cached_property
    def strength(self) -> np.ndarray:
        """The largest size |value| of each map or unit, (K)."""
        return np.abs(self.values).reshape(len(self.values), -1).max(1)

    @property
    def strongest(self) -> int:
        """The map or unit with the largest of them."""
        return int(self.strength.argmax())

    def heat(self, k: int | None = None) -> np.ndarray:
        """Where map ``k`` is large, or all maps are in the mean of their sizes |value|; at each pixel, H×W.

        From 0 where a map's place is least to 1 where it is most; between the places interpolated, bilinearly.
        """
        sizes = np.abs(self.values if k is None else self.values[k : k + 1]).mean(0)
        scaled = torch.from_numpy((sizes - sizes.min()) / (np.ptp(sizes) or 1))
        return F.interpolate(scaled[None, None], self.image.shape[1:], mode="bilinear")[0, 0].numpy()

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it."""
        plain = {
            "layer": self.layer, "name": self.name, "label": self.label, "answer": self.answer,
            "probability": self.probability, "shape": list(self.values.shape), "strength": self.strength.tolist(),
            "values": self.values.tolist(),
        }  # fmt: skip
        return plain | {"heat": self.heat().tolist()} if self.are_maps else plain


def maps(
    of: "str | Path | runs.Run | nn.Module", what: Any, layer: str | None = None, *, split: str = "valid",
    data: Any = None, model: nn.Module | None = None,
) -> Maps:  # fmt: skip
    """The feature maps of a layer, by default the first convolution, for one picture.

    ``of``, ``what``, ``split``, ``data`` and ``model`` as for :func:`look`: a sample by its number, a picture file or
    an array. A layer after which nothing has a place in the picture any more gives units. Raises :class:`TizaError`
    as that does, for a model of a table, for an unknown layer, and for one that takes no part.
    """
    seen = look(of, what, split=split, data=data, model=model)
    if len(seen.data.shape) != 3:
        raise RequestError("maps-table", where=called(of), n=seen.data.shape[0])
    layer = layer or first_layer(seen.model)
    layer_of(seen.model, layer)
    classes = seen.data.classes
    with torch.inference_mode():
        x = seen.x[None]
        found = values_of(outputs_of(seen.model, [layer], x).get(layer), layer)
        chances = seen.model(x)[0].double().softmax(-1)
    best = int(chances.argmax())
    return Maps(
        layer, found, seen.x.numpy(), seen.name, None if seen.label is None else classes[seen.label], classes[best],
        float(chances[best]),
    )  # fmt: skip


def first_layer(model: nn.Module) -> str:
    """The first convolution, else the first linear layer, else the first layer of all."""
    layers = layers_of(model)
    kinds = nn.Conv2d, nn.Linear, nn.Module
    return next(name for kind in kinds for name, layer in layers.items() if isinstance(layer, kind))


def values_of(output: Any, layer: str) -> np.ndarray:
    """What a layer gave for one sample, K×h×w or K; of a picture and its mirror image, for the picture.

    Raises :class:`TizaError` for a layer that gave nothing, or no maps or units.
    """
    while isinstance(output, (tuple, list)) and output:
        output = output[0]
    if not isinstance(output, Tensor):
        raise RequestError("layer-silent", where="--layer", name=layer)
    if output.ndim not in (2, 4):
        raise RequestError("layer-form", where="--layer", name=layer, shape="×".join(map(str, output.shape[1:])))
    return output[0].float().numpy().copy()
