"""``search()``: every trial trained, most of them as one; ranked by validation; the winner alone meets the test set."""

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from tiza import runs
from tiza.config import Recipe, make
from tiza.data.dataset import Dataset
from tiza.data.seal import Sealed
from tiza.data.sources import load
from tiza.errors import RequestError, TizaError
from tiza.readers import interruptible
from tiza.registry import lookup
from tiza.registry import table as table_of
from tiza.reports import evaluate
from tiza.training.events import Event
from tiza.training.learner import Learner
from tiza.trials import cluster, folder, packs, table
from tiza.trials.space import Search, axis, trials_of
from tiza.trials.standing import Monitor, Progress
from tiza.trials.ways import work_off


def search(
    recipe: str | Recipe | Search | None = None,
    grid: Mapping[str, Any] | None = None,
    *,
    data: Any = None,
    trials: int | None = None,
    folds: int | None = None,
    repeats: int = 1,
    halving: int | None = None,
    budget: float | None = None,
    jobs: int = 1,
    reuse: bool = True,
    probabilities: bool = False,
    seed: int = 0,
    on: str | None = None,
    sealed: bool = False,
    run: str | Path | None = None,
    resume: bool = False,
    said: Callable[[Progress], None] | None = None,
) -> table.Trials:
    """Train ``recipe`` with every combination of ``grid``, rank them by validation, measure the winner once on test.

    ``recipe``: one, or the name of one, or of a search that is kept, such as ``004-grid``.
    ``grid``: fields and their values, ``{"plan.lr": [0.01, 0.1], "model.hidden": [50, (80, 40)]}``; or where they are
    drawn from, ``"log(0.001, 0.1)"``, ``"uniform(a, b)"``, ``"integer(a, b)"``, ``"choice(a, b)"``: ``trials`` times.
    ``folds``: k-fold cross-validation of train and validation together, stratified, with identical samples
    in one fold; ``repeats``: seeds from the plan's on. ``halving``: after parts of the epochs only the best of so many
    trials go on. ``budget``: seconds; what is not finished then is left out. ``jobs``: processes, or ``on="ray"`` (or
    ``"ray=ADDRESS"``). ``reuse=False``: train equal trials, and the beginnings of longer ones, each by itself.
    ``probabilities=True`` keeps those of the validation samples, in ``Trials.outcomes``.
    ``sealed=True``: the test set stays shut. ``run``: the folder, a new one by default; ``resume=True`` takes up the
    search in it, losing no finished trial and running none twice. ``said`` is called now and then.

    Dense networks of one shape are trained as one stack where that is faster; the table says which way each went.
    Raises :class:`TizaError` that names all settings that can't be built, before anything runs.
    """
    given = data if isinstance(data, Dataset) else None if data is None else load(data)
    if resume:
        if run is None:
            raise RequestError("resume-what", where="run")
        path = folder.find(run)
        wanted, facts = folder.asked(path)
    else:
        wanted = _wanted(recipe, grid, given, trials, folds, repeats, halving, reuse, probabilities, seed)
        path, facts = None if run is None else Path(run), {}
    _check_ways(wanted, budget, jobs, on)
    every = trials_of(wanted)
    datasets = packs.Datasets(wanted, given)
    if isinstance(datasets.base.valid, Sealed) and not wanted.folds:
        raise RequestError("search-on-test", where="data.valid")
    parts = datasets.of(wanted.recipe.data)
    packs.check(every, datasets)
    if resume and (facts["fingerprint"], facts["test"]) != (datasets.base.fingerprint, datasets.base.test.digest):
        raise RequestError("other-data", where=str(path))
    path = path or folder.new_folder(wanted)
    if not resume:
        folder.begin(path, wanted, datasets.base, parts)
    # Workers have no reader that could ask them to stop in order: there Ctrl-C ends the search at once.
    with runs.Run(path).locked(), nullcontext(never) if jobs > 1 or on else interruptible() as interrupted:
        monitor = Monitor(path, wanted, every, said)
        lines = packs.lines_of(every, wanted, datasets, monitor.outcomes)
        try:
            work_off(lines, every, datasets, monitor, interrupted, budget, jobs, on)
        except BaseException as error:
            monitor.say("interrupted")
            if isinstance(error, TizaError) and not resume and not monitor.outcomes:  # nothing was trained
                folder.remove(path)
            raise
        monitor.ended = time.perf_counter()
        found = table.Trials(path, given)
        if not sealed and found.rows[0]["rank"] is not None and found.report is None:
            winner = found.run(found.best)
            table.write_winner(found, evaluate(winner, found.data and replace(found.data, config=winner.recipe.data)))
        monitor.say("budget" if monitor.spent else "done")
    return table.Trials(path, given)


def never(event: Event, learner: Learner) -> None:
    """The reader that says nothing."""


def _wanted(
    recipe: Any, grid: Mapping[str, Any] | None, given: Dataset | None, trials: int | None, folds: int | None,
    repeats: int, halving: int | None, reuse: bool, probabilities: bool, seed: int,
) -> Search:  # fmt: skip
    """What is asked, checked."""
    if isinstance(recipe, str):
        recipe = lookup("search" if recipe in table_of("search") else "recipe", recipe).function()
    if isinstance(recipe, Search):
        searched = recipe
        recipe, grid, folds = searched.recipe, {**searched.grid, **(grid or {})}, folds or searched.folds
        repeats = max(repeats, searched.repeats)
    if not isinstance(recipe, Recipe):
        raise RequestError("recipe-type", where="recipe", found=type(recipe).__name__)
    if given is not None:
        recipe = recipe.model_copy(update={"data": given.config})
    if not grid and not folds and repeats == 1:
        raise RequestError("search-empty", where="grid")
    plain = {
        "recipe": recipe, "grid": {field: axis(values, field) for field, values in (grid or {}).items()},
        "trials": trials, "folds": folds, "repeats": repeats, "halving": halving, "reuse": reuse,
        "probabilities": probabilities, "seed": seed,
    }  # fmt: skip
    return make(Search, plain)


def _check_ways(wanted: Search, budget: float | None, jobs: int, on: str | None) -> None:
    if on is not None:
        cluster.check(on)
    if jobs < 1:
        raise RequestError("search-jobs", where="jobs", n=jobs)
    if budget is not None and not budget > 0:
        raise RequestError("search-budget-none", where="budget")
    if wanted.halving and (jobs > 1 or on):
        raise RequestError("search-halving-alone", where="halving")
    if wanted.halving and "plan.epochs" in wanted.grid:
        raise RequestError("search-halving-epochs", where="plan.epochs")
