"""Dropout at work: which units a draw switches off, and what the model answers then and in eval mode."""

import copy
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from scipy.special import softmax
from torch import Tensor, nn

from tiza.config import Recipe
from tiza.data.dataset import Dataset
from tiza.data.sources import load
from tiza.errors import RequestError
from tiza.explain.watching import trained
from tiza.fitting import fit
from tiza.i18n import t
from tiza.models.building import build, devices_in_use
from tiza.runs import Run

LAYERS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)


@dataclass(frozen=True)
class Dropout:
    """One validation sample through a model: in eval mode, and in D draws of its dropout layers.

    ``units`` (U): the activations before ``layer``, the first dropout layer, which eval mode passes on as they are.
    ``factors`` (D, U): what a draw multiplies them by, 0 with probability ``p`` and else 1 / (1 − p). Weights are not
    touched. ``logits`` (C) are those of eval mode, ``drawn`` (D, C) those of the draws. ``index``: the sample's place
    in the validation split; ``label``: the number of its class.
    """

    layer: str
    p: float
    units: np.ndarray
    factors: np.ndarray
    logits: np.ndarray
    drawn: np.ndarray
    index: int
    label: int
    classes: tuple[str, ...]

    @property
    def off(self) -> np.ndarray:
        """Which units each draw switches off, (D, U); among them may be some that were 0 anyway."""
        return self.factors == 0

    @property
    def activations(self) -> np.ndarray:
        """What each draw makes of the units, (D, U)."""
        return self.units * self.factors

    @property
    def probability(self) -> float:
        """That of the right class in eval mode."""
        return float(softmax(self.logits)[self.label])

    @property
    def probabilities(self) -> np.ndarray:
        """That of the right class in each draw, (D)."""
        return softmax(self.drawn, axis=1)[:, self.label]


def dropout(
    of: Recipe | Run | str | Path | nn.Module, index: int | None = None, data: Any = None, *,
    model: nn.Module | None = None, draws: int = 100, seed: int = 0,
) -> Dropout:  # fmt: skip
    """A validation sample through the model, ``draws`` times with its dropout layers in training mode.

    ``of``: a run, or a module with its ``data``, as for :func:`tiza.evaluate`; or a :class:`Recipe`, which is trained
    first and not kept. ``index``: the sample's place; by default that of which eval mode is least sure. Everything but
    dropout, batch norm above all, stays in eval mode. The draws follow from ``seed``; the caller's model and random
    state are left alone. Raises :class:`TizaError` for a model without dropout layers and for an index that the split
    has not.
    """
    if isinstance(of, Recipe):
        dataset = data if isinstance(data, Dataset) else load(of.data if data is None else data)
        module: nn.Module = build(of.model, dataset, seed=of.plan.seed)
    else:
        module, dataset = trained(of, data, model)
    if index is not None and not 0 <= index < len(dataset.valid):
        most = len(dataset.valid) - 1
        raise RequestError("no-answer", where=str(index), split=t("split.valid"), most=most)
    if not _layers(module):
        raise RequestError("no-dropout", where="model")
    if isinstance(of, Recipe):
        with TemporaryDirectory() as folder:
            fit(module, dataset, of.plan, run=Path(folder) / "run")
    split = dataset.open_valid(of.name if isinstance(of, Run) else "explain")
    module = copy.deepcopy(module).cpu().eval()
    with torch.inference_mode(), torch.random.fork_rng(devices=devices_in_use()):
        if index is None:
            sure = torch.cat([module(x).softmax(1).amax(1) for x in split.x.split(250)])
            index = int(sure.argmin())
        x, y = split.gather(torch.tensor([index]))
        logits = module(x)[0]
        seen: list[tuple[str, float, Tensor, Tensor]] = []
        for name, layer in _layers(module).items():
            layer.train()
            layer.register_forward_pre_hook(lambda layer, inputs, name=name: _note(seen, name, layer, inputs[0]))
        torch.manual_seed(seed)
        drawn = module(x.repeat_interleave(draws, 0))
    if not seen:
        raise RequestError("no-dropout", where="model")
    name, p, units, factors = seen[0]
    return Dropout(
        name.removeprefix("body."), p, units[0].flatten().numpy(), factors[:draws].flatten(1).numpy(),
        logits.double().numpy(), drawn.double().numpy(), index, int(y), dataset.classes,
    )  # fmt: skip


def _layers(module: nn.Module) -> dict[str, Any]:
    """The dropout layers by name, those that do nothing or leave nothing excepted."""
    return {
        name: layer for name, layer in module.named_modules() if isinstance(layer, LAYERS) and 0 < float(layer.p) < 1
    }


def _note(seen: list[tuple[str, float, Tensor, Tensor]], name: str, layer: Any, units: Tensor) -> None:
    """Of the layer that comes first: its input, and what it is about to multiply it by."""
    if not seen:
        state = torch.get_rng_state()
        factors = layer.forward(torch.ones_like(units))  # on ones, a unit that is 0 anyway shows the draw too
        torch.set_rng_state(state)
        seen.append((name, float(layer.p), units.clone(), factors))
