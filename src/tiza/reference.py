"""Does a module of the user's own learn? Its accuracy beside the data set's recipe and a constant answer."""

from dataclasses import dataclass
from typing import Literal

from tiza.data.dataset import Dataset
from tiza.metrics import majority
from tiza.registry import table
from tiza.reports import Report


@dataclass(frozen=True)
class Reference:
    """What an accuracy on validation, with its 95 % interval, is worth.

    ``majority``: the accuracy of always answering the most frequent class of train. ``recipe``: the data set's own,
    with the band that it claims on validation and the seconds it takes; None where it claims nothing or the data
    differs. ``verdict``: ``not`` better than the majority; ``short`` of the claim or ``reached`` it; ``learns`` where
    there is no claim.
    """

    accuracy: float
    interval: tuple[float, float]
    majority: float
    recipe: str | None
    claim: tuple[float, float] | None
    seconds: float | None
    verdict: Literal["not", "learns", "short", "reached"]


def reference(report: Report, data: Dataset) -> Reference:
    """The comparison for a report of a model that was trained on ``data``."""
    of = report.splits["valid"] or {}
    low, high = of["interval"]
    _, constant = majority(data.train.y, data.look("valid").y)
    known = [entry for entry in table("recipe").values() if entry.facts.get("default_for") == data.name]
    entry = next((one for one in known if "claim" in one.facts and one.function().data == data.config), None)
    claim = entry.facts["claim"] if entry else None
    verdict = "not" if low <= constant else "learns" if claim is None else "short" if high < claim[0] else "reached"
    name, seconds = (entry.name, entry.facts.get("seconds")) if entry else (None, None)
    return Reference(of["accuracy"], (low, high), constant, name, claim, seconds, verdict)
