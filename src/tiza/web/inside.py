"""What goes on inside a network while one draws for it: kernels, feature maps, and the units that answer most."""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tiza import runs
from tiza.errors import RequestError
from tiza.explain.kernels import Kernels, kernels
from tiza.explain.layers import inside, layer_of, layers_of
from tiza.explain.maps import first_layer, maps
from tiza.explain.shapes import shapes
from tiza.explain.units import input_weights
from tiza.web.samples import SIDE, data_for, prepared

MOST_MAPS, MOST_UNITS = 24, 12  # that are shown
FULL = 127  # what the largest size among the values that go together becomes
PASSING = ("Dropout", "Identity", "Flatten")  # what comes out of these came out of another layer


def about(run: runs.Run, layer: str | None) -> dict[str, Any]:
    """The layers that one can look into; of one of them, by default the first, what does not depend on the picture."""
    restored = runs.restore(run)
    if restored.manifest.form.get("form") in (None, "table"):
        raise RequestError("predict-table", where=run.name)
    rows = shapes(inside(restored.model), restored.manifest.shape)
    layers = {row.name: row.after for row in rows if len(row.after) in (1, 3) and row.type not in PASSING}
    first = first_layer(restored.model)
    name = layer or (first if first in layers else next(iter(layers), ""))
    if name not in layers:
        raise RequestError("layer-unknown", where="layer", name=name[:60], names=", ".join(layers))
    count, *sides = layers[name]
    weights = _weights(restored.model, name, torch.zeros(1, *restored.manifest.shape, dtype=torch.uint8))
    return {
        "layers": [{"name": each, "shape": list(shape)} for each, shape in layers.items()], "layer": name,
        "count": count, "shown": min(count, MOST_MAPS if sides else MOST_UNITS), "shape": _at_most(sides),
        "kernels": _kernels(restored.model, name), "weighed": weights is not None,
    }  # fmt: skip


def answered(run: runs.Run, layer: str | None, picture: bytes) -> dict[str, Any]:
    """What comes out of a layer for a picture file's content: its first maps, or the units with the largest values.

    The weights are those that these units have for the picture's pixels, where they see them.
    """
    restored = runs.restore(run)
    image = prepared(run, restored.manifest.form, picture)
    layer = layer or first_layer(restored.model)
    if image is None:
        return {"layer": layer, "numbers": [], "maps": None, "units": None, "weights": None}
    of = maps(restored.model, image, layer, data=data_for(run))
    if of.are_maps:
        values = torch.from_numpy(of.values[:MOST_MAPS])[None]
        small = F.interpolate(values, _at_most(of.values.shape[1:]), mode="area")[0].numpy()
        return {"layer": layer, "numbers": list(range(len(small))), "maps": _small(small), "units": None,
                "weights": None}  # fmt: skip
    order = np.argsort(-of.values, kind="stable")[:MOST_UNITS]
    weights = _weights(restored.model, layer, torch.from_numpy(image)[None])
    return {
        "layer": layer, "numbers": order.tolist(), "maps": None, "units": of.values[order].astype(float).tolist(),
        "weights": None if weights is None else _small(weights[order].mean(1)),
    }  # fmt: skip


def _kernels(model: nn.Module, layer: str) -> dict[str, Any] | None:
    """The kernels of a convolution that sees the picture itself."""
    convolutions = [name for name, each in layers_of(model).items() if isinstance(each, nn.Conv2d)]
    if layer != next(iter(convolutions), None):
        return None
    of: Kernels = kernels(model, layer)
    if of.weights.shape[1] > 1 and not of.colour:
        return None
    return _small(of.weights[:MOST_MAPS])


def _weights(model: nn.Module, layer: str, x: torch.Tensor) -> np.ndarray | None:
    """The weights of a dense layer for the pixels of the picture ``x``, if it sees them."""
    found = layer_of(model, layer)
    return input_weights(model, found, x) if isinstance(found, nn.Linear) else None


def _at_most(sides: Any) -> list[int]:
    """Height and width as they are shown; none for units."""
    scale = min(1.0, SIDE / max(sides, default=1))
    return [max(1, round(side * scale)) for side in sides]


def _small(values: np.ndarray) -> dict[str, Any]:
    """Values N×… as whole numbers from −127 to 127, a list each, and the size that 127 stands for."""
    most = float(np.abs(values).max(initial=0))
    small = np.rint(values / (most or 1) * FULL).astype(int).reshape(len(values), -1)
    return {"shape": list(values.shape[1:]), "values": small.tolist(), "most": most}
