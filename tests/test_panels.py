"""The panels: which a run has follows from its data."""

import pytest

import tiza
from tiza.panels import panels
from tiza.registry import table
from tiza.training.events import EVENTS


@pytest.mark.parametrize(
    ("source", "options", "boards"),
    [("digits", {}, ["batch", "validation"]), ("digits", {"valid": "test"}, ["batch"]), ("points", {}, ["regions"]),
     ("iris", {}, ["batch", "validation"])],
)  # fmt: skip
def test_the_boards_follow_from_the_data(source: str, options: dict, boards: list[str]):
    assert panels(tiza.load(source, **options)) == [*boards, "loss", "accuracy", "weights", "biases"]


def test_every_panel_is_fed_by_an_event_that_there_is():
    assert {entry.facts["feeds"] for entry in table("panel").values()} <= set(EVENTS)
