"""Which trial is best, which can't be told from it, and how much of its lead is luck. Validation alone decides.

Shapes: T trials, N validation samples (of all folds together), R repeats.
"""

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any

import numpy as np

from tiza.metrics import student, wilson

LEVEL = 0.05
SAMPLED = 2_000  # bootstrap samples


def interval(accuracies: Sequence[float], n: int) -> tuple[float, float]:
    """The 95 % interval of a mean accuracy over folds and repeats that ``n`` samples gave.

    Student's over the trainings, but never narrower than what ``n`` samples allow (Wilson): seeds that agree say
    nothing about other samples. The trainings of folds share samples, so that it is somewhat too narrow (Bengio and
    Grandvalet 2004).
    """
    low, high = wilson(round(fmean(accuracies) * n), n)
    if len(accuracies) > 1:
        _, least, most = student(accuracies)
        low, high = max(0.0, min(low, float(least))), min(1.0, max(high, float(most)))
    return low, high


def mcnemar(best: np.ndarray, other: np.ndarray) -> float:
    """The exact two-sided p of no difference, from (R, N) right answers of both on the same samples (McNemar 1947).

    A sample counts for who answers it right in more repeats; with one repeat that is McNemar's test.
    """
    from scipy import stats

    difference = best.sum(0, dtype=int) - other.sum(0, dtype=int)
    wins, losses = int((difference > 0).sum()), int((difference < 0).sum())
    return min(1.0, 2 * float(stats.binom.cdf(min(wins, losses), wins + losses, 0.5))) if wins + losses else 1.0


def holm(p: Sequence[float]) -> list[float]:
    """The p values adjusted for being several (Holm 1979)."""
    order = np.argsort(p, kind="stable")
    adjusted = np.maximum.accumulate([min(1.0, (len(p) - i) * p[k]) for i, k in enumerate(order)])
    result = np.empty(len(p))
    result[order] = adjusted
    return result.tolist()


def optimism(right: np.ndarray, *, seed: int = 0) -> float:
    """By how much the best of T trials looks better than it is because it is the best, from (T, N) shares of right
    answers: what the best of a bootstrap sample of the validation samples has there above what it has on those left
    out, in the mean (Efron & Tibshirani 1993, chapter 17). Around the truth a bootstrap sample varies twice as much as
    the samples themselves, hence √2.
    """
    rng = np.random.default_rng(seed)
    trials, n = right.shape
    gains = []
    for first in range(0, SAMPLED, 100):
        counts = rng.multinomial(n, np.full(n, 1 / n), size=min(100, SAMPLED - first))
        out = (counts == 0).astype(float)
        shares = right @ counts.T / n  # (T, samples)
        best, each = shares.argmax(0), np.arange(len(counts))
        others = (right[best] * out).sum(1) / out.sum(1).clip(min=1)
        gains.append(shares[best, each] - others)
    return max(0.0, float(np.concatenate(gains).mean()) / math.sqrt(2)) if trials > 1 else 0.0


def effects(rows: Sequence[tuple[dict[str, Any], float]]) -> list[dict[str, Any]]:
    """For each value of each field the mean accuracy of the trials that have it, with its 95 % interval (Student).

    ``rows``: values and accuracy of each trial. A field drawn from a range is cut into at most five parts.
    """
    found: list[dict[str, Any]] = []
    for field in rows[0][0] if rows else ():
        for value, members in _by_value([(values[field], accuracy) for values, accuracy in rows]):
            n, low, high = len(members), None, None
            if n > 1:
                _, least, most = student(members)
                low, high = max(0.0, float(least)), min(1.0, float(most))
            mean = fmean(members)
            found.append({"field": field, "value": value, "n": n, "accuracy": mean, "low": low, "high": high})
    return found


def _by_value(pairs: Sequence[tuple[Any, float]]) -> list[tuple[Any, list[float]]]:
    values = list(dict.fromkeys(value for value, _ in pairs))
    if len(values) <= 12 or not all(isinstance(value, (int, float)) for value in values):
        return [(value, [accuracy for own, accuracy in pairs if own == value]) for value in values]
    ordered = sorted(pairs, key=lambda pair: pair[0])
    parts = np.array_split(np.arange(len(ordered)), 5)
    return [(f"{ordered[part[0]][0]:.3g}–{ordered[part[-1]][0]:.3g}", [ordered[i][1] for i in part]) for part in parts]
