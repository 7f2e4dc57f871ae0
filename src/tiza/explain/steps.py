"""From logits to the loss, its gradient and one update, number by number.

Shapes: N samples, C classes, H inputs of the last layer.
"""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
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
    losses = np.log(sums) - shifted[np.arange(len(z)), y]  # −ln p, also where p is too small for a number
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
    the plan's ``optimizer`` at its rate ``lr`` and with its ``weight_decay``, from no memory; ``after``: the steps of
    the same sample then. A mirrored network's inputs are the means of those of the picture and of its mirror image.
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
    weight_decay: float
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
    found = update_of(
        copy.deepcopy(module).cpu().eval().double(), run.recipe.plan, x, label, dataset.classes, split, index
    )
    if found is None:
        name, layer = _last(module)
        raise RequestError("steps-last", where=name, layer=type(layer).__name__)
    return found


def update_of(
    module: nn.Module, plan: Plan, x: Tensor, label: int, classes: tuple[str, ...], split: str, index: int
) -> Update | None:
    """See :func:`update`: of the sample ``x`` (C×H×W or F), on a float64 ``module`` that is changed by it.

    None where that does not end in a linear layer that gives the logits.
    """
    name, layer = _last(module)
    if not isinstance(layer, nn.Linear) or layer.out_features != len(classes):
        return None
    seen: list[Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _m, inputs: seen.append(inputs[0].detach()))
    weights = layer.weight.detach().clone()
    bias = layer.bias.detach().clone() if layer.bias is not None else torch.zeros(len(weights))
    before, after = one_step(module, plan, x, label)
    hook.remove()
    assert layer.weight.grad is not None
    return Update(
        split, index, classes, name.removeprefix("body."), seen[0].mean(0).numpy(), weights.numpy(), bias.numpy(),
        before, layer.weight.grad.numpy(), plan.optimizer, plan.lr, plan.weight_decay, layer.weight.detach().numpy(),
        after,
    )  # fmt: skip


def one_step(module: nn.Module, plan: Plan, x: Tensor, label: int) -> tuple[Steps, Steps]:
    """The steps of a sample before and after one update of the ``module`` on it, by the plan's optimizer."""
    logits = module(x[None])
    F.cross_entropy(logits, torch.tensor([label])).backward()
    Optimizer(module, plan).step()
    with torch.no_grad():
        after = module(x[None])
    return steps(logits.detach().numpy(), [label]), steps(after.numpy(), [label])


def _last(module: nn.Module) -> tuple[str, nn.Module]:
    """The last layer and its name."""
    return [(name, layer) for name, layer in module.named_modules() if not list(layer.children())][-1]
