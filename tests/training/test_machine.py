"""Which learner and how many threads: what is faster, and what was first where nothing is clearly faster."""

from functools import partial
from pathlib import Path
from typing import ClassVar

import pytest
import torch

import tiza
from tiza.config import Plan, changed
from tiza.data.dataset import Dataset
from tiza.errors import TizaError
from tiza.i18n import set_language
from tiza.models.building import body_of
from tiza.models.layers import Normalise
from tiza.training import machine
from tiza.training.learner import ModuleLearner
from tiza.training.machine import choose_device, choose_engine, using_threads


class Slowed(ModuleLearner):
    """Takes so long for an update, by a clock of the test's own: the machine may be busy."""

    clock: ClassVar[float] = 0.0
    waits: dict[int, float]

    def train_batch(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        Slowed.clock += self.waits[torch.get_num_threads()]
        return super().train_batch(x, y)


def made(waits: dict[int, float], data: Dataset) -> Slowed:
    learner = Slowed(tiza.build("softmax", data), Plan())
    learner.waits = waits
    return learner


@pytest.mark.parametrize(
    ("waits", "threads", "expected"),
    [
        ({"a": {1: 0.02, 2: 0.01}}, "auto", ("a", 2)),
        ({"a": {1: 0.01, 2: 0.02}}, "auto", ("a", 1)),
        ({"a": {1: 0.02, 2: 0.02}, "b": {1: 0.02, 2: 0.02}}, "auto", ("a", 1)),
        ({"a": {1: 0.03, 2: 0.03}, "b": {1: 0.03, 2: 0.01}}, "auto", ("b", 2)),
        ({"a": {2: 0.03}, "b": {2: 0.01}}, 2, ("b", 2)),
        ({"a": {}}, 2, ("a", 2)),
    ],
)
def test_the_faster_one_is_chosen(
    waits: dict[str, dict[int, float]],
    threads: int | str,
    expected: tuple[str, int],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(machine.time, "perf_counter", lambda: Slowed.clock)
    data = tiza.load("iris")
    makers = {name: partial(made, of, data) for name, of in waits.items()}
    with using_threads(2):
        assert choose_engine(makers, threads, data.train.x[:8], data.train.y[:8]) == expected


def test_choosing_leaves_the_callers_random_numbers_alone():
    data = tiza.load("iris")
    makers = {name: partial(made, {1: 0.0, 2: 0.0}, data) for name in "ab"}
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    with using_threads(2):
        choose_engine(makers, "auto", data.train.x[:8], data.train.y[:8])
    assert torch.equal(torch.rand(3), expected)


# --- 004-gpu, as far as it goes without one


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_device_that_is_not_there_is_told_before_anything_is_trained(
    language: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    set_language(language)
    assert choose_device("auto") == torch.device("cpu")
    few = ["plan.device=cuda", "data.limit=600", "data.valid=100"]
    with pytest.raises(TizaError) as caught:
        tiza.fit(changed(tiza.recipes["004-gpu"], few), run=tmp_path / "run")
    assert (caught.value.code, caught.value.where, caught.value.exit_code) == ("no-device", "plan.device", 2)
    assert all(part in str(caught.value) for part in ("cuda", "plan.device=auto"))
    assert not (tmp_path / "run").exists()


def test_auto_is_the_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda")
    assert choose_device("cpu") == torch.device("cpu")


def test_an_update_of_004_gpu_is_made_wholly_on_the_device_that_is_not_the_cpu():
    """On torch's ``meta`` device, which has shapes and no values: a tensor left on the CPU would not go with them."""
    recipe, shape, classes = tiza.recipes["004-gpu"], (1, 28, 28), 10
    assert recipe.plan.device == "auto"
    body = body_of(recipe.model, shape, classes)
    model = torch.nn.Sequential(Normalise(torch.zeros(1), torch.ones(1), dimensions=3), body)
    learner = ModuleLearner(model, recipe.plan, class_weights=torch.ones(classes), device="meta")
    batch = recipe.plan.batch_size
    assert isinstance(batch, int)
    x = torch.zeros(batch, *shape, dtype=torch.uint8, device="meta")
    y = torch.zeros(batch, dtype=torch.int64, device="meta")
    loss, logits = learner.train_batch(x, y)
    assert (loss.shape, logits.shape) == ((1,), (1, batch, classes))
    assert learner.logits(x).shape == (1, batch, classes)
    assert {tensor.device.type for tensor in (loss, logits, *learner.state().values())} == {"meta"}
    assert all(p.grad is not None and p.grad.shape == p.shape for p in learner.optimizer.learnt)
