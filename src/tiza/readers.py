"""The readers of a run: each takes every event, and may answer with a command; ``drive()`` brings both together."""

import dataclasses
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from tiza import runs, storage
from tiza.config import Plan
from tiza.training.events import (
    Changed,
    Command,
    Event,
    Measured,
    RunEnded,
    RunStarted,
    Stepped,
    Stop,
    Waiting,
    command_from_plain,
)
from tiza.training.learner import Learner
from tiza.training.position import Position

Reader = Callable[[Event, Learner], Command | None]
KEEP_EVERY = 5.0  # seconds between two checkpoints …
KEEP_SHARE = 20  # … and at least so many times what one takes


def drive(events: Generator[Event, Command | None, None], learner: Learner, readers: Iterable[Reader]) -> Event | None:
    """Hand every event to every reader, and their commands back to the stream, in order; the last event."""
    readers = tuple(readers)
    commands: deque[Command] = deque()
    event = None
    try:
        event = next(events)
        while True:
            for reader in readers:
                command = reader(event, learner)
                if command is not None and not isinstance(command, Command):
                    raise TypeError(f"a reader answers with one command or None, not {command!r}")
                if command is not None:
                    commands.append(command)
            event = events.send(commands.popleft() if commands else None)
    except StopIteration:
        return event
    finally:
        events.close()


def recorder(run: runs.Run) -> Reader:
    """Writes every event down."""

    def read(event: Event, learner: Learner) -> None:
        if not isinstance(event, Waiting):
            runs.append_event(run, event)

    return read


class Keeper:
    """Keeps the run resumable: a checkpoint at the start, every few seconds, and at the end; the best weights too."""

    def __init__(self, run: runs.Run, position: Position, plan: Plan, best: dict[str, Tensor]) -> None:
        self.run, self.position, self.best = run, position, best
        self.keeps_best = plan.keep == "best"
        self.lowest = float("inf")
        self.next = 0.0

    def remember(self, event: Event) -> bool:
        """Take note of a measurement; whether it is the best so far."""
        if not isinstance(event, Measured) or not event.valid["loss"][0] < self.lowest:
            return False
        self.lowest = event.valid["loss"][0]
        return True

    def __call__(self, event: Event, learner: Learner) -> None:
        """Read one event."""
        if self.remember(event) and self.keeps_best:
            weights = {k: v for k, v in learner.state().items() if k.startswith("model.")}
            self.best = {key.replace("model.", "best.", 1): value.clone() for key, value in weights.items()}
        if isinstance(event, RunEnded) and event.reason == "diverged":
            return  # the weights went back, the position did not
        if isinstance(event, (RunStarted, Changed, RunEnded)) or (
            isinstance(event, (Stepped, Measured)) and time.perf_counter() >= self.next
        ):
            began = time.perf_counter()
            self.save(learner)
            now = time.perf_counter()
            self.next = now + max(KEEP_EVERY, KEEP_SHARE * (now - began))

    def save(self, learner: Learner) -> None:
        """Write the checkpoint."""
        position = self.position
        tensors = {"random": position.random, "good": {k.removeprefix("model."): v for k, v in position.good.items()}}
        named = {f"{kind}.{name}": value for kind, group in tensors.items() for name, value in group.items()}
        plain = {f.name: getattr(position, f.name) for f in dataclasses.fields(Position) if f.name not in tensors}
        runs.save_checkpoint(self.run, learner.state() | self.best | named, plain)


def early_stopping(plan: Plan) -> Reader:
    """Stops after ``plan.patience`` epochs without a lower validation loss."""
    lowest, waited = float("inf"), 0

    def read(event: Event, learner: Learner) -> Command | None:
        nonlocal lowest, waited
        if plan.patience is None or not isinstance(event, Measured):
            return None
        waited = 0 if event.valid["loss"][0] < lowest else waited + 1
        lowest = min(lowest, event.valid["loss"][0])
        return Stop("early") if waited >= plan.patience else None

    return read


def once(command: Command | None) -> Reader:
    """Says ``command`` at the start."""

    def read(event: Event, learner: Learner) -> Command | None:
        return command if isinstance(event, RunStarted) else None

    return read


def control(run: runs.Run, *, resumed: bool) -> Reader:
    """Commands from outside: the lines of ``control.jsonl``; those that came before training went on are done with."""
    path = run.path / "control.jsonl"
    offset = path.stat().st_size if resumed and path.exists() else 0
    waiting: deque[Command] = deque()

    def read(event: Event, learner: Learner) -> Command | None:
        nonlocal offset
        size = path.stat().st_size if path.exists() else 0
        if size > offset:
            with path.open("rb") as file:
                file.seek(offset)
                new = file.read(size - offset)
            whole = new[: new.rfind(b"\n") + 1]
            offset += len(whole)
            for line in storage.parse_lines(whole.decode(errors="replace").split("\n")):
                if (command := command_from_plain(line)) is not None:
                    waiting.append(command)
        if isinstance(event, Waiting) and not waiting:
            time.sleep(0.02)
        return waiting.popleft() if waiting else None

    return read


@contextmanager
def interruptible() -> Iterator[Reader]:
    """Inside, the first Ctrl-C asks training to stop at its next event; a second one insists."""
    asked = threading.Event()

    def read(event: Event, learner: Learner) -> Command | None:
        return Stop("interrupted") if asked.is_set() else None

    def ask(number: int, frame: Any) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    if threading.current_thread() is not threading.main_thread():
        yield read
        return
    signals = [signal.SIGINT, signal.SIGTERM] if sys.platform != "win32" else [signal.SIGINT]
    before = {number: signal.signal(number, ask) for number in signals}
    try:
        yield read
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
