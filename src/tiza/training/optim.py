"""Optimizers (torch's fused kernels) and schedules of the learning rate."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tiza.config import Plan
from tiza.models.cutting import depths

_KERNELS: dict[str, Any] = {
    "sgd": torch._fused_sgd_,  # pyright: ignore[reportPrivateImportUsage]
    "momentum": torch._fused_sgd_,  # pyright: ignore[reportPrivateImportUsage]
    "adam": torch._fused_adam_,  # pyright: ignore[reportPrivateImportUsage]
    "adamw": torch._fused_adamw_,  # pyright: ignore[reportPrivateImportUsage]
}


def moments(plan: Plan) -> tuple[str, ...]:
    """What the plan's optimizer remembers of each parameter."""
    return {"sgd": (), "momentum": ("momentum_buffer",), "adam": ("exp_avg", "exp_avg_sq")}[plan.optimizer.rstrip("w")]


def update(
    plan: Plan,
    learnt: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    kept: Sequence[Sequence[Tensor]],
    steps: Tensor,
    *,
    lr: float,
    weight_decay: float,
) -> None:
    """One call of the plan's kernel; ``kept``: of each of its moments, one tensor per parameter."""
    kernel = _KERNELS[plan.optimizer]
    if plan.optimizer in ("sgd", "momentum"):
        kernel(
            learnt, gradients, *(kept or [[]]), weight_decay=weight_decay, lr=lr, dampening=0.0,
            momentum=plan.momentum if kept else 0.0, nesterov=False, maximize=False, is_first_step=False,
        )  # fmt: skip
        return
    kernel(
        learnt, gradients, *kept, [], [steps] * len(learnt), lr=lr, beta1=plan.betas[0], beta2=plan.betas[1],
        weight_decay=weight_decay, eps=1e-8, amsgrad=False, maximize=False,
    )  # fmt: skip


class Optimizer:
    """The plan's optimizer over the parameters that learn, updated in place by torch's fused kernels.

    ``torch.optim`` calls the same ones, but its first step imports torch's compiler (1.5 s, 115 MB). Decay reaches the
    weights alone, or ``decay_on`` all. With a ``layer_decay`` each layer has the rate of the one after it, times that
    (discriminative rates: J. Howard, S. Ruder, arXiv:1801.06146).
    """

    def __init__(self, model: nn.Module, plan: Plan) -> None:
        self.plan = plan
        self.learnt = [p for p in model.parameters() if p.requires_grad]
        self.state = {name: list(map(torch.zeros_like, self.learnt)) for name in moments(plan)}
        self.steps = torch.zeros((), device=self.learnt[0].device)
        decays = [plan.decay_on == "all" or p.ndim > 1 for p in self.learnt]
        depth = depths(model) if plan.layer_decay < 1 else {}
        shares = [plan.layer_decay ** depth.get(id(p), 0) for p in self.learnt]
        # Places of the parameters by decay and share of the rate.
        self._groups: dict[tuple[bool, float], list[int]] = {}
        for i, group in enumerate(zip(decays, shares, strict=True)):
            self._groups.setdefault(group, []).append(i)
        self._values = [p.detach() for p in self.learnt]  # the same memory, of which autograd takes no note
        self.set(plan.lr, plan.weight_decay)

    def set(self, lr: float, weight_decay: float) -> None:
        """Rate and weight decay of the next updates."""
        self.lr, self.weight_decay = lr, weight_decay

    def step(self) -> None:
        """One update from the gradients; a parameter without one stays."""
        self.steps += 1
        gradients = [p.grad for p in self.learnt]
        for (decays, share), group in self._groups.items():
            chosen = [i for i in group if gradients[i] is not None]
            if chosen:
                self._update(chosen, gradients, self.lr * share, self.weight_decay if decays else 0.0)

    def _update(
        self, chosen: Sequence[int], gradients: Sequence[Tensor | None], lr: float, weight_decay: float
    ) -> None:
        learnt, slopes = [self._values[i] for i in chosen], [gradients[i] for i in chosen]
        kept = [[values[i] for i in chosen] for values in self.state.values()]
        update(self.plan, learnt, slopes, kept, self.steps, lr=lr, weight_decay=weight_decay)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.learnt:
            parameter.grad = None

    def tensors(self) -> dict[str, Tensor]:
        """What the optimizer remembers: ``steps``, and one tensor per parameter and moment, as ``0.exp_avg``."""
        moments = {f"{i}.{name}": v for name, values in self.state.items() for i, v in enumerate(values)}
        return {"steps": self.steps} | moments

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Go back to ``tensors()``; weights and moments keep one layout in memory, as the kernels need it."""
        for name, mine in self.tensors().items():
            mine.copy_(tensors[name])


def factor(plan: Plan, step: int, total: int, per_epoch: int) -> float:
    """What the base rate is multiplied by at ``step`` of ``total``.

    ``one-cycle``: linear from 1/start to 1 over the ``warmup`` part, then half a cosine to 0 (Smith & Topin 2018).
    """
    match plan.schedule:
        case "constant":
            return 1.0
        case "step":
            return plan.gamma ** (step // per_epoch // plan.every)
        case "exponential":
            return plan.gamma ** (step / per_epoch / plan.every)
        case "cosine":
            return (1 + math.cos(math.pi * step / total)) / 2
        case "one-cycle":
            rising = plan.warmup * total
            if step < rising:
                return (1 + (plan.start - 1) * step / rising) / plan.start
            return (1 + math.cos(math.pi * (step - rising) / (total - rising))) / 2
