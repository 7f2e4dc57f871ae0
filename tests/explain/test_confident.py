"""Confident learning: a small example worked by hand from the paper, and noise that was put in and is found again."""

import numpy as np
import pytest

from tiza import explain
from tiza.errors import TizaError

LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1])
FIRST = np.array([0.9, 0.8, 0.7, 0.2, 0.1, 0.2, 0.3, 0.9])  # probability of the first class
P = np.stack([FIRST, 1 - FIRST], 1)


def test_two_classes_worked_by_hand():
    of = explain.confident(LABELS, P)
    assert of.thresholds == pytest.approx([(0.9 + 0.8 + 0.7 + 0.2) / 4, (0.9 + 0.8 + 0.7 + 0.1) / 4])
    assert of.joint.tolist() == [[3, 1], [1, 3]]
    assert of.shares == pytest.approx(np.array([[3, 1], [1, 3]]) / 8)
    assert of.noise == pytest.approx(np.array([[3, 1], [1, 3]]) / 4)
    assert of.share == pytest.approx(0.25)
    assert of.errors.tolist() == [7, 3]
    assert of.suggested.tolist() == [0, 1]
    assert of.scores == pytest.approx([0.1 - 0.9, 0.2 - 0.8])
    assert explain.confident(LABELS, P, by="self-confidence").scores == pytest.approx([0.1, 0.2])


def test_three_classes_worked_by_hand():
    """A sample that reaches no threshold counts as nothing; of two that it reaches, the likelier counts."""
    labels = np.array([0, 0, 0, 1, 1, 2, 2])
    p = np.array([
        [0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1],  # t0 = 0.5; the third counts as 1
        [0.1, 0.7, 0.2], [0.2, 0.3, 0.5],  # t1 = 0.5; the second reaches t2 alone
        [0.1, 0.5, 0.4], [0.35, 0.45, 0.2],  # t2 = 0.3; the first reaches t1 and t2, and 1 is likelier
    ])  # fmt: skip
    of = explain.confident(labels, p)
    assert of.thresholds == pytest.approx([0.5, 0.5, 0.3])
    assert of.joint.tolist() == [[2, 1, 0], [0, 1, 1], [0, 1, 0]]
    shares = np.array([[2 / 3 * 3, 1 / 3 * 3, 0], [0, 1, 1], [0, 2, 0]]) / 7
    assert of.shares == pytest.approx(shares)
    assert of.noise == pytest.approx(shares / shares.sum(0))
    assert of.errors.tolist() == [2, 6, 4, 5]
    assert of.suggested.tolist() == [1, 1, 2, 1]
    assert of.scores == pytest.approx([0.1 - 0.8, 0.2 - 0.45, 0.3 - 0.5, 0.4 - 0.5])


def drawn(noise: np.ndarray, n: int = 6_000, sure: float = 6.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True classes, labels that ``noise`` (label given class) makes of them, and p that knows the classes."""
    rng, size = np.random.default_rng(0), len(noise)
    truth = rng.integers(size, size=n)
    labels = np.array([rng.choice(size, p=noise[:, true]) for true in truth])
    logits = rng.normal(0, 1, (n, size))
    logits[np.arange(n), truth] += sure
    return truth, labels, np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


NOISE = np.array([[0.9, 0.02, 0.0], [0.1, 0.93, 0.15], [0.0, 0.05, 0.85]])


def test_the_noise_that_was_put_in_is_estimated_and_found():
    truth, labels, p = drawn(NOISE)
    of = explain.confident(labels, p)
    assert of.noise == pytest.approx(NOISE, abs=0.02)
    assert of.noise.sum(0) == pytest.approx(np.ones(3))
    assert of.shares.sum() == pytest.approx(1)
    assert of.shares.sum(1) == pytest.approx(np.bincount(labels) / len(labels))
    assert of.share == pytest.approx((truth != labels).mean(), abs=0.01)
    wrong = truth[of.errors] != labels[of.errors]
    assert wrong.mean() > 0.97
    assert wrong.sum() / (truth != labels).sum() > 0.93
    assert (of.suggested == truth[of.errors]).mean() > 0.97
    assert (np.diff(of.scores) >= 0).all()


def test_without_noise_nothing_is_found_and_a_label_that_is_the_answer_is_none():
    _, labels, p = drawn(np.eye(3), sure=8.0)
    of = explain.confident(labels, p)
    assert len(of.errors) <= 3
    assert of.share < 0.002
    _, labels, p = drawn(NOISE, sure=1.0)  # a model that knows little
    unsure = explain.confident(labels, p)
    assert (p[unsure.errors].argmax(1) != labels[unsure.errors]).all()


def test_a_class_without_samples_or_without_sure_ones_has_no_errors():
    labels = np.array([0, 0, 1, 1])
    p = np.array([[0.9, 0.05, 0.05], [0.8, 0.1, 0.1], [0.1, 0.85, 0.05], [0.1, 0.75, 0.15]])
    of = explain.confident(labels, p)
    assert of.thresholds[2] == np.inf
    assert of.joint.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert np.isfinite(of.noise).all()
    assert len(of.errors) == 0


@pytest.mark.parametrize(
    ("labels", "p", "code"),
    [(LABELS[:5], P, "confident-shapes"), (LABELS, P[:, 0], "confident-shapes"), (LABELS * 1.0, P, "confident-shapes"),
     (LABELS + 1, P, "confident-values"), (LABELS, P * np.nan, "confident-values"),
     ([], np.zeros((0, 2)), "confident-shapes")],
)  # fmt: skip
def test_what_does_not_belong_together_is_told(labels: np.ndarray, p: np.ndarray, code: str):
    with pytest.raises(TizaError) as caught:
        explain.confident(labels, p)
    assert (caught.value.code, caught.value.exit_code) == (code, 2)


def test_an_unknown_ranking_is_told_with_those_there_are():
    with pytest.raises(TizaError, match="margin, self-confidence"):
        explain.confident(LABELS, P, by="loss")
