"""The perceptron's line, before the first update and after each."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from tiza.errors import RequestError
from tiza.explain.watching import watch
from tiza.fitting import prepare
from tiza.training.events import Event, Probed, RunStarted, Stepped
from tiza.training.learner import Learner


@dataclass(frozen=True)
class Lines:
    """The line w₁x₁ + w₂x₂ + b = 0 after 0 … U updates, one sample each, in the data's own units.

    ``weights`` (U + 1, 3): w₁, w₂, b. ``samples`` (U): which of the ``points`` (N, 2) an update saw. ``labels`` (N).
    The answer is class 1 where the sum is not negative, as the rule has it.
    """

    weights: np.ndarray
    samples: np.ndarray
    points: np.ndarray
    labels: np.ndarray
    features: tuple[str, ...]
    classes: tuple[str, ...]

    @property
    def moved(self) -> np.ndarray:
        """The updates that changed the line, counted from 1: those that met a sample answered wrong."""
        return np.flatnonzero((np.diff(self.weights, axis=0) != 0).any(1)) + 1

    def wrong(self, update: int) -> np.ndarray:
        """Which points lie on the wrong side after so many updates, (N)."""
        w = self.weights[update]
        return (self.points @ w[:2] + w[2] >= 0) != (self.labels == 1)

    @property
    def separated(self) -> int | None:
        """The update after which all points lay on their sides for the first time; None where that never happened."""
        return next((int(n) for n in (0, *self.moved) if not self.wrong(n).any()), None)


def perceptron(recipe: Any, data: Any = None, plan: Any = None) -> Lines:
    """Train a perceptron of two features and note its line after every sample; keep nothing.

    ``recipe``, ``data`` and ``plan`` as for :func:`tiza.fit`; the batch is one sample. Raises :class:`TizaError` for
    a model that is more, or less, than one neuron of two inputs.
    """
    ready = prepare(recipe, data, plan)
    weights: list[np.ndarray] = []
    samples: list[int] = []

    def note(event: Event, learner: Learner) -> None:
        if isinstance(event, (RunStarted, Stepped)):
            weights.append(_line(ready.learner.model, learner))
        elif isinstance(event, Probed):
            samples.append(event.tiles["index"][0])

    watch(ready, note, batch_size=1, probe=1e-9)  # a look inside at every update: it tells which sample was seen
    x, y = ready.data.train.x[:].double().numpy(), ready.data.train.y.numpy()
    return Lines(np.array(weights), np.array(samples, int), x, y, ready.data.features, ready.data.classes)


def _line(model: Any, learner: Learner) -> np.ndarray:
    """w₁, w₂ and b that act on the data as it is: what ``normalise`` does to it is folded in."""
    parts = sorted((p.flatten().double() for p in learner.parameters().values()), key=len)
    if list(map(len, parts)) != [1, 2]:
        raise RequestError("one-neuron", where="model", n=sum(map(len, parts)))
    mean, deviation = (part.flatten().double() for part in (model.normalise.mean, model.normalise.deviation))
    slope = parts[1] / deviation
    return torch.cat([slope, parts[0] - (slope * mean).sum(0, keepdim=True)]).cpu().numpy()
