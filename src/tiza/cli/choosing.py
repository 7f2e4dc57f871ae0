"""Which data a command is about: its argument, the options that say how it is read, and what to tell of the reading."""

import inspect
import json
import re
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tiza.errors import RequestError, TizaError, unknown
from tiza.i18n import t

if TYPE_CHECKING:
    from torch import nn

    from tiza.config import Recipe
    from tiza.data.dataset import Dataset
    from tiza.runs import Facts, Manifest, Run

SKIPPED_SHOWN = 20
MOST_VALUES = 4_000_000  # of one sample
CLASSES = 10  # where nobody says how many


def takes_data(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say how data is read; with --set they come as ``choices``, FIELD=VALUE."""
    options = {
        "target": (str | None, "--target", "meta.column", None),
        "binarise": (str | None, "--binarise", "meta.rule", None),
        "features": (str | None, "--features", "meta.columns", None),
        "classes": (str | None, "--classes", "meta.classes", None),
        "limit": (int | None, "--limit", "meta.n", None),
        "size": (str | None, "--size", "meta.size", None),
        "skip_bad": (bool, "--skip-bad", None, False),
        "set": (list[str] | None, "--set", "meta.set", None),
    }
    own = [p for name, p in inspect.signature(command, eval_str=True).parameters.items() if name != "choices"]
    added = []
    for name, (kind, flag, meta, default) in options.items():
        option = typer.Option(flag, metavar=t(meta) if meta else None, help=t(f"opt.{name}"), show_default=False)
        annotation = Annotated[kind, option]
        added.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation))

    @wraps(command)
    def with_choices(**given: Any) -> None:
        chosen = {name: given.pop(name) for name in options}
        assignments = chosen.pop("set") or []
        for name, value in chosen.items():
            if value is None or value is False:
                continue
            if name in ("features", "classes"):
                value = _names(value)
            assignments.append(f"data.{name}={json.dumps(value)}")
        command(choices=assignments, **given)

    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + added
    with_choices.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    with_choices.__annotations__ = {p.name: p.annotation for p in parameters}
    return with_choices


def _names(text: str) -> list[str]:
    """Names between commas; a JSON list where a name holds a comma."""
    try:
        names = json.loads(text)
    except ValueError:
        names = None
    return names if isinstance(names, list) else [part.strip() for part in text.split(",") if part.strip()]


def data_changes(source: str) -> list[str]:
    """The assignments that make a recipe take its data from ``source``."""
    from tiza.data.sources import named

    return [f"data.{field}={json.dumps(value)}" for field, value in named(source).items()]


def chosen_data(source: str, choices: Sequence[str]) -> "Dataset":
    """The data set that the command line asks for, read with its progress on stderr."""
    from tiza.catalogue import default_for
    from tiza.config import changed

    for choice in choices:
        if not choice.startswith("data."):
            raise RequestError("assignment-data", where=choice, text=choice)
    return loaded(changed(default_for(source), choices), told=False)


def loaded(recipe: "Recipe", *, told: bool = True) -> "Dataset":
    """The data of a recipe; what was done to it unasked is told once, on stderr."""
    from tiza import terminal
    from tiza.data.sources import read

    with terminal.reading() as progress:
        data = read(recipe.data, progress)
    if told:
        tell(data)
    return data


def own_model(model: str | None, of: "Dataset | Facts | Manifest", seed: int = 0) -> "nn.Module | None":
    """The user's own module, FILE.py:NAME, for data of that shape and those classes; None where there is none."""
    from tiza.models.own import own_module

    return None if model is None else own_module(model, of.shape, len(of.classes), seed=seed)


def chosen_model(
    model: str, size: str | None, classes: int | None, choices: list[str], *, command: str
) -> "tuple[nn.Module, tuple[int, ...]]":
    """The model that is meant and the size of a sample: as asked for, else that of the recipe's or run's data."""
    from tiza.config import Recipe, changed, make
    from tiza.data.sources import load
    from tiza.models.building import body_of
    from tiza.models.own import is_own, own_module
    from tiza.registry import table

    if classes is not None and classes < 1:
        raise RequestError("bad-argument", where="--classes", name="--classes", command=command)
    shape = _shape(size) if size is not None else None
    if is_own(model) or model in table("model"):
        if shape is None:
            raise RequestError("input-missing", where="--input", model=model)
        if is_own(model):
            if choices:
                raise RequestError("own-options", where=choices[0], text=choices[0])
            return own_module(model, shape, classes or CLASSES), shape
        recipe, classes = make(Recipe, {"data": "mnist", "model": model}), classes or CLASSES
    elif model in table("recipe"):
        recipe = table("recipe")[model].function()
    else:
        run = run_among("explained", model, [*table("model"), *table("recipe")], where="MODEL")
        recipe, shape, classes = run.recipe, shape or run.facts.shape, classes or len(run.facts.classes)
        if recipe.model.name == "external":
            sides = "x".join(map(str, run.facts.shape))
            raise RequestError("external-shapes", where=model, shape=sides, command=command)
    recipe = changed(recipe, choices)
    if shape is None or classes is None:
        data = load(recipe.data)
        shape, classes = shape or data.shape, classes or len(data.classes)
    return body_of(recipe.model, shape, classes), shape


def _shape(text: str) -> tuple[int, ...]:
    found = re.fullmatch(r"([1-9]\d{0,9})(?:[x×]([1-9]\d{0,9})[x×]([1-9]\d{0,9}))?", text.strip())
    shape = tuple(int(side) for side in found.groups() if side) if found else ()
    if not shape or prod(shape) > MOST_VALUES:
        raise RequestError("input-size", where="--input", text=text, most=MOST_VALUES)
    return shape


def own_of(model: str | None, run: str) -> "nn.Module | None":
    """The user's own module for what a run, or a bundle, was trained on; None where there is none."""
    if model is None:
        return None
    from tiza.runs import bundled, find

    bundle = bundled(run)
    return own_model(model, find(run).facts if bundle is None else bundle.manifest)


def run_and_model(name: str, model: str | None) -> "tuple[Run, nn.Module | None]":
    """The run of that name, and the user's own module for it, FILE.py:NAME, where one is given."""
    from tiza.runs import find

    run = find(name)
    return run, own_model(model, run.facts) if model is not None else None


def run_among(kind: str, name: str, others: Sequence[str], *, where: str | None = None) -> "Run":
    """The run called ``name``; without one, the nearest of the runs and of the ``others`` meant perhaps is told."""
    from tiza.runs import find, list_runs

    try:
        return find(name)
    except TizaError as error:
        if error.code != "unknown":
            raise
        raise unknown(kind, name, [*others, *(run.name for run in list_runs()[:20])], where=where) from None


def run_or_recipe(target: str) -> "Run | Recipe":
    """What has that name: a recipe, or else a run."""
    from tiza.catalogue import recipes

    return recipes[target] if target in tuple(recipes) else run_among("run-or-recipe", target, [*recipes])


def told(data: "Dataset") -> dict[str, Any]:
    """Notes and what was skipped, for --json."""
    return {"notes": [str(note) for note in data.notes], "skipped": [error.to_dict() for error in data.skipped]}


def tell(data: "Dataset") -> None:
    """Notes and what was skipped, on stderr."""
    for note in data.notes:
        print(f"· {note}", file=sys.stderr)
    for error in data.skipped[:SKIPPED_SHOWN]:
        reason = str(error).rpartition(": ")[0] or str(error)  # what to do about it was done
        print(t("skipped", reason=reason), file=sys.stderr)
    if len(data.skipped) > SKIPPED_SHOWN:
        print(t("skipped.more", n=len(data.skipped) - SKIPPED_SHOWN), file=sys.stderr)


def sample_or_picture(text: str) -> "int | Path":
    """A sample's number, or the path of a picture."""
    return int(text) if text.removeprefix("-").isdecimal() else Path(text)
