"""What the units of a dense layer look for: their weights on the input, and the samples that excite them most."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tiza import runs
from tiza.data.dataset import stratified
from tiza.errors import RequestError
from tiza.explain.layers import layer_of, layers_of
from tiza.explain.watching import called, trained
from tiza.models.building import Built

LOOKED_AT = 4_000  # samples of train
AT_ONCE = 500


@dataclass(frozen=True)
class Units:
    """The U units of the dense layer ``layer``, before its activation, over N training samples.

    ``weights`` (U×C×H×W, U×F of a table): the factor that a unit has for each raw pixel, or for each standardised
    feature; None for layers that don't see the input itself. ``best`` (U×S): the numbers, in train, of the samples that
    excite it most, the first the most; ``excitement`` (U×S): its output for them; ``samples`` (U×S×…) and ``labels``
    (U×S). ``profile`` (U×F), of tables: by how many deviations these differ from the mean of all, in the mean.
    ``importance`` (U): the mean over the samples of |h · ∂z/∂h|, h the unit's output and z the logit that is answered
    (P. Molchanov et al., arXiv:1611.06440, eq. 8). ``silent`` (U): never above 0.
    """

    layer: str
    n: int
    weights: np.ndarray | None
    best: np.ndarray
    excitement: np.ndarray
    samples: np.ndarray
    labels: np.ndarray
    profile: np.ndarray | None
    importance: np.ndarray
    silent: np.ndarray
    classes: tuple[str, ...]
    features: tuple[str, ...]

    @property
    def order(self) -> np.ndarray:
        """The units, the most important first, (U)."""
        return np.argsort(-self.importance, kind="stable")

    @property
    def shares(self) -> np.ndarray:
        """The importance of each, as a part of that of all, (U)."""
        return self.importance / (self.importance.sum() or 1)

    def counted(self, unit: int) -> str:
        """The classes of its best samples, the most frequent first, each with their number where there are several."""
        names, counts = np.unique(self.labels[unit], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        if len(names) == 1:
            return self.classes[names[0]]
        return ", ".join(f"{self.classes[names[i]]} ({counts[i]})" for i in order)

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it, the most important unit first."""
        units = [
            {
                "unit": u, "importance": float(self.importance[u]), "silent": bool(self.silent[u]),
                "best": self.best[u].tolist(), "labels": [self.classes[y] for y in self.labels[u]],
                "excitement": self.excitement[u].tolist(),
                "weights": None if self.weights is None else self.weights[u].tolist(),
            }
            for u in self.order.tolist()
        ]  # fmt: skip
        return {"layer": self.layer, "samples": self.n, "units": units}


def units(
    of: "str | Path | runs.Run | nn.Module", layer: str | None = None, *, best: int = 8, data: Any = None,
    model: nn.Module | None = None,
) -> Units:  # fmt: skip
    """What each unit of a dense layer, by default the first, looks for: in at most 4,000 samples of train.

    ``of``, ``data`` and ``model`` as for :func:`tiza.evaluate`. Raises :class:`TizaError` for a model without dense
    layers, for a layer that is none, and for one that takes no part or works on more than one vector of a sample.
    """
    module, dataset = trained(of, data, model)
    names = [name for name, each in layers_of(module).items() if isinstance(each, nn.Linear)]
    if not names:
        raise RequestError("no-linear", where=called(of))
    name = layer or names[0]
    linear = layer_of(module, name, of=nn.Linear)
    assert isinstance(linear, nn.Linear)
    module, index = module.eval(), torch.from_numpy(stratified(dataset.train.y.numpy(), LOOKED_AT))
    x, y = dataset.train.gather(index)
    weights = input_weights(module, linear, x[:AT_ONCE])
    found = [_slopes(module, linear, name, some.to(linear.weight.device)) for some in x.split(AT_ONCE)]
    outputs, importance = torch.cat([out for out, _ in found]), torch.cat([(out * by).abs() for out, by in found])
    values, places = outputs.sort(dim=0, descending=True, stable=True)
    chosen, profile = places[:best].T, None
    if x.ndim == 2:
        profile = ((x[chosen].mean(1) - x.mean(0)) / x.std(0).clamp_min(1e-12)).numpy()
    return Units(
        name, len(x), weights, index[chosen].numpy(), values[:best].T.numpy(), x[chosen].numpy(), y[chosen].numpy(),
        profile, importance.double().mean(0).numpy(), (values[0] <= 0).numpy(), dataset.classes, dataset.features,
    )  # fmt: skip


def _slopes(module: nn.Module, linear: nn.Linear, name: str, x: Tensor) -> tuple[Tensor, Tensor]:
    """The layer's outputs (N×U) for the samples ``x``, and along them the slope of each one's largest logit."""
    seen: list[Tensor] = []

    def hold(_module: nn.Module, _inputs: Any, out: Tensor) -> Tensor | None:
        if seen:
            return None
        seen.append(out.detach().requires_grad_())
        return seen[0]

    hook = linear.register_forward_hook(hold)
    try:
        with torch.enable_grad():
            logits = module(x)
            if not seen:
                raise RequestError("layer-silent", where="--layer", name=name)
            (slope,) = torch.autograd.grad(logits.amax(1).sum(), seen)
    finally:
        hook.remove()
    if seen[0].ndim != 2:
        shape = "×".join(map(str, seen[0].shape[1:]))
        raise RequestError("layer-form", where="--layer", name=name, shape=shape)
    n = len(x)  # of a picture asked for together with its mirror image, the picture's
    return seen[0].detach()[:n].cpu(), slope[:n].cpu()


def input_weights(module: nn.Module, linear: nn.Linear, x: Tensor) -> np.ndarray | None:
    """The layer's weights over raw pixels (U×C×H×W) or standardised features (U×F), where it sees those of ``x``."""
    seen: list[Tensor] = []
    hook = linear.register_forward_pre_hook(lambda _m, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        module(x.to(linear.weight.device))
    hook.remove()
    scaled, deviation = x.to(linear.weight.device, linear.weight.dtype), torch.ones(())
    if isinstance(module, Built):
        normalise = module.get_submodule("normalise")
        scaled = normalise(x.to(linear.weight.device))
        deviation = normalise.get_buffer("deviation").cpu() if x.ndim == 4 else deviation
    if not seen or not torch.equal(seen[0], scaled.flatten(1)):
        return None
    return (linear.weight.detach().cpu().reshape(-1, *x.shape[1:]) / deviation).float().numpy()
