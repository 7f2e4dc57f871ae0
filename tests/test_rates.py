"""A rate to begin with, found while the rate rises."""

import math
from pathlib import Path

import pytest
from matplotlib.text import Text

import tiza
from tiza import figures
from tiza.config import Recipe, make
from tiza.rates import Rates


def recipe(**plan: object) -> Recipe:
    return make(Recipe, {"data": "digits", "model": {"name": "mlp", "hidden": (32,), "dropout": 0}, "plan": plan})


def test_the_rate_found_learns_better_than_one_far_below_or_above(tmp_path: Path):
    found = tiza.lr_find(recipe(optimizer="adam", batch_size=32))
    assert list(found.rates) == sorted(found.rates)
    assert all(map(math.isfinite, found.losses))
    accuracies = []
    for i, rate in enumerate((found.suggestion / 300, found.suggestion, min(found.suggestion * 300, 10))):
        run = tiza.fit(recipe(optimizer="adam", batch_size=32, lr=rate, epochs=2), run=tmp_path / str(i))
        accuracies.append(run.history()[-1].valid["accuracy"][0])
    assert accuracies[1] > max(accuracies[0], accuracies[2]) + 0.1


def test_it_ends_where_the_loss_explodes_and_keeps_nothing(home: object):
    found = tiza.lr_find(recipe(optimizer="sgd"), low=1e-3, high=1e6, steps=100)
    assert len(found.rates) < 100
    assert max(found.rates) < 1e6
    assert not list((tiza.runs.runs_home()).glob("*"))


@pytest.mark.parametrize("lang", ["en", "es"])
def test_the_picture_names_the_rate_to_begin_with(lang: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TIZA_LANG", lang)
    picture, _ = figures.save(figures.rates(Rates((1e-4, 1e-3, 1e-2, 1e-1), (2.3, 1.5, 0.8, 2.0))), tmp_path / "rates")
    assert picture.read_bytes().startswith(b"\x89PNG")
    words = [text.get_text() for text in figures.rates(Rates((1e-3, 1e-2), (2.0, 1.0))).findobj(Text)]
    rate = {"en": "0.001", "es": "0,001"}[lang]
    assert any(rate in word for word in words)
    assert rate in words  # a tick, written as the title writes it


def test_the_loss_of_the_first_update_is_that_of_training():
    """With a rate that hardly moves the weights, all updates see the loss of the fresh model."""
    found = tiza.lr_find(recipe(optimizer="sgd", batch_size="full"), low=1e-12, high=1e-11, steps=5)
    assert found.losses == pytest.approx([found.losses[0]] * 5, rel=1e-4)
    assert found.losses[0] == pytest.approx(math.log(10), rel=0.15)
