"""Does a saliency map depend on what was learnt? The same method on the same network with its weights drawn anew.

(J. Adebayo et al., "Sanity Checks for Saliency Maps", arXiv:1810.03292: the model parameter randomisation test.)
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

ALIKE = 0.5  # from here on a map is the same with and without learning
FEWEST = 25  # values of a map: ranks of fewer are alike by chance

Method = Callable[[nn.Module, Tensor, int], Tensor]  # model, sample, class → signed attributions of any shape


@dataclass(frozen=True)
class Sanity:
    """How much the map of a trained model is like those of ``draws`` networks with weights drawn anew.

    ``similarity`` (one a draw): |ρ|, Spearman's rank correlation of the signed attributions, whatever its sign.
    ``sizes``: ρ of their absolute values: where this is high, the picture and the layers say *where* the map is strong,
    and what was learnt no more than the sign. Both None where nothing can be said: fewer than 25 values, or all equal.
    """

    draws: int
    similarity: tuple[float, ...] | None
    sizes: tuple[float, ...] | None
    threshold: float = ALIKE

    @property
    def mean(self) -> float | None:
        """The mean similarity."""
        return None if self.similarity is None else float(np.mean(self.similarity))

    @property
    def mean_sizes(self) -> float | None:
        """The mean likeness of the sizes."""
        return None if self.sizes is None else float(np.mean(self.sizes))

    @property
    def passed(self) -> bool | None:
        """Whether other weights give another map: the mean similarity is under the threshold."""
        return None if self.mean is None else self.mean < self.threshold

    @property
    def by_sign_alone(self) -> bool:
        """Whether it passes, yet is strong at the same places with any weights."""
        return bool(self.passed and self.mean_sizes is not None and self.mean_sizes >= self.threshold)

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it."""
        found = {"mean": self.mean, "mean_sizes": self.mean_sizes, "passed": self.passed}
        return vars(self) | found | {"by_sign_alone": self.by_sign_alone}


def compared(method: Method, model: nn.Module, x: Tensor, target: int, *, draws: int, seed: int = 0) -> Sanity:
    """The check of one method on one sample ``x`` (…) and class; ``model`` is in eval mode and left alone."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        own = _flat(method(model, x, target))
        others = [_flat(method(redrawn(model), x, target)) for _ in range(draws)]
    if not draws or len(own) < FEWEST or np.ptp(own) == 0:
        return Sanity(draws, None, None)
    similarity = tuple(abs(_rank(own, other)) for other in others)
    return Sanity(draws, similarity, tuple(_rank(np.abs(own), np.abs(other)) for other in others))


def redrawn(model: nn.Module) -> nn.Module:
    """A copy whose parameters are drawn anew, each tensor from a normal distribution of its own mean and deviation.

    So the scales of the layers stay, whatever they were initialised with. Buffers (``normalise``, the statistics of
    batch norm) stay too.
    """
    model = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(float(parameter.mean()), float(parameter.std(correction=0)))
    return model


def _flat(attributions: Tensor) -> np.ndarray:
    return attributions.detach().double().flatten().numpy()


def _rank(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's ρ; 0 between a map and one that says the same everywhere."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    rho: Any = spearmanr(one, other)
    return float(rho.statistic)
