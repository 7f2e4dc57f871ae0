"""What is explained, a run or a recipe; and training that holds still after every update."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from tiza import runs
from tiza.data.dataset import Dataset
from tiza.data.sources import load
from tiza.errors import RequestError
from tiza.fitting import Ready, diverged
from tiza.i18n import t
from tiza.models.building import check_outputs
from tiza.readers import drive, early_stopping
from tiza.training.events import Command, Event, Pause, RunEnded, RunStarted, Step
from tiza.training.learner import Learner
from tiza.training.loop import stream
from tiza.training.machine import using_threads


def trained(of: "str | Path | runs.Run | nn.Module", data: Any, model: nn.Module | None) -> tuple[nn.Module, Dataset]:
    """A model and its data: those of a run, or a module with the data given; as for :func:`tiza.evaluate`."""
    if isinstance(of, nn.Module):
        if data is None:
            raise RequestError("data-missing", where="data")
        dataset = data if isinstance(data, Dataset) else load(data)
        check_outputs(of, dataset.train.x[:2], len(dataset.classes))
        return of, dataset
    run = runs.find(of)
    restored = runs.restore(run, model=model)
    dataset = data if isinstance(data, Dataset) else load(run.recipe.data if data is None else data)
    runs.check_data(run, dataset)
    return restored.model, dataset


def sample_of(data: Dataset, split: str, index: int, by: str) -> tuple[Tensor, int]:
    """Sample and label number ``index`` of the train or validation split; ``by`` is who asks.

    The test split is for one evaluation, not for choosing samples to look at. Raises :class:`TizaError` for an index
    that the split has not.
    """
    n = len(data.train if split == "train" else data.valid)
    if not 0 <= index < n:
        raise RequestError("no-answer", where=str(index), split=t(f"split.{split}"), most=n - 1)
    samples = data.train if split == "train" else data.open_valid(by)
    return samples.x[index : index + 1][0], int(samples.y[index])


def watch(ready: Ready, note: Callable[[Event, Learner], None], **changes: Any) -> None:
    """Train to the end of the plan and keep nothing; ``note`` sees every event, a ``Stepped`` after each update.

    While it looks, the learner holds still. ``changes`` are fields of the plan. Raises :class:`TizaError` where
    training diverges.
    """
    plan = ready.recipe.plan.model_copy(update=changes)

    def read(event: Event, learner: Learner) -> Command:
        note(event, learner)
        return Pause() if isinstance(event, RunStarted) else Step(steps=1)

    with using_threads(ready.threads):
        events = stream(ready.learner, ready.data, plan, name="explain")
        ended = drive(events, ready.learner, [early_stopping(plan), read])
    if isinstance(ended, RunEnded) and ended.reason == "diverged":
        raise diverged(ended)
