"""``compare()``: a recipe against its variants, over the same seeds: what a mistake costs, what a choice brings."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tiza.catalogue.gaining import Mean, Phases, gains, mean_of
from tiza.catalogue.systems import system
from tiza.config import Recipe, changed
from tiza.data.dataset import Dataset
from tiza.data.seal import Split
from tiza.data.sources import load
from tiza.errors import RequestError
from tiza.fitting import fit
from tiza.metrics import measure, summary
from tiza.registry import lookup
from tiza.reports import evaluate
from tiza.training.events import Command, Event, Measured, Pause, RunStarted, Step, Stepped
from tiza.training.learner import Learner

METRICS = ("accuracy", "f1_macro", "loss")
SEEDS = 5
POINTS = 20  # of a curve that is measured on the way


@dataclass(frozen=True)
class Trained:
    """A recipe over seeds: for train and validation each metric's values, and the seconds of training.

    ``curves``: of each seed the ``accuracy`` on validation after so many ``epochs`` and ``seconds`` of training.
    """

    id: str
    seeds: tuple[int, ...]
    train: dict[str, list[float]]
    valid: dict[str, list[float]]
    seconds: list[float]
    curves: list[dict[str, list[float]]]


@dataclass(frozen=True, kw_only=True)
class Difference(Mean):
    """A variant's metric on validation minus the recipe's, paired by seed."""

    id: str
    metric: str


@dataclass(frozen=True)
class Comparison:
    """A recipe and its variants, trained over the same seeds."""

    recipe: Trained
    variants: tuple[Trained, ...]

    def gains(self) -> list[Phases]:
        """Start, slope and asymptote of each, where curves begin before the first update; else nothing."""
        every = (self.recipe, *self.variants)
        begun = all(curve["epochs"][:1] == [0] for one in every for curve in one.curves)
        return gains({one.id: one.curves for one in every}) if begun else []

    def differences(self) -> list[Difference]:
        """Of every variant, metric by metric."""
        return [_difference(self.recipe, other, metric) for other in self.variants for metric in METRICS]

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it."""
        return {
            "recipes": [vars(trained) for trained in (self.recipe, *self.variants)],
            "differences": [{**vars(d), "shown": d.shown} for d in self.differences()],
            "gains": [phases.to_dict() for phases in self.gains()],
        }


def compare(
    id: str, seeds: int = SEEDS, said: Callable[[str, int], None] | None = None, *, curves: bool = False
) -> Comparison:
    """Train ``id`` and its variants with the seeds 0 … ``seeds`` − 1, which divide the data too, and measure them.

    ``said(recipe, seed)`` is called before each training. ``curves``: where epochs are few, measure also between them.
    A recipe about learning curves (``start`` of its entry) has them from before the first update. The test split stays
    sealed, except where a recipe as written validates on it. Nothing is kept in TIZA_HOME but a body that a transfer
    needs, trained the first time. Raises :class:`TizaError` for a recipe without variants.
    """
    found = system(id)
    if not found.variants:
        raise RequestError("no-variants", where=id, id=id)
    if seeds < 2:
        raise RequestError("few-seeds", where="--seeds", n=seeds)
    start = lookup("recipe", id).facts.get("start", False)
    first, *others = (
        trained(name, range(seeds), said, divided=True, curves=curves, start=start) for name in (id, *found.variants)
    )
    return Comparison(first, tuple(others))


def trained(
    id: str, seeds: Sequence[int], said: Callable[[str, int], None] | None = None, *,
    divided: bool = False, curves: bool = False, start: bool = False,
) -> Trained:  # fmt: skip
    """The recipe ``id`` trained once for each seed; ``divided``: the seed divides the data too.

    ``start``: curves begin before the first update.
    """
    measured: list[dict[str, Any]] = []
    for seed in seeds:
        if said:
            said(id, seed)
        again = [f"data.seed={seed}"] * divided
        recipe = changed(lookup("recipe", id).function(), [f"plan.seed={seed}", *again])
        measured.append(_measured(recipe, curves, start))
    splits = {
        split: {metric: [m[split][metric] for m in measured] for metric in METRICS} for split in ("train", "valid")
    }
    seconds, lines = ([m[key] for m in measured] for key in ("seconds", "curve"))
    return Trained(id, tuple(seeds), splits["train"], splits["valid"], seconds, lines)


def _measured(recipe: Recipe, curve: bool, start: bool) -> dict[str, Any]:
    data = load(recipe.data)
    points: dict[int, tuple[float, float, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        run = fit(recipe, data, run=Path(folder) / "run", readers=[_curve(data, points, often=curve, start=start)])
        report = evaluate(run, data, sealed=recipe.data.valid != "test")
        seconds = run.ended.seconds if run.ended else 0.0
    noted = [points[step] for step in sorted(points)]
    return {
        "train": report.splits["train"], "valid": report.splits["valid"], "seconds": round(seconds, 2),
        "curve": {name: [row[i] for row in noted] for i, name in enumerate(("epochs", "seconds", "accuracy"))},
    }  # fmt: skip


def _curve(
    data: Dataset, points: dict[int, tuple[float, float, float]], *, often: bool, start: bool
) -> Callable[[Event, Learner], Command | None]:
    """A reader that notes epochs, seconds and accuracy on validation, by step: after each epoch.

    ``often``: about 20 times in all, where that is more; ``start``: before the first update too. Neither where
    validation is the test set, which each time opens.
    """
    per_epoch = every = 1
    paused = False

    def read(event: Event, learner: Learner) -> Command | None:
        nonlocal per_epoch, every, paused
        if isinstance(event, RunStarted):
            per_epoch = event.steps_per_epoch
            every = max(1, event.epochs * per_epoch // POINTS)
            if start and isinstance(data.valid, Split):
                points[0] = 0.0, 0.0, _accuracy(learner, data.valid)
            paused = often and every < per_epoch and isinstance(data.valid, Split)
            return Pause() if paused else None
        if isinstance(event, Measured):
            points[event.step] = event.step / per_epoch, event.seconds, event.valid["accuracy"][0]
        elif paused and isinstance(event, Stepped) and isinstance(data.valid, Split) and event.step % every == 0:
            points[event.step] = event.step / per_epoch, event.seconds, _accuracy(learner, data.valid)
            return Step(every)
        elif paused and event.step == 0:
            return Step(every)
        return None

    return read


def _accuracy(learner: Learner, split: Split) -> float:
    return summary(measure(learner.logits, split.to(learner.device)), "accuracy")["accuracy"][0]


def _difference(recipe: Trained, other: Trained, metric: str) -> Difference:
    found = mean_of(np.subtract(other.valid[metric], recipe.valid[metric]))
    return Difference(**vars(found), id=other.id, metric=metric)
