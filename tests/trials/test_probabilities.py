"""A search keeps the probabilities of its validation samples where asked to, stacked or alone, and reads them back."""

from pathlib import Path

import numpy as np
import pytest

import tiza
from tiza.config import Recipe, make
from tiza.trials import read
from tiza.trials.outcome import Outcome

PLAN = {"epochs": 3, "lr": 0.01, "threads": 1}


@pytest.mark.parametrize("plan", [{}, {"label_smoothing": 0.1}, {"keep": "best"}])
def test_probabilities_are_kept_where_asked_for_and_answer_as_the_answers_do(tmp_path: Path, plan: dict):
    recipe = make(Recipe, {"data": "iris", "model": {"name": "mlp", "hidden": [8]}, "plan": PLAN | plan})
    found = tiza.search(recipe, folds=3, repeats=2, sealed=True, run=tmp_path / "a", probabilities=True)
    usual = tiza.search(recipe, folds=3, repeats=2, sealed=True, run=tmp_path / "b")
    assert len(found.of(0)) == len(usual.of(0)) == 6
    for outcome, other in zip(read(tmp_path / "a").of(0), usual.of(0), strict=True):
        p = outcome.probabilities
        assert p is not None
        assert p.shape == (len(outcome.answers), 3)
        assert p.sum(1) == pytest.approx(np.ones(len(p)), abs=1e-5)
        assert np.array_equal(p.argmax(1), outcome.answers)
        labels = found.labels[outcome.fit.fold]
        assert -np.log(p[np.arange(len(p)), labels]).mean() == pytest.approx(outcome.loss, abs=1e-4)
        assert other.probabilities is None
        assert "probabilities" not in other.to_dict()
        assert np.array_equal(Outcome.from_dict(outcome.to_dict()).probabilities, p)


def test_what_diverged_has_none(tmp_path: Path):
    recipe = make(Recipe, {"data": "iris", "model": "mlp", "plan": PLAN | {"lr": 1e30, "optimizer": "sgd"}})
    found = tiza.search(recipe, folds=2, sealed=True, run=tmp_path / "a", probabilities=True)
    assert {outcome.status for outcome in found.of(0)} == {"diverged"}
    assert all(outcome.probabilities is None for outcome in found.of(0))
