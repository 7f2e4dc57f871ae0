"""What transfer brings to a learning curve: a higher start, a steeper slope, a higher asymptote, or none of them.

The three are those of L. Torrey, J. Shavlik, *Transfer Learning* (2010).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tiza.metrics import student

PHASES = ("start", "slope", "asymptote")
LAST = 5  # epochs whose mean is the asymptote


@dataclass(frozen=True)
class Mean:
    """A mean over seeds with its 95 % interval (Student's), and whether that leaves 0 out."""

    mean: float
    low: float
    high: float

    @property
    def shown(self) -> bool:
        """Whether these seeds can tell it from none."""
        return not self.low <= 0 <= self.high


def mean_of(values: Sequence[float] | np.ndarray) -> Mean:
    """The mean of independent values, two at least."""
    return Mean(*(float(value) for value in student(values)))


def phases(curve: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Start, slope and asymptote of accuracies by ``epochs`` from 0 on.

    ``start``: before the first update; ``slope``: what the first epoch gains; ``asymptote``: the mean of the last five.
    """
    epochs, accuracy = np.asarray(curve["epochs"]), np.asarray(curve["accuracy"])
    start, first = (float(np.interp(epoch, epochs, accuracy)) for epoch in (0, 1))
    late = accuracy[epochs > epochs[-1] - LAST]
    return {"start": start, "slope": first - start, "asymptote": float(late.mean())}


@dataclass(frozen=True)
class Phases:
    """A recipe's start, slope and asymptote over seeds.

    ``more``: what they are more than those of the recipe that it is compared with, paired by seed.
    """

    id: str
    of: dict[str, Mean]
    more: dict[str, Mean]

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it."""
        more = {name: {**vars(mean), "shown": mean.shown} for name, mean in self.more.items()}
        return {"id": self.id, **{name: vars(mean) for name, mean in self.of.items()}, "differences": more}


def gains(curves: Mapping[str, Sequence[Mapping[str, Sequence[float]]]]) -> list[Phases]:
    """The phases of each recipe's curves, one a seed; the differences are to the first recipe's."""
    values = {id: [phases(curve) for curve in of] for id, of in curves.items()}
    first = next(iter(values.values()))
    return [
        Phases(
            id, {name: mean_of([one[name] for one in of]) for name in PHASES},
            {} if of is first else {
                name: mean_of([one[name] - other[name] for one, other in zip(of, first, strict=True)])
                for name in PHASES
            },
        )
        for id, of in values.items()
    ]  # fmt: skip
