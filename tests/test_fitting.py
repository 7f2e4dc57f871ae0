"""fit(): the run folder it leaves, taking up a run that was cut off, and what its readers do."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

import tiza
from tiza import runs
from tiza.config import Recipe, make
from tiza.errors import TizaError
from tiza.storage import TizaWarning
from tiza.training import Changed, Measured, RunEnded, RunStarted, Set, Stepped, Stop

SMALL = {
    "data": "digits",
    "model": {"name": "mlp", "hidden": [32]},
    "plan": {"epochs": 3, "batch_size": 64, "lr": 0.01, "threads": 1},
}


def recipe(**plan) -> Recipe:
    return make(Recipe, {**SMALL, "plan": {**SMALL["plan"], **plan}})


def weights(run: runs.Run) -> bytes:
    return (run.path / "model" / "weights.safetensors").read_bytes()


def killed(*arguments: object) -> dict:
    script = Path(__file__).parent / "killed.py"
    done = subprocess.run(
        [sys.executable, script, *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_the_folder_holds_recipe_environment_events_checkpoint_and_model(tmp_path: Path):
    run = tiza.fit(recipe(), run=tmp_path / "run")
    files = {str(path.relative_to(run.path)) for path in run.path.rglob("*") if path.is_file()}
    assert files == {
        ".lock", "recipe.json", "environment.json", "events.jsonl", "checkpoint.safetensors",
        "model/weights.safetensors", "model/README.md", "model/manifest.json",
    }  # fmt: skip
    assert run.recipe == recipe()
    assert run.status == "done"
    assert [m.epoch for m in run.history()] == [1, 2, 3]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path: Path):
    first, second = (tiza.fit(recipe(), run=tmp_path / name) for name in ("a", "b"))
    other = tiza.fit(recipe(seed=1), run=tmp_path / "c")
    assert weights(first) == weights(second)
    assert weights(first) != weights(other)


def test_the_restored_model_answers_as_the_trained_one(tmp_path: Path):
    data = tiza.load("digits")
    model = tiza.build("cnn", data, channels=(4,), kernels=(3,), strides=(1,))
    run = tiza.fit(recipe(), run=tmp_path / "named")
    restored = runs.restore(run)
    assert restored.manifest.classes == data.classes
    external = tiza.fit(model[1], data, recipe().plan, run=tmp_path / "own")
    assert external.recipe.model.name == "external"
    again = tiza.build("cnn", data, seed=5, channels=(4,), kernels=(3,), strides=(1,))[1]
    own = runs.restore(external, model=again).model
    with torch.no_grad():
        trained = runs.restore(external, model=model[1]).model(data.valid.x)
        torch.testing.assert_close(
            own(data.valid.x), trained
        )  # to rounding: another memory format, another order of sums


def test_a_module_of_the_users_own_trains_like_any_other(tmp_path: Path):
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.inside = nn.Linear(4, 3)

        def forward(self, x):
            return self.inside(torch.tanh(x))

    run = tiza.fit(Own(), "iris", {"epochs": 40, "lr": 0.05, "threads": 1}, run=tmp_path / "run")
    assert run.history()[-1].valid["accuracy"][0] > 0.8
    with pytest.raises(TizaError) as caught:
        tiza.evaluate(run)
    assert caught.value.code == "external-model"
    assert tiza.evaluate(run, model=Own()).accuracy > 0.8


def test_a_built_model_is_trained_as_it_is_and_recorded_by_its_name(tmp_path: Path):
    data = tiza.load("digits")
    model = tiza.build("mlp", data, seed=3, hidden=(32,))
    run = tiza.fit(model, data, recipe(seed=3).plan, run=tmp_path / "built")
    named = tiza.fit(recipe(seed=3), run=tmp_path / "named")
    assert run.recipe.model == named.recipe.model
    assert weights(run) == weights(named)
    with torch.no_grad():
        assert torch.equal(runs.restore(run).model(data.valid.x), model.eval()(data.valid.x))


def test_arrays_and_frames_are_recorded_as_external_and_asked_for_again(tmp_path: Path):
    from sklearn.datasets import load_iris

    frame = load_iris(as_frame=True).frame
    data = tiza.load(frame, target="target")
    made = make(Recipe, {**SMALL, "data": "iris"})
    run = tiza.fit(made, data, {"epochs": 20}, run=tmp_path / "run")
    assert run.recipe.data.name == "external"
    with pytest.raises(TizaError) as caught:
        tiza.evaluate(run)
    assert caught.value.code == "external-data"
    assert tiza.evaluate(run, data).accuracy > 0.8
    changed = pd.concat([frame, frame.iloc[:1] + 0.25]).astype({"target": int})
    with pytest.raises(TizaError) as caught:
        tiza.evaluate(run, tiza.load(changed, target="target"))
    assert caught.value.code == "other-data"


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_killed_at_every_write_point_it_loads_and_resumes_bit_for_bit(tmp_path: Path, name: str):
    result = killed("write", tmp_path, name)
    assert result["points"] >= 30
    assert result["loaded"] == result["points"]
    assert result["same"]


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_killed_at_random_moments_it_loads_and_resumes_bit_for_bit(tmp_path: Path, name: str):
    result = killed("random", tmp_path, name, 12)
    assert result["killed"] >= 10
    assert result["loaded"] >= 10
    assert result["same"]
    assert result["epochs"]
    assert result["accuracy"] > 0.8


def test_ctrl_c_saves_exits_130_and_resumes_to_the_same_end(tmp_path: Path):
    fields = ["plan.epochs=60", "plan.batch_size=16", "plan.threads=1", "model.batch_norm=true"]
    options = [word for field in fields for word in ("--set", field)]
    command = [sys.executable, "-m", "tiza.cli", "train", "digits", "--sealed", *options]
    whole = subprocess.run([*command, "--run", tmp_path / "whole"], capture_output=True, check=False)
    assert whole.returncode == 0, whole.stderr

    process = subprocess.Popen(
        [*command, "--run", str(tmp_path / "cut")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    events = tmp_path / "cut" / "events.jsonl"
    while not (events.exists() and b'"epoch": 5' in events.read_bytes()):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"--resume" in said
    run = runs.Run(tmp_path / "cut")
    assert run.status == "interrupted"

    resumed = [sys.executable, "-m", "tiza.cli", "train", "--sealed", "--resume", str(run.path)]
    done = subprocess.run(resumed, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "going on from step" in done.stderr
    assert weights(run) == weights(runs.Run(tmp_path / "whole"))
    assert [m.epoch for m in run.history()] == list(range(1, 61))


def test_ctrl_c_in_python_raises_keyboard_interrupt_and_the_run_can_go_on(tmp_path: Path):
    def interrupt(event, learner):
        if isinstance(event, Measured) and event.epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        tiza.fit(recipe(epochs=5), run=tmp_path / "cut", readers=[interrupt])
    run = tiza.fit(run=tmp_path / "cut", resume=True)
    assert weights(run) == weights(tiza.fit(recipe(epochs=5), run=tmp_path / "whole"))


def test_a_crash_in_a_reader_leaves_a_run_that_goes_on(tmp_path: Path):
    def crash(event, learner):
        if isinstance(event, Measured) and event.epoch == 2:
            raise RuntimeError("a reader of the user's own")

    with pytest.raises(RuntimeError, match="own"):
        tiza.fit(recipe(), run=tmp_path / "cut", readers=[crash])
    assert runs.Run(tmp_path / "cut").status == "interrupted"
    run = tiza.fit(run=tmp_path / "cut", resume=True)
    assert weights(run) == weights(tiza.fit(recipe(), run=tmp_path / "whole"))


def test_an_event_line_cut_off_by_a_crash_is_closed_and_passed_over(tmp_path: Path):
    def crash(event, learner):
        if isinstance(event, Measured) and event.epoch == 2:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        tiza.fit(recipe(), run=tmp_path / "cut", readers=[crash])
    events = tmp_path / "cut" / "events.jsonl"
    events.write_bytes(events.read_bytes()[:-20])
    run = tiza.fit(run=tmp_path / "cut", resume=True)
    assert [m.epoch for m in run.history()] == [1, 2, 3]
    started = [event for event in run.events() if isinstance(event, RunStarted)]
    assert len(started) == 2


def test_early_stopping_keeps_the_best_weights(tmp_path: Path):
    overfits = recipe(epochs=200, lr=0.03, batch_size=256, patience=5)
    run = tiza.fit(overfits, run=tmp_path / "run")
    history = run.history()
    losses = [m.valid["loss"][0] for m in history]
    best = min(range(len(losses)), key=losses.__getitem__)
    assert run.status == "early"
    assert len(history) == best + 1 + 5
    assert tiza.evaluate(run, sealed=True).splits["valid"]["loss"] == pytest.approx(losses[best], rel=1e-6)


def test_an_early_stopped_run_that_was_cut_off_at_its_last_moment_still_stops(tmp_path: Path):
    plan = {"epochs": 200, "lr": 0.03, "batch_size": 256, "patience": 5}
    whole = tiza.fit(recipe(**plan), run=tmp_path / "whole")
    last = whole.history()[-1].epoch

    def crash(event, learner):
        if isinstance(event, RunEnded):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        tiza.fit(recipe(**plan), run=tmp_path / "cut", readers=[crash])
    run = tiza.fit(run=tmp_path / "cut", resume=True)
    assert run.history()[-1].epoch == last
    assert weights(run) == weights(whole)


def test_divergence_warns_names_the_step_and_proposes_a_rate(tmp_path: Path):
    with pytest.warns(TizaWarning, match="diverged: at step"):
        run = tiza.fit(recipe(optimizer="sgd", lr=1e30), run=tmp_path / "run")
    assert run.status == "diverged"
    assert run.ended.proposed_lr == pytest.approx(1e29)
    assert torch.isfinite(runs.restore(run).model(tiza.load("digits").valid.x)).all()


def test_commands_written_to_the_folder_are_obeyed_and_come_back_as_changed(tmp_path: Path):
    folder = tmp_path / "run"

    def from_outside(event, learner):
        if isinstance(event, Measured) and event.epoch == 1:
            with (folder / "control.jsonl").open("a") as file:
                file.write('{"command": "set", "lr": 0.004}\nnonsense\n{"command": "stop", "reason": "enough"}\n{"comm')

    run = tiza.fit(recipe(epochs=50), run=folder, readers=[from_outside])
    changed = [event for event in run.events() if isinstance(event, Changed)]
    assert changed[0].lr == [0.004]
    assert run.ended.reason == "enough"
    assert run.status == "stopped"


def test_readers_answer_with_commands(tmp_path: Path):
    def read(event, learner):
        if isinstance(event, RunStarted):
            return Set(weight_decay=0.5)
        return Stop("own") if isinstance(event, Measured) else None

    run = tiza.fit(recipe(), run=tmp_path / "run", readers=[read])
    assert run.ended.reason == "own"
    assert [event.weight_decay for event in run.events() if isinstance(event, Changed)] == [[0.5]]


def test_a_run_folder_in_use_is_left_alone(tmp_path: Path):
    caught: list[TizaError] = []

    def intrude(event, learner):
        if isinstance(event, Measured) and not caught:
            assert runs.Run(tmp_path / "run").status == "running"
            for attempt in (
                lambda: tiza.fit(recipe(), run=tmp_path / "run"),
                lambda: runs.find(tmp_path / "run").delete(),
            ):
                with pytest.raises(TizaError) as error:
                    attempt()
                caught.append(error.value)

    tiza.fit(recipe(), run=tmp_path / "run", readers=[intrude])
    assert [error.code for error in caught] == ["run-in-use", "run-in-use"]


def cut(after, **plan):
    """A recipe and a reader that crashes training when ``after(event)``."""

    def crash(event, learner):
        if after(event):
            raise RuntimeError("cut")

    return recipe(**plan), crash


def test_cut_before_the_first_checkpoint_but_one_the_run_forgets_all_it_told(tmp_path: Path):
    asked, crash = cut(lambda event: isinstance(event, Measured) and event.epoch == 2)
    with pytest.raises(RuntimeError):
        tiza.fit(asked, run=tmp_path / "cut", readers=[crash])
    seen = []
    run = tiza.fit(run=tmp_path / "cut", resume=True, readers=[lambda event, _: seen.append(event)])
    assert seen[0].resumed_from == 0
    assert [m.epoch for m in run.history()] == [1, 2, 3]
    assert len([event for event in seen if isinstance(event, Measured)]) == 3


def test_a_rate_set_on_the_way_is_kept_over_a_crash(tmp_path: Path):
    def steer(event, learner):
        return Set(lr=0.5) if isinstance(event, RunStarted) and event.resumed_from is None else None

    def crash(event, learner):
        if isinstance(event, Measured) and event.epoch == 2:
            raise RuntimeError("cut")

    sgd = recipe(optimizer="sgd")
    whole = tiza.fit(sgd, run=tmp_path / "whole", readers=[steer])
    with pytest.raises(RuntimeError):
        tiza.fit(sgd, run=tmp_path / "cut", readers=[steer, crash])
    assert weights(tiza.fit(run=tmp_path / "cut", resume=True)) == weights(whole)


def test_divergence_after_a_resume_goes_back_to_the_same_good_weights(tmp_path: Path):
    def kick(event, learner):
        return Set(lr=1e38) if isinstance(event, Measured) and event.epoch == 2 else None

    def crash(event, learner):
        if isinstance(event, Changed):
            raise RuntimeError("cut")

    sgd = recipe(optimizer="sgd", lr=0.1, epochs=6)
    with pytest.warns(TizaWarning):
        whole = tiza.fit(sgd, run=tmp_path / "whole", readers=[kick])
    with pytest.raises(RuntimeError):
        tiza.fit(sgd, run=tmp_path / "cut", readers=[kick, crash])
    with pytest.warns(TizaWarning):
        resumed = tiza.fit(run=tmp_path / "cut", resume=True)
    assert weights(resumed) == weights(whole)


def test_a_resumed_run_forgets_the_report_of_its_earlier_weights(tmp_path: Path):
    asked, crash = cut(lambda event: isinstance(event, Measured) and event.epoch == 1)
    with pytest.raises(RuntimeError):
        tiza.fit(asked, run=tmp_path / "cut", readers=[crash])
    tiza.evaluate(tmp_path / "cut")
    run = tiza.fit(run=tmp_path / "cut", resume=True)
    assert run.report is None
    assert "model-index" not in (run.path / "model" / "README.md").read_text()


@pytest.mark.parametrize(
    "line",
    ['{"command": "set", "lr": "fast"}', '{"command": "set", "lr": -1}', '{"command": "drop", "trials": [7]}',
     '{"command": "drop", "trials": 3}', '{"command": "step", "steps": "3"}', '{"command": "stop", "reason": 5}',
     '{"command": "stop", "reason": "diverged"}', '{"command": "stop", "reason": ""}'],
)  # fmt: skip
def test_a_senseless_command_from_outside_changes_nothing(tmp_path: Path, line: str):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "control.jsonl").write_text(line + "\n")
    run = tiza.fit(recipe(epochs=2), run=folder)
    assert run.status == "done"
    assert not [event for event in run.events() if isinstance(event, Changed)]


def test_a_reader_that_answers_with_anything_but_a_command_is_told(tmp_path: Path):
    with pytest.raises(TypeError, match="one command or None"):
        tiza.fit(recipe(), run=tmp_path / "run", readers=[lambda event, learner: "stop"])


def test_a_finished_run_is_not_taken_up_and_a_full_folder_not_overwritten(tmp_path: Path):
    run = tiza.fit(recipe(), run=tmp_path / "run")
    before = weights(run)
    with pytest.raises(TizaError) as caught:
        tiza.fit(run=run.path, resume=True)
    assert caught.value.code == "run-finished"
    with pytest.raises(TizaError) as caught:
        tiza.fit(recipe(seed=2), run=run.path)
    assert caught.value.code == "run-exists"
    assert weights(run) == before


def test_the_weights_do_not_depend_on_what_is_in_the_test_split(tmp_path: Path):
    """The proof of the seal: garbage in place of the test split, the same bytes out."""
    import dataclasses

    from tiza.data.seal import Sealed, Split

    data = tiza.load("digits")
    look = data.test.look()
    garbage = Sealed(Split(torch.randint(0, 256, look.x.shape, dtype=torch.uint8), look.y.flip(0)))
    spoilt = dataclasses.replace(data, test=garbage)
    for changes in ({}, {"patience": 2, "epochs": 30, "lr": 0.03}):
        honest = tiza.fit(recipe(**changes), data, run=tmp_path / f"honest{len(changes)}")
        fooled = tiza.fit(recipe(**changes), spoilt, run=tmp_path / f"fooled{len(changes)}")
        assert weights(honest) == weights(fooled)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
@pytest.mark.parametrize("schedule", ["constant", "step", "exponential", "cosine", "one-cycle"])
def test_every_optimizer_learns_with_every_schedule(tmp_path: Path, optimizer: str, schedule: str):
    lr = {"sgd": 0.2, "momentum": 0.05}.get(optimizer, 0.01)
    run = tiza.fit(
        recipe(optimizer=optimizer, schedule=schedule, lr=lr, every=2, epochs=6, clip=5.0), run=tmp_path / "run"
    )
    assert run.history()[-1].valid["accuracy"][0] > 0.6


def test_auto_threads_are_chosen_once_and_written_down(tmp_path: Path):
    before = torch.get_num_threads()
    run = tiza.fit(recipe(threads="auto"), run=tmp_path / "run")
    assert 1 <= run.facts.threads <= (os.cpu_count() or 1)
    assert torch.get_num_threads() == before


def test_fit_says_all_that_can_be_wrong_with_its_arguments(tmp_path: Path):
    data = tiza.load("digits")
    normed = make(Recipe, {**SMALL, "model": {"name": "mlp", "batch_norm": True}})
    frozen = nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).requires_grad_(False)
    wrong = {
        "data-missing": lambda: tiza.fit(nn.Linear(2, 2)),
        "recipe-type": lambda: tiza.fit(3),
        "outputs": lambda: tiza.fit(nn.Sequential(nn.Flatten(), nn.Linear(64, 7)), data),
        "model-input": lambda: tiza.fit(nn.Linear(3, 10), data),
        "nothing-to-learn": lambda: tiza.fit(frozen, data),
        "batch-of-one": lambda: tiza.fit(normed, plan={"batch_size": 1}),
        "class-weights": lambda: tiza.fit(recipe(class_weights=(1.0, 2.0))),
        "resume-what": lambda: tiza.fit(resume=True),
        "unknown": lambda: tiza.fit("mnist-fats"),
        "augment-table": lambda: tiza.fit(make(Recipe, {**SMALL, "data": "iris"}), plan={"augment": {"shift": 1}}),
        "no-device": lambda: tiza.fit(recipe(device="mps"), run=tmp_path / "x"),
    }  # fmt: skip
    for code, attempt in wrong.items():
        with pytest.raises(TizaError) as caught:
            attempt()
        assert caught.value.code == code, str(caught.value)
        assert str(caught.value)
    assert not (tmp_path / "x").exists()


def test_stepped_events_are_recorded(tmp_path: Path):
    run = tiza.fit(recipe(epochs=400, batch_size=16, probe=0), run=tmp_path / "run",
                   readers=[lambda event, _: Stop() if isinstance(event, Stepped) else None])  # fmt: skip
    assert sum(isinstance(event, Stepped) for event in run.events()) == 1
