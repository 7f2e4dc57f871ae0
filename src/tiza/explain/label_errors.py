"""Labels that are probably wrong: folds of a recipe answer samples that they have not seen, and disagree for sure."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tiza import runs
from tiza.config import Recipe
from tiza.data.dataset import Dataset
from tiza.data.folds import places_of, pool_of
from tiza.data.sources import load
from tiza.errors import RequestError, TizaError
from tiza.explain.confident import Confident, check_rank, confident
from tiza.trials.folder import outcomes
from tiza.trials.searching import search
from tiza.trials.standing import Progress

FOLDS = 5
KEPT = 30  # samples that come with the answer


@dataclass(frozen=True)
class LabelErrors:
    """The labels of train and validation that are probably wrong, the likeliest first.

    ``n`` samples in ``folds`` parts; ``accuracy``: the share that is answered as it is labelled.
    ``found``: what confident learning says. For each of its K errors: ``split`` and ``index`` (K) where it stands,
    ``label`` and ``suggested`` (K) class numbers, ``probabilities`` (K×2) of the two. ``samples``: the first 30 of
    them, uint8 C×H×W or float32 F each. ``search``: the folder that keeps the folds.
    """

    classes: tuple[str, ...]
    n: int
    folds: int
    accuracy: float
    found: Confident
    split: tuple[str, ...]
    index: np.ndarray
    label: np.ndarray
    probabilities: np.ndarray
    samples: np.ndarray
    search: Path

    @property
    def suggested(self) -> np.ndarray:
        """The class that each probably has, (K)."""
        return self.found.suggested

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it."""
        columns = (self.split, self.index, self.label, self.suggested, self.probabilities, self.found.scores)
        errors = [
            {"split": split, "index": int(i), "label": self.classes[label], "suggested": self.classes[other],
             "label_probability": float(p), "suggested_probability": float(q), "score": float(score)}
            for split, i, label, other, (p, q), score in zip(*columns, strict=True)
        ]  # fmt: skip
        arrays = ("thresholds", "joint", "noise")
        estimated = {name: getattr(self.found, name).tolist() for name in arrays}
        return {
            "n": self.n, "folds": self.folds, "accuracy": self.accuracy, "share": self.found.share,
            "classes": self.classes, **estimated, "errors": errors, "search": str(self.search),
        }  # fmt: skip


def label_errors(
    of: "Recipe | runs.Run | str | Path", folds: int = FOLDS, *, by: str = "margin", data: Any = None, seed: int = 0,
    said: Callable[[Progress], None] | None = None,
) -> LabelErrors:  # fmt: skip
    """The samples of train and validation whose labels are probably wrong (Northcutt, Jiang & Chuang 2021).

    The recipe ``of``, or that of a run, is trained ``folds`` times, each on the other parts of train and validation, to
    the end of its plan; each part is answered by the model that has not seen it, and identical samples are in one part.
    See :func:`confident` for the rest and for ``by``. The folds of a run stay in its folder, so that asking again costs
    nothing and an interrupted training goes on. ``data``: the user's own. ``said`` is told how it stands.

    Raises :class:`TizaError` for a run of the user's own module (answers of other models go to :func:`confident`), for
    more folds than a class has samples, and where a fold diverges.
    """
    run = None if isinstance(of, Recipe) else runs.find(of)
    recipe = of if isinstance(of, Recipe) else runs.find(of).recipe
    if folds < 2:
        raise RequestError("label-errors-folds", where="--folds", n=folds)
    check_rank(by)
    if recipe.model.name == "external":
        raise RequestError("label-errors-own", where=str(of))
    dataset = data if isinstance(data, Dataset) else load(recipe.data if data is None else data)
    if run is not None:
        runs.check_data(run, dataset)
    # The labels of a fold must not choose the epoch at which its model stops.
    plain = recipe.model_copy(update={"plan": recipe.plan.model_copy(update={"patience": None, "keep": "last"})})
    kept = None if run is None else folder_of(run, folds, seed)
    again = kept is not None and (kept / "search.json").is_file()
    asked: dict[str, Any] = {} if again else {"recipe": plain, "folds": folds, "seed": seed, "probabilities": True}
    trials = search(**asked, data=dataset, sealed=True, run=kept, resume=again, said=said)
    places, pool = places_of(dataset, folds, seed), pool_of(dataset)
    p = np.zeros((len(pool), len(dataset.classes)))
    for (_, mine), outcome in zip(places, trials.of(0), strict=True):
        if outcome.probabilities is None:
            raise TizaError("label-errors-diverged", where=str(trials.path), fold=outcome.fit.fold + 1)
        p[mine] = outcome.probabilities
    labels = pool.y.numpy()
    found = confident(labels, p, by=by)
    errors, first = found.errors, len(dataset.train)
    return LabelErrors(
        dataset.classes, len(pool), folds, float((p.argmax(1) == labels).mean()), found,
        tuple("train" if i < first else "valid" for i in errors), np.where(errors < first, errors, errors - first),
        labels[errors], np.stack([p[errors, labels[errors]], p[errors, found.suggested]], 1),
        np.asarray(pool.take(errors[:KEPT]).x[:]), trials.path,
    )  # fmt: skip


def folder_of(run: runs.Run, folds: int = FOLDS, seed: int = 0) -> Path:
    """Where the folds of a run are kept."""
    return run.path / "label-errors" / f"folds-{folds}-seed-{seed}"


def label_errors_seconds(run: runs.Run, folds: int = FOLDS, seed: int = 0) -> float | None:
    """About how many seconds :func:`label_errors` trains: from how long the run did; 0 where its folds are kept.

    None where the run says nothing.
    """
    history = run.history()
    if not history:
        return None
    path, one = folder_of(run, folds, seed), history[-1].seconds
    done = len(outcomes(path)) if (path / "search.json").is_file() else 0
    return (folds - done) * one * (folds - 1) / folds
