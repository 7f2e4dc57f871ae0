"""Structures are those of the network as it runs: every layer with its sizes, and edges as the tensors flow."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import tiza
from tiza import explain
from tiza.errors import TizaError
from tiza.explain.lanes import folded, lanes
from tiza.explain.structure import Node, Structure, structure
from tiza.models.building import body_of, build, parameters_of
from tiza.registry import table

SHAPES = {"perceptron": (2,)}


def body(name: str, **options: object) -> nn.Module:
    return body_of(name, SHAPES.get(name, (1, 28, 28)), 2 if name == "perceptron" else 10, **options)


def fed_by(of: Structure) -> dict[str, list[str]]:
    """Of each node by name, the names of those that feed it."""
    found: dict[str, list[str]] = {node.name: [] for node in of.nodes}
    for source, target in of.edges:
        found[of.nodes[target].name].append(of.nodes[source].name)
    return found


@pytest.mark.parametrize("name", list(table("model")))
def test_layers_sizes_and_parameters_are_those_of_shapes(name: str):
    network, shape = body(name), SHAPES.get(name, (1, 28, 28))
    of, rows = structure(network, shape), explain.shapes(network, shape)
    layers = [node for node in of.nodes if node.is_layer]
    assert of.layers == len(rows)
    assert [(n.name, n.type, n.before, n.after, n.parameters) for n in layers] == [
        (row.name, row.type, row.before, row.after, row.parameters) for row in rows
    ]
    assert of.parameters == sum(p.numel() for p in network.parameters()), "frozen ones are parameters too"
    assert of.nodes[0] == Node("input", "", "", "", (), shape, 0)
    assert all(source < target for source, target in of.edges)
    assert {target for _, target in of.edges} == set(range(1, len(of.nodes))), "what nothing feeds"
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())


def test_a_residual_block_adds_what_came_in_to_what_it_makes_of_it():
    of = structure(body("resnet18"), (1, 28, 28))
    fed = fed_by(of)
    sums = [node for node in of.nodes if node.type == "add"]
    assert len(sums) == 8
    for node in sums:
        f, shortcut = fed[node.name]
        assert (f, shortcut.startswith(f"{node.group}.shortcut")) == (f"{node.group}.norm2", True)
        while shortcut.startswith(f"{node.group}.shortcut"):
            (shortcut,) = fed[shortcut]
        assert [shortcut] == fed[f"{node.group}.conv1"], "the shortcut begins where the block does"
    assert sum(len(sources) == 2 for sources in fed.values()) == 8
    assert fed["stage1.block1.conv1"] == ["relu1"]
    assert fed["mean"] == ["stage4.block2.relu2"]


def test_a_chain_is_a_chain():
    of = structure(body("cnn"), (1, 28, 28))
    assert list(of.edges) == [(i, i + 1) for i in range(len(of.nodes) - 1)]


def test_a_network_asked_for_a_picture_and_its_mirror_image_shows_that():
    fed = fed_by(structure(body("cnn", mirrored=True), (1, 28, 28)))
    assert (fed["flip"], fed["cat"], fed["conv1"]) == (["input"], ["input", "flip"], ["cat"])
    assert list(fed)[-4:] == ["logits", "getitem", "add", "div"]
    assert fed["add"] == ["getitem", "getitem"], "the two halves of the batch"


class Inception(nn.Module):
    """Branches beside each other, functions between layers, a shortcut that begins with what does nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.three = nn.Conv2d(1, 4, 1), nn.Conv2d(1, 4, 3, padding=1)
        self.pass_on, self.mix, self.act = nn.Identity(), nn.Conv2d(9, 9, 3, padding=1), nn.ReLU(inplace=True)
        self.scale = nn.Parameter(torch.ones(9))
        self.out = nn.Linear(9, 10)

    def forward(self, x: Tensor) -> Tensor:
        kept = self.pass_on(x)
        y = torch.cat([F.relu(self.one(x)), self.three(x), kept], 1)
        z = self.act(self.mix(y))
        z += y
        return self.out(self.act(z).mean((2, 3)) * self.scale)


def test_branches_functions_and_parameters_outside_of_layers_are_found():
    network = Inception()
    of = structure(network, (1, 8, 8))
    assert of.parameters == parameters_of(network)
    by_name = {node.name: node for node in of.nodes}
    assert (by_name["mul"].parameters, by_name["mix"].detail, by_name["one"].detail) == (9, "3×3", "1×1")
    assert [(by_name[source].name if source else "input", target) for source, target in of.edges if source == 0] == [
        ("input", place) for place, node in enumerate(of.nodes) if node.name in ("pass_on", "one", "three")
    ]
    fed = fed_by(of)
    assert set(fed["cat"]) == {"relu", "three", "pass_on"}
    assert set(fed["add"]) == {"act", "cat"}
    assert fed["mul"] == ["mean"]
    assert (by_name["act"].parameters, [node.name for node in of.nodes].count("act")) == (0, 2)


def test_a_layer_used_twice_counts_once():
    shared = nn.Linear(4, 4)
    of = structure(nn.Sequential(shared, nn.ReLU(), shared), (4,))
    assert [node.parameters for node in of.nodes] == [0, 20, 0, 0]
    assert [node.type for node in of.nodes[1:]] == ["Linear", "ReLU", "Linear"]


def test_what_leaves_torch_comes_after_what_ran_before_it():
    class Away(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.second(torch.from_numpy(self.first(x).detach().numpy() * 2))

    assert structure(Away(), (3,)).edges == ((0, 1), (1, 2))


def test_of_what_build_made_it_is_the_body():
    data = tiza.load("digits")
    built = build("mlp", data)
    assert structure(built, data.shape) == structure(built.get_submodule("body"), data.shape)
    assert structure(nn.Linear(2, 2), (2,)).nodes[1].name == "model"


def test_what_cannot_take_such_a_sample_says_where():
    with pytest.raises(TizaError, match=r"1×2×2: its layer 1 refuses") as caught:
        structure(nn.Sequential(nn.Flatten(), nn.Linear(3, 2)), (1, 2, 2))
    assert caught.value.code == "model-input"


# --- how it is laid out


@pytest.mark.parametrize("name", ["mlp", "cnn", "nin", "resnet18"])
def test_folding_keeps_sizes_parameters_and_shortcuts(name: str):
    of = structure(body(name), (1, 28, 28))
    small = folded(of)
    assert small.parameters == of.parameters
    assert small.nodes[-1].after == of.nodes[-1].after
    assert [node.type for node in small.nodes if node.type == "add"] == [n.type for n in of.nodes if n.type == "add"]
    names = [part for node in small.nodes for part in node.own.split(" · ")]
    assert len(names) == len(of.nodes)
    assert not any(node.type in ("ReLU", "BatchNorm2d", "Dropout") for node in small.nodes)
    assert small.edges == folded(small).edges


def test_a_linear_layer_that_keeps_the_size_stands_on_its_own():
    names = [node.name for node in folded(structure(body("mlp", hidden=(50, 50)), (1, 28, 28))).nodes]
    assert names == ["input", "flatten", "linear1 · relu1 · dropout1", "linear2 · relu2 · dropout2", "logits"]


def graph(n: int, pairs: set[tuple[int, int]]) -> Structure:
    nodes = tuple(Node(str(i), "Linear", "", "", (), (), 0) for i in range(n))
    return Structure(nodes, tuple(sorted((a, b) for a, b in pairs if a < b < n)))


@given(st.integers(2, 12), st.sets(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=30))
def test_no_two_edges_share_a_lane_and_none_runs_through_a_node(n: int, pairs: set[tuple[int, int]]):
    of = graph(n, pairs)
    at, along = lanes(of)
    wires = [(*edge, lane) for edge, lane in zip(of.edges, along, strict=True)]
    for k, (source, target, lane) in enumerate(wires):
        for other_source, other_target, other in wires[k + 1 :]:
            apart = target <= other_source or other_target <= source
            assert lane != other or apart
        assert all(at[i] != lane for i in range(source + 1, target))


def test_a_chain_is_drawn_in_one_lane_and_a_shortcut_in_the_next():
    assert lanes(graph(4, {(0, 1), (1, 2), (2, 3)})) == ([0] * 4, [0] * 3)
    at, along = lanes(graph(4, {(0, 1), (1, 2), (0, 3), (2, 3)}))
    assert (at, along) == ([0] * 4, [0, 1, 0, 0])
