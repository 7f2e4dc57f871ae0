"""A look inside a learner: tensors in, plain data out."""

from typing import Any

import torch
from torch import Tensor

LEVELS = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
MOST = 100_000  # a larger layer is read at even intervals: its quantiles hardly move, torch's sort would
TILES = 100


def quantiles(parameters: dict[str, Tensor]) -> list[dict[str, Any]]:
    """Quantiles at ``LEVELS`` of every parameter, (T, …) each: one list per trial."""
    layers = []
    for name, values in parameters.items():
        flat = values.detach().flatten(1)
        flat = flat[:, :: -(-flat.shape[1] // MOST)].float()
        at = torch.quantile(flat, torch.tensor(LEVELS, device=flat.device), dim=1).T
        layers.append({"name": name, "quantiles": at.tolist()})
    return layers


def tiles(index: Tensor, labels: Tensor, logits_TNC: Tensor) -> dict[str, list[int]]:
    """Which samples the batch held, their labels, and what the first trial answered; at most ``TILES``."""
    answers = logits_TNC[0, :TILES].argmax(-1)
    return {"index": index[:TILES].tolist(), "label": labels[:TILES].tolist(), "answer": answers.tolist()}
