"""The layers of a model by name, and what comes out of them."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from tiza.data.rows import Rows
from tiza.errors import RequestError
from tiza.models.building import Built, device_of, in_passes


def inside(model: nn.Module) -> nn.Module:
    """The network itself: of what ``build`` made, its body."""
    return model.get_submodule("body") if isinstance(model, Built) else model


def layers_of(model: nn.Module) -> dict[str, nn.Module]:
    """Every named part of ``model``, blocks and layers, from input to output; of what ``build`` made, its body's.

    The names are those that ``tiza explain shapes`` prints: ``conv1``, ``stage1.block1.conv2``, ``logits``; a model
    that is one layer calls it ``model``.
    """
    body = inside(model)
    return {name: layer for name, layer in body.named_modules() if name} or {"model": body}


Types = type[nn.Module] | tuple[type[nn.Module], ...]


def layer_of(model: nn.Module, name: str, *, of: Types = nn.Module) -> nn.Module:
    """The layer called ``name``, of one of the types ``of``; raises :class:`TizaError` with the names there are."""
    known = {key: layer for key, layer in layers_of(model).items() if isinstance(layer, of)}
    if name not in known:
        raise RequestError("layer-unknown", where="--layer", name=name, names=", ".join(known) or "–")
    return known[name]


def last_of(model: nn.Module, of: Types) -> str | None:
    """The name of the last layer of one of the types ``of``, if there is one."""
    return next((name for name, layer in reversed(layers_of(model).items()) if isinstance(layer, of)), None)


def outputs_of(model: nn.Module, names: Iterable[str], x: Tensor) -> dict[str, Tensor]:
    """What each of the layers ``names`` gives for the raw samples ``x`` (N×…), with its gradient's way back to them.

    The model is run once, as it is (in the mode that it is in). Raises :class:`TizaError` for a name that it has not.
    """
    return run_through(model, names, x)[1]


def run_through(model: nn.Module, names: Iterable[str], x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """What the model gives for ``x``, and the outputs of the layers ``names``, in the order in which they end.

    Of a layer that is called more than once, its first output. One that works in place changes a copy.
    """
    found: dict[str, Tensor] = {}

    def keep(name: str, output: Any) -> Any:
        found.setdefault(name, output)
        return output.clone() if isinstance(output, Tensor) else output

    hooks = [
        layer_of(model, name).register_forward_hook(lambda _m, _i, out, name=name: keep(name, out)) for name in names
    ]
    try:
        return model(x), found
    finally:
        for hook in hooks:
            hook.remove()


def answers(model: nn.Module, x: Tensor | Rows, *, at_once: int = 1000) -> Tensor:
    """Logits (N×C, float64, on the CPU) of the raw samples ``x`` (N×…), in eval mode, some at a time."""
    device = device_of(model)
    with torch.inference_mode():
        return torch.cat([model.eval()(some.to(device)).double().cpu() for some in in_passes(model, x, at_once)])
