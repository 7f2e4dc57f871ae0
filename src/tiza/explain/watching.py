"""What is explained, a run or a recipe; and training that holds still after every update."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tiza import runs
from tiza.data import intake
from tiza.data.dataset import Dataset
from tiza.data.samples import for_model
from tiza.data.seal import Split
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


def called(of: "str | Path | runs.Run | nn.Module") -> str:
    """What to call it: a run by its name or as it was asked for, a module by its class."""
    return of.name if isinstance(of, runs.Run) else str(of) if isinstance(of, (str, Path)) else type(of).__name__


def check_split(split: str) -> None:
    """Raise :class:`TizaError` for a split that is not looked at: test is for one evaluation, not for choosing."""
    if split not in ("train", "valid"):
        raise RequestError("answer-split", where="--split", split=split)


def split_of(data: Dataset, split: str, by: str) -> Split:
    """The train or validation split; ``by`` is who asks. Raises :class:`TizaError` for another."""
    check_split(split)
    return data.train if split == "train" else data.open_valid(by)


def sample_of(data: Dataset, split: str, index: int, by: str) -> tuple[Tensor, int]:
    """Sample and label number ``index`` of the train or validation split; ``by`` is who asks.

    Raises :class:`TizaError` for another split, and for an index that the split has not.
    """
    check_split(split)
    n = len(data.train if split == "train" else data.valid)
    if not 0 <= index < n:
        raise RequestError("no-answer", where=str(index), split=t(f"split.{split}"), most=n - 1)
    samples = split_of(data, split, by)
    return samples.x[index : index + 1][0], int(samples.y[index])


@dataclass(frozen=True)
class Look:
    """One sample ``x`` (C×H×W uint8, or F floats) and the ``model`` that looks at it: a copy, on the CPU, in eval mode.

    ``label``: the number of its class, or None for what comes from no data set; ``name``: what to call it.
    """

    model: nn.Module
    data: Dataset
    x: Tensor
    label: int | None
    name: str


def look(
    of: "str | Path | runs.Run | nn.Module", what: Any, *, split: str = "valid", data: Any = None,
    model: nn.Module | None = None,
) -> Look:  # fmt: skip
    """A model and what it is shown: sample number ``what`` of its train or validation split, a picture file, an array.

    ``of``: a run, or a module with its ``data``; ``model``: the user's module, for runs recorded as external. Raises
    :class:`TizaError` for what is no run, no sample, or no picture for this model.
    """
    module, dataset = trained(of, data, model)
    label: int | None = None
    if isinstance(what, (int, np.integer)):
        x, label = sample_of(dataset, split, int(what), called(of))
        name = t("look.sample", split=t(f"split.{split}"), index=int(what))
    elif isinstance(what, (str, Path)):
        if dataset.form.get("form") in (None, "table"):
            raise RequestError("predict-table", where=str(what))
        image = intake.prepare(intake.read_picture(what), dataset.form)
        if image is None:
            raise RequestError("no-digit", where=str(what))
        x, name = torch.from_numpy(image), Path(what).name
    else:
        x, name = torch.from_numpy(for_model(np.asarray(what)[None], dataset.shape, dataset.form))[0], t("look.given")
    return Look(copy.deepcopy(module).cpu().eval(), dataset, x, label, name)


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
