"""Which learning rate: the loss of single updates while the rate rises (L. N. Smith, arXiv:1506.01186)."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tiza.errors import TizaError
from tiza.fitting import prepare
from tiza.training.events import Event, Pause, RunEnded, Set, Step, Stepped
from tiza.training.loop import stream
from tiza.training.machine import using_threads

SMOOTH = 0.9  # the share of the past in the running mean of the loss
WORSE = 3  # times the lowest loss: there is nothing to learn from larger rates


@dataclass(frozen=True)
class Rates:
    """Rates tried and the smoothed loss at each; ``suggestion``: a tenth of the rate with the lowest loss."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]

    @property
    def suggestion(self) -> float:
        """Where the loss still falls: the lowest point itself is already at the edge."""
        return self.rates[int(np.argmin(self.losses))] / 10


def lr_find(
    recipe: Any = None, data: Any = None, plan: Any = None, *, low: float = 1e-6, high: float = 10.0, steps: int = 200
) -> Rates:
    """Train a fresh model for at most ``steps`` updates while the rate rises from ``low`` to ``high``; keep nothing.

    ``recipe``, ``data`` and ``plan`` as for :func:`tiza.fit`. Ends early where the loss is three times its lowest.
    """
    ready = prepare(recipe, data, plan)
    plan = ready.recipe.plan.model_copy(update={"schedule": "constant", "epochs": steps, "patience": None, "probe": 0})
    rates, losses, mean = [], [], 0.0
    with using_threads(ready.threads):
        data = replace(ready.data, valid=ready.data.train.take(slice(1)))  # nobody asks for its accuracy
        events = stream(ready.learner, data, plan, name="lr-find")
        next(events)
        events.send(Pause())
        for rate in np.geomspace(low, high, steps).tolist():
            events.send(Set(lr=rate))
            event: Event = events.send(Step(steps=1))
            while not isinstance(event, (Stepped, RunEnded)):
                event = next(events)
            if isinstance(event, RunEnded) or not math.isfinite(event.loss[0]):
                break
            mean = SMOOTH * mean + (1 - SMOOTH) * event.loss[0]
            rates.append(rate)
            losses.append(mean / (1 - SMOOTH ** len(rates)))
            if losses[-1] > WORSE * min(losses):
                break
        events.close()
    if not rates:
        raise TizaError("diverged", where="lr-find", step=1, lr=low / 10)
    return Rates(tuple(rates), tuple(losses))
