"""Where the time of a training goes: batches, forward, backward, optimizer, measuring, readers."""

import time
from collections.abc import Callable, Generator
from functools import wraps
from typing import Any

import torch

from tiza.training.events import Command, Event, RunEnded
from tiza.training.learner import ModuleLearner

Stream = Generator[Event, Command | None, None]
PARTS = ("batches", "forward", "backward", "optimizer", "measuring", "readers")


class Profile:
    """Seconds by part (``PARTS``), filled while the learner and the stream that were given to it are used.

    ``batches`` is what is left of training: gathering, augmenting, and the loop's own bookkeeping. A learner that
    writes its gradient out has no forward pass of its own: all of it counts as ``backward``.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = dict.fromkeys(PARTS, 0.0)
        self._training = False

    def watch(self, learner: ModuleLearner, events: Stream, before: float = 0.0) -> Stream:
        """The same events; time is taken inside the learner's updates, in the stream and outside of it.

        ``before``: seconds of training that the run has behind it.
        """
        model, optimizer = learner.model, learner.optimizer
        model.forward = self._timed(model.forward, "forward", learner.device)
        learner.backward = self._timed(learner.backward, "backward", learner.device)
        optimizer.step = self._timed(optimizer.step, "optimizer", learner.device)
        learner.train_batch = self._updates(learner.train_batch)
        yield from self._shared_out(events, before)

    def _timed(self, function: Callable[..., Any], part: str, device: torch.device) -> Any:
        @wraps(function)
        def timed(*arguments: Any) -> Any:
            if not self._training:
                return function(*arguments)
            began = time.perf_counter()
            result = function(*arguments)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            self.seconds[part] += time.perf_counter() - began
            return result

        return timed

    def _updates(self, function: Callable[..., Any]) -> Any:
        @wraps(function)
        def update(*arguments: Any) -> Any:
            self._training = True
            try:
                return function(*arguments)
            finally:
                self._training = False

        return update

    def _shared_out(self, events: Stream, before: float) -> Stream:
        began, inside, command, training = time.perf_counter(), 0.0, None, 0.0
        while True:
            at = time.perf_counter()
            try:
                event = events.send(command)
            except StopIteration:
                break
            finally:
                inside += time.perf_counter() - at
            if isinstance(event, RunEnded):
                training = event.seconds - before
            command = yield event
        self.seconds["backward"] -= self.seconds["forward"]
        self.seconds["batches"] = training - sum(self.seconds[part] for part in ("forward", "backward", "optimizer"))
        self.seconds["measuring"] = inside - training
        self.seconds["readers"] = time.perf_counter() - began - inside
