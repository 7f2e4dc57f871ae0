"""The loss over two of a model's weights, and the path that the descent took between them."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tiza.data.dataset import stratified
from tiza.errors import RequestError
from tiza.explain.watching import watch
from tiza.fitting import prepare
from tiza.metrics import loss, measure
from tiza.runs import Run
from tiza.training.events import Event, RunEnded, RunStarted
from tiza.training.learner import Learner
from tiza.training.machine import using_threads

SAMPLES = 1_000  # of train, on which the loss is measured
MOMENTS = 400  # of the path, fewer where all weights of them would not fit in
NUMBERS = 50_000_000
MARGIN = 0.35  # of the path's width, added on both sides


@dataclass(frozen=True)
class Surface:
    """Mean cross-entropy ``loss`` (H, W) at the values ``x`` (W) and ``y`` (H) of two weights.

    All others stand at their last values. ``path`` (M, 2): the two before the first update, on the way, and at the
    end; ``steps`` (M): after how many updates. ``names``: theirs, with their place in the layer. ``samples``: how many
    of train the loss is the mean of; ``others``: how many weights were held.
    """

    x: np.ndarray
    y: np.ndarray
    loss: np.ndarray
    path: np.ndarray
    steps: np.ndarray
    names: tuple[str, str]
    samples: int
    others: int


def surface(
    recipe: Any, data: Any = None, plan: Any = None, *, weights: tuple[int, int] | None = None, side: int = 25
) -> Surface:
    """Train again, noting the path of two weights, then measure the loss on ``side``×``side`` values of them.

    ``recipe``: a run, whose recipe is trained again, or as for :func:`tiza.fit` with ``data`` and ``plan``. ``weights``
    are places among all that is learnt, in the model's order; by default the two that moved most. The surface belongs
    to the last values of the other weights, so that the path is a projection onto it. Raises :class:`TizaError` for
    places that don't exist and where training diverges.
    """
    ready = prepare(recipe.recipe if isinstance(recipe, Run) else recipe, data, plan)
    learner, sample = ready.learner, ready.data.train
    sample = sample.take(stratified(sample.y.numpy(), SAMPLES)).to(learner.device)
    n = sum(p.numel() for p in learner.parameters().values())
    if weights is not None and (len(set(weights)) < 2 or not all(0 <= place < n for place in weights)):
        raise RequestError("no-weight", where="weights", most=n - 1)
    if n < 2:
        raise RequestError("no-weight", where="model", most=n - 1)
    taken: dict[int, np.ndarray] = {}
    every = 1

    def note(event: Event, learner: Learner) -> None:
        nonlocal every
        if isinstance(event, RunStarted):
            moments = max(2, min(MOMENTS, NUMBERS // n))
            every = math.ceil(event.epochs * event.steps_per_epoch / moments)
        if event.step % every == 0 or isinstance(event, RunEnded):
            taken[event.step] = torch.cat([p.flatten() for p in learner.parameters().values()]).cpu().numpy()

    watch(ready, note, probe=0)
    path = np.stack(list(taken.values()))
    chosen = weights or tuple(np.argsort(np.abs(path[-1] - path[0]), kind="stable")[-2:].tolist())
    path = path[:, list(chosen)]
    x, y = (_around(path[:, axis], side) for axis in (0, 1))
    (name_x, place_x), (name_y, place_y) = (_place(learner, place) for place in chosen)
    values = learner.parameters()
    heights = np.empty((side, side))
    with using_threads(ready.threads):
        for row, column in np.ndindex(side, side):
            values[name_x][place_x], values[name_y][place_y] = float(x[column]), float(y[row])
            heights[row, column] = float(loss(measure(learner.logits, sample, batch=SAMPLES)))
    names = _title(name_x, place_x, values[name_x]), _title(name_y, place_y, values[name_y])
    return Surface(x, y, heights, path, np.array(list(taken)), names, len(sample), n - 2)


def _around(values: np.ndarray, side: int) -> np.ndarray:
    """A range with the path inside."""
    room = MARGIN * (np.ptp(values) or 1)
    return np.linspace(values.min() - room, values.max() + room, side)


def _place(learner: Learner, place: int) -> tuple[str, tuple[int, ...]]:
    """The parameter that holds the number at ``place`` of all, and where it stands in it, (1, …)."""
    for name, values in learner.parameters().items():
        if place < values.numel():
            return name, tuple(map(int, np.unravel_index(place, values.shape)))
        place -= values.numel()
    raise AssertionError


def _title(name: str, place: tuple[int, ...], values: Tensor) -> str:
    """``logits.weight[3, 57]``."""
    return f"{name.removeprefix('body.')}[{', '.join(map(str, place[1:]))}]" if values.ndim > 1 else name
