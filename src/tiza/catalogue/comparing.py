"""``compare()``: a recipe against its variants, over the same seeds: what a mistake costs, what a choice brings."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from tiza.catalogue.systems import system
from tiza.config import Recipe, changed
from tiza.errors import RequestError
from tiza.fitting import fit
from tiza.registry import lookup
from tiza.reports import evaluate

METRICS = ("accuracy", "f1_macro", "loss")
SEEDS = 5


@dataclass(frozen=True)
class Trained:
    """A recipe over seeds: for train and validation each metric's values, and the seconds of training."""

    id: str
    seeds: tuple[int, ...]
    train: dict[str, list[float]]
    valid: dict[str, list[float]]
    seconds: list[float]


@dataclass(frozen=True)
class Difference:
    """A variant's metric on validation minus the recipe's, paired by seed, with the 95 % interval of the mean.

    ``shown``: the interval leaves 0 out, so that these seeds can show a difference.
    """

    id: str
    metric: str
    mean: float
    low: float
    high: float

    @property
    def shown(self) -> bool:
        """Whether these seeds can tell it from none."""
        return not self.low <= 0 <= self.high


@dataclass(frozen=True)
class Comparison:
    """A recipe and its variants, trained over the same seeds."""

    recipe: Trained
    variants: tuple[Trained, ...]

    def differences(self) -> list[Difference]:
        """Of every variant, metric by metric."""
        return [_difference(self.recipe, other, metric) for other in self.variants for metric in METRICS]

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it."""
        return {
            "recipes": [vars(trained) for trained in (self.recipe, *self.variants)],
            "differences": [{**vars(d), "shown": d.shown} for d in self.differences()],
        }


def compare(id: str, seeds: int = SEEDS, said: Callable[[str, int], None] | None = None) -> Comparison:
    """Train ``id`` and its variants with the seeds 0 … ``seeds`` − 1, which divide the data too, and measure them.

    ``said(recipe, seed)`` is called before each training. The test split stays sealed, except where a recipe as
    written validates on it. Nothing is kept in TIZA_HOME. Raises :class:`TizaError` for a recipe without variants.
    """
    found = system(id)
    if not found.variants:
        raise RequestError("no-variants", where=id, id=id)
    if seeds < 2:
        raise RequestError("few-seeds", where="--seeds", n=seeds)
    first, *others = (trained(name, range(seeds), said, divided=True) for name in (id, *found.variants))
    return Comparison(first, tuple(others))


def trained(
    id: str, seeds: Sequence[int], said: Callable[[str, int], None] | None = None, *, divided: bool = False
) -> Trained:
    """The recipe ``id`` trained once for each seed; ``divided``: the seed divides the data too."""
    measured: list[dict[str, Any]] = []
    for seed in seeds:
        if said:
            said(id, seed)
        again = [f"data.seed={seed}"] * divided
        measured.append(_measured(changed(lookup("recipe", id).function(), [f"plan.seed={seed}", *again])))
    splits = {
        split: {metric: [m[split][metric] for m in measured] for metric in METRICS} for split in ("train", "valid")
    }
    return Trained(id, tuple(seeds), splits["train"], splits["valid"], [m["seconds"] for m in measured])


def _measured(recipe: Recipe) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        run = fit(recipe, run=Path(folder) / "run")
        report = evaluate(run, sealed=recipe.data.valid != "test")
        seconds = run.ended.seconds if run.ended else 0.0
        return {"train": report.splits["train"], "valid": report.splits["valid"], "seconds": round(seconds, 2)}


def _difference(recipe: Trained, other: Trained, metric: str) -> Difference:
    """Student's interval of the mean of paired differences."""
    from scipy import stats

    values = np.subtract(other.valid[metric], recipe.valid[metric])
    mean, error = fmean(values), float(values.std(ddof=1)) / len(values) ** 0.5
    half = float(stats.t.ppf(0.975, len(values) - 1)) * error
    return Difference(other.id, metric, mean, mean - half, mean + half)
