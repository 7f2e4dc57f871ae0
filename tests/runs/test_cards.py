"""Model cards: all that was done and measured, what was not; and the front matter that the Hub reads."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

import tiza
from tiza import runs
from tiza.config import Recipe, make
from tiza.i18n import catalogue, set_language

HEADINGS = ("use", "data", "training", "measured", "untested")


def fitted(folder: Path, data: Any, model: Any, **plan: Any) -> runs.Run:
    asked = {"data": data, "model": model, "plan": {"epochs": 2, "threads": 1, **plan}}
    return tiza.fit(make(Recipe, asked), run=folder)


def front(card: str) -> dict[str, Any]:
    """The front matter, as a reader of YAML has it."""
    opening, text, _ = card.split("---\n", 2)
    assert opening == ""
    return yaml.safe_load(text)


def checked(found: dict[str, Any]) -> None:
    """Hold the front matter to the specification of the Hub: the required fields, and the types of them all."""
    assert set(found) <= {"language", "library_name", "pipeline_tag", "tags", "metrics", "model-index"}
    for name in ("language", "tags", "metrics"):
        assert found[name]
        assert all(isinstance(value, str) for value in found[name])
    assert isinstance(found["library_name"], str)
    assert found["pipeline_tag"] in ("image-classification", "tabular-classification")
    for model in found.get("model-index", []):
        assert isinstance(model["name"], str)
        for result in model["results"]:
            assert result["task"]["type"] == found["pipeline_tag"]
            assert all(isinstance(result["dataset"][field], str) for field in ("type", "name", "split"))
            assert result["metrics"]
            for metric in result["metrics"]:
                assert metric["type"] in found["metrics"]
                assert isinstance(metric["value"], float)


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_card_is_there_from_the_end_of_training_and_tells_the_evaluation(tmp_path: Path, language: str):
    set_language(language)
    said = catalogue(language)
    run = fitted(tmp_path / "iris", "iris", {"name": "mlp", "hidden": [8]}, lr=0.02, patience=2, weight_decay=0.03)
    path = run.path / "model" / "README.md"
    before = path.read_text()
    checked(front(before))
    assert "model-index" not in front(before)
    assert said["card.not-measured"] in before
    report = tiza.evaluate(run)
    card = path.read_text()
    for name in HEADINGS:
        assert f"## {said[f'card.heading.{name}']}\n" in card
    facts = run.facts
    for told in (facts.fingerprint, "setosa, versicolor, virginica", "sepal length (cm)", facts.versions["torch"],
                 "| `model.hidden` | [8] |", "| `plan.lr` | 0.02 |", "| `plan.weight_decay` | 0.03 |",
                 said["card.chosen-by-valid"], said["card.copies-together"], said["card.untested.rows"]):  # fmt: skip
        assert told in card
    assert "`plan.betas`" not in card  # nobody changed them
    found = front(card)
    checked(found)
    assert found["language"] == [language]
    assert found["pipeline_tag"] == "tabular-classification"
    (model,) = found["model-index"]
    assert [one["dataset"]["split"] for one in model["results"]] == ["validation", "test"]
    assert report.test is not None
    assert model["results"][1]["metrics"][0]["value"] == pytest.approx(report.test["accuracy"], abs=5e-5)
    assert model["results"][1]["dataset"]["args"]["fingerprint"] == facts.fingerprint


def test_a_card_says_how_validation_and_test_were_set_aside(tmp_path: Path):
    carved = runs.card(fitted(tmp_path / "iris", {"name": "iris", "seed": 7}, "softmax"))
    assert carved.count("set aside from the training data") == 2
    assert carved.count("drawn with seed 7") == 2
    mixed = runs.card(fitted(tmp_path / "mnist", {"name": "mnist", "limit": 300, "valid": 50}, "softmax"))
    assert "The validation split: 50 samples set aside" in mixed
    assert "The test split: 10,000 samples, divided so by the source" in mixed
    assert "`data.limit=300`" in mixed


def test_where_validation_is_the_test_split_no_figure_is_called_independent(tmp_path: Path):
    run = fitted(tmp_path / "run", {"name": "iris", "valid": "test", "copies": "apart"}, "softmax")
    tiza.evaluate(run)
    card = (run.path / "model" / "README.md").read_text()
    assert "Validation is the test split itself, 30 samples" in card
    assert "Identical samples may be on both sides" in card
    assert "there is no test figure" in card
    assert [one["dataset"]["split"] for one in front(card)["model-index"][0]["results"]] == ["validation"]


def test_a_sealed_test_set_is_told_and_counts_its_openings_later(tmp_path: Path):
    run = fitted(tmp_path / "run", "iris", "softmax")
    tiza.evaluate(run, sealed=True)
    path = run.path / "model" / "README.md"
    assert "The test set stayed sealed." in path.read_text()
    assert "there is no test figure" in path.read_text()
    for _ in range(2):
        tiza.evaluate(run)
    assert "Test was opening 2 of this test set" in path.read_text()
    assert "there is no test figure" not in path.read_text()


@pytest.mark.parametrize(("data", "told"), [("digits", "Other hands"), ("fashion-mnist", "other cameras")])
def test_pictures_have_their_own_list_of_what_nobody_tested(tmp_path: Path, data: str, told: str):
    card = runs.card(fitted(tmp_path / "run", {"name": data, "limit": 200}, "softmax"))
    assert told in card
    assert "picture.png" in card
    assert front(card)["pipeline_tag"] == "image-classification"


def test_names_that_yaml_or_markdown_would_take_for_something_else_are_told_as_they_are(tmp_path: Path):
    names = ["yes", "3", "a: b", "# c", "d | e", "---", "«ñ»", "on"]
    x = torch.rand(160, 2, generator=torch.Generator().manual_seed(0)).numpy()
    y = [names[i % 8] for i in range(160)]
    lines = ["one,two,kind", *(f"{a},{b},{name}" for (a, b), name in zip(x.tolist(), y, strict=True))]
    (tmp_path / "yes: no.csv").write_text("\n".join(lines))
    data = {"name": "csv", "path": str(tmp_path / "yes: no.csv"), "target": "kind"}
    run = fitted(tmp_path / "run", data, "softmax")
    tiza.evaluate(run)
    card = (run.path / "model" / "README.md").read_text()
    checked(front(card))
    assert "yes: no.csv" in front(card)["tags"]
    assert ", ".join(run.facts.classes) in card


def test_a_model_that_answers_no_numbers_has_a_card(tmp_path: Path):
    data = tiza.load("iris")
    run = tiza.fit(nn.Linear(4, 3), data, {"epochs": 1, "threads": 1}, run=tmp_path / "run")
    report = tiza.evaluate(run, model=nn.Linear(4, 3)).to_dict()
    for split in ("train", "valid", "test"):
        report[split] |= {"loss": None, "calibration_error": None, "f1_macro": None}
        report[split]["per_class"]["recall"] = [None] * 3
    (run.path / "report.json").write_text(json.dumps(report))
    card = runs.card(run)
    assert " – |" in card
    checked(front(card))


def test_a_thousand_classes_are_not_all_listed(tmp_path: Path):
    run = fitted(tmp_path / "run", "iris", "softmax")
    path = run.path / "environment.json"
    facts = json.loads(path.read_text())
    path.write_text(json.dumps(facts | {"classes": [f"c{i}" for i in range(1_000)], "origin": {}}))
    card = runs.card(run)
    assert "c29 and 970 more" in card
    assert "The validation split: 24 samples.\n" in card
