"""The ways in which packs are worked off: one after another, by halving, in worker processes, on a cluster."""

import math
import time
import warnings
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing import get_context
from statistics import fmean
from typing import Any

import torch

from tiza import storage
from tiza.errors import TizaError
from tiza.i18n import t
from tiza.readers import Reader
from tiza.training.events import Stop
from tiza.trials import cluster
from tiza.trials.outcome import Outcome
from tiza.trials.packs import Datasets, Line, Pack, in_lanes, packs_of
from tiza.trials.space import Trial
from tiza.trials.standing import Monitor, seconds_of
from tiza.trials.work import train, whole


def work_off(
    lines: list[Line], every: Sequence[Trial], datasets: Datasets, monitor: Monitor, interrupted: Reader,
    budget: float | None, jobs: int, on: str | None,
) -> None:  # fmt: skip
    """Train what is left: here, in worker processes or on a cluster; until ``budget`` seconds are spent."""
    began = time.perf_counter()
    threads = 1 if on is not None else max(1, torch.get_num_threads() // jobs) if jobs > 1 else None
    planned = packs_of(lines, datasets, threads=threads)
    for pack in {pack.smaller: pack for pack in planned if pack.smaller}.values():
        said = t("warning.search-smaller", n=len(pack.lines), of=pack.smaller)
        warnings.warn(said, storage.TizaWarning, stacklevel=3)
    monitor.start(planned)
    deadline = None if budget is None else began + budget
    if on is not None:
        _gather(cluster.results(on, planned, datasets), monitor, deadline)
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


def _within(pack: Pack, deadline: float | None, *, first: bool, monitor: Monitor) -> Pack | None:
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
        return replace(pack, lines=tuple(in_lanes(pack.lines[:n])), seconds=pack.seconds * n / len(pack.lines))
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
    planned: Sequence[Pack], every: Sequence[Trial], datasets: Datasets, monitor: Monitor,
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


def _in_processes(planned: Sequence[Pack], datasets: Datasets, jobs: int) -> Iterator[tuple[Pack, list[Outcome]]]:
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


def _gather(results: Iterator[tuple[Pack, list[Outcome]]], monitor: Monitor, deadline: float | None) -> None:
    for pack, outcomes in results:
        for outcome in outcomes:
            monitor.tell(outcome)
        monitor.over(pack)
        if deadline is not None and time.perf_counter() > deadline:
            monitor.spent = True
            return
