"""Run folders: found, listed, read back, told apart from what is none."""

import time
from pathlib import Path

import pytest

import tiza
from tiza import runs, storage
from tiza.config import Recipe, make
from tiza.errors import TizaError
from tiza.training.events import Answered, Measured, RunEnded, RunStarted, Stepped

PART = {"n": 1, "loss": [0.0], "accuracy": [0.0], "f1_macro": [0.0]}


def started(step: int = 0, resumed_from: int | None = None) -> RunStarted:
    return RunStarted(
        step=step, epoch=step, time=0, trials=1, epochs=9, steps_per_epoch=1, samples=1, parameters=1,
        resumed_from=resumed_from,
    )  # fmt: skip


def stepped(step: int, loss: float = 0.0) -> Stepped:
    return Stepped(step=step, epoch=step, time=0, loss=[loss], accuracy=[0.0], lr=[0.0], rate=0.0, seconds=0.0)


def measured(step: int) -> Measured:
    return Measured(step=step, epoch=step, time=0, train=PART, valid=PART, running={}, seconds=0.0)


def ended(step: int, reason: str) -> RunEnded:
    return RunEnded(step=step, epoch=step, time=0, reason=reason, seconds=0.0)


def test_a_resumed_run_takes_back_what_it_does_again():
    told = [
        started(),
        stepped(1),
        measured(1),
        stepped(2, 0.5),
        stepped(3),
        started(1, 1),
        stepped(2, 0.7),
        ended(2, "done"),
    ]
    kept = runs.forget(iter(told))
    assert [event.step for event in kept if isinstance(event, Stepped)] == [1, 2]
    assert kept[-2].loss == [0.7]


def test_an_epoch_measured_twice_counts_once_and_an_end_that_was_none_is_forgotten():
    told = [started(), measured(1), ended(1, "interrupted"), started(1, 1), measured(1), measured(2), ended(2, "done")]
    kept = runs.forget(iter(told))
    assert [event.epoch for event in kept if isinstance(event, Measured)] == [1, 2]
    assert [event.reason for event in kept if isinstance(event, RunEnded)] == ["done"]


@pytest.fixture
def recipe() -> Recipe:
    return make(Recipe, {"data": "iris", "model": "softmax", "plan": {"epochs": 1, "threads": 1}})


def test_events_of_some_kinds_are_those_of_all_events(recipe: Recipe):
    run = tiza.fit(recipe)
    storage.append_line(run.path / "events.jsonl", {"no": "event"})
    for event in (stepped(3), started(3, resumed_from=2), measured(3)):
        runs.append_event(run, event)
    every = list(run.events())
    for kinds in ((Measured,), (RunStarted, RunEnded), (Stepped,), (Answered, Measured)):
        assert list(run.events(*kinds)) == [event for event in every if isinstance(event, kinds)]


def test_runs_are_found_by_path_name_and_last(recipe: Recipe, home: Path):
    first = tiza.fit(recipe)
    assert first.path.parent == home / "runs"
    time.sleep(0.05)
    second = tiza.fit(recipe)
    assert runs.find(first.name).path == first.path
    assert runs.find(first.path) == first
    assert runs.find("last") == second
    assert [run.name for run in runs.list_runs()] == [second.name, first.name]
    with pytest.raises(TizaError) as caught:
        runs.find(first.name[:-2] + "xx")
    assert first.name in str(caught.value) or second.name in str(caught.value)


def test_two_processes_in_the_same_second_get_two_folders(recipe: Recipe):
    folders = [runs.new_folder(recipe) for _ in range(5)]
    assert len(set(folders)) == 5
    assert all(folder.is_dir() for folder in folders)


def test_folders_that_are_no_runs_are_passed_over_in_the_list(recipe: Recipe, home: Path):
    (home / "runs" / "notes").mkdir(parents=True)
    (home / "runs" / "file.txt").write_text("x")
    assert runs.list_runs() == []
    tiza.fit(recipe)
    assert len(runs.list_runs()) == 1


def test_a_beginning_that_was_cut_off_does_not_block_its_folder(recipe: Recipe, tmp_path: Path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "recipe.json").write_text("{}")
    (folder / ".environment.json.1.part").write_text("{")
    assert tiza.fit(recipe, run=folder).status == "done"
    assert not list(folder.glob(".*.part"))


def test_a_deleted_run_is_gone(recipe: Recipe):
    run = tiza.fit(recipe)
    run.delete()
    assert not run.path.exists()
    with pytest.raises(TizaError):
        runs.find(run.path)


def test_a_damaged_run_does_not_hide_the_others(recipe: Recipe):
    broken, whole = tiza.fit(recipe), tiza.fit(recipe)
    (broken.path / "recipe.json").write_text("{")
    states = {run.name: run.to_dict()["status"] for run in runs.list_runs()}
    assert states == {broken.name: "damaged", whole.name: "done"}


def test_a_damaged_recipe_is_told_with_its_file(recipe: Recipe, tmp_path: Path):
    run = tiza.fit(recipe, run=tmp_path / "run")
    (run.path / "recipe.json").write_text('{"data": ')
    with pytest.raises(TizaError) as caught:
        tiza.evaluate(run)
    assert caught.value.code == "damaged"
    assert "recipe.json" in str(caught.value)
