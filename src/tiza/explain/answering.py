"""What a model answers for every sample of a split, beside the labels."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import softmax
from torch import nn

from tiza import runs
from tiza.data.dataset import Dataset
from tiza.data.seal import Split
from tiza.errors import TizaError
from tiza.explain.layers import answers
from tiza.explain.watching import called, check_split, split_of, trained


@dataclass(frozen=True)
class Answered:
    """The ``samples`` of the train or validation split, and the ``logits`` (N×C, float64) that ``model`` gives them."""

    name: str
    model: nn.Module
    data: Dataset
    split: str
    samples: Split
    logits: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        """The number of each sample's class, (N)."""
        return self.samples.y.numpy()

    @cached_property
    def probabilities(self) -> np.ndarray:
        """The softmax of the logits, (N×C)."""
        return softmax(self.logits, 1)

    @cached_property
    def answers(self) -> np.ndarray:
        """The number of the class that each sample is answered with, (N)."""
        return self.logits.argmax(1)


def answered(
    of: "str | Path | runs.Run | nn.Module", split: str = "valid", *, data: Any = None, model: nn.Module | None = None
) -> Answered:
    """The answers of a run, or of a module with its ``data``, for the whole train or validation split.

    ``model``: the user's module, for runs recorded as external. Raises :class:`TizaError` for another split, and for
    a model whose answers are no numbers.
    """
    check_split(split)
    module, dataset = trained(of, data, model)
    name = called(of)
    samples = split_of(dataset, split, name)
    logits = answers(module, samples.x).numpy()
    if not np.isfinite(logits).all():
        raise TizaError("answers-not-finite", where=name)
    return Answered(name, module, dataset, split, samples, logits)
