"""What a check looks at (a run, its data, its model) and what it says (a finding)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from tiza.config import Plan
from tiza.data.dataset import Dataset, stratified
from tiza.data.seal import Split
from tiza.i18n import t
from tiza.metrics import loss, measure
from tiza.models.building import build, device_of
from tiza.models.layers import Frozen
from tiza.registry import lookup, register
from tiza.runs import Run
from tiza.training.events import Measured, RunEnded

Severity = Literal["note", "warning", "problem"]
Fields = dict[str, Any]

SAMPLE = 1_000  # train samples that are looked at
VALUES = 16_000_000  # and numbers in them: of large pictures there are fewer


@dataclass(frozen=True)
class Finding:
    """Something that a check found: ``str()`` says it with its figures, ``advice`` what to try.

    ``fields``: the figures, plain numbers and names. Both sentences are in the user's language.
    """

    code: str
    severity: Severity
    fields: Mapping[str, Any]

    def __str__(self) -> str:
        return t(f"check.{self.code}", **self.fields)

    @property
    def advice(self) -> str:
        """What to try."""
        return t(f"advice.{self.code}", **self.fields)

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        said = {"code": self.code, "severity": self.severity, "message": str(self), "advice": self.advice}
        return {**said, "fields": dict(self.fields)}


def check(
    code: str, severity: Severity, *, unless: tuple[str, ...] = ()
) -> Callable[[Callable[["Case"], Fields | None]], Callable[["Case"], Fields | None]]:
    """Enter a check: a function from a :class:`Case` to the figures of its finding, or None.

    It is not asked where a finding of ``unless`` stands already, which explains what it would say.
    """
    return register("check", code, severity=severity, unless=unless)


@dataclass(frozen=True)
class Case:
    """A run with its data and its model, both None where they can't be had; test is never looked at."""

    run: Run
    data: Dataset | None
    model: nn.Module | None

    @cached_property
    def plan(self) -> Plan:
        """How it was trained."""
        return self.run.recipe.plan

    @property
    def minimised(self) -> bool:
        """Whether the loss measured is the one that training minimised, so that its curve tells of the rate."""
        return self.plan.loss == "cross-entropy"

    @cached_property
    def ended(self) -> RunEnded | None:
        """How training ended."""
        return self.run.ended

    @cached_property
    def history(self) -> list[Measured]:
        """What was measured after each epoch."""
        return self.run.history()

    @cached_property
    def train(self) -> list[float]:
        """The loss on train after each epoch, measured in eval mode."""
        return [measured.train["loss"][0] for measured in self.history]

    @cached_property
    def valid(self) -> list[float]:
        """The loss on validation after each epoch."""
        return [measured.valid["loss"][0] for measured in self.history]

    @cached_property
    def best(self) -> int:
        """The place of the lowest validation loss in the history."""
        return min(range(len(self.valid)), key=self.valid.__getitem__)

    @property
    def kept(self) -> Measured:
        """The measures of the weights that were kept."""
        return self.history[self.best if self.plan.keep == "best" else -1]

    @cached_property
    def sample(self) -> tuple[Tensor, Tensor] | None:
        """About a thousand train samples, each class with its share, and their labels."""
        if self.data is None:
            return None
        n = min(SAMPLE, max(100, VALUES // self.data.train.x[:1].numel()))
        places = stratified(self.data.train.y.numpy(), n)
        return self.data.train.gather(torch.from_numpy(places))

    @cached_property
    def fresh(self) -> nn.Module | None:
        """The model as it was before the first update; None for a module of the user's own, and with a trained body.

        A body is not asked for again: its weights may be gone, and a new end to it begins like any other.
        """
        config = self.run.recipe.model
        if self.data is None or config.name == "external" or "begin" in lookup("model", config.name).facts:
            return None
        return build(config, self.data, seed=self.plan.seed).eval()

    @cached_property
    def start(self) -> float | None:
        """The loss of that model on the sample."""
        if self.fresh is None or self.sample is None:
            return None
        with torch.inference_mode():
            return float(loss(measure(self.fresh, Split(*self.sample))))

    @cached_property
    def answers(self) -> tuple[Tensor, dict[str, Tensor]] | None:
        """The outputs on the sample, and for each ReLU which units (channels) are above zero for one of them."""
        if self.model is None or self.sample is None:
            return None
        return _watched(self.model, self.sample[0])


def _watched(model: nn.Module, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    device, active = device_of(model), dict[str, Tensor]()
    calls: dict[str, int] = {}

    def seen(name: str, _module: nn.Module, _inputs: object, out: Tensor) -> None:
        calls[name] = calls.get(name, 0) + 1
        place = name if calls[name] == 1 else f"{name} ({calls[name]})"  # one ReLU may serve several layers
        if out.ndim in (2, 4):
            above = (out > 0).flatten(2).any(2) if out.ndim == 4 else out > 0
            active[place] = above.any(0).cpu() | active.get(place, torch.tensor(False))

    frozen = {id(part) for module in model.modules() if isinstance(module, Frozen) for part in module.modules()}
    hooks = [
        module.register_forward_hook(partial(seen, name.removeprefix("body.")))
        for name, module in model.named_modules()
        if isinstance(module, nn.ReLU) and id(module) not in frozen  # what was trained on other data may rest here
    ]
    outputs = []
    try:
        with torch.inference_mode():
            for part in x.split(250):
                calls.clear()
                outputs.append(model(part.to(device)).cpu())
    finally:
        for hook in hooks:
            hook.remove()
    return torch.cat(outputs), active
