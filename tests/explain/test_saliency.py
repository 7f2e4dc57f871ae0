"""Saliency: equal to Captum, complete, per raw unit; of tables too; and what can't be explained is told."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import InputXGradient, IntegratedGradients, LayerAttribution, LayerGradCam, Occlusion
from captum.attr import Saliency as Captums
from torch import Tensor, nn

from tiza import explain, fit, load
from tiza.config import Recipe, make
from tiza.data.dataset import Dataset
from tiza.errors import TizaError
from tiza.explain.attributions import map_layers
from tiza.explain.layers import layer_of
from tiza.explain.saliency import background
from tiza.explain.watching import look
from tiza.models.building import build
from tiza.prediction import Predictor
from tiza.runs import Run

SAMPLE, CLASS = 4, 3
MODELS: dict[str, Any] = {
    "cnn": "cnn", "mlp": "mlp", "resnet18": {"name": "resnet18", "width": 4},
    "mirrored": {"name": "cnn", "mirrored": True},
}  # fmt: skip


def trained(folder: Path, data: Any, model: Any, **plan: Any) -> Run:
    return fit(make(Recipe, {"data": data, "model": model, "plan": {"epochs": 1, "threads": 1, **plan}}), run=folder)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    folder = tmp_path_factory.mktemp("saliency")
    data = {"name": "mnist", "limit": 500}
    found = {name: trained(folder / name, data, model, batch_size=50) for name, model in MODELS.items()}
    return found | {"iris": trained(folder / "iris", "iris", "mlp", epochs=20)}


def network(run: Run) -> tuple[nn.Module, Tensor]:
    """The model and the sample as Captum takes them."""
    seen = look(run, SAMPLE)
    return seen.model, seen.x[None].float()


def same(ours: np.ndarray, captums: Tensor) -> bool:
    """Equal to 1e-5 of the largest value."""
    theirs = captums.detach().numpy()
    assert ours.shape == theirs.shape
    assert np.abs(theirs).max() > 0
    return bool(np.abs(ours - theirs).max() < 1e-5 * np.abs(theirs).max())


# --- equal to Captum


@pytest.mark.parametrize("name", [*MODELS, "iris"])
def test_the_gradient_is_captums(runs: dict[str, Run], name: str):
    model, x = network(runs[name])
    target = CLASS if name != "iris" else 2
    of = explain.saliency(runs[name], SAMPLE, "gradient", target=target, draws=0)
    assert same(of.attributions, Captums(model).attribute(x.clone().requires_grad_(), target=target, abs=False)[0])
    times = InputXGradient(model).attribute(x.clone().requires_grad_(), target=target)[0]
    assert same(of.attributions * x[0].numpy(), times)


@pytest.mark.parametrize("name", [*MODELS, "iris"])
@pytest.mark.parametrize("steps", [1, 20])
def test_integrated_gradients_are_captums_at_the_same_points(runs: dict[str, Run], name: str, steps: int):
    model, x = network(runs[name])
    of = explain.saliency(runs[name], SAMPLE, "integrated", target=1, steps=steps, draws=0)
    assert of.baseline is not None
    near = torch.from_numpy(of.baseline).reshape(1, -1, *[1] * (x.ndim - 2)).expand(x.shape)
    theirs, gap = IntegratedGradients(model).attribute(
        x, near, target=1, n_steps=steps, method="gausslegendre", return_convergence_delta=True
    )
    assert same(of.attributions, theirs[0])
    assert of.gap == pytest.approx(float(gap), abs=1e-4)


@pytest.mark.parametrize(
    ("name", "window", "stride"),
    [("mlp", 1, 1), ("mlp", 28, 1), ("cnn", 4, 2), ("cnn", 5, 3), ("resnet18", 9, 9), ("mirrored", 9, 4),
     ("iris", 1, 1), ("iris", 3, 2), ("iris", 2, 1)],
)  # fmt: skip
def test_occlusion_is_captums(runs: dict[str, Run], name: str, window: int, stride: int):
    model, x = network(runs[name])
    of = explain.saliency(runs[name], SAMPLE, "occlusion", target=0, window=window, stride=stride, draws=0)
    assert of.baseline is not None
    near = torch.from_numpy(of.baseline).reshape(1, -1, *[1] * (x.ndim - 2)).expand(x.shape)
    images = x.ndim == 4
    theirs = Occlusion(model).attribute(
        x, (1, window, window) if images else (window,), strides=(1, stride, stride) if images else stride,
        baselines=near, target=0, perturbations_per_eval=64,
    )  # fmt: skip
    assert same(of.attributions, theirs[0])


@pytest.mark.parametrize(("name", "layer"), [("cnn", "relu2"), ("cnn", "conv1"), ("resnet18", "stage3.block2"),
                                             ("resnet18", "stage4"), ("resnet18", "stage2.block1.norm1")])  # fmt: skip
def test_grad_cam_is_captums(runs: dict[str, Run], name: str, layer: str):
    model, x = network(runs[name])
    of = explain.saliency(runs[name], SAMPLE, "grad-cam", layer=layer, target=CLASS, draws=0)
    theirs = LayerGradCam(model, layer_of(model, layer)).attribute(x, target=CLASS)
    assert same(of.attributions, theirs[0, 0])
    assert same(of.map, LayerAttribution.interpolate(theirs, x.shape[2:], "bilinear").relu()[0, 0])


def test_grad_cam_of_a_mirrored_network_is_the_mean_over_the_picture_and_its_mirror_image(runs: dict[str, Run]):
    model, x = network(runs["mirrored"])
    plain = nn.Sequential(model.get_submodule("normalise"), nn.Sequential(*model.get_submodule("body").children()))
    cam = LayerGradCam(plain, layer_of(model, "relu2"))
    both = (cam.attribute(x, target=CLASS) + cam.attribute(x.flip(-1), target=CLASS).flip(-1)) / 2
    of = explain.saliency(runs["mirrored"], SAMPLE, "grad-cam", layer="relu2", target=CLASS, draws=0)
    assert same(of.attributions, both[0, 0])


# --- what the numbers mean


@pytest.mark.parametrize(("name", "steps"), [("cnn", 300), ("mlp", 300), ("iris", 300), ("resnet18", 60)])
def test_integrated_gradients_are_complete(runs: dict[str, Run], name: str, steps: int):
    of = explain.saliency(runs[name], SAMPLE, "integrated", steps=steps, draws=0)
    assert of.rise is not None
    model, x = network(runs[name])
    near = background(load(runs[name].recipe.data)).reshape(-1, *[1] * (x.ndim - 2)).expand(x.shape)
    with torch.no_grad():
        assert of.rise == pytest.approx(float((model(x) - model(near))[0, of.target]), rel=1e-5)
    assert of.attributions.sum() == pytest.approx(of.rise, rel=0.05)
    assert of.gap == pytest.approx(of.attributions.sum() - of.rise, abs=1e-3)


def test_the_gradient_is_the_change_of_the_logit_for_one_raw_unit(runs: dict[str, Run]):
    of = explain.saliency(runs["iris"], SAMPLE, "gradient", draws=0)
    model = look(runs["iris"], SAMPLE).model.double()
    x = torch.from_numpy(of.sample).double()
    for i, slope in enumerate(of.attributions):
        step = torch.zeros(4, dtype=torch.float64)
        step[i] = 1e-6
        change = (model((x + step)[None]) - model((x - step)[None]))[0, of.target] / 2e-6
        assert change.item() == pytest.approx(float(slope), rel=1e-3)


def test_occluding_a_feature_that_a_model_does_not_use_changes_nothing_and_one_it_uses_its_share():
    data = load("iris")
    model = nn.Linear(4, 3, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[2.0, 0, -1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]))
    for method in ("integrated", "occlusion"):
        of = explain.saliency(model, 0, method, data=data, target=0, draws=0)
        assert of.attributions == pytest.approx((of.sample - of.baseline) * [2, 0, -1, 0], abs=1e-5)
    assert explain.saliency(model, 0, "gradient", data=data, target=0, draws=0).map.tolist() == [2, 0, -1, 0]


def test_the_background_is_black_for_digits_the_mean_for_tables_and_the_edge_for_photos():
    assert background(load("mnist", limit=200)).tolist() == [0]
    iris = load("iris")
    assert background(iris).numpy() == pytest.approx(iris.train.x[:].numpy().mean(0), rel=1e-6)
    rng = np.random.default_rng(0)
    photos = rng.integers(0, 256, (60, 3, 12, 12), dtype=np.uint8)
    photos[:, :, [0, -1]] = np.array([200, 30, 90], np.uint8)[:, None, None]
    photos[:, :, :, [0, -1]] = np.array([200, 30, 90], np.uint8)[:, None, None]
    assert background(load((photos, np.arange(60) % 2))).tolist() == [200, 30, 90]


def test_all_that_a_model_can_have_is_given_side_by_side(runs: dict[str, Run]):
    def methods(name: str) -> list[str]:
        return [of.method for of in explain.saliency_maps(runs[name], SAMPLE, draws=0)]

    assert methods("cnn") == methods("resnet18") == ["gradient", "integrated", "grad-cam", "occlusion"]
    assert methods("mlp") == methods("iris") == ["gradient", "integrated", "occlusion"]
    for of in explain.saliency_maps(runs["cnn"], SAMPLE, draws=0):
        assert of.map.shape == (28, 28)
        assert of.target == of.answer
        alone = explain.saliency(runs["cnn"], SAMPLE, of.method, draws=0)
        assert np.array_equal(alone.map, of.map)


def test_grad_cam_looks_by_default_at_the_last_maps_in_which_a_place_can_be_told(runs: dict[str, Run]):
    layers = {name: explain.saliency(runs[name], SAMPLE, "grad-cam", draws=0) for name in ("cnn", "resnet18")}
    assert (layers["cnn"].layer, layers["cnn"].attributions.shape) == ("relu2", (7, 7))
    assert (layers["resnet18"].layer, layers["resnet18"].attributions.shape) == ("stage3.block2", (7, 7))
    model, x = network(runs["resnet18"])
    last = list(map_layers(model, x[0]).items())[-1]
    assert last == ("stage4.block2", 16)


def test_a_class_by_name_or_number_and_a_picture_or_array_are_explained(runs: dict[str, Run]):
    of = explain.saliency(runs["cnn"], SAMPLE, target=CLASS, draws=0)
    named = explain.saliency(runs["cnn"], SAMPLE, target=str(CLASS), draws=0)
    given = explain.saliency(runs["cnn"], of.sample, target=CLASS, draws=0)
    assert np.array_equal(of.map, named.map)
    assert np.array_equal(of.map, given.map)
    assert given.label is None
    picture = explain.saliency(runs["cnn"], Path("examples/pen.png"), draws=0)
    assert picture.name == "pen.png"
    answer = Predictor(runs["cnn"]).predict([Path("examples/pen.png")])[0]
    assert (picture.classes[picture.answer], picture.probability) == (answer.class_, pytest.approx(answer.probability))


def test_the_run_and_the_callers_random_state_are_left_alone(runs: dict[str, Run]):
    model, data = build("cnn", load("mnist", limit=300)).train(), load("mnist", limit=300)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    explain.saliency_maps(model, 0, data=data, draws=2)
    assert torch.equal(torch.rand(3), expected)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


class InPlace(nn.Module):
    """Layers that change their input, called by functions and called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(4 * 64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.relu(self.relu(self.conv(x / 16)) - 0.1).flatten(1))


def test_a_layer_before_one_that_works_in_place_is_seen_as_it_was():
    torch.manual_seed(0)
    data, model = load("digits"), InPlace()
    of = explain.saliency(model, 0, "grad-cam", layer="conv", data=data, target=1, draws=0)
    x = data.open_valid("test").x[:1].float()
    maps = model.conv(x / 16).detach().requires_grad_()
    z = model.head((maps.relu() - 0.1).relu().flatten(1))[0, 1]
    slopes = torch.autograd.grad(z, maps)[0]
    assert same(of.attributions, (slopes.mean((2, 3), keepdim=True) * maps).sum(1)[0])


# --- what can't be explained


class Blind(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([(x > 2).float().sum(1), (x < 2).float().sum(1), x[:, 0] > 5], 1)


def told(code: str, *arguments: Any, **options: Any) -> str:
    with pytest.raises(TizaError) as caught:
        explain.saliency(*arguments, **options)
    assert (caught.value.code, caught.value.exit_code) == (code, 2)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("language", ["en", "es"])
def test_what_cannot_be_explained_is_told_with_what_can(runs: dict[str, Run], language: str):
    from tiza.i18n import set_language

    set_language(language)
    cnn, mlp, iris = runs["cnn"], runs["mlp"], runs["iris"]
    assert "gradient" in told("unknown", cnn, SAMPLE, "gradeint")
    assert "grad-cam" in told("unknown", cnn, SAMPLE, "gradcam")
    assert "occlusion" in told("saliency-maps", mlp, SAMPLE, "grad-cam")
    assert "occlusion" in told("saliency-maps", iris, SAMPLE, "grad-cam")
    assert "relu2" in told("layer-unknown", cnn, SAMPLE, "grad-cam", layer="conv9")
    assert "conv1, norm1, relu1" in told("saliency-layer", cnn, SAMPLE, "grad-cam", layer="logits")
    assert "grad-cam" in told("saliency-layer-for", cnn, SAMPLE, "gradient", layer="conv1")
    assert "10" in told("unknown", cnn, SAMPLE, target=10)
    assert "setosa" in told("unknown", iris, SAMPLE, target="setosas")
    assert "999" in told("no-answer", cnn, 999)
    for method in ("gradient", "integrated"):
        assert "occlusion" in told("saliency-gradient", Blind(), 0, method, data=load("iris"))
    assert explain.saliency(Blind(), 0, "occlusion", data=load("iris"), draws=0).map.shape == (4,)
    assert [of.method for of in explain.saliency_maps(Blind(), 0, data=load("iris"), draws=0)] == ["occlusion"]


def test_a_run_of_ones_own_module_is_explained_with_it(tmp_path: Path):
    data: Dataset = load("digits", limit=300)
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
    run = fit(module, data, {"epochs": 1, "threads": 1}, run=tmp_path / "run")
    with pytest.raises(TizaError) as caught:
        explain.saliency(run, 0)
    assert caught.value.code == "external-model"
    of = explain.saliency(run, 0, "grad-cam", model=module, data=data, draws=0)
    assert of.layer == "1"
