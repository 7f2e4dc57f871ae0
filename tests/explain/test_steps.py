"""Worked numbers are autograd's, and the documents' examples come out exactly."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

import tiza
from tiza.errors import TizaError

# Document 003: its three examples. The first two are of one sample and have no label there.
MINI_BATCH = [[2.0, 0.5, 0.1, -1.2], [0.2, 1.5, -0.5, 0.0], [-1.0, 0.0, 0.2, 2.0]]


def test_document_003s_mini_batch_comes_out():
    found = tiza.explain.steps(MINI_BATCH, [2, 0, 3])
    np.testing.assert_allclose(found.probabilities[0], [0.7075, 0.1579, 0.1058, 0.0288], atol=5e-5)
    np.testing.assert_allclose(found.probabilities[1], [0.1671, 0.6131, 0.0830, 0.1368], atol=5e-5)
    np.testing.assert_allclose(found.losses, [2.2460, 1.7892, 0.3004], atol=5e-5)
    assert found.loss == pytest.approx(1.4452, abs=5e-5)


@pytest.mark.parametrize(
    ("logits", "shares"),
    [
        ([2.0, 1.0, 0.1], [0.65900, 0.24243, 0.09857]),
        ([2.1, -0.3, 0.8, 4.2, 1.5], [0.09922, 0.00900, 0.02704, 0.81028, 0.05446]),
    ],
)
def test_its_single_samples_too(logits: list[float], shares: list[float]):
    found = tiza.explain.steps(logits, [0])
    np.testing.assert_allclose(found.probabilities[0], shares, atol=6e-6)
    assert found.probabilities.sum() == pytest.approx(1)


@given(st.integers(1, 5), st.integers(2, 8), st.integers(0, 2**31))
def test_every_number_is_autograds(n: int, classes: int, seed: int):
    rng = np.random.default_rng(seed)
    logits, labels = rng.normal(0, 8, (n, classes)), rng.integers(0, classes, n)
    found = tiza.explain.steps(logits, labels)
    z = torch.tensor(logits, requires_grad=True)
    loss = F.cross_entropy(z, torch.tensor(labels))
    loss.backward()
    assert z.grad is not None
    each = F.cross_entropy(z, torch.tensor(labels), reduction="none").detach()
    np.testing.assert_allclose(found.probabilities, z.detach().softmax(1), atol=1e-12)
    np.testing.assert_allclose(found.losses, each, atol=1e-12)
    assert found.loss == pytest.approx(loss.item(), abs=1e-12)
    np.testing.assert_allclose(found.mean_gradient, z.grad, atol=1e-12)
    np.testing.assert_allclose(found.gradient, n * z.grad.numpy(), atol=1e-11)


def test_large_logits_do_not_overflow():
    found = tiza.explain.steps([[1000.0, 0.0]], [0])
    assert found.loss == 0
    assert np.isfinite(found.exponentials).all()


BAD: list[tuple[Any, Any, str]] = [
    ([1.0], [0], "steps-logits"),
    ([[1.0, float("nan")]], [0], "steps-logits"),
    ("abc", [0], "steps-logits"),
    ([[1.0, 2.0], [1.0]], [0, 0], "steps-logits"),
    ([[1.0, 2.0]], [2], "steps-labels"),
    ([[1.0, 2.0]], [0, 1], "steps-labels"),
    ([[1.0, 2.0]], [0.5], "steps-labels"),
]


@pytest.mark.parametrize(("logits", "labels", "code"), BAD)
def test_numbers_that_do_not_belong_together_are_told(logits: Any, labels: Any, code: str):
    with pytest.raises(TizaError) as caught:
        tiza.explain.steps(logits, labels)
    assert caught.value.code == code


def test_the_neuron_is_a_linear_layer():
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(100, 12)), rng.normal(size=(12, 10)), rng.normal(size=10)
    found = tiza.explain.neuron(x, w, b)
    linear = F.linear(torch.tensor(x), torch.tensor(w).T, torch.tensor(b))
    np.testing.assert_allclose(found.outputs, linear, atol=1e-12)
    assert found.products.sum() == pytest.approx(found.sums[0, 0])


def test_a_neuron_whose_shapes_do_not_fit_is_told():
    with pytest.raises(TizaError, match="2×3, 2×2, 2"):
        tiza.explain.neuron(np.ones((2, 3)), np.ones((2, 2)), np.ones(2))


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "momentum"])
def test_an_update_is_the_optimizers(optimizer: str):
    recipe = tiza.Recipe.model_validate(
        {
            "data": "iris",
            "model": {"name": "mlp", "hidden": (7,), "batch_norm": True},
            "plan": {"epochs": 2, "optimizer": optimizer, "lr": 0.01, "weight_decay": 0.1},
        }
    )
    run = tiza.fit(recipe)
    found = tiza.explain.update(run, 3)
    model = tiza.runs.restore(run).model.eval().double()
    data = tiza.load("iris")
    x, y = data.look("valid").x[3:4], data.look("valid").y[3:4]
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": 0.1},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    kinds = {"sgd": torch.optim.SGD, "momentum": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    more = {"momentum": 0.9} if optimizer == "momentum" else {}
    own = kinds[optimizer](groups, lr=0.01, **more)
    before = F.cross_entropy(model(x), y)
    before.backward()
    logits = model.body.logits
    np.testing.assert_allclose(found.slopes, logits.weight.grad, atol=1e-12)
    np.testing.assert_allclose(found.slopes, np.outer(found.steps.gradient[0], found.inputs), atol=1e-12)
    own.step()
    np.testing.assert_allclose(found.moved, logits.weight.detach(), atol=1e-12)
    assert found.steps.loss == pytest.approx(before.item(), abs=1e-12)
    assert found.after.loss == pytest.approx(F.cross_entropy(model(x), y).item(), abs=1e-12)
    assert found.after.loss < found.steps.loss
    c, j = found.largest
    assert abs(found.slopes[c, j]) == np.abs(found.slopes).max()


def test_a_sample_that_is_not_there_is_told():
    run = tiza.fit(tiza.Recipe.model_validate({"data": "iris", "model": "softmax", "plan": {"epochs": 1}}))
    with pytest.raises(TizaError, match="999"):
        tiza.explain.update(run, 999)


def test_a_model_without_a_last_linear_layer_is_told():
    data = {"name": "points", "n": 60}
    run = tiza.fit(tiza.Recipe.model_validate({"data": data, "model": "perceptron", "plan": {"epochs": 1}}))
    with pytest.raises(TizaError, match="ends in ZeroPad1d"):
        tiza.explain.update(run, 0)


@pytest.mark.parametrize("what", [["steps"], ["neuron"], ["steps", "--logits", "2,1,0.1", "--labels", "0"]])
@pytest.mark.parametrize("language", ["en", "es"])
def test_the_command_prints_them(what: list[str], language: str):
    command = [sys.executable, "-m", "tiza.cli", "--lang", language, "explain", *what]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "," in said if language == "es" else "." in said
    assert "0.75" in said.replace(",", ".") or "J = " in said
