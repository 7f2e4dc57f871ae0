"""tiza.training.losses: each is its formula, and Rosenblatt's rule comes out of the one loop."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import tiza
from tiza.config import Plan, Recipe, make
from tiza.data.batches import Batches
from tiza.errors import RequestError
from tiza.i18n import set_language
from tiza.models.building import build
from tiza.training import ModuleLearner, Pause, Step, Stepped
from tiza.training.losses import LOSSES, squared

IRIS = {"data": "iris", "model": "softmax", "plan": {"epochs": 2, "threads": 1}}


def batch(classes: int) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, labels and class weights."""
    random = torch.Generator().manual_seed(3)
    logits = 2 * torch.randn(12, classes, generator=random, dtype=torch.double)
    return logits, torch.arange(12) % classes, torch.rand(classes, generator=random, dtype=torch.double) + 0.5


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return powers / powers.sum(1, keepdims=True)


def cross_entropies(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return -np.log(softmax(logits)[np.arange(len(labels)), labels])


def distances(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return ((softmax(logits) - np.eye(logits.shape[1])[labels]) ** 2).sum(1)


def falsehoods(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    z = logits[:, 1] - logits[:, 0]
    return np.where((z >= 0) == labels, 0, np.abs(z))


WRITTEN_OUT = {"cross-entropy": cross_entropies, "squared": distances, "perceptron": falsehoods}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_its_formula(name: str, weighted: bool):
    logits, labels, weight = batch(2 if name == "perceptron" else 4)
    each = WRITTEN_OUT[name](logits.numpy(), labels.numpy())
    expected = np.average(each, weights=weight.numpy()[labels.numpy()] if weighted else None)
    assert LOSSES[name](logits, labels, weight if weighted else None, 0).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_torchs(smoothing: float):
    logits, labels, weight = batch(4)
    found = LOSSES["cross-entropy"](logits, labels, weight, smoothing)
    assert torch.equal(found, F.cross_entropy(logits, labels, weight, label_smoothing=smoothing))


@pytest.mark.parametrize("weighted", [False, True])
def test_the_gradient_of_the_squared_distance_is_right(weighted: bool):
    logits, labels, weight = batch(4)
    function = lambda z: squared(z, labels, weight if weighted else None)  # noqa: E731
    assert torch.autograd.gradcheck(function, logits.requires_grad_())


def test_the_gradient_of_the_perceptron_is_its_error():
    logits, labels, _ = batch(2)
    logits.requires_grad_()
    LOSSES["perceptron"](logits, labels, None, 0).backward()
    error = ((logits[:, 1] >= logits[:, 0]).double() - labels) / len(labels)
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, torch.stack([-error, error], 1))


@pytest.mark.parametrize("name", LOSSES)
def test_a_learner_minimises_the_loss_of_its_plan(name: str):
    data = tiza.load("points", n=100)
    model = build("mlp", data, dropout=0)
    with torch.no_grad():
        expected = LOSSES[name](model(data.train.x), data.train.y, None, 0)
    learner = ModuleLearner(model, Plan(loss=name, lr=1e-2))  # type: ignore[arg-type]
    first, _ = learner.train_batch(data.train.x, data.train.y)
    torch.testing.assert_close(first[0], expected)
    for _ in range(20):
        last, _ = learner.train_batch(data.train.x, data.train.y)
    assert last < first


def test_measuring_stays_cross_entropy(tmp_path: Path):
    run = tiza.fit(make(Recipe, IRIS), plan={"loss": "squared"}, run=tmp_path / "run")
    assert run.facts.engine == "module"
    data = tiza.load("iris")
    model = tiza.runs.restore(run).model.eval()
    with torch.no_grad():
        expected = F.cross_entropy(model(data.train.x), data.train.y).item()
    assert run.history()[-1].train["loss"][0] == pytest.approx(expected, rel=1e-5)
    assert run.history()[-1].running["loss"][0] <= 2


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        ({"plan": {"loss": "squared", "label_smoothing": 0.1}}, "smoothed-loss", "plan.label_smoothing"),
        ({"plan": {"loss": "perceptron"}}, "two-classes", "plan.loss"),
        ({"model": "perceptron"}, "two-classes", "model.name"),
        ({"plan": {"loss": "hinge"}}, "bad-value", "plan.loss"),
    ],
)
def test_a_loss_that_does_not_suit_is_refused_in_a_sentence(
    change: dict[str, object], code: str, where: str, language: str
):
    set_language(language)
    with pytest.raises(RequestError) as caught:
        tiza.fit(make(Recipe, IRIS | change))
    assert (caught.value.code, caught.value.where) == (code, where)
    assert str(caught.value).count("\n") == 0


# --- the perceptron


def test_one_sample_at_a_time_the_loop_follows_rosenblatts_rule():
    data = tiza.load("points", n=200)
    plan = Plan(epochs=3, batch_size=1, optimizer="sgd", lr=0.5, loss="perceptron", probe=0)
    model = build("perceptron", data).double()
    x, y = model.normalise(data.train.x).numpy(), data.train.y.numpy()  # type: ignore[operator]
    order = [int(i) for epoch in range(3) for i, _, _ in Batches(data.train, 1, plan.seed).epoch(epoch)]
    neuron = dict(model.body.named_children())["neuron"]
    w, b, mistakes = np.zeros(2), 0.0, 0
    events = tiza.stream(ModuleLearner(model, plan), data, plan)
    next(events)
    events.send(Pause())
    for i in order:
        event = events.send(Step(steps=1))
        while not isinstance(event, Stepped):
            event = next(events)
        error = y[i] - int(w @ x[i] + b >= 0)
        w, b = w + 0.5 * error * x[i], b + 0.5 * error
        mistakes += error != 0
        np.testing.assert_allclose(neuron.weight.detach().numpy()[0], w, rtol=0, atol=1e-12)
        np.testing.assert_allclose(neuron.bias.item(), b, rtol=0, atol=1e-12)
    events.close()
    assert mistakes > 5


@pytest.mark.parametrize("draw", [0, 1])
def test_the_perceptron_separates_what_a_line_separates_and_not_the_xor(draw: int, tmp_path: Path):
    plan = {"epochs": 15, "batch_size": 1, "optimizer": "sgd", "lr": 0.5, "loss": "perceptron", "threads": 1}

    def accuracy(kind: str) -> float:
        data = {"name": "points", "kind": kind, "n": 200, "draw": draw}
        run = tiza.fit(make(Recipe, {"data": data, "model": "perceptron", "plan": plan}), run=tmp_path / kind)
        return run.history()[-1].train["accuracy"][0]

    assert accuracy("linear") == 1.0
    assert accuracy("xor") < 0.8
