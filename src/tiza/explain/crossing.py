"""What samples that cross from validation into train do to validation: it says more than is true."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from tiza.config import Recipe, replaced
from tiza.data.dataset import Dataset, stratified
from tiza.data.rows import Rows
from tiza.data.seal import Split
from tiza.data.sources import load
from tiza.errors import RequestError, TizaError
from tiza.explain.watching import watch
from tiza.fitting import prepare
from tiza.metrics import measure, summary
from tiza.registry import lookup
from tiza.training.events import Event, Measured
from tiza.training.learner import Learner

SHARES = (0.0, 0.1, 0.3, 1.0)
UNSEEN = 2_000  # samples that neither train nor validation has, where there are so many


@dataclass(frozen=True)
class Crossed:
    """Trainings with a ``share`` of the validation samples in train too, ``n`` of them.

    ``valid`` and ``unseen``, (S, E): after each of E epochs and for each of S seeds the accuracy on validation, with
    those that crossed, and on samples that no training saw.
    """

    share: float
    n: int
    valid: np.ndarray
    unseen: np.ndarray

    @property
    def excess(self) -> np.ndarray:
        """By how much validation says more than is true at the end, for each seed, (S)."""
        return self.valid[:, -1] - self.unseen[:, -1]


@dataclass(frozen=True)
class Crossing:
    """The trainings for each share; how many samples train, validation and ``unseen`` have, whatever the share."""

    recipe: str
    shares: tuple[Crossed, ...]
    train: int
    valid: int
    unseen: int


def crossing(
    recipe: str | Recipe = "004-mlp100", *, shares: Sequence[float] = SHARES, seeds: int = 5,
    said: Callable[[float, int], None] | None = None,
) -> Crossing:  # fmt: skip
    """Train a recipe with more and more of its validation samples in train, which keeps its size.

    The seeds 0 … ``seeds`` − 1 divide the data and begin the training. What is never seen is set aside from train, or
    from what a ``limit`` leaves. ``said(share, seed)`` is called before each training. The test split stays sealed.
    Raises :class:`TizaError` for a recipe that validates on test, and where train has too few samples.
    """
    if isinstance(recipe, str):
        name, plain = recipe, lookup("recipe", recipe).function()
    else:
        name, plain = recipe.model.name, recipe
    if plain.data.valid == "test":
        raise RequestError("crossing-test", where="data.valid")
    if seeds < 2:
        raise RequestError("few-seeds", where="--seeds", n=seeds)
    usual = load(plain.data)
    n, m = len(usual.train), len(usual.valid)
    aside = UNSEEN if plain.data.limit is not None else min(UNSEEN, n // 4)
    measured: dict[float, list[tuple[list[float], list[float]]]] = {share: [] for share in shares}
    for seed in range(seeds):
        data, unseen = _divided(plain, m, aside, seed)
        n = len(data.train)
        for share in shares:
            if said:
                said(share, seed)
            measured[share].append(_trained(plain, _crossed(data, round(share * m), seed), unseen, seed))
    last = min(len(valid) for runs in measured.values() for valid, _ in runs)
    found = [
        Crossed(share, round(share * m), *(np.array([run[i][:last] for run in runs]) for i in (0, 1)))
        for share, runs in measured.items()
    ]
    return Crossing(name, tuple(found), n, m, aside)


def _divided(recipe: Recipe, m: int, aside: int, seed: int) -> tuple[Dataset, Split]:
    """The recipe's data with ``m`` samples for validation, and ``aside`` others that train has not either."""
    limit = recipe.data.limit
    more = [("data.valid", m + aside)] + ([("data.limit", limit + aside)] if limit is not None else [])
    data = load(replaced(recipe, [("data.seed", seed), *more]).data)
    both = data.open_valid("explain")
    chosen = stratified(both.y.numpy(), m, seed)
    rest = np.setdiff1d(np.arange(len(both)), chosen)
    return replace(data, valid=both.take(chosen), origin={}), both.take(rest)


def _crossed(data: Dataset, n: int, seed: int) -> Dataset:
    """The data set with ``n`` of its validation samples in train, instead of as many others."""
    train, valid = data.train, data.open_valid("explain")
    if n >= len(train):
        raise TizaError("crossing-few", where=data.name, n=len(train), wanted=n)
    stay = train.take(stratified(train.y.numpy(), len(train) - n, seed))
    come = valid.take(stratified(valid.y.numpy(), n, seed))
    if isinstance(stay.x, Rows) or isinstance(come.x, Rows):
        raise RequestError("crossing-large", where=data.name)
    return replace(data, train=Split(torch.cat([stay.x, come.x]), torch.cat([stay.y, come.y])))


def _trained(recipe: Recipe, data: Dataset, unseen: Split, seed: int) -> tuple[list[float], list[float]]:
    """Accuracies on validation and on what was never seen, after each epoch."""
    ready = prepare(replaced(recipe, [("plan.seed", seed)]), data, None)
    found: tuple[list[float], list[float]] = [], []

    def note(event: Event, learner: Learner) -> None:
        if isinstance(event, Measured):
            found[0].append(event.valid["accuracy"][0])
            found[1].append(summary(measure(learner.logits, unseen.to(learner.device)), "accuracy")["accuracy"][0])

    watch(ready, note)
    return found
