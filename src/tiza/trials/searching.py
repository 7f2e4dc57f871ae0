"""``search()``: every trial trained, most of them as one; ranked by validation; the winner alone meets the test set."""

import math
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from tiza import runs, storage
from tiza.config import Recipe, make
from tiza.data.dataset import Dataset
from tiza.data.seal import Sealed
from tiza.data.sources import load
from tiza.errors import RequestError, TizaError
from tiza.i18n import t
from tiza.readers import Reader, interruptible
from tiza.registry import lookup
from tiza.registry import table as table_of
from tiza.reports import evaluate
from tiza.training.events import Stop
from tiza.trials import folder, packs, table
from tiza.trials.outcome import Fit, Outcome
from tiza.trials.space import Search, Trial, axis, trials_of
from tiza.trials.work import Moment, train, whole

EVERY = 0.5  # seconds between two words on how it stands


@dataclass(frozen=True)
class Progress:
    """How a search stands: fits that are done, of how many; seconds left, estimated; the best mean accuracy so far."""

    done: int
    of: int
    share: float
    left: float | None
    best: float | None


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
        wanted = _wanted(recipe, grid, given, trials, folds, repeats, halving, reuse, seed)
        path, facts = None if run is None else Path(run), {}
    _check_ways(wanted, halving=wanted.halving, budget=budget, jobs=jobs, on=on)
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
    with runs.Run(path).locked(), interruptible() as interrupted:
        monitor = Monitor(path, wanted, every, said)
        lines = packs.lines_of(every, wanted, datasets, monitor.outcomes)
        try:
            _work(lines, every, datasets, monitor, interrupted, budget, jobs, on)
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


def _wanted(
    recipe: Any, grid: Mapping[str, Any] | None, given: Dataset | None, trials: int | None, folds: int | None,
    repeats: int, halving: int | None, reuse: bool, seed: int,
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
        "trials": trials, "folds": folds, "repeats": repeats, "halving": halving, "reuse": reuse, "seed": seed,
    }  # fmt: skip
    return make(Search, plain)


def _check_ways(wanted: Search, *, halving: int | None, budget: float | None, jobs: int, on: str | None) -> None:
    if on is not None and on != "ray" and not on.startswith("ray="):
        raise RequestError("search-on", where="on", on=on)
    if jobs < 1:
        raise RequestError("search-jobs", where="jobs", n=jobs)
    if budget is not None and not budget > 0:
        raise RequestError("search-budget-none", where="budget")
    if halving and (jobs > 1 or on):
        raise RequestError("search-halving-alone", where="halving")
    if halving and "plan.epochs" in wanted.grid:
        raise RequestError("search-halving-epochs", where="plan.epochs")


class Monitor:
    """Keeps every outcome in the folder, and says how the search stands."""

    def __init__(
        self, path: Path, wanted: Search, every: Sequence[Trial], said: Callable[[Progress], None] | None
    ) -> None:
        self.path, self.wanted, self.every, self.said = path, wanted, every, said
        self.outcomes = folder.outcomes(path)
        self.before = folder.spent(path)
        self.ended: float | None = None  # when all were trained; the winner is trained once more afterwards
        self.of = len(every) * wanted.repeats * (wanted.folds or 1)
        self.began = self.planned = time.perf_counter()
        self.spoke = -math.inf
        self.total = self.finished = self.running = 0.0  # estimated seconds of work
        self.now: dict[Fit, float | None] = {}
        self.spent = False
        self.pack: packs.Pack | None = None

    def start(self, all_packs: Sequence[packs.Pack]) -> None:
        """What is to be done."""
        self.planned = time.perf_counter()
        self.total = sum(map(seconds_of, all_packs))
        self.say("running")

    def tell(self, news: Outcome | Moment) -> None:
        """Take in what a pack says."""
        if isinstance(news, Outcome):
            self.outcomes[news.fit] = news
            folder.keep(self.path, news)
        else:
            self.now = news.accuracy
            if self.pack is not None:
                self.running = seconds_of(self.pack) * news.epochs / max(self.pack.epochs, 1)
        if time.perf_counter() - self.spoke >= EVERY:
            self.say("running")

    def over(self, pack: packs.Pack) -> None:
        """A pack is done."""
        self.finished += seconds_of(pack)
        self.running, self.pack, self.now = 0.0, None, {}

    def say(self, status: str) -> None:
        """Write down how it stands, and call who asked to be told."""
        self.spoke = time.perf_counter()
        share = min(1.0, (self.finished + self.running) / self.total) if self.total else 0.0
        left = (self.spoke - self.planned) * (1 - share) / share if share > 0.01 else None
        accuracy = self.accuracy()
        best = max((a for a in accuracy.values() if a is not None), default=None)
        done = len(self.outcomes)
        plain = {"status": status, "done": done, "of": self.of, "share": round(share, 4), "left": left}
        plain["seconds"] = round(self.before + (self.ended or self.spoke) - self.began, 3)
        plain["accuracy"] = {str(k): a and round(a, 5) for k, a in accuracy.items()}
        folder.say(self.path, plain)
        if self.said is not None:
            self.said(Progress(done, self.of, share, left, best))

    def accuracy(self) -> dict[int, float | None]:
        """The mean validation accuracy of each trial, of what is known of it so far."""
        known: dict[int, list[float]] = defaultdict(list)
        for fit, outcome in self.outcomes.items():
            known[fit.trial] += [] if outcome.accuracy is None else [outcome.accuracy]
        for fit, accuracy in self.now.items():
            if fit not in self.outcomes and accuracy is not None:
                known[fit.trial].append(accuracy)
        return {k: fmean(values) if values else None for k, values in known.items()}


def seconds_of(pack: packs.Pack) -> float:
    """How long a pack is likely to take."""
    return pack.seconds * max(line.recipe.plan.epochs for line in pack.lines)


def _work(
    lines: list[packs.Line], every: Sequence[Trial], datasets: packs.Datasets, monitor: Monitor, interrupted: Reader,
    budget: float | None, jobs: int, on: str | None,
) -> None:  # fmt: skip
    """Train what is left."""
    began = time.perf_counter()
    threads = max(1, torch.get_num_threads() // jobs) if jobs > 1 else None
    planned = packs.packs_of(lines, datasets, threads=threads)
    for pack in {pack.smaller: pack for pack in planned if pack.smaller}.values():
        said = t("warning.search-smaller", n=len(pack.lines), of=pack.smaller)
        warnings.warn(said, storage.TizaWarning, stacklevel=3)
    monitor.start(planned)
    deadline = None if budget is None else began + budget
    if on is not None:
        from tiza.trials import cluster

        results = cluster.results(on, planned, datasets)
        _gather(results, monitor, deadline)
    elif jobs > 1:
        _gather(_in_processes(planned, datasets, jobs), monitor, deadline)
    elif halving := datasets.search.halving:
        _halve(planned, every, datasets, monitor, [interrupted, _until(deadline, monitor)], halving)
        _insist(interrupted)
    else:
        for number, pack in enumerate(planned):
            fitted = _within(pack, deadline, first=number == 0, monitor=monitor)
            if fitted is None:
                return
            monitor.pack = fitted
            for _ in train(fitted, datasets, tell=monitor.tell, readers=[interrupted, _until(deadline, monitor)]):
                pass
            _insist(interrupted)
            monitor.over(fitted)


def _within(pack: packs.Pack, deadline: float | None, *, first: bool, monitor: Monitor) -> packs.Pack | None:
    """The pack, or as much of it as the time that is left allows; None for nothing."""
    if deadline is None:
        return pack
    left = deadline - time.perf_counter()
    one = seconds_of(pack) / len(pack.lines)
    n = min(len(pack.lines), math.floor(left / one)) if left > 0 else 0
    if n < 1:
        monitor.spent = True
        if first:
            raise TizaError("search-budget", where="budget", needed=math.ceil(one))
        return None
    if n < len(pack.lines):
        monitor.spent = True
        return replace(pack, lines=tuple(packs.in_lanes(pack.lines[:n])), seconds=pack.seconds * n / len(pack.lines))
    return pack


def _until(deadline: float | None, monitor: Monitor) -> Reader:
    """Stops when the budget is spent."""

    def read(event: Any, learner: Any) -> Stop | None:
        if deadline is None or time.perf_counter() < deadline:
            return None
        monitor.spent = True
        return Stop("budget")

    return read


def _halve(
    planned: Sequence[packs.Pack], every: Sequence[Trial], datasets: packs.Datasets, monitor: Monitor,
    readers: Collection[Reader], eta: int,
) -> None:  # fmt: skip
    """Successive halving (Jamieson & Talwalkar 2016): all packs side by side, the weak leave after each rung."""
    epochs = datasets.search.recipe.plan.epochs
    heights = range(int(math.log(len(every), eta) + 1e-9), 0, -1)
    rungs = sorted({math.ceil(epochs / eta**i) for i in heights} - {epochs})
    alive = [(pack, train(pack, datasets, tell=monitor.tell, readers=readers, rungs=rungs)) for pack in planned]
    stands: list[dict[int, float] | None] = [next(one, None) for _, one in alive]
    for n, _ in enumerate(rungs, 1):
        scores: dict[int, list[float]] = defaultdict(list)
        for (pack, _), accuracies in zip(alive, stands, strict=True):
            for k, accuracy in (accuracies or {}).items():
                for fit, _epochs in pack.lines[k].answers:
                    scores[fit.trial].append(accuracy)
        ranked = sorted(scores, key=lambda trial: -fmean(scores[trial]))
        stay = set(ranked[: max(1, math.ceil(len(every) / eta**n))])
        for i, ((pack, training), accuracies) in enumerate(zip(alive, stands, strict=True)):
            if accuracies is None:
                continue
            gone = [k for k in accuracies if not any(fit.trial in stay for fit, _ in pack.lines[k].answers)]
            monitor.pack = pack
            try:
                stands[i] = training.send(gone)
            except StopIteration:
                stands[i] = None
                monitor.over(pack)
    for _, training in alive:
        training.close()


def _insist(interrupted: Reader) -> None:
    """Training stopped in order because Ctrl-C was pressed: so does the rest."""
    if interrupted(None, None) is not None:  # type: ignore[arg-type]
        raise KeyboardInterrupt


def _in_processes(
    planned: Sequence[packs.Pack], datasets: packs.Datasets, jobs: int
) -> Iterator[tuple[packs.Pack, list[Outcome]]]:
    """The packs in worker processes, as they are done."""
    given = datasets.base if datasets.base.config.name == "external" else None
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        tasks = {pool.submit(whole, pack, datasets.search, given): pack for pack in planned}
        try:
            for task in as_completed(tasks):
                yield tasks[task], task.result()
        except BrokenProcessPool:
            raise TizaError("search-worker", where="jobs") from None
        finally:
            for task in tasks:
                task.cancel()


def _gather(results: Iterator[tuple[packs.Pack, list[Outcome]]], monitor: Monitor, deadline: float | None) -> None:
    for pack, outcomes in results:
        for outcome in outcomes:
            monitor.tell(outcome)
        monitor.over(pack)
        if deadline is not None and time.perf_counter() > deadline:
            monitor.spent = True
            return
