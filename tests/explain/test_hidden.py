"""What samples look like to a layer: its own outputs, and by default those that the logits are made of."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tiza import load
from tiza.data.dataset import Dataset
from tiza.errors import TizaError
from tiza.explain.hidden import hidden
from tiza.models.building import build


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load("mnist", limit=300)


@pytest.mark.parametrize(
    ("name", "options", "layer"),
    [("mlp", {}, "relu2"), ("cnn", {}, "dense_relu1"), ("cnn", {"hidden": [], "dropout": 0.3}, "relu2"),
     ("resnet18", {"width": 4}, "mean"), ("softmax", {}, "→ logits")],
)  # fmt: skip
def test_the_logits_are_linear_in_the_last_hidden_layer(data: Dataset, name: str, options: dict, layer: str):
    model, x = build(name, data, **options).eval(), data.train.x[:7]
    found, values = hidden(model, x)
    assert found == layer
    head = model.get_submodule("body.logits")
    with torch.no_grad():
        assert head(torch.from_numpy(values)).numpy() == pytest.approx(model(x).numpy(), abs=1e-4)


def test_many_samples_are_seen_as_one_by_one(data: Dataset, monkeypatch: pytest.MonkeyPatch):
    model, x = build("mlp", data).eval(), data.train.x[:50]
    _, together = hidden(model, x, "linear1")
    monkeypatch.setattr("tiza.explain.hidden.AT_ONCE", 7)
    name, some = hidden(model, x, "linear1")
    assert name == "linear1"
    assert some == pytest.approx(together, abs=1e-4)
    with torch.no_grad():
        inputs = model.get_submodule("normalise")(x).flatten(1)
        assert together == pytest.approx(model.get_submodule("body.linear1")(inputs).numpy(), abs=1e-4)


def test_of_a_mirrored_network_it_is_the_mean_of_the_picture_and_its_mirror_image(data: Dataset):
    model, x = build("cnn", data, mirrored=True).eval(), data.train.x[:5]
    head = model.get_submodule("body.logits")
    with torch.no_grad():
        assert head(torch.from_numpy(hidden(model, x)[1])).numpy() == pytest.approx(model(x).numpy(), abs=1e-4)
    one, turned = hidden(model, x, "relu1")[1], hidden(model, x.flip(-1), "relu1")[1]
    maps = turned.reshape(5, 16, -1)
    side = int(maps.shape[-1] ** 0.5)
    assert one == pytest.approx(maps.reshape(5, 16, side, side)[..., ::-1].reshape(5, -1), abs=1e-4)


class Functional(nn.Module):
    """A network whose activations have no name, the last layer of which works in place on what it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(784, 20), nn.Linear(20, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(F.relu_(self.first(x.flatten(1) / 255)))


def test_what_enters_the_last_layer_is_told_where_no_layer_gives_it(data: Dataset):
    torch.manual_seed(0)
    model, x = Functional().eval(), data.train.x[:9]
    name, values = hidden(model, x)
    assert name == "→ last"
    before = model.first(x.flatten(1) / 255).detach()
    assert values == pytest.approx(before.relu().numpy(), abs=1e-6)
    assert hidden(model, x, "first")[1] == pytest.approx(before.numpy(), abs=1e-6)
    assert (before < 0).any()


def test_a_layer_that_is_not_there_is_told_and_no_hook_stays(data: Dataset):
    model = build("mlp", data)
    with pytest.raises(TizaError, match=r"linear9.*relu2"):
        hidden(model, data.train.x[:2], "linear9")
    hidden(model, data.train.x[:2])
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in model.modules())
    assert isinstance(hidden(nn.Linear(4, 3), torch.zeros(2, 4))[1], np.ndarray)
