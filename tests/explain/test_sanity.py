"""The randomisation test: maps that depend on what was learnt pass it, and what looks at the picture alone does not."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.nn import functional as F

from tiza import explain, fit, load
from tiza.config import Recipe, make
from tiza.data.dataset import Dataset
from tiza.explain.attributions import gradient
from tiza.explain.saliency import METHODS
from tiza.explain.sanity import redrawn
from tiza.explain.watching import look
from tiza.models.building import build
from tiza.runs import Run

SOURCE = {"name": "mnist", "limit": 1500}
MODELS = {"cnn": "cnn", "mlp": "mlp", "resnet18": {"name": "resnet18", "width": 4}}


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load("mnist", limit=1500)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, data: Dataset) -> dict[str, Run]:
    folder = tmp_path_factory.mktemp("sanity")
    plan = {"epochs": 1, "threads": 1, "batch_size": 50}
    return {
        name: fit(make(Recipe, {"data": SOURCE, "model": model, "plan": plan}), data, run=folder / name)
        for name, model in MODELS.items()
    }


@pytest.mark.parametrize(("name", "method"), [both for both in product(MODELS, METHODS) if both != ("mlp", "grad-cam")])
def test_each_method_gives_another_map_for_other_weights(runs: dict[str, Run], data: Dataset, name: str, method: str):
    checks = [explain.sanity(runs[name], i, method, data=data) for i in range(3)]
    assert [check.draws for check in checks] == [10] * 3
    assert [check.passed for check in checks].count(True) >= 2
    assert np.mean([check.similarity for check in checks if check.similarity]) < 0.4


def edges(model: nn.Module, x: Tensor, target: int) -> Tensor:
    """How steep the picture itself is: an edge detector, which knows nothing of the model."""
    across = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    both = F.conv2d(x[:, None], torch.stack([across, across.T])[:, None], padding=1)
    return both.square().sum(1).sqrt()


def nearly(model: nn.Module, x: Tensor, target: int) -> Tensor:
    """The edges, and a thousandth of what the model looks at."""
    found, slopes = edges(model, x, target), gradient(model, x[None], target)[0]
    return found / found.max() + 1e-3 * slopes / slopes.abs().max()


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("method", [edges, nearly])
def test_an_edge_detector_fails(runs: dict[str, Run], name: str, method):
    check = explain.sanity(runs[name], 0, method)
    assert check.passed is False
    assert check.mean == pytest.approx(1, abs=0.5)


class Deaf(nn.Module):
    """It has weights, and answers without them."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(10, 64))
        self.register_buffer("fixed", torch.randn(10, 64))

    def forward(self, x: Tensor) -> Tensor:
        return (x / 16).flatten(1) @ self.get_buffer("fixed").T


@pytest.mark.parametrize("method", ["integrated", "occlusion", "gradient"])
def test_a_model_that_ignores_its_weights_fails_with_every_method(method: str):
    check = explain.sanity(Deaf(), 0, method, data=load("digits"))
    assert check.passed is False
    assert check.similarity == pytest.approx([1] * 10)


def test_the_similarity_is_spearmans_of_the_signed_map_and_of_its_sizes(runs: dict[str, Run]):
    check = explain.sanity(runs["mlp"], 1, "gradient", draws=3, seed=5)
    seen = look(runs["mlp"], 1)
    target = explain.answer(runs["mlp"], 1).answer

    def map_of(model: nn.Module) -> np.ndarray:
        x = seen.x[None].float().requires_grad_()
        return torch.autograd.grad(model(x)[0, int(target)], x)[0].flatten().numpy()

    torch.manual_seed(5)
    own, others = map_of(seen.model), [map_of(redrawn(seen.model)) for _ in range(3)]
    assert check.similarity == pytest.approx([abs(spearmanr(own, other).statistic) for other in others])
    assert check.sizes == pytest.approx([spearmanr(abs(own), abs(other)).statistic for other in others])


def test_what_multiplies_by_the_picture_passes_by_its_signs_alone(runs: dict[str, Run]):
    """Adebayo et al., section 5: with absolute values, integrated gradients hardly change on a black background."""
    check = explain.sanity(runs["mlp"], 0, "integrated")
    assert check.passed
    assert check.by_sign_alone
    assert check.sizes is not None
    assert np.mean(check.sizes) > 0.9
    assert not explain.sanity(runs["mlp"], 0, "gradient").by_sign_alone


def test_weights_drawn_anew_keep_their_scale_and_the_model_stays(runs: dict[str, Run]):
    model = look(runs["cnn"], 0).model
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(0)
    other = redrawn(model)
    for name, parameter in model.named_parameters():
        drawn = other.get_parameter(name)
        assert not torch.equal(drawn, parameter), name
        if parameter.numel() > 500:
            assert drawn.std().item() == pytest.approx(parameter.std().item(), rel=0.1), name
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(torch.equal(value, dict(model.named_buffers())[name]) for name, value in other.named_buffers())


def test_maps_of_few_values_or_of_one_are_not_judged(tmp_path: Path):
    iris = load("iris")
    few = explain.sanity(build("mlp", iris), 0, "gradient", data=iris)
    assert (few.passed, few.similarity, few.mean) == (None, None, None)
    digits = load("digits")
    still = build("softmax", digits)
    for parameter in still.parameters():
        nn.init.zeros_(parameter)
    assert explain.sanity(still, np.zeros((1, 8, 8), np.uint8), "occlusion", data=digits).passed is None
    assert explain.saliency(build("cnn", digits), 0, draws=0, data=digits).sanity.passed is None


def test_the_same_seed_draws_the_same_and_another_others(runs: dict[str, Run]):
    one, again, other = (explain.sanity(runs["mlp"], 0, seed=seed, draws=2) for seed in (0, 0, 1))
    assert one == again != other
