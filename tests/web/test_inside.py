"""What the page shows inside a network: the maps, kernels and units that the library gives, made small."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

import tiza
from tiza import explain
from tiza.config import Recipe, make
from tiza.web.running import id_of

DRAWN = Path(__file__).parents[2] / "examples" / "pen.png"
PNG = {"Content-Type": "image/png"}


def trained(model: dict[str, Any], data: Any = "digits") -> tiza.runs.Run:
    return tiza.fit(make(Recipe, {"data": data, "model": model, "plan": {"epochs": 1, "threads": 1}}))


@pytest.fixture
def cnn(home: Path) -> tiza.runs.Run:
    return trained({"name": "cnn", "channels": [5, 40], "kernels": [3], "strides": [1], "hidden": [30]})


def inside(client: TestClient, run: tiza.runs.Run, layer: str | None = None, picture: bytes | None = None) -> Any:
    path, asked = f"/api/runs/{id_of(run.path)}/inside", {"layer": layer} if layer else {}
    if picture is None:
        return client.get(path, params=asked)
    return client.post(path, params=asked, content=picture, headers=PNG)


def values(of: dict[str, Any]) -> np.ndarray:
    return np.array(of["values"]).reshape(-1, *of["shape"]) * of["most"] / 127


def test_the_kernels_are_those_of_the_first_convolution_and_all_layers_can_be_chosen(client: TestClient, cnn):
    of, ours = inside(client, cnn).json(), explain.kernels(cnn)
    assert (of["layer"], of["count"], of["shown"], of["shape"]) == ("conv1", 5, 5, [8, 8])
    assert values(of["kernels"]) == pytest.approx(ours.weights, abs=of["kernels"]["most"] / 200)
    names = [layer["name"] for layer in of["layers"]]
    assert names[:3] == ["conv1", "norm1", "relu1"]
    assert names[-1] == "logits"
    assert "flatten" not in names
    deeper = inside(client, cnn, "conv2").json()
    assert (deeper["count"], deeper["shown"], deeper["kernels"]) == (40, 24, None)
    assert inside(client, cnn, "dense_linear1").json()["weighed"] is False


@pytest.mark.parametrize("layer", ["conv1", "relu2"])
def test_the_maps_are_the_librarys(client: TestClient, cnn, layer: str):
    of, ours = inside(client, cnn, layer, DRAWN.read_bytes()).json(), explain.maps(cnn, DRAWN, layer)
    assert of["numbers"] == list(range(min(24, len(ours.values))))
    assert values(of["maps"]) == pytest.approx(ours.values[:24], abs=of["maps"]["most"] / 200)


def test_the_units_are_those_with_the_largest_values(client: TestClient, home: Path):
    run = trained({"name": "mlp", "hidden": [20]})
    of, ours = inside(client, run, None, DRAWN.read_bytes()).json(), explain.maps(run, DRAWN)
    assert of["layer"] == ours.layer == "linear1"
    assert of["units"] == pytest.approx(sorted(ours.values, reverse=True)[:12], rel=1e-5)
    assert of["units"] == pytest.approx(ours.values[of["numbers"]], rel=1e-5)
    weights = explain.units(run).weights
    assert weights is not None
    expected = weights[of["numbers"], 0]
    assert values(of["weights"]) == pytest.approx(expected, abs=of["weights"]["most"] / 200)
    about = inside(client, run).json()
    assert (about["weighed"], about["shape"], about["shown"]) == (True, [], 12)
    last = inside(client, run, "logits", DRAWN.read_bytes()).json()
    assert (last["weights"], len(last["units"])) == (None, 10)


def test_large_maps_are_shown_small(client: TestClient, home: Path):
    data = {"name": "mnist", "limit": 100}
    run = trained({"name": "cnn", "channels": [3], "kernels": [3], "padding": [20], "strides": [1], "hidden": []}, data)
    about, of = inside(client, run).json(), inside(client, run, "conv1", DRAWN.read_bytes()).json()
    assert explain.maps(run, DRAWN).values.shape == (3, 66, 66)
    assert about["shape"] == of["maps"]["shape"] == [48, 48]


def test_a_drawing_of_nothing_has_nothing_inside(client: TestClient, cnn):
    blank = io.BytesIO()
    Image.new("L", (280, 280), 255).save(blank, "PNG")
    of = inside(client, cnn, "conv1", blank.getvalue()).json()
    assert (of["numbers"], of["maps"], of["units"]) == ([], None, None)


@pytest.mark.parametrize("language", ["en", "es"])
def test_what_can_not_be_looked_into_is_told_in_one_sentence(client: TestClient, cnn, home: Path, language: str):
    client.headers["Accept-Language"] = language
    table, picture = trained({"name": "mlp", "hidden": [4]}, "iris"), DRAWN.read_bytes()
    for answer, status, code in (
        (inside(client, cnn, "conv9"), 422, "layer-unknown"),
        (inside(client, cnn, "conv9", picture), 422, "layer-unknown"),
        (inside(client, cnn, "flatten"), 422, "layer-unknown"),
        (inside(client, cnn, "x" * 500), 422, "page-request"),
        (inside(client, cnn, "conv1", picture[:200]), 409, "picture-damaged"),
        (inside(client, cnn, "conv1", b""), 409, "picture-empty"),
        (inside(client, table), 422, "predict-table"),
        (inside(client, table, None, picture), 422, "predict-table"),
        (client.get("/api/runs/0123456789abcdef/inside"), 404, "page-no-run"),
    ):
        assert answer.status_code == status
        assert answer.json()["error"]["code"] == code
        assert len(answer.json()["error"]["message"].splitlines()) == 1
