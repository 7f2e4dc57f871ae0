"""Where the time of a training went."""

import time
from pathlib import Path
from typing import Any

import pytest

import tiza
from tiza.training.events import Measured, Stop
from tiza.training.profile import PARTS, Profile


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_the_parts_add_up_to_the_time_of_the_run(model: str, tmp_path: Path):
    data = tiza.load("digits")
    profile = Profile()
    began = time.perf_counter()
    run = tiza.fit(tiza.build(model, data), data, {"epochs": 3}, run=tmp_path / "run", profile=profile)
    whole = time.perf_counter() - began
    assert set(profile.seconds) == set(PARTS)
    assert all(spent > 0 for spent in profile.seconds.values())
    assert sum(profile.seconds.values()) <= whole
    training = sum(profile.seconds[part] for part in ("batches", "forward", "backward", "optimizer"))
    assert run.ended is not None
    assert training == pytest.approx(run.ended.seconds, abs=1e-5)


def test_a_run_taken_up_again_counts_its_own_time(tmp_path: Path):
    data = tiza.load("digits")

    def stop(event: Any, learner: Any) -> Any:
        return Stop("interrupted") if isinstance(event, Measured) and event.epoch == 20 else None

    plan = {"epochs": 22, "threads": 1}
    with pytest.raises(KeyboardInterrupt):
        tiza.fit(tiza.build("mlp", data), data, plan, run=tmp_path / "run", readers=[stop])
    profile = Profile()
    began = time.perf_counter()
    tiza.fit(data=data, run=tmp_path / "run", resume=True, profile=profile)
    assert all(spent >= 0 for spent in profile.seconds.values())
    assert sum(profile.seconds.values()) <= time.perf_counter() - began


def test_a_slow_reader_and_a_slow_optimizer_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from tiza.training.optim import Optimizer

    step = Optimizer.step

    def slow(self: Any) -> None:
        time.sleep(0.005)
        step(self)

    monkeypatch.setattr(Optimizer, "step", slow)
    data = tiza.load("digits")
    plan = {"epochs": 2, "batch_size": 128, "threads": 1, "device": "cpu"}
    profile = Profile()
    tiza.fit(
        tiza.build("softmax", data), data, plan, run=tmp_path / "run", profile=profile,
        readers=[lambda event, learner: time.sleep(0.05)],
    )  # fmt: skip
    assert profile.seconds["optimizer"] > 2 * 9 * 0.005
    assert profile.seconds["readers"] > 3 * 0.05
    assert profile.seconds["forward"] + profile.seconds["backward"] < profile.seconds["optimizer"]


def test_watching_changes_nothing_that_is_learnt(tmp_path: Path):
    data = tiza.load("digits")
    for name, profile in (("a", None), ("b", Profile())):
        tiza.fit(tiza.build("cnn", data), data, {"epochs": 1, "threads": 1}, run=tmp_path / name, profile=profile)
    weights = [(tmp_path / name / "model" / "weights.safetensors").read_bytes() for name in "ab"]
    assert weights[0] == weights[1]
