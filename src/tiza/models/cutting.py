"""A network cut after one of its layers and given a new end; and how deep in it each weight lies."""

import copy
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

from tiza.config import Model, make
from tiza.errors import RequestError
from tiza.models.building import Built, devices_in_use
from tiza.models.layers import stack
from tiza.registry import lookup, register

NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)


@register("model", "cut")
def cut_model(
    shape: tuple[int, ...], classes: int, *, body: str | dict[str, Any] = "resnet18", at: str | None = None
) -> nn.Module:
    """A model of this list, cut after its layer ``at`` (the last but the logits), with a new end.

    ``body``: its name, or a dict with its name and options.
    """
    config = make(Model, body, "model.body")
    kept, _ = split(lookup("model", config.name).function(shape, classes, **config.options), at)
    return stack([("body", kept), ("head", head_for(outputs_of(kept, shape), classes))])


def cut(
    model: nn.Module, at: str, shape: tuple[int, ...], classes: int | None = None, *, seed: int = 0
) -> nn.Sequential:
    """``body``, the layers of ``model`` up to and with ``at``, and ``head``, a new end.

    ``shape`` (C×H×W or F) is that of a sample; ``classes``: how many the new end tells apart, by default as many as
    the model gave logits. The weights are copies; those of the head are drawn from ``seed``. Of
    what :func:`tiza.build` made, ``at`` is a layer of its body, and its normalisation stays in front. Raises
    :class:`TizaError` for a name that is no place to cut, with those that are.
    """
    built = isinstance(model, Built)  # a module of the user's own may have a part of the same name
    body, _ = split(copy.deepcopy(model.get_submodule("body") if built else model), at)
    first = copy.deepcopy(model.get_submodule("normalise")) if built else None
    size = outputs_of(body if first is None else nn.Sequential(first, body), shape)
    classes = outputs_of(model, shape)[0] if classes is None else classes
    with torch.random.fork_rng(devices=devices_in_use()):
        torch.manual_seed(seed)
        return stack([("normalise", first), ("body", body), ("head", head_for(size, classes))])


def head_for(shape: tuple[int, ...], classes: int) -> nn.Sequential:
    """What makes logits of features of this shape: C×H×W or F."""
    maps = len(shape) == 3
    return stack([
        ("mean", nn.AdaptiveAvgPool2d(1) if maps else None),
        ("flatten", nn.Flatten() if len(shape) > 1 else None),
        ("logits", nn.Linear(shape[0] if maps else torch.Size(shape).numel(), classes)),
    ])  # fmt: skip


def outputs_of(body: nn.Module, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of what ``body`` gives for one sample."""
    training = body.training
    with torch.no_grad():
        out: Tensor = body.eval()(torch.zeros(1, *shape))
    body.train(training)
    return tuple(out.shape[1:])


def cut_points(model: nn.Module) -> list[str]:
    """The layers after which ``model`` can be cut: those through which everything passes, one after another."""
    if not isinstance(model, nn.Sequential):
        return []
    names: list[str] = []
    for name, child in model._modules.items():  # named_children() leaves out a layer that stands there twice
        if child is not None:
            names += [name, *(f"{name}.{inner}" for inner in cut_points(child))]
    return names


def split(model: nn.Module, at: str | None, *, before: bool = False) -> tuple[nn.Sequential, nn.Sequential]:
    """The layers up to and with ``at`` (``before``: without it), and those after, each under its own name.

    ``at``: by default the layer before the last that has weights. What layers in succession add of their own, as
    asking for the mirror image too, is not kept. Raises :class:`TizaError` for a name that is no place to cut.
    """
    points = cut_points(model)
    if at is None:
        leaves = [name for name in points if not isinstance(model.get_submodule(name), nn.Sequential)]
        last = max((i for i, name in enumerate(leaves) if any(model.get_submodule(name).state_dict())), default=0)
        at = leaves[last - 1] if last else None
    if at not in points:
        raise _no_point(model, at, points)
    return _split(model, at, before)


def _no_point(model: nn.Module, at: str | None, points: list[str]) -> RequestError:
    names = ", ".join(points) or "–"
    inside = [name for name, _ in model.named_modules() if name and at and at.startswith(f"{name}.")]
    if at in dict(model.named_modules()) and inside:
        return RequestError("cut-inside", where="at", name=at, block=inside[-1], names=names)
    return RequestError("cut-unknown", where="at", name=at or "–", names=names)


def _split(model: nn.Module, at: str, before: bool) -> tuple[nn.Sequential, nn.Sequential]:
    here, _, inner = at.partition(".")
    first, rest, passed = nn.Sequential(), nn.Sequential(), False
    for name, child in plain(model)._modules.items():
        parts: tuple[nn.Module | None, nn.Module | None] = (None, child) if passed else (child, None)
        if name == here:
            assert child is not None
            passed = True
            parts = _split(child, inner, before) if inner else (None, child) if before else (child, None)
        for side, part in zip((first, rest), parts, strict=True):
            if part is not None and not (isinstance(part, nn.Sequential) and not len(part)):
                side.add_module(name, part)
    return first, rest


def plain(model: nn.Module) -> nn.Sequential:
    """The same layers in succession, and nothing else about it: neither frozen nor asked twice."""
    layers = OrderedDict((name, child) for name, child in model._modules.items() if child is not None)
    return nn.Sequential(OrderedDict(
        (name, plain(child) if isinstance(child, nn.Sequential) else child) for name, child in layers.items()
    ))  # fmt: skip


def depths(model: nn.Module) -> dict[int, int]:
    """Of each parameter that learns, by ``id``, how many layers that learn come after its own: 0 at the logits.

    A block whose paths join again is one layer, a norm belongs to the layer before it. Of a module of the user's own,
    the parts that it holds are its layers, in the order in which they were assigned.
    """
    layers: list[list[int]] = []

    def walk(module: nn.Module, *, inside: bool) -> None:
        learnt = [id(p) for p in module.parameters(recurse=not inside) if p.requires_grad]
        if inside:
            for child in module.children():
                walk(child, inside=isinstance(child, nn.Sequential))
        if learnt and isinstance(module, NORMS) and layers:
            layers[-1] += learnt
        elif learnt:
            layers.append(learnt)

    for part in model.children() if isinstance(model, Built) else [model]:
        walk(part, inside=True)
    return {parameter: depth for depth, layer in enumerate(reversed(layers)) for parameter in layer}
