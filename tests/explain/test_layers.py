"""Layers are found by the names that shapes prints, and what comes out of them is what the model computes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import tiza
from tiza.data.dataset import Dataset
from tiza.errors import TizaError
from tiza.explain.layers import answers, last_of, layer_of, layers_of, outputs_of
from tiza.explain.watching import look
from tiza.models.building import build


@pytest.fixture(scope="module")
def data() -> Dataset:
    return tiza.load("mnist", limit=300)


@pytest.mark.parametrize("name", ["softmax", "mlp", "cnn", "resnet18"])
def test_the_names_are_those_of_shapes(data: Dataset, name: str):
    model = build(name, data)
    rows = tiza.explain.shapes(model.get_submodule("body"), data.shape)
    assert {row.name for row in rows} <= set(layers_of(model))


def test_the_outputs_of_all_layers_are_those_of_the_layers_one_after_another(data: Dataset):
    model = build("cnn", data).eval()
    names, x = list(layers_of(model)), data.train.x[:3]
    found = outputs_of(model, names, x)
    value = model.get_submodule("normalise")(x)
    for name in names:
        value = layer_of(model, name)(value)
        assert torch.equal(value, found[name])
    assert torch.equal(answers(model, x, at_once=2), torch.cat([model(x[:2]), model(x[2:])]).double())


def test_a_layer_that_does_not_exist_is_told_with_those_that_do(data: Dataset):
    model = build("mlp", data)
    with pytest.raises(TizaError, match=r"conv9.*linear1.*logits") as caught:
        layer_of(model, "conv9")
    assert caught.value.code == "layer-unknown"
    with pytest.raises(TizaError, match="–"):
        layer_of(model, "linear1", of=nn.Conv2d)
    assert last_of(model, nn.Conv2d) is None
    assert last_of(model, nn.Linear) == "logits"


def test_a_model_that_is_one_layer_has_a_name():
    assert list(layers_of(nn.Linear(2, 2))) == ["model"]


def test_a_sample_a_file_and_an_array_are_looked_at(data: Dataset):
    model = build("mlp", data)
    sample = look(model, 3, data=data)
    assert torch.equal(sample.x, data.open_valid("test").x[3])
    assert sample.label == int(data.open_valid("test").y[3])
    array = look(model, sample.x.numpy(), data=data)
    assert torch.equal(array.x, sample.x)
    assert array.label is None
    file = look(model, Path("examples/pen.png"), data=data)
    assert file.x.shape == (1, 28, 28)
    assert file.x.dtype == torch.uint8
    assert file.name == "pen.png"


def test_test_samples_are_not_looked_at_one_by_one(data: Dataset):
    for look_at in (look, tiza.explain.maps, tiza.explain.saliency_maps, tiza.explain.neighbours):
        with pytest.raises(TizaError) as caught:
            look_at(build("cnn", data), 0, data=data, split="test")
        assert caught.value.code == "answer-split"


def test_what_cannot_be_looked_at_is_told(data: Dataset, tmp_path: Path):
    from PIL import Image

    model = build("mlp", data)
    Image.fromarray(np.full((60, 60), 255, np.uint8)).save(tmp_path / "white.png")
    bad: list[tuple[Any, str]] = [
        (tmp_path / "white.png", "no-digit"),
        (tmp_path / "none.png", "picture-missing"),
        (np.zeros((2, 2), np.uint8), "predict-shape"),
        (-1, "no-answer"),
        (10**6, "no-answer"),
    ]
    for what, code in bad:
        with pytest.raises(TizaError) as caught:
            look(model, what, data=data)
        assert caught.value.code == code
