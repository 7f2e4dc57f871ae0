"""The loop: what it yields, what it obeys, and that it trains what it says."""

import itertools
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import tiza
from tiza.config import Plan
from tiza.data.dataset import Dataset
from tiza.data.seal import ledger
from tiza.models import build
from tiza.readers import drive
from tiza.training import (
    Answered,
    Changed,
    Drop,
    Event,
    Learner,
    Measured,
    ModuleLearner,
    Pace,
    Pause,
    Position,
    Probed,
    Resume,
    RunEnded,
    RunStarted,
    Set,
    Step,
    Stepped,
    Stop,
    Waiting,
    stream,
)
from tiza.training.probes import board, plane


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return tiza.load("digits")


def events_of(learner: Learner, data: Dataset, plan: Plan, *readers) -> list[Event]:
    """Every event of a whole run."""
    seen: list[Event] = []
    drive(stream(learner, data, plan), learner, [lambda event, _: seen.append(event), *readers])
    return seen


def only(kind: type, events: list[Event]) -> list:
    return [event for event in events if isinstance(event, kind)]


def test_a_run_starts_measures_every_epoch_and_ends(digits: Dataset):
    plan = Plan(epochs=3, batch_size=64)
    events = events_of(ModuleLearner(build("mlp", digits), plan), digits, plan)
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], RunEnded)
    assert events[0].steps_per_epoch == math.ceil(len(digits.train) / 64)
    assert [m.epoch for m in only(Measured, events)] == [1, 2, 3]
    assert events[-1].reason == "done"
    assert events[-1].step == 3 * events[0].steps_per_epoch


def test_the_loop_is_the_loop_that_one_would_write_by_hand(digits: Dataset):
    """Same batches, plain torch: the same weights, bit for bit."""
    plan = Plan(epochs=2, batch_size=50, optimizer="momentum", lr=0.05, weight_decay=1e-3, seed=3)
    ours = build("mlp", digits, seed=3, hidden=(32,), dropout=0.0)
    hand = build("mlp", digits, seed=3, hidden=(32,), dropout=0.0)
    events_of(ModuleLearner(ours, plan), digits, plan)

    from tiza.data.batches import Batches

    weights = [p for p in hand.parameters() if p.ndim > 1]
    biases = [p for p in hand.parameters() if p.ndim == 1]
    groups = [{"params": weights, "weight_decay": 1e-3}, {"params": biases}]
    optimizer = torch.optim.SGD(groups, lr=0.05, momentum=0.9, fused=True)
    for epoch in range(2):
        for _, x, y in Batches(digits.train, 50, seed=3).epoch(epoch):
            optimizer.zero_grad()
            nn.functional.cross_entropy(hand(x), y).backward()
            optimizer.step()
    for name, value in hand.state_dict().items():
        assert torch.equal(value, ours.state_dict()[name]), name


def test_train_is_measured_again_after_the_epoch_in_eval_mode(digits: Dataset):
    plan = Plan(epochs=2, batch_size=32)
    model = build("mlp", digits, dropout=0.5)
    last = only(Measured, events_of(ModuleLearner(model, plan), digits, plan))[-1]
    with torch.no_grad():
        logits = model.eval()(digits.train.x)
    right = (logits.argmax(1) == digits.train.y).double().mean().item()
    loss = nn.functional.cross_entropy(logits, digits.train.y).item()
    assert last.train["accuracy"][0] == pytest.approx(right, abs=1e-9)
    assert last.train["loss"][0] == pytest.approx(loss, rel=1e-5)
    assert last.running["accuracy"][0] < right  # dropout was on and the weights were older


def test_the_running_mean_weighs_batches_of_unequal_size_by_their_samples():
    """Document 003: losses 0.4, 0.5, 0.6 of 100 samples each are 150 / 300; here the last batch is smaller."""
    data = tiza.load("points", n=500, seed=1)
    plan = Plan(epochs=1, batch_size=200, optimizer="sgd", lr=0.1)
    model = build("softmax", data)
    hand = build("softmax", data)
    measured = only(Measured, events_of(ModuleLearner(model, plan), data, plan))[0]

    from tiza.data.batches import Batches

    total, optimizer = 0.0, torch.optim.SGD(hand.parameters(), lr=0.1)
    for _, x, y in Batches(data.train, 200, seed=0).epoch(0):
        loss = nn.functional.cross_entropy(hand(x), y)
        total += loss.item() * len(y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert len(data.train) % 200 != 0
    assert measured.running["loss"][0] == pytest.approx(total / len(data.train), rel=1e-6)


def test_pause_step_and_resume(digits: Dataset):
    plan = Plan(epochs=1, batch_size=16, probe=0)
    learner = ModuleLearner(build("softmax", digits), plan)
    events = stream(learner, digits, plan)
    next(events)
    assert events.send(Pause()) == _like(Changed, step=0, paused=True)
    assert isinstance(waiting := next(events), Waiting)
    assert waiting.step == 0
    assert isinstance(next(events), Waiting)
    assert events.send(Step(steps=3)) == _like(Stepped, step=3)
    assert next(events) == _like(Waiting, step=3)
    measured = events.send(Step(epoch=True))
    while not isinstance(measured, Measured):
        measured = next(events)
    assert measured.epoch == 1
    assert isinstance(next(events), RunEnded)


def test_resume_goes_on_to_the_end(digits: Dataset):
    plan = Plan(epochs=1, batch_size=16)
    events = stream(ModuleLearner(build("softmax", digits), plan), digits, plan)
    next(events)
    events.send(Pause())
    next(events)
    assert events.send(Resume()) == _like(Changed, paused=False)
    assert isinstance(list(events)[-1], RunEnded)


def _like(kind: type, **values):
    """Equals any event of ``kind`` with these values."""

    class Like:
        def __eq__(self, other):
            return isinstance(other, kind) and all(getattr(other, key) == value for key, value in values.items())

        def __repr__(self):
            return f"{kind.__name__} with {values}"

    return Like()


def test_set_changes_the_rate_and_says_so(digits: Dataset):
    plan = Plan(epochs=1, batch_size=16, optimizer="sgd", lr=0.5)
    model = build("softmax", digits)
    events = stream(ModuleLearner(model, plan), digits, plan)
    next(events)
    assert events.send(Set(lr=1e-30)) == _like(Changed, lr=[1e-30], weight_decay=None)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    list(events)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_stop_measures_and_ends_with_its_reason(digits: Dataset):
    plan = Plan(epochs=50, batch_size=16)

    def stop(event: Event, learner: Learner):
        return Stop("enough") if isinstance(event, Stepped) else None

    events = events_of(ModuleLearner(build("mlp", digits), plan), digits, plan, stop)
    assert events[-1].reason == "enough"
    assert isinstance(events[-2], Measured)
    assert events[-1].step < 50 * events[0].steps_per_epoch


def test_ticks_are_a_tenth_of_a_second_apart_and_small(digits: Dataset):
    import json

    from tiza.training.events import to_plain

    plan = Plan(epochs=200, batch_size=8, probe=0)

    def stop(event: Event, learner: Learner):
        return Stop() if isinstance(event, Stepped) and event.seconds > 0.8 else None

    ticks = only(Stepped, events_of(ModuleLearner(build("softmax", digits), plan), digits, plan, stop))
    assert len(ticks) >= 3
    assert all(b.time - a.time >= 0.099 for a, b in itertools.pairwise(ticks))
    assert all(len(json.dumps(to_plain(tick))) < 200 for tick in ticks)


def test_no_update_waits_for_the_device(digits: Dataset, monkeypatch: pytest.MonkeyPatch):
    """Nothing brings a number over between two ticks: as many transfers in an epoch of 11 updates as in one of 81."""
    from torch.utils._python_dispatch import TorchDispatchMode

    from tiza.training import loop

    class Transfers(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            self.count += function in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten._to_copy.default)
            return function(*args, **(kwargs or {}))

    monkeypatch.setattr(loop, "TICK", 1e9)
    counts = []
    for size in (128, 16):
        plan = Plan(epochs=1, batch_size=size, optimizer="adamw", schedule="one-cycle", probe=0)
        learner = ModuleLearner(build("mlp", digits, batch_norm=True), plan)
        with Transfers() as transfers:
            events_of(learner, digits, plan)
        steps = math.ceil(len(digits.train) / size)
        casts = 3 * steps  # on the device: bytes of the batch, and the masks of two dropouts, become floats
        counts.append(transfers.count - casts)
    assert counts[0] == counts[1]


def test_a_probe_shows_quantiles_of_every_layer_and_the_batch_with_its_answers(digits: Dataset):
    plan = Plan(epochs=300, batch_size=64, probe=0.1)

    def stop(event: Event, learner: Learner):
        return Stop() if isinstance(event, Probed) else None

    model = build("mlp", digits, hidden=(16,))
    probed = only(Probed, events_of(ModuleLearner(model, plan), digits, plan, stop))[0]
    assert [layer["name"] for layer in probed.layers] == [name for name, _ in model.named_parameters()]
    assert all(layer["quantiles"][0] == sorted(layer["quantiles"][0]) for layer in probed.layers)
    labels = digits.train.y[torch.tensor(probed.tiles["index"])].tolist()
    assert labels == probed.tiles["label"]
    assert len(probed.tiles["answer"]) == len(labels) > 0


def test_the_followed_samples_are_answered_as_the_model_answers_them(digits: Dataset):
    plan = Plan(epochs=2, batch_size=64, probe=0.01)
    model = build("mlp", digits, hidden=(16,))
    answered = only(Answered, events_of(ModuleLearner(model, plan), digits, plan))
    places = board(digits.valid.y.numpy())
    assert answered[-1].answers == model.eval()(digits.valid.x[places]).argmax(1).tolist()
    assert answered[-1].step == answered[-1].epoch * math.ceil(len(digits.train) / 64)
    assert all(event.regions is None for event in answered)


def test_asking_waits_forty_times_as_long_as_it_took(digits: Dataset):
    plan = Plan(epochs=60, batch_size=16, probe=0.001)
    model = build("mlp", digits, hidden=(256,))
    answered = only(Answered, events_of(ModuleLearner(model, plan), digits, plan))[:-1]  # the last: after the end
    assert len(answered) > 3
    for before, later in itertools.pairwise(answered):
        assert later.time - before.time >= 39.9 * before.seconds


def test_answers_change_nothing_of_training(digits: Dataset):
    weights = []
    for probe in (0, 0.001):
        plan = Plan(epochs=3, batch_size=64, probe=probe)
        model = build("mlp", digits, hidden=(16,))
        events_of(ModuleLearner(model, plan), digits, plan)
        weights.append(torch.cat([p.flatten() for p in model.parameters()]))
    assert torch.equal(*weights)


def test_the_plane_of_two_features_is_answered_all_over():
    data = tiza.load("points", kind="circles")
    plan = Plan(epochs=1, probe=0.1)
    model = build("mlp", data, hidden=(8,))
    regions = only(Answered, events_of(ModuleLearner(model, plan), data, plan))[-1].regions
    points, extent = plane(data.train.x)
    logits = model.eval()(points)
    assert regions["answer"] == logits.argmax(1).tolist()
    assert [regions[name] for name in ("size", "x", "y")] == list(extent.values())
    assert regions["x"][0] < data.train.x[:, 0].min() < data.train.x[:, 0].max() < regions["x"][1]
    assert torch.equal(points[:2, 1], points[:1, 1].expand(2))  # row by row …
    assert points[0, 1] < points[-1, 1]  # … from below
    sure = logits.softmax(1).amax(1)
    assert torch.allclose(torch.tensor(regions["sure"]) / 10, sure, atol=0.11)


def test_where_validation_is_the_test_set_nothing_is_asked(home: Path):
    data = tiza.load("digits", valid="test")
    plan = Plan(epochs=1, probe=0.001)
    assert only(Answered, events_of(ModuleLearner(build("softmax", data), plan), data, plan)) == []
    assert len(ledger().read_text().splitlines()) == 1  # the epoch's measurement


def test_in_slow_motion_updates_keep_their_distance(digits: Dataset):
    plan = Plan(epochs=1, batch_size=16, probe=0)
    events = stream(ModuleLearner(build("softmax", digits), plan), digits, plan)
    next(events)
    assert events.send(Pace(0.15)) == _like(Changed, pace=0.15)
    times = []
    while len(times) < 4:
        event = next(events)
        if isinstance(event, Stepped):
            times.append((event.step, event.time))
    events.close()
    first = times[0][0]
    assert [step for step, _ in times] == [first + i for i in range(4)]
    assert all(later - before >= 0.14 for (_, before), (_, later) in itertools.pairwise(times))


def test_the_callers_random_state_is_its_own_between_events(digits: Dataset):
    plan = Plan(epochs=2, batch_size=64, seed=5)
    torch.manual_seed(123)
    expected = torch.rand(3)
    torch.manual_seed(123)
    drawn = []
    model = build("mlp", digits, dropout=0.5)
    events = events_of(ModuleLearner(model, plan), digits, plan, lambda e, _: drawn.append(torch.rand(1)) and None)
    assert torch.equal(torch.cat(drawn[:3]), expected)
    again = build("mlp", digits, dropout=0.5)
    events_of(ModuleLearner(again, plan), digits, plan)
    assert len(events) >= 4
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


def test_divergence_stops_within_the_epoch_and_keeps_the_last_good_weights(digits: Dataset):
    plan = Plan(epochs=20, batch_size=64, optimizer="sgd", lr=1e30, schedule="constant")
    model = build("mlp", digits, dropout=0.0)
    first = {name: value.clone() for name, value in model.state_dict().items()}
    ended = events_of(ModuleLearner(model, plan), digits, plan)[-1]
    assert isinstance(ended, RunEnded)
    assert ended.reason == "diverged"
    assert 1 <= ended.failed_at <= 21
    assert ended.proposed_lr == pytest.approx(1e29)
    assert all(torch.equal(value, first[name]) for name, value in model.state_dict().items())


def test_divergence_later_keeps_the_weights_of_the_last_measured_epoch(digits: Dataset):
    plan = Plan(epochs=5, batch_size=64, optimizer="sgd", lr=0.1)
    model = build("softmax", digits)
    kept: dict[str, Tensor] = {}

    def break_in_the_third_epoch(event: Event, learner: Learner):
        if isinstance(event, Measured) and event.epoch == 2:
            kept.update({name: value.clone() for name, value in model.state_dict().items()})
            return Set(lr=1e38)
        return None

    ended = events_of(ModuleLearner(model, plan), digits, plan, break_in_the_third_epoch)[-1]
    per_epoch = math.ceil(len(digits.train) / 64)
    assert ended.reason == "diverged"
    assert 2 * per_epoch < ended.failed_at <= 3 * per_epoch
    assert all(torch.equal(value, kept[name]) for name, value in model.state_dict().items())


def test_a_last_batch_of_one_trains_with_batch_norm():
    data = tiza.load("points", n=200, seed=0)
    n = len(data.train)
    plan = Plan(epochs=1, batch_size=n - 1)
    events = events_of(ModuleLearner(build("mlp", data, batch_norm=True), plan), data, plan)
    assert events[-1].reason == "done"


@pytest.mark.parametrize("clip", [0.01, 1.0])
def test_clipping_bounds_the_step_of_gradient_descent(digits: Dataset, clip: float):
    plan = Plan(epochs=1, batch_size="full", optimizer="sgd", lr=1.0, clip=clip)
    model = build("softmax", digits)
    before = torch.cat([p.detach().flatten().clone() for p in model.parameters()])
    events_of(ModuleLearner(model, plan), digits, plan)
    after = torch.cat([p.detach().flatten() for p in model.parameters()])
    assert (after - before).norm().item() <= clip * 1.0001


def test_class_weights_balance_what_the_loss_sees(digits: Dataset):
    plan = Plan(epochs=1, batch_size="full", optimizer="sgd", lr=1e-9)
    weights = torch.rand(10) + 0.1
    model = build("softmax", digits)
    measured = only(Measured, events_of(ModuleLearner(model, plan, class_weights=weights), digits, plan))[0]
    fresh = build("softmax", digits)
    expected = nn.functional.cross_entropy(fresh(digits.train.x), digits.train.y, weight=weights).item()
    assert measured.running["loss"][0] == pytest.approx(expected, rel=1e-5)


class Together:
    """Two learners as two trials: what the protocol promises to a stacked one."""

    trials = 2
    device = torch.device("cpu")

    def __init__(self, learners: Sequence[ModuleLearner]) -> None:
        self.learners = list(learners)

    def train_batch(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        losses, logits = zip(*(learner.train_batch(x, y) for learner in self.learners), strict=True)
        return torch.cat(losses), torch.cat(logits)

    def logits(self, x: Tensor) -> Tensor:
        return torch.cat([learner.logits(x) for learner in self.learners])

    def state(self) -> dict[str, Tensor]:
        return {
            f"{k.partition('.')[0]}.{i}.{k}": v for i, one in enumerate(self.learners) for k, v in one.state().items()
        }

    def load(self, state: dict[str, Tensor]) -> None:
        raise AssertionError("not asked for here")

    def set(self, lr: Sequence[float], weight_decay: Sequence[float]) -> None:
        for learner, rate, decay in zip(self.learners, lr, weight_decay, strict=True):
            learner.set([rate], [decay])

    def drop(self, trials: Sequence[int]) -> None:
        self.learners = [learner for i, learner in enumerate(self.learners) if i not in trials]

    def parameters(self) -> dict[str, Tensor]:
        every = [learner.parameters() for learner in self.learners]
        return {name: torch.cat([one[name] for one in every]) for name in every[0]}


def pair(data: Dataset, plan: Plan) -> tuple[Together, list[nn.Module]]:
    models = [build("softmax", data, seed=seed) for seed in (0, 1)]
    return Together([ModuleLearner(model, plan) for model in models]), models


def test_two_trials_through_one_loop_are_two_runs(digits: Dataset):
    plan = Plan(epochs=2, batch_size=64)
    together, models = pair(digits, plan)
    measured = only(Measured, events_of(together, digits, plan))
    for trial in (0, 1):
        alone = build("softmax", digits, seed=trial)
        single = only(Measured, events_of(ModuleLearner(alone, plan), digits, plan))
        assert [m.valid["loss"][trial] for m in measured] == [m.valid["loss"][0] for m in single]
        assert all(torch.equal(a, b) for a, b in zip(alone.parameters(), models[trial].parameters(), strict=True))


def test_a_diverging_trial_leaves_and_the_other_goes_on(digits: Dataset):
    plan = Plan(epochs=3, batch_size=64, optimizer="sgd", lr=0.1)
    together, models = pair(digits, plan)
    seen: list[Event] = []
    loop = stream(together, digits, plan)
    seen.append(next(loop))
    seen.append(loop.send(Set(lr=(1e38, 0.1))))
    seen += list(loop)
    changed = only(Changed, seen)
    assert changed[-1].diverged == [0]
    last = only(Measured, seen)[-1]
    assert math.isnan(last.valid["loss"][0])
    alone = build("softmax", digits, seed=1)
    events_of(ModuleLearner(alone, plan), digits, plan)
    assert all(torch.equal(a, b) for a, b in zip(alone.parameters(), models[1].parameters(), strict=True))


def test_a_dropped_trial_leaves(digits: Dataset):
    plan = Plan(epochs=2, batch_size=64)
    together, _ = pair(digits, plan)
    loop = stream(together, digits, plan)
    next(loop)
    assert loop.send(Drop((1,))) == _like(Changed, dropped=[1])
    last = only(Measured, list(loop))[-1]
    assert math.isnan(last.train["accuracy"][1])
    assert last.train["accuracy"][0] > 0.5


def test_a_position_goes_on_where_it_stands(digits: Dataset):
    plan = Plan(epochs=3, batch_size=64, augment={"shift": 1})
    whole = build("cnn", digits, channels=(4,), kernels=(3,), strides=(1,), dropout=0.3)
    events_of(ModuleLearner(whole, plan), digits, plan)

    first = ModuleLearner(build("cnn", digits, channels=(4,), kernels=(3,), strides=(1,), dropout=0.3), plan)
    position = Position.start(plan, 1)
    loop = stream(first, digits, plan, position=position)
    event = next(loop)
    while not isinstance(event, Measured):
        event = next(loop)
    state = {name: value.clone() for name, value in first.state().items()}
    loop.close()
    position.resumed = True
    torch.manual_seed(99)
    second = ModuleLearner(build("cnn", digits, channels=(4,), kernels=(3,), strides=(1,), dropout=0.3, seed=7), plan)
    second.load(state)
    rest = list(stream(second, digits, plan, position=position))
    assert rest[0].resumed_from == event.step
    for name, value in whole.state_dict().items():
        assert torch.equal(value, second.model.state_dict()[name]), name
