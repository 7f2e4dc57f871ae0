"""Which trials a search has: a grid, or draws from ranges; each trial is the recipe with some fields changed."""

import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, PositiveInt, model_validator

from tiza.config import Config, Recipe, make, parsed, replaced
from tiza.errors import RequestError, TizaError, together

_DRAW = re.compile(r"(uniform|log|integer|choice)\((.*)\)", re.DOTALL)
MOST = 1_000_000  # trials: what the page on scale is calculated for


class Range(Config):
    """Where values are drawn from: ``uniform`` between the ends, ``log`` (its logarithm is), or a whole number."""

    draw: Literal["uniform", "log", "integer"]
    low: float
    high: float

    @model_validator(mode="after")
    def _ends_in_order(self) -> Self:
        if not self.low < self.high or (self.draw == "log" and self.low <= 0):
            raise RequestError("search-range", where=self.draw, low=f"{self.low:g}", high=f"{self.high:g}")
        return self

    def value(self, rng: np.random.Generator) -> float | int:
        """One draw."""
        if self.draw == "integer":
            return int(rng.integers(round(self.low), round(self.high) + 1))
        if self.draw == "log":
            return math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        return float(rng.uniform(self.low, self.high))


class Search(Config):
    """What is searched: ``recipe`` with every combination of the values of ``grid``, or ``trials`` draws of them.

    ``folds``: how many parts of train and validation together take turns as validation; None where validation is the
    recipe's own. ``repeats``: how many seeds each trial is trained with, from ``plan.seed`` on. ``halving``: after a
    while only one of so many trials goes on, again and again. ``reuse``: what two trials have in common is trained
    once. ``probabilities``: whether those of the validation samples are kept, not the answers alone. ``seed``: of the
    draws and the folds.
    """

    recipe: Recipe
    grid: dict[str, Range | tuple[Any, ...]]
    trials: PositiveInt | None = None
    folds: Annotated[int, Field(ge=2)] | None = None
    repeats: PositiveInt = 1
    halving: Annotated[int, Field(ge=2)] | None = None
    reuse: bool = True
    probabilities: bool = False
    seed: int = Field(default=0, ge=0, lt=2**32)


@dataclass(frozen=True)
class Trial:
    """One of the settings: ``values`` by field, and the recipe that they make."""

    number: int
    values: dict[str, Any]
    recipe: Recipe


def axis(values: Any, where: str) -> Range | tuple[Any, ...]:
    """The values of a field: a list, a text such as ``0.001,0.01`` or ``[50,50],[80]``, or where they are drawn from:
    ``uniform(a, b)``, ``log(a, b)``, ``integer(a, b)``, ``choice(a, b, …)``.
    """
    if isinstance(values, Range):
        return values
    if isinstance(values, str):
        if drawn := _DRAW.fullmatch(values.strip()):
            kind, inside = drawn[1], _values(drawn[2])
            if kind == "choice":
                return inside
            if len(inside) != 2 or not all(isinstance(v, (int, float)) for v in inside):
                raise RequestError("search-draw", where=where, text=values)
            return make(Range, {"draw": kind, "low": inside[0], "high": inside[1]}, where)
        return _values(values)
    if isinstance(values, Iterable) and not isinstance(values, Mapping):
        return tuple(v.item() if isinstance(v, np.generic) else tuple(v) if isinstance(v, list) else v for v in values)
    return (values,)


def _values(text: str) -> tuple[Any, ...]:
    """The values between the commas that stand in no bracket."""
    parts, depth = [""], 0
    for sign in text:
        depth += (sign in "[(") - (sign in "])")
        if sign == "," and not depth:
            parts.append("")
        else:
            parts[-1] += sign
    return tuple(parsed(part) for part in parts if part.strip())


def trials_of(search: Search) -> list[Trial]:
    """Every trial, its recipe checked; raises one :class:`TizaError` that names all that can't be."""
    combinations = _drawn(search) if _is_drawn(search) else _crossed(search)
    trials: list[Trial] = []
    faults: dict[str, TizaError] = {}
    for number, combination in enumerate(combinations):
        values = {field: tuple(v) if isinstance(v, list) else v for field, v in combination.items()}
        try:
            trials.append(Trial(number, values, replaced(search.recipe, values.items())))
        except TizaError as error:
            faults |= {str(fault): fault for fault in getattr(error, "faults", [error])}
    if faults:
        raise together(list(faults.values()))
    return trials


def _is_drawn(search: Search) -> bool:
    return search.trials is not None or any(isinstance(values, Range) for values in search.grid.values())


def _crossed(search: Search) -> list[dict[str, Any]]:
    for field, values in search.grid.items():
        if not values:
            raise RequestError("search-empty", where=field)
    lists: list[Sequence[Any]] = [values for values in search.grid.values() if not isinstance(values, Range)]
    if (n := math.prod(map(len, lists))) > MOST:
        raise RequestError("search-many", where="grid", n=n, most=MOST)
    return [dict(zip(search.grid, combination, strict=True)) for combination in itertools.product(*lists)]


def _drawn(search: Search) -> list[dict[str, Any]]:
    """``trials`` draws; of lists alone, as many different combinations."""
    if search.trials is None:
        field = next(field for field, values in search.grid.items() if isinstance(values, Range))
        raise RequestError("search-how-many", where=field)
    if search.trials > MOST:
        raise RequestError("search-many", where="trials", n=search.trials, most=MOST)
    rng = np.random.default_rng(search.seed)
    if not any(isinstance(values, Range) for values in search.grid.values()):
        everything = _crossed(search)
        chosen = np.sort(rng.permutation(len(everything))[: search.trials])
        return [everything[i] for i in chosen]
    for field, values in search.grid.items():
        if not values:
            raise RequestError("search-empty", where=field)
    return [
        {
            field: values.value(rng) if isinstance(values, Range) else values[rng.integers(len(values))]
            for field, values in search.grid.items()
        }
        for _ in range(search.trials)
    ]
