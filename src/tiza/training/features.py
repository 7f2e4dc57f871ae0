"""What a frozen body makes of each sample is the same at every update: computed once, it is what the loop trains on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from tiza.config import Augment, Plan
from tiza.data.dataset import Dataset
from tiza.data.rows import RESIDENT, Rows
from tiza.data.seal import Sealed, Split
from tiza.models.building import device_of, in_passes
from tiza.models.layers import Frozen
from tiza.training.learner import Learner, ModuleLearner

AT_ONCE = 250  # samples


def still_of(model: nn.Module) -> tuple[list[nn.Module], list[nn.Module]] | None:
    """The first layers of a model, up to those frozen, and the rest; None where no such layers lead.

    Those before a :class:`Frozen` must learn nothing either.
    """
    body = getattr(model, "body", None)
    parts = [model.get_submodule("normalise"), *body.children()] if type(body) is nn.Sequential else []
    frozen = next((i for i, part in enumerate(parts) if isinstance(part, Frozen)), None)
    if frozen is None or any(p.requires_grad for part in parts[: frozen + 1] for p in part.parameters()):
        return None
    return parts[: frozen + 1], parts[frozen + 1 :]


def can_be_kept(model: nn.Module, plan: Plan, data: Dataset) -> bool:
    """Whether features can stand for the samples: none is changed on its way, and memory has room for all of them."""
    parts = still_of(model)
    if parts is None or plan.augment != Augment() or isinstance(data.valid, Sealed) or isinstance(data.train.x, Rows):
        return False
    one = _features(parts[0], data.train.x[:1].to(device_of(model)))
    room = one.nbytes * (len(data.train) + len(data.valid)) <= RESIDENT
    return room and one.shape[1:] != data.train.x.shape[1:]  # by its shape a sample is told from its features


class FeaturesLearner(ModuleLearner):
    """The learner of a model whose first layers are frozen: takes raw samples, and what those layers make of them."""

    def __init__(self, model: nn.Module, plan: Plan, **more: Any) -> None:
        super().__init__(model, plan, **more)
        parts = still_of(model)
        assert parts is not None
        self.still, self.rest = parts
        self.raw: tuple[int, ...] | None = None

    def features(self, data: Dataset) -> Dataset:
        """The same data, train and validation as features; kept on the CPU."""
        assert isinstance(data.valid, Split)
        self._mode(training=False)
        self.raw = data.shape

        def of(split: Split) -> Split:
            parts = in_passes(self.model, split.x, AT_ONCE)
            return Split(torch.cat([_features(self.still, x.to(self.device)).cpu() for x in parts]), split.y)

        return replace(data, train=of(data.train), valid=of(data.valid))

    def forward(self, x: Tensor) -> Tensor:
        """See :meth:`ModuleLearner.forward`."""
        if self._is_raw(x):
            return self.model(x)
        for part in self.rest:
            x = part(x)
        return x

    def logits(self, x: Tensor) -> Tensor:
        """See :meth:`ModuleLearner.logits`."""
        if self._is_raw(x):
            return super().logits(x)
        self._mode(training=False)
        with torch.inference_mode():
            return self.forward(x.to(self.device))[None]

    def _is_raw(self, x: Tensor) -> bool:
        return self.raw is None or tuple(x.shape[1:]) == self.raw


def _features(still: Sequence[nn.Module], x: Tensor) -> Tensor:
    with torch.no_grad():
        for part in still:
            x = part(x)
    return x


def seen(learner: Learner, data: Dataset) -> Dataset:
    """The data as the learner's loop sees it."""
    return learner.features(data) if isinstance(learner, FeaturesLearner) else data
