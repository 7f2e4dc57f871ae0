"""``stream()``: the only training loop of the project.

Shapes: T trials, B samples of a batch, C classes. Nothing waits for the device between two ticks: losses and counts of
right answers stay there until a tick brings them over together.
"""

import math
import time
from collections.abc import Generator, Iterator
from typing import Any

import torch
from torch import Tensor

from tiza.config import Augment, Plan
from tiza.data.batches import augment
from tiza.data.dataset import Dataset
from tiza.data.seal import Sealed
from tiza.errors import TizaError
from tiza.metrics import Tally, summary
from tiza.training import probes
from tiza.training.events import (
    Answered,
    Changed,
    Command,
    Drop,
    Event,
    Measured,
    Pace,
    Pause,
    Probed,
    Resume,
    RunEnded,
    RunStarted,
    Set,
    Step,
    Stepped,
    Stop,
    Waiting,
)
from tiza.training.features import seen
from tiza.training.feed import Feed, Lanes
from tiza.training.learner import Learner
from tiza.training.optim import factor
from tiza.training.position import Position, Randomness

TICK = 0.1  # seconds between two Stepped
SHARE = 40  # answers are asked for again after so many times what asking took: at most 2.5 % of training


def stream(
    learner: Learner,
    data: Dataset | Feed | Lanes,
    plan: Plan,
    *,
    position: Position | None = None,
    name: str = "stream",
) -> Generator[Event, Command | None, None]:
    """Train, yielding an event at every tick, epoch and change; ``.send(command)`` steers.

    Goes on from ``position``, which it keeps up to date: whenever an event is out, ``position`` and
    ``learner.state()`` belong together. ``name`` is who the ledger says opened the test set, where validation is the
    test split. Ends after the plan's epochs, a ``Stop``, or divergence (a loss that is no number), which puts back the
    weights of the last measured epoch of a single model. Between two events the caller's random state is its own.
    """
    position = position if position is not None else Position.start(plan, learner.trials)
    random = Randomness(position, learner.device)
    random.enter()
    try:
        if isinstance(data, Dataset):
            began, given = time.perf_counter(), data
            if (data := seen(learner, given)) is not given:  # the one pass through a frozen body is training, too
                position.seconds += time.perf_counter() - began
        feed = Feed(data, plan, learner.device, name) if isinstance(data, Dataset) else data
        yield from _Loop(learner, feed, plan, position, random).events()
    finally:
        random.leave()


class _Loop:
    def __init__(
        self, learner: Learner, feed: Feed | Lanes, plan: Plan, position: Position, random: Randomness
    ) -> None:
        self.learner, self.feed, self.plan, self.position, self.random = learner, feed, plan, position, random
        self.per_epoch = len(feed)
        self.total = plan.epochs * self.per_epoch
        position.good = position.good or self.weights()
        self.paused, self.budget, self.reason = False, 0, ""  # budget: updates that a Step still grants
        self.pace = 0.0
        self.failed_at: int | None = None
        self.pending: list[tuple[Tensor, Tensor, Tensor]] = []  # loss (T,), logits (T, B, C), labels; on the device
        self.since = _Sums()
        self.clock = self.ticked = time.perf_counter()
        self.probed = self.asked = -math.inf
        self.board = self.plane = None
        if plan.probe and isinstance(feed, Feed) and not isinstance(valid := feed.data.valid, Sealed):
            self.board = valid.gather(torch.from_numpy(probes.board(valid.y.numpy())))[0]  # sealed, to look would open
            if feed.data.shape == (2,):
                self.plane = probes.plane(feed.sample.gather(torch.arange(len(feed.sample)))[0].cpu())

    def events(self) -> Iterator[Event]:
        position = self.position
        learnt = sum(values[0].numel() for values in self.learner.parameters().values())
        yield from self.say(
            RunStarted(
                **self.stamp(),
                trials=len(position.lr),
                epochs=self.plan.epochs,
                steps_per_epoch=self.per_epoch,
                samples=self.feed.samples,
                parameters=learnt,
                resumed_from=position.step if position.resumed else None,
            )
        )
        while not self.reason:
            epoch = position.step // self.per_epoch
            if position.step % self.per_epoch == 0 and position.measured < epoch:
                position.measured = epoch
                yield from self.measure(whole=True)
            if self.reason or epoch >= self.plan.epochs:
                break
            yield from self.train(epoch)
        diverged = self.reason == "diverged"
        if diverged and position.good:
            self.learner.load(position.good)
        yield from self.ask()
        if self.reason not in ("", "diverged", "interrupted") and position.seen:  # an interrupted epoch will go on
            yield from self.measure(whole=False)
        yield from self.say(
            RunEnded(
                **self.stamp(),
                reason=self.reason or "done",
                seconds=position.seconds,
                failed_at=self.failed_at if diverged else None,
                proposed_lr=max(position.lr) / 10 if diverged else None,
            )
        )

    def train(self, epoch: int) -> Iterator[Event]:
        """The rest of an epoch, or up to the reason to end."""
        position, learner, plan = self.position, self.learner, self.plan
        self.clock = time.perf_counter()
        for index, x, y in self.feed.epoch(epoch, position.step % self.per_epoch):
            while self.paused and self.budget <= 0 and not self.reason:
                yield from self.say(Waiting(**self.stamp()))
            if self.reason:
                return
            lr = [base * factor(plan, position.step, self.total, self.per_epoch) for base in position.lr]
            learner.set([lr[t] for t in position.alive], [position.weight_decay[t] for t in position.alive])
            if plan.augment != _PLAIN:
                x = augment(x, plan.augment, self.random.augment)
            loss, logits = learner.train_batch(x, y)
            self.pending.append((loss, logits, y))
            position.step += 1
            updated = time.perf_counter()
            self.budget -= 1
            tick = time.perf_counter() - self.ticked >= TICK or (self.paused and self.budget <= 0)
            if tick or self.pace or position.step % self.per_epoch == 0:
                bad = self.settle()
                if bad:
                    yield from self.lose(bad)
                else:
                    if tick:
                        yield from self.tick(lr)
                    yield from self.look(index, y, logits)
            yield from self.slow_down(updated)

    def slow_down(self, updated: float) -> Iterator[Event]:
        """In slow motion, wait for the time of the next update, open to commands."""
        while time.perf_counter() < updated + self.pace and not (self.paused or self.reason):
            yield from self.say(Waiting(**self.stamp()))

    def settle(self) -> list[int]:
        """Bring the sums of the pending updates from the device; the trials whose loss is no number any more."""
        pending_losses, logits, labels = zip(*self.pending, strict=True)
        sizes = [y.shape[-1] for y in labels]
        losses = torch.stack(pending_losses).tolist()
        found = torch.cat(logits, 1).argmax(-1) == torch.cat(labels, -1)  # (T, all their samples)
        rights = torch.stack([part.sum(-1) for part in found.split(sizes, 1)]).tolist()
        position, bad = self.position, []
        for i, (loss, right, n) in enumerate(zip(losses, rights, sizes, strict=True)):
            position.seen += n
            position.loss_sum = [total + value * n for total, value in zip(position.loss_sum, loss, strict=True)]
            position.right = [total + value for total, value in zip(position.right, right, strict=True)]
            self.since.add(loss, right, n)
            for trial, value in zip(position.alive, loss, strict=True):
                if not math.isfinite(value) and trial not in bad:
                    bad.append(trial)
                    self.failed_at = self.failed_at or position.step - len(self.pending) + i + 1
        self.pending.clear()
        now = time.perf_counter()
        self.since.seconds += now - self.clock
        position.seconds += now - self.clock
        self.clock = now
        return bad

    def tick(self, lr: list[float]) -> Iterator[Event]:
        """Say how training goes."""
        since, self.since = self.since, _Sums()
        self.ticked = time.perf_counter()
        yield from self.say(
            Stepped(
                **self.stamp(),
                loss=self.spread([value / since.n for value in since.loss]),
                accuracy=self.spread([value / since.n for value in since.right]),
                lr=lr,
                rate=since.n / since.seconds if since.seconds else 0.0,
                seconds=self.position.seconds,
            )
        )

    def look(self, index: Tensor, y: Tensor, logits: Tensor) -> Iterator[Event]:
        """Now and then what the inside looks like, and what the model answers."""
        stands = self.paused and self.budget <= 0  # whoever goes step by step sees every step
        now = time.perf_counter()
        if self.plan.probe and (stands or now - self.probed >= self.plan.probe):
            self.probed = now
            layers = probes.quantiles(self.learner.parameters())
            yield from self.say(Probed(**self.stamp(), layers=layers, tiles=probes.tiles(index, y, logits)))
        if stands or now >= self.asked:
            yield from self.ask()

    def ask(self) -> Iterator[Event]:
        """What the model answers for the samples that are followed."""
        if self.board is None:
            return
        began = time.perf_counter()
        answers = probes.answers(self.learner.logits, self.board)
        regions = None
        if self.plane is not None:
            points, extent = self.plane
            regions = extent | probes.regions(self.learner.logits(points)[0])
        took = time.perf_counter() - began
        self.asked = began + took + max(4 * self.plan.probe, SHARE * took)
        yield from self.say(Answered(**self.stamp(), answers=answers, seconds=took, regions=regions))

    def measure(self, *, whole: bool) -> Iterator[Event]:
        """Train and validation in eval mode, after a whole epoch or before an early end."""
        position = self.position
        seen = max(position.seen, 1)
        running = {
            "loss": self.spread([value / seen for value in position.loss_sum]),
            "accuracy": self.spread([value / seen for value in position.right]),
        }
        train, valid = self.feed.measure_train(self.learner.logits), self.feed.measure_valid(self.learner.logits)
        event = Measured(
            **self.stamp(),
            train=self.measures(train) if train else {},
            valid=self.measures(valid),
            running=running,
            seconds=position.seconds,
        )
        if whole:
            position.begin_epoch()
        # The last update of the epoch may break the weights after its own loss was still a number.
        judged = event.train or event.valid
        bad = [trial for trial in position.alive if not math.isfinite(judged["loss"][trial])]
        if bad:
            self.failed_at = self.failed_at or position.step
            yield from self.lose(bad)
        if self.reason != "diverged":
            position.good = self.weights()
            yield from self.say(event)

    def measures(self, tally: Tally) -> dict[str, Any]:
        values = summary(tally, "loss", "accuracy", "f1_macro")
        return {key: self.spread(value) if isinstance(value, list) else value for key, value in values.items()}

    def lose(self, bad: list[int]) -> Iterator[Event]:
        """Trials diverged: the others go on; with none left, training ends."""
        if len(bad) == len(self.position.alive):
            self.reason = "diverged"
            return
        self.since = _Sums()
        self.learner.drop(self.position.drop(bad))
        yield from self.say(Changed(**self.stamp(), diverged=bad))

    def say(self, event: Event) -> Iterator[Event]:
        """Yield an event and obey the answer, which may make for another event."""
        following: Event | None = event
        while following is not None:
            self.random.leave()
            command = yield following
            self.random.enter()
            following = self.obey(command)
        self.clock = time.perf_counter()  # what readers took is not training

    def obey(self, command: Command | None) -> Event | None:
        """Take a command in; the event that tells what changed."""
        position = self.position
        match command:
            case Pause() if not self.paused:
                self.paused, self.budget = True, 0
                return Changed(**self.stamp(), paused=True)
            case Resume() if self.paused:
                self.paused = False
                return Changed(**self.stamp(), paused=False)
            case Step() if self.paused:
                self.budget = self.per_epoch - position.step % self.per_epoch if command.epoch else command.steps
            case Set():
                lr = _per_trial(command.lr, position.lr, "lr")
                decay = _per_trial(command.weight_decay, position.weight_decay, "weight_decay")
                position.lr, position.weight_decay = lr, decay
                return Changed(
                    **self.stamp(),
                    lr=lr if command.lr is not None else None,
                    weight_decay=decay if command.weight_decay is not None else None,
                )
            case Pace():
                self.pace = command.seconds
                return Changed(**self.stamp(), pace=self.pace)
            case Drop():
                gone = [trial for trial in command.trials if trial in position.alive]
                if len(gone) == len(position.alive):
                    self.reason = "dropped"
                elif gone:
                    self.since = _Sums()
                    self.learner.drop(position.drop(gone))
                    return Changed(**self.stamp(), dropped=gone)
            case Stop():
                self.reason = command.reason
        return None

    def stamp(self) -> dict[str, Any]:
        return {"step": self.position.step, "epoch": self.position.step // self.per_epoch, "time": time.time()}

    def spread(self, values: list[Any]) -> list[Any]:
        """One entry per trial of the run, NaN for those that left."""
        full: list[Any] = [math.nan] * len(self.position.lr)
        for trial, value in zip(self.position.alive, values, strict=True):
            full[trial] = value
        return full

    def weights(self) -> dict[str, Tensor]:
        """A copy of the model's weights; of many models none is kept, as the others go on when one diverges."""
        if self.learner.trials > 1:
            return {}
        return {key: value.clone() for key, value in self.learner.state().items() if key.startswith("model.")}


_PLAIN = Augment()


class _Sums:
    """Loss and right answers of each trial since the last tick."""

    def __init__(self) -> None:
        self.n, self.seconds = 0, 0.0
        self.loss: list[float] = []
        self.right: list[int] = []

    def add(self, loss: list[float], right: list[int], n: int) -> None:
        self.n += n
        self.loss = [a + b * n for a, b in zip(self.loss or [0.0] * len(loss), loss, strict=True)]
        self.right = [a + b for a, b in zip(self.right or [0] * len(right), right, strict=True)]


def _per_trial(value: float | tuple[float, ...] | None, before: list[float], where: str) -> list[float]:
    """One value per trial from what a ``Set`` holds."""
    if value is None:
        return before
    values = list(value) if isinstance(value, tuple) else [value] * len(before)
    if len(values) != len(before) or not all(isinstance(v, (int, float)) and 0 <= v < math.inf for v in values):
        raise TizaError("bad-command", where=f"Set.{where}", value=str(value))
    return [float(v) for v in values]
