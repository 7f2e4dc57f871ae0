"""The panels of the page: which event feeds which drawing, and for which runs it means something."""

from collections.abc import Callable
from typing import Any

from tiza.data.dataset import Dataset
from tiza.data.seal import Sealed
from tiza.registry import register, table


def panel(name: str, *, feeds: str) -> Callable[[Any], Any]:
    """Enter a panel: a function that says whether a data set's runs have it. ``feeds``: the kind of its events."""
    return register("panel", name, feeds=feeds)


@panel("batch", feeds="probed")
def batch(data: Dataset) -> bool:
    """The samples of the last batch with their answers."""
    return data.shape != (2,)


@panel("validation", feeds="answered")
def validation(data: Dataset) -> bool:
    """A thousand validation samples, the wrong ones first; not where validation is the test set."""
    return data.shape != (2,) and not isinstance(data.valid, Sealed)


@panel("regions", feeds="answered")
def regions(data: Dataset) -> bool:
    """What is answered all over the plane of two features."""
    return data.shape == (2,)


@panel("loss", feeds="stepped")
def loss(data: Dataset) -> bool:
    """Loss over the updates, train and validation."""
    return True


@panel("accuracy", feeds="stepped")
def accuracy(data: Dataset) -> bool:
    """Accuracy over the updates, train and validation."""
    return True


@panel("weights", feeds="probed")
def weights(data: Dataset) -> bool:
    """Quantiles of a layer's weights over the updates."""
    return True


@panel("biases", feeds="probed")
def biases(data: Dataset) -> bool:
    """Quantiles of a layer's biases over the updates."""
    return True


def panels(data: Dataset) -> list[str]:
    """Those that runs on ``data`` have, in their order."""
    return [name for name, entry in table("panel").items() if entry.function(data)]
