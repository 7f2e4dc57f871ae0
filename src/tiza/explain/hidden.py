"""What samples look like to a network: the outputs of one of its layers, by default the last hidden one."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tiza.data.rows import Rows
from tiza.explain.layers import layer_of, layers_of, run_through
from tiza.models.building import device_of, in_passes

AT_ONCE = 500  # samples in one pass


def hidden(model: nn.Module, x: Tensor | Rows, layer: str | None = None) -> tuple[str, np.ndarray]:
    """The outputs of ``layer`` for the raw samples ``x`` (N×…), N×D float32; and the layer's name.

    Without a layer, what enters the one that gives the logits; its name is that of the layer which gave it, or
    ``→ logits`` where something in between has no name. Maps are laid flat. Of a mirrored network the mean over the
    picture and its mirror image, turned back. Raises :class:`TizaError` for a layer that the model has not.
    """
    model = model.eval()
    if layer is None:
        layer, before = _last(model, torch.as_tensor(x[:2]))
    else:
        layer_of(model, layer)
        before = None
    found = [_values(model, torch.as_tensor(some), layer, before) for some in in_passes(model, x, AT_ONCE)]
    return layer, torch.cat(found).numpy()


def _values(model: nn.Module, x: Tensor, layer: str, before: nn.Module | None) -> Tensor:
    """The outputs of the layer, or what enters ``before``, N×D."""
    seen: list[Any] = []
    with torch.no_grad():
        if before is None:
            output = run_through(model, [layer], x.to(device_of(model)))[1][layer]
        else:
            hook = before.register_forward_pre_hook(lambda _m, inputs: seen.append(inputs[0]))
            try:
                model(x.to(device_of(model)))
            finally:
                hook.remove()
            output = seen[0]
    if len(output) == 2 * len(x):
        plain, turned = output.chunk(2)
        output = (plain + (turned.flip(-1) if turned.ndim == 4 else turned)) / 2
    return output.float().flatten(1).cpu()


def _last(model: nn.Module, x: Tensor) -> tuple[str, nn.Module]:
    """What to call the last hidden layer, and the layer that takes its outputs and gives the logits."""
    leaves = {name: layer for name, layer in layers_of(model).items() if not list(layer.children())}
    with torch.no_grad():
        outputs = run_through(model, leaves, x.to(device_of(model)))[1]
    *names, head = outputs
    entering = _values(model, x, head, leaves[head])
    given = [name for name in names if _same(outputs[name], entering) and not isinstance(leaves[name], nn.Flatten)]
    return (given[0] if given else f"→ {head}"), leaves[head]


def _same(output: Any, entering: Tensor) -> bool:
    return isinstance(output, Tensor) and torch.equal(output.float().flatten(1).cpu(), entering)
