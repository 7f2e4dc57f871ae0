"""The one loop, what it yields and what it trains."""

from typing import TYPE_CHECKING

from tiza.lazy import lazily

if TYPE_CHECKING:
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
    from tiza.training.learner import Learner, ModuleLearner
    from tiza.training.loop import stream
    from tiza.training.position import Position

__all__ = [
    "Answered", "Changed", "Command", "Drop", "Event", "Learner", "Measured", "ModuleLearner", "Pace", "Pause",
    "Position", "Probed", "Resume", "RunEnded", "RunStarted", "Set", "Step", "Stepped", "Stop", "Waiting", "stream",
]  # fmt: skip

_HOMES = {
    "Learner": "tiza.training.learner",
    "ModuleLearner": "tiza.training.learner",
    "Position": "tiza.training.position",
    "stream": "tiza.training.loop",
}
__getattr__, __dir__ = lazily("tiza.training", {name: _HOMES.get(name, "tiza.training.events") for name in __all__})
