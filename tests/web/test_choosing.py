"""A new run: what is offered, what is checked as one types, and the code that does the same."""

import shlex
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

import tiza
from tiza.config import Plan, Recipe, changed, make
from tiza.models import parameters_of
from tiza.registry import table
from tiza.web import choosing

FEW = ["mnist-fast", "000-mlp", "004-xor", "fashion-best", "iris", "points-spirals", "003-mlp-as-written"]


def test_every_embedded_set_is_offered_with_a_recipe_to_begin_with(client: TestClient):
    offered = {recipe["id"]: recipe for recipe in client.get("/api/recipes").json()}
    for data in client.get("/api/data").json():
        assert offered[data["default"]]["data"] == data["name"]
        assert data["default"] in data["recipes"]
        assert sum(data["histogram"]) == data["counts"]["train"]
        assert len(data["histogram"]) == len(data["classes"])
        assert max(data["sample"]["index"]) < choosing.CHUNK


def test_the_labels_of_a_cards_samples_are_theirs(client: TestClient):
    for data in client.get("/api/data").json():
        train = choosing.data_of(choosing.start_of(data["name"]).data).train
        assert train.y[data["sample"]["index"]].tolist() == data["sample"]["label"]
        raw = client.get(f"/api/pixels/data/{data['name']}/train/0").content
        first = np.frombuffer(raw, train.x.numpy().dtype)[: train.x[0].numel()]
        assert np.array_equal(first, train.x[0].numpy().ravel())


def test_the_forms_fields_are_those_of_the_models_and_the_plan(client: TestClient):
    schema = client.get("/api/schema").json()
    assert set(schema["models"]) == set(table("model"))
    assert [field["name"] for field in schema["plan"]] == list(Plan.model_fields)
    kinds = {field["name"]: (field["type"], field["choices"]) for field in schema["plan"]}
    assert kinds["epochs"] == ("integer", [])
    assert kinds["lr"] == ("number", [])
    assert kinds["optimizer"] == ("choice", ["sgd", "momentum", "adam", "adamw"])
    assert kinds["balanced"] == ("boolean", [])
    assert next(f for f in schema["models"]["mlp"] if f["name"] == "hidden")["type"] == "list"


def test_of_the_data_its_limit_scale_and_seed_are_fields(client: TestClient):
    fields = {field["name"]: field for field in client.get("/api/schema").json()["data"]}
    assert {name: field["type"] for name, field in fields.items()} == {
        "limit": "integer", "scale": "choice", "seed": "integer",
    }  # fmt: skip
    assert fields["scale"]["choices"] == ["standard", "unit", "symmetric", "raw"]
    recipe = {"data": {"name": "mnist", "limit": 600, "scale": "unit", "seed": 7}, "model": {"name": "softmax"}}
    checked = client.post("/api/check", json={"recipe": recipe}).json()
    data = tiza.load("mnist", limit=600, scale="unit", seed=7)
    assert checked["counts"] == {"train": len(data.train), "valid": len(data.valid), "test": len(data.test)}
    assert all(part in checked["code"]["python"] for part in ('"limit": 600', '"scale": "unit"', '"seed": 7'))


@pytest.mark.parametrize(
    ("field", "value"),
    [("limit", 0), ("limit", "many"), ("limit", 3), ("scale", "huge"), ("seed", -1), ("seed", 2**40)],
)
def test_what_they_can_not_be_is_told_beside_them(client: TestClient, field: str, value: object):
    recipe = {"data": {"name": "mnist", field: value}, "model": {"name": "softmax"}}
    (fault,) = client.post("/api/check", json={"recipe": recipe}).json()["faults"]
    assert fault["where"] == f"data.{field}"


@pytest.mark.parametrize("hidden", [[10**6, 10**6], [2**62], [2**70]])
def test_a_model_too_large_to_be_built_is_told(client: TestClient, hidden: list[int]):
    recipe = {"data": {"name": "iris"}, "model": {"name": "mlp", "hidden": hidden}}
    (fault,) = client.post("/api/check", json={"recipe": recipe}).json()["faults"]
    assert (fault["code"], fault["where"]) == ("page-model-size", "model")
    assert "100,000,000" in fault["message"]


@pytest.mark.parametrize("name", FEW)
def test_what_is_on_screen_is_counted(client: TestClient, name: str):
    recipe = choosing.offered()[name][1]
    checked = client.post("/api/check", json={"recipe": choosing.plain(recipe)}).json()
    model = tiza.build(recipe.model, choosing.data_of(recipe.data))
    assert checked["faults"] == []
    assert checked["parameters"] == parameters_of(model) == sum(row["parameters"] for row in checked["layers"])
    assert checked["layers"][-1]["output"] == [len(choosing.data_of(recipe.data).classes)]
    assert make(Recipe, checked["recipe"]) == recipe


def test_all_faults_are_told_beside_their_fields(client: TestClient):
    recipe = {"data": {"name": "mnist"}, "model": {"name": "cnn", "kernels": [99]}, "plan": {"lr": "fast", "epochs": 0}}
    faults = client.post("/api/check", json={"recipe": recipe}).json()["faults"]
    assert {fault["where"] for fault in faults} == {"plan.lr", "plan.epochs"}
    recipe["plan"] = {}
    (fault,) = client.post("/api/check", json={"recipe": recipe}).json()["faults"]
    assert fault["where"] == "model.kernels[0]"


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize(
    "changes", [[], ["plan.lr=0.02", "plan.probe=0.1"], ["plan.clip=1", "plan.augment.shift=1", "data.valid=0.2"]]
)
def test_the_code_is_the_recipe_on_screen(name: str, changes: list[str]):
    recipe = changed(choosing.offered()[name][1], [c for c in changes if "augment" not in c or "mnist" in name])
    code = choosing.code(recipe)

    scope: dict[str, Any] = {}
    exec(code["python"].partition("\nrun = ")[0], scope)
    assert scope["recipe"] == recipe
    words = shlex.split(code["command"].replace("\\\n", " "))
    assert words[:2] == ["tiza", "train"]
    sets = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    base = tiza.recipes[words[words.index("--recipe") + 1]] if "--recipe" in words else None
    if base is None:
        base = make(Recipe, {"data": words[2], "model": words[words.index("--model") + 1]})
    assert changed(base, sets) == recipe
