"""A search ranks what each trial is alone, loses nothing, and opens the test set once."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tiza
from tiza import storage
from tiza.config import Recipe, make
from tiza.data.seal import ledger
from tiza.errors import TizaError
from tiza.storage import TizaWarning
from tiza.trials import Progress, Trials, folder, packs

GRID: dict[str, Any] = {"plan.lr": [0.01, 0.1], "model.hidden": [5, (6, 4)], "plan.epochs": [2, 4]}


def recipe(**plan: Any) -> Recipe:
    base: dict[str, Any] = {"batch_size": 32, "epochs": 4, "threads": 1, "device": "cpu"}
    model = {"name": "mlp", "hidden": (5,), "dropout": 0.2}
    return make(Recipe, {"data": {"name": "digits", "limit": 300, "valid": 60}, "model": model, "plan": base | plan})


def lines(found: Trials) -> list[dict[str, Any]]:
    return list(storage.read_lines(found.path / "trials.jsonl"))


@pytest.fixture
def stacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stacking whatever the few timed updates say, which a busy machine may turn."""
    monkeypatch.setattr(packs, "_seconds", lambda runners: [1.0, *([0.001] * (len(runners) - 1))])


@pytest.fixture
def no_stacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "stackable", lambda *_: False)


def check(found: Trials, k: int) -> None:
    """What the table says of trial k is what it gets alone."""
    run = found.run(k)
    row = next(row for row in found.rows if row["trial"] == k)
    assert row["accuracy"] == pytest.approx(run.history()[-1].valid["accuracy"][0])
    assert row["loss"] == pytest.approx(run.history()[-1].valid["loss"][0], rel=1e-4)
    assert found.curve(k) == pytest.approx([event.valid["accuracy"][0] for event in run.history()])
    report = tiza.evaluate(run, sealed=True).splits["valid"]
    assert report is not None
    assert found.confusion(k).tolist() == report["confusion"]


@pytest.mark.usefixtures("stacks")
def test_each_trial_of_a_stack_is_what_fit_makes_of_it():
    found = tiza.search(recipe(), GRID, sealed=True)
    assert Counter(found.table["way"]) == {"stacked": 4, "read-off": 4}
    for k in range(8):
        check(found, k)


@pytest.mark.usefixtures("no_stacks")
def test_so_is_one_that_was_trained_alone():
    found = tiza.search(recipe(), {"model.hidden": [5, 6]}, sealed=True)
    assert list(found.table["way"]) == ["alone", "alone"]
    check(found, 0)


def test_a_network_that_can_not_be_stacked_goes_alone():
    found = tiza.search(recipe(), {"model.name": ["cnn"], "plan.lr": [0.01, 0.02], "plan.epochs": [1]}, sealed=True)
    assert list(found.table["way"]) == ["alone", "alone"]
    assert found.recipe(1).model.name == "cnn"


@pytest.mark.usefixtures("stacks")
def test_without_reuse_all_is_trained_and_nothing_else_changes():
    few, all_ = (tiza.search(recipe(), GRID, reuse=reuse, sealed=True) for reuse in (True, False))
    assert Counter(all_.table["way"]) == {"stacked": 8}
    columns = ["accuracy", "f1_macro", "rank", "verdict"]
    assert few.table[columns].equals(all_.table[columns])


@pytest.mark.usefixtures("stacks")
def test_equal_trials_are_recognised():
    found = tiza.search(recipe(), {"plan.batch_size": ["full", 5_000, 32], "plan.lr": [0.01, 0.1]}, sealed=True)
    assert len(lines(found)) == 6
    assert sum(line["own"] for line in lines(found)) == 4
    twins = {frozenset((int(k), int(v))) for k, v in found.table["same_as"].dropna().items()}
    assert twins == {frozenset((0, 2)), frozenset((1, 3))}
    assert found.table.loc[0, "accuracy"] == found.table.loc[2, "accuracy"]


def test_a_seed_depends_on_the_repeat_and_not_on_the_place():
    one = tiza.search(recipe(), {"plan.lr": [0.1, 0.01]}, repeats=2, sealed=True)
    other = tiza.search(recipe(), {"plan.lr": [0.01]}, repeats=3, sealed=True)
    kept = {(o.fit.repeat, o.accuracy) for o in one.of(1)}
    assert kept < {(o.fit.repeat, o.accuracy) for o in other.of(0)}


@pytest.mark.usefixtures("stacks")
@pytest.mark.parametrize("name", ["digits", "iris"])
def test_folds_are_a_trial_axis(name: str):
    base = recipe().model_copy(update={"data": tiza.load(name, limit=200).config})
    found = tiza.search(base, {"plan.lr": [0.01, 0.1]}, folds=3, repeats=2, sealed=True)
    assert len(lines(found)) == 12
    row = found.rows[0]
    of = [outcome.accuracy for outcome in found.of(row["trial"])]
    assert len(of) == 6
    assert row["accuracy"] == pytest.approx(np.mean(of))
    assert row["low"] < row["accuracy"] < row["high"]
    assert found.confusion(row["trial"]).sum() == 2 * sum(map(len, found.labels))


def test_the_winner_alone_meets_the_test_set_and_once():
    found = tiza.search(recipe(), {"plan.lr": [0.001, 0.1], "model.hidden": [3, 30]})
    opened = list(storage.read_lines(ledger()))
    assert [line["purpose"] for line in opened] == ["evaluation"]
    assert found.report is not None
    assert found.report.opening == 1
    assert opened[0]["by"] == found.run(found.best).name
    again = tiza.search(run=found.path, resume=True)
    assert again.report is not None
    assert len(list(storage.read_lines(ledger()))) == 1


def test_sealed_it_stays_shut():
    assert tiza.search(recipe(), {"plan.lr": [0.001, 0.1]}, sealed=True).report is None
    assert not ledger().exists()


def test_the_ranking_says_which_can_not_be_told_apart():
    found = tiza.search(recipe(epochs=8), {"plan.lr": [0.03, 1e-6, 0.02, 0.03]}, sealed=True)
    by = {row["trial"]: row for row in found.rows}
    assert by[1]["verdict"] == "worse"
    assert by[1]["p"] < 0.05
    assert {by[0]["verdict"], by[3]["verdict"], by[2]["verdict"]} <= {"best", "tie", "same"}
    assert by[3]["same_as"] == 0
    assert by[0]["accuracy"] == by[3]["accuracy"]
    assert found.table.index.tolist() == [row["trial"] for row in found.rows]
    assert 0 <= found.optimism < 0.2


@pytest.mark.usefixtures("stacks")
def test_a_trial_that_diverges_is_marked_and_the_others_go_on():
    found = tiza.search(recipe(optimizer="sgd"), {"plan.lr": [0.1, 1e30, 0.05]}, sealed=True)
    assert found.table["status"].to_dict() == {0: "done", 2: "done", 1: "diverged"}
    check(found, 0)
    check(found, 2)


@pytest.mark.usefixtures("no_stacks")
def test_alone_it_is_marked_too():
    found = tiza.search(recipe(optimizer="sgd"), {"plan.lr": [0.1, 1e30]}, repeats=2, sealed=True)
    assert found.table["status"].to_dict() == {0: "done", 1: "diverged"}


def test_where_all_diverge_there_is_no_best():
    found = tiza.search(recipe(optimizer="sgd"), {"plan.lr": [1e30, 2e30]})
    assert found.report is None
    with pytest.raises(TizaError, match="no best one"):
        _ = found.best
    assert found.to_dict()["best"] is None


@pytest.mark.parametrize("how", ["stacks", "no_stacks"])
def test_halving_lets_the_weak_leave(how: str, request: pytest.FixtureRequest):
    request.getfixturevalue(how)
    grid = {"plan.lr": [1e-6, 1e-5, 0.02, 0.03, 1e-4, 1e-7, 2e-6, 3e-6, 4e-6]}
    found = tiza.search(recipe(epochs=9), grid, halving=3, sealed=True)
    assert Counter(found.table["status"]) == {"done": 1, "dropped": 8}
    assert found.best in (2, 3)
    assert Counter(len(found.curve(k)) for k in range(9)) == {1: 6, 3: 2, 9: 1}
    check(found, found.best)


def test_early_stopping_and_the_best_epoch_are_those_of_fit():
    found = tiza.search(recipe(epochs=12, patience=1), {"plan.lr": [0.5, 0.05]}, sealed=True)
    for k in (0, 1):
        run = found.run(k)
        report = tiza.evaluate(run, sealed=True).splits["valid"]
        row = next(row for row in found.rows if row["trial"] == k)
        assert report is not None
        assert row["accuracy"] == report["accuracy"]
        assert found.confusion(k).tolist() == report["confusion"]


def test_worker_processes_give_the_same():
    alone, together = (tiza.search(recipe(), GRID, jobs=jobs, sealed=True) for jobs in (1, 2))
    columns = ["accuracy", "rank", "verdict", "status"]
    assert alone.table[columns].equals(together.table[columns])


def test_data_of_ones_own_can_be_searched():
    data = tiza.load("iris")
    own = tiza.load((np.asarray(data.train.x), data.train.y.numpy()))
    base = recipe().model_copy(update={"data": own.config})
    grid = {"plan.lr": [0.01, 0.1], "data.scale": ["raw", "standard"]}
    here, there = (tiza.search(base, grid, data=own, jobs=jobs) for jobs in (1, 2))
    assert here.table["accuracy"].to_dict() == there.table["accuracy"].to_dict()
    assert here.report is not None


@pytest.mark.usefixtures("stacks")
def test_a_stack_that_memory_does_not_hold_is_trained_in_smaller_packs(monkeypatch: pytest.MonkeyPatch):
    whole = tiza.search(recipe(), {"plan.lr": [0.01 * i for i in range(1, 7)]}, sealed=True)
    monkeypatch.setattr(packs, "free_memory", lambda: 2 * 3 * 4 * (5 * 385 + 6 * 15 * 250) / 1)
    with pytest.warns(TizaWarning, match="smaller packs"):
        parts = tiza.search(recipe(), {"plan.lr": [0.01 * i for i in range(1, 7)]}, sealed=True)
    assert parts.table[["accuracy", "way"]].equals(whole.table[["accuracy", "way"]])


def test_free_memory_is_a_plausible_number():
    free = packs.free_memory()
    assert free is None or 2**24 < free < 2**45


def test_a_budget_too_small_for_one_trial_is_told_and_leaves_nothing(home: Path):
    with pytest.raises(TizaError, match="too small for one trial"):
        tiza.search(recipe(epochs=5_000), {"plan.lr": [0.01, 0.1]}, budget=0.01)
    assert not any((home / "searches").iterdir())


@pytest.mark.usefixtures("no_stacks")
def test_what_a_budget_does_not_reach_is_left_out_and_can_be_had_later():
    grid = {"plan.lr": [i / 1000 for i in range(1, 300)], "model.hidden": [5]}
    found = tiza.search(recipe(epochs=60), grid, budget=1.5, sealed=True)
    before = lines(found)
    assert Counter(found.table["status"]) == {"done": len(before), "unfinished": 299 - len(before)}
    assert 0 < len(before) < 299
    again = lines(tiza.search(run=found.path, resume=True, budget=1.5, sealed=True))
    assert again[: len(before)] == before
    assert len({line["trial"] for line in again}) == len(again) > len(before)


COMMAND = [sys.executable, "-m", "tiza.cli", "search", "digits", "--limit", "300", "--set", "plan.threads=1"]


def test_killed_it_resumes_and_runs_nothing_twice(home: Path):
    grid = ["--grid", "plan.lr=0.01,0.02", "--grid", "model.hidden=5,6,7,8,9,10,11,12", "--set", "plan.epochs=60"]
    path = home / "killed"
    process = subprocess.Popen(
        [*COMMAND, *grid, "--run", str(path), "--json"], env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    for _ in range(2400):
        if (path / "trials.jsonl").exists() and (path / "trials.jsonl").read_text().count("\n") >= 3:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = lines(Trials(path))
    assert 3 <= len(before) < 16
    with (path / "trials.jsonl").open("a") as file:
        file.write('{"v": 1, "trial": 15, "rep')  # a line that the crash cut off
    found = tiza.search(run=path, resume=True, sealed=True)
    after = lines(found)
    assert after[: len(before)] == before
    assert sorted(line["trial"] for line in after) == list(range(16))
    assert set(found.table["status"]) == {"done"}


def test_two_can_not_work_in_one_folder(home: Path):
    found = tiza.search(recipe(), {"plan.lr": [0.1, 0.2]}, sealed=True)
    with tiza.runs.Run(found.path).locked(), pytest.raises(TizaError, match="being"):
        tiza.search(run=found.path, resume=True)


def test_it_says_how_it_stands():
    said: list[Progress] = []
    found = tiza.search(recipe(), GRID, sealed=True, said=said.append)
    assert (said[0].done, said[-1].done, said[-1].of) == (0, 8, 8)
    assert all(a.share <= b.share for a, b in itertools.pairwise(said))
    plain = tiza.runs.read_json(found.path / "progress.json")
    assert plain["status"] == "done"
    assert {int(k): v for k, v in plain["accuracy"].items()} == pytest.approx(
        found.table["accuracy"].to_dict(), abs=1e-4
    )


def test_a_search_that_is_kept_by_name_can_be_changed():
    found = tiza.search("004-kfold", data=tiza.load("digits", limit=150), folds=3, sealed=True)
    assert found.search.folds == 3
    assert len(found.table) == 1
    assert found.name in {path.name for path in folder.list_searches()}
    assert tiza.trials.read("last").path == found.path


BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "search-empty"),
    ({"grid": {"plan.lrr": [1]}}, "unknown"),
    ({"grid": {"plan.lr": [0.1]}, "folds": 50}, "search-folds"),
    ({"grid": {"plan.lr": [0.1]}, "folds": 1}, "bad-value"),
    ({"grid": {"plan.lr": [0.1]}, "repeats": 0}, "bad-value"),
    ({"grid": {"plan.lr": [0.1]}, "jobs": 0}, "search-jobs"),
    ({"grid": {"plan.lr": [0.1]}, "budget": 0}, "search-budget-none"),
    ({"grid": {"plan.lr": [0.1]}, "on": "moon"}, "search-on"),
    ({"grid": {"plan.lr": [0.1, 0.2]}, "halving": 2, "jobs": 2}, "search-halving-alone"),
    ({"grid": {"plan.epochs": [1, 2]}, "halving": 2}, "search-halving-epochs"),
    ({"grid": {"data.seed": [1, 2]}}, "search-other-samples"),
    ({"grid": {"data.valid": ["test"]}}, "search-other-samples"),
    ({"grid": {"model.batch_norm": [True], "plan.batch_size": [1]}}, "batch-of-one"),
    ({"grid": {"plan.loss": ["perceptron"]}}, "two-classes"),
    ({"resume": True}, "resume-what"),
    ({"resume": True, "run": "nowhere"}, "unknown"),
]


@pytest.mark.parametrize(("asked", "code"), BAD, ids=lambda value: str(value)[:50])
@pytest.mark.parametrize("language", ["en", "es"])
def test_bad_requests_are_told_before_anything_runs(
    asked: dict[str, Any], code: str, language: str, home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TIZA_LANG", language)
    with pytest.raises(TizaError) as caught:
        tiza.search(recipe(), **asked)
    assert caught.value.code == code
    assert str(caught.value)
    assert not (home / "searches").exists() or not any((home / "searches").iterdir())


def test_validating_on_the_test_set_is_refused():
    with pytest.raises(TizaError, match="validates on the test set"):
        tiza.search(make(Recipe, {"data": {"name": "iris", "valid": "test"}, "model": "mlp"}), {"plan.lr": [0.1]})


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(TizaError, match="already holds"):
        tiza.search(recipe(), {"plan.lr": [0.1]}, run=tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["notes.txt"]


def test_no_trial_beyond_the_last():
    found = tiza.search(recipe(epochs=1), {"plan.lr": [0.1]}, sealed=True)
    with pytest.raises(TizaError, match="numbered from 0 to 0"):
        found.recipe(1)
