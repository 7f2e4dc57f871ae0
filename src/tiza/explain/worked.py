"""Small examples of the documents, worked by torch itself."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Flattened:
    """What ``nn.Flatten`` made of ``x``: from one shape to another."""

    call: str
    before: tuple[int, ...]
    after: tuple[int, ...]
    values: list[list[float]]


def flatten(matrix: Tensor | None = None) -> list[Flattened]:
    """A matrix (3×3 by default) flattened three ways: as it is, as a batch of one, as a batch of its rows."""
    matrix = torch.arange(1, 10).reshape(3, 3) if matrix is None else matrix
    ways = {"x": matrix, "x[None]": matrix[None], "x[:, None]": matrix[:, None]}
    flat = {call: nn.Flatten()(x) for call, x in ways.items()}
    return [Flattened(call, tuple(x.shape), tuple(flat[call].shape), flat[call].tolist()) for call, x in ways.items()]


def epoch_loss(means: list[float], sizes: list[int]) -> tuple[float, float]:
    """The mean loss of an epoch from batches' means and sizes, Σ mean·n / Σ n; and the average of the means.

    The two differ where the last batch is smaller. Raises ValueError when the lists differ in length or are empty.
    """
    n = sum(sizes)
    if len(means) != len(sizes) or n == 0:
        raise ValueError(f"{len(means)} means, {len(sizes)} sizes")
    return sum(mean * size for mean, size in zip(means, sizes, strict=True)) / n, sum(means) / len(means)
