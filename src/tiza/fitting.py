"""``fit()``: from a recipe, or a module, to a finished run folder."""

import copy
import platform
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tiza import runs, storage
from tiza.config import Augment, Model, Plan, Recipe, make
from tiza.data.dataset import Dataset
from tiza.data.sources import load
from tiza.errors import RequestError, TizaError
from tiza.i18n import t
from tiza.models.building import Built, build, device_of, parameters_of
from tiza.models.keras import check_backend
from tiza.models.transfer import RECIPE, folder_of, is_there
from tiza.readers import Keeper, Reader, control, drive, early_stopping, interruptible, once, recorder
from tiza.registry import lookup
from tiza.training.dense import DenseLearner, plain_layers_of
from tiza.training.events import Command, RunEnded
from tiza.training.features import FeaturesLearner, can_be_kept
from tiza.training.learner import ModuleLearner
from tiza.training.loop import stream
from tiza.training.machine import choose_device, choose_engine, using_threads
from tiza.training.position import Position
from tiza.training.profile import Profile


def fit(
    recipe: str | Recipe | nn.Module | None = None,
    data: Any = None,
    plan: Plan | dict[str, Any] | None = None,
    *,
    run: str | Path | None = None,
    resume: bool = False,
    readers: Iterable[Reader] = (),
    profile: Profile | None = None,
) -> runs.Run:
    """Train and keep everything in a run folder.

    ``recipe``: a recipe, the name of one, or any ``nn.Module`` that gives one logit per class (its input is normalised
    as ``data.scale`` says). ``data``: a :class:`Dataset` or what ``load()`` takes; the recipe's own by default.
    ``plan`` replaces the recipe's plan, or changes the fields given as a dict. ``run``: the folder, a new one in
    TIZA_HOME by default. ``resume=True`` takes up the run in ``run`` where it was cut off; the end is the same, bit
    for bit. ``readers`` are called with every event and the learner, and may answer with a command.
    ``profile`` is filled with where the time went.

    Ctrl-C saves and raises KeyboardInterrupt. Raises :class:`TizaError` for a request that can't be right, for data
    that can't be learnt from, and when nothing can be written.
    """
    module = recipe if isinstance(recipe, nn.Module) else None
    if resume:
        if run is None:
            raise RequestError("resume-what", where="run")
        with _staying(module):
            return _resume(runs.find(run), module, data, readers, profile)
    with _staying(module):
        ready = prepare(recipe, data, plan)
        path = Path(run) if run is not None else runs.new_folder(ready.recipe)
        begun = runs.begin(path, ready.recipe, _facts(ready))
        position = Position.start(ready.recipe.plan, ready.learner.trials)
        return _train(begun, ready.learner, ready.data, ready.recipe.plan, position, {}, readers, profile)


@contextmanager
def _staying(module: nn.Module | None) -> Iterator[None]:
    """The caller's model ends on the device on which it began."""
    home = device_of(module) if module is not None else None
    try:
        yield
    finally:
        if module is not None:
            module.to(home)


@dataclass(frozen=True)
class Ready:
    """A recipe with all that it asks for: the data read, the model built, a learner and the threads it trains on."""

    recipe: Recipe
    data: Dataset
    learner: ModuleLearner
    engine: str
    threads: int


def prepare(recipe: Any, data: Any, plan: Any, *, chosen: tuple[str, int] | None = None) -> Ready:
    """What :func:`fit` does before it trains, from the same arguments.

    ``chosen``: engine and threads, where they were found out before.
    """
    module = recipe if isinstance(recipe, nn.Module) else None
    recipe, dataset = _resolve(recipe, data, plan)
    if module is None:
        train_body(recipe.model)
    model = build(module if module is not None else recipe.model, dataset, seed=recipe.plan.seed)
    if module is None:
        recipe = recipe.model_copy(update={"model": model.config})  # with where its weights are from
    device = choose_device(recipe.plan.device)
    check_plan(recipe.plan, dataset, model)
    if can_be_kept(model, recipe.plan, dataset):  # the body's one pass takes the time: as many threads as there are
        threads = torch.get_num_threads() if isinstance(recipe.plan.threads, str) else recipe.plan.threads
        chosen = "features", chosen[1] if chosen else threads
    if chosen is not None:
        return Ready(recipe, dataset, _learner(chosen[0], model, recipe.plan, dataset, device), *chosen)
    first = slice(0, len(dataset.train) if isinstance(recipe.plan.batch_size, str) else recipe.plan.batch_size)
    x, y = dataset.train.x[first].to(device), dataset.train.y[first].to(device)
    makers = {
        name: partial(lambda name: _learner(name, copy.deepcopy(model), recipe.plan, dataset, device), name)
        for name in engines(model, recipe.plan, device)
    }
    engine, threads = choose_engine(makers, recipe.plan.threads, x, y)
    learner = _learner(engine, model, recipe.plan, dataset, device)
    return Ready(recipe, dataset, learner, engine, threads)


def train_body(model: Model) -> None:
    """Train the body that is a ``recipe:ID``, where that has not been done yet."""
    body = str(model.options.get("body", ""))
    if body.startswith(RECIPE) and not is_there(body):
        folder = folder_of(body)
        begun = (folder / "environment.json").exists()
        fit(None if begun else body.removeprefix(RECIPE), run=folder, resume=begun)


def _resolve(recipe: Any, data: Any, plan: Any) -> tuple[Recipe, Dataset]:
    """The complete recipe and its data set."""
    if isinstance(recipe, str):
        recipe = lookup("recipe", recipe).function()
    known = recipe if isinstance(recipe, Recipe) else None
    check_backend(recipe)
    if not isinstance(recipe, (Recipe, nn.Module)):
        raise RequestError("recipe-type", where="recipe", found=type(recipe).__name__)
    if known is None and data is None:
        raise RequestError("data-missing", where="data")
    if data is None and known is not None:
        dataset = load(known.data)
    else:
        dataset = data if isinstance(data, Dataset) else load(data)
    base = known.plan if known else Plan()
    if isinstance(plan, Plan):
        base = plan
    elif plan is not None:
        base = make(Plan, base.model_dump(exclude_unset=True) | dict(plan), "plan")
    model = known.model if known else recipe.config if isinstance(recipe, Built) else Model(name="external")
    return Recipe(data=dataset.config, model=model, plan=base), dataset


def engines(model: nn.Module, plan: Plan, device: torch.device) -> list[str]:
    """The learners that can train the model, the one to be preferred first; one alone where none is timed."""
    plain = plan.loss == "cross-entropy" and not plan.label_smoothing
    written_out = device.type == "cpu" and plain and plain_layers_of(model)
    return ["dense", "module"] if written_out else ["module"]


def _learner(engine: str, model: nn.Module, plan: Plan, data: Dataset, device: torch.device) -> ModuleLearner:
    weights = _class_weights(plan, data)
    if engine == "features":
        return FeaturesLearner(model, plan, class_weights=weights, device=device)
    if engine == "dense" and (layers := plain_layers_of(model)):
        return DenseLearner(model, plan, layers, class_weights=weights, device=device)
    return ModuleLearner(model, plan, class_weights=weights, device=device)


def _class_weights(plan: Plan, data: Dataset) -> Tensor | None:
    """One weight per class; ``balanced`` is n / (C · n_c), as in scikit-learn."""
    if plan.class_weights is None:
        return None
    classes = len(data.classes)
    if plan.class_weights == "balanced":
        counts = torch.bincount(data.train.y, minlength=classes).clamp(min=1)
        return len(data.train) / (classes * counts.float())
    if len(plan.class_weights) != classes:
        n = len(plan.class_weights)
        raise RequestError("class-weights", where="plan.class_weights", n=n, classes=classes)
    return torch.tensor(plan.class_weights)


def check_plan(plan: Plan, data: Dataset, model: nn.Module) -> None:
    """Raise the one sentence for a plan that does not go with the data or the model."""
    if plan.batch_size == 1 or len(data.train) == 1:
        for name, module in model.named_modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                raise RequestError("batch-of-one", where="plan.batch_size", layer=name)
    _class_weights(plan, data)
    if plan.augment != Augment() and len(data.shape) != 3:
        raise RequestError("augment-table", where="plan.augment")
    if plan.loss != "cross-entropy" and plan.label_smoothing:
        raise RequestError("smoothed-loss", where="plan.label_smoothing", loss=plan.loss)
    if plan.loss == "perceptron" and len(data.classes) != 2:
        raise RequestError("two-classes", where="plan.loss", name=plan.loss, classes=len(data.classes))


def _facts(ready: Ready) -> runs.Facts:
    data, learner = ready.data, ready.learner
    libraries = ("torch", "numpy", "safetensors", "pydantic")
    return runs.Facts(
        tiza=version("tiza"),
        versions={"python": platform.python_version()} | {name: version(name) for name in libraries},
        machine=f"{platform.system()} {platform.machine()}",
        device=str(learner.device),
        engine=ready.engine,
        threads=ready.threads,
        started=round(time.time(), 3),
        data=data.name,
        fingerprint=data.fingerprint,
        test=data.test.digest,
        counts={"train": len(data.train), "valid": len(data.valid), "test": len(data.test)},
        shape=data.shape,
        classes=data.classes,
        features=data.features,
        form=data.form,
        parameters=parameters_of(learner.model),
        origin={split: part for split, (part, _) in data.origin.items() if split != "train"},
    )


def _resume(
    run: runs.Run, module: nn.Module | None, data: Any, readers: Iterable[Reader], profile: Profile | None
) -> runs.Run:
    recipe, facts = run.recipe, run.facts
    if run.finished:
        raise RequestError("run-finished", where=str(run.path), reason=t(f"status.{run.status}"))
    if recipe.model.name == "external" and module is None:
        raise RequestError("external-model", where=str(run.path))
    dataset = data if isinstance(data, Dataset) else load(recipe.data if data is None else data)
    runs.check_data(run, dataset)
    kept = runs.load_checkpoint(run)
    model = build(module if module is not None else recipe.model, dataset, seed=recipe.plan.seed, begin=kept is None)
    learner = _learner(facts.engine, model, recipe.plan, dataset, choose_device(facts.device))
    position = Position.start(recipe.plan, learner.trials)
    best: dict[str, Tensor] = {}
    if kept is not None:
        tensors, plain = kept
        where = str(run.path / "checkpoint.safetensors")
        weights = {key.removeprefix("model."): v for key, v in tensors.items() if key.startswith("model.")}
        runs.load_weights(learner.model, weights, where=where)
        try:
            learner.load(tensors)
            position = Position(**plain)
        except (TypeError, KeyError, RuntimeError):
            raise TizaError("damaged", where=where) from None
        position.random = {key.removeprefix("random."): v for key, v in tensors.items() if key.startswith("random.")}
        position.good = {key.replace("good", "model", 1): v for key, v in tensors.items() if key.startswith("good.")}
        best = {key: v for key, v in tensors.items() if key.startswith("best.")}
    position.resumed = True
    return _train(run, learner, dataset, recipe.plan, position, best, readers, profile)


def _train(
    run: runs.Run,
    learner: ModuleLearner,
    data: Dataset,
    plan: Plan,
    position: Position,
    best: dict[str, Tensor],
    readers: Iterable[Reader],
    profile: Profile | None,
) -> runs.Run:
    with run.locked(), using_threads(run.facts.threads), interruptible() as interrupted:
        runs.tidy(run)
        (run.path / "report.json").unlink(missing_ok=True)  # of weights that will be others
        past = [e for e in run.events() if e.step <= position.step and e.epoch <= position.measured]
        keeper = Keeper(run, position, plan, best)
        stopping = early_stopping(plan)
        decided: Command | None = None
        for event in past:  # what these readers remember follows from the events, so a resumed run tells them again
            keeper.remember(event)
            decided = stopping(event, learner) or decided
        everyone = [
            recorder(run),
            keeper,
            stopping,
            once(decided),
            control(run, resumed=position.resumed),
            interrupted,
            *readers,
        ]
        events = stream(learner, data, plan, position=position, name=run.name)
        drive(events if profile is None else profile.watch(learner, events, position.seconds), learner, everyone)
        ended = run.ended
        if ended and ended.reason == "interrupted":
            raise KeyboardInterrupt
        if ended and ended.reason == "diverged":
            warnings.warn(str(diverged(ended)), storage.DivergedWarning, stacklevel=3)
        if keeper.best:
            learner.load({key.replace("best.", "model.", 1): value for key, value in keeper.best.items()})
        (run.path / "report.json").unlink(missing_ok=True)  # of an evaluation meanwhile
        runs.save_model(run, learner.model)
    return run


def diverged(ended: RunEnded) -> TizaError:
    """The sentence for a run whose loss stopped being a number."""
    return TizaError("diverged", where=f"step {ended.failed_at}", step=ended.failed_at, lr=f"{ended.proposed_lr:g}")
