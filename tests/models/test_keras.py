"""A Keras model on torch is trained, judged, saved and taken up again like any module."""

import copy
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

os.environ["KERAS_BACKEND"] = "torch"
import keras
from keras import layers

import tiza
from tiza import runs
from tiza.data.dataset import Dataset
from tiza.errors import TizaError
from tiza.models.keras import Adopted

ENDED: dict[str, Any] = {"epochs": 2, "batch_size": 32, "lr": 0.01, "optimizer": "adam", "threads": 1, "device": "cpu"}


@pytest.fixture(scope="module")
def data() -> Dataset:
    return tiza.load("mnist", limit=1500, valid=300, scale="unit")


def softmax_001(*shape: int) -> Any:
    return keras.Sequential([layers.Input(shape or (28, 28)), layers.Flatten(), layers.Dense(10)])


def deep() -> Any:
    parts = [layers.Input((28, 28, 1)), layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization()]
    return keras.Sequential([*parts, layers.Flatten(), layers.Dropout(0.5), layers.Dense(10)])


def test_document_001s_network_learns_what_tizas_own_learns(data: Dataset, tmp_path: Path):
    ours, theirs = tiza.build("softmax", data), softmax_001()
    with torch.no_grad():
        theirs.layers[-1].kernel.value.copy_(ours.get_parameter("body.logits.weight").T)
        theirs.layers[-1].bias.value.copy_(ours.get_parameter("body.logits.bias"))
    one, two = (
        tiza.fit(ours, data, ENDED, run=tmp_path / "ours"),
        tiza.fit(theirs, data, ENDED, run=tmp_path / "theirs"),
    )
    for a, b in zip(one.history(), two.history(), strict=True):
        assert a.train["loss"] == pytest.approx(b.train["loss"], rel=1e-4)
    torch.testing.assert_close(theirs.layers[-1].kernel.value.T, ours.get_parameter("body.logits.weight"))


def test_it_is_evaluated_and_restored_with_a_model_of_the_same_make(data: Dataset, tmp_path: Path):
    run = tiza.fit(deep(), data, ENDED, run=tmp_path / "run")
    with pytest.raises(TizaError) as caught:
        runs.restore(run)
    assert caught.value.code == "external-model"
    report = tiza.evaluate(run, model=deep(), sealed=True)
    assert report.splits["valid"] is not None
    assert report.splits["valid"]["accuracy"] == pytest.approx(run.history()[-1].valid["accuracy"][0])
    answer = tiza.Predictor(run, model=deep())(data.train.x[0].numpy())
    assert answer.probability is not None


def test_dropout_and_batch_norm_are_in_training_only_while_it_trains(data: Dataset):
    model = tiza.build(deep(), data)
    x = data.train.x[:64]
    means = next(p for name, p in model.named_parameters() if name.endswith("moving_mean")).clone()
    model.train()
    assert not torch.allclose(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))
    after = next(p for name, p in model.named_parameters() if name.endswith("moving_mean"))
    assert not torch.equal(means, after)
    assert not after.requires_grad


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1), (1, 28, 28), (784,), (None, None, 1)], ids=str)
def test_every_layout_that_a_keras_input_may_have_gets_the_same_pixels(shape: tuple[Any, ...], data: Dataset):
    if None in shape:
        model = keras.Sequential([layers.Input(shape), layers.GlobalAveragePooling2D(), layers.Dense(10)])
        assert tiza.build(model, data)(data.train.x[:3]).shape == (3, 10)
        return
    wanted, other = tiza.build(softmax_001(28, 28), data), tiza.build(softmax_001(*shape), data)
    other.load_state_dict(wanted.state_dict())
    assert torch.equal(wanted(data.train.x[:5]), other(data.train.x[:5]))


def test_a_model_without_an_input_takes_images_as_keras_does(data: Dataset):
    model = tiza.build(keras.Sequential([layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(10)]), data)
    assert model(data.train.x[:2]).shape == (2, 10)


def test_a_copy_is_apart(data: Dataset):
    model = tiza.build(deep(), data).eval()
    clone = copy.deepcopy(model)
    x = data.train.x[:4]
    assert torch.equal(clone(x), model(x))
    with torch.no_grad():
        for parameter in clone.parameters():
            parameter.add_(torch.ones_like(parameter))
    assert not torch.allclose(clone(x), model(x))


def test_each_weight_is_named_once_whatever_was_made_before_it():
    names = [list(Adopted(deep(), (1, 28, 28)).state_dict()) for _ in range(2)]
    assert names[0] == names[1]
    assert len(names[0]) == len(deep().variables)


@pytest.mark.parametrize("end", [[layers.Dense(10, activation="softmax")], [layers.Dense(10), layers.Softmax()]])
def test_a_softmax_at_the_end_is_refused_with_the_reason(end: list[Any], data: Dataset):
    model = keras.Sequential([layers.Input((28, 28)), layers.Flatten(), *end])
    with pytest.raises(TizaError, match="logits") as caught:
        tiza.fit(model, data, ENDED)
    assert (caught.value.code, caught.value.where) == ("keras-softmax", model.layers[-1].name)


def test_another_shape_is_told(data: Dataset):
    with pytest.raises(TizaError) as caught:
        tiza.build(softmax_001(32, 32), data)
    assert caught.value.code == "model-input"


FILE = """
import keras
from keras import layers

model = keras.Sequential([layers.Input((28, 28)), layers.Flatten(), layers.Dense(10)])
"""


def command(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    (folder / "my_keras.py").write_text(FILE)
    hidden = {key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"}
    environment = hidden | {"TIZA_HOME": str(folder / "home"), "TIZA_LANG": "en"} | more
    return subprocess.run(
        [sys.executable, "-m", "tiza.cli", *words], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_the_command_trains_it_the_same_from_the_same_seed(tmp_path: Path):
    few = ["--set", "data.limit=600", "--set", "data.valid=100", "--set", "plan.epochs=1", "--sealed", "--json"]
    said = [command(tmp_path, "train", "mnist", "--model", "my_keras.py:model", *few) for _ in range(2)]
    assert said[0].returncode == 0, said[0].stderr
    first, second = (json.loads(one.stdout) for one in said)
    assert first["valid"] == second["valid"]
    asked = ["evaluate", "last", "--model", "my_keras.py:model", "--sealed", "--json"]
    assert json.loads(command(tmp_path, *asked).stdout)["valid"]["accuracy"] == first["valid"]["accuracy"]


@pytest.mark.skipif(find_spec("tensorflow") is None, reason="no other backend is installed")
def test_another_backend_is_refused_in_a_sentence(tmp_path: Path):
    said = command(tmp_path, "train", "mnist", "--model", "my_keras.py:model", KERAS_BACKEND="tensorflow")
    assert said.returncode == 2
    assert "KERAS_BACKEND=torch" in said.stderr
    assert "tensorflow" in said.stderr
    assert "Traceback" not in said.stderr


def test_it_is_exported_to_onnx_and_answers_without_keras(data: Dataset, tmp_path: Path):
    model = deep()
    run = tiza.fit(model, data, ENDED, run=tmp_path / "run")
    wanted = tiza.Predictor(run, model=model).predict(data.train.x[:20].numpy())
    path = tiza.export(run, to="onnx", path=tmp_path / "keras.onnx", model=model)
    for found, answer in zip(tiza.Predictor(path).predict(data.train.x[:20].numpy()), wanted, strict=True):
        assert found.probabilities == pytest.approx(answer.probabilities, abs=1e-5)
