"""``tiza explain`` what a network is made of and sees: what the commands print, as JSON and as pictures."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tiza.cli import main


@dataclass
class Said:
    code: int
    out: str
    err: str

    def json(self) -> dict:
        (line,) = self.out.splitlines()
        return json.loads(line)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """``tiza explain …`` in this process."""

    def run(*arguments: object) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main(["explain", *(str(argument) for argument in arguments)])
        said = capsys.readouterr()
        return Said(int(stopped.value.code or 0), said.out, said.err)

    return run


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


def test_a_shortcut_runs_beside_what_it_goes_round(command: Callable[..., Said]):
    lines = command("structure", "resnet18", "--input", "1x28x28").out.splitlines()
    first = next(i for i, line in enumerate(lines) if "●─╮" in line)
    last = next(i for i, line in enumerate(lines) if "●─╯" in line)
    assert (lines[first].split()[1], lines[last].split()[1]) == ("relu1", "stage1.block1.add")
    beside = [line.split("●")[0] + "●" if "│ ●" in line else line[:3] for line in lines[first + 1 : last]]
    assert set(beside) == {"● │", "│ ●"}
    assert max(map(len, lines)) <= 80
