"""tiza.models.own: a module of the user's own from FILE.py:NAME."""

import os
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import tiza
from tiza.errors import RequestError, TizaError
from tiza.models.building import build
from tiza.models.own import is_own, own_module

SOURCE = """
import torch
from torch import nn
from neighbour import WIDTH


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.out = nn.Linear(4, WIDTH), nn.Linear(WIDTH, 3)

    def forward(self, x):
        return self.out(torch.relu(self.hidden(x)))


class Asks(nn.Sequential):
    def __init__(self, shape, classes, width=5):
        super().__init__(nn.Linear(shape[0], width), nn.Linear(width, classes))


class Needs(nn.Module):
    def __init__(self, width, *, depth):
        super().__init__()


class Plain:
    pass


def made():
    return Net()


def made_for(shape, classes):
    print("made for", shape, classes)
    return Asks(shape, classes)


def three():
    return 3


def broken():
    width = "wide"
    return nn.Linear(4, width)


def leaves():
    raise SystemExit(3)


def fails_inside():
    class Inside(Net):
        def forward(self, x):
            return self.out(x)  # not what it takes
    return Inside()


ready = Net()
alias = Net
number = 3
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A file with models, and a file beside it that it imports."""
    (tmp_path / "neighbour.py").write_text("WIDTH = 6\n")
    path = tmp_path / "my module.py"
    path.write_text(SOURCE)
    sys.modules.pop("neighbour", None)
    return path


def refused(what: object) -> TizaError:
    with pytest.raises(RequestError) as caught:
        own_module(str(what), (4,), 3)
    assert str(caught.value)
    return caught.value


def line_of(text: str) -> int:
    return next(n for n, line in enumerate(SOURCE.splitlines(), 1) if text in line)


@pytest.mark.parametrize(
    ("name", "own"),
    [("net.py:Net", True), ("a folder/net.py:Net", True), ("net.py", True), (r"C:\\nets\\net.py:Net", True),
     ("mlp", False), ("resnet18", False), ("py:Net", False)],
)  # fmt: skip
def test_a_module_of_ones_own_is_told_by_its_name(name: str, own: bool):
    assert is_own(name) is own


@pytest.mark.parametrize("name", ["Net", "Asks", "made", "made_for", "ready", "alias"])
def test_classes_functions_and_modules_give_a_model(module: Path, name: str):
    path, written = list(sys.path), sys.dont_write_bytecode
    model = own_module(f"{module}:{name}", (4,), 3)
    assert model(torch.zeros(2, 4)).shape == (2, 3)
    assert (sys.path, sys.dont_write_bytecode) == (path, written)
    assert sorted(file.name for file in module.parent.iterdir()) == ["home", "my module.py", "neighbour.py"]


@pytest.mark.parametrize("name", ["Net", "Asks", "ready"])
def test_the_seed_decides_the_weights_and_the_callers_random_state_stays(module: Path, name: str):
    before = torch.get_rng_state()
    one, same, other = (own_module(f"{module}:{name}", (4,), 3, seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not all(torch.equal(one[key], other[key]) for key in one)
    assert torch.equal(torch.get_rng_state(), before)


def test_what_the_users_code_prints_does_not_go_to_stdout(module: Path, capsys: pytest.CaptureFixture[str]):
    own_module(f"{module}:made_for", (4,), 3)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "made for (4,) 3\n")


def test_a_file_in_this_folder_is_named_as_it_was_given(module: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(module.parent)
    assert own_module("my module.py:Net", (4,), 3)
    line = line_of("return nn.Linear(4, width)")
    assert refused("my module.py:broken").where == f"my module.py:{line}"


@pytest.mark.parametrize(
    ("name", "code", "text", "says"),
    [
        ("broken", "own-constructor", "return nn.Linear(4, width)", "TypeError"),
        ("leaves", "own-constructor", "raise SystemExit(3)", "SystemExit: 3"),
        ("Needs", "own-arguments", "class Needs(nn.Module):", "width, depth"),
        ("Plain", "own-type", "class Plain:", "type"),
        ("three", "own-type", "def three():", "int"),
        ("number", "own-type", "number = 3", "int"),
        ("WIDTH", "own-type", "from neighbour import WIDTH", "int"),
        ("torch", "own-type", "import torch", "module"),
    ],
)
def test_what_is_no_model_is_refused_with_the_users_own_line(module: Path, name: str, code: str, text: str, says: str):
    error = refused(f"{module}:{name}")
    assert (error.code, error.where) == (code, f"{module}:{line_of(text)}")
    assert error.fields["text"] == text
    assert says in str(error)


@pytest.mark.parametrize(
    ("source", "line", "says"),
    [
        ("import torch\nimport nowhere_at_all\n", 2, "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("def f(:\n    pass\n", 1, "SyntaxError: "),
        ("x = 1\nif x:\npass\n", 3, "IndentationError: "),
        ("def f():\n    return 1 / 0\n\nf()\n", 2, "ZeroDivisionError: division by zero"),
        ("import json\njson.loads('{')\n", 2, "JSONDecodeError: "),
        ("import sys\nsys.exit()\n", 2, "SystemExit"),
        ("raise ValueError\n", 1, "ValueError"),
        ("from helper_that_fails import x\n", 0, "NameError"),
        ("x = '\0'\n", 1, ""),
    ],
)
def test_a_file_that_fails_to_import_is_refused_with_its_own_line(tmp_path: Path, source: str, line: int, says: str):
    (tmp_path / "helper_that_fails.py").write_text("\n\nundefined_name\n")
    path = tmp_path / "bad.py"
    path.write_text(source)
    error = refused(f"{path}:Net")
    assert error.code == "own-import"
    assert error.where == (f"{path}:{line}" if line else f"{tmp_path / 'helper_that_fails.py'}:3")
    assert says in str(error)
    assert "own_bad" not in sys.modules


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path):
    (tmp_path / "latin.py").write_bytes("# café\nx = 'é'\n".encode("latin-1"))
    assert refused(f"{tmp_path / 'latin.py'}:Net").code == "own-import"


def test_a_name_that_is_missing_suggests_the_nearest_and_no_name_lists_all(module: Path):
    assert "“Net”" in str(refused(f"{module}:Nett"))
    for nameless in (module, f"{module}:"):
        error = refused(nameless)
        assert error.code == "own-name"
        assert error.fields["names"].split(", ")[:4] == ["Net", "Asks", "Needs", "made"]


@pytest.mark.parametrize("what", ["nowhere.py:Net", "nowhere.py", "folder.py:Net", "mlp", ""])
def test_a_file_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.py").mkdir()
    assert refused(what).code == "own-missing"


def test_a_model_that_fails_on_a_sample_shows_the_users_line(module: Path):
    with pytest.raises(TizaError) as caught:
        build(own_module(f"{module}:fails_inside", (4,), 3), tiza.load("iris"))
    assert (caught.value.code, caught.value.where) == ("model-input", "body.out")
    assert f"{module}:{line_of('# not what it takes')}: return self.out(x)" in str(caught.value)


def test_a_failure_inside_torch_alone_names_no_line():
    with pytest.raises(TizaError) as caught:
        build(nn.Sequential(nn.Linear(5, 3)), tiza.load("iris"))
    assert os.sep not in caught.value.fields["reason"]
