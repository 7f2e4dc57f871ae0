"""What the readers write for other tools is what these tools read back."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

import tiza
from tiza import runs, tracking
from tiza.errors import TizaError
from tiza.training.events import Measured, Stop

PLAN: dict[str, Any] = {"epochs": 4, "batch_size": 64, "threads": 1, "lr": 0.01}


@pytest.fixture(autouse=True)
def _quiet():
    """SQLAlchemy and MLflow warn of each other."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def trained(run: Path, *readers: Any, **more: Any) -> runs.Run:
    data = tiza.load("digits")
    return tiza.fit(tiza.build("mlp", data, hidden=(16,)), data, PLAN, run=run, readers=readers, **more)


def measured(run: runs.Run, split: str, name: str) -> list[tuple[int, float]]:
    return [(event.step, getattr(event, split)[name][0]) for event in run.history()]


def board(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder)).Reload()


def test_tensorboard_reads_the_curves_and_the_plan_back(tmp_path: Path):
    run = trained(tmp_path / "run", tracking.tensorboard(tmp_path / "board"))
    read = board(tmp_path / "board")
    for split in ("train", "valid", "running"):
        for name in ("loss", "accuracy"):
            found = [(one.step, one.value) for one in read.Scalars(f"{name}/{split}")]
            assert found == [(step, pytest.approx(value)) for step, value in measured(run, split, name)]
    assert "plan.lr/text_summary" in read.Tags()["tensors"]
    assert b"0.01" in read.Tensors("plan.lr/text_summary")[0].tensor_proto.string_val[0]


def test_resumed_tensorboard_forgets_what_is_trained_again(tmp_path: Path):
    def stop(event: Any, _learner: Any) -> Any:
        return Stop("interrupted") if isinstance(event, Measured) and event.epoch == 2 else None

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "run", tracking.tensorboard(tmp_path / "board"), stop)
    data = tiza.load("digits")
    run = tiza.fit(data=data, run=tmp_path / "run", resume=True, readers=[tracking.tensorboard(tmp_path / "board")])
    found = [one.step for one in board(tmp_path / "board").Scalars("loss/valid")]
    assert found == [event.step for event in run.history()]


def test_mlflow_reads_the_metrics_and_the_parameters_back(tmp_path: Path):
    from mlflow.tracking import MlflowClient

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    run = trained(tmp_path / "run", tracking.mlflow(uri, name="digits"))
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("tiza")
    assert experiment is not None
    (found,) = client.search_runs([experiment.experiment_id])
    assert (found.info.run_name, found.info.status) == ("digits", "FINISHED")
    assert found.data.params["plan.lr"] == "0.01"
    assert found.data.params["model.name"] == "mlp"
    history = [(one.step, one.value) for one in client.get_metric_history(found.info.run_id, "accuracy/valid")]
    assert history == [(step, pytest.approx(value)) for step, value in measured(run, "valid", "accuracy")]


def test_what_can_not_be_tracked_is_told_before_training(tmp_path: Path):
    (tmp_path / "file").write_text("no database, and no folder")
    wrong = {
        "wandb": ("track-unknown", 2), f"mlflow=foo://{tmp_path}": ("track-uri", 2),
        f"mlflow=sqlite:///{tmp_path}/file": ("track-uri", 2), f"tensorboard={tmp_path}/file": ("cannot-write", 1),
        f"tensorboard={tmp_path}/file/board": ("cannot-write", 1),
    }  # fmt: skip
    for asked, (code, ends) in wrong.items():
        with pytest.raises(TizaError) as caught:
            tracking.tracker(asked)
        assert (caught.value.code, caught.value.exit_code) == (code, ends)
    assert (tmp_path / "file").read_text() == "no database, and no folder"


def test_the_command_tracks_and_says_which_tool_is_missing(tmp_path: Path):
    asked = [sys.executable, "-m", "tiza.cli", "train", "digits", "--set", "plan.epochs=1", "--sealed", "--json"]
    asked += ["--track", f"tensorboard={tmp_path / 'board'}"]
    environment = os.environ | {"TIZA_HOME": str(tmp_path / "home"), "TIZA_LANG": "en"}
    said = subprocess.run(asked, env=environment, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    last = board(tmp_path / "board").Scalars("accuracy/valid")[-1].value
    assert last == pytest.approx(json.loads(said.stdout)["valid"]["accuracy"])
    (tmp_path / "bare" / "tensorboard").mkdir(parents=True)
    (tmp_path / "bare" / "tensorboard" / "__init__.py").write_text("raise ImportError('not here')")
    environment["PYTHONPATH"] = f"{tmp_path / 'bare'}:{os.environ.get('PYTHONPATH', '')}"
    without = subprocess.run(asked, env=environment, capture_output=True, text=True)
    assert without.returncode == 2
    assert "pip install 'tiza[track]'" in json.loads(without.stdout)["error"]["message"]
