"""From logits to the loss, its gradient and one update, number by number.

Shapes: N samples, C classes, H inputs of the last layer.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tiza import runs
from tiza.config import Plan
from tiza.errors import RequestError
from tiza.explain.watching import sample_of, trained
from tiza.training.optim import Optimizer


@dataclass(frozen=True)
class Steps:
    """Softmax and cross-entropy of N samples, in the order in which one computes them; all float64.

    ``shifted`` z − max z, ``exponentials`` e to that, their ``sums`` (N), ``probabilities`` p, the ``losses`` −ln p of
    each label (N) and their mean ``loss``; ``gradient`` p − y of each sample's own loss, ``mean_gradient`` that of the
    mean loss, (p − y) / N.
    """

    logits: np.ndarray
    labels: np.ndarray
    shifted: np.ndarray
    exponentials: np.ndarray
    sums: np.ndarray
    probabilities: np.ndarray
    losses: np.ndarray
    loss: float
    gradient: np.ndarray
    mean_gradient: np.ndarray

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it."""
        return {name: value if isinstance(value, float) else value.tolist() for name, value in vars(self).items()}


def steps(logits: Any, labels: Any) -> Steps:
    """Softmax, cross-entropy and gradient of ``logits`` (N×C, or C of one sample) with ``labels`` (N class numbers).

    The maximum is taken away first, which changes no probability and keeps e from overflowing. Raises
    :class:`TizaError` for numbers that do not belong together.
    """
    try:
        z, y = np.atleast_2d(np.asarray(logits, np.float64)), np.atleast_1d(np.asarray(labels))
    except (ValueError, TypeError):
        raise RequestError("steps-logits", where="logits", text=str(logits)[:60]) from None
    if z.ndim != 2 or z.shape[1] < 2 or not np.isfinite(z).all():
        raise RequestError("steps-logits", where="logits", text=str(logits)[:60])
    if y.shape != (len(z),) or y.dtype.kind not in "iu" or not ((y >= 0) & (y < z.shape[1])).all():
        raise RequestError("steps-labels", where="labels", text=str(labels)[:60], n=len(z), last=z.shape[1] - 1)
    shifted = z - z.max(1, keepdims=True)
    exponentials = np.exp(shifted)
    sums = exponentials.sum(1)
    p = exponentials / sums[:, None]
    losses = -np.log(p[np.arange(len(z)), y])
    gradient = p - np.eye(z.shape[1])[y]
    return Steps(z, y, shifted, exponentials, sums, p, losses, float(losses.mean()), gradient, gradient / len(z))


@dataclass(frozen=True)
class Neuron:
    """X·W + b: ``products`` of the first sample and the first neuron, the weighted ``sums`` X·W, the ``outputs``.

    Broadcasting adds ``bias`` (H) to every row of the sums (N×H).
    """

    x: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    products: np.ndarray
    sums: np.ndarray
    outputs: np.ndarray


def neuron(x: Any, weights: Any, bias: Any) -> Neuron:
    """The weighted sums of N samples (N×F) by H neurons (F×H) and their biases (H), as float64."""
    x, weights, bias = (np.asarray(part, np.float64) for part in (x, weights, bias))
    if x.ndim != 2 or weights.ndim != 2 or x.shape[1] != len(weights) or bias.shape != (weights.shape[1],):
        shapes = ", ".join("×".join(map(str, part.shape)) or "–" for part in (x, weights, bias))
        raise RequestError("neuron-shapes", where="x, weights, bias", shapes=shapes)
    sums = x @ weights
    return Neuron(x, weights, bias, x[0] * weights[:, 0], sums, sums + bias)


@dataclass(frozen=True)
class Update:
    """One sample through a run's last layer, and what one update of all weights on it alone changes.

    ``layer``: its name; ``inputs`` (H), ``weights`` (C×H) and ``bias`` (C) of it; ``steps``: what follows from its
    outputs; ``slopes`` (C×H): the gradient of its weights, (p − y) by input; ``moved``: the weights after one step of
    the plan's ``optimizer`` at its rate ``lr`` from no memory; ``after``: the steps of the same sample then.
    """

    split: str
    index: int
    classes: tuple[str, ...]
    layer: str
    inputs: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    steps: Steps
    slopes: np.ndarray
    optimizer: str
    lr: float
    moved: np.ndarray
    after: Steps

    @property
    def largest(self) -> tuple[int, int]:
        """Class and input of the weight with the steepest slope."""
        return divmod(int(np.abs(self.slopes).argmax()), self.slopes.shape[1])

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it."""
        plain = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in vars(self).items()}
        return plain | {"steps": self.steps.to_dict(), "after": self.after.to_dict()}


def update(
    run: "str | Path | runs.Run", index: int, *, split: str = "valid", data: Any = None, model: nn.Module | None = None
) -> Update:
    """What one update on sample ``index`` of a run's train or validation split does, worked from its last layer on.

    The model is in eval mode and a float64 copy: the run stays as it is. Raises :class:`TizaError` for an index that
    the split has not, and for a model that does not end in a linear layer.
    """
    run = runs.find(run)
    module, dataset = trained(run, data, model)
    x, label = sample_of(dataset, split, index, run.name)
    module = copy.deepcopy(module).eval().double()
    name, layer = _last(module, len(dataset.classes))
    seen: list[torch.Tensor] = []
    layer.register_forward_hook(lambda _m, inputs, _o: seen.append(inputs[0].detach()))
    logits, y = module(x[None]), torch.tensor([label])
    F.cross_entropy(logits, y).backward()
    plan: Plan = run.recipe.plan
    weights, slopes = layer.weight.detach().clone(), layer.weight.grad
    assert slopes is not None
    bias = layer.bias.detach().clone() if layer.bias is not None else torch.zeros(len(weights))
    Optimizer(module, plan).step()
    after = module(x[None])
    return Update(
        split, index, dataset.classes, name, seen[0][0].numpy(), weights.numpy(), bias.numpy(),
        steps(logits.detach().numpy(), [label]), slopes.numpy(), plan.optimizer, plan.lr, layer.weight.detach().numpy(),
        steps(after.detach().numpy(), [label]),
    )  # fmt: skip


def _last(module: nn.Module, classes: int) -> tuple[str, nn.Linear]:
    """The linear layer whose outputs are the logits."""
    found: Sequence[tuple[str, nn.Module]] = [(n, m) for n, m in module.named_modules() if not list(m.children())]
    name, layer = found[-1]
    if not isinstance(layer, nn.Linear) or layer.out_features != classes:
        raise RequestError("steps-last", where=name, layer=type(layer).__name__)
    return name, layer
