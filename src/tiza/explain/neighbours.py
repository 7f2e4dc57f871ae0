"""The training samples that a network takes for most alike to one sample: nearest in one of its layers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.spatial.distance import cdist
from torch import Tensor, nn

from tiza.errors import RequestError, unknown
from tiza.explain.hidden import AT_ONCE, hidden
from tiza.explain.layers import answers
from tiza.explain.watching import look
from tiza.runs import Run

METRICS = ("cosine", "euclidean")


@dataclass(frozen=True)
class Neighbours:
    """The k train samples nearest to ``sample`` in ``layer``, the nearest first.

    ``index`` (k): their places in the train split; ``distances`` (k): cosine, 1 − cos of the angle, or Euclidean;
    ``labels`` (k): numbers of classes; ``x`` (k×…): the samples themselves. ``label``: of the sample, if it has one.
    """

    layer: str
    metric: str
    units: int
    name: str
    sample: np.ndarray
    label: int | None
    answer: int
    index: np.ndarray
    distances: np.ndarray
    labels: np.ndarray
    x: np.ndarray
    among: int
    classes: tuple[str, ...]
    features: tuple[str, ...]

    @property
    def agree(self) -> int:
        """How many of them have the class that the sample is answered with."""
        return int((self.labels == self.answer).sum())

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it: classes by name, without the samples themselves."""
        shown = {
            name: value for name, value in vars(self).items() if name not in ("sample", "x", "classes", "features")
        }
        plain = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in shown.items()}
        return plain | {
            "sample": self.name, "label": None if self.label is None else self.classes[self.label],
            "answer": self.classes[self.answer], "labels": [self.classes[i] for i in self.labels], "agree": self.agree,
        }  # fmt: skip


def neighbours(
    of: str | Path | Run | nn.Module, sample: Any, k: int = 8, *, layer: str | None = None, metric: str = "cosine",
    split: str = "valid", data: Any = None, model: nn.Module | None = None,
) -> Neighbours:  # fmt: skip
    """The ``k`` training samples whose outputs of a layer (by default the last hidden one) are nearest to a sample's.

    ``of``, ``sample``, ``split``, ``data`` and ``model`` as for :func:`saliency`; a sample of the train split is no
    neighbour of itself. ``metric``: ``cosine`` or ``euclidean``; an output that is 0 everywhere has cosine distance 1
    to all. Raises :class:`TizaError` for an unknown layer or metric and a ``k`` that the train split has not.
    """
    if metric not in METRICS:
        raise unknown("metric", metric, METRICS, where="--metric")
    seen = look(of, sample, split=split, data=data, model=model)
    itself = int(sample) if split == "train" and isinstance(sample, (int, np.integer)) else None
    train = seen.data.train
    among = len(train) - (itself is not None)
    if not 1 <= k <= among:
        raise RequestError("neighbours-k", where="--k", k=k, most=among)
    name, here = hidden(seen.model, seen.x[None], layer)
    distances = np.concatenate([_distances(seen.model, some, layer, here, metric) for some in train.x.split(AT_ONCE)])
    order = np.argsort(distances, kind="stable")
    nearest = order[order != (-1 if itself is None else itself)][:k]
    x, labels = train.gather(torch.from_numpy(nearest))
    answer = int(answers(seen.model, seen.x[None])[0].argmax())
    return Neighbours(
        name, metric, here.shape[1], seen.name, np.asarray(seen.x), seen.label, answer, nearest, distances[nearest],
        labels.numpy(), x.numpy(), among, seen.data.classes, seen.data.features,
    )  # fmt: skip


def _distances(model: nn.Module, x: Tensor, layer: str | None, here: np.ndarray, metric: str) -> np.ndarray:
    """How far each of the samples is from ``here`` (1×D)."""
    there = hidden(model, x, layer)[1]
    how: Any = metric
    found = cdist(there.astype(np.float64), here.astype(np.float64), how)[:, 0]
    return np.where(np.isnan(found), 1.0, found)  # an angle with nothing
