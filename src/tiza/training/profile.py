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
    """Seconds by part (``PARTS``) of one training.

    ``batches`` is what is left of training: gathering, augmenting, and the loop's own bookkeeping.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = dict.fromkeys(PARTS, 0.0)

    def watch(self, learner: ModuleLearner, events: Stream, before: float = 0.0) -> Stream:
        """The same events; time is taken inside the learner's updates, in the stream and outside of it.

        ``before``: seconds of training that the run has behind it.
        """
        learner.forward = self._timed(learner.forward, "forward", learner.device)
        learner.backward = self._timed(learner.backward, "backward", learner.device)
        learner.optimizer.step = self._timed(learner.optimizer.step, "optimizer", learner.device)
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

    def _timed(self, function: Callable[..., Any], part: str, device: torch.device) -> Any:
        @wraps(function)
        def timed(*arguments: Any) -> Any:
            began = time.perf_counter()
            result = function(*arguments)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            self.seconds[part] += time.perf_counter() - began
            return result

        return timed
