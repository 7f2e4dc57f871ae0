"""Kernels are the weights of the convolution, over the channel that one asks for."""

import numpy as np
import pytest
import torch
from torch import nn

import tiza
from tiza import explain
from tiza.config import Recipe, make
from tiza.data.dataset import Dataset
from tiza.errors import TizaError
from tiza.explain.kernels import strongest
from tiza.models.building import build


@pytest.fixture(scope="module")
def data() -> Dataset:
    return tiza.load("digits")


def test_kernels_are_the_weights(data: Dataset):
    model = build("cnn", data, channels=(5, 7), kernels=3, strides=1)
    first, second = explain.kernels(model), explain.kernels(model, "conv2")
    assert np.array_equal(first.weights, model.get_submodule("body.conv1").weight.detach().numpy())
    assert np.array_equal(second.weights, model.get_submodule("body.conv2").weight.detach().numpy())
    assert (first.layer, first.colour, second.weights.shape) == ("conv1", False, (7, 5, 3, 3))
    norms = torch.linalg.vector_norm(model.get_submodule("body.conv2").weight.detach().double().flatten(1), dim=1)
    assert second.strength == pytest.approx(norms.numpy())
    first.weights[:] = 0
    assert explain.kernels(model).weights.any(), "what one does to them does nothing to the model"


def test_over_several_channels_each_is_shown_over_its_strongest_or_the_one_asked_for(data: Dataset):
    model = build("cnn", data, channels=(5, 7), kernels=3, strides=1)
    of = explain.kernels(model, "conv2")
    for k, (channel, values) in enumerate(zip(of.channels, of.slices, strict=True)):
        sizes = [np.square(of.weights[k, c]).sum() for c in range(5)]
        assert sizes[channel] == max(sizes)
        assert np.array_equal(values, of.weights[k, channel])
    asked = explain.kernels(model, "conv2", channel=3)
    assert np.array_equal(asked.slices, of.weights[:, 3])
    assert asked.channels.tolist() == [3] * 7


def test_the_first_over_red_green_and_blue_is_in_colour():
    model = nn.Sequential(nn.Conv2d(3, 4, 5), nn.ReLU(), nn.Conv2d(4, 3, 3), nn.Conv2d(3, 2, 1))
    assert explain.kernels(model).colour
    assert not explain.kernels(model, "3").colour, "three channels, but not of a picture"


def test_kernels_of_a_run_are_those_it_ended_with(tmp_path):
    recipe = make(Recipe, {"data": {"name": "digits", "limit": 200}, "model": "cnn", "plan": {"epochs": 1}})
    run = tiza.fit(recipe, run=tmp_path / "run")
    model = tiza.runs.restore(run).model
    assert np.array_equal(explain.kernels(run).weights, model.get_submodule("body.conv1").weight.detach().numpy())
    told = explain.kernels(run.path).to_dict()
    assert np.array_equal(np.array(told["weights"], np.float32), explain.kernels(run).weights)


def test_what_has_no_such_kernels_says_so(data: Dataset):
    model = build("cnn", data)
    for of, asked, code, said in (
        (build("mlp", data), {}, "no-convolution", "tiza explain units"),
        (build("mlp", data), {"layer": "linear1"}, "no-convolution", "no convolution"),
        (model, {"layer": "conv9"}, "layer-unknown", "conv1, conv2"),
        (model, {"layer": "relu1"}, "layer-unknown", "conv1, conv2"),
        (model, {"layer": "conv2", "channel": 16}, "kernel-channel", "0 to 15"),
        (model, {"channel": -1}, "kernel-channel", "0 to 0"),
    ):
        with pytest.raises(TizaError, match=said) as caught:
            explain.kernels(of, **asked)
        assert (caught.value.code, caught.value.exit_code) == (code, 2)


def test_the_strongest_keep_their_order():
    assert strongest(np.array([1.0, 5, 2, 5, 0]), 3).tolist() == [1, 2, 3]
    assert strongest(np.array([1.0, 2]), 9).tolist() == [0, 1]
