"""tiza.metrics against scikit-learn and plain numpy; trials are measured each as if alone."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn import metrics as oracle
from torch import Tensor

from tiza.data.seal import Split
from tiza.metrics import BINS, measure, per_class, student, summary, tally, wilson
from tiza.registry import table


def answers(
    seed: int, n: int, classes: int, *, present: int | None = None, right: float = 2.0
) -> tuple[Tensor, Tensor]:
    """Logits N×C and labels N; only the first ``present`` classes stand among the labels."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, present or classes, (n,), generator=generator)
    logits = torch.randn(n, classes, generator=generator) * 2
    logits[torch.arange(n), labels] += right * torch.rand(n, generator=generator)
    return logits, labels


CASES = [
    answers(0, 500, 10),
    answers(1, 300, 3, present=2),
    answers(2, 40, 26, present=5),
    answers(3, 1, 4),
    answers(4, 200, 2, right=-3),
    answers(5, 100, 5, right=50),
    (torch.eye(6)[[0, 0, 0, 0]], torch.tensor([0, 0, 0, 0])),
    (torch.eye(6)[[1, 2, 1, 2]], torch.tensor([0, 0, 3, 3])),
]


@pytest.mark.parametrize(("logits", "labels"), CASES)
def test_metrics_are_scikit_learns(logits: Tensor, labels: Tensor):
    y, best = labels.numpy(), logits.argmax(1).numpy()
    measured = summary(tally(logits, labels))
    probabilities = logits.double().softmax(1).numpy()
    macro = {"average": "macro", "zero_division": 0.0}
    assert measured["n"] == len(y)
    assert measured["accuracy"] == pytest.approx(oracle.accuracy_score(y, best), abs=1e-12)
    assert measured["precision_macro"] == pytest.approx(oracle.precision_score(y, best, **macro), abs=1e-12)
    assert measured["recall_macro"] == pytest.approx(oracle.recall_score(y, best, **macro), abs=1e-12)
    assert measured["f1_macro"] == pytest.approx(oracle.f1_score(y, best, **macro), abs=1e-12)
    everyone = np.arange(logits.shape[1])
    assert measured["loss"] == pytest.approx(oracle.log_loss(y, probabilities, labels=everyone), rel=1e-5)


@pytest.mark.parametrize(("logits", "labels"), CASES)
def test_confusion_and_classes_are_scikit_learns(logits: Tensor, labels: Tensor):
    y, best, everyone = labels.numpy(), logits.argmax(1).numpy(), np.arange(logits.shape[1])
    t = tally(logits, labels)
    np.testing.assert_array_equal(t.confusion.numpy(), oracle.confusion_matrix(y, best, labels=everyone))
    expected = oracle.precision_recall_fscore_support(y, best, labels=everyone, zero_division=0.0)
    for name, values in zip(("precision", "recall", "f1"), expected, strict=False):
        np.testing.assert_allclose(per_class(t)[name].numpy(), values, atol=1e-12)


def calibration_error(logits: Tensor, labels: Tensor) -> float:
    """Guo et al. 2017, equation 3, bin by bin over ((m − 1)/M, m/M]."""
    p = logits.double().softmax(1).numpy()
    confidence, right = p.max(1), p.argmax(1) == labels.numpy()
    total = 0.0
    for m in range(1, BINS + 1):
        inside = (confidence > (m - 1) / BINS) & (confidence <= m / BINS)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return total


@pytest.mark.parametrize(("logits", "labels"), CASES[:6])
def test_calibration_error_is_that_of_its_definition(logits: Tensor, labels: Tensor):
    expected = calibration_error(logits, labels)
    assert summary(tally(logits, labels))["calibration_error"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("p", "right", "error"), [(1.0, 10, 0.0), (1.0, 6, 0.4), (0.5, 5, 0.0), (0.5, 10, 0.5)])
def test_calibration_error_of_known_answers(p: float, right: int, error: float):
    logits = torch.tensor([[0.0, -200.0 if p == 1 else 0.0]]).repeat(10, 1)
    labels = (torch.arange(10) >= right).long()
    assert summary(tally(logits, labels), "calibration_error")["calibration_error"] == pytest.approx(error, abs=1e-6)


def test_each_trial_is_measured_as_if_alone():
    labels = answers(0, 200, 7)[1]
    trials = torch.stack([answers(seed, 200, 7)[0] for seed in range(4)])
    together = tally(trials, labels)
    for i, logits in enumerate(trials):
        alone = tally(logits, labels)
        assert torch.equal(together.confusion[i], alone.confusion)
        torch.testing.assert_close(together.loss[i], alone.loss)
        torch.testing.assert_close(together.bins[i], alone.bins)
        for name, values in summary(together).items():
            if name != "n":
                assert values[i] == pytest.approx(summary(alone)[name], abs=1e-12)


def test_trials_may_have_two_axes():
    labels = answers(0, 60, 4)[1]
    grid = torch.stack([torch.stack([answers(10 * i + j, 60, 4)[0] for j in range(2)]) for i in range(3)])
    measured = summary(tally(grid, labels))
    for i in range(3):
        for j in range(2):
            assert measured["f1_macro"][i][j] == pytest.approx(summary(tally(grid[i, j], labels))["f1_macro"])


@pytest.mark.parametrize("trials", [False, True])
def test_tallies_of_different_samples_add_up(trials: bool):
    logits, labels = answers(0, 300, 5)
    logits = torch.stack([logits, logits.flip(1)]) if trials else logits
    whole = tally(logits, labels)
    cut = [tally(logits[..., first:last, :], labels[first:last]) for first, last in ((0, 7), (7, 150), (150, 300))]
    added = cut[0] + cut[1] + cut[2]
    assert added.n == whole.n == 300
    assert torch.equal(added.confusion, whole.confusion)
    torch.testing.assert_close(added.loss, whole.loss)
    torch.testing.assert_close(added.bins, whole.bins)


@pytest.mark.parametrize("batch", [1, 7, 100, 1000])
def test_measuring_by_batches_is_measuring_at_once(batch: int):
    x = torch.randn(100, 6, generator=torch.Generator().manual_seed(0))
    split = Split(x, torch.arange(100) % 6)
    sizes: list[int] = []

    def logits(part: Tensor) -> Tensor:
        sizes.append(len(part))
        return part * 3

    assert summary(measure(logits, split, batch=batch)) == pytest.approx(summary(tally(x * 3, split.y)))
    assert max(sizes) <= batch
    assert sum(sizes) == 100


def test_a_summary_holds_the_metrics_asked_for():
    t = tally(*CASES[0])
    assert list(summary(t, "f1_macro", "loss")) == ["n", "f1_macro", "loss"]
    assert list(summary(t)) == ["n", *table("metric")]


def test_the_loss_of_sure_and_wrong_answers_is_finite_and_exact():
    logits = torch.tensor([[200.0, 0.0], [0.0, 300.0]])
    assert summary(tally(logits, torch.tensor([1, 0])))["loss"] == pytest.approx(250.0)


# --- the interval


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [
        (9, 10, 0.5958, 0.9821),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (81, 263, 0.2553, 0.3662),
        (0, 0, 0.0, 1.0),
        (0, 1, 0.0, 0.7935),
    ],
)
def test_the_interval_has_its_known_values(right: int, n: int, low: float, high: float):
    assert wilson(right, n) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize("n", [1, 3, 10, 97, 10_000])
@pytest.mark.parametrize("z", [1.0, 1.959963984540054, 2.5758])
def test_the_interval_ends_where_the_score_test_does(n: int, z: float):
    for right in {0, 1, n // 2, n - 1, n}:
        low, high = wilson(right, n, z=z)
        assert 0 <= low < high <= 1
        for p in (low, high):  # both ends solve |right/n − p| = z·√(p(1 − p)/n)
            assert abs(right / n - p) == pytest.approx(z * math.sqrt(p * (1 - p) / n), abs=1e-7)


@pytest.mark.parametrize("n", [1, 10, 97, 1_000, 10_000])
def test_a_share_lies_in_its_own_interval(n: int):
    outside = [right for right in range(n + 1) if not (wilson(right, n)[0] <= right / n <= wilson(right, n)[1])]
    assert outside == []


@pytest.mark.parametrize("n", [100, 1_000, 10_000])
def test_the_interval_covers_the_truth_as_often_as_it_says(n: int):
    rng = np.random.default_rng(7)
    p = rng.uniform(0.8, 0.99, 30_000)
    intervals = {right: wilson(int(right), n) for right in range(n + 1)}
    bounds = np.array([intervals[right] for right in rng.binomial(n, p)])
    coverage = ((bounds[:, 0] <= p) & (p <= bounds[:, 1])).mean()
    assert 0.94 < coverage < 0.96


def test_students_interval_is_scipys_and_that_of_equal_values_has_no_width():
    values = np.random.default_rng(0).normal(size=(7, 3))
    mean, low, high = student(values)
    wanted = stats.t.interval(0.95, 6, values.mean(0), stats.sem(values))
    np.testing.assert_allclose((mean, low, high), (values.mean(0), *wanted))
    assert student([0.5, 0.5, 0.5]) == (0.5, 0.5, 0.5)
