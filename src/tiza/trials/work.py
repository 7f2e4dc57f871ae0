"""A pack trained through ``stream()``: what comes of each of its fits, as it comes."""

import time
from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tiza.data.dataset import Dataset
from tiza.fitting import prepare
from tiza.readers import Reader, early_stopping
from tiza.training.events import Changed, Command, Drop, Event, Measured, RunEnded, Stepped, Stop
from tiza.training.features import seen
from tiza.training.feed import Feed, Lanes
from tiza.training.learner import Learner
from tiza.training.loop import stream
from tiza.training.machine import using_threads
from tiza.training.position import Position
from tiza.trials.outcome import Fit, Outcome
from tiza.trials.packs import Datasets, Pack, stack
from tiza.trials.space import Search

Rung = dict[int, float]  # the validation accuracy of each line that still trains


@dataclass(frozen=True)
class Moment:
    """How a pack stands: ``epochs`` trained, of all lines together, and the validation accuracy of each line's fits."""

    epochs: float
    accuracy: dict[Fit, float | None]


def train(
    pack: Pack,
    datasets: Datasets,
    *,
    tell: Callable[[Outcome | Moment], None],
    readers: Collection[Reader] = (),
    rungs: Collection[int] = (),
) -> Generator[Rung, Collection[int], None]:
    """Train the pack; every outcome and moment is told.

    After the epochs ``rungs`` the validation accuracy of each line is yielded, and what is sent back are the lines that
    train no further. ``readers`` are asked at every event, as those of a run are.
    """
    readers = list(readers)
    if pack.way == "stacked":
        learner, feed, plan = stack(pack.lines, datasets)
        position = Position.start(plan, len(pack.lines))
        position.lr = [line.recipe.plan.lr for line in pack.lines]
        position.weight_decay = [line.recipe.plan.weight_decay for line in pack.lines]
    else:
        data, recipe = datasets.line(pack.lines[0]), pack.lines[0].recipe
        quiet = recipe.model_copy(update={"plan": recipe.plan.model_copy(update={"probe": 0.0})})
        ready = prepare(quiet, data, None, chosen=(pack.engine, pack.threads))
        learner, plan = ready.learner, quiet.plan
        feed = Feed(seen(learner, data), plan, learner.device, "search", train=False)
        position = Position.start(plan, 1)
        readers.append(early_stopping(plan))
    collector = _Collector(pack, learner, feed, position, tell, probabilities=datasets.search.probabilities)
    events = stream(learner, feed, plan, position=position)
    command: Command | None = None
    try:
        while True:
            with using_threads(pack.threads):
                event = events.send(command)
                collector.take(event)
                commands = [said for reader in readers if (said := reader(event, learner)) is not None]
            command = commands[0] if commands else None
            if isinstance(event, Measured) and event.epoch in rungs and event.epoch < plan.epochs and not command:
                gone = yield {k: event.valid["accuracy"][k] for k in position.alive}
                collector.leave(gone)
                command = _without(gone, position)
    except StopIteration:
        return
    finally:
        events.close()


def whole(pack: Pack, search: Search, given: Dataset | None) -> list[Outcome]:
    """A pack's outcomes, in a process of its own, which reads the data once."""
    key = search.model_dump_json() + (given.fingerprint if given is not None else "")
    if key not in _read:
        _read.clear()
        _read[key] = Datasets(search, given)
    return outcomes_of(pack, _read[key])


_read: dict[str, Datasets] = {}


def outcomes_of(pack: Pack, datasets: Datasets) -> list[Outcome]:
    """Train the pack to its end; what came of it."""
    told: list[Outcome | Moment] = []
    for _ in train(pack, datasets, tell=told.append):
        pass
    return [news for news in told if isinstance(news, Outcome)]


def _without(gone: Collection[int], position: Position) -> Command | None:
    if not gone:
        return None
    return Stop("dropped") if set(position.alive) <= set(gone) else Drop(tuple(gone))


class _Collector:
    """Makes outcomes of what the loop measures."""

    def __init__(
        self, pack: Pack, learner: Learner, feed: Feed | Lanes, position: Position, tell: Callable[[Any], None], *,
        probabilities: bool,
    ) -> None:  # fmt: skip
        self.pack, self.learner, self.feed, self.position, self.tell = pack, learner, feed, position, tell
        self.probabilities = probabilities
        self.curves: list[list[float | None]] = [[] for _ in pack.lines]
        self.keeps_best = pack.way == "alone" and pack.lines[0].recipe.plan.keep == "best"
        self.best: tuple[float, Measured, Tensor] | None = None
        self.last: Measured | None = None
        self.per_epoch = len(feed)
        self.said = 0.0

    def take(self, event: Event) -> None:
        match event:
            case Changed() if event.diverged:
                for k in event.diverged:
                    self.lost(k, "diverged", event.epoch)
            case Stepped():
                self.moment(event.step / self.per_epoch)
            case Measured():
                self.measured(event)
            case RunEnded():
                self.ended(event)

    def moment(self, epochs: float) -> None:
        """Tell how it stands, at most five times a second."""
        if (now := time.perf_counter()) - self.said < 0.2:
            return
        self.said = now
        accuracy = {
            fit: curve[-1] if curve else None
            for line, curve in zip(self.pack.lines, self.curves, strict=True)
            for fit, _ in line.answers
        }
        self.tell(Moment(epochs * len(self.pack.lines), accuracy))

    def measured(self, event: Measured) -> None:
        self.last = event
        for k in self.position.alive:
            self.curves[k].append(event.valid["accuracy"][k])
        answers: Tensor | None = None
        if self.keeps_best:
            if self.best is None or event.valid["loss"][0] < self.best[0]:
                self.best = event.valid["loss"][0], event, self.answers()
            return
        for place, k in enumerate(self.position.alive):
            for fit, epochs in self.pack.lines[k].answers:
                if epochs == event.epoch and event.step == event.epoch * self.per_epoch:
                    answers = self.answers() if answers is None else answers
                    self.outcome(k, fit, "done", event, answers[place])
        self.moment(event.epoch)

    def answers(self) -> Tensor:
        """What each model that still trains answers for the validation samples of its fold, (T, N).

        Where the search keeps them, their probabilities, (T, N, C).
        """
        chunks = (
            (x for x, _ in self.feed.chunks()) if isinstance(self.feed, Lanes) else self.feed.open_valid().x.split(250)
        )
        logits = (self.learner.logits(x) for x in chunks)
        return torch.cat([z.softmax(-1) if self.probabilities else z.argmax(-1) for z in logits], 1).cpu()

    def outcome(self, k: int, fit: Fit, status: str, event: Measured, answers: Tensor) -> None:
        seconds = event.seconds / len(self.pack.lines)
        valid, running = event.valid, event.running
        outcome = Outcome(
            fit, status, self.pack.way, fit == self.pack.lines[k].own, event.epoch, seconds,
            valid["loss"][k], valid["accuracy"][k], valid["f1_macro"][k], running["accuracy"][k],
            self.curves[k][: event.epoch], (answers.argmax(-1) if self.probabilities else answers).numpy(),
            answers.numpy() if self.probabilities else None,
        )  # fmt: skip
        self.tell(outcome)

    def lost(self, k: int, status: str, epoch: int) -> None:
        """A line ended early: what it still had to answer has no answers."""
        seconds = (self.last.seconds if self.last else 0.0) / len(self.pack.lines)
        for fit, epochs in self.pack.lines[k].answers:
            if epochs > len(self.curves[k]):
                own = fit == self.pack.lines[k].own
                empty = torch.zeros(0).numpy()
                curve = self.curves[k] if status == "dropped" else [*self.curves[k], None]
                last = self.curves[k][-1] if status == "dropped" and self.curves[k] else None
                self.tell(
                    Outcome(fit, status, self.pack.way, own, epoch, seconds, None, last, None, None, curve, empty)
                )

    def leave(self, gone: Collection[int]) -> None:
        """Lines that train no further."""
        for k in gone:
            self.lost(k, "dropped", self.last.epoch if self.last else 0)

    def ended(self, event: RunEnded) -> None:
        if event.reason == "diverged":
            for k in self.position.alive:
                self.lost(k, "diverged", event.epoch)
        elif event.reason in ("done", "early") and self.pack.way == "alone" and self.last is not None:
            for fit, _ in self.pack.lines[0].answers:
                if self.best is not None:
                    _, measured, answers = self.best
                    self.outcome(0, fit, event.reason, measured, answers[0])
                elif event.reason == "early":
                    self.outcome(0, fit, "early", self.last, self.answers()[0])
