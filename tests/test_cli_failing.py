"""``tiza explain`` where it fails: what the commands print, in both languages, as JSON and as pictures."""

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from torch import nn

import tiza
from said import Said
from tiza.config import Recipe, make


@pytest.fixture
def command(command: Callable[..., Said]) -> Callable[..., Said]:
    """``tiza explain …`` in this process."""
    return partial(command, "explain")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on the 8×8 digits that errs now and then."""
    plan = {"epochs": 3, "lr": 0.01, "threads": 1}
    recipe = make(Recipe, {"data": "digits", "model": {"name": "mlp", "hidden": [16]}, "plan": plan})
    return tiza.fit(recipe, run=tmp_path_factory.mktemp("runs") / "run").path


OWN = "from torch import nn\n\n\ndef net():\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run of a module of one's own, and where it is."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "own.py").write_text(OWN)
    recipe = make(Recipe, {"data": "digits", "model": "softmax", "plan": {"epochs": 1, "threads": 1}})
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    run = tiza.fit(net, tiza.load("digits"), recipe.plan, run=folder / "run")
    return run.path, f"{folder / 'own.py'}:net"


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ["taken for each other", "The surest first", "For the picture: tiza explain confused"]),
     ("es", ["se confunden", "Primero las más seguras", "tiza explain confused"])],
)  # fmt: skip
def test_confusions_are_told_drawn_and_given_as_json(
    command: Callable[..., Said], run: Path, tmp_path: Path, language: str, words: list[str]
):
    said = command("confused", run, "--lang", language)
    assert said.code == 0, said.err
    assert all(word in said.out for word in words), said.out
    assert all(len(line) <= 80 for line in said.out.splitlines() if " → " in line or "↔" in line)
    told = command("confused", run, "--json", "--save", tmp_path).json()
    assert [Path(path).name for path in told["saved"]] == ["confused.png", "confused.svg"]
    assert all(Path(path).stat().st_size > 1000 for path in told["saved"])
    first, cell = told["pairs"][0], told["cell"]
    assert " ↔ ".join(first["classes"]) in said.out
    assert f"tiza explain answer {run} {cell['samples'][0]['index']}" in said.out
    answer = command("answer", run, cell["samples"][0]["index"], "--json").json()
    assert (answer["label"], answer["answer"]) == (cell["label"], cell["answer"])
    assert max(answer["probabilities"]) == pytest.approx(cell["samples"][0]["probability"], abs=1e-6)
    chosen = command("confused", run, "--cell", "0,1", "--split", "train", "--json").json()
    assert (chosen["split"], chosen["cell"]["label"], chosen["cell"]["answer"]) == ("train", "0", "1")


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ["Expected calibration error", "To be right 95", "tiza explain calibration"]),
     ("es", ["Error de calibración esperado", "Para acertar el 95", "tiza explain calibration"])],
)  # fmt: skip
def test_calibration_is_told_drawn_and_given_as_json(
    command: Callable[..., Said], run: Path, tmp_path: Path, language: str, words: list[str]
):
    said = command("calibration", run, "--wanted", 0.95, "--lang", language)
    assert said.code == 0, said.err
    assert all(word in said.out for word in words), said.out
    assert "--wanted 0.95 --save" in said.out
    told = command("calibration", run, "--wanted", 0.95, "--bins", 10, "--json", "--save", tmp_path).json()
    assert [Path(path).name for path in told["saved"]] == ["calibration.png", "calibration.svg"]
    assert (len(told["width"]["n"]), sum(told["width"]["n"]), told["wanted"]) == (10, told["n"], 0.95)
    assert told["enough"]["accuracy"] >= 0.95
    assert told["thresholds"][0]["coverage"] == 1
    evaluated = json.loads((run / "report.json").read_text()) if (run / "report.json").exists() else None
    assert evaluated is None, "nothing was evaluated"


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ["shift", "grey levels (σ)", "at severity 3", "tiza explain robustness"]),
     ("es", ["traslación", "niveles de gris (σ)", "en la intensidad 3", "tiza explain robustness"])],
)  # fmt: skip
def test_robustness_is_told_drawn_and_given_as_json(
    command: Callable[..., Said], run: Path, tmp_path: Path, language: str, words: list[str]
):
    said = command("robustness", run, "--samples", 60, "--lang", language)
    assert said.code == 0, said.err
    assert all(word in said.out for word in words), said.out
    assert "--samples 60 --save" in said.out
    told = command("robustness", run, "--kind", "noise", "--kind", "shift", "--json", "--save", tmp_path).json()
    assert [Path(path).name for path in told["saved"]] == ["robustness.png", "robustness.svg"]
    assert [curve["kind"] for curve in told["curves"]] == ["noise", "shift"]
    assert [len(curve["accuracy"]) for curve in told["curves"]] == [6, 6]
    low, high = told["curves"][0]["intervals"][0]
    assert low < told["curves"][0]["accuracy"][0] < high


@pytest.mark.parametrize(
    ("language", "words", "kept"),
    [("en", ["in 3 folds", "By confident learning", "look before you change"], "are kept"),
     ("es", ["en 3 partes", "Según el aprendizaje confiado", "mira antes de cambiar"], "ya se entrenaron")],
)  # fmt: skip
def test_label_errors_are_told_drawn_and_given_as_json(
    command: Callable[..., Said], run: Path, tmp_path: Path, language: str, words: list[str], kept: str
):
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    said = command("label-errors", copy, "--folds", 3, "--lang", language)
    assert said.code == 0, said.err
    assert all(word in said.out for word in words), said.out
    assert "3" in said.err.splitlines()[0], "it warns how long"
    assert "--folds 3 --save" in said.out
    told = command("label-errors", copy, "--folds", 3, "--by", "self-confidence", "--json", "--save", tmp_path)
    assert told.err == ""
    plain = told.json()
    assert [Path(path).name for path in plain["saved"]] == ["label-errors.png", "label-errors.svg"]
    assert (plain["folds"], plain["n"]) == (3, 1438)
    scores = [error["score"] for error in plain["errors"]]
    assert scores == sorted(scores) == [error["label_probability"] for error in plain["errors"]]
    assert kept in command("label-errors", copy, "--folds", 3, "--lang", language).err


def test_label_errors_of_a_recipe_need_no_run(command: Callable[..., Said]):
    told = command("label-errors", "004-iris", "--folds", 2, "--json").json()
    assert (told["folds"], len(told["classes"])) == (2, 3)


def test_a_module_of_ones_own_is_given_by_its_file(command: Callable[..., Said], own: tuple[Path, str]):
    run, module = own
    for what in ("confused", "calibration", "robustness"):
        assert command(what, run, "--model", module, "--json").code == 0
        refused = command(what, run)
        assert refused.code == 2
        assert "--model FILE.py:NAME" in refused.err
