"""One sample through a trained model: a value of every layer, the answer, the loss, one update and the loss then."""

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tiza import runs
from tiza.config import Plan
from tiza.errors import RequestError
from tiza.explain.calls import Call, calls_of
from tiza.explain.steps import Steps, Update, one_step, update_of
from tiza.explain.watching import sample_of, trained
from tiza.explain.worked_layers import Place, Worked, worked
from tiza.models.building import check_outputs


@dataclass(frozen=True)
class Trace:
    """Sample ``index`` of a run's ``split`` from its raw values ``x`` (C×H×W uint8, or F floats) to the loss after.

    ``features``: the names of a row's values, where there are some. ``layers``: one value of each, in order of
    execution, the first being the sample itself; each value is, where that can be, one of the inputs of the next.
    ``steps``: from the logits to the loss and its gradient; ``update``: what one update does to the last layer, None
    where that is not linear; ``after``: the steps of the sample then.
    ``otherwise``: what of the plan this update does without: ``loss``, ``label_smoothing``, ``clip``.
    """

    run: str
    split: str
    index: int
    classes: tuple[str, ...]
    features: tuple[str, ...]
    x: np.ndarray
    layers: tuple[Worked, ...]
    steps: Steps
    update: Update | None
    after: Steps
    optimizer: str
    lr: float
    otherwise: tuple[str, ...]

    @property
    def label(self) -> str:
        """The right class."""
        return self.classes[int(self.steps.labels[0])]

    @property
    def answer(self) -> str:
        """The class with the largest logit."""
        return self.classes[int(self.steps.logits[0].argmax())]

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it; what belongs to the last layer is null where that is not linear."""
        last = ("layer", "inputs", "weights", "bias", "slopes", "moved", "weight_decay")
        of_last = self.update.to_dict() if self.update else dict.fromkeys(last)
        plain = {name: value for name, value in vars(self).items() if name not in ("x", "update")}
        own = {"layers": [asdict(layer) for layer in self.layers], "label": self.label, "answer": self.answer}
        return of_last | plain | own | {"steps": self.steps.to_dict(), "after": self.after.to_dict()}


def trace(
    run: "str | Path | runs.Run", index: int, *, split: str = "valid", layer: str | None = None,
    unit: int | None = None, at: Sequence[int] | None = None, data: Any = None, model: nn.Module | None = None,
) -> Trace:  # fmt: skip
    """Sample ``index`` of a run's train or validation split, worked from its raw values through every layer.

    Followed back from the weight of the last layer whose slope is the steepest: in each layer the value that has most
    effect on the next one. ``layer``: that one alone, at its ``unit`` (or channel) and, in maps, the place ``at`` (row,
    column); by default at its largest value. The model is in eval mode and a float64 copy: the run stays as it is.
    Raises :class:`TizaError` for a sample, a layer or a place that is not there.
    """
    run = runs.find(run)
    module, dataset = trained(run, data, model)
    x, label = sample_of(dataset, split, index, run.name)
    module, plan = copy.deepcopy(module).cpu().eval().double(), run.recipe.plan
    check_outputs(module, x[None], len(dataset.classes))
    with torch.no_grad():
        calls = calls_of(module, x[None].double())
    only = _chosen(calls, layer, unit, at)
    changed = copy.deepcopy(module)
    found = update_of(changed, plan, x, label, dataset.classes, split, index)
    before, after = (found.steps, found.after) if found else one_step(changed, plan, x, label)
    with torch.no_grad():
        layers = (replace(worked(*only), sources=(), followed=None),) if only else _followed(calls, before, found)
    return Trace(
        run.name, split, index, dataset.classes, dataset.features, x.numpy(), layers, before, found, after,
        plan.optimizer, plan.lr, _otherwise(plan),
    )  # fmt: skip


def _otherwise(plan: Plan) -> tuple[str, ...]:
    there = {"loss": plan.loss != "cross-entropy", "label_smoothing": plan.label_smoothing > 0, "clip": plan.clip}
    return tuple(name for name, is_there in there.items() if is_there)


def _chosen(
    calls: Sequence[Call], layer: str | None, unit: int | None, at: Sequence[int] | None
) -> tuple[Call, Place] | None:
    """The layer asked for and the place of one of its values; None where none is."""
    if layer is None:
        if unit is not None or at is not None:
            raise RequestError("steps-which", where="--at" if unit is None else "--unit")
        return None
    known = {call.name: call for call in calls[1:]}
    if layer not in known:
        raise RequestError("layer-unknown", where="--layer", name=layer, names=", ".join(known))
    sizes = known[layer].output.abs()
    shape, (first, *others) = "×".join(map(str, sizes.shape)), sizes.shape
    if unit is not None and not 0 <= unit < first:
        raise RequestError("steps-unit", where="--unit", unit=unit, layer=layer, shape=shape, last=first - 1)
    if at is not None and not (len(at) == len(others) and all(i in range(n) for i, n in zip(at, others, strict=True))):
        raise RequestError("steps-at", where="--at", at=",".join(map(str, at)), layer=layer, shape=shape)
    asked = (slice(None) if unit is None else unit, *(at or ()))
    open_ = torch.full_like(sizes, -1)
    open_[asked] = sizes[asked]
    return known[layer], _largest(open_)


def _followed(calls: Sequence[Call], steps: Steps, update: Update | None) -> tuple[Worked, ...]:
    """A value of each layer: from the last backwards, that which has most effect on the one that is worked after it.

    What is on no such way, as the shorter one around a residual block, is worked at the place where it is needed.
    """
    c, j = update.largest if update else (int(np.abs(steps.gradient[0]).argmax()), None)
    places: dict[int | None, Place] = {len(calls) - 1: (c,)}

    def at_work(k: int) -> Worked:
        follow = (j,) if update and j is not None and calls[k].name == update.layer else None
        return worked(calls[k], places.get(k) or _largest(calls[k].output.abs()), follow)

    k: int | None = len(calls) - 1
    while k is not None:
        one = at_work(k)
        k = None if one.followed is None else one.source(one.followed)
        if k is not None and one.followed is not None and (place := one.places[one.followed]) is not None:
            places[k] = place
    found: list[Worked] = []
    for k in reversed(range(len(calls))):
        found.append(one := at_work(k))
        needed = range(len(one.places)) if one.kind == "add" else [n for n in (one.followed,) if n is not None]
        for n in needed:
            if (place := one.places[n]) is not None:
                places.setdefault(one.source(n), place)
    return tuple(reversed(found))


def _largest(values: Tensor) -> Place:
    return tuple(int(i) for i in np.unravel_index(int(values.argmax()), tuple(values.shape)))
