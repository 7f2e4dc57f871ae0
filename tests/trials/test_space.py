"""What trials a search has."""

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiza
from tiza.errors import TizaError
from tiza.trials.space import Range, Search, axis, trials_of

IRIS = tiza.recipes["004-iris"]


def searched(grid: dict[str, Any], **more: Any) -> Search:
    return Search(recipe=IRIS, grid={field: axis(values, field) for field, values in grid.items()}, **more)


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ("0.001,0.01", (0.001, 0.01)),
        ("50", (50,)),
        ("[50,50],[80],none", ([50, 50], [80], None)),
        ("relu, tanh", ("relu", "tanh")),
        ("choice(1, 2)", (1, 2)),
        ("true,false", (True, False)),
        ([0.1, 0.2], (0.1, 0.2)),
        ([(50, 50), [80]], ((50, 50), (80,))),
        (np.array([1, 2]), (1, 2)),
        (0.1, (0.1,)),
        ("", ()),
    ],
)
def test_values_of_a_field(given: Any, values: Any):
    assert axis(given, "plan.lr") == values


@pytest.mark.parametrize("kind", ["uniform", "log", "integer"])
def test_ranges(kind: str):
    found = axis(f"{kind}(1, 100)", "plan.lr")
    assert found == Range(draw=kind, low=1, high=100)  # type: ignore[arg-type]
    drawn = [found.value(np.random.default_rng(i)) for i in range(400)]
    assert min(drawn) >= 1
    assert max(drawn) <= 100
    below = sum(value <= 10 for value in drawn) / 400
    assert below == pytest.approx(0.5 if kind == "log" else 0.1, abs=0.08)
    assert (kind == "integer") is isinstance(drawn[0], int)


def test_a_grid_is_every_combination_in_order():
    trials = trials_of(searched({"plan.lr": [0.1, 0.2], "model.hidden": [5, (6, 7)]}))
    assert [trial.number for trial in trials] == [0, 1, 2, 3]
    pairs = [(trial.recipe.plan.lr, trial.recipe.model.options["hidden"]) for trial in trials]
    assert pairs == [(0.1, (5,)), (0.1, (6, 7)), (0.2, (5,)), (0.2, (6, 7))]


def test_draws_are_the_seeds():
    grid = {"plan.lr": "log(0.001, 0.1)", "model.hidden": [5, 6]}
    first, again, other = (trials_of(searched(grid, trials=9, seed=seed)) for seed in (1, 1, 2))
    assert [trial.values for trial in first] == [trial.values for trial in again]
    assert [trial.values for trial in first] != [trial.values for trial in other]
    assert len(first) == 9


def test_draws_from_a_grid_do_not_repeat():
    grid = {"plan.lr": [0.1, 0.2, 0.3], "model.hidden": [5, 6, 7]}
    trials = trials_of(searched(grid, trials=8))
    assert len({str(trial.values) for trial in trials}) == 8
    assert len(trials_of(searched(grid, trials=100))) == 9


BAD: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"plan.lrr": [1]}, {}, "lr"),
    ({"plann.lr": [1]}, {}, "plan"),
    ({"plan.lr": []}, {}, "search-empty"),
    ({"plan.lr": [], "model.hidden": "integer(1, 2)"}, {"trials": 2}, "search-empty"),
    ({"plan.lr": [0.1, -1, "x"], "model.hidden": [0]}, {}, "faults"),
    ({"plan.lr": "log(0.1, 1)"}, {}, "search-how-many"),
    ({f"plan.{field}": list(range(1, 102)) for field in ("epochs", "batch_size", "every", "seed")}, {}, "search-many"),
    ({"lr": [1]}, {}, "assignment"),
]


@pytest.mark.parametrize(("grid", "more", "code"), BAD, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("language", ["en", "es"])
def test_bad_grids_are_told_before_anything_runs(
    grid: dict[str, Any], more: dict[str, Any], code: str, language: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TIZA_LANG", language)
    with pytest.raises(TizaError) as caught:
        trials_of(searched(grid, **more))
    assert code in (caught.value.code, *re.split("[“”«»]", str(caught.value)))


def test_all_that_can_not_be_is_told_at_once():
    with pytest.raises(TizaError) as caught:
        trials_of(searched({"plan.lr": [0.1, -1, "x"], "model.hidden": [0, 5]}))
    assert len(caught.value.faults) == 3  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["log(1)", "uniform(a, b)", "integer(1, 2, 3)"])
def test_a_draw_needs_two_numbers(text: str):
    with pytest.raises(TizaError, match="two numbers"):
        axis(text, "plan.lr")


@pytest.mark.parametrize("text", ["log(0, 1)", "uniform(2, 1)", "log(-1, 1)", "integer(3, 3)"])
def test_a_range_that_holds_nothing_is_told(text: str):
    with pytest.raises(TizaError, match="holds nothing"):
        axis(text, "plan.lr")


@given(st.lists(st.floats(1e-6, 1e3) | st.integers(1, 9) | st.lists(st.integers(1, 99), min_size=1), min_size=1))
def test_values_survive_being_written(values: list[Any]):
    text = ",".join(str(value) for value in values)
    found = axis(text, "x")
    assert isinstance(found, tuple)
    for one, other in zip(found, values, strict=True):
        assert one == other or math.isclose(one, other)
