"""How a search is worked off: trainings that answer one or more trials, and which of them are trained as one."""

import json
import math
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from tiza.config import Data, Plan, Recipe
from tiza.data.dataset import Dataset
from tiza.data.folds import folds
from tiza.data.rows import Rows
from tiza.data.sources import read
from tiza.errors import RequestError, TizaError, together
from tiza.fitting import check_plan, prepare
from tiza.models.building import Built, body_of, check_outputs
from tiza.models.layers import Normalise
from tiza.training.dense import layers_of
from tiza.training.features import seen
from tiza.training.feed import Feed, Lanes
from tiza.training.learner import Learner
from tiza.training.machine import using_threads
from tiza.training.stacked import StackedLearner
from tiza.training.stacked import Trial as Stacked
from tiza.trials.equal import readable, work_of
from tiza.trials.outcome import Fit
from tiza.trials.space import Search, Trial

MOST = 32  # trainings in one stack: larger ones are no faster, and smaller ones can be handed round
SHARE = 0.5  # of the free memory that a stack may take
PROBED = 4  # updates that are timed


@dataclass(frozen=True)
class Line:
    """One training on one fold, and the fits that it answers, each with the epoch at which it does."""

    recipe: Recipe
    fold: int
    answers: tuple[tuple[Fit, int], ...]

    @property
    def own(self) -> Fit:
        """The fit that it is trained for: the first of those that want all of it."""
        return min(fit for fit, epochs in self.answers if epochs == self.recipe.plan.epochs)


@dataclass(frozen=True)
class Pack:
    """Lines that are trained together (``stacked``), or a single one ``alone``.

    ``smaller``: how many would have gone together, had there been memory for them. ``seconds``: estimated, of an epoch.
    """

    lines: tuple[Line, ...]
    way: str
    engine: str
    threads: int
    seconds: float
    smaller: int | None = None

    @property
    def epochs(self) -> int:
        """How many are trained, of all lines together."""
        return sum(line.recipe.plan.epochs for line in self.lines)


class Datasets:
    """The data of each trial and fold; what is read once stays at hand."""

    def __init__(self, search: Search, given: Dataset | None = None) -> None:
        self.search = search
        self.base = given if given is not None else read(search.recipe.data)
        self.parts: dict[str, list[Dataset]] = {}
        self.scaled: dict[tuple[str, int], Normalise] = {}

    def of(self, config: Data) -> list[Dataset]:
        """The data that ``config`` names: with each fold as validation, or as it is."""
        key = config.model_dump_json()
        if key not in self.parts:
            data, search = self._whole(config), self.search
            self.parts[key] = folds(data, search.folds, search.seed) if search.folds else [data]
        return self.parts[key]

    def _whole(self, config: Data) -> Dataset:
        if config == self.base.config:
            return self.base
        data = self.base
        if config.model_copy(update={"scale": data.config.scale}) != data.config:
            data = read(config)
            digests = [(d.fingerprint, d.look("valid").digest()) for d in (data, self.base)]
            if digests[0] != digests[1]:
                raise RequestError("search-other-samples", where="data")
        return replace(data, config=config)

    def line(self, line: Line) -> Dataset:
        """The data of a line."""
        return self.of(line.recipe.data)[line.fold]

    def model(self, recipe: Recipe, fold: int) -> Built:
        """The model of a recipe as :func:`tiza.build` makes it, its weights drawn from the plan's seed."""
        data, key = self.of(recipe.data)[fold], (recipe.data.model_dump_json(), fold)
        if key not in self.scaled:
            self.scaled[key] = Normalise(*data.scaling(), dimensions=len(data.shape))
        body = body_of(recipe.model, data.shape, len(data.classes), recipe.plan.seed)
        return Built(self.scaled[key], body, recipe.model)


def check(trials: Iterable[Trial], datasets: Datasets) -> None:
    """Raise one :class:`TizaError` that names all that can't be built or trained, before anything is."""
    faults: dict[str, TizaError] = {}
    seen: set[str] = set()
    for trial in trials:
        recipe = trial.recipe
        key = recipe.model_copy(update={"plan": recipe.plan.model_copy(update=_own(recipe.plan))}).model_dump_json()
        if key in seen:
            continue
        seen.add(key)
        try:
            data = datasets.of(recipe.data)[0]
            model = datasets.model(recipe, 0)
            check_outputs(model, data.train.x[:2], len(data.classes))
            check_plan(recipe.plan, data, model)
        except TizaError as error:
            faults[str(error)] = error
    if faults:
        raise together(list(faults.values()))


def _own(plan: Plan) -> dict[str, Any]:
    """What each trial of a stack has of its own, made equal."""
    return {"lr": 1.0, "weight_decay": float(plan.weight_decay > 0), "seed": 0}


def lines_of(trials: Sequence[Trial], search: Search, datasets: Datasets, done: Iterable[Fit] = ()) -> list[Line]:
    """The trainings that answer every trial, repeat and fold that is not ``done``; equal ones are one, with reuse."""
    finished = set(done)
    work: dict[Any, list[tuple[Fit, Recipe]]] = defaultdict(list)
    for trial in trials:
        samples = [len(data.train) for data in datasets.of(trial.recipe.data)]
        for repeat in range(search.repeats):
            recipe = _seeded(trial.recipe, repeat)
            for fold, n in enumerate(samples):
                fit = Fit(trial.number, repeat, fold)
                if fit in finished:
                    continue
                same: Any = fit
                if search.reuse:
                    longest = recipe.plan.model_copy(update={"epochs": 1}) if readable(recipe) else recipe.plan
                    same = fold, work_of(recipe.model_copy(update={"plan": longest}), n)
                work[same].append((fit, recipe))
    lines = []
    for members in work.values():
        longest = max((recipe for _, recipe in members), key=lambda recipe: recipe.plan.epochs)
        answers = sorted(((fit, recipe.plan.epochs) for fit, recipe in members), key=lambda pair: (pair[1], pair[0]))
        lines.append(Line(longest, members[0][0].fold, tuple(answers)))
    return lines


def _seeded(recipe: Recipe, repeat: int) -> Recipe:
    return recipe.model_copy(update={"plan": recipe.plan.model_copy(update={"seed": recipe.plan.seed + repeat})})


def packs_of(lines: Sequence[Line], datasets: Datasets, *, threads: int | None = None) -> list[Pack]:
    """The lines in packs; what is of one shape goes together where a few timed updates show that this is faster.

    ``threads``: how many each pack may have, where several are trained at once.
    """
    groups: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        groups[_shape(line, datasets)].append(line)
    packs: list[Pack] = []
    for group in groups.values():
        packs += _grouped(group, datasets, threads)
    return packs


def _shape(line: Line, datasets: Datasets) -> str:
    """The same for lines that could be one stack."""
    plain, data = line.recipe.model_dump(mode="json"), datasets.line(line)
    plain["plan"] |= _own(line.recipe.plan)
    plain["model"].pop("dropout", None)
    if plain["plan"]["batch_size"] == "full" or plain["plan"]["batch_size"] >= len(data.train):
        plain["plan"]["batch_size"] = "full"
    if plain["plan"]["optimizer"] == "adamw" and not line.recipe.plan.weight_decay:
        plain["plan"]["optimizer"] = "adam"
    return json.dumps([plain, len(data.train), len(data.valid)], sort_keys=True)


def _grouped(lines: list[Line], datasets: Datasets, threads: int | None) -> list[Pack]:
    first, model = lines[0], datasets.model(lines[0].recipe, lines[0].fold)
    data, plan = datasets.line(first), first.recipe.plan
    asked = threads or plan.threads
    plan = plan.model_copy(update={"threads": asked})
    ready = prepare(first.recipe.model_copy(update={"plan": plan}), data, None)
    feed = Feed(seen(ready.learner, data), plan, ready.learner.device)
    most = min(MOST, fitting(model, data, plan))
    parts = [in_lanes(lines[start : start + most]) for start in range(0, len(lines), max(most, 1))]
    runners: list[tuple[Learner, Feed | Lanes, int]] = [(ready.learner, feed, ready.threads)]
    if len(lines) > 1 < most and stackable(model, plan, data, ready.learner.device):
        learner, lanes, _ = stack(parts[0], datasets)
        counts = [asked] if isinstance(asked, int) else sorted({1, torch.get_num_threads()})
        runners += [(learner, lanes, n) for n in counts]
    alone, *others = _seconds(runners)
    together, count = min(zip(others, (n for *_, n in runners[1:]), strict=True), default=(math.inf, 0))
    updates, batch = len(feed), feed.samples / len(feed)
    if together >= alone * len(parts[0]):
        seconds = alone * updates + _measuring(alone, data, batch)
        return [Pack((line,), "alone", ready.engine, ready.threads, seconds) for line in lines]
    smaller = len(lines) if most < min(MOST, len(lines)) else None
    packs: list[Pack] = []
    for part in parts:
        share = together * len(part) / len(parts[0])
        seconds = share * updates + _measuring(share, data, batch)
        packs.append(Pack(tuple(part), "stacked", "stacked", count, seconds, smaller))
    return packs


def stackable(model: Built, plan: Plan, data: Dataset, device: torch.device) -> bool:
    """Whether networks like this one can be trained as one stack."""
    plain = plan.loss == "cross-entropy" and not plan.label_smoothing and plan.class_weights is None
    even = plan.layer_decay == 1
    steady = plan.clip is None and plan.patience is None and plan.keep == "last" and plan.augment == Plan().augment
    resident = not isinstance(data.train.x, Rows)
    return device.type == "cpu" and plain and even and steady and resident and layers_of(model) is not None


def in_lanes(lines: Sequence[Line]) -> list[Line]:
    """The lines with those of one fold and seed beside each other, and among them those of one rate and decay."""
    return sorted(lines, key=lambda line: (_lane(line), line.recipe.plan.lr, line.recipe.plan.weight_decay))


def _lane(line: Line) -> tuple[int, int]:
    return line.fold, line.recipe.plan.seed


def stack(lines: Sequence[Line], datasets: Datasets) -> tuple[StackedLearner, Lanes, Plan]:
    """The learner of lines that stand in lanes, what it is fed, and the plan that they share."""
    lanes = list(dict.fromkeys(map(_lane, lines)))
    plan = max((line.recipe.plan for line in lines), key=lambda plan: plan.weight_decay)
    plan = plan.model_copy(update={"probe": 0.0})
    trials = [
        Stacked(
            datasets.model(line.recipe, line.fold), line.recipe.plan.lr, line.recipe.plan.weight_decay,
            line.recipe.plan.seed, lanes.index(_lane(line)),
        )
        for line in lines
    ]  # fmt: skip
    learner = StackedLearner(trials, plan)
    firsts = [next(line for line in lines if _lane(line) == lane) for lane in lanes]
    feeds = [Feed(datasets.line(line), line.recipe.plan, learner.device) for line in firsts]
    return learner, Lanes(feeds, learner), plan


def _seconds(runners: Sequence[tuple[Learner, Feed | Lanes, int]]) -> list[float]:
    """What one update of each learner takes on so many threads; in turn, so that a busy moment meets all of them."""
    batches = [next((x, y) for _, x, y in feed.epoch(0, 0)) for _, feed, _ in runners]
    fastest = [math.inf] * len(runners)
    with torch.random.fork_rng(devices=[]):
        for _ in range(PROBED):
            for i, ((learner, _, threads), batch) in enumerate(zip(runners, batches, strict=True)):
                with using_threads(threads):
                    began = time.perf_counter()
                    learner.train_batch(*batch)
                    fastest[i] = min(fastest[i], time.perf_counter() - began)
    return fastest


def _measuring(update: float, data: Dataset, batch: float) -> float:
    """About what measuring validation takes, from an update on ``batch`` samples: a third, sample by sample."""
    return update / 3 * len(data.valid) / batch


def fitting(model: Built, data: Dataset, plan: Plan) -> int:
    """How many models the free memory holds in one stack: values, gradients, moments, and what a batch leaves."""
    free = free_memory()
    if free is None:
        return MOST
    parameters = sum(p.numel() for p in model.parameters())
    batch = len(data.train) if isinstance(plan.batch_size, str) else min(plan.batch_size, len(data.train))
    units = sum(module.out_features for module in model.modules() if isinstance(module, torch.nn.Linear))
    return int(SHARE * free / (4 * (5 * parameters + 6 * units * max(batch, 250))))


def free_memory() -> int | None:
    """Bytes that can still be had, by the machine and by the limits of this process's group; None if nobody says."""
    found = []
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        found.append(1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")))
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        if limit.isdecimal():
            found.append(int(limit) - int(Path("/sys/fs/cgroup/memory.current").read_text()))
    except (OSError, StopIteration, ValueError):
        if not found and "SC_AVPHYS_PAGES" in getattr(os, "sysconf_names", {}):
            found.append(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(found, default=None)
