"""Recipes by name; ``tiza.recipes`` is the mapping over them."""

from collections.abc import Iterator, Mapping

from tiza.catalogue import (  # noqa: F401  (they enter the registry)
    document_000,
    document_001,
    document_002,
    document_003,
    document_004,
    ours,
)
from tiza.catalogue.systems import System, system, systems
from tiza.config import Recipe, make
from tiza.data.dataset import Dataset
from tiza.data.sources import named
from tiza.registry import lookup, table

__all__ = ["Recipes", "System", "default_for", "is_transfer", "recipes", "suited", "system", "systems"]


class Recipes(Mapping[str, Recipe]):
    """``recipes["mnist-fast"]`` is a :class:`Recipe`; an unknown name raises with the nearest."""

    def __getitem__(self, name: str) -> Recipe:
        return lookup("recipe", name).function()

    def __iter__(self) -> Iterator[str]:
        return iter(table("recipe"))

    def __len__(self) -> int:
        return len(table("recipe"))


recipes = Recipes()


def default_for(source: str) -> Recipe:
    """The recipe that ``tiza train SOURCE`` begins with, before the data is read: the set's own, or a plain one."""
    for entry in table("recipe").values():
        if entry.facts.get("default_for") == source:
            return entry.function()
    return make(Recipe, {"data": named(source), "model": "mlp"})


def suited(data: Dataset, model: str | None = None) -> Recipe:
    """The recipe for data that none was made for, or for a model with a trained body: by shape and size."""
    if model is not None and is_transfer(model):
        return ours.transfer(data)
    return ours.images(data) if len(data.shape) == 3 else ours.table(data)


def is_transfer(model: str) -> bool:
    """Whether a model begins with a trained body, for which no recipe from scratch is meant."""
    return model in table("model") and "begin" in table("model")[model].facts
