"""tiza.models.cutting: a network cut after a layer gives what that layer gave, and learns with a new end."""

import pytest
import torch
from torch import nn

import tiza
from tiza.config import Plan
from tiza.errors import RequestError, TizaError
from tiza.explain.layers import outputs_of
from tiza.i18n import LANGUAGES, set_language
from tiza.models import build, cut
from tiza.models.building import body_of
from tiza.models.cutting import cut_points, depths, split

GREY = (1, 28, 28)
PLACES = {
    "mlp": ["linear1", "dropout2"],
    "cnn": ["conv1", "norm2", "flatten", "dense_relu1"],
    "lenet": ["pool1", "relu2"],
    "alexnet": ["pool5", "dense_dropout1"],
    "vgg": ["conv2_2"],
    "nin": ["dropout1", "conv3_3"],
    "resnet18": ["pool1", "stage1.block1", "stage3", "flatten"],
}
CASES = [(name, at) for name, places in PLACES.items() for at in places if (name, at) != ("resnet18", "pool1")]


@pytest.mark.parametrize(("name", "at"), CASES)
def test_up_to_the_cut_it_gives_what_the_layer_gave_and_then_one_logit_per_class(name: str, at: str):
    model = body_of(name, GREY, 10).eval()
    x = torch.randn(3, *GREY)
    (expected,) = outputs_of(model, [at], x).values()
    new = cut(model, at, GREY, 4).eval()
    assert torch.equal(new.get_submodule("body")(x), expected)
    assert new(x).shape == (3, 4)


def test_the_cut_network_is_a_copy_and_its_head_drawn_from_the_seed():
    model = build("cnn", tiza.load("digits"), padding=2)
    one, same, other = (cut(model, "norm1", (1, 8, 8), 3, seed=seed) for seed in (0, 0, 1))
    x = torch.randint(0, 256, (2, 1, 8, 8), dtype=torch.uint8)
    assert torch.equal(one.eval()(x), same.eval()(x))
    assert not torch.equal(one.eval()(x), other.eval()(x))
    nn.init.zeros_(one.get_submodule("body.conv1").weight)
    assert model.get_submodule("body.conv1").weight.any()
    assert torch.equal(one.get_submodule("normalise").mean, model.normalise.mean)


def test_a_cut_network_learns(tmp_path):
    recipe = {
        "data": {"name": "digits", "limit": 400},
        "model": {"name": "cut", "body": {"name": "mlp", "hidden": [64, 64], "dropout": 0}, "at": "relu1"},
        "plan": {"epochs": 12, "lr": 0.01, "threads": 1},
    }
    run = tiza.fit(tiza.Recipe.model_validate(recipe), run=tmp_path / "run")
    assert run.history()[-1].valid["accuracy"][0] > 0.8
    assert tiza.runs.restore(run).model.get_submodule("body.body.linear1").weight.shape == (64, 64)


def refused(model: nn.Module, at: str | None, *words: str) -> str:
    with pytest.raises(TizaError) as told:
        split(model, at)
    sentences = []
    for language in LANGUAGES:
        set_language(language)
        sentences.append(str(told.value))
        assert all(word in sentences[-1] for word in words)
    set_language(None)
    assert len(set(sentences)) == len(LANGUAGES)
    assert isinstance(told.value, RequestError)
    return told.value.code


def test_inside_a_block_there_is_nothing_to_cut_and_the_places_are_named():
    model = body_of("resnet18", GREY, 10, width=4)
    code = refused(model, "stage2.block1.conv1", "stage2.block1,", "stage2.block2", "flatten")
    assert code == "cut-inside"
    assert "stage2.block1.conv1" not in cut_points(model)


@pytest.mark.parametrize("at", ["layer4", "", "stage1.", "stage1.block1.conv9", "Stage1"])
def test_an_unknown_layer_is_told_with_those_there_are(at: str):
    assert refused(body_of("resnet18", GREY, 10, width=4), at, "stage4.block2") == "cut-unknown"


def test_a_module_that_is_no_succession_has_no_place_to_cut():
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(2, 2)

    assert cut_points(Own()) == []
    assert refused(Own(), "first", "first") == "cut-unknown"
    assert refused(nn.Sequential(nn.Linear(2, 2)), None) == "cut-unknown"


def test_a_part_of_ones_own_that_is_called_normalise_is_a_layer_like_others():
    own = nn.Sequential()
    for name, layer in {"normalise": nn.BatchNorm1d(4), "hidden": nn.Linear(4, 5), "logits": nn.Linear(5, 3)}.items():
        own.add_module(name, layer)
    assert list(dict(cut(own, "hidden", (4,), 2).get_submodule("body").named_children())) == ["normalise", "hidden"]

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.normalise, self.first = nn.BatchNorm1d(4), nn.Linear(4, 3)

    with pytest.raises(TizaError) as caught:
        cut(Own(), "first", (4,))
    assert caught.value.code == "cut-unknown"


@pytest.mark.parametrize(
    ("name", "last"), [("mlp", "dropout2"), ("softmax", "flatten"), ("nin", "relu3_2"), ("resnet18", "flatten"),
                       ("perceptron", "flatten")],
)  # fmt: skip
def test_by_default_all_is_kept_but_the_last_layer_with_weights(name: str, last: str):
    kept, rest = split(body_of(name, GREY, 2), None)
    assert list(kept._modules)[-1] == last
    assert len([p for p in rest.parameters() if p.ndim > 1]) == 1


@pytest.mark.parametrize("at", cut_points(body_of("resnet18", GREY, 10, width=4)))
@pytest.mark.parametrize("before", [False, True])
def test_both_halves_make_the_whole(at: str, before: bool):
    model = body_of("resnet18", GREY, 10, width=4).eval()
    first, rest = split(model, at, before=before)
    x = torch.randn(2, *GREY)
    assert torch.equal(rest(first(x)), model(x))
    assert sorted([*first.state_dict(), *rest.state_dict()]) == sorted(model.state_dict())
    assert (at in dict(first.named_modules())) or before


def test_a_layer_that_stands_there_twice_is_cut_at_both_places():
    relu = nn.ReLU()
    model = nn.Sequential(nn.Linear(3, 4), relu, nn.Linear(4, 5), relu, nn.Linear(5, 2))
    assert cut_points(model) == ["0", "1", "2", "3", "4"]
    assert split(model, "3")[0](torch.ones(1, 3)).shape == (1, 5)


# --- how deep a layer lies


def test_depth_counts_the_layers_after_it_blocks_and_norms_as_one():
    model = build("resnet18", tiza.load("digits"), width=4)
    depth = depths(model)
    found = {name: depth[id(p)] for name, p in model.named_parameters()}
    assert found["body.logits.weight"] == found["body.logits.bias"] == 0
    assert {d for name, d in found.items() if name.startswith("body.stage4.block2")} == {1}
    assert {d for name, d in found.items() if name.startswith("body.stage1.block1")} == {8}
    assert found["body.conv1.weight"] == found["body.norm1.weight"] == 9


def test_what_does_not_learn_has_no_depth_and_a_module_of_ones_own_has_its_parts():
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
            self.scale = nn.Parameter(torch.ones(()))

    own = Own()
    own.first.bias.requires_grad_(False)
    depth = depths(own)
    assert id(own.first.bias) not in depth
    assert [depth[id(p)] for p in (own.first.weight, own.second[0].weight, own.second[1].bias)] == [3, 2, 1]


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adamw"])
def test_layers_have_the_rate_of_the_next_times_the_decay(name: str):
    from tiza.training.optim import Optimizer

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 4), nn.Linear(4, 2)).double()
    peers = [p.detach().clone().requires_grad_() for p in model.parameters()]
    optimizer = Optimizer(model, Plan(optimizer=name, layer_decay=0.5, lr=0.1))
    groups = [{"params": peers[:4], "lr": 0.025}, {"params": peers[4:6], "lr": 0.05}, {"params": peers[6:], "lr": 0.1}]
    kinds = {"sgd": torch.optim.SGD, "momentum": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    more = {"momentum": {"momentum": 0.9}, "adamw": {"weight_decay": 0.0}}.get(name, {})
    peer = kinds[name](groups, **more)
    for _ in range(5):
        for mine, theirs in zip(model.parameters(), peers, strict=True):
            mine.grad = torch.randn_like(mine)
            theirs.grad = mine.grad.clone()
        optimizer.step()
        peer.step()
    for mine, theirs in zip(model.parameters(), peers, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12)
