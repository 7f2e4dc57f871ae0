"""What came of training one trial once: plain data, a line of ``trials.jsonl``."""

import base64
from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

ARRAYS = ("answers", "probabilities")


class Fit(NamedTuple):
    """A trial, trained with the seed of a repeat, validated on a fold."""

    trial: int
    repeat: int
    fold: int


@dataclass(frozen=True)
class Outcome:
    """``status``: ``done``, ``early``, ``diverged`` or ``dropped``. ``way``: ``stacked`` or ``alone``; ``own``: whether
    it was trained for this trial, or read off another's.

    ``loss accuracy f1_macro`` are on validation at the end, ``train_accuracy`` as training saw its last epoch.
    ``curve``: validation accuracy after each epoch. ``answers``: the class given to each validation sample of the fold,
    none where training diverged. ``probabilities`` (N×C, float32) of them, where the search keeps them. ``seconds``: of
    training, the trial's share of its stack's.
    """

    fit: Fit
    status: str
    way: str
    own: bool
    epochs: int
    seconds: float
    loss: float | None
    accuracy: float | None
    f1_macro: float | None
    train_accuracy: float | None
    curve: list[float | None]
    answers: np.ndarray
    probabilities: np.ndarray | None = None

    def to_dict(self) -> dict[str, Any]:
        """As a line of JSON holds it."""
        packed = {"answers": _packed(self.answers, "<u2")}
        if self.probabilities is not None:
            packed["probabilities"] = _packed(self.probabilities, "<f4")
        own = {name: value for name, value in vars(self).items() if name not in ("fit", *ARRAYS)}
        return {"v": 1, **self.fit._asdict(), **own, **packed}

    @classmethod
    def from_dict(cls, line: dict[str, Any]) -> "Outcome":
        """The outcome of ``to_dict()``; raises KeyError, TypeError or ValueError for a line that is none."""
        fit = Fit(*(int(line[name]) for name in Fit._fields))
        answers = _unpacked(line["answers"], "<u2")
        kept = "probabilities" in line and len(answers)
        probabilities = _unpacked(line["probabilities"], "<f4").reshape(len(answers), -1) if kept else None
        others = {field.name: line[field.name] for field in fields(cls) if field.name not in ("fit", *ARRAYS)}
        return cls(fit=fit, answers=answers, probabilities=probabilities, **others)


def _packed(values: np.ndarray, dtype: str) -> str:
    return base64.b64encode(values.astype(dtype).tobytes()).decode()


def _unpacked(text: str, dtype: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype)


def standing(statuses: Collection[str], fits: int) -> str:
    """How a trial of so many fits stands by those known: ``done``, ``diverged``, ``dropped`` or ``unfinished``."""
    if "diverged" in statuses:
        return "diverged"
    if len(statuses) < fits:
        return "unfinished"
    return "dropped" if "dropped" in statuses else "done"
