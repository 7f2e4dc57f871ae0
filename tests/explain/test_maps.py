"""Feature maps are what a layer gives for the picture, and the heat is where they are large."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import tiza
from tiza import explain
from tiza.config import Recipe, make
from tiza.data.dataset import Dataset
from tiza.errors import TizaError
from tiza.explain.layers import layer_of
from tiza.explain.maps import first_layer
from tiza.models.building import build


@pytest.fixture(scope="module")
def data() -> Dataset:
    return tiza.load("mnist", limit=300)


def hooked(model: nn.Module, layer: str, x: Tensor) -> np.ndarray:
    """What torch's own hook sees come out of the layer for one sample."""
    seen: list[Tensor] = []
    hook = layer_of(model, layer).register_forward_hook(lambda _m, _i, out: seen.append(out))
    with torch.no_grad():
        model.eval()(x[None])
    hook.remove()
    return seen[0][0].numpy()


@pytest.mark.parametrize("layer", ["conv1", "norm1", "relu1", "conv2", "flatten", "dense_linear1", "logits"])
@pytest.mark.parametrize("split", ["train", "valid"])
def test_maps_are_what_a_hook_sees(data: Dataset, layer: str, split: str):
    model = build("cnn", data)
    samples = data.train if split == "train" else data.open_valid("test")
    of = explain.maps(model, 4, layer, split=split, data=data)
    assert np.array_equal(of.values, hooked(model, layer, samples.x[4]))
    assert np.array_equal(of.image, samples.x[4].numpy())
    with torch.no_grad():
        chances = model.eval()(samples.x[4:5])[0].double().softmax(-1)
    assert (of.answer, of.label) == (str(int(chances.argmax())), str(int(samples.y[4])))
    assert of.probability == pytest.approx(float(chances.max()))
    assert of.are_maps == (layer not in ("flatten", "dense_linear1", "logits"))
    assert of.strength == pytest.approx([np.abs(values).max() for values in of.values])
    assert of.strongest == int(np.argmax([np.abs(values).max() for values in of.values]))


def test_blocks_have_maps_too_and_the_first_convolution_is_meant_where_none_is_named(data: Dataset):
    model = build("resnet18", data, width=4)
    of = explain.maps(model, 0, "stage2.block1", data=data)
    assert of.values.shape == (8, 14, 14)
    assert np.array_equal(of.values, hooked(model, "stage2.block1.relu2", data.open_valid("test").x[0]))
    assert explain.maps(model, 0, data=data).layer == first_layer(model) == "conv1"
    assert first_layer(build("mlp", data)) == "linear1"
    assert first_layer(nn.Sequential(nn.Flatten(), nn.ReLU())) == "0"


def test_heat_is_the_mean_size_of_the_maps_brought_to_the_pictures_pixels(data: Dataset):
    of = explain.maps(build("cnn", data), 0, "conv2", data=data)
    sizes = torch.from_numpy(np.abs(of.values)).mean(0)[None, None]
    over = F.interpolate(sizes, (28, 28), mode="bilinear")[0, 0]
    assert of.heat() == pytest.approx(((over - sizes.min()) / (sizes.max() - sizes.min())).numpy(), abs=1e-6)
    assert 0 <= of.heat().min() < 0.2 < 0.8 < of.heat().max() <= 1
    row, column = divmod(int(np.abs(of.values[3]).argmax()), 7)
    hot = np.unravel_index(of.heat(3).argmax(), (28, 28))
    assert abs(hot[0] // 4 - row) <= 1
    assert abs(hot[1] // 4 - column) <= 1
    even = explain.Maps("even", np.ones((2, 3, 3), np.float32), of.image, "", None, "", 1.0)
    assert not even.heat().any(), "what is the same everywhere is nowhere large"


def test_of_a_picture_and_its_mirror_image_the_maps_are_the_pictures(data: Dataset):
    plain, mirrored = (build("cnn", data, mirrored=both) for both in (False, True))
    for layer in ("conv1", "relu2", "logits"):
        one, other = (explain.maps(model, 2, layer, data=data).values for model in (plain, mirrored))
        assert one == pytest.approx(other, abs=1e-6)


def test_a_picture_file_and_an_array_have_maps_and_the_model_is_left_alone(data: Dataset):
    model = build("cnn", data).train()
    of = explain.maps(model, Path("examples/pen.png"), "relu1", data=data)
    assert (of.name, of.label, of.image.shape) == ("pen.png", None, (1, 28, 28))
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())
    again = explain.maps(model, of.image, "relu1", data=data)
    assert np.array_equal(again.values, of.values)


def test_maps_of_a_run(tmp_path: Path):
    recipe = make(Recipe, {"data": {"name": "digits", "limit": 200}, "model": "cnn", "plan": {"epochs": 1}})
    run = tiza.fit(recipe, run=tmp_path / "run")
    told = explain.maps(run.path, 1).to_dict()
    model, x = tiza.runs.restore(run).model, tiza.load(recipe.data).open_valid("test").x[1]
    assert np.array_equal(np.array(told["values"], np.float32), hooked(model, "conv1", x))
    assert np.array(told["heat"]).shape == (8, 8)


class Odd(nn.Module):
    """A layer that is never asked, and one that gives sequences."""

    def __init__(self) -> None:
        super().__init__()
        self.unused, self.rows, self.out = nn.Linear(2, 2), nn.Linear(28, 4), nn.Linear(112, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.rows(x.float()[:, 0]).flatten(1))


def test_what_has_no_maps_says_so(data: Dataset, tmp_path: Path):
    from PIL import Image

    (tmp_path / "half.png").write_bytes(Path("examples/pen.png").read_bytes()[:300])
    Image.fromarray(np.full((40, 40), 255, np.uint8)).save(tmp_path / "white.png")
    iris, model = tiza.load("iris"), build("cnn", data)
    for of, what, layer, where, code in (
        (build("mlp", iris), 0, None, iris, "maps-table"),
        (model, 0, "conv9", data, "layer-unknown"),
        (Odd(), 0, "unused", data, "layer-silent"),
        (Odd(), 0, "rows", data, "layer-form"),
        (model, 10**6, None, data, "no-answer"),
        (model, -1, None, data, "no-answer"),
        (model, tmp_path / "none.png", None, data, "picture-missing"),
        (model, tmp_path / "half.png", None, data, "picture-damaged"),
        (model, tmp_path / "white.png", None, data, "no-digit"),
        (build("mlp", iris), tmp_path / "white.png", None, iris, "predict-table"),
    ):
        with pytest.raises(TizaError) as caught:
            explain.maps(of, what, layer, data=where)
        assert caught.value.code == code, str(caught.value)
        assert "\n" not in str(caught.value)
