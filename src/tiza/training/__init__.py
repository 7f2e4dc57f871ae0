"""The one loop, what it yields and what it trains."""

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
