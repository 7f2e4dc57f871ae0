"""What transfer brings: start, slope and asymptote of curves, with intervals; and the body that is trained once."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import tiza
from tiza import runs
from tiza.catalogue.comparing import Comparison, trained
from tiza.catalogue.gaining import PHASES, gains, mean_of, phases
from tiza.cli import main
from tiza.config import Recipe, changed, make
from tiza.data.dataset import Dataset
from tiza.errors import TizaError
from tiza.models import build
from tiza.models.transfer import folder_of, is_there
from tiza.registry import lookup, register
from tiza.storage import to_json

SOON = {"epochs": [0, 1, 2, 3, 4, 5, 6], "accuracy": [0.1, 0.6, 0.7, 0.8, 0.8, 0.9, 0.9]}
OFTEN = {"epochs": [0, 0.5, 1, 1.5, 2], "accuracy": [0.1, 0.3, 0.5, 0.6, 0.7]}
ROUGH = {"epochs": [0, 0.75, 1.5], "accuracy": [0.2, 0.5, 0.8]}


@pytest.mark.parametrize(
    ("curve", "start", "slope", "asymptote"),
    [(SOON, 0.1, 0.5, 0.82), (OFTEN, 0.1, 0.4, 0.44), (ROUGH, 0.2, 0.4, 0.5)],
)
def test_start_slope_and_asymptote_are_read_off_a_curve(curve, start: float, slope: float, asymptote: float):
    assert phases(curve) == pytest.approx({"start": start, "slope": slope, "asymptote": asymptote})


def test_a_mean_has_the_interval_of_the_t_test():
    values = [0.1, 0.3, 0.15, 0.2, 0.35]
    found, theirs = mean_of(values), stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.mean, found.low, found.high) == pytest.approx((np.mean(values), theirs.low, theirs.high))
    assert found.shown
    assert not mean_of([-0.1, 0.1, 0.05]).shown


def test_differences_are_paired_by_seed():
    """Seeds differ much and the recipes by the same amount in each: the interval is narrow all the same."""
    low = [{"epochs": [0, 1], "accuracy": [0.1 * i, 0.1 * i + 0.3]} for i in range(4)]
    high = [{"epochs": [0, 1], "accuracy": [0.1 * i + 0.05, 0.1 * i + 0.37]} for i in range(4)]
    first, second = gains({"a": low, "b": high})
    assert first.more == {}
    assert second.more["start"].mean == pytest.approx(0.05)
    assert second.more["slope"].low == pytest.approx(0.02) == pytest.approx(second.more["slope"].high)
    assert first.of["start"].high - first.of["start"].low > 0.2
    plain = json.loads(to_json(second.to_dict()))
    assert plain["id"] == "b"
    assert set(plain["differences"]) == set(PHASES)


def test_a_curve_may_begin_before_the_first_update_and_training_is_the_same():
    plain, begun = (trained("004-xor", [0, 1], start=start) for start in (False, True))
    assert plain.valid == begun.valid
    for one, other in zip(plain.curves, begun.curves, strict=True):
        assert other["epochs"] == [0, *one["epochs"]]
        assert other["accuracy"][1:] == one["accuracy"]
        assert other["accuracy"][0] < 0.8 < other["accuracy"][-1]
    assert Comparison(plain, (plain,)).gains() == []
    assert [one.id for one in Comparison(begun, ()).gains()] == ["004-xor"]


@pytest.mark.parametrize(("language", "words"), [("en", ["start", "slope", "asymptote", "before the first update"]),
                                                  ("es", ["inicio", "pendiente", "asíntota"])])  # fmt: skip
def test_the_command_tells_start_slope_and_asymptote(language: str, words: list[str], monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(lookup("recipe", "004-iris").facts, "start", True)
    asked = ["recipes", "compare", "004-iris", "--seeds", "2", "--lang", language]
    for more in ([], ["--json", "--save", str(tmp_path)]):
        with pytest.raises(SystemExit) as stopped:
            main([*asked, *more])
        assert not stopped.value.code
        said = capsys.readouterr().out
        if more:
            gains = json.loads(said)["gains"]
            assert [one["id"] for one in gains] == ["004-iris", "004-iris-as-written", "004-iris-softmax"]
            assert gains[0]["start"]["mean"] < 0.7 < gains[0]["asymptote"]["mean"]
            assert (tmp_path / "compare-004-iris.png").stat().st_size > 1000
        else:
            assert all(word in said for word in words)


# --- the body


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return tiza.load("mnist", limit=200, valid=50)


BODY = make(Recipe, {"data": {"name": "fashion-mnist", "limit": 300}, "model": {"name": "mlp", "hidden": (16,)},
                     "plan": {"epochs": 1, "threads": 1}})  # fmt: skip


@pytest.fixture(autouse=True)
def body(monkeypatch: pytest.MonkeyPatch) -> None:
    from tiza import registry

    registry.table("recipe")
    monkeypatch.setattr(registry, "_tables", {**registry._tables, "recipe": dict(registry._tables["recipe"])})

    def small() -> Recipe:
        return BODY

    register("recipe", "small-body")(small)


def test_the_body_of_a_recipe_is_trained_once_and_kept(digits: Dataset, tmp_path: Path):
    model = {"name": "transfer", "body": "recipe:small-body"}
    recipe = make(Recipe, {"data": digits.config, "model": model, "plan": {"epochs": 1, "threads": 1}})
    with pytest.raises(TizaError, match=r"small-body"):
        build("transfer", digits, body="recipe:small-body")
    first = tiza.fit(recipe, digits, run=tmp_path / "a")
    kept = folder_of("recipe:small-body")
    assert is_there("recipe:small-body")
    before = (kept / "events.jsonl").read_bytes()
    second = tiza.fit(recipe, digits, run=tmp_path / "b")
    assert (kept / "events.jsonl").read_bytes() == before
    assert runs.Run(kept).recipe.model_dump() == BODY.model_dump()
    assert first.history()[-1].valid == second.history()[-1].valid
    assert runs.list_runs() == [], "a body is no run of the user's"


def test_a_body_that_was_cut_off_is_trained_on(digits: Dataset, tmp_path: Path):
    from tiza.training.events import RunStarted, Stop

    kept = folder_of("recipe:small-body")
    stop = [lambda event, learner: Stop("interrupted") if isinstance(event, RunStarted) else None]
    with pytest.raises(KeyboardInterrupt):
        tiza.fit(BODY, run=kept, readers=stop)
    assert not is_there("recipe:small-body")
    model = {"name": "transfer", "body": "recipe:small-body"}
    tiza.fit(make(Recipe, {"data": digits.config, "model": model, "plan": {"epochs": 1}}), digits, run=tmp_path / "a")
    assert runs.Run(kept).status == "done"


@pytest.mark.parametrize("source", ["digits", "mnist"])
def test_asked_for_a_transfer_the_command_augments_nothing(source: str, tmp_path: Path, capsys):
    body = tiza.fit(make(Recipe, {"data": {"name": source, "limit": 200}, "model": "mlp", "plan": {"epochs": 1}}))
    asked = [
        "train",
        source,
        "--limit",
        "200",
        "--model",
        "transfer",
        "--sealed",
        "--json",
        "--run",
        str(tmp_path / "run"),
    ]
    with pytest.raises(SystemExit):
        main([*asked, "--set", f"model.body=run:{body.name}"])
    run = json.loads(capsys.readouterr().out)
    assert (run["engine"], run["recipe"]) == ("features", None)


def test_another_recipe_is_another_body(monkeypatch: pytest.MonkeyPatch):
    before = folder_of("recipe:small-body")
    monkeypatch.setattr(f"{__name__}.BODY", changed(BODY, ["plan.lr=0.01"]))
    assert folder_of("recipe:small-body") != before


def test_from_scratch_it_is_the_same_network_and_the_same_plan():
    from tiza.catalogue import recipes

    gain, scratch = recipes["004-transfer-gain"], recipes["004-transfer-gain-scratch"]
    assert gain.plan == scratch.plan
    assert gain.data == scratch.data
    body = recipes["fashion-fast"].model
    assert scratch.model.options == body.options | {"mirrored": False}
    assert gain.model.options["body"] == "recipe:fashion-fast"
