"""Optimizers are torch's, rates those of the formulas."""

import copy
import math

import pytest
import torch
from torch import nn

from tiza.config import Plan, make
from tiza.training.optim import Optimizer, factor


@pytest.mark.parametrize(
    ("plan", "at"),
    [
        (Plan(), {0: 1, 50: 1, 99: 1}),
        (Plan(schedule="step", every=2, gamma=0.1), {0: 1, 19: 1, 20: 0.1, 40: 0.01}),
        (Plan(schedule="exponential", every=1, gamma=0.5), {0: 1, 10: 0.5, 5: 0.5**0.5}),
        (Plan(schedule="cosine"), {0: 1, 50: 0.5, 100: 0}),
        (Plan(schedule="one-cycle", warmup=0.2, start=10), {0: 0.1, 10: 0.55, 20: 1, 60: 0.5, 100: 0}),
        (Plan(schedule="one-cycle", warmup=0), {0: 1, 50: 0.5, 100: 0}),
    ],
)
def test_the_rate_follows_the_schedule(plan: Plan, at: dict[int, float]):
    for step, expected in at.items():
        assert factor(plan, step, total=100, per_epoch=10) == pytest.approx(expected, abs=1e-12)


def test_one_cycle_is_torchs_where_both_rise_linearly_to_the_same_peak():
    """torch anneals up by a cosine; the falling halves are compared, from the peak to its final 0."""
    total, peak = 100, 0.2
    ours = [factor(Plan(schedule="one-cycle", warmup=peak), s, total, 10) for s in range(20, 101)]
    falling = [(1 + math.cos(math.pi * i / 80)) / 2 for i in range(81)]
    assert ours == pytest.approx(falling)


PEERS = {
    "sgd": lambda groups: torch.optim.SGD(groups, lr=0.1, fused=True),
    "momentum": lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.8, fused=True),
    "adam": lambda groups: torch.optim.Adam(groups, lr=0.1, betas=(0.8, 0.99), fused=True),
    "adamw": lambda groups: torch.optim.AdamW(groups, lr=0.1, betas=(0.8, 0.99), fused=True),
}


@pytest.mark.parametrize("decay_on", ["weights", "all"])
@pytest.mark.parametrize("name", list(PEERS))
def test_updates_are_those_of_torch_optim(name: str, decay_on: str):
    """Only weights decay, unless all shall; a frozen parameter stays, and so does one that the loss does not reach."""
    torch.manual_seed(1)
    ours = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 4), nn.Linear(4, 2)).double()
    ours[2].requires_grad_(False)
    ours.register_parameter("unused", nn.Parameter(torch.ones(2, 2).double()))
    theirs = copy.deepcopy(ours)
    plan = make(Plan, {"optimizer": name, "momentum": 0.8, "betas": (0.8, 0.99), "decay_on": decay_on})
    optimizer = Optimizer(ours, plan)
    learnt = [p for p in theirs.parameters() if p.requires_grad]
    decayed = [p for p in learnt if decay_on == "all" or p.ndim > 1]
    spared = [p for p in learnt if not any(p is q for q in decayed)]
    peer = PEERS[name](
        [{"params": decayed, "weight_decay": 0.2}, *([{"params": spared, "weight_decay": 0.0}] if spared else [])]
    )
    for step in range(30):
        rate = 0.1 / (1 + step)
        optimizer.set(rate, 0.2)
        for group in peer.param_groups:
            group["lr"] = rate
        x = torch.randn(5, 3, dtype=torch.double)
        for model, by in ((ours, optimizer), (theirs, peer)):
            by.zero_grad()
            model(x).square().sum().backward()
            by.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_an_optimizer_taken_up_again_goes_on_as_it_would_have():
    def steps(model: nn.Module, optimizer: Optimizer, n: int) -> None:
        for i in range(n):
            optimizer.zero_grad()
            model(torch.full((2, 3), i + 1.0)).square().sum().backward()
            optimizer.step()

    first = nn.Linear(3, 2)
    optimizer = Optimizer(first, Plan(optimizer="adam"))
    steps(first, optimizer, 3)
    second = copy.deepcopy(first)
    again = Optimizer(second, Plan(optimizer="adam"))
    again.load(optimizer.tensors())
    steps(first, optimizer, 2)
    steps(second, again, 2)
    assert torch.equal(first.weight, second.weight)
