"""A sample through a network, value by value: each is torch's own, of every kind of layer and of trained networks."""

import copy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import tiza
from tiza import explain
from tiza.config import Recipe, make
from tiza.errors import TizaError
from tiza.explain.calls import calls_of
from tiza.explain.layers import outputs_of
from tiza.explain.worked_layers import worked

NETWORKS: dict[str, Any] = {
    "mlp": ("mnist", {"name": "mlp", "hidden": [16, 8], "batch_norm": True}),
    "cnn": ("mnist", {"name": "cnn", "channels": [4, 6], "hidden": [16]}),
    "lenet": ("mnist", {"name": "lenet"}),
    "resnet18": ("mnist", {"name": "resnet18", "width": 2}),
    "mirrored": ("fashion-mnist", {"name": "cnn", "channels": [4, 4], "pools": [2], "hidden": [8], "mirrored": True}),
    "nin": ("mnist", {"name": "nin", "width": 4}),
    "mlp-softmax": ("mnist", {"name": "mlp-softmax", "hidden": [8]}),
    "iris": ("iris", {"name": "mlp", "hidden": [6]}),
}


@pytest.fixture(scope="module")
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tiza.runs.Run]:
    """A network of each kind, trained for a moment."""
    folder = tmp_path_factory.mktemp("runs")

    @cache
    def trained(name: str) -> tiza.runs.Run:
        source, model = NETWORKS[name]
        data = {"name": source} if source == "iris" else {"name": source, "limit": 300}
        plan = {"epochs": 1, "lr": 0.01, "optimizer": "sgd", "weight_decay": 0.1, "threads": 1, "probe": 0}
        return tiza.fit(make(Recipe, {"data": data, "model": model, "plan": plan}), run=folder / name)

    return trained


def network(run: tiza.runs.Run) -> tuple[nn.Module, Tensor, int]:
    """The run's own network in float64, and the sample that is looked at."""
    split = tiza.load(run.recipe.data).look("valid")
    return tiza.runs.restore(run).model.eval().double(), split.x[7:8].double(), int(split.y[7])


def near(value: float | None, expected: float) -> bool:
    return value is not None and abs(value - expected) <= 1e-12 * max(1, abs(expected))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_value_of_every_layer_is_the_networks_own(run_of: Callable[[str], tiza.runs.Run], name: str):
    of = explain.trace(run_of(name), 7)
    model, x, _ = network(run_of(name))
    own = [layer for layer in of.layers if layer.kind not in ("sample", "shape", "add") and layer.type != "Mirrored"]
    names = [layer.name for layer in own if layer.name != "normalise"]
    outputs: dict[str, Any] = outputs_of(model, names, x) | {"normalise": model.get_submodule("normalise")(x)}
    assert len(own) >= 4
    for layer in own:
        assert layer.after == tuple(outputs[layer.name].shape[1:])
        assert layer.at is not None
        assert near(layer.value, outputs[layer.name][0][layer.at].item()), layer.name
    assert of.layers[0].value == x[0][of.layers[0].at].item()


def test_the_two_ways_of_a_residual_block_are_added(run_of: Callable[[str], tiza.runs.Run]):
    of, (model, x, _) = explain.trace(run_of("resnet18"), 7), network(run_of("resnet18"))
    sums = {layer.name: layer for layer in of.layers if layer.kind == "add"}
    assert list(sums) == [f"stage{stage}.block{block}.add" for stage in range(1, 5) for block in (1, 2)]
    for name, layer in sums.items():
        seen: list[Tensor] = []
        block = model.get_submodule(f"body.{name.removesuffix('.add')}")
        block.relu2.register_forward_pre_hook(lambda _m, inputs, seen=seen: seen.append(inputs[0]))
        model(x)
        assert near(layer.value, seen[0][0][layer.at].item())
        assert [of.layers[source].name.split(".")[2] for source in layer.sources] == ["norm2", "shortcut"]


@pytest.mark.parametrize("name", ["mlp", "cnn", "resnet18", "iris", "mirrored"])
def test_what_is_followed_leads_from_the_sample_to_the_weight_that_is_updated(
    run_of: Callable[[str], tiza.runs.Run], name: str
):
    of = explain.trace(run_of(name), 7)
    for layer in of.layers:
        for k, place in enumerate(layer.places):
            source = layer.source(k)
            if source is not None and of.layers[source].at == place:
                assert layer.inputs[k] == pytest.approx(of.layers[source].value, abs=1e-12)
    assert of.update is not None
    c, j = of.update.largest
    k = next(k for k, layer in enumerate(of.layers) if layer.name == of.update.layer)
    assert (of.layers[k].at, of.layers[k].places[of.layers[k].followed]) == ((c,), (j,))
    way = [k]
    while of.layers[way[-1]].followed is not None:
        layer = of.layers[way[-1]]
        source = layer.source(layer.followed)
        assert of.layers[source].at == layer.places[layer.followed]
        way.append(source)
    assert way[-1] == 0, "it ends at a value of the sample"


@pytest.mark.parametrize("name", ["mlp", "cnn", "resnet18", "mirrored", "nin"])
def test_gradients_and_the_loss_after_are_autograds(run_of: Callable[[str], tiza.runs.Run], name: str):
    of = explain.trace(run_of(name), 7)
    model, x, label = network(run_of(name))
    logits = model(x)
    logits.retain_grad()
    loss = F.cross_entropy(logits, torch.tensor([label]))
    loss.backward()
    assert near(of.steps.loss, loss.item())
    assert of.steps.gradient[0] == pytest.approx(logits.grad[0].numpy(), abs=1e-12)
    last = model.body.logits
    if name == "nin":
        assert of.update is None
        assert of.to_dict()["slopes"] is None
    else:
        assert of.update is not None
        assert of.update.slopes == pytest.approx(last.weight.grad.numpy(), abs=1e-12)
        assert of.update.slopes == pytest.approx(np.outer(of.steps.gradient[0], of.update.inputs), abs=1e-12)
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": 0.1},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    torch.optim.SGD(groups, lr=0.01).step()
    assert near(of.after.loss, F.cross_entropy(model(x), torch.tensor([label])).item())
    if of.update:
        assert of.update.moved == pytest.approx(last.weight.detach().numpy(), abs=1e-12)


def test_a_mirrored_networks_answer_is_the_mean_of_two(run_of: Callable[[str], tiza.runs.Run]):
    of, (model, x, _) = explain.trace(run_of("mirrored"), 7), network(run_of("mirrored"))
    last = of.layers[-1]
    plain = nn.Sequential(*model.body.children())
    both = [plain(model.normalise(way))[0][last.at].item() for way in (x, x.flip(-1))]
    assert last.inputs == pytest.approx(both, abs=1e-12)
    assert near(last.value, model(x)[0][last.at].item())


LAYERS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "linear": (nn.Linear(7, 5), (7,)),
    "linear without bias, over rows": (nn.Linear(4, 3, bias=False), (2, 4)),
    "conv": (nn.Conv2d(3, 4, 3, stride=2, padding=1), (3, 7, 6)),
    "conv in groups, dilated": (nn.Conv2d(4, 6, (3, 2), padding=(2, 1), dilation=2, groups=2, bias=False), (4, 8, 8)),
    "conv that keeps the size": (nn.Conv2d(2, 3, (5, 3), padding="same"), (2, 6, 5)),
    "conv of rows": (nn.Conv1d(2, 3, 3, padding=1), (2, 6)),
    "norm": (nn.BatchNorm2d(3), (3, 4, 4)),
    "norm without weights": (nn.BatchNorm1d(5, affine=False), (5,)),
    "relu": (nn.ReLU(), (9,)),
    "relu in place": (nn.ReLU(inplace=True), (9,)),
    "leaky relu": (nn.LeakyReLU(0.2), (9,)),
    "sigmoid": (nn.Sigmoid(), (9,)),
    "tanh": (nn.Tanh(), (9,)),
    "max pool": (nn.MaxPool2d(3, 2, padding=1), (2, 7, 7)),
    "max pool, dilated, up": (nn.MaxPool2d(2, 2, dilation=2, ceil_mode=True), (2, 7, 6)),
    "mean pool": (nn.AvgPool2d(3, 2, padding=1, ceil_mode=True), (2, 6, 7)),
    "mean pool that counts no padding": (nn.AvgPool2d(3, 2, padding=1, count_include_pad=False), (2, 6, 7)),
    "mean pool by another number": (nn.AvgPool2d(2, divisor_override=3), (2, 6, 6)),
    "adaptive mean": (nn.AdaptiveAvgPool2d((3, 2)), (2, 7, 5)),
    "adaptive max": (nn.AdaptiveMaxPool2d(3), (2, 7, 5)),
    "flatten": (nn.Flatten(), (2, 3, 2)),
    "flatten in part": (nn.Flatten(2), (2, 3, 2)),
    "dropout": (nn.Dropout(0.5), (6,)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_every_value_of_a_layer_is_torchs(name: str):
    layer, shape = LAYERS[name]
    torch.manual_seed(3)
    layer = copy.deepcopy(layer).double().eval()
    for parameter in [*layer.parameters(), *(b for b in layer.buffers() if b.is_floating_point())]:
        parameter.data.uniform_(0.1, 2)
    x = torch.randn(1, *shape, dtype=torch.float64)
    expected = layer(x.clone())[0].detach()
    with torch.no_grad():
        call = calls_of(nn.Sequential(layer), x.clone())[1]
    for at in np.ndindex(*expected.shape):
        of = worked(call, at)
        assert near(of.value, expected[at].item()), at
        assert of.kind != "shape"
        for value, place in zip(of.inputs, of.places, strict=True):
            assert value == (0 if place is None else x[0][place].item())


class Own(nn.Module):
    """As people write them: functions between the layers, one of which works twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)
        self.again = nn.Conv2d(3, 3, 3, padding=1)
        self.last = nn.Linear(54, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.conv(x)))
        x = x + self.again(x)
        x = torch.cat([F.max_pool2d(self.again(x), 2), F.avg_pool2d(x, kernel_size=2)], 1)
        return self.last(F.dropout(torch.flatten(F.leaky_relu(x[:, :, :3, :3], 0.1), 1), training=self.training))


def test_a_network_of_functions_is_followed_too():
    torch.manual_seed(0)
    model, x = Own().double().eval(), torch.randn(1, 1, 8, 8, dtype=torch.float64)
    with torch.no_grad():
        calls = calls_of(model, x)
        found = {call.name: worked(call, (0,) * call.output.ndim).kind for call in calls}
        assert torch.equal(calls[-1].output, model(x)[0])
    assert found == {
        "sample": "sample", "conv": "conv", "norm": "norm", "relu": "relu", "again": "conv", "add": "add",
        "again 2": "conv", "max_pool2d": "max", "avg_pool2d": "mean", "cat": "shape", "getitem": "shape",
        "leaky_relu": "leaky-relu", "flatten": "same", "dropout": "same", "last": "dense",
    }  # fmt: skip
    assert [calls[call.sources[0]].name for call in calls if call.name in ("add", "again 2")] == ["relu", "add"]
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in model.modules())


def test_one_layer_at_one_place(run_of: Callable[[str], tiza.runs.Run]):
    run = run_of("cnn")
    model, x, _ = network(run)
    output = outputs_of(model, ["conv2"], x)["conv2"][0].detach().abs()
    (layer,) = explain.trace(run, 7, layer="conv2", unit=5, at=(2, 3)).layers
    assert (layer.at, len(layer.inputs), layer.window) == ((5, 2, 3), 36, (4, 3, 3))
    (layer,) = explain.trace(run, 7, layer="conv2").layers
    assert abs(layer.value) == pytest.approx(output.max().item())
    (layer,) = explain.trace(run, 7, layer="conv2", unit=1).layers
    assert abs(layer.value) == pytest.approx(output[1].max().item())
    (layer,) = explain.trace(run, 7, layer="conv2", at=(0, 1)).layers
    assert abs(layer.value) == pytest.approx(output[:, 0, 1].max().item())


BAD: list[tuple[dict[str, Any], str]] = [
    ({"layer": "conv9"}, "layer-unknown"),
    ({"layer": "sample"}, "layer-unknown"),
    ({"unit": 0}, "steps-which"),
    ({"at": (0, 0)}, "steps-which"),
    ({"layer": "conv2", "unit": 6}, "steps-unit"),
    ({"layer": "conv2", "unit": -1}, "steps-unit"),
    ({"layer": "conv2", "at": (7, 0)}, "steps-at"),
    ({"layer": "conv2", "at": (1,)}, "steps-at"),
    ({"layer": "conv2", "at": (0.5, 0)}, "steps-at"),
    ({"layer": "logits", "at": (1,)}, "steps-at"),
]


@pytest.mark.parametrize(("asked", "code"), BAD)
def test_what_is_not_there_is_told(run_of: Callable[[str], tiza.runs.Run], asked: dict[str, Any], code: str):
    with pytest.raises(TizaError) as caught:
        explain.trace(run_of("cnn"), 7, **asked)
    assert (caught.value.code, caught.value.exit_code) == (code, 2)
    assert "\n" not in str(caught.value)
    if code == "layer-unknown":
        assert "conv1, norm1, relu1" in str(caught.value)


def test_the_run_stays_as_it_is(run_of: Callable[[str], tiza.runs.Run]):
    run = run_of("mlp")
    before = {path: path.read_bytes() for path in Path(run.path).rglob("*") if path.is_file()}
    first, second = explain.trace(run, 7).to_dict(), explain.trace(run, 7).to_dict()
    assert first == second
    assert {path: path.read_bytes() for path in Path(run.path).rglob("*") if path.is_file()} == before
