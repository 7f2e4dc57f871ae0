"""The diagnosis: every check speaks where it must and is silent where it must not."""

from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.dummy import DummyClassifier
from torch import nn

import tiza
from tiza.checks import Finding, diagnose
from tiza.checks.case import Case
from tiza.config import Recipe, changed, make
from tiza.errors import TizaError
from tiza.i18n import LANGUAGES, catalogue, set_language
from tiza.registry import table
from tiza.runs import Run
from tiza.storage import DivergedWarning

FEW = {"name": "mnist", "scale": "unit", "limit": 800, "valid": 200}
NARROW = {"name": "mlp", "hidden": (16,), "dropout": 0}


def recipe(data: Any, model: Any, **plan: Any) -> Recipe:
    return make(Recipe, {"data": data, "model": model, "plan": {"threads": 1, "probe": 0, **plan}})


def named(name: str, *changes: str) -> Recipe:
    return changed(tiza.recipes[name], ["plan.threads=1", "plan.probe=0", *changes])


def findings(what: Recipe, folder: Path) -> dict[str, Finding]:
    run = tiza.fit(what, run=folder / "run")
    return {finding.code: finding for finding in diagnose(run)}


# --- each check where it must speak


@pytest.mark.parametrize(
    ("what", "codes"),
    [
        (named("004-underfit"), {"underfit", "stopped-early"}),
        (named("004-underfit-as-written"), {"overfit", "unscaled"}),
        (named("004-overfit", "plan.epochs=80"), {"overfit"}),
        (named("004-regularised-l2", "plan.epochs=40"), {"majority"}),
        (recipe("digits", NARROW, epochs=6, optimizer="sgd", lr=0.02, batch_size=64), {"stopped-early", "underfit"}),
        (recipe("digits", NARROW, epochs=8, optimizer="adam", lr=3.0), {"rate-high"}),
        (recipe("digits", "softmax", epochs=20, optimizer="sgd", lr=3.0, batch_size=64), {"rate-high"}),
        (recipe("digits", NARROW, epochs=3, optimizer="adam", lr=1e-7), {"rate-low"}),
        (recipe({"name": "points", "kind": "xor", "n": 1000}, "softmax", epochs=20, lr=0.01), {"majority"}),
        (recipe({"name": "points", "kind": "spirals", "n": 1000}, "softmax", epochs=30, lr=0.05), {"neighbours"}),
        (recipe({"name": "digits", "scale": "raw"}, NARROW, epochs=30, optimizer="adam"), {"unscaled"}),
        (named("004-iris-as-written"), {"double-softmax"}),
    ],
    ids=lambda value: "+".join(sorted(value)) if isinstance(value, set) else f"{value.model.name}-{value.data.name}",
)  # fmt: skip
def test_a_run_gone_wrong_is_told_what_is_wrong(what: Recipe, codes: set[str], tmp_path: Path):
    assert codes <= findings(what, tmp_path).keys()


def test_divergence_is_found_with_the_step_and_a_rate_to_try(tmp_path: Path):
    with pytest.warns(DivergedWarning):
        found = findings(recipe("digits", NARROW, epochs=3, optimizer="sgd", lr=1e30), tmp_path)
    assert list(found) == ["diverged"]
    assert found["diverged"].severity == "problem"
    assert "1e+29" in found["diverged"].advice


# --- and where it must be silent


@pytest.mark.parametrize(
    "what",
    [
        named("004-iris"),
        named("004-xor"),
        recipe("iris", "mlp", epochs=60, batch_size=32, lr=2e-3),
        recipe("digits", {"name": "mlp", "hidden": (64, 32)}, epochs=40, batch_size=32, lr=2e-3, patience=12),
        recipe("digits", "softmax", epochs=40, batch_size=32, optimizer="adam", lr=1e-2),
        recipe(
            {"name": "mnist", "limit": 6_000},
            {"name": "cnn", "channels": (8, 16), "hidden": ()},
            epochs=4, lr=1e-2, schedule="one-cycle",
        ),
    ],
    ids=lambda what: what.model.name + "-" + what.data.name,
)  # fmt: skip
def test_a_healthy_run_is_told_nothing(what: Recipe, tmp_path: Path):
    assert list(findings(what, tmp_path)) == []


def test_a_run_that_may_go_on_is_not_judged(tmp_path: Path):
    run = tiza.fit(named("004-underfit"), run=tmp_path / "run")
    events = run.path / "events.jsonl"
    lines = events.read_text().splitlines(keepends=True)
    assert diagnose(run) != []
    events.write_text("".join(lines[:-1]))
    assert diagnose(run) == []


# --- the figures


def test_the_majority_is_that_of_scikit_learn_on_the_same_samples(tmp_path: Path):
    what = named("004-regularised-l2", "plan.epochs=40", "data.imbalance=3")
    found = findings(what, tmp_path)["majority"]
    data = tiza.load(what.data)
    known, asked = (torch.zeros(len(part), 1) for part in (data.train, data.look("valid")))
    oracle = DummyClassifier(strategy="most_frequent").fit(known, data.train.y)
    assert found.fields["share"] == pytest.approx(oracle.score(asked, data.look("valid").y))
    assert found.fields["name"] == data.classes[int(oracle.predict(asked)[0])]
    assert found.fields["low"] <= found.fields["share"]


@pytest.mark.parametrize(
    ("name", "outputs", "floor"), [("004-iris-as-written", 4, 0.744), ("004-iris-softmax", 3, 0.551)]
)
def test_a_softmax_of_a_softmax_has_a_floor(name: str, outputs: int, floor: float, tmp_path: Path):
    found = findings(named(name, "plan.epochs=30"), tmp_path)["double-softmax"]
    assert found.fields["outputs"] == outputs
    assert found.fields["floor"] == pytest.approx(floor, abs=5e-4)
    right = torch.eye(outputs)[:1]  # no loss of such a model is lower than that of certainty
    assert nn.functional.cross_entropy(right, torch.tensor([0])).item() == pytest.approx(found.fields["floor"])
    assert found.fields["loss"] > found.fields["floor"]


def test_dead_units_are_counted_layer_by_layer(tmp_path: Path):
    class Half(nn.Module):
        """Ten units, four of which no sample can reach; then as many channels, none of them dead."""

        def __init__(self):
            super().__init__()
            self.first, self.relu, self.last = nn.Linear(64, 10), nn.ReLU(), nn.Linear(10, 10)
            nn.init.zeros_(self.first.weight[:4].data)
            nn.init.constant_(self.first.bias[:4].data, -1.0)

        def forward(self, x):
            return self.last(self.relu(self.first(x.flatten(1))))

    data = tiza.load("digits")
    torch.manual_seed(0)
    module = Half()
    run = tiza.fit(module, data, {"epochs": 5, "optimizer": "sgd", "lr": 0.1, "batch_size": 32}, run=tmp_path / "run")
    (found,) = [finding for finding in diagnose(run, data, module) if finding.code == "dead-units"]
    assert (found.fields["dead"], found.fields["units"], found.fields["share"]) == (4, 10, 0.4)
    assert found.fields["layers"] == {"relu": 0.4}
    assert "dead-units" not in {finding.code for finding in diagnose(run, data)}  # without the module nobody can look


def test_a_channel_is_dead_when_it_is_zero_everywhere():
    first = nn.Conv2d(1, 3, 3)
    nn.init.constant_(first.bias.data[:1], -100.0)  # pyright: ignore[reportOptionalMemberAccess]
    body = nn.Sequential(first, nn.ReLU(), nn.Flatten(), nn.Linear(3 * 36, 10))
    data = tiza.load("digits")
    case = Case(Run(Path("nowhere")), data, tiza.build(body, data).eval())
    assert case.answers is not None
    outputs, active = case.answers
    assert outputs.shape == (1000, 10)
    assert active["1"].tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("data", "speaks"),
    [
        ({"name": "iris", "scale": "raw"}, False),
        ({"name": "digits", "scale": "raw"}, True),
        *(
            ({"name": name, "scale": s}, False)
            for name in ("iris", "digits")
            for s in ("standard", "unit", "symmetric")
        ),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else str(value),
)
def test_input_is_unscaled_when_it_is_far_from_one(data: dict[str, str], speaks: bool, tmp_path: Path):
    found = findings(recipe(data, NARROW, epochs=1), tmp_path)
    assert ("unscaled" in found) is speaks


def test_what_is_frozen_may_rest_and_a_body_brings_its_own_scale(tmp_path: Path):
    data = tiza.load("digits")
    body = tiza.fit(
        recipe("digits", {"name": "mlp", "hidden": (10, 10), "dropout": 0}, epochs=2), run=tmp_path / "body"
    )
    model = tiza.build("transfer", data, body=f"run:{body.path}")
    first = model.get_submodule("body.frozen.linear1")
    nn.init.zeros_(first.weight.data)
    nn.init.constant_(first.bias.data, -1.0)
    asked = Case(Run(Path("nowhere")), data, model.eval())
    assert asked.answers is not None
    assert asked.answers[1] == {}
    run = tiza.fit(recipe("digits", {"name": "transfer", "body": f"run:{body.path}", "frozen": False}, epochs=1),
                   run=tmp_path / "run")  # fmt: skip
    assert "unscaled" not in {finding.code for finding in diagnose(run)}


def test_the_columns_of_wine_differ_by_orders_of_magnitude(tmp_path: Path):
    wine = str(Path(__file__).parent / "files" / "winequality-red.csv")
    what = {"name": "csv", "path": wine, "binarise": "quality>=6", "scale": "raw"}
    found = findings(recipe(what, NARROW, epochs=1), tmp_path)["unscaled"]
    assert found.fields["ratio"] > 1000
    assert "batch norm" not in found.advice


def test_overfitting_is_told_with_the_interval_of_the_difference(tmp_path: Path):
    run = tiza.fit(named("004-overfit", "plan.epochs=80"), run=tmp_path / "run")
    (found,) = [finding for finding in diagnose(run) if finding.code == "overfit"]
    last = run.history()[-1]
    gap = last.train["accuracy"][0] - last.valid["accuracy"][0]
    assert 0 < found.fields["low"] < gap < found.fields["high"]
    assert found.fields["lowest"] == min(measured.valid["loss"][0] for measured in run.history())


# --- what it needs, and what it leaves alone


def test_no_test_set_is_opened(tmp_path: Path, home: Path):
    findings(named("004-overfit", "plan.epochs=60"), tmp_path)
    assert not (home / "openings.jsonl").exists()


def test_where_the_data_is_gone_the_curves_still_speak(tmp_path: Path):
    rows = (Path(__file__).parent / "files" / "winequality-red.csv").read_text()
    (tmp_path / "wine.csv").write_text(rows)
    what = recipe(
        {"name": "csv", "path": str(tmp_path / "wine.csv"), "target": "quality"},
        {"name": "mlp", "hidden": (256, 256), "dropout": 0}, epochs=60, lr=3e-3,
    )  # fmt: skip
    run = tiza.fit(what, run=tmp_path / "run")
    assert "overfit" in {finding.code for finding in diagnose(run)}
    (tmp_path / "wine.csv").unlink()
    assert {finding.code for finding in diagnose(run)} == {"overfit"}


def test_data_that_is_given_must_be_that_of_the_run(tmp_path: Path):
    run = tiza.fit(recipe("iris", "softmax", epochs=1), run=tmp_path / "run")
    with pytest.raises(TizaError) as caught:
        diagnose(run, "digits")
    assert caught.value.code == "other-data"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", table("check"))
def test_every_check_has_its_sentence_with_a_name_before_the_colon(code: str, language: str):
    name, colon, rest = catalogue(language)[f"check.{code}"].partition(": ")
    assert colon
    assert rest
    assert "{" not in name
    assert catalogue(language)[f"advice.{code}"].endswith((".", "standard", "{lower}"))


@pytest.mark.parametrize(("language", "name"), [("en", "Under-fitting"), ("es", "Subajuste")])
def test_a_finding_speaks_the_language_of_its_reader(language: str, name: str):
    fields = {"train": 0.84, "valid": 0.8, "left": 0.42, "fall": 0.15, "window": 6}
    finding = Finding("underfit", "warning", fields)
    set_language(language)
    assert str(finding).startswith(f"{name}: ")
    plain = finding.to_dict()
    assert plain == {
        "code": "underfit", "severity": "warning", "message": str(finding), "advice": finding.advice, "fields": fields,
    }  # fmt: skip
    assert ("84,0" in plain["message"]) is (language == "es")
