"""The statistics of a ranking are those of the references."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tiza.metrics import wilson
from tiza.trials import judging


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_mcnemar_is_the_binomial_test_of_the_samples_on_which_they_differ(pairs: list[tuple[bool, bool]]):
    best, other = (np.array(column)[None] for column in zip(*pairs, strict=True))
    wins, losses = int((best & ~other).sum()), int((~best & other).sum())
    expected = stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert judging.mcnemar(best, other) == pytest.approx(expected)


def test_of_several_repeats_a_sample_counts_once():
    best = np.array([[1, 1, 0, 1], [1, 0, 0, 1], [1, 1, 0, 1]], bool)
    other = np.array([[0, 0, 0, 1], [1, 1, 0, 1], [0, 0, 0, 1]], bool)
    assert judging.mcnemar(best, other) == pytest.approx(stats.binomtest(2, 2).pvalue)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_the_stepwise_bonferroni(p: list[float]):
    adjusted = judging.holm(p)
    order = sorted(range(len(p)), key=lambda k: p[k])
    rejected = set()
    for i, k in enumerate(order):  # as Holm wrote it down: stop at the first that is not significant
        if p[k] > 0.05 / (len(p) - i):
            break
        rejected.add(k)
    assert {k for k, value in enumerate(adjusted) if value <= 0.05} == rejected
    assert all(a >= b for a, b in zip(adjusted, p, strict=True))


def test_the_interval_of_one_training_is_wilsons():
    assert judging.interval([0.9], 200) == wilson(180, 200)


def test_the_interval_of_several_is_students_where_that_is_wider():
    accuracies = [0.5, 0.7, 0.9]
    low, high = stats.t.interval(0.95, 2, loc=np.mean(accuracies), scale=stats.sem(accuracies))
    assert judging.interval(accuracies, 10_000) == pytest.approx((max(low, 0), min(high, 1)))


def test_seeds_that_agree_say_nothing_about_other_samples():
    assert judging.interval([0.9, 0.9, 0.9], 200) == wilson(180, 200)


def test_the_optimism_is_what_the_best_of_equals_loses_on_new_samples():
    """Of many models that are equally good the best looks better by luck, and the bootstrap sees most of it."""
    rng = np.random.default_rng(0)
    gained, lost = [], []
    for _ in range(20):
        right = rng.random((40, 200)) < 0.8
        gained.append(judging.optimism(right.astype(float)))
        lost.append(right.mean(1).max() - 0.8)
    assert np.mean(gained) == pytest.approx(np.mean(lost), rel=0.15)


def test_a_single_trial_is_no_choice():
    assert judging.optimism(np.ones((1, 20))) == 0


def test_a_clear_winner_is_hardly_flattered():
    rng = np.random.default_rng(0)
    right = np.stack([rng.random(500) < 0.95, *(rng.random(500) < 0.5 for _ in range(30))]).astype(float)
    assert judging.optimism(right) < 0.002


def test_effects_are_means_over_all_others():
    rows = [({"a": a, "b": b}, 0.5 + 0.1 * a + 0.01 * b) for a in (0, 1) for b in (0, 1, 2)]
    found = {(row["field"], row["value"]): row for row in judging.effects(rows)}
    assert found["a", 1]["accuracy"] == pytest.approx(0.61)
    assert found["b", 2]["accuracy"] == pytest.approx(0.57)
    members = [0.6, 0.61, 0.62]
    low, high = stats.t.interval(0.95, 2, loc=np.mean(members), scale=stats.sem(members))
    assert (found["a", 1]["low"], found["a", 1]["high"]) == pytest.approx((low, high))
    assert found["a", 1]["n"] == 3


def test_a_field_that_was_drawn_is_cut_into_parts():
    rows = [({"lr": 10 ** (-i / 10)}, i / 100) for i in range(40)]
    found = judging.effects(rows)
    assert [row["n"] for row in found] == [8] * 5
    assert found[0]["accuracy"] > found[-1]["accuracy"]
