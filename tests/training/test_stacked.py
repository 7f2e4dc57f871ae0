"""Trial k of a stack is what trial k is alone: the same weights, the same metrics, whatever else is in the stack."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle, islice
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import tiza
from tiza.config import Plan, make
from tiza.data.dataset import Dataset
from tiza.models.building import build
from tiza.training.dense import layers_of
from tiza.training.events import Changed, Drop, Event, Measured, RunEnded
from tiza.training.feed import Feed, Lanes
from tiza.training.learner import ModuleLearner
from tiza.training.loop import stream
from tiza.training.position import Position
from tiza.training.stacked import StackedLearner, Trial

STEPS = 30
# Before a batch norm, an input that is the same all over a batch has no gradient but what rounding leaves, about 1e-17,
# of which Adam makes 1e-9 of the rate: rates of 2e-3 stay below 1e-10 for thirty steps, unless dropout leaves next to
# nothing of a layer of two units (1.6e-10).


DIGITS = tiza.load("digits", limit=300, valid=50)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return DIGITS


class Case:
    """Trials with a rate, decay, dropout and seed of their own, over one data set or several folds."""

    def __init__(
        self, data: Sequence[Dataset], *, plan: dict[str, Any], model: dict[str, Any], lr: Sequence[float],
        decay: Sequence[float] = (0.0,), dropout: Sequence[float] = (0.0,), seeds: Sequence[int] = (0,),
        double: bool = True,
    ) -> None:  # fmt: skip
        rows = list(zip(lr, *(islice(cycle(some), len(lr)) for some in (decay, dropout, seeds)), strict=True))
        lanes = list(dict.fromkeys((i, seed) for i in range(len(data)) for *_, seed in rows))
        self.base = make(Plan, {"batch_size": 38, "epochs": 6, "probe": 0} | plan)
        self.alone: list[tuple[ModuleLearner, Dataset, Plan]] = []
        trials: list[Trial] = []
        self.feeds = [Feed(data[i], self.plan(seed=seed), torch.device("cpu")) for i, seed in lanes]
        for lane, (i, lane_seed) in enumerate(lanes):
            for rate, wd, p, seed in rows:
                if seed == lane_seed:
                    built = build("mlp", data[i], seed=seed, dropout=p, **model)
                    built = built.double() if double else built
                    trials.append(Trial(copy.deepcopy(built), rate, wd, seed, lane))
                    own = self.plan(lr=rate, weight_decay=wd, seed=seed)
                    self.alone.append((ModuleLearner(built, own), data[i], own))
        self.learner = StackedLearner(trials, self.base)
        self.position = Position.start(self.base, len(trials))
        self.position.lr, self.position.weight_decay = [t.lr for t in trials], [t.weight_decay for t in trials]

    def plan(self, **own: Any) -> Plan:
        return self.base.model_copy(update=own)

    def events(self) -> Any:
        return stream(self.learner, Lanes(self.feeds, self.learner), self.base, position=self.position)

    def distance(self) -> float:
        """Train both ways; the largest difference of any weight. Metrics have to be equal."""
        together = measured(self.events())
        largest = 0.0
        for k, (learner, data, plan) in enumerate(self.alone):
            one = measured(stream(learner, data, plan))
            assert [m.valid["accuracy"][0] for m in one] == [m.valid["accuracy"][k] for m in together]
            assert [m.valid["f1_macro"][0] for m in one] == pytest.approx([m.valid["f1_macro"][k] for m in together])
            assert [m.valid["loss"][0] for m in one] == pytest.approx([m.valid["loss"][k] for m in together], rel=1e-4)
            assert [m.running["accuracy"][0] for m in one] == [m.running["accuracy"][k] for m in together]
            for mine, other in zip(self.learner.parameters().values(), learner.parameters().values(), strict=True):
                largest = max(largest, float((mine[k] - other[0]).abs().max()))
        return largest


def measured(events: Any) -> list[Measured]:
    found = [event for event in events if isinstance(event, Measured)]
    assert found[-1].step >= STEPS
    return found


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("dropout", [(0.0,), (0.5, 0.2, 0.0)])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "leaky-relu"])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
def test_thirty_updates_are_those_of_each_trial_alone(
    optimizer: str, activation: str, dropout: tuple[float, ...], batch_norm: bool, digits: Dataset
):
    model = {"hidden": (9, 6), "activation": activation, "batch_norm": batch_norm}
    case = Case(
        [digits], plan={"optimizer": optimizer}, model=model, lr=(1e-3, 5e-4, 1e-3, 1e-3), decay=(0.1, 0.1, 0.0, 0.1),
        dropout=dropout, seeds=(0, 0, 0, 7),
    )  # fmt: skip
    assert case.distance() <= 1e-10


@pytest.mark.parametrize(
    "plan",
    [
        {"decay_on": "all"},
        {"schedule": "one-cycle"},
        {"schedule": "step", "every": 2},
        {"batch_size": "full", "epochs": 30},
        {"batch_size": 64, "epochs": 10},
        {"balanced": True},
    ],
    ids=str,
)
def test_what_all_trials_share_of_a_plan_is_theirs_alone(plan: dict[str, Any], digits: Dataset):
    case = Case([digits], plan=plan, model={"hidden": (8,)}, lr=(5e-3, 1e-3), decay=(0.1, 0.0), seeds=(0, 3))
    assert case.distance() <= 1e-10


def test_folds_are_lanes_with_a_normalisation_of_their_own(digits: Dataset):
    second = replace(digits, train=digits.train.take(torch.arange(0, 120)), valid=digits.train.take(range(120, 150)))
    first = replace(second, train=digits.train.take(torch.arange(30, 150)), valid=digits.train.take(range(30)))
    assert not torch.equal(first.scaling()[0], second.scaling()[0])
    case = Case([first, second], plan={"epochs": 10}, model={"hidden": (8,)}, lr=(1e-2, 1e-3), dropout=(0.5, 0.1))
    assert case.distance() <= 1e-10


@given(
    hidden=st.lists(st.integers(1, 12), max_size=4),
    lr=st.lists(st.floats(1e-4, 1e-3), min_size=1, max_size=5),
    dropout=st.sampled_from([(0.0,), (0.3, 0.0), (0.6,)]),
    seeds=st.sampled_from([(0,), (1, 2)]),
    batch_norm=st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_any_widths_and_depths(
    hidden: list[int], lr: list[float], dropout: tuple[float, ...], seeds: tuple[int, ...], batch_norm: bool
):
    model = {"hidden": tuple(hidden), "batch_norm": batch_norm}
    # Among all widths are those whose few units all stay zero in a batch: see above for what Adam makes of that.
    plan = {"optimizer": "momentum"} if batch_norm else {}
    case = Case([DIGITS], plan=plan, model=model, lr=lr, dropout=dropout, seeds=seeds)
    assert case.distance() <= 1e-10


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
def test_in_single_precision_they_stay_together(optimizer: str, digits: Dataset):
    case = Case(
        [digits], plan={"optimizer": optimizer}, model={"hidden": (30,)}, lr=(1e-3,) * 3, decay=(0, 0.01, 0.1),
        dropout=(0, 0.2, 0.5), double=False,
    )  # fmt: skip
    assert case.distance() <= 1e-5


def test_who_leaves_changes_nothing_for_the_others(digits: Dataset):
    lr, seeds = (1e-2, 3e-3, 1e-3, 2e-2), (0, 1, 0, 1)
    case = Case([digits], plan={}, model={"hidden": (8,)}, lr=lr, seeds=seeds, dropout=(0.3,))
    events, command, seen = case.events(), None, []
    while True:
        try:
            event: Event = events.send(command)
        except StopIteration:
            break
        seen.append(event)
        command = Drop((0, 3)) if isinstance(event, Measured) and event.epoch == 2 else None
    assert [event.dropped for event in seen if isinstance(event, Changed)] == [[0, 3]]
    assert case.position.alive == [1, 2]
    for place, k in enumerate(case.position.alive):
        learner, data, plan = case.alone[k]
        measured(stream(learner, data, plan))
        for mine, other in zip(case.learner.parameters().values(), learner.parameters().values(), strict=True):
            torch.testing.assert_close(mine[place], other[0], rtol=0, atol=1e-10)


def test_a_trial_that_diverges_is_told_and_the_others_go_on(digits: Dataset):
    case = Case([digits], plan={"optimizer": "sgd"}, model={"hidden": (8,)}, lr=(0.1, 1e300, 0.05))
    events = list(case.events())
    assert [event.diverged for event in events if isinstance(event, Changed)] == [[1]]
    assert isinstance(events[-1], RunEnded)
    assert events[-1].reason == "done"
    last = [event for event in events if isinstance(event, Measured)][-1]
    assert last.valid["accuracy"][1] != last.valid["accuracy"][1]  # NaN
    for k in (0, 2):
        learner, data, plan = case.alone[k]
        assert measured(stream(learner, data, plan))[-1].valid["accuracy"][0] == last.valid["accuracy"][k]


def test_a_state_can_be_gone_back_to(digits: Dataset):
    case = Case([digits], plan={}, model={"hidden": (8,), "batch_norm": True}, lr=(1e-2, 1e-3))
    before = {name: value.clone() for name, value in case.learner.state().items()}
    list(case.events())
    moved = {name for name, value in case.learner.state().items() if not torch.equal(value, before[name])}
    assert moved == before.keys()
    case.learner.load(before)
    assert all(torch.equal(value, before[name]) for name, value in case.learner.state().items())


@pytest.mark.parametrize(
    ("name", "options"),
    [("cnn", {}), ("mlp-softmax", {}), ("resnet18", {"width": 4})],
)
def test_what_can_not_be_stacked_is_recognised(name: str, options: dict[str, Any], digits: Dataset):
    assert layers_of(build(name, digits, **options)) is None


def hooked(model: torch.nn.Module) -> None:
    model.get_submodule("body.logits").register_forward_hook(lambda *_: None)


def frozen(model: torch.nn.Module) -> None:
    next(model.parameters()).requires_grad_(False)


def shared(model: Any) -> None:
    model.body.linear2.weight = model.body.linear1.weight


@pytest.mark.parametrize("change", [hooked, frozen, shared])
def test_a_dense_network_that_was_changed_is_not_stacked(change: Any, digits: Dataset):
    model = build("mlp", digits, hidden=(64, 64))
    assert layers_of(model) is not None
    change(model)
    assert layers_of(model) is None


def test_answers_are_those_of_the_models(digits: Dataset):
    case = Case([digits], plan={}, model={"hidden": (8,), "batch_norm": True}, lr=(1e-2, 1e-3), dropout=(0.5,))
    x: Tensor = digits.train.x[:20]
    together = case.learner.logits(x[None])
    for k, (learner, *_) in enumerate(case.alone):
        torch.testing.assert_close(together[k], learner.logits(x)[0], rtol=0, atol=1e-12)
