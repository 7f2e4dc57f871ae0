"""tiza.models.conv: the convolutional network's blocks, sizes and refusals."""

import pytest
import torch
from torch import nn

import tiza
from tiza.errors import RequestError
from tiza.models import build, parameters_of
from tiza.models.building import body_of

GREY, COLOUR = (1, 28, 28), (3, 32, 32)
DOCUMENT = {
    "channels": (16, 32), "kernels": 5, "strides": 1, "padding": 2, "pools": 2, "hidden": (), "batch_norm": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "options", "parameters"),
    [
        (GREY, DOCUMENT, 28_938),
        (GREY, {}, 207_210),
        (GREY, DOCUMENT | {"batch_norm": True}, 28_938 + 16 + 32),
        (GREY, DOCUMENT | {"padding": (2, 0)}, 416 + 12_832 + 8_010),
        (GREY, DOCUMENT | {"final_pool": 1}, 416 + 12_832 + 330),
        (GREY, DOCUMENT | {"hidden": (50,)}, 416 + 12_832 + 1568 * 50 + 50 + 510),
        (COLOUR, DOCUMENT, 1_216 + 12_832 + 20_490),
        (COLOUR, DOCUMENT | {"channels": 8, "kernels": 3, "padding": 1, "pools": 1}, 224 + 8 * 1024 * 10 + 10),
        (GREY, {"channels": (4, 5, 6), "kernels": (3, 2, 1), "strides": 1, "padding": 0, "pools": (1, 2, 2), "hidden": ()},  # noqa: E501
         36 + 8 + 4 * 5 * 4 + 10 + 5 * 6 + 12 + 6 * 6 * 6 * 10 + 10),
    ],
)  # fmt: skip
def test_a_network_has_its_number_of_parameters(shape: tuple[int, ...], options: dict[str, object], parameters: int):
    body = body_of("cnn", shape, 10, **options)
    assert parameters_of(body) == parameters
    assert body.eval()(torch.zeros(2, *shape)).shape == (2, 10)


@pytest.mark.parametrize("shape", [(1, 9, 14), (2, 14, 9), (3, 7, 7), (1, 28, 28)])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("pool", [1, 2])
def test_the_sizes_reckoned_are_those_of_torch(shape: tuple[int, ...], kernel: int, stride: int, pool: int):
    options = {"channels": (2, 3), "kernels": kernel, "strides": stride, "padding": 1, "pools": pool, "hidden": 4}
    try:
        body = body_of("cnn", shape, 3, **options)
    except RequestError as error:
        if error.code != "kernel-too-large":
            raise
    else:
        assert body.eval()(torch.zeros(2, *shape)).shape == (2, 3)


def test_one_number_stands_for_all_convolutions():
    one = body_of("cnn", GREY, 10, channels=(4, 5), kernels=3, strides=1, padding=1, pools=2)
    each = body_of("cnn", GREY, 10, channels=(4, 5), kernels=(3, 3), strides=(1, 1), padding=(1, 1), pools=(2, 2))
    assert str(one) == str(each)


def test_layers_are_named_by_what_they_are():
    body = body_of("cnn", GREY, 10, **DOCUMENT | {"dropout": 0.1, "hidden": (7,)})
    assert [name for name, _ in body.named_children()] == [
        "conv1", "pool1", "relu1", "dropout1", "conv2", "pool2", "relu2", "dropout2",
        "flatten", "dense_linear1", "dense_relu1", "dense_dropout1", "logits",
    ]  # fmt: skip


@pytest.mark.parametrize(("activation", "layer"), [("relu", nn.ReLU), ("tanh", nn.Tanh), ("leaky-relu", nn.LeakyReLU)])
def test_pooling_before_the_activation_is_the_same_function(activation: str, layer: type[nn.Module]):
    body = body_of("cnn", GREY, 10, seed=3, **DOCUMENT | {"activation": activation}).eval()
    parts = dict(body.named_children())
    other = nn.Sequential(
        parts["conv1"],
        layer(),
        nn.MaxPool2d(2),
        parts["conv2"],
        layer(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        parts["logits"],
    )
    x = torch.randn(8, *GREY, generator=torch.Generator().manual_seed(0))
    assert torch.equal(body(x), other(x))


def test_a_mirrored_network_answers_for_a_picture_and_its_mirror_image_together():
    plain, mirrored = (body_of("cnn", GREY, 10, seed=3, mirrored=how) for how in (False, True))
    x = torch.randn(8, *GREY, generator=torch.Generator().manual_seed(0))
    assert torch.equal(plain(x), mirrored(x))  # in training it is the same
    plain, mirrored = plain.eval(), mirrored.eval()
    assert torch.allclose(mirrored(x), (plain(x) + plain(x.flip(3))) / 2, atol=1e-6)
    assert torch.equal(mirrored(x).argmax(1), mirrored(x.flip(3)).argmax(1))
    assert list(plain.state_dict()) == list(mirrored.state_dict())


@pytest.mark.parametrize(
    ("options", "layer", "kernel"),
    [
        ({"channels": (4,), "kernels": 29, "strides": 1, "padding": 0, "pools": 1}, "conv1", 29),
        ({"channels": (4, 4), "kernels": (5, 9), "strides": (4, 1), "padding": 0, "pools": 1}, "conv2", 9),
        ({"channels": (4,) * 6, "kernels": 3, "strides": 1, "padding": 1, "pools": 2}, "conv5", 3),
        ({"channels": (4, 4), "kernels": 1, "strides": 1, "padding": 0, "pools": (1, 29)}, "conv2", 1),
    ],
)
def test_a_kernel_larger_than_what_reaches_it_is_refused(options: dict[str, object], layer: str, kernel: int):
    with pytest.raises(RequestError) as caught:
        body_of("cnn", GREY, 10, **options)
    assert caught.value.code == "kernel-too-large"
    assert caught.value.fields == {"layer": layer, "kernel": kernel}
    assert caught.value.where == f"model.kernels[{int(layer[-1]) - 1}]"


@pytest.mark.parametrize("name", ["kernels", "strides", "padding", "pools"])
@pytest.mark.parametrize("values", [(1, 1), (1, 1, 1, 1), ()])
def test_lists_are_as_long_as_there_are_convolutions(name: str, values: tuple[int, ...]):
    options = {"kernels": 3, "strides": 1, "padding": 1, "pools": 1} | {name: values}
    with pytest.raises(RequestError) as caught:
        body_of("cnn", GREY, 10, channels=(4, 4, 4), **options)
    assert caught.value.code == "per-block"
    assert caught.value.where == f"model.{name}"
    assert caught.value.fields == {"name": name, "n": len(values), "blocks": 3}


def test_tables_are_refused():
    with pytest.raises(RequestError) as caught:
        build("cnn", tiza.load("iris"))
    assert caught.value.code == "needs-images"
    assert caught.value.where == "model.name"
