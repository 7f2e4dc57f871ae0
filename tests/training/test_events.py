"""Events and commands as JSON lines: what goes out comes back."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiza.training.events import (
    Answered,
    Changed,
    Drop,
    Measured,
    Pace,
    Pause,
    Probed,
    Resume,
    RunEnded,
    RunStarted,
    Set,
    Step,
    Stepped,
    Stop,
    command_from_plain,
    from_plain,
    to_plain,
)

STAMP = {"step": 12, "epoch": 1, "time": 1.5}
PART = {"n": 3, "loss": [0.5], "accuracy": [1.0], "f1_macro": [1.0]}
EVENTS = [
    RunStarted(**STAMP, trials=1, epochs=2, steps_per_epoch=6, samples=600, parameters=10, resumed_from=12),
    Stepped(**STAMP, loss=[0.25], accuracy=[0.5], lr=[0.001], rate=1234.5, seconds=1.25),
    Measured(**STAMP, train=PART, valid=PART, running={"loss": [0.75], "accuracy": [0.5]}, seconds=2.0),
    Probed(**STAMP, layers=[{"name": "a", "quantiles": [[0.0]]}], tiles={"index": [1], "label": [2], "answer": [3]}),
    Answered(**STAMP, answers=[3, 1], seconds=0.25, regions={"size": 1, "answer": [0], "sure": [9]}),
    Changed(**STAMP, lr=[0.5], paused=True, pace=0.5),
    RunEnded(**STAMP, reason="diverged", seconds=3.0, failed_at=7, proposed_lr=0.1),
]  # fmt: skip


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_an_event_comes_back_from_its_line(event):
    assert from_plain(json.loads(json.dumps(to_plain(event), allow_nan=False))) == event


def test_what_is_no_number_is_null_and_comes_back_as_nan():
    line = to_plain(
        Stepped(**STAMP, loss=[math.nan, math.inf], accuracy=[0.5, 0.5], lr=[1.0, 1.0], rate=0.0, seconds=0.0)
    )
    assert line["loss"] == [None, None]
    assert all(math.isnan(value) for value in from_plain(line).loss)


def test_what_was_measured_comes_back_to_the_last_bit_and_with_its_nans():
    exact = {"n": 3, "loss": [0.1 + 0.2, math.nan], "accuracy": [1 / 3, math.nan], "f1_macro": [2 / 3, math.nan]}
    back = from_plain(to_plain(Measured(**STAMP, train=exact, valid=exact, running={}, seconds=1 / 7)))
    assert back.valid["loss"][0] == 0.1 + 0.2
    assert back.train["accuracy"][0] == 1 / 3
    assert math.isnan(back.valid["loss"][1])


@pytest.mark.parametrize("line", [{}, {"kind": "stepped"}, {"v": 99, "kind": "stepped"}, {"v": 1, "kind": "new"}])
def test_lines_of_another_kind_or_version_are_passed_over(line: dict):
    assert from_plain(line) is None


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ({"command": "pause"}, Pause()),
        ({"command": "resume"}, Resume()),
        ({"command": "step"}, Step()),
        ({"command": "step", "epoch": True}, Step(epoch=True)),
        ({"command": "set", "lr": 0.1}, Set(lr=0.1)),
        ({"command": "set", "lr": [0.1, 0.2]}, Set(lr=(0.1, 0.2))),
        ({"command": "pace", "seconds": 0.5}, Pace(0.5)),
        ({"command": "pace", "seconds": 1e9}, None),
        ({"command": "drop", "trials": [1]}, Drop((1,))),
        ({"command": "stop", "reason": "page"}, Stop("page")),
        ({"command": "explode"}, None),
        ({"command": "pause", "until": 3}, None),
        ({}, None),
    ],
)
def test_a_command_is_read_from_its_line_or_passed_over(line: dict, command: object):
    assert command_from_plain(line) == command


@given(st.dictionaries(st.text(max_size=8), st.none() | st.integers() | st.text(max_size=5) | st.lists(st.integers())))
def test_no_line_makes_reading_fail(line: dict):
    from_plain({"v": 1, "kind": "measured", **line})
    command_from_plain({"command": "set", **line})
