"""Decision regions: what a model answers everywhere on the plane of two features."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tiza.errors import RequestError, TizaError
from tiza.explain.watching import trained
from tiza.models.building import device_of
from tiza.runs import Run

MARGIN = 0.06  # of the range of each feature, added on both sides


@dataclass(frozen=True)
class Regions:
    """Logits (H, W, C) at the values ``x`` (W) and ``y`` (H) of two features, and the train split beside them.

    ``points`` (N, 2), ``labels`` (N), ``answers`` (N).
    """

    x: np.ndarray
    y: np.ndarray
    logits: np.ndarray
    points: np.ndarray
    labels: np.ndarray
    answers: np.ndarray
    features: tuple[str, ...]
    classes: tuple[str, ...]

    @property
    def probabilities(self) -> np.ndarray:
        """Softmax of the logits, (H, W, C)."""
        powers = np.exp(self.logits - self.logits.max(-1, keepdims=True))
        return powers / powers.sum(-1, keepdims=True)

    @property
    def shares(self) -> np.ndarray:
        """The share of the plane that is answered with each class, (C)."""
        return np.bincount(self.logits.argmax(-1).ravel(), minlength=len(self.classes)) / self.logits[..., 0].size

    @property
    def wrong(self) -> np.ndarray:
        """Which points are answered with another class than their own, (N)."""
        return self.answers != self.labels


def regions(
    run: str | Path | Run | nn.Module, data: Any = None, *, model: nn.Module | None = None, side: int = 240
) -> Regions:
    """The answers of a run, or of any module that maps raw samples to logits, on a grid of ``side``×``side``.

    The grid spans the range of the train split. ``data`` and ``model`` as for :func:`tiza.evaluate`. Raises
    :class:`TizaError` for data of other than two features.
    """
    module, dataset = trained(run, data, model)
    if dataset.shape != (2,):
        raise RequestError("regions-features", where="data", shape="×".join(map(str, dataset.shape)))
    points, labels = dataset.train.x[:].numpy(), dataset.train.y.numpy()
    low, high = points.min(0), points.max(0)
    room = MARGIN * np.where(high > low, high - low, 1)
    x, y = (np.linspace(low[i] - room[i], high[i] + room[i], side) for i in (0, 1))
    grid = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    logits = _logits(module, grid).reshape(side, side, -1)
    answers = _logits(module, points).argmax(-1)
    return Regions(x, y, logits, points, labels, answers, dataset.features, dataset.classes)


def _logits(model: nn.Module, points: np.ndarray) -> np.ndarray:
    """The model's answers in eval mode, (N, C); raises where they are no numbers."""
    device = device_of(model)
    training = model.training
    model.eval()
    batches = torch.from_numpy(points.astype(np.float32)).split(4_000)
    with torch.inference_mode():
        logits = torch.cat([model(batch.to(device)).double().cpu() for batch in batches]).numpy()
    model.train(training)
    if not np.isfinite(logits).all():
        raise TizaError("answer-not-finite", where="model")
    return logits
