"""tiza.models: from a name or a module to one that takes raw samples and gives logits."""

from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import tiza
from tiza.config import Model, make
from tiza.data.dataset import Dataset
from tiza.errors import RequestError, TizaError
from tiza.models import build, check_outputs, parameters_of
from tiza.models.building import body_of, device_of, in_passes
from tiza.models.layers import Frozen, Prepared


@cache
def mnist() -> Dataset:
    return tiza.load("mnist")


@cache
def iris() -> Dataset:
    return tiza.load("iris")


def refused(*arguments: object, **options: object) -> TizaError:
    with pytest.raises(TizaError) as caught:
        build(*arguments, **options)  # type: ignore[arg-type]
    assert str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("shape", "classes", "name", "options", "parameters"),
    [
        ((1, 28, 28), 10, "softmax", {}, 7_850),
        ((4,), 3, "softmax", {}, 15),
        ((1, 28, 28), 10, "mlp", {"hidden": ()}, 7_850),
        ((1, 28, 28), 10, "mlp", {"hidden": (512, 512)}, 669_706),
        ((1, 28, 28), 10, "mlp", {"hidden": (512, 512), "dropout": 0.5, "activation": "tanh"}, 669_706),
        ((1, 28, 28), 10, "mlp", {}, 109_386),
        ((1, 28, 28), 10, "mlp", {"hidden": 32}, 25_450),
        ((2,), 2, "mlp", {"hidden": (3,), "batch_norm": True}, 2 * 3 + 2 * 3 + 3 * 2 + 2),
    ],
)
def test_dense_models_have_their_number_of_parameters(
    shape: tuple[int, ...], classes: int, name: str, options: dict[str, object], parameters: int
):
    assert parameters_of(body_of(name, shape, classes, **options)) == parameters


def test_frozen_parameters_are_not_counted():
    body = body_of("softmax", (4,), 3)
    next(body.parameters()).requires_grad_(False)
    assert parameters_of(body) == 3


@pytest.mark.parametrize("name", ["softmax", "mlp", "cnn", "lenet", "alexnet", "vgg", "nin", "resnet18"])
def test_logits_come_one_per_class(name: str):
    model = build(name, mnist()).eval()
    logits = model(mnist().train.x[:7])
    assert logits.shape == (7, 10)
    assert logits.dtype == torch.float32
    assert (logits.sum(1) - 1).abs().max() > 1e-3, "these are probabilities"


@pytest.mark.parametrize("name", ["softmax", "mlp", "cnn", "lenet", "alexnet", "vgg", "nin", "resnet18"])
def test_the_seed_decides_the_weights(name: str):
    one, same, other = (build(name, mnist(), seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(one[key], same[key]) for key in one)
    weights = [key for key in one if key.endswith("weight") and one[key].ndim > 1]
    assert weights
    assert not any(torch.equal(one[key], other[key]) for key in weights)


def test_building_leaves_the_callers_random_state_alone():
    torch.manual_seed(8)
    before = torch.get_rng_state()
    build("mlp", iris(), seed=1)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_building_leaves_the_random_state_of_a_gpu_alone():
    torch.cuda.manual_seed(8)
    before = torch.cuda.get_rng_state()
    build("mlp", iris(), seed=1)
    assert torch.equal(torch.cuda.get_rng_state(), before)


@pytest.mark.parametrize(
    "how",
    [
        lambda data: build("mlp", data, seed=2, hidden=(9, 8), dropout=0.1),
        lambda data: build("mlp", data, seed=2, hidden=[9, 8], dropout="0.1"),
        lambda data: build(make(Model, {"name": "mlp", "hidden": [9, 8], "dropout": 0.1}), data, seed=2),
        lambda data: build(body_of("mlp", data.shape, 3, 2, hidden=(9, 8), dropout=0.1), data),
        lambda data: tiza.build("mlp", data, seed=2, hidden=(9, 8), dropout=0.1),
    ],
)
def test_a_name_a_config_and_a_module_build_the_same(how):
    expected = build("mlp", iris(), seed=2, hidden=(9, 8), dropout=0.1)
    found = how(iris())
    assert str(found) == str(expected)
    assert all(torch.equal(a, b) for a, b in zip(found.parameters(), expected.parameters(), strict=True))


@pytest.mark.parametrize("model", [make(Model, "mlp"), nn.Linear(4, 3)], ids=["config", "module"])
def test_options_beside_a_config_or_a_module_are_not_ignored(model: Model | nn.Module):
    try:
        built = build(model, iris(), hidden=(7,))
    except (TizaError, TypeError):
        return
    assert any(isinstance(layer, nn.Linear) and layer.out_features == 7 for layer in built.modules())


# --- normalisation


@pytest.mark.parametrize("data", [mnist, iris])
def test_train_comes_out_of_the_first_layer_with_mean_0_and_deviation_1(data):
    model = build("softmax", data())
    assert next(iter(model._modules)) == "normalise"
    values = model.normalise(data().train.x).numpy().astype(np.float64)  # type: ignore[operator]
    axes = (0, 2, 3) if values.ndim == 4 else (0,)
    np.testing.assert_allclose(values.mean(axes), 0, atol=1e-4)
    np.testing.assert_allclose(values.std(axes), 1, atol=1e-4)


def test_normalisation_is_saved_with_the_weights_and_never_learnt():
    model = build("softmax", iris())
    assert {"normalise.mean", "normalise.deviation"} <= {*model.state_dict()}
    assert parameters_of(model) == 15
    twin = build("softmax", tiza.load("iris", scale="raw"))
    twin.load_state_dict(model.state_dict())
    x = iris().train.x
    assert torch.equal(model(x), twin(x))


def test_normalisation_takes_doubles_after_the_model_was_made_double():
    model = build("softmax", mnist()).double()
    assert model(mnist().train.x[:2]).dtype == torch.float64


# --- what is refused


class Gives(nn.Module):
    """A module whose answer is made by a function."""

    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> object:
        return self.function(x)


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (nn.Linear(4, 5), "2×5"),
        (nn.Sequential(nn.Linear(4, 3), nn.Flatten(0)), "6"),
        (Gives(lambda x: (x[:, :3],)), "tuple"),
        (Gives(lambda x: x[:1, :3]), "1×3"),
        (Gives(lambda x: x[:, :3, None]), "2×3×1"),
        (Gives(lambda x: None), "NoneType"),
        (nn.Sequential(nn.Linear(4, 1), nn.Sigmoid()), "2×1"),
    ],
)
def test_a_model_without_one_logit_per_class_is_refused(module: nn.Module, shape: str):
    error = refused(module, iris())
    assert error.code == "outputs"
    assert error.fields == {"shape": shape, "n": 2, "classes": 3}


@pytest.mark.parametrize(
    ("module", "layer"),
    [
        (nn.Linear(5, 3), "body"),
        (nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(7, 3)), "body.2"),
        (nn.Sequential(nn.Sequential(nn.Conv2d(1, 2, 3))), "body.0.0"),
        (nn.Sequential(nn.Embedding(10, 3)), "body.0"),
        (Gives(lambda x: x.view(7, 7)), "body"),
        (Gives(lambda x: x[:, 50]), "body"),
        (nn.Sequential(nn.TransformerEncoderLayer(8, 2)), "body.0.self_attn"),
    ],
)
def test_a_model_that_refuses_the_samples_is_refused_with_the_name_of_its_layer(module: nn.Module, layer: str):
    error = refused(module, iris())
    assert error.code == "model-input"
    assert error.where == error.fields["layer"] == layer
    assert error.fields["shape"] == "4"
    assert error.fields["reason"]


@pytest.mark.parametrize(
    ("module", "code", "where"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 26 * 26, 10)), "model-input", "body.0"),
        (body_of("resnet18", (3, 28, 28), 10, width=4), "model-input", "body.conv1"),
        (body_of("vgg", (3, 28, 28), 10, width=4), "model-input", "body.conv1_1"),
        (nn.Sequential(nn.Conv2d(1, 4, 29), nn.Flatten(), nn.Linear(4, 10)), "model-input", "body.0"),
        (nn.Sequential(nn.Conv2d(1, 4, 5, 3), nn.ReLU(), nn.Conv2d(4, 4, 9)), "model-input", "body.2"),
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.MaxPool2d(27)), "model-input", "body.1"),
        (body_of("lenet", (1, 32, 32), 10), "model-input", "body.dense_linear1"),
        (body_of("lenet", (1, 28, 28), 7), "outputs", "model"),
        (body_of("nin", (1, 28, 28), 11, width=8), "outputs", "model"),
    ],
)
def test_a_model_made_for_other_images_or_classes_is_refused(module: nn.Module, code: str, where: str):
    error = refused(module, mnist())
    assert (error.code, error.where) == (code, where)
    assert "1×28×28" in str(error) or "2×10 logits" in str(error)


@pytest.mark.parametrize(
    ("module", "where"),
    [
        (nn.Sequential(nn.Linear(4, 3), nn.Softmax(1)), "body.1"),
        (nn.Sequential(nn.Linear(4, 9), nn.ReLU(), nn.Linear(9, 3), nn.Softmax(dim=-1)), "body.3"),
        (Gives(lambda x: x[:, :3].softmax(1)), "forward"),
        (Gives(lambda x: nn.functional.one_hot(x[:, 0].long().clamp(0, 2), 3).float()), "forward"),
    ],
)
def test_a_softmax_at_the_end_is_refused_with_the_floor_of_its_loss(module: nn.Module, where: str):
    error = refused(module, iris())
    assert isinstance(error, RequestError)
    assert (error.code, error.where) == ("softmax-at-end", where)
    assert error.fields["floor"] == pytest.approx(nn.functional.cross_entropy(torch.eye(3), torch.arange(3)).item())
    assert "0.551" in str(error)


def zeros() -> nn.Module:
    layer = nn.Linear(4, 3)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


@pytest.mark.parametrize(
    "module",
    [
        nn.Sequential(nn.Linear(4, 3), nn.Sigmoid()), nn.Sequential(nn.Linear(4, 3), nn.LogSoftmax(1)), zeros(),
        nn.Sequential(nn.Softmax(1), nn.Linear(4, 3)), Gives(lambda x: x[:, :3] / x[:, :3].sum(1, keepdim=True)),
    ],
    ids=["sigmoid", "log-softmax", "zeros", "softmax before", "shares of either sign"],
)  # fmt: skip
def test_other_endings_are_left_to_the_user(module: nn.Module):
    assert build(module, iris())


def test_a_model_registered_with_its_softmax_is_built_as_its_document_has_it():
    probabilities = build("mlp-softmax", iris()).eval()(iris().train.x[:5])
    assert torch.allclose(probabilities.sum(1), torch.ones(5))


def fail(kind: type[Exception]):
    def forward(x: Tensor) -> Tensor:
        raise kind

    return forward


@pytest.mark.parametrize("kind", [NotImplementedError, ValueError, RuntimeError])
def test_a_model_that_fails_without_a_word_is_refused_in_a_sentence(kind: type[Exception]):
    error = refused(Gives(fail(kind)), iris())
    assert error.code == "model-input"
    assert error.where == "body"


def test_checking_leaves_no_trace():
    for module in (nn.Sequential(nn.Linear(4, 3), nn.Dropout()), nn.Linear(9, 9)):
        for training in (True, False):
            module.train(training)
            try:
                check_outputs(module, iris().train.x[:2], 3)
            except TizaError:
                assert isinstance(module, nn.Linear)
            assert [m.training for m in module.modules()] == [training] * len(list(module.modules()))
            assert not any(m._forward_pre_hooks for m in module.modules())


def test_checking_does_not_feed_batch_norm():
    body = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    build(body, iris())
    assert body[1].num_batches_tracked == 0


@pytest.mark.parametrize(
    ("model", "options", "code", "where", "says"),
    [
        ("mpl", {}, "unknown", "model.name", "“mlp”"),
        ("softmx", {}, "unknown", "model.name", "“softmax”"),
        ("mlp", {"hiden": 5}, "unknown", "model.hiden", "“hidden”"),
        ("softmax", {"hidden": 5}, "unknown", "model.hidden", ""),
        ("mlp", {"hidden": -5}, "bad-value", "model.hidden", "greater than 0"),
        ("mlp", {"hidden": "many"}, "bad-value", "model.hidden", "whole number"),
        ("mlp", {"dropout": 1}, "bad-value", "model.dropout", "less than 1"),
        ("mlp", {"activation": "relo"}, "bad-value", "model.activation", "'relu'"),
        ("cnn", {"batch_norm": "perhaps"}, "bad-value", "model.batch_norm", "true or false"),
        ("mlp", {"dropout": float("nan")}, "bad-value", "model.dropout", ""),
    ],
)
def test_wrong_options_are_refused_by_their_field(
    model: str, options: dict[str, object], code: str, where: str, says: str
):
    error = refused(model, mnist(), **options)
    assert isinstance(error, RequestError)
    assert (error.code, error.where) == (code, where)
    assert says in str(error)


def test_wrong_options_are_all_told_at_once():
    error = refused("mlp", iris(), hiden=5, dropout=2, activation="x")
    assert sorted(error.where.split(", ")) == ["model.activation", "model.dropout", "model.hiden"]  # type: ignore[union-attr]
    assert str(error).count("\n") == 3


def test_where_a_model_is_is_told():
    assert device_of(nn.Linear(2, 2).to("meta")) == torch.device("meta")
    assert device_of(nn.ReLU()) == torch.device("cpu")


def test_a_layer_that_stands_twice_is_frozen_twice():
    twice, one = nn.Tanh(), nn.Linear(3, 3)
    layers = nn.Sequential(one, twice, nn.Linear(3, 2), twice)
    x = torch.randn(5, 3)
    assert torch.equal(Frozen(layers)(x), layers(x))


@pytest.mark.parametrize(
    ("body", "sample", "most", "sizes"),
    [
        (nn.Flatten(), (1, 28, 28), 250, [250, 250, 100]),
        (nn.Flatten(), (3, 224, 224), 250, [13] * 46 + [2]),
        (Prepared(torch.zeros(3), torch.ones(3), 224), (1, 8, 8), 250, [13] * 46 + [2]),
        (nn.Flatten(), (3, 2000, 2000), 250, [1] * 600),
        (nn.Flatten(), (4,), 1000, [600]),
    ],
)
def test_samples_that_are_large_inside_are_answered_few_at_a_time(
    body: nn.Module, sample: tuple[int, ...], most: int, sizes: list[int]
):
    x = torch.zeros(1, dtype=torch.uint8).expand(600, *sample)
    assert [len(part) for part in in_passes(nn.Sequential(body), x, most)] == sizes
