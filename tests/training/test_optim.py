"""Optimizers are torch's, rates those of the formulas."""

import math

import pytest
import torch
from torch import nn

from tiza.config import Plan
from tiza.training.optim import factor, optimizer_for


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


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adamw"])
def test_only_weights_decay_unless_all_shall(name: str):
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    groups = optimizer_for(model, Plan(optimizer=name)).param_groups
    assert [group["decays"] for group in groups] == [True, False]
    assert [len(group["params"]) for group in groups] == [2, 4]
    everything = optimizer_for(model, Plan(optimizer=name, decay_on="all")).param_groups
    assert [(group["decays"], len(group["params"])) for group in everything] == [(True, 6)]
    assert all(group["fused"] for group in groups)


def test_frozen_parameters_are_left_out():
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    model[0].requires_grad_(False)
    groups = optimizer_for(model, Plan()).param_groups
    assert sum(len(group["params"]) for group in groups) == 2
    assert torch.equal(groups[0]["params"][0], model[1].weight)
