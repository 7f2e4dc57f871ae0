"""A look inside a learner: tensors in, plain data out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tiza.data.dataset import stratified

LEVELS = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
MOST = 5_000  # a larger layer is read at even intervals, but for its ends: quantiles hardly move, sorting is slow
TILES = 100
BOARD = 1_000
GRID = 40  # points a side of the plane of two features


def quantiles(parameters: dict[str, Tensor]) -> list[dict[str, Any]]:
    """Quantiles at ``LEVELS`` of every parameter, (T, …) each: one list per trial."""
    layers = []
    for name, values in parameters.items():
        flat = values.detach().flatten(1).float()
        some = flat[:, :: -(-flat.shape[1] // MOST)]
        at = torch.quantile(some, torch.tensor(LEVELS, device=flat.device), dim=1).T
        at[:, 0], at[:, -1] = flat.amin(1), flat.amax(1)
        layers.append({"name": name, "quantiles": at.tolist()})
    return layers


def board(labels: np.ndarray) -> np.ndarray:
    """The places of at most ``BOARD`` samples, each class with its share, whose answers are followed."""
    return np.sort(stratified(labels, BOARD))


def answers(logits: Callable[[Tensor], Tensor], x: Tensor) -> list[int]:
    """What the first trial answers for ``x``; ``logits`` maps samples to (T, N, C), in eval mode."""
    return torch.cat([logits(part)[0].argmax(-1) for part in x.split(250)]).tolist()


def plane(x: Tensor) -> tuple[Tensor, dict[str, Any]]:
    """``GRID``² points that cover samples of two features with a margin, row by row from below, and their extent."""
    low, high = x.amin(0), x.amax(0)
    low, high = low - (high - low) / 10, high + (high - low) / 10
    across, up = (torch.linspace(float(low[i]), float(high[i]), GRID, device=x.device) for i in (0, 1))
    points = torch.stack([across.repeat(GRID), up.repeat_interleave(GRID)], 1)
    return points, {"size": GRID, "x": [float(low[0]), float(high[0])], "y": [float(low[1]), float(high[1])]}


def regions(logits_NC: Tensor) -> dict[str, list[int]]:
    """For each point of the plane the ``answer`` and how ``sure`` it is: its probability from 0 to 9."""
    sure, answer = logits_NC.softmax(-1).max(-1)
    return {"answer": answer.tolist(), "sure": (sure * 9.999).int().clamp(0, 9).tolist()}


def tiles(index: Tensor, labels: Tensor, logits_TNC: Tensor) -> dict[str, list[int]]:
    """Which samples the batch held, their labels, and what the first trial answered; at most ``TILES``."""
    answers = logits_TNC[0, :TILES].argmax(-1)
    return {"index": index[:TILES].tolist(), "label": labels[:TILES].tolist(), "answer": answers.tolist()}
