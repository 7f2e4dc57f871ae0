"""What the page offers for a new run, what it makes of what is on screen, and the code that does the same."""

import json
import types
from functools import lru_cache
from shlex import quote
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import numpy as np
import torch

from tiza.catalogue import default_for, recipes, suited, systems
from tiza.config import Config, Data, Plan, Recipe, make
from tiza.data.dataset import Dataset, stratified
from tiza.errors import RequestError, TizaError
from tiza.explain.shapes import shapes
from tiza.i18n import number, t
from tiza.models.building import body_of, parameters_of
from tiza.registry import lookup, table
from tiza.web.samples import CHUNK, data_of, form

FREE = ("limit", "scale", "seed")  # what the page may change of any data
MOST = 100_000_000  # parameters of a model that is checked
SHOWN = 40  # samples of a data set's card
# The embedded sets by the name they have on the page; a set with variants has one name for each.
SETS: dict[str, dict[str, Any]] = {
    "mnist": {"name": "mnist"},
    "fashion-mnist": {"name": "fashion-mnist"},
    "digits": {"name": "digits"},
    "iris": {"name": "iris"},
    "points-linear": {"name": "points", "kind": "linear"},
    "points-xor": {"name": "points", "kind": "xor"},
    "points-circles": {"name": "points", "kind": "circles"},
    "points-spirals": {"name": "points", "kind": "spirals"},
}  # fmt: skip


def set_of(data: Data) -> str | None:
    """The name on the page of the embedded set that a recipe's data is, or None."""
    name = f"points-{data.options['kind']}" if data.name == "points" else data.name
    return name if name in SETS else None


def divided(data: Data) -> Data:
    """The data as it is divided by default: sizes and classes are the same, and it is at hand."""
    return make(Data, data.model_dump() | {"seed": 0, "scale": "standard"}) if set_of(data) else data


def start_of(name: str) -> Recipe:
    """The recipe that a set begins with: its own default, else one that suits its size."""
    data = make(Data, SETS[name])
    own = any(entry.facts.get("default_for") == name for entry in table("recipe").values())
    return default_for(name) if own else suited(data_of(data))


@lru_cache
def offered() -> dict[str, tuple[str, Recipe]]:
    """Every recipe of an embedded set by its id, with the set's name; tiza's own first, then the documents'."""
    found = {name: recipes[name] for name in recipes if not name[0].isdigit()}
    found |= {name: start_of(name) for name in SETS if name.startswith("points-") or name in ("digits", "iris")}
    found |= {name: recipes[name] for name in recipes if name not in found}
    return {name: (of, recipe) for name, recipe in found.items() if (of := set_of(recipe.data)) is not None}


def recipe_lines() -> list[dict[str, Any]]:
    """The recipes for the page's menu."""
    told = {row.id: row.shows for row in systems()}
    return [
        {"id": name, "data": data, "shows": told.get(name, ""), "recipe": plain(recipe)}
        for name, (data, recipe) in offered().items()
    ]


def data_sets() -> list[dict[str, Any]]:
    """The embedded sets with what their cards show."""
    lines = []
    for name, config in SETS.items():
        data = data_of(make(Data, config))
        labels = data.train.y.numpy()
        first = np.sort(stratified(labels[:CHUNK], SHOWN if len(data.shape) == 3 else CHUNK))  # of one chunk alone
        ids = [id for id, (of, _) in offered().items() if of == name]
        best = start_of(name)
        lines.append({
            "name": name, "title": t(f"page.data.{name}"), "kind": form(data)["kind"], "shape": list(data.shape),
            "classes": list(data.classes), "features": list(data.features),
            "counts": counts_of(data),
            "histogram": np.bincount(labels, minlength=len(data.classes)).tolist(),
            "sample": {"index": first.tolist(), "label": labels[first].tolist()},
            "form": form(data), "recipes": ids,
            "default": next(id for id in ids if offered()[id][1] == best),
        })  # fmt: skip
    return lines


def counts_of(data: Dataset) -> dict[str, int]:
    """How many samples each split has."""
    return {"train": len(data.train), "valid": len(data.valid), "test": len(data.test)}


def schema() -> dict[str, Any]:
    """The fields of every model, of the plan and, of the data, those that name no file, for the form."""
    models = {
        name: [_field(o.name, o.annotation, o.default) for o in entry.options().values()]
        for name, entry in table("model").items()
    }
    plan = [
        _field(name, of.annotation, of.get_default(call_default_factory=True)) for name, of in Plan.model_fields.items()
    ]
    data = [_field(name, Data.model_fields[name].annotation, Data.model_fields[name].get_default()) for name in FREE]
    return {"models": models, "plan": plan, "data": data}


def _field(name: str, annotation: Any, default: Any) -> dict[str, Any]:
    """One field: its kind, what it may be where that is a list of words, its default as plain data."""
    kinds, choices = set(), []
    for part in _parts(annotation):
        if get_origin(part) is Literal:
            choices += map(str, get_args(part))
        elif get_origin(part) is tuple:
            kinds.add("list")
        else:
            kinds.add({bool: "boolean", int: "integer", float: "number"}.get(part, "text"))
    kind = "choice" if choices and not kinds else kinds.pop() if len(kinds) == 1 and not choices else "text"
    value = default.model_dump(mode="json") if isinstance(default, Config) else default
    return {"name": name, "type": kind, "default": value, "choices": choices}


def _parts(annotation: Any) -> list[Any]:
    """The types that an annotation allows, None left out."""
    if hasattr(annotation, "__value__"):
        return _parts(annotation.__value__)
    if get_origin(annotation) is Annotated:
        return _parts(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [part for one in get_args(annotation) for part in _parts(one)]
    return [] if annotation in (type(None), None) else [annotation]


def faulty(error: TizaError, place: str | None = None) -> dict[str, Any]:
    """What ``check()`` would have given, for a recipe that can't be; ``place``: the field at fault, if it is known."""
    faults = [fault | ({"where": place} if place else {}) for fault in faults_of(error)]
    return {"recipe": None, "faults": faults, "layers": [], "parameters": None, "counts": None, "code": None}


def check(recipe: Recipe) -> dict[str, Any]:
    """What a recipe comes to: its layers, parameters and code; raises :class:`TizaError` where its model can't be."""
    try:
        data = data_of(divided(recipe.data))
    except TizaError as error:
        return faulty(error, "data.limit" if recipe.data.limit else None)
    _fits(recipe, data)
    body = body_of(recipe.model, data.shape, len(data.classes), recipe.plan.seed)
    rows = shapes(body, data.shape)
    layers = [
        {"name": row.name, "kind": row.type, "input": list(row.before), "output": list(row.after),
         "parameters": row.parameters, "multiply_adds": row.multiply_adds}
        for row in rows
    ]  # fmt: skip
    return {
        "recipe": plain(recipe), "faults": [], "layers": layers, "parameters": parameters_of(body),
        "counts": counts_of(data), "code": code(recipe),
    }  # fmt: skip


def _fits(recipe: Recipe, data: Dataset) -> None:
    """Raise for a model that is too large to be built at every key that is pressed."""
    try:
        with torch.device("meta"):  # sizes without memory
            many = parameters_of(body_of(recipe.model, data.shape, len(data.classes)))
    except (RuntimeError, TypeError) as error:  # torch's, for sizes beyond its integers
        raise RequestError("page-model-size", where="model", most=number(MOST, ",")) from error
    if many > MOST:
        raise RequestError("page-model-size", where="model", most=number(MOST, ","))


def faults_of(error: TizaError) -> list[dict[str, Any]]:
    """Each fault of an error, as the page takes it."""
    faults = getattr(error, "faults", [error])
    return [{"code": fault.code, "message": str(fault), "where": fault.where or ""} for fault in faults]


def plain(recipe: Recipe) -> dict[str, Any]:
    """The recipe as JSON: all fields of the model, and those of data and plan that are not as they are by default."""
    return {"plan": {}} | recipe.model_dump(mode="json", exclude_defaults=True)


def code(recipe: Recipe) -> dict[str, str]:
    """The Python and the command that train this recipe exactly."""
    parts = plain(recipe)
    wide = "".join(f"    {name}={_literal(parts[name])},\n" for name in ("data", "model", "plan") if parts[name])
    python = f"import tiza\n\nrecipe = tiza.Recipe(\n{wide})\nrun = tiza.fit(recipe)\nreport = tiza.evaluate(run)"
    return {"python": python, "command": _command(recipe)}


def _literal(values: dict[str, Any]) -> str:
    """A dict as Python, on one line where it is short, else a field a line."""
    short = _python(values)
    if len(short) <= 72:
        return short
    return "{\n" + "".join(f"        {_python(key)}: {_python(value)},\n" for key, value in values.items()) + "    }"


def _python(value: Any) -> str:
    """A value of JSON as Python, in double quotes throughout."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_python(key)}: {_python(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_python, value)) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _command(recipe: Recipe) -> str:
    """``tiza train``, from the recipe of the catalogue that is the nearest."""
    whole = _flat(recipe.model_dump(mode="json"))
    nearest: tuple[str, dict[str, Any]] | None = None
    for name in recipes:
        of = recipes[name]
        base = _flat(of.model_dump(mode="json"))
        if of.model.name == recipe.model.name and of.data.name == recipe.data.name and base.keys() <= whole.keys():
            changes = {key: value for key, value in whole.items() if key not in base or base[key] != value}
            if nearest is None or len(changes) < len(nearest[1]):
                nearest = name, changes
    if nearest is None:
        needed = [o.name for o in lookup("dataset", recipe.data.name).options().values() if o.default is o.empty]
        data = {"name": recipe.data.name} | {name: recipe.data.options[name] for name in needed}
        base = _flat(make(Recipe, {"data": data, "model": recipe.model.name}).model_dump(mode="json"))
        changes = {key: value for key, value in whole.items() if key not in base or base[key] != value}
        source = quote(str(data.get("path", recipe.data.name)))
        words = ["tiza train", source, "--model", recipe.model.name]
        words += [f"--set {quote(f'data.{name}={_typed(data[name])}')}" for name in needed if name != "path"]
    else:
        words, changes = ["tiza train", "--recipe", nearest[0]], nearest[1]
    words += [f"--set {quote(f'{key}={_typed(value)}')}" for key, value in changes.items()]
    return " \\\n  ".join([" ".join(words[:3]), *words[3:]]) if len(words) > 5 else " ".join(words)


def _flat(values: dict[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{before}{key}.") if isinstance(value, dict) else {f"{before}{key}": value}
    return flat


def _typed(value: Any) -> str:
    """A value as ``--set`` reads it."""
    return "none" if value is None else value if isinstance(value, str) else json.dumps(value)
