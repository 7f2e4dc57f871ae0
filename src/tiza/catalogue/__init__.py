"""Recipes by name; ``tiza.recipes`` is the mapping over them."""

from collections.abc import Iterator, Mapping

from tiza.catalogue import ours  # noqa: F401  (its functions enter the registry)
from tiza.config import Recipe, make
from tiza.registry import lookup, table


class Recipes(Mapping[str, Recipe]):
    """``recipes["mnist-fast"]`` is a :class:`Recipe`; an unknown name raises with the nearest."""

    def __getitem__(self, name: str) -> Recipe:
        return lookup("recipe", name).function()

    def __iter__(self) -> Iterator[str]:
        return iter(table("recipe"))

    def __len__(self) -> int:
        return len(table("recipe"))


recipes = Recipes()


def default_for(data: str) -> Recipe:
    """The recipe that ``tiza train DATA`` follows."""
    for entry in table("recipe").values():
        if entry.facts.get("default_for") == data:
            return entry.function()
    return make(Recipe, {"data": data, "model": "mlp"})
