"""tiza.export: one file that says what it is, written whole or not at all."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import tiza
from tiza import runs, storage
from tiza.config import Recipe, make
from tiza.errors import TizaError
from tiza.exports.writing import samples_of, written


def fitted(folder: Path, data: dict, model: dict, **plan: object) -> runs.Run:
    recipe = {"data": data, "model": model, "plan": {"epochs": 1, "threads": 1, "probe": 0, "device": "cpu", **plan}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIZA_HOME", str(folder / "home"))
        return tiza.fit(make(Recipe, recipe), run=folder / "run")


@pytest.fixture(scope="module")
def iris(tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    return fitted(tmp_path_factory.mktemp("iris"), {"name": "iris"}, {"name": "mlp", "hidden": [8]}, epochs=10, lr=0.01)


def test_the_file_says_what_it_is_and_needs_nothing_beside_it(iris: runs.Run, tmp_path: Path):
    import onnx
    import onnxruntime

    path = tiza.export(iris, "onnx", tmp_path / "sub" / "iris.onnx")
    assert path == tmp_path / "sub" / "iris.onnx"
    assert [each.name for each in path.parent.iterdir()] == ["iris.onnx"]
    proto = onnx.load(path, load_external_data=False)
    onnx.checker.check_model(proto, full_check=True)
    assert [(each.domain, each.version) for each in proto.opset_import] == [("", 18)]
    assert not any(tensor.external_data for tensor in proto.graph.initializer)
    said = {entry.key: entry.value for entry in proto.metadata_props}
    assert json.loads(said["classes"]) == ["setosa", "versicolor", "virginica"]
    assert json.loads(said["shape"]) == [4]
    assert json.loads(said["form"])["form"] == "table"
    assert json.loads(said["fingerprint"]) == iris.facts.fingerprint
    assert str(Path(__file__).parents[2]).encode() not in path.read_bytes()  # no lines of code with their paths

    whole = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,), (answered,) = whole.get_inputs(), whole.get_outputs()
    assert (given.name, given.type, given.shape[1:]) == ("samples", "tensor(float)", [4])
    assert (answered.name, answered.shape[1:]) == ("logits", [3])
    assert isinstance(given.shape[0], str)


def test_pictures_are_given_as_bytes(tmp_path: Path):
    import onnxruntime

    path = tiza.export(fitted(tmp_path, {"name": "digits", "limit": 100}, {"name": "softmax"}), "onnx")
    (given,) = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).get_inputs()
    assert (given.type, given.shape[1:]) == ("tensor(uint8)", [1, 8, 8])


def test_the_same_run_gives_the_same_bytes(iris: runs.Run, tmp_path: Path):
    one, other = (tiza.export(iris, "onnx", tmp_path / name).read_bytes() for name in ("a.onnx", "b.onnx"))
    assert one == other


def test_where_the_data_is_gone_samples_are_drawn(tmp_path: Path):
    look = tiza.load("digits").train
    run = tiza.fit(
        tiza.build("softmax", data := tiza.load((look.x.numpy(), look.y.numpy()))),
        data, {"epochs": 1, "threads": 1}, run=tmp_path / "run",
    )  # fmt: skip
    restored = runs.restore(run)
    drawn = samples_of(run, restored.model, restored.manifest.shape)
    assert (drawn.dtype, drawn.shape) == (torch.uint8, (1_000, 1, 8, 8))
    assert written(run, "onnx").samples == 1_000


def test_a_module_of_ones_own_is_exported_with_it_and_answers_without(tmp_path: Path):
    data = tiza.load("iris")
    run = tiza.fit(nn.Linear(4, 3), data, {"epochs": 2, "threads": 1}, run=tmp_path / "run")
    with pytest.raises(TizaError) as caught:
        tiza.Predictor(run)
    assert caught.value.code == "external-model"
    tiza.export(run, "onnx", model=nn.Linear(4, 3))
    asked = data.train.x[:20].numpy()
    ours = tiza.Predictor(run, model=nn.Linear(4, 3)).predict(asked)
    theirs = tiza.Predictor(run).predict(asked)
    assert np.allclose([a.probabilities for a in ours], [a.probabilities for a in theirs], atol=1e-6)


def test_an_interrupted_export_leaves_a_run_that_answers(iris: runs.Run, tmp_path: Path, monkeypatch):
    tiza.export(iris, "onnx")
    before = tiza.Predictor(iris)([5.1, 3.5, 1.4, 0.2])
    write = storage.write

    def fails(path: Path, content: bytes | str) -> None:
        if path.name == "model.onnx":
            raise TizaError("disk-full", where=str(path), reason="")
        write(path, content)

    monkeypatch.setattr("tiza.storage.write", fails)
    with pytest.raises(TizaError):
        tiza.export(iris, "onnx")
    assert runs.restore(iris).manifest.files == {}
    assert tiza.Predictor(iris)([5.1, 3.5, 1.4, 0.2]).probabilities == pytest.approx(before.probabilities, abs=1e-6)


def test_what_cant_be_exported_is_told(iris: runs.Run, tmp_path: Path):
    with pytest.raises(TizaError, match=r"onnx") as caught:
        tiza.export(iris, "onxn")
    assert caught.value.code == "unknown"
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "recipe.json").write_text("{}")
    with pytest.raises(TizaError, match="begun") as caught:
        tiza.export(tmp_path / "begun", "onnx")
    assert caught.value.code == "nothing-trained"
    (tmp_path / "begun" / "checkpoint.safetensors").write_bytes(b"")
    with pytest.raises(TizaError, match="--resume") as caught:
        tiza.export(tmp_path / "begun", "onnx")
    assert caught.value.code == "export-unfinished"


@pytest.mark.parametrize("to", ["onnx", "bundle"])
def test_a_place_that_cant_be_is_told_before_anything_is_computed(iris: runs.Run, tmp_path: Path, monkeypatch, to: str):
    monkeypatch.setattr("tiza.exports.writing.stored", lambda _: pytest.fail("it was opened"))
    ending = {"onnx": "onnx", "bundle": "zip"}[to]
    (tmp_path / "file").write_text("")
    (tmp_path / f"folder.{ending}").mkdir()
    for place in (f"file/iris.{ending}", f"file/deep/iris.{ending}", f"folder.{ending}"):
        with pytest.raises(TizaError, match=place) as caught:
            tiza.export(iris, to, tmp_path / place)
        assert caught.value.code == "cannot-write"
    for place in ("iris.tiza", "iris", "file", "folder.d/iris.gz"):
        with pytest.raises(TizaError, match=rf"{place}.*{to}.*\.{ending}") as caught:
            tiza.export(iris, to, tmp_path / place)
        assert caught.value.code == "export-suffix"


def test_an_ending_in_capitals_is_one(iris: runs.Run, tmp_path: Path):
    assert tiza.Predictor(tiza.export(iris, "bundle", tmp_path / "IRIS.ZIP"))([5.1, 3.5, 1.4, 0.2]).class_
