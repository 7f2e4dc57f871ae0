"""``tiza explain`` what a network is made of and sees: what the commands print, as JSON and as pictures."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import tiza
from said import Said
from tiza.config import Recipe, make


@pytest.fixture
def command(command: Callable[..., Said]) -> Callable[..., Said]:
    """``tiza explain …`` in this process."""
    return partial(command, "explain")


@pytest.mark.parametrize(
    ("language", "words"), [("en", ["input", "28,938 parameters"]), ("es", ["entrada", "28\u00a0938 parámetros"])]
)
def test_a_structure_is_told_drawn_and_given_as_json(
    command: Callable[..., Said], tmp_path: Path, language: str, words: list[str]
):
    said = command("structure", "004-cnn", "--lang", language)
    assert said.code == 0, said.err
    assert all(word in said.out for word in words), said.out
    assert "tiza explain structure 004-cnn --save fig" in said.out
    told = command("structure", "004-cnn", "--json", "--save", tmp_path).json()
    assert [node["name"] for node in told["nodes"]][:3] == ["input", "conv1", "pool1"]
    assert told["parameters"] == sum(node["parameters"] for node in told["nodes"]) == 28_938
    assert told["edges"] == [[i, i + 1] for i in range(10)]
    assert [Path(path).name for path in told["saved"]] == ["structure.png", "structure.svg"]
    assert all(Path(path).stat().st_size > 1000 for path in told["saved"])


def test_a_structure_is_cut_after_a_layer_and_shown_with_a_new_end(command: Callable[..., Said]):
    whole, short = (command("structure", "004-resnet18", *cut, "--json").json() for cut in ([], ["--cut", "stage1"]))
    names = [node["name"] for node in short["nodes"]]
    assert names[-3:] == ["head.mean", "head.flatten", "head.logits"]
    assert names[-4] == "body.stage1.block2.relu2"
    kept = [node["name"] for node in whole["nodes"]].index("stage1.block2.relu2")
    assert [name.removeprefix("body.") for name in names[:-3]] == [n["name"] for n in whole["nodes"]][: kept + 1]
    assert short["nodes"][-1]["after"] == [10]


def test_a_shortcut_runs_beside_what_it_goes_round(command: Callable[..., Said]):
    lines = command("structure", "resnet18", "--input", "1x28x28").out.splitlines()
    first = next(i for i, line in enumerate(lines) if "●─╮" in line)
    last = next(i for i, line in enumerate(lines) if "●─╯" in line)
    assert (lines[first].split()[1], lines[last].split()[1]) == ("relu1", "stage1.block1.add")
    beside = [line.split("●")[0] + "●" if "│ ●" in line else line[:3] for line in lines[first + 1 : last]]
    assert set(beside) == {"● │", "│ ●"}
    assert max(map(len, lines)) <= 80


@pytest.fixture(scope="module")
def cnn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with two convolutions on the 8×8 digits."""
    options = {"name": "cnn", "channels": [5, 14], "kernels": [3], "strides": [1], "hidden": []}
    plan = {"epochs": 1, "threads": 1}
    recipe = make(Recipe, {"data": {"name": "digits", "limit": 300}, "model": options, "plan": plan})
    return tiza.fit(recipe, run=tmp_path_factory.mktemp("runs") / "cnn").path


@pytest.fixture(scope="module")
def mlp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with hidden units on the 8×8 digits."""
    recipe = make(Recipe, {"data": {"name": "digits", "limit": 300}, "model": "mlp", "plan": {"epochs": 1}})
    return tiza.fit(recipe, run=tmp_path_factory.mktemp("runs") / "mlp").path


def asked(cnn: Path, mlp: Path) -> dict[str, list[object]]:
    return {
        "kernels": [cnn, "--layer", "conv2"], "filter": ["examples/photo.jpg"], "maps": [cnn, 3, "--layer", "relu2"],
        "units": [mlp],
    }  # fmt: skip


SAID = {
    "kernels": {"en": ["14 kernels of 3×3", "looks for edges"], "es": ["14 núcleos de 3×3", "busca bordes"]},
    "filter": {"en": ["photo.jpg: 192×256", "cross-correlation"], "es": ["photo.jpg: 192×256", "correlación cruzada"]},
    "maps": {"en": ["relu2: 14 maps", "validation 3"], "es": ["relu2: 14 mapas", "validación 3"]},
    "units": {"en": ["linear1: what its 128 units", "training samples"], "es": ["qué buscan sus 128", "entrenamiento"]},
}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("what", SAID)
def test_what_a_network_sees_is_told_drawn_and_given_as_json(
    command: Callable[..., Said], cnn: Path, mlp: Path, tmp_path: Path, what: str, language: str
):
    words = asked(cnn, mlp)[what]
    said = command(what, *words, "--lang", language)
    assert said.code == 0, said.err
    assert all(word in said.out for word in SAID[what][language]), said.out
    assert f"tiza explain {what} " in said.out
    assert all(len(line) <= 80 for line in said.out.splitlines() if "/" not in line), said.out
    told = command(what, *words, "--json", "--save", tmp_path).json()
    assert [Path(path).name for path in told["saved"]] == [f"{what}.png", f"{what}.svg"]
    assert all(Path(path).stat().st_size > 1000 for path in told["saved"])


def test_the_numbers_are_those_of_the_functions(command: Callable[..., Said], cnn: Path, mlp: Path):
    from tiza import explain

    said = {what: command(what, *words, "--json").json() for what, words in asked(cnn, mlp).items()}
    assert np.array_equal(np.array(said["kernels"]["weights"], np.float32), explain.kernels(cnn, "conv2").weights)
    assert np.array_equal(said["filter"]["result"], explain.filter(Path("examples/photo.jpg")).result)
    of = explain.maps(cnn, 3, "relu2")
    assert np.array_equal(np.array(said["maps"]["values"], np.float32), of.values)
    assert (said["maps"]["answer"], said["maps"]["label"]) == (of.answer, of.label)
    assert [one["unit"] for one in said["units"]["units"]] == explain.units(mlp).order.tolist()
    over = command("kernels", cnn, "--layer", "conv2", "--channel", 4, "--json").json()
    assert over["channels"] == [4] * 14


def test_a_sample_of_a_data_set_is_filtered_and_a_picture_has_maps(command: Callable[..., Said], cnn: Path):
    words = ["--kernel", "1,0,-1;2,0,-2;1,0,-1", "--sample", 2, "--split", "valid", "--padding", "same"]
    told = command("filter", "digits", *words, "--json").json()
    x = tiza.load("digits").open_valid("test").x[2, 0].double()
    weights = torch.tensor(told["kernel"]).double()
    expected = torch.nn.functional.conv2d(x[None, None], weights[None, None], padding=1)[0, 0]
    assert np.array_equal(told["result"], expected.numpy())
    assert command("filter", "digits", "--json").json()["size"] == [8, 8], "the first, where none is said"
    told = command("maps", cnn, "examples/pen.png", "--json").json()
    assert (told["layer"], told["label"], told["name"]) == ("conv1", None, "pen.png")
    row = command("maps", cnn, 0, "--layer", "logits").out
    assert "logits: 10 units" in row


OWN = """from torch import nn


def net():
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 10))
"""


def test_a_module_of_ones_own_is_given_by_its_file(command: Callable[..., Said], tmp_path: Path):
    (tmp_path / "own.py").write_text(OWN)
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 10))
    plan = make(Recipe, {"data": "digits", "model": "softmax", "plan": {"epochs": 1, "threads": 1}}).plan
    run = tiza.fit(net, tiza.load("digits"), plan, run=tmp_path / "run").path
    for words in (["kernels", run], ["maps", run, 0], ["units", run]):
        refused = command(*words)
        assert refused.code == 2
        assert "--model FILE.py:NAME" in refused.err
        told = command(*words, "--model", f"{tmp_path / 'own.py'}:net", "--json")
        assert told.code == 0, told.err
        assert told.json()["layer"] in ("0", "3")
    refused = command("structure", run)
    assert refused.code == 2
    assert "tiza explain structure FILE.py:NAME --input 1x8x8" in refused.err
    told = command("structure", f"{tmp_path / 'own.py'}:net", "--input", "1x8x8", "--json").json()
    assert [node["type"] for node in told["nodes"]] == ["", "Conv2d", "ReLU", "Flatten", "Linear"]
