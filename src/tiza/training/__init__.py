"""The one loop, what it yields and what it trains."""

from tiza.training.events import (
    Changed,
    Command,
    Drop,
    Event,
    Measured,
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
    "Changed", "Command", "Drop", "Event", "Learner", "Measured", "ModuleLearner", "Pause", "Position", "Probed",
    "Resume", "RunEnded", "RunStarted", "Set", "Step", "Stepped", "Stop", "Waiting", "stream",
]  # fmt: skip
