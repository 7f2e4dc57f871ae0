"""What each part of a sample adds to one output of a model: gradient, integrated gradients, Grad-CAM and occlusion.

Everything is per raw unit: the samples are grey levels from 0 to 255 or a table's own values, as floats, and go through
the model's first layer (``normalise``) as in training. z is the logit of the target class.
"""

from itertools import dropwhile
from typing import Any, TypeGuard

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tiza.errors import RequestError
from tiza.explain.layers import layers_of, run_through

AT_ONCE = 128  # samples in one pass
PASSING = (
    nn.Sequential, nn.Dropout, nn.Dropout2d, nn.Identity, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
)  # fmt: skip


def gradient(model: nn.Module, x: Tensor, target: int) -> Tensor:
    """∂z/∂x of each sample of ``x`` (N×…): how much the logit changes with a small change of each value.

    (K. Simonyan et al., arXiv:1312.6034.) Raises :class:`TizaError` for a model that gives no gradient.
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        return _slopes(model(x)[:, target].sum(), x)


def _slopes(z: Tensor, x: Tensor) -> Tensor:
    """∂z/∂x; raises where z does not come from x by steps that have a derivative."""
    slopes = torch.autograd.grad(z, x, allow_unused=True)[0] if z.requires_grad else None
    if slopes is None:
        raise RequestError("saliency-gradient", where="model")
    return slopes


def integrated(model: nn.Module, x: Tensor, target: int, baseline: Tensor, steps: int) -> Tensor:
    """(x − x′) · ∫ ∂z/∂x along the straight line from the baseline x′ to the one sample ``x`` (…).

    The sum over all values is z(x) − z(x′) but for the error of the quadrature (Gauss–Legendre, ``steps`` points).
    (M. Sundararajan et al., arXiv:1703.01365.)
    """
    points, weights = np.polynomial.legendre.leggauss(steps)
    places = torch.from_numpy((points + 1) / 2).to(x.dtype).reshape(-1, *[1] * x.ndim)
    line = baseline + places * (x - baseline)
    slopes = torch.cat([gradient(model, some, target) for some in line.split(AT_ONCE)])
    return (x - baseline) * torch.tensordot(torch.from_numpy(weights / 2).to(x.dtype), slopes, dims=1)


def occlusion(model: nn.Module, x: Tensor, target: int, baseline: Tensor, window: int, stride: int) -> Tensor:
    """How far z falls when a window of the sample ``x`` (C×H×W, or F) is covered by the baseline; shape of ``x``.

    The window (``window`` pixels a side, all channels; of a table, ``window`` features) moves by ``stride`` and is cut
    off at the edge; each value has the mean over the windows that cover it. (M. Zeiler and R. Fergus, arXiv:1311.2901.)
    """
    sides = x.shape[1:] if x.ndim == 3 else x.shape
    starts = [range(0, -(-max(side - window, 0) // stride) * stride + 1, stride) for side in sides]
    masks = torch.zeros(*map(len, starts), *sides, dtype=torch.bool)
    for at in np.ndindex(*masks.shape[: len(sides)]):
        masks[(*at, *(slice(of[i], of[i] + window) for of, i in zip(starts, at, strict=True)))] = True
    masks = masks.flatten(0, len(sides) - 1)
    covers = masks[:, None] if x.ndim == 3 else masks
    with torch.no_grad():
        whole = model(x[None])[0, target]
        z = torch.cat([model(torch.where(some, baseline, x))[:, target] for some in covers.split(AT_ONCE)])
    falls = torch.tensordot(whole - z, masks.to(x.dtype), dims=1) / masks.sum(0)
    return falls.expand(x.shape).clone()


def grad_cam(model: nn.Module, x: Tensor, target: int, layer: str) -> Tensor:
    """Σ αₖ Aₖ (h×w) over the maps A that ``layer`` makes of the sample ``x`` (C×H×W); αₖ is the mean of ∂z/∂Aₖ.

    Signed, and as small as the maps: :func:`enlarged` makes of it what is drawn. (R. Selvaraju et al.,
    arXiv:1610.02391.) Raises :class:`TizaError` for a layer that makes no maps.
    """
    with torch.enable_grad():
        z, outputs = run_through(model, [layer], x[None].detach().requires_grad_())
        maps = outputs.get(layer)
        if not is_maps(maps):
            raise RequestError("saliency-layer", where="--layer", name=layer, names=", ".join(map_layers(model, x)))
        slopes = _slopes(z[:, target].sum(), maps)
    found = (slopes.mean((2, 3), keepdim=True) * maps.detach()).sum(1)
    if len(found) > 1:  # the picture's maps and those of its mirror image, which are turned back
        found = found[:1] + found[1:].flip(-1)
    return found[0]


def enlarged(cam: Tensor, height: int, width: int) -> Tensor:
    """What is positive in a Grad-CAM map (h×w), bilinear, as large as the picture."""
    return F.interpolate(cam[None, None], size=(height, width), mode="bilinear").relu()[0, 0]


def is_maps(output: Any) -> TypeGuard[Tensor]:
    """Whether a layer's output is maps of more than one pixel, N×K×h×w."""
    return isinstance(output, Tensor) and output.ndim == 4 and output.shape[2] * output.shape[3] > 1


def map_layers(model: nn.Module, x: Tensor) -> dict[str, int]:
    """The layers from the first convolution on that make maps of the sample ``x``, in the order in which they end.

    With the number of pixels of a map. Pooling and dropout, which only pass on, and mere sequences of other layers are
    left out.
    """
    layers = layers_of(model)
    with torch.no_grad():
        found = run_through(model, layers, x[None])[1]
    ended = {name: output.shape[2] * output.shape[3] for name, output in found.items() if is_maps(output)}
    after = dropwhile(lambda name: not isinstance(layers[name], nn.Conv2d), ended)
    return {name: ended[name] for name in after if not isinstance(layers[name], PASSING)}
