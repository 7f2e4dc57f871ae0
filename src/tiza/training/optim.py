"""Optimizers (torch's fused ones) and schedules of the learning rate."""

import math

import torch
from torch import nn
from torch.optim import Optimizer

from tiza.config import Plan


def optimizer_for(model: nn.Module, plan: Plan) -> Optimizer:
    """The plan's optimizer over two groups of parameters, the decayed first; either may be empty and left out."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    decayed = [p for p in parameters if plan.decay_on == "all" or p.ndim > 1]
    spared = [p for p in parameters if not any(p is q for q in decayed)]
    groups = [{"params": group, "decays": decays} for group, decays in ((decayed, True), (spared, False)) if group]
    fused = torch.device(parameters[0].device).type in ("cpu", "cuda")
    match plan.optimizer:
        case "sgd":
            return torch.optim.SGD(groups, lr=plan.lr, fused=fused)
        case "momentum":
            return torch.optim.SGD(groups, lr=plan.lr, momentum=plan.momentum, fused=fused)
        case "adam":
            return torch.optim.Adam(groups, lr=plan.lr, betas=plan.betas, fused=fused)
        case "adamw":
            return torch.optim.AdamW(groups, lr=plan.lr, betas=plan.betas, fused=fused)


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
