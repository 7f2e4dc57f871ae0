"""``tiza search``: what it prints, in both languages, and as JSON."""

import json
from pathlib import Path

import pytest

from tiza.cli import main
from tiza.cli.searching import seconds, shown
from tiza.errors import TizaError

ASKED = ["iris", "--set", "plan.threads=1", "--set", "plan.epochs=15", "--set", "model.hidden=8"]
GRID = ["--grid", "plan.lr=0.00001,0.01,0.01", "--grid", "plan.batch_size=16,32"]


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        main(["search", *arguments])
    said = capsys.readouterr()
    return int(stopped.value.code or 0), said.out, said.err


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["Best on validation", "never distinct", "Opening 1", "Next: tiza search --resume last", "Verdict"]),
        (
            "es",
            ["El mejor en validación", "nunca fueron distintos", "Apertura número 1", "Siguiente: tiza", "Veredicto"],
        ),
    ],
)
def test_the_ranking_is_told_in_words(language: str, words: list[str], capsys: pytest.CaptureFixture[str]):
    code, out, err = command(capsys, *ASKED, *GRID, "--lang", language)
    assert code == 0
    assert err == ""
    for word in words:
        assert word in out
    assert all(len(line) <= 80 for line in out.splitlines() if "  " in line.strip())


def test_of_many_fields_no_value_is_cut_off(capsys: pytest.CaptureFixture[str]):
    more = ["--grid", "plan.weight_decay=0.001", "--grid", "plan.epochs=3", "--grid", "model.dropout=0.25"]
    _, out, _ = command(capsys, *ASKED, *GRID, *more, "--sealed")
    table = " ".join(out.partition("\n\n")[0].split())
    for value in ("lr=1e-05", "batch_size=16", "weight_decay=0.001", "epochs=3", "dropout=0.25", "best"):
        assert value in table
    assert all(len(line) <= 80 for line in out.partition("\n\n")[0].splitlines())


def test_json_has_one_object_for_each_trial_ranked(capsys: pytest.CaptureFixture[str], home: Path):
    code, out, _ = command(capsys, *ASKED, *GRID, "--sealed", "--json", "--run", str(home / "own"))
    found = json.loads(out)
    assert code == 0
    assert found["search"] == str(home / "own")
    assert [trial["rank"] for trial in found["trials"]] == [1, 2, 3, 4, 5, 6]
    assert {trial["trial"] for trial in found["trials"]} == set(range(6))
    assert found["trials"][0]["values"].keys() == {"plan.lr", "plan.batch_size"}
    assert found["trials"][0]["verdict"] == "best"
    assert found["report"] is None
    accuracies = [trial["accuracy"] for trial in found["trials"]]
    assert accuracies == sorted(accuracies, reverse=True)


def test_a_finished_search_is_shown_again_without_training(capsys: pytest.CaptureFixture[str]):
    _, first, _ = command(capsys, *ASKED, *GRID, "--sealed")
    _, again, _ = command(capsys, "--resume", "last", "--sealed")
    assert again == first


def test_a_field_given_twice_has_all_its_values(capsys: pytest.CaptureFixture[str]):
    _, out, _ = command(capsys, *ASKED, "--grid", "plan.lr=0.1", "--grid", "plan.lr=0.2", "--sealed", "--json")
    assert {trial["values"]["plan.lr"] for trial in json.loads(out)["trials"]} == {0.1, 0.2}


def test_data_without_a_recipe_gets_one_that_suits_it(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    rows = "\n".join(f"{i % 7},{(i * 3) % 5},{'yes' if i % 2 else 'no'}" for i in range(60))
    (tmp_path / "rows.csv").write_text(f"a,b,answer\n{rows}\n")
    code, out, err = command(
        capsys, str(tmp_path / "rows.csv"), "--target", "answer", "--grid", "plan.lr=0.01,0.1", "--sealed", "--json",
    )  # fmt: skip
    assert code == 0, err
    assert len(json.loads(out)["trials"]) == 2


def test_pictures_are_saved(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    code, out, _ = command(capsys, *ASKED, *GRID, "--sealed", "--save", str(tmp_path / "figures"))
    assert code == 0
    assert len(list((tmp_path / "figures").glob("*.png"))) >= 4
    assert "figures" in out


@pytest.mark.parametrize(("text", "value"), [("90s", 90), ("20m", 1200), ("2h", 7200), ("1,5 h", 5400), ("30", 30)])
def test_durations(text: str, value: float):
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["soon", "1x", "-3s", "", "1h30"])
def test_what_is_no_duration_is_told(text: str):
    with pytest.raises(TizaError, match="90s"):
        seconds(text)


@pytest.mark.parametrize(
    ("value", "text"), [(0.001, "0.001"), ([50, 50], "[50,50]"), ([50], "50"), ("relu", "relu"), (1 / 3, "0.333")]
)
def test_values_are_shown_as_one_would_write_them(value: object, text: str):
    assert shown(value) == text
