"""One value of a layer from the numbers that go into it, for each kind of layer that has such a form.

Sizes and places are those of one sample: C×H×W and (channel, row, column), or F and (unit), counted from 0.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules import batchnorm, conv, dropout, pooling

from tiza.explain.calls import Add, Call
from tiza.explain.shapes import each, padding_of
from tiza.models.layers import Mirrored, Normalise

Place = tuple[int, ...]


@dataclass(frozen=True)
class Worked:
    """How the value of a layer ``at`` one place comes about, float64; by ``kind``, from its K ``inputs``:

    - ``sample``: the value itself
    - ``normalise``: (input − mean) / deviation
    - ``dense``, ``conv``: Σ weight · input + bias; ``window``: how the K lie, channels first
    - ``norm``: (input − mean) / √(variance + epsilon) · weight + bias
    - ``relu``, ``leaky-relu`` (slope), ``sigmoid``, ``tanh`` of the input
    - ``max``; ``mean``: Σ input / count; ``add``: Σ input
    - ``same``: the input as it is (flatten; dropout, which does nothing in eval mode)
    - ``shape``: no such form; only the sizes ``before`` and ``after`` are told, and ``at`` is None.

    ``places``: where each input stands in what ``sources`` gave; None for padding, which is 0. ``sources``: the number
    of the layer that made the inputs, one for all or one for each; None for what came otherwise. ``followed``: the
    input whose own coming about is worked before.
    """

    name: str
    type: str
    kind: str
    before: tuple[int, ...]
    after: tuple[int, ...]
    at: Place | None = None
    value: float | None = None
    inputs: tuple[float, ...] = ()
    places: tuple[Place | None, ...] = ()
    weights: tuple[float, ...] = ()
    constants: dict[str, float] = field(default_factory=dict)
    window: tuple[int, ...] = ()
    sources: tuple[int | None, ...] = ()
    followed: int | None = None

    @property
    def products(self) -> tuple[float, ...]:
        """Weight by input, of dense layers and convolutions."""
        return tuple(w * x for w, x in zip(self.weights, self.inputs, strict=True)) if self.weights else ()

    def source(self, k: int) -> int | None:
        """The number of the layer that made input ``k``."""
        return self.sources[k if len(self.sources) > 1 else 0] if self.sources else None


@torch.no_grad()
def worked(call: Call, at: Place, follow: Place | None = None) -> Worked:
    """The value of a call's output ``at`` a place; ``follow``: which input to work before, if not the weightiest."""
    layer, x = call.layer, call.inputs[0] if call.inputs else call.output
    facts: dict[str, Any] = {
        "name": call.name, "type": type(layer).__name__ if layer else call.name, "sources": call.sources,
        "before": tuple(x.shape), "after": tuple(call.output.shape),
    }  # fmt: skip
    form = _form(call, x, at)
    if form is None:
        return Worked(kind="shape", **facts)
    given = call.inputs if len(call.inputs) > 1 else (x,) * len(form.places)
    inputs = [0.0 if place is None else float(of[place]) for of, place in zip(given, form.places, strict=True)]
    effects = [w * i for w, i in zip(form.weights or (1.0,) * len(inputs), inputs, strict=True)]
    sizes = effects if form.kind == "max" else [abs(effect) for effect in effects]
    unknown = [place is None for place in form.places]
    if len(call.sources) > 1:
        unknown = [source is None for source in call.sources]
    sizes = [-math.inf if nothing else size for nothing, size in zip(unknown, sizes, strict=True)]
    followed = form.places.index(follow) if follow and follow in form.places else int(np.argmax(sizes))
    return Worked(
        kind=form.kind, at=at, value=_value(form, inputs), inputs=tuple(inputs), places=form.places,
        weights=form.weights, constants=form.constants, window=form.window,
        followed=followed if call.sources and form.places[followed] is not None else None, **facts,
    )  # fmt: skip


@dataclass(frozen=True)
class _Form:
    """What a kind of layer does with the inputs at some places."""

    kind: str
    places: tuple[Place | None, ...]
    weights: tuple[float, ...] = ()
    constants: dict[str, float] = field(default_factory=dict)
    window: tuple[int, ...] = ()


def _form(call: Call, x: Tensor, at: Place) -> _Form | None:
    """How the layer makes the value ``at`` a place from its input ``x``, where that can be written down."""
    match layer := call.layer:
        case None if call.name == "sample":
            return _Form("sample", (at,))
        case Normalise():
            mean, deviation = (float(of.broadcast_to(x.shape)[at]) for of in (layer.mean, layer.deviation))
            return _Form("normalise", (at,), constants={"mean": mean, "deviation": deviation})
        case nn.Linear():
            places = tuple((*at[:-1], k) for k in range(layer.in_features))
            bias = float(layer.bias[at[-1]]) if layer.bias is not None else 0.0
            return _Form("dense", places, tuple(layer.weight[at[-1]].tolist()), {"bias": bias})
        case conv._ConvNd() if not layer.transposed and layer.padding_mode == "zeros":
            return _convolution(layer, x, at)
        case batchnorm._BatchNorm() if layer.running_mean is not None and layer.running_var is not None:
            c = at[0]
            weight, bias = (float(of[c]) if of is not None else k for of, k in ((layer.weight, 1.0), (layer.bias, 0.0)))
            mean, variance = float(layer.running_mean[c]), float(layer.running_var[c])
            constants = {"mean": mean, "variance": variance, "epsilon": layer.eps, "weight": weight, "bias": bias}
            return _Form("norm", (at,), constants=constants)
        case nn.ReLU() | nn.Sigmoid() | nn.Tanh():
            return _Form(type(layer).__name__.lower(), (at,))
        case nn.LeakyReLU():
            return _Form("leaky-relu", (at,), constants={"slope": layer.negative_slope})
        case pooling._MaxPoolNd() | pooling._AvgPoolNd() | pooling._AdaptiveMaxPoolNd() | pooling._AdaptiveAvgPoolNd():
            return _pooling(layer, x, at, call.output)
        case Add() if len(call.inputs) == 2 and call.inputs[0].shape == call.inputs[1].shape:
            return _Form("add", (at, at))
        case Mirrored():
            return _Form("mean", (at, at), constants={"count": 2})
        case nn.Flatten() if x.numel() == call.output.numel():
            flat = int(np.ravel_multi_index(at, tuple(call.output.shape)))
            return _Form("same", (_place(flat, x.shape),))
        case nn.Identity() | dropout._DropoutNd():
            return _Form("same", (at,))
    return None


def _place(flat: int, shape: Sequence[int]) -> Place:
    return tuple(int(i) for i in np.unravel_index(flat, tuple(shape)))


def _convolution(layer: conv._ConvNd, x: Tensor, at: Place) -> _Form:
    """The window of all input channels of the kernel's group; PyTorch's convolution does not turn the kernel round."""
    sides = x.ndim - 1
    before, own = layer.in_channels // layer.groups, at[0] // (layer.out_channels // layer.groups)
    stride, dilation = each(layer.stride, sides), each(layer.dilation, sides)
    first = [i * s - pad // 2 for i, s, pad in zip(at[1:], stride, padding_of(layer, sides), strict=True)]
    places = []
    for channel, *steps in itertools.product(*map(range, layer.weight.shape[1:])):
        spot = [start + step * d for start, step, d in zip(first, steps, dilation, strict=True)]
        inside = all(0 <= i < side for i, side in zip(spot, x.shape[1:], strict=True))
        places.append((own * before + channel, *spot) if inside else None)
    bias = float(layer.bias[at[0]]) if layer.bias is not None else 0.0
    weights = tuple(layer.weight[at[0]].flatten().tolist())
    return _Form("conv", tuple(places), weights, {"bias": bias}, tuple(layer.weight.shape[1:]))


def _pooling(layer: nn.Module, x: Tensor, at: Place, output: Tensor) -> _Form | None:
    """The window of one channel, of which the largest value or the mean is taken."""
    sides = x.ndim - 1
    if isinstance(layer, (pooling._AdaptiveMaxPoolNd, pooling._AdaptiveAvgPoolNd)):
        spans = [
            range(i * side // after, -(-(i + 1) * side // after))
            for i, side, after in zip(at[1:], x.shape[1:], output.shape[1:], strict=True)
        ]
        whole = math.prod(map(len, spans))
    else:
        names = ("kernel_size", "stride", "padding", "dilation")
        sizes = zip(at[1:], x.shape[1:], *(each(getattr(layer, name, 1), sides) for name in names), strict=True)
        spans, whole = [], 1
        for i, side, kernel, stride, pad, dilation in sizes:
            start = i * stride - pad
            spans.append([spot for spot in range(start, start + kernel * dilation, dilation) if 0 <= spot < side])
            whole *= min(start + kernel, side + pad) - start  # padding counts, what ceil_mode adds beyond it does not
    places = tuple((at[0], *spot) for spot in itertools.product(*spans))
    if isinstance(layer, (pooling._MaxPoolNd, pooling._AdaptiveMaxPoolNd)):
        return _Form("max", places)
    count = whole if getattr(layer, "count_include_pad", True) else len(places)
    return _Form("mean", places, constants={"count": getattr(layer, "divisor_override", None) or count})


def _value(form: _Form, inputs: Sequence[float]) -> float:
    """What comes of the inputs."""
    x, of = inputs[0], form.constants
    match form.kind:
        case "normalise":
            return (x - of["mean"]) / of["deviation"]
        case "dense" | "conv":
            return math.fsum(w * i for w, i in zip(form.weights, inputs, strict=True)) + of["bias"]
        case "norm":
            return (x - of["mean"]) / math.sqrt(of["variance"] + of["epsilon"]) * of["weight"] + of["bias"]
        case "relu":
            return max(0.0, x)
        case "leaky-relu":
            return x if x > 0 else of["slope"] * x
        case "sigmoid":
            return 1 / (1 + math.exp(-x)) if x > -700 else 0.0
        case "tanh":
            return math.tanh(x)
        case "max":
            return max(inputs)
        case "mean":
            return math.fsum(inputs) / of["count"]
        case "add":
            return math.fsum(inputs)
    return x
