"""The size of a sample after every layer of a model, and a convolution worked cell by cell."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules import conv, pooling

from tiza.errors import RequestError
from tiza.i18n import number
from tiza.models.building import answers_of, device_of


@dataclass(frozen=True)
class Row:
    """One layer at work: the sizes of a sample ``before`` and ``after`` it, and what it costs.

    ``formula``: how the size comes about, filled in (height first, where height and width differ); empty for layers
    that keep it. ``parameters`` counts each once, at the first layer that uses it; ``multiply_adds`` are those of
    convolutions and dense layers, the others' being few.
    """

    name: str
    type: str
    before: tuple[int, ...]
    after: tuple[int, ...]
    formula: str
    parameters: int
    multiply_adds: int

    @property
    def values(self) -> int:
        """How many numbers come out."""
        return math.prod(self.after)


def shapes(model: nn.Module, shape: Sequence[int]) -> list[Row]:
    """One row per layer in the order of execution, for one sample of ``shape`` (C×H×W or F).

    A layer is a module without children, or with parameters of its own. Raises :class:`TizaError` when the model can't
    take such a sample.
    """
    rows: list[Row] = []
    seen: set[int] = set()

    def row(name: str, layer: nn.Module, inputs: Any, output: Any) -> None:
        before, after = _size(inputs), _size(output)
        own = [p for p in layer.parameters(recurse=False) if id(p) not in seen]
        seen.update(map(id, own))
        filled = _formula(layer, before, after)
        parameters, work = sum(p.numel() for p in own), _multiply_adds(layer, before, after)
        rows.append(Row(name or "model", type(layer).__name__, before, after, filled, parameters, work))

    hooks = [
        layer.register_forward_hook(lambda m, x, y, name=name: row(name, m, x, y))
        for name, layer in model.named_modules()
        if not list(layer.children()) or list(layer.parameters(recurse=False))
    ]
    device = device_of(model)
    try:
        answers_of(model, torch.zeros(1, *shape, device=device))
    finally:
        for hook in hooks:
            hook.remove()
    return rows


def _size(value: Any) -> tuple[int, ...]:
    """The shape of the first tensor there, without the batch."""
    while isinstance(value, (tuple, list)) and value:
        value = value[0]
    return tuple(value.shape[1:]) if isinstance(value, Tensor) else ()


def _formula(layer: nn.Module, before: tuple[int, ...], after: tuple[int, ...]) -> str:
    match layer:
        case nn.Flatten():
            return f"{' · '.join(map(str, before))} = {math.prod(after)}"
        case conv._ConvTransposeNd():
            return ""
        case conv._ConvNd() | pooling._MaxPoolNd() | pooling._AvgPoolNd():
            sides = len(after) - 1
            steps = (each(getattr(layer, name, 1), sides) for name in ("kernel_size", "stride", "dilation"))
            up = bool(getattr(layer, "ceil_mode", False))
            numbers = zip(before[1:], *steps, padding_of(layer, sides), after[1:], strict=True)
            return "; ".join(dict.fromkeys(size_formula(*of, up=up) for of in numbers))
    return ""


def size_formula(
    size: int, kernel: int, stride: int, dilation: int, padding: int, out: int, *, up: bool = False
) -> str:
    """⌊(W − F + 2P) / S⌋ + 1 filled in; ``padding`` is that of both sides together, 2P.

    A dilated kernel reaches over d·(F − 1) + 1. ``up``: rounded up, less one window if that began outside.
    """
    reach = f"{kernel}" if dilation == 1 else f"({dilation}·({kernel} − 1) + 1)"
    pad = f"2·{padding // 2}" if padding % 2 == 0 else f"{padding}"
    left, right = "⌈⌉" if up else "⌊⌋"
    windows = size - dilation * (kernel - 1) - 1 + padding
    outside = (-(-windows // stride) if up else windows // stride) + 1 - out
    return f"{left}({size} − {reach} + {pad}) / {stride}{right} + 1{f' − {outside}' if outside else ''} = {out}"


def padding_of(layer: nn.Module, sides: int) -> tuple[int, ...]:
    """What is added to each side's length."""
    if isinstance(layer.padding, str):  # "same": as far as the kernel reaches; "valid": none
        kernel, dilation = each(layer.kernel_size, sides), each(layer.dilation, sides)
        return tuple(d * (k - 1) * (layer.padding == "same") for k, d in zip(kernel, dilation, strict=True))
    return tuple(2 * pad for pad in each(layer.padding, sides))


def each(value: Any, sides: int) -> tuple[int, ...]:
    """A layer's setting for each of ``sides``: its own, or the one number that stands for all."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    return values * sides if len(values) == 1 else values


def _multiply_adds(layer: nn.Module, before: tuple[int, ...], after: tuple[int, ...]) -> int:
    """The weights, each used once per position."""
    match layer:
        case conv._ConvTransposeNd():
            return layer.weight.numel() * math.prod(before[1:])
        case conv._ConvNd():
            return layer.weight.numel() * math.prod(after[1:])
        case nn.Linear():
            return layer.weight.numel() * math.prod(after[:-1])
    return 0


@dataclass(frozen=True)
class Convolution:
    """A ``kernel`` laid over ``image`` (with its ``padded`` border); ``worked[i][j]`` is the sum behind ``result``."""

    image: list[list[float]]
    kernel: list[list[float]]
    padded: list[list[float]]
    result: list[list[float]]
    worked: list[list[str]]


def convolve(
    image: Any, kernel: Any, *, stride: int = 1, padding: int | Literal["valid", "same", "full"] = 0
) -> Convolution:
    """``kernel`` over ``image``, both H×W, each cell of the result as its sum of products.

    The kernel is not turned round: what networks call a convolution is a cross-correlation. ``padding``: zeros on each
    side; ``valid`` none, ``same`` as many as keep the size at stride 1, ``full`` as many as let every overlap count.
    Raises :class:`TizaError` when these are no tables of numbers or the kernel does not fit.
    """
    try:
        x, k = (torch.as_tensor(values, dtype=torch.float64) for values in (image, kernel))
        pads = [border(side, padding) for side in reversed(k.shape)]
        padded = F.pad(x, [n for pair in pads for n in pair])
        result = F.conv2d(padded[None, None], k[None, None], stride=stride)[0, 0]
    except (RuntimeError, ValueError, TypeError, KeyError) as error:
        raise RequestError("convolve", where="kernel", reason=str(error).splitlines()[0]) from error
    height, width = k.shape
    worked = [
        [
            _products(padded[i * stride : i * stride + height, j * stride : j * stride + width], k, float(total))
            for j, total in enumerate(row)
        ]
        for i, row in enumerate(result)
    ]
    return Convolution(x.tolist(), k.tolist(), padded.tolist(), result.tolist(), worked)


def border(side: int, padding: int | str) -> tuple[int, int]:
    """Zeros before and after, for a kernel that is ``side`` long."""
    if isinstance(padding, int):
        if padding < 0:
            raise ValueError(f"padding {padding}")
        return padding, padding
    more = {"valid": 0, "same": side - 1, "full": 2 * (side - 1)}[padding]
    return more // 2, more - more // 2


def _products(window: Tensor, kernel: Tensor, total: float) -> str:
    pairs = zip(window.flatten().tolist(), kernel.flatten().tolist(), strict=True)
    products = " + ".join(f"{number(a, 'g')}·{number(b, 'g')}" for a, b in pairs)
    return f"{products} = {number(total, 'g')}"
