"""One table per kind of thing that can be named: a model, a dataset, a metric, a check, a recipe.

An entry is one decorated function. Its keyword-only parameters are the options that a recipe may set, checked by their
annotations. The first look into a table imports the module that fills it.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeVar

from tiza.errors import TizaError, unknown

F = TypeVar("F", bound=Callable[..., Any])

HOMES = {
    "dataset": "tiza.data.sources",
    "model": "tiza.models",
    "body": "tiza.models.pretrained",
    "metric": "tiza.metrics",
    "check": "tiza.checks",
    "recipe": "tiza.catalogue",
    "search": "tiza.catalogue",
    "panel": "tiza.panels",
}


@dataclass(frozen=True)
class Entry:
    """A registered function and what its decorator said about it."""

    name: str
    function: Callable[..., Any]
    facts: dict[str, Any] = field(default_factory=dict)

    def options(self) -> dict[str, inspect.Parameter]:
        """The keyword-only parameters of the function, by name."""
        parameters = inspect.signature(self.function).parameters.values()
        return {p.name: p for p in parameters if p.kind is p.KEYWORD_ONLY}


_tables: dict[str, dict[str, Entry]] = {kind: {} for kind in HOMES}


def register(kind: str, name: str, /, **facts: Any) -> Callable[[F], F]:
    """The decorator that enters a function in the table ``kind`` under ``name``, with ``facts`` for lists and menus."""

    def enter(function: F) -> F:
        present = _tables[kind].get(name)
        if present and (present.function.__module__, present.function.__qualname__) != (
            function.__module__,
            function.__qualname__,
        ):
            raise TizaError("duplicate-name", where=name, kind=kind, name=name)
        _tables[kind][name] = Entry(name, function, facts)
        return function

    return enter


def table(kind: str) -> dict[str, Entry]:
    """All entries of a kind, in the order of their definition."""
    import_module(HOMES[kind])
    return _tables[kind]


def lookup(kind: str, name: str, *, where: str | None = None) -> Entry:
    """The entry called ``name``; an unknown name raises with the nearest one."""
    entries = table(kind)
    if name not in entries:
        raise unknown(kind, name, list(entries), where=where)
    return entries[name]
