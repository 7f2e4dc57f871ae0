"""Readers that write a training down for other tools as well: TensorBoard, MLflow. The run folder stays the truth."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from tiza.errors import RequestError, TizaError
from tiza.readers import Reader
from tiza.training.events import Event, Measured, RunEnded, RunStarted, Stepped
from tiza.training.learner import Learner, ModuleLearner

KINDS = ("tensorboard", "mlflow")


def tracker(text: str) -> Reader:
    """The reader that ``tensorboard``, ``tensorboard=FOLDER``, ``mlflow`` or ``mlflow=URI`` names.

    Without a place: the folder ``tensorboard``, and what MLFLOW_TRACKING_URI says or the file ``mlflow.db``.
    """
    kind, _, where = text.partition("=")
    if kind == "tensorboard":
        return tensorboard(where or "tensorboard")
    if kind == "mlflow":
        return mlflow(where or os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db")
    raise RequestError("track-unknown", where="--track", text=text)


def tensorboard(folder: str | Path) -> Reader:
    """Writes scalars for ``tensorboard --logdir FOLDER``, the step being the number of updates.

    Needs the extra ``track``; raises :class:`TizaError` without it, and where ``folder`` can't be written to.
    """
    # TensorBoard takes TensorFlow where it finds one, which beside torch can crash; this is its own way to say no.
    sys.modules.setdefault("tensorboard.compat.notf", ModuleType("notf"))
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise _missing("TensorBoard") from None
    try:  # now, not when the run has begun
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise TizaError("cannot-write", where=str(folder), reason=error.strerror or str(error)) from error
    writer: Any = None

    def read(event: Event, learner: Learner) -> None:
        nonlocal writer
        if isinstance(event, RunStarted):
            again = None if event.resumed_from is None else event.resumed_from + 1  # from there on it is trained again
            writer = SummaryWriter(str(folder), purge_step=again)
            for name, value in _facts(learner).items():
                writer.add_text(name, str(value), event.step, event.time)
        for name, value in _scalars(event):
            writer.add_scalar(name, value, event.step, event.time)
        if isinstance(event, RunEnded):
            writer.close()

    return read


def mlflow(uri: str, *, experiment: str = "tiza", name: str | None = None) -> Reader:
    """Writes parameters and metrics as a run of ``experiment`` at the tracking ``uri`` (a server, ``sqlite:///FILE``).

    Needs the extra ``track``; raises :class:`TizaError` without it, and where ``uri`` can't be written to.
    """
    try:
        from mlflow.entities import Metric, Param
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError:
        raise _missing("MLflow") from None
    try:
        client = MlflowClient(tracking_uri=uri)
        known = client.get_experiment_by_name(experiment)
        place = known.experiment_id if known else client.create_experiment(experiment)
    except (MlflowException, SQLAlchemyError) as error:
        raise RequestError("track-uri", where=uri, reason=str(error).splitlines()[0]) from error
    run: str = ""

    def read(event: Event, learner: Learner) -> None:
        nonlocal run
        if isinstance(event, RunStarted):
            run = client.create_run(place, run_name=name, start_time=int(event.time * 1000)).info.run_id
            client.log_batch(run, params=[Param(key, str(value)) for key, value in _facts(learner).items()])
        now = int(event.time * 1000)
        if metrics := [Metric(key, value, now, event.step) for key, value in _scalars(event)]:
            client.log_batch(run, metrics=metrics)
        if isinstance(event, RunEnded):
            status = {"interrupted": "KILLED", "diverged": "FAILED"}.get(event.reason, "FINISHED")
            client.set_terminated(run, status, end_time=now)

    return read


def _missing(tool: str) -> RequestError:
    return RequestError("track-missing", where="--track", tool=tool)


def _facts(learner: Learner) -> dict[str, Any]:
    """The model and the plan, flat."""
    assert isinstance(learner, ModuleLearner)
    config = getattr(learner.model, "config", None)
    model = {f"model.{name}": value for name, value in (config.model_dump(mode="json") if config else {}).items()}
    return model | {f"plan.{name}": value for name, value in learner.plan.model_dump(mode="json").items()}


def _scalars(event: Event) -> Iterator[tuple[str, float]]:
    """What an event has to be drawn, of its one trial: ``accuracy/valid``, ``loss/running``, ``lr`` …"""
    match event:
        case Stepped():
            yield "loss/step", event.loss[0]
            yield "accuracy/step", event.accuracy[0]
            yield "lr", event.lr[0]
            yield "samples_per_second", event.rate
        case Measured():
            for split in ("train", "valid", "running"):
                for name, value in getattr(event, split).items():
                    if isinstance(value, list):
                        yield f"{name}/{split}", value[0]
