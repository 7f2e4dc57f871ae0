"""Which learner and how many threads: what is faster, and what was first where nothing is clearly faster."""

from functools import partial
from typing import ClassVar

import pytest
import torch

import tiza
from tiza.config import Plan
from tiza.data.dataset import Dataset
from tiza.training import machine
from tiza.training.learner import ModuleLearner
from tiza.training.machine import choose_engine, using_threads


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
