"""What training says (events) and what it can be told (commands): plain data, so that files and pages carry them.

Values with one entry per trial are lists, also for a single model. ``step`` counts updates from 0 at the start of the
run, ``epoch`` complete passes, ``time`` is seconds since 1970.
"""

import math
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, ClassVar

from pydantic import Field, TypeAdapter, ValidationError

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Event:
    """The base of all events."""

    kind: ClassVar[str]
    step: int
    epoch: int
    time: float


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    """Training begins, or goes on from ``resumed_from``: then readers forget what they know of later steps."""

    kind: ClassVar[str] = "run-started"
    trials: int
    epochs: int
    steps_per_epoch: int
    samples: int
    parameters: int
    resumed_from: int | None = None


@dataclass(frozen=True, kw_only=True)
class Stepped(Event):
    """A tick, at least 0.1 s after the last: means over the updates since then, as training saw them.

    ``loss`` is what was minimised; ``seconds`` is training so far, without measuring; ``rate`` samples a second.
    """

    kind: ClassVar[str] = "stepped"
    loss: list[float]
    accuracy: list[float]
    lr: list[float]
    rate: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Measured(Event):
    """After an epoch (or a stop): train and validation measured in eval mode, beside the epoch's running means.

    ``train`` and ``valid``: ``n`` and lists ``loss accuracy f1_macro``; ``running``: lists ``loss accuracy``. ``train``
    is empty where many models are trained side by side.
    """

    kind: ClassVar[str] = "measured"
    train: dict[str, Any]
    valid: dict[str, Any]
    running: dict[str, Any]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Probed(Event):
    """A look inside: quantiles of each layer's weights and biases, and the batch's samples with their answers.

    ``layers``: ``name``, ``quantiles`` of each trial at ``probes.LEVELS``; ``tiles``: ``index`` into the train split,
    ``label``, ``answer`` of the first trial.
    """

    kind: ClassVar[str] = "probed"
    layers: list[dict[str, Any]]
    tiles: dict[str, list[int]]


@dataclass(frozen=True, kw_only=True)
class Answered(Event):
    """What the first trial answers for the samples of :func:`tiza.training.probes.board`, in their order.

    ``regions``, of data with two features: what it answers all over the plane, see ``probes.regions``. ``seconds``:
    what asking took, which is no training.
    """

    kind: ClassVar[str] = "answered"
    answers: list[int]
    seconds: float
    regions: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Changed(Event):
    """A command took effect, or trials ``diverged`` or were ``dropped``; only what changed is there."""

    kind: ClassVar[str] = "changed"
    lr: list[float] | None = None
    weight_decay: list[float] | None = None
    paused: bool | None = None
    pace: float | None = None
    dropped: list[int] | None = None
    diverged: list[int] | None = None


@dataclass(frozen=True, kw_only=True)
class Waiting(Event):
    """Training is paused and asks for a command; never recorded."""

    kind: ClassVar[str] = "waiting"


@dataclass(frozen=True, kw_only=True)
class RunEnded(Event):
    """The last event. ``reason``: ``done``, ``diverged``, or that of the ``Stop`` (``early``, ``interrupted`` …).

    ``failed_at`` is the first step whose loss was no number, ``proposed_lr`` a rate to try instead.
    """

    kind: ClassVar[str] = "run-ended"
    reason: str
    seconds: float
    failed_at: int | None = None
    proposed_lr: float | None = None


EVENTS: dict[str, type[Event]] = {
    kind.kind: kind for kind in (RunStarted, Stepped, Measured, Probed, Answered, Changed, Waiting, RunEnded)
}


def to_plain(event: Event) -> dict[str, Any]:
    """The event as JSON takes it: NaN and infinities null, absent changes left out.

    Six significant digits, but for what was ``Measured``: a resumed run decides by it and must decide the same.
    """
    values = {name: value for name, value in asdict(event).items() if value is not None}
    digits = 17 if isinstance(event, Measured) else 6
    plain = {name: _plain(value, digits) for name, value in values.items()}
    return {"v": VERSION, "kind": event.kind, **plain, "time": round(event.time, 3)}


def _plain(value: Any, digits: int) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part, digits) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part, digits) for part in value]
    if isinstance(value, float):
        return float(f"{value:.{digits}g}") if math.isfinite(value) else None
    return value


def from_plain(line: dict[str, Any]) -> Event | None:
    """The event of a JSON line, NaN for null; None for a kind or version that this tiza does not know."""
    kind = EVENTS.get(str(line.get("kind")))
    if kind is None or line.get("v") != VERSION:
        return None
    known = {f.name for f in fields(kind)}
    try:
        return kind(**{name: _number(value) for name, value in line.items() if name in known})
    except TypeError:
        return None


def _number(value: Any) -> Any:
    """NaN again where a list says null, also inside the parts of what was measured."""
    if isinstance(value, dict):
        return {key: _number(part) for key, part in value.items()}
    return [math.nan if part is None else _number(part) for part in value] if isinstance(value, list) else value


_Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class Pause:
    """Wait after this update."""


@dataclass(frozen=True)
class Resume:
    """Go on after a pause."""


@dataclass(frozen=True)
class Step:
    """While paused: so many updates, or to the end of the epoch, then pause again."""

    steps: Annotated[int, Field(ge=1)] = 1
    epoch: bool = False


@dataclass(frozen=True)
class Set:
    """A new base rate (the schedule's factor still applies) or weight decay; one value, or one per trial."""

    lr: _Rate | tuple[_Rate, ...] | None = None
    weight_decay: _Rate | tuple[_Rate, ...] | None = None


@dataclass(frozen=True)
class Pace:
    """Slow motion: at least so many seconds from one update to the next; 0 is as fast as it can."""

    seconds: Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)] = 0


@dataclass(frozen=True)
class Drop:
    """These trials train no further."""

    trials: tuple[int, ...] = ()


@dataclass(frozen=True)
class Stop:
    """Measure and end, for this reason."""

    reason: Annotated[str, Field(min_length=1, max_length=100)] = "stopped"


Command = Pause | Resume | Step | Set | Pace | Drop | Stop

OWN_REASONS = ("done", "diverged", "early", "interrupted")  # no command from outside can claim them

COMMANDS: dict[str, type[Any]] = {
    "pause": Pause, "resume": Resume, "step": Step, "set": Set, "pace": Pace, "drop": Drop, "stop": Stop,
}  # fmt: skip


def command_from_plain(line: dict[str, Any]) -> Command | None:
    """The command of a JSON line such as ``{"command": "set", "lr": 0.01}``; None where it makes no sense."""
    kind = COMMANDS.get(str(line.get("command")))
    values = {name: tuple(v) if isinstance(v, list) else v for name, v in line.items() if name != "command"}
    if kind is None or not values.keys() <= {f.name for f in fields(kind)}:
        return None
    try:
        command: Any = TypeAdapter(kind).validate_python(values)
    except ValidationError:
        return None
    return None if isinstance(command, Stop) and command.reason in OWN_REASONS else command
