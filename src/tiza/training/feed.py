"""What a learner is fed and measured on: the batches of one data set, or of several side by side.

Shapes: S data sets side by side ("lanes": folds, or the same samples in another order), B samples of a batch, T trials.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from tiza.config import Plan
from tiza.data.batches import Batches
from tiza.data.dataset import Dataset, stratified
from tiza.data.seal import Split
from tiza.metrics import MEASURED, Logits, Tally, measure, tally
from tiza.training.stacked import StackedLearner

MEASURED_TRAIN = 10_000


class Feed:
    """One data set: x (B, …), y (B); ``train``: whether train is measured again after each epoch."""

    def __init__(
        self, data: Dataset, plan: Plan, device: torch.device, name: str = "stream", *, train: bool = True
    ) -> None:
        self.data, self.name, self.device, self.train = data, name, device, train
        self.split = data.train.to(device)
        some = len(self.split) > MEASURED_TRAIN
        chosen = stratified(self.split.y.cpu().numpy(), MEASURED_TRAIN) if some else None
        self.sample = self.split if chosen is None else self.split.take(chosen)
        self.batches = Batches(self.split, plan.batch_size, plan.seed, balanced=plan.balanced)

    @property
    def samples(self) -> int:
        """How many an epoch has."""
        return len(self.split)

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, epoch: int, start: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Indices, samples and labels of each batch of an epoch, from batch ``start`` on."""
        return self.batches.epoch(epoch, start)

    def open_valid(self) -> Split:
        """The validation split on the device; where that is the test split, an opening by ``name``."""
        return self.data.open_valid(self.name).to(self.device)

    def measure_train(self, logits: Logits) -> Tally | None:
        """The tally of the train samples that are measured after each epoch."""
        return measure(logits, self.sample) if self.train else None

    def measure_valid(self, logits: Logits) -> Tally:
        """The tally of the validation samples."""
        return measure(logits, self.open_valid())


class Lanes:
    """Several feeds with as many samples each: x (S, B, …), y (T, B), the labels of each trial's own lane.

    Train is not measured again after each epoch: many models are judged by their validation alone.
    """

    def __init__(self, feeds: Sequence[Feed], learner: StackedLearner) -> None:
        self.feeds, self.learner = feeds, learner
        self.valid = [feed.open_valid() for feed in feeds]

    @property
    def samples(self) -> int:
        """How many an epoch of each trial has."""
        return self.feeds[0].samples

    def __len__(self) -> int:
        return len(self.feeds[0])

    def epoch(self, epoch: int, start: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Indices (S, B), samples and labels of each batch of an epoch, from batch ``start`` on."""
        for lanes in zip(*(feed.batches.chunks(epoch, start) for feed in self.feeds), strict=True):
            *several, parts = zip(*lanes, strict=True)
            index, x, y = (torch.stack(same) for same in several)
            for part in parts[0]:  # the lanes have as many samples each
                yield index[:, part], x[:, part], y[:, part][self.learner.lanes]

    def measure_train(self, logits: Logits) -> None:
        """Nothing."""

    def measure_valid(self, logits: Logits) -> Tally:
        """The tally of the trials, each on its own lane's validation samples."""
        total = None
        for x, y in self.chunks():
            part = tally(logits(x), y)
            total = part if total is None else total + part
        assert total is not None
        return total

    def chunks(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The validation samples (S, n, …) of all lanes and their labels (T, n), a few at a time."""
        for first in range(0, len(self.valid[0]), MEASURED):
            part = slice(first, first + MEASURED)
            x, y = (torch.stack([getattr(split, name)[part] for split in self.valid]) for name in ("x", "y"))
            yield x, y[self.learner.lanes]
