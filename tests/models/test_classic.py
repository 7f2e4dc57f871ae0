"""tiza.models.classic and resnet: the networks with a name are those of torchvision and of their papers."""

from pathlib import Path

import pytest
import torch
from torch import nn

import tiza
from tiza.config import Recipe, make
from tiza.errors import RequestError
from tiza.i18n import set_language
from tiza.models import build, parameters_of
from tiza.models.building import body_of
from tiza.models.layers import Dropout

NARROW = {"lenet": {}, "alexnet": {"width": 8}, "vgg": {"width": 8}, "nin": {"width": 24}, "resnet18": {"width": 8}}
SMALLEST = {"lenet": 12, "alexnet": 15, "vgg": 8, "nin": 7, "resnet18": 1}
IMAGENET = (3, 224, 224)


def shapes(model: nn.Module) -> list[tuple[int, ...]]:
    return [tuple(parameter.shape) for parameter in model.parameters()]


@pytest.mark.parametrize(
    ("name", "options", "peer"),
    [("alexnet", {"batch_norm": False}, "alexnet"), ("vgg", {}, "vgg16_bn"), ("vgg", {"batch_norm": False}, "vgg16"),
     ("vgg", {"blocks": (1, 1, 2, 2, 2)}, "vgg11_bn"), ("resnet18", {}, "resnet18")],
)  # fmt: skip
def test_for_large_images_the_weights_have_torchvisions_shapes(name: str, options: dict[str, object], peer: str):
    from torchvision import models

    with torch.device("meta"):
        ours, theirs = body_of(name, IMAGENET, 1000, **options), getattr(models, peer)(num_classes=1000)
    assert shapes(ours) == shapes(theirs)
    assert parameters_of(ours) == parameters_of(theirs)


@pytest.mark.parametrize(("name", "options"), [("alexnet", {"batch_norm": False}), ("resnet18", {})])
def test_with_torchvisions_weights_the_answers_are_torchvisions(name: str, options: dict[str, object]):
    from torchvision import models

    torch.manual_seed(1)
    theirs = getattr(models, name)(num_classes=10).eval()
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight.data, module.bias.data, module.running_mean, module.running_var):
                values.uniform_(0.5, 1.5)  # type: ignore[union-attr]
    ours = body_of(name, IMAGENET, 10, init="zeros", **options).eval()
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    x = torch.randn(1, *IMAGENET)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize(
    ("name", "shape", "classes", "options", "parameters"),
    [
        ("lenet", (1, 28, 28), 10, {"batch_norm": False}, 61_706),
        ("nin", (3, 32, 32), 10, {"batch_norm": False, "width": 192}, 966_986),
        ("nin", IMAGENET, 1000, {"batch_norm": False}, 7_595_176),
        ("resnet18", (3, 32, 32), 10, {"width": 64}, 11_173_962),
    ],
)
def test_a_network_has_its_number_of_parameters(
    name: str, shape: tuple[int, ...], classes: int, options: dict[str, object], parameters: int
):
    with torch.device("meta"):
        assert parameters_of(body_of(name, shape, classes, **options)) == parameters


@pytest.mark.parametrize("name", NARROW)
@pytest.mark.parametrize(
    ("shape", "classes"),
    [((1, 28, 28), 10), ((3, 32, 32), 5), ((2, 33, 47), 3), ((3, 64, 64), 7), ((1, 97, 80), 2), ((3, 150, 20), 4)],
)
def test_images_of_any_size_give_one_logit_per_class(name: str, shape: tuple[int, ...], classes: int):
    body = body_of(name, shape, classes, **NARROW[name])
    logits = body(torch.randn(2, *shape))
    assert logits.shape == (2, classes)
    logits.sum().backward()
    assert all(parameter.grad is not None for parameter in body.parameters())


@pytest.mark.parametrize("name", NARROW)
def test_the_smallest_images_are_taken_and_smaller_ones_refused(name: str):
    smallest = SMALLEST[name]
    assert body_of(name, (1, smallest, 30), 3, **NARROW[name])(torch.randn(2, 1, smallest, 30)).shape == (2, 3)
    if smallest > 1:
        with pytest.raises(RequestError) as caught:
            body_of(name, (1, 30, smallest - 1), 3, **NARROW[name])
        assert (caught.value.code, caught.value.where) == ("image-too-small", "model.name")
        assert f"{smallest}×{smallest}" in str(caught.value)
        set_language("es")
        assert f"30×{smallest - 1}" in str(caught.value)


def test_more_blocks_need_larger_images():
    assert body_of("vgg", (1, 16, 16), 3, blocks=(1, 1, 1, 1), width=4)(torch.zeros(2, 1, 16, 16)).shape == (2, 3)
    with pytest.raises(RequestError) as caught:
        body_of("vgg", (1, 16, 16), 3, blocks=(1, 1, 1, 1, 1))
    assert caught.value.fields["smallest"] == 32


@pytest.mark.parametrize("name", NARROW)
def test_tables_are_refused(name: str):
    with pytest.raises(RequestError) as caught:
        build(name, tiza.load("iris"))
    assert caught.value.code == "needs-images"
    assert caught.value.fields["name"] == name


@pytest.mark.parametrize(
    ("name", "options", "where"),
    [("vgg", {"blocks": (0,)}, "model.blocks"), ("vgg", {"width": 0}, "model.width"),
     ("nin", {"dropout": 1}, "model.dropout"), ("lenet", {"init": "xavier"}, "model.init"),
     ("resnet18", {"width": "wide"}, "model.width"), ("alexnet", {"batch_norm": "perhaps"}, "model.batch_norm"),
     ("resnet18", {"depth": 18}, "model.depth")],
)  # fmt: skip
def test_wrong_options_are_refused_by_their_field(name: str, options: dict[str, object], where: str):
    with pytest.raises(RequestError) as caught:
        body_of(name, (1, 28, 28), 10, **options)
    assert caught.value.where == where


def test_layers_are_named_by_what_they_are():
    def names(name: str, **options: object) -> list[str]:
        return [layer for layer, _ in body_of(name, (1, 28, 28), 10, **options).named_children()]

    assert names("lenet")[:8] == ["conv1", "pool1", "norm1", "relu1", "conv2", "pool2", "norm2", "relu2"]
    assert names("alexnet", batch_norm=False, dropout=0) == [
        "conv1", "pool1", "relu1", "conv2", "pool2", "relu2", "conv3", "relu3", "conv4", "relu4", "conv5", "pool5",
        "relu5", "flatten", "dense_linear1", "dense_relu1", "dense_linear2", "dense_relu2", "logits",
    ]  # fmt: skip
    assert names("vgg", blocks=(1, 2))[:10] == [
        "conv1_1", "norm1_1", "pool1_1", "relu1_1", "conv2_1", "norm2_1", "relu2_1", "conv2_2", "norm2_2", "pool2_2",
    ]  # fmt: skip
    assert names("nin", batch_norm=False)[-6:] == ["relu3_1", "conv3_2", "relu3_2", "conv3_3", "mean", "logits"]
    assert names("resnet18") == ["conv1", "norm1", "relu1", *(f"stage{i}" for i in range(1, 5)), "mean", "flatten",
                                 "logits"]  # fmt: skip


def test_pooling_before_the_relu_is_the_same_function():
    """Also in training, where the statistics of batch norm are taken before pooling, as in the papers."""
    body = body_of("vgg", (1, 12, 12), 3, blocks=(1, 2), width=4, dropout=0)
    part = dict(body.named_children())
    usual = nn.Sequential(
        part["conv1_1"], part["norm1_1"], nn.ReLU(), nn.MaxPool2d(2),
        part["conv2_1"], part["norm2_1"], nn.ReLU(), part["conv2_2"], part["norm2_2"], nn.ReLU(), nn.MaxPool2d(2),
        *list(body)[-6:],
    )  # fmt: skip
    x = torch.randn(5, 1, 12, 12)
    assert torch.equal(body(x), usual(x))


def test_a_residual_block_adds_what_came_in():
    body = body_of("resnet18", (1, 28, 28), 10, width=4).eval()
    block = dict(body.named_modules())["stage1.block2"]
    nn.init.zeros_(block.conv2.weight)  # type: ignore[arg-type]
    x = torch.randn(2, 4, 9, 9)
    assert torch.equal(block(x), x.relu())


@pytest.mark.parametrize(("name", "expected"), [("alexnet", [0.3] * 2), ("vgg", [0.3] * 2), ("nin", [0.3] * 2)])
def test_dropout_has_its_share(name: str, expected: list[float]):
    body = body_of(name, (1, 28, 28), 10, dropout=0.3)
    assert [module.p for module in body.modules() if isinstance(module, Dropout)] == expected


@pytest.mark.parametrize("name", NARROW)
def test_it_learns_digits_from_a_few_hundred(name: str, tmp_path: Path):
    recipe = {
        "data": {"name": "mnist", "limit": 800, "valid": 200},
        "model": {"name": name, **NARROW[name]} | ({"dropout": 0.1} if name in ("alexnet", "vgg", "nin") else {}),
        "plan": {"epochs": 4, "batch_size": 32, "lr": 5e-3, "schedule": "one-cycle", "threads": 1},
    }
    run = tiza.fit(make(Recipe, recipe), run=tmp_path / "run")
    assert run.history()[-1].valid["accuracy"][0] > 0.6
