"""Gradient noise: what must hold of means of independent draws."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tiza import explain, fit, load
from tiza.config import Recipe, make
from tiza.errors import TizaError
from tiza.fitting import prepare

SOFTMAX = make(Recipe, {"data": "digits", "model": "softmax", "plan": {"epochs": 2, "threads": 1}})


def test_a_hundred_samples_stray_a_tenth_as_far_as_one():
    one, hundred = explain.noise(SOFTMAX, draws=300).draws
    ratio = np.sqrt(np.square(one.deviation).mean() / np.square(hundred.deviation).mean())
    assert ratio == pytest.approx(10, rel=0.1)
    assert np.median(hundred.cosine) > np.median(one.cosine) + 0.3


def test_the_gradient_of_every_sample_is_the_full_one():
    """One batch with each sample as often as the others has cosine 1 and deviation 0: shown by its parts."""
    ready = prepare(SOFTMAX, None, None)
    ready.learner.model.cpu()
    split = ready.data.train
    of = explain.noise(SOFTMAX, sizes=(1,), draws=50, seed=3)
    model, weight = ready.learner.model, ready.learner.model.body.logits.weight  # type: ignore[union-attr]
    bias = ready.learner.model.body.logits.bias  # type: ignore[union-attr]

    def gradient(x, y):
        parts = torch.autograd.grad(F.cross_entropy(model(x), y), [weight, bias])
        return torch.cat([part.flatten() for part in parts]).double()

    full = gradient(split.x, split.y)
    rng = np.random.default_rng(3)
    for cosine, deviation in zip(of.draws[0].cosine[:5], of.draws[0].deviation[:5], strict=True):
        i = rng.integers(len(split), size=1)
        g = gradient(split.x[i], split.y[i])
        assert cosine == pytest.approx(float(F.cosine_similarity(g, full, dim=0)), abs=1e-4)
        assert deviation == pytest.approx(float((g - full).norm() / full.norm()), rel=1e-4)
    assert of.samples == len(split)


def test_a_run_is_taken_at_its_weights_and_a_recipe_before_training(tmp_path: Path):
    run = fit(SOFTMAX, run=tmp_path / "run")
    trained, fresh = (explain.noise(what, sizes=(1,), draws=20) for what in (run, SOFTMAX))
    assert (trained.fresh, fresh.fresh) == (False, True)
    assert not np.allclose(trained.draws[0].deviation, fresh.draws[0].deviation)


def test_the_same_seed_gives_the_same_noise_whatever_the_dropout_and_the_caller():
    recipe = make(Recipe, {"data": "iris", "model": {"name": "mlp", "hidden": [8], "dropout": 0.5}})
    torch.manual_seed(1)
    one = explain.noise(recipe, draws=10, plan={"threads": 1})
    torch.manual_seed(2)
    other = explain.noise(recipe, draws=10, plan={"threads": 1})
    assert all((a.cosine == b.cosine).all() for a, b in zip(one.draws, other.draws, strict=True))


def test_batch_norm_bears_batches_of_one():
    model = {"name": "cnn", "channels": [4, 4], "hidden": []}
    of = explain.noise(make(Recipe, {"data": {"name": "digits", "limit": 200}, "model": model}), draws=5)
    assert all(np.isfinite(draws.deviation).all() for draws in of.draws)


def test_more_samples_than_there_are_can_be_drawn():
    of = explain.noise("001-softmax", load("iris"), {"threads": 1}, sizes=(1, 1_000), draws=10)
    assert [draws.size for draws in of.draws] == [1, 1_000]
    assert all(draws.rate > 0 for draws in of.draws)


def test_a_gradient_of_zero_is_told(tmp_path: Path):
    """A perceptron that errs nowhere has nothing more to learn."""
    rule = {"loss": "perceptron", "optimizer": "sgd", "lr": 0.5, "batch_size": 1, "epochs": 15, "threads": 1}
    recipe = make(Recipe, {"data": {"name": "points", "n": 100}, "model": "perceptron", "plan": rule})
    with pytest.raises(TizaError) as caught:
        explain.noise(fit(recipe, run=tmp_path / "run"))
    assert caught.value.code == "no-slope"
