"""How far the gradient of a batch strays from that of all samples: batches of one against batches of a hundred."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tiza.data.dataset import stratified
from tiza.data.seal import Split
from tiza.errors import TizaError
from tiza.explain.watching import trained
from tiza.fitting import prepare
from tiza.runs import Run
from tiza.training.learner import ModuleLearner
from tiza.training.machine import using_threads

SAMPLES = 10_000  # of train, of which the full gradient is the mean
PIECE = 500


@dataclass(frozen=True)
class Draws:
    """Gradients g of batches of ``size`` samples against the full one, G.

    ``cosine`` g·G / |g||G| (0 where g is zero: it points nowhere) and ``deviation`` |g − G| / |G|, one a batch;
    ``rate``: samples a second whose gradient was taken.
    """

    size: int
    cosine: np.ndarray
    deviation: np.ndarray
    rate: float


@dataclass(frozen=True)
class Noise:
    """The draws of each size; ``samples``: how many the full gradient is the mean of; ``fresh``: weights untrained."""

    draws: tuple[Draws, ...]
    samples: int
    fresh: bool


def noise(
    recipe: Any, data: Any = None, plan: Any = None, *, sizes: tuple[int, ...] = (1, 100), draws: int = 200,
    seed: int = 0,
) -> Noise:  # fmt: skip
    """Gradients of ``draws`` batches of each size, drawn from train with repetition, against the mean over train.

    ``recipe``: a run, at the weights it ended with; or as for :func:`tiza.fit`, at the weights it begins with. The loss
    is the plan's; dropout is off, so that the noise is that of the samples alone. Raises :class:`TizaError` where the
    full gradient is zero.
    """
    if isinstance(recipe, Run):
        model, dataset = trained(recipe, data, None)
        plan, threads = recipe.recipe.plan, recipe.facts.threads
    else:
        ready = prepare(recipe, data, plan)
        model, dataset, plan, threads = ready.learner.model, ready.data, ready.recipe.plan, ready.threads
    learner = ModuleLearner(model, plan, device=next(model.parameters()).device)
    learner.model.eval()
    split = dataset.train.take(stratified(dataset.train.y.numpy(), SAMPLES, seed)).to(learner.device)
    with using_threads(threads):
        parts = [
            (len(y), _gradient(learner, x, y)) for x, y in zip(split.x.split(PIECE), split.y.split(PIECE), strict=True)
        ]
        full = torch.stack([gradient * (n / len(split)) for n, gradient in parts]).sum(0)
        if not full.norm() > 0:
            raise TizaError("no-slope", where="model")
        rng = np.random.default_rng(seed)
        return Noise(
            tuple(_draws(learner, split, full, size, draws, rng) for size in sizes),
            len(split),
            not isinstance(recipe, Run),
        )


def _gradient(learner: ModuleLearner, x: Tensor, y: Tensor) -> Tensor:
    learner.backward(x, y)
    return torch.cat([p.grad.flatten() for p in learner.optimizer.learnt if p.grad is not None]).double()


def _draws(
    learner: ModuleLearner, split: Split, full: Tensor, size: int, draws: int, rng: np.random.Generator
) -> Draws:
    cosine, deviation, seconds = np.zeros(draws), np.zeros(draws), 0.0
    for i in range(draws):
        x, y = split.gather(torch.from_numpy(rng.integers(len(split), size=size)))
        began = time.perf_counter()
        gradient = _gradient(learner, x, y)
        seconds += time.perf_counter() - began
        length = float(gradient.norm() * full.norm())
        cosine[i] = float(gradient @ full) / length if length else 0.0
        deviation[i] = float((gradient - full).norm() / full.norm())
    return Draws(size, cosine, deviation, size * draws / seconds)
