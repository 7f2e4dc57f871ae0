"""How accurate a model stays when its input gets worse: accuracy against the severity of each distortion."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tiza import runs
from tiza.data.dataset import Dataset, stratified
from tiza.errors import RequestError, unknown
from tiza.explain.distortions import DISTORTIONS, SEVERITIES, distort
from tiza.explain.layers import answers
from tiza.explain.watching import check_split, split_of, trained
from tiza.metrics import wilson

SAMPLES = 1_000  # by default
TOGETHER = 250  # images at once
TABLE = (0.1, 0.2, 0.5, 1.0, 2.0)  # noise for tables, in deviations of each feature


@dataclass(frozen=True)
class Curve:
    """Of one distortion the ``amounts`` (6) of ``unit``, none first; ``right`` answers (6) of ``n`` at each.

    ``accuracy`` (6) with Wilson's 95 % interval ``low``–``high`` (6). ``examples``: one sample at each severity, uint8
    6×C×H×W or float32 6×F.
    """

    kind: str
    unit: str
    amounts: tuple[float, ...]
    n: int
    right: tuple[int, ...]
    examples: np.ndarray

    @property
    def accuracy(self) -> np.ndarray:
        """The share of right answers at each severity, (6)."""
        return np.array(self.right) / self.n

    @property
    def intervals(self) -> np.ndarray:
        """The ends of its 95 % interval, (6×2)."""
        return np.array([wilson(right, self.n) for right in self.right])

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it."""
        return {
            "kind": self.kind, "unit": self.unit, "amounts": self.amounts, "accuracy": self.accuracy.tolist(),
            "intervals": self.intervals.tolist(),
        }  # fmt: skip


@dataclass(frozen=True)
class Robustness:
    """The ``curves`` of a model on the same ``n`` samples of a split, those at ``index``."""

    split: str
    n: int
    index: np.ndarray
    curves: tuple[Curve, ...]

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it."""
        return {"split": self.split, "n": self.n, "curves": [curve.to_dict() for curve in self.curves]}


def robustness(
    of: "str | Path | runs.Run | nn.Module", kinds: Sequence[str] | None = None, *, samples: int = SAMPLES,
    split: str = "valid", data: Any = None, model: nn.Module | None = None, seed: int = 0,
    said: Callable[[int, int], None] | None = None,
) -> Robustness:  # fmt: skip
    """Accuracy at five severities of each distortion of :func:`tiza.explain.distort`, and of none.

    ``of``: a run, or a module with its ``data``; ``kinds``: which distortions, all by default. The same ``samples`` of
    the split, at most, each class with its share, meet all of them. A table has neither shape nor strokes: there is
    noise alone, 0.1 to 2 deviations of each feature. ``said(done, total)`` is called after each severity. Raises
    :class:`TizaError` for an unknown distortion, for one of images that a table can't have, and for no samples.
    """
    check_split(split)
    if samples < 1:
        raise RequestError("robustness-samples", where="--samples", n=samples)
    for kind in kinds or ():
        if kind not in DISTORTIONS:
            raise unknown("distortion", kind, list(DISTORTIONS), where="--kind")
    module, dataset = trained(of, data, model)
    images = len(dataset.shape) == 3
    chosen = list(dict.fromkeys(kinds or (DISTORTIONS if images else ("noise",))))
    if not images and chosen != ["noise"]:
        kind = next(kind for kind in chosen if kind != "noise")
        raise RequestError("robustness-table", where="--kind", kind=kind, n=dataset.shape[0])
    name = of.name if isinstance(of, runs.Run) else "explain"
    whole = split_of(dataset, split, name)
    index = stratified(whole.y.numpy(), samples, seed)
    part = whole.take(index)
    x, labels = np.asarray(part.x[:]), part.y.numpy()
    clean = _right(module, [x], labels)
    shown = int(np.flatnonzero(clean)[0]) if clean.any() else 0  # an example that is answered right at first
    curves = []
    for i, kind in enumerate(chosen):
        amounts, change = _of_images(kind, x.shape, seed) if images else _of_a_table(dataset, seed)
        right, examples = [int(clean.sum())], [x[shown]]
        for severity in range(1, SEVERITIES + 1):
            changed = [change(x[first : first + TOGETHER], severity, first) for first in range(0, len(x), TOGETHER)]
            right.append(int(_right(module, changed, labels).sum()))
            examples.append(changed[shown // TOGETHER][shown % TOGETHER])
            if said is not None:
                said(i * SEVERITIES + severity, len(chosen) * SEVERITIES)
        unit = DISTORTIONS[kind].unit if images else "deviations"
        curves.append(Curve(kind, unit, amounts, len(x), tuple(right), np.stack(examples)))
    return Robustness(split, len(x), index, tuple(curves))


Change = Callable[[np.ndarray, int, int], np.ndarray]  # some samples at a severity, from which one on they are


def _of_images(kind: str, shape: tuple[int, ...], seed: int) -> tuple[tuple[float, ...], Change]:
    amounts = tuple(DISTORTIONS[kind].amount(severity, shape) for severity in range(SEVERITIES + 1))
    return amounts, lambda some, severity, first: distort(some, kind, severity, seed=(seed, first))


def _of_a_table(data: Dataset, seed: int) -> tuple[tuple[float, ...], Change]:
    """Noise for a table: in deviations that each feature has on train."""
    train = data.train.take(stratified(data.train.y.numpy(), 10_000))
    deviation = np.asarray(train.x[:]).std(0)

    def noisy(some: np.ndarray, severity: int, first: int) -> np.ndarray:
        drawn = np.random.default_rng((seed, first)).standard_normal(some.shape)
        return (some + TABLE[severity - 1] * deviation * drawn).astype(np.float32)

    return (0.0, *TABLE), noisy


def _right(module: nn.Module, parts: Sequence[np.ndarray], labels: np.ndarray) -> np.ndarray:
    """Which samples are answered right, (N)."""
    found = [answers(module, torch.from_numpy(part)).argmax(1).numpy() for part in parts]
    return np.concatenate(found) == labels
