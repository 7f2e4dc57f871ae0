"""The command: what it prints, where, with which exit code; and the table of bad inputs."""

import json
import os
import re
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import tiza
from tiza.cli import main
from tiza.storage import read_lines

WINE = Path(__file__).parent / "files" / "winequality-red.csv"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, unpacked: Path) -> tuple[Path, dict, float]:
    """``tiza train mnist --json`` in a process of its own: the run, what it printed, its peak memory in MB."""
    folder = tmp_path_factory.mktemp("una carpeta con eñe")
    (folder / "home").mkdir()
    (folder / "home" / "cache").symlink_to(unpacked)
    # The peak of this process image alone: what ru_maxrss counts begins with the process that it was forked from.
    run = str(folder / "mi run")
    code = (
        "import atexit, re, sys; from tiza.cli import main\n"
        "status = lambda: re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]\n"
        "atexit.register(lambda: print(status(), file=sys.stderr))\n"
        f"main(['train', 'mnist', '--json', *'--set plan.epochs=1 --set plan.threads=1'.split(), '--run', {run!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TIZA_HOME": str(folder / "home")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    return folder / "mi run", json.loads(line), int(done.stderr.split()[-1]) * 1024 / 1e6


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, unpacked: Path) -> Path:
    """A finished run on the 8×8 digits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIZA_HOME", str(tmp_path_factory.mktemp("home")))
        recipe = {
            "data": "digits",
            "model": {"name": "mlp", "hidden": [32]},
            "plan": {"epochs": 8, "lr": 0.01, "threads": 1},
        }
        return tiza.fit(tiza.Recipe.model_validate(recipe), run=tmp_path_factory.mktemp("runs") / "small").path


def tile(folder: Path, index: int = 0, name: str = "digit.png") -> tuple[Path, int]:
    """A test image of MNIST as a file, and its label."""
    test = tiza.load("mnist").test.look()
    path = folder / name
    Image.fromarray(test.x[index, 0].numpy()).save(path)
    return path, int(test.y[index])


# --- what it prints ---------------------------------------------------------------------------------------------------


def test_train_prints_one_object_with_all_that_was_promised(trained):
    _, said, _ = trained
    assert {
        "run", "recipe", "model", "parameters", "epochs", "seconds", "seconds_total", "samples_per_second", "device",
        "threads", "train", "valid", "test", "test_opening",
    } <= said.keys()  # fmt: skip
    for split, n in (("train", 55_000), ("valid", 5_000), ("test", 10_000)):
        of = said[split]
        assert of.keys() == {"n", "loss", "accuracy", "interval", "f1_macro"}
        assert of["n"] == n
        assert of["interval"][0] < of["accuracy"] < of["interval"][1] <= 1
    assert said["test"]["accuracy"] > 0.98
    assert said["recipe"] == "mnist-fast"
    assert said["test_opening"] == 1
    assert 0 < said["seconds"] < said["seconds_total"]


def test_training_mnist_stays_under_900_megabytes(trained):
    assert trained[2] < 900


def test_evaluate_counts_the_opening_and_agrees_with_train(command, trained):
    run, said, _ = trained
    again = command("evaluate", run, "--json").json()
    assert again["test"]["accuracy"] == said["test"]["accuracy"]
    assert again["test_opening"] == 1  # another TIZA_HOME, another ledger
    assert command("evaluate", run, "--json").json()["test_opening"] == 2
    assert command("evaluate", run, "--sealed", "--json").json()["test_opening"] == 2  # nothing was opened


def test_predict_answers_with_label_class_and_probabilities(command, trained, tmp_path: Path):
    files, labels = zip(*(tile(tmp_path, i, f"dígito {i}.png") for i in range(20)), strict=True)
    predictions = command("predict", trained[0], *files, "--json").json()["predictions"]
    assert [p["file"] for p in predictions] == [str(file) for file in files]
    assert sum(p["label"] == label for p, label in zip(predictions, labels, strict=True)) >= 19
    for p in predictions:
        assert p.keys() == {"file", "label", "class", "probability", "probabilities"}
        assert sum(p["probabilities"]) == pytest.approx(1)
        assert p["class"] == str(p["label"])


def test_a_blank_picture_holds_no_digit(command, trained, tmp_path: Path):
    Image.new("RGB", (300, 200), "white").save(tmp_path / "blank.jpg")
    said = command("predict", trained[0], tmp_path / "blank.jpg")
    assert said.code == 0
    assert "no digit" in said.out
    answer = command("predict", trained[0], tmp_path / "blank.jpg", "--json").json()["predictions"][0]
    assert answer["label"] is None


def test_predict_and_evaluate_save_their_figures(command, trained, small, tmp_path: Path):
    file, _ = tile(tmp_path)
    said = command("predict", trained[0], file, "--save", tmp_path / "seen", "--json").json()
    assert said["saved"]
    assert all(Path(path).stat().st_size > 1000 for path in said["saved"])
    said = command("evaluate", small, "--save", tmp_path / "figures", "--json").json()
    names = {Path(path).stem for path in said["saved"]}
    assert names == {"curves", "confusion", "confusion-rates", "worst", "overview"}


def test_the_answer_goes_to_stdout_and_progress_to_stderr(command, tmp_path: Path):
    said = command("train", "digits", "--set", "plan.epochs=2", "--run", tmp_path / "run")
    assert said.code == 0
    assert "2/2" in said.err
    assert "2/2" not in said.out
    assert "95 % interval" in said.out
    assert "tiza evaluate" in said.out
    assert max(map(len, said.err.splitlines())) <= 80
    assert "\x1b[" not in said.err + said.out


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_human_output_fits_a_terminal_of_80_columns(command, small, tmp_path: Path, language: str):
    shutil.copytree(small, tmp_path / "r")
    (tmp_path / "r" / "report.json").unlink(missing_ok=True)
    for arguments in (["evaluate", "r"], ["runs", "show", "r"], ["data", "list"], ["data", "show", "iris"], ["runs"]):
        arguments = [str(tmp_path / "r") if word == "r" else word for word in arguments]
        said = command(*arguments, "--lang", language)
        assert said.code == 0, said.err
        wide = [line for line in said.out.splitlines() if len(line) > 80 and str(tmp_path) not in line]
        assert not wide, wide


def test_runs_are_listed_shown_and_deleted(command, home: Path):
    assert "No runs yet" in command("runs").out
    command("train", "iris", "--json")
    (one,) = command("runs", "list", "--json").json()["runs"]
    assert one["status"] in ("done", "early")
    assert command("runs", "show", "last", "--json").json()["name"] == one["name"]
    assert one["name"] in command("runs").out
    assert command("runs", "delete", one["name"]).code == 0
    assert not (home / "runs" / one["name"]).exists()


def test_seed_set_model_and_recipe_change_what_is_trained(command, tmp_path: Path):
    command(
        "train",
        "digits",
        "--model",
        "softmax",
        "--seed",
        7,
        "--set",
        "plan.epochs=1",
        "--run",
        tmp_path / "a",
        "--json",
    )
    recipe = json.loads((tmp_path / "a" / "recipe.json").read_text())
    assert (recipe["model"]["name"], recipe["plan"]["seed"], recipe["plan"]["epochs"]) == ("softmax", 7, 1)
    said = command("train", "--recipe", tmp_path / "a" / "recipe.json", "--run", tmp_path / "b", "--json")
    assert said.code == 0
    assert (tmp_path / "a" / "model" / "weights.safetensors").read_bytes() == (
        tmp_path / "b" / "model" / "weights.safetensors"
    ).read_bytes()


def test_sealed_training_opens_nothing(command, home: Path, tmp_path: Path):
    said = command("train", "iris", "--sealed", "--run", tmp_path / "run", "--json").json()
    assert said["test"] is None
    assert not (home / "openings.jsonl").exists()


@pytest.mark.parametrize(("language", "name"), [("en", "Over-fitting: "), ("es", "Sobreajuste: ")])
def test_train_evaluate_and_runs_show_say_what_went_wrong(command, tmp_path: Path, language: str, name: str):
    run = tmp_path / "run"
    plan = ["--set", "plan.epochs=80", "--set", "plan.threads=1", "--lang", language]
    said = [command("train", "--recipe", "004-overfit", *plan, "--run", run)]
    said += [command(*words, run, "--lang", language) for words in (["evaluate"], ["runs", "show"])]
    for one in said:
        (first,) = [line for line in one.out.splitlines() if line.startswith(name)]
        assert len(first) <= 80
    plain = [command(*words, run, "--lang", language, "--json").json() for words in (["evaluate"], ["runs", "show"])]
    (one,), (other,) = (each["diagnosis"] for each in plain)
    assert one == other
    assert one.keys() == {"code", "severity", "message", "advice", "fields"}
    assert (one["code"], one["severity"]) == ("overfit", "warning")
    assert one["message"].startswith(name)
    assert one["fields"]["train"] > one["fields"]["valid"]


def test_nothing_is_said_of_a_healthy_run(command, tmp_path: Path):
    said = command("train", "iris", "--run", tmp_path / "run", "--json").json()
    assert said["diagnosis"] == []
    assert ": " not in command("evaluate", tmp_path / "run").out.split("Calibration error")[1].partition("\n\n")[2]


def test_validating_on_test_opens_it_every_epoch_and_leaves_no_test_figure(command, home: Path, tmp_path: Path):
    options = ["--set", "data.valid=test", "--set", "plan.epochs=4", "--run", tmp_path / "run"]
    said = command("train", "iris", *options, "--json").json()
    assert said["test"] is None
    assert said["test_reason"] == "as-written"
    assert said["valid"]["n"] == 30
    purposes = [line["purpose"] for line in read_lines(home / "openings.jsonl")]
    assert purposes == ["validation"] * 5  # four epochs and the report


def test_data_show_prints_the_splits_and_opens_nothing(command, home: Path):
    facts = command("data", "show", "digits", "--json").json()
    assert sum(map(sum, facts["counts"].values())) == 1797
    assert facts["shape"] == [1, 8, 8]
    assert not (home / "openings.jsonl").exists()


# --- start ------------------------------------------------------------------------------------------------------------

HEAVY = {"torch", "numpy", "pydantic", "pandas", "sklearn", "matplotlib", "torchvision", "PIL"}


def modules_of(*arguments: str) -> set[str]:
    """What a command imports, in a process of its own."""
    code = (
        f"import sys\nfrom tiza.cli import main\ntry: main({list(arguments)!r})\nexcept SystemExit: print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_help_imports_nothing_heavy():
    modules = modules_of("--help")
    assert not HEAVY & modules
    assert len(modules) < 450


def test_data_list_imports_neither_torch_nor_pandas():
    modules = modules_of("data", "list")
    assert not (HEAVY - {"numpy", "pydantic"}) & modules  # typer looks for pydantic, which is light until used


def test_import_tiza_imports_nothing():
    code = "import sys; before = set(sys.modules); import tiza; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


def test_every_command_has_help_in_both_languages(command):
    from typer.main import get_command

    from tiza.cli.app import commands

    def paths(group, before=()):
        for name, one in group.commands.items():
            yield (*before, name)
            if hasattr(one, "commands"):
                yield from paths(one, (*before, name))

    every = list(paths(get_command(commands())))
    assert ("runs", "delete") in every
    for path in every:
        english, spanish = (command(*path, "--help", "--lang", language) for language in ("en", "es"))
        assert english.code == spanish.code == 0
        assert "Usage:" in english.out
        assert "Uso:" in spanish.out
        assert not {"Options", "Usage", "Arguments", "Show this"} & set(spanish.out.replace("─", " ").split())


# --- data of one's own ------------------------------------------------------------------------------------------------


def test_a_csv_is_trained_evaluated_and_answers_new_rows(command, tmp_path: Path):
    run = tmp_path / "wine"
    said = command("train", WINE, "--binarise", "quality>=6", "--run", run, "--json").json()
    assert said["test"]["accuracy"] > 0.65  # a dummy reaches 0.53
    assert said["test"]["n"] == 320
    lines = WINE.read_text().splitlines()
    (tmp_path / "new.csv").write_text(
        "\n".join([lines[0].replace(";", ","), *(x.replace(";", ",") for x in lines[5:8])])
    )
    answers = command("predict", run, tmp_path / "new.csv", "--json").json()["predictions"]
    assert [answer["file"] for answer in answers] == [f"{tmp_path / 'new.csv'}:{line}" for line in (2, 3, 4)]
    rows = np.array([[float(value) for value in line.split(";")[:-1]] for line in lines[5:8]])
    expected = tiza.Predictor(run).predict(rows)
    assert [answer["probabilities"] for answer in answers] == [list(one.probabilities) for one in expected]
    assert command("evaluate", run, "--json").json()["test"]["accuracy"] == said["test"]["accuracy"]


def test_data_audit_names_the_copies_repairs_them_and_writes_what_is_left(command, tmp_path: Path):
    data = tiza.load("digits", limit=300)
    x, y = data.train.x.numpy(), data.train.y.numpy()
    test = data.test.look()
    np.savez(
        tmp_path / "mine.npz", x_train=np.concatenate([x, x[:2]]), y_train=[*y, (y[0] + 1) % 10, y[1]],
        x_test=np.concatenate([test.x.numpy(), x[5:6]]), y_test=[*test.y.numpy(), y[5]],
    )  # fmt: skip
    said = command("data", "audit", tmp_path / "mine.npz", "--save", tmp_path / "figures")
    assert "test, also in train" in said.out
    assert f"train 0  train {len(x)}" in " ".join(said.out.split(" ")).replace("    ", "  ")
    assert (tmp_path / "figures" / "copies.png").exists()
    for lang, repair, gone in (("en", "grouped", 1), ("es", "drop", 4)):
        out = tmp_path / f"{repair}.zip"
        told = command("data", "audit", tmp_path / "mine.npz", "--repair", repair, "--to", out, "--json").json()
        assert (told["conflicts"], len(told["pairs"])) == (1, 3)
        assert told["repair"]["left_out"] == gone
        assert {n["identical"] for n in told["repair"]["audit"]["used"] if n["of"] != n["within"]} == {0}
        assert sum(told["repair"]["written"].values()) == len(x) + 2 + len(test) + 1 - gone
        again = command("data", "audit", out, "--lang", lang, "--json").json()
        assert {n["identical"] for n in again["used"] if n["of"] != n["within"]} == {0}
        told = command("data", "audit", tmp_path / "mine.npz", "--repair", repair, "--lang", lang).out
        assert f"tiza train {tmp_path / 'mine.npz'} --set data.copies={repair}" in told
    assert not (tmp_path / "home" / "openings.jsonl").exists()


def test_explain_crossing_says_by_how_much_validation_is_wrong(command, tmp_path: Path):
    asked = ("explain", "crossing", "004-underfit", "--seeds", "2")
    said = command(*asked, "--save", tmp_path, "--json").json()
    assert [one["n"] for one in said["shares"]] == [0, 20, 60, 200]
    assert said["shares"][3]["end"]["excess"][0] > said["shares"][0]["end"]["excess"][0]
    assert [Path(path).name for path in said["saved"]] == ["crossing.png", "crossing.svg"]
    told = command(*asked, "--lang", "es").out
    assert "nunca vistas" in told
    assert "tiza explain crossing 004-underfit --save" in told


def test_a_folder_of_pictures_is_trained_and_answers_pictures(command, tmp_path: Path):
    assert command("data", "export", "digits", tmp_path / "digits", "--per-class", "60/12/20", "--json").code == 0
    said = command("train", tmp_path / "digits", "--classes", "0,1,7", "--run", tmp_path / "run", "--json").json()
    assert said["test"]["n"] == 60
    assert said["test"]["accuracy"] > 0.9
    files = sorted((tmp_path / "digits" / "test" / "7").iterdir())
    answers = command("predict", tmp_path / "run", *files, "--json").json()["predictions"]
    assert sum(answer["class"] == "7" for answer in answers) >= 18


def test_what_was_done_to_the_data_is_said_once(command, tmp_path: Path):
    for i, name in enumerate(("a", "b")):
        (tmp_path / "mixed" / name).mkdir(parents=True)
        for j in range(6):
            size = (5 * j + 15, 30)
            Image.new("RGBA", size, (40 * j, 90 * i, 60, 128)).save(tmp_path / "mixed" / name / f"{j}.png")
    (tmp_path / "mixed" / "a" / "notes.txt").write_text("mine")
    said = command("train", tmp_path / "mixed", "--set", "plan.epochs=1", "--run", tmp_path / "run")
    assert said.code == 0, said.err
    for words in ("brought to 30×30 pixels", "white: 12", "notes.txt"):
        assert said.err.count(words) == 1, said.err
    spanish = command("data", "show", tmp_path / "mixed", "--lang", "es")
    assert "imágenes transparentes" in spanish.err


def test_lr_find_gives_a_rate_to_copy(command, tmp_path: Path):
    said = command("lr-find", "digits", "--model", "softmax", "--save", tmp_path, "--lang", "es")
    rate = re.search(r"--set plan\.lr=(\S+)\)", said.out)
    assert rate
    assert 0 < float(rate[1]) < 10
    assert (tmp_path / "rates.svg").exists()
    assert command("lr-find", "digits", "--json").json()["suggestion"] > 0
    assert command("lr-find").code == 2


@pytest.mark.parametrize(("lang", "words"), [("en", "shows"), ("es", "muestra")])
def test_recipes_lists_every_system_and_says_all_of_one(command, lang: str, words: str):
    listed = command("recipes", "--lang", lang).out
    assert words in listed
    told = command("recipes", "--json").json()["recipes"]
    assert len(told) == 58
    assert all(one["id"] in listed and one["command"].startswith("tiza ") and one["shows"] for one in told)
    one = command("recipes", "004-overfit", "--json").json()
    assert (one["recipe"], one["values"]["plan"]["epochs"]) == (True, 200)
    shown = command("recipes", "004-iris", "--lang", lang).out
    assert all(part in shown for part in ("tiza train --recipe 004-iris", "004-iris-as-written", "epochs=100"))


@pytest.mark.parametrize(("lang", "words"), [("en", "no difference in accuracy"), ("es", "pérdida +")])
def test_recipes_compare_says_in_words_what_a_mistake_costs(command, lang: str, words: str, tmp_path: Path):
    said = command("recipes", "compare", "004-iris", "--seeds", "2", "--lang", lang, "--save", tmp_path)
    assert said.code == 0
    assert words in said.out
    assert "004-iris-as-written" in said.out
    assert "compare-004-iris.png" in said.out
    assert {path.name for path in tmp_path.glob("compare*")} == {"compare-004-iris.png", "compare-004-iris.svg"}


@pytest.mark.parametrize("lang", ["en", "es"])
def test_small_examples_of_the_documents_come_out(command, lang: str, tmp_path: Path):
    assert command("explain", "flatten", "--lang", lang).out.count("(3, 3)") == 3
    number = {"en": "0.48", "es": "0,48"}[lang]
    assert number in command("explain", "epoch-loss", "--sizes", "100,100,50", "--lang", lang).out
    assert command("explain", "epoch-loss", "--json").json()["loss"] == pytest.approx(0.5)
    run = tmp_path / "run"
    command("train", "digits", "--set", "plan.epochs=1", "--sealed", "--run", run)
    told = command("explain", "answer", run, 3, "--json", "--save", tmp_path / "figures").json()
    assert sum(told["probabilities"]) == pytest.approx(1)
    assert told["answer"] == str(int(np.argmax(told["logits"])))
    assert told["right"] == (told["answer"] == told["label"])
    assert (tmp_path / "figures" / "answer.png").exists()
    assert told["label"] in command("explain", "answer", run, 3, "--lang", lang).out


@pytest.mark.parametrize("lang", ["en", "es"])
def test_profile_says_where_the_time_went(command, lang: str, tmp_path: Path):
    said = command("train", "digits", "--set", "plan.epochs=1", "--profile", "--run", tmp_path / "a", "--lang", lang)
    assert {"en": "optimizer", "es": "optimizador"}[lang] in said.out
    parts = command("train", "digits", "--set", "plan.epochs=1", "--profile", "--run", tmp_path / "b", "--json").json()
    assert parts["profile"].keys() == {"batches", "forward", "backward", "optimizer", "measuring", "readers"}
    assert (
        command("train", "digits", "--set", "plan.epochs=1", "--run", tmp_path / "c", "--json").json()["profile"]
        is None
    )


def test_skip_bad_lists_what_was_skipped_and_why(command, tmp_path: Path):
    lines = WINE.read_text().splitlines()
    lines[3] = lines[3].replace(";", ";;", 1)
    lines[7] = ";".join(["?", *lines[7].split(";")[1:]])
    (tmp_path / "bad.csv").write_text("\n".join(lines))
    options = ["--binarise", "quality>=6", "--set", "plan.epochs=1"]
    assert command("train", tmp_path / "bad.csv", *options).code == 1
    said = command("train", tmp_path / "bad.csv", *options, "--skip-bad", "--run", tmp_path / "run")
    assert said.code == 0
    assert "skipped: " in said.err
    assert all(f"line {line}" in said.err for line in (4, 8))
    shown = command("data", "show", tmp_path / "bad.csv", *options[:2], "--skip-bad", "--json").json()
    assert [one["code"] for one in shown["skipped"]] == ["ragged", "cell-missing"]
    assert next(c for c in shown["columns"] if c["name"] == "fixed acidity")["missing"] == 1


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["fashion-mnist", "--batch", "100", "--seed", "123"], {"classes", "samples", "mosaic", "sample", "batch"}),
        (["{wine}", "--binarise", "quality>=6", "--features", "alcohol,pH"], {"classes", "samples", "target"}),
        (["points", "--set", "data.kind=spirals"], {"classes", "samples"}),
        (["{picture}"], {"channels"}),
    ],
)
def test_data_show_saves_what_it_says(command, tmp_path: Path, arguments: list[str], names: set[str]):
    places = {"wine": WINE, "picture": tile(tmp_path)[0]}
    arguments = [argument.format(**places) for argument in arguments]
    said = command("data", "show", *arguments, "--save", tmp_path / "figures", "--json").json()
    assert {Path(path).stem for path in said["saved"]} == names
    assert all(Path(path).stat().st_size > 1000 for path in said["saved"])
    for language in ("en", "es"):
        shown = command("data", "show", *arguments, "--lang", language)
        assert shown.code == 0
        assert max(map(len, shown.out.replace(str(tmp_path), "").splitlines())) <= 80


# --- what happens inside ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "es"])
def test_metrics_are_explained_with_their_formulas_and_numbers(command, language: str):
    said = command("explain", "metrics", "--confusion", "50,3;4,43", "--lang", language)
    words = {"en": ["recall = TP / (TP + FN)", "43 / (43 + 4)  = 0.9149", "FP = 3", "type II"],
             "es": ["exhaustividad = VP / (VP + FN)", "43 / (43 + 4)  = 0,9149", "FP = 3", "tipo II"]}  # fmt: skip
    for text in words[language]:
        assert text in said.out
    absent = command("explain", "metrics", "--confusion", "50,3,0;4,43,0;0,0,0", "--lang", language)
    assert "0 / (0 + 0)    = 0 (0/0" in absent.out
    assert max(map(len, (said.out + absent.out).splitlines())) <= 80


def test_metrics_of_a_run_are_those_of_its_report(command, tmp_path: Path):
    run = tmp_path / "run"
    sealed = command("train", "digits", "--set", "plan.epochs=2", "--sealed", "--run", run, "--json").json()
    for split in ("valid", "test"):
        report = sealed if split == "valid" else command("evaluate", run, "--json").json()
        told = command("explain", "metrics", run, "--json").json()
        assert told["split"] == split
        assert sum(map(sum, told["confusion"])) == report[split]["n"]
        found = {(one["name"], one["of"]): one["result"] for one in told["metrics"]}
        assert found["f1_macro", None] == pytest.approx(report[split]["f1_macro"])
        assert found["accuracy", None] == pytest.approx(report[split]["accuracy"])
    shown = command("explain", "metrics", run, "--lang", "es").out
    assert "prueba" in shown.splitlines()[0]
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("language", ["en", "es"])
def test_shapes_are_explained_layer_by_layer(command, language: str):
    shown = command("explain", "shapes", "004-cnn", "--lang", language)
    for text in ("⌊(28 − 5 + 2·2) / 1⌋ + 1 = 28", "⌊(14 − 2 + 2·0) / 2⌋ + 1 = 7", "16×14×14", "32 · 7 · 7 = 1568"):
        assert text in shown.out
    example = command("explain", "shapes", "--example", "--lang", language)
    assert "0·0 + 1·1 + 3·2 + 4·3 = 19" in example.out
    for said in (shown, example, command("explain", "shapes", "resnet18", "--input", "3x64x64", "--lang", language)):
        assert max(map(len, said.out.splitlines())) <= 80


def test_shapes_are_those_of_the_model_named_and_set(command, small: Path):
    told = command("explain", "shapes", "004-cnn", "--json").json()
    assert [one["values"] for one in told["layers"] if one["type"] in ("Conv2d", "MaxPool2d")] == [
        12_544, 3_136, 6_272, 1_568,
    ]  # fmt: skip
    options = ["--input", "1x8x8", "--classes", "4", "--set", "model.hidden=5", "--set", "model.channels=7,6"]
    told = command("explain", "shapes", "cnn", *options, "--json").json()
    assert told["layers"][0]["after"][0] == 7
    assert told["layers"][-1]["after"] == [4]
    assert told["parameters"] == sum(one["parameters"] for one in told["layers"])
    told = command("explain", "shapes", small, "--json").json()
    assert (told["input"], told["layers"][-1]["after"]) == ([1, 8, 8], [10])
    example = command("explain", "shapes", "--example", "--json").json()
    assert example["result"] == [[19, 25], [37, 43]]
    assert [len(one["result"]) for one in example["sizes"]] == [2, 3, 4, 1]


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ["samples seen", "cosine", "updates", "steepest slopes", "shares of the plane", "for the picture"]),
     ("es", ["muestras vistas", "coseno", "actualizaciones", "pendientes", "partes del plano", "para ver la figura"])],
)  # fmt: skip
def test_what_can_be_drawn_is_said_in_words_and_how_to_get_the_picture(
    command, tmp_path: Path, language: str, words: list[str]
):
    command("train", "points", "--set", "plan.epochs=1", "--set", "data.n=200", "--run", tmp_path / "run", "--json")
    asked = [("perceptron",), ("noise", "001-softmax"), ("surface", tmp_path / "run"), ("activations",),
             ("regions", tmp_path / "run")]  # fmt: skip
    for (what, *target), word in zip(asked, words, strict=False):
        said = command("explain", what, *target, "--lang", language)
        assert said.code == 0, said.err
        assert word in said.out.lower(), said.out
        assert words[-1] in said.out.lower()
        assert re.search(r"tiza explain \S+.* --save figur[ae]s", said.out)


def test_pictures_are_saved_where_they_are_asked_for(command, tmp_path: Path):
    for what, *target in (("activations",), ("noise", "001-softmax")):
        said = command("explain", what, *target, "--save", tmp_path / "deep")
        assert said.code == 0, said.err
        assert f"{what}.png" in said.out
        assert {path.suffix for path in (tmp_path / "deep").glob(f"{what}.*")} == {".png", ".svg"}
    told = command("explain", "perceptron", "--save", tmp_path, "--json").json()
    assert [Path(path).name for path in told["saved"]] == ["perceptron.png", "perceptron.svg", "perceptron.gif"]
    assert all(Path(path).stat().st_size > 0 for path in told["saved"])


def test_the_numbers_of_the_pictures_are_given_as_json(command, tmp_path: Path):
    run = tmp_path / "run"
    command("train", "points", "--set", "plan.epochs=1", "--set", "data.n=200", "--run", run, "--json")
    told = command("explain", "regions", run, "--json").json()
    assert sum(told["shares"].values()) == pytest.approx(1)
    assert told["n"] == 144
    told = command("explain", "surface", run, "--json").json()
    assert len(told["path"]) == len(told["steps"])
    assert [len(told["loss"]), len(told["loss"][0])] == [len(told["y"]), len(told["x"])]
    told = command("explain", "noise", run, "--json").json()
    assert [one["size"] for one in told["sizes"]] == [1, 100]
    assert not told["fresh"]
    told = command("explain", "perceptron", "--json").json()
    assert told["lines"][0] == {"update": 0, "w1": 0, "w2": 0, "b": 0}
    assert told["lines"][-1]["update"] == told["separated"] < told["updates"]
    told = command("explain", "activations", "--json").json()
    assert max(told["sigmoid"]["slope"]) == pytest.approx(0.25, abs=1e-4)


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ["their weights stay", "eval mode", "tiza explain dropout"]),
     ("es", ["sus pesos se quedan", "modo eval", "tiza explain dropout"])],
)  # fmt: skip
def test_dropout_is_explained_in_words_numbers_and_a_picture(command, tmp_path: Path, language: str, words: list[str]):
    run = tmp_path / "run"
    options = ["--model", "mlp", "--set", "plan.epochs=2", "--set", "model.dropout=0.25", "--sealed"]
    command("train", "digits", *options, "--run", run, "--json")
    said = command("explain", "dropout", run, 3, "--lang", language)
    assert said.code == 0, said.err
    assert all(word in said.out for word in words), said.out
    assert f"tiza explain dropout {run} 3 --save" in said.out
    told = command("explain", "dropout", run, 3, "--save", tmp_path, "--json").json()
    assert [Path(path).name for path in told["saved"]] == ["dropout.png", "dropout.svg"]
    assert (told["p"], told["index"], len(told["units"]), len(told["off"])) == (0.25, 3, 128, 100)
    assert [len(which) for which in told["which"]] == told["off"][:4]
    assert np.mean(told["off"]) / 128 == pytest.approx(0.25, abs=0.05)
    answer = command("explain", "answer", run, 3, "--json").json()
    assert told["label"] == answer["label"]
    assert told["answers"]["eval"] == answer["answer"]
    assert told["probability"] == pytest.approx(answer["probabilities"][answer["classes"].index(answer["label"])])


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ["answer is", "Grad-CAM", "Adebayo", "Background", "add up to"]),
     ("es", ["respuesta es", "Grad-CAM", "Adebayo", "Fondo", "suman"])],
)  # fmt: skip
def test_saliency_is_explained_in_words_numbers_and_a_picture(command, small: Path, tmp_path: Path, language, words):
    said = command("explain", "saliency", small, 3, "--lang", language)
    assert said.code == 0, said.err
    assert all(word in said.out for word in words), said.out
    assert max(map(len, said.out.splitlines()[:-1])) <= 80
    assert f"tiza explain saliency {small} 3 --save" in said.out
    told = command("explain", "saliency", small, 3, "--save", tmp_path, "--json").json()
    assert [Path(path).name for path in told["saved"]] == ["saliency.png", "saliency.svg"]
    assert [one["method"] for one in told["maps"]] == ["gradient", "integrated", "occlusion"]
    answer = command("explain", "answer", small, 3, "--json").json()
    assert (told["label"], told["answer"], told["class"]) == (answer["label"], answer["answer"], answer["answer"])
    for one in told["maps"]:
        assert np.shape(one["map"]) == (8, 8)
        assert one["sanity"]["passed"] is (one["sanity"]["mean"] < 0.5)
        assert one["sanity"]["threshold"] == 0.5
    other = command(
        "explain", "saliency", small, tile(tmp_path)[0], "--method", "occlusion", "--class", "3", "--json"
    ).json()
    assert (other["class"], other["label"], len(other["maps"])) == ("3", None, 1)


@pytest.mark.parametrize(
    ("language", "cloud", "near"),
    [("en", ["of the variance", "Trustworthiness"], ["nearest", "as the answer is"]),
     ("es", ["de la varianza", "Fiabilidad"], ["más cercanas", "como la respuesta"])],
)  # fmt: skip
def test_clouds_and_neighbours_are_told_in_words_numbers_and_pictures(
    command, small: Path, tmp_path: Path, language: str, cloud: list[str], near: list[str]
):
    said = command("explain", "embedding", small, "--lang", language)
    assert said.code == 0, said.err
    assert all(word in said.out for word in cloud), said.out
    options = ["--method", "t-sne", "--samples", 60, "--seed", 1]
    assert "t-SNE" in command("explain", "embedding", small, *options, "--lang", language).out
    told = command("explain", "embedding", small, *options, "--save", tmp_path, "--json").json()
    assert [Path(path).name for path in told["saved"]] == ["embedding.png", "embedding.svg"]
    assert np.shape(told["points"]) == (60, 2)
    assert told["perplexity"] == pytest.approx(59 / 3)
    said = command("explain", "neighbours", small, 3, "--lang", language)
    assert said.code == 0, said.err
    assert all(word in said.out for word in near), said.out
    assert f"tiza explain neighbours {small} 3 --save" in said.out
    told = command("explain", "neighbours", small, 3, "--k", 5, "--metric", "euclidean", "--save", tmp_path, "--json")
    assert [Path(path).name for path in told.json()["saved"]] == ["neighbours.png", "neighbours.svg"]
    assert told.json()["distances"] == sorted(told.json()["distances"])
    assert told.json()["agree"] == told.json()["labels"].count(told.json()["answer"])


@pytest.mark.parametrize(("language", "words"), [("en", "Your module learns"), ("es", "Tu módulo aprende")])
def test_a_module_of_ones_own_is_trained_and_its_learning_judged(
    command, home: Path, tmp_path: Path, language: str, words: str
):
    own, run = f"{own_modules(tmp_path)}:Net", tmp_path / "run"
    said = command("train", "iris", "--model", own, "--run", run, "--lang", language)
    assert said.code == 0, said.err
    assert words in said.out
    assert f"--model {own}" in said.out
    assert "built" not in said.out
    told = command("train", "iris", "--model", own, "--json").json()
    assert (told["model"], told["recipe"], told["parameters"]) == ("external", None, 67)
    assert told["reference"]["verdict"] in ("learns", "reached")
    assert told["reference"]["majority"] == pytest.approx(1 / 3, abs=0.05)
    assert told["reference"]["accuracy"] == told["valid"]["accuracy"]
    again = command("evaluate", run, "--model", own, "--json").json()
    assert again["test"]["accuracy"] == told["test"]["accuracy"]
    assert command("evaluate", run).code == 2
    (tmp_path / "row.csv").write_text(f"{','.join(tiza.load('iris').features)}\n5.1,3.5,1.4,0.2\n")
    (answer,) = command("predict", run, tmp_path / "row.csv", "--model", own, "--json").json()["predictions"]
    assert answer["class"] == "setosa"
    assert command("lr-find", "iris", "--model", own, "--json").json()["suggestion"] > 0
    told = command("explain", "shapes", own, "--input", "4", "--classes", "3", "--json").json()
    assert told["parameters"] == 67
    assert "--input 4" in command("explain", "shapes", run).err


def test_a_module_that_does_not_learn_is_told_so(command, tmp_path: Path):
    options = ["--model", f"{own_modules(tmp_path)}:still", "--set", "plan.lr=1e-12", "--set", "plan.epochs=1"]
    assert command("train", "iris", *options, "--json").json()["reference"]["verdict"] == "not"
    assert "has not learnt" in command("train", "iris", *options).out


def test_an_interrupted_run_of_ones_own_module_goes_on(command, tmp_path: Path):
    from tiza.models.own import own_module
    from tiza.training.events import Measured

    own, run, data = f"{own_modules(tmp_path)}:Net", tmp_path / "run", tiza.load("iris")

    def stop(event, learner):
        if isinstance(event, Measured) and event.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiza.fit(own_module(own, (4,), 3), data, {"epochs": 4, "threads": 1}, run=run, readers=[stop])
    assert command("train", "--resume", run).code == 2
    assert command("train", "--resume", run, "--model", own, "--json").json()["epochs"] == 4


# --- bad input --------------------------------------------------------------------------------------------------------


def png(width: int, height: int, rows: bytes) -> bytes:
    """A PNG of one grey byte a pixel whose header may lie."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def bad_pictures(folder: Path) -> dict[str, Path]:
    good = tile(folder)[0].read_bytes()
    contents = {
        "truncated.png": good[: len(good) // 2],
        "text.png": b"this is no picture\n" * 20,
        "huge.png": png(20_000, 20_000, b""),
        "empty.png": b"",
        "sin extensión": b"GIF89a nonsense",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(folder / "gif.png", format="GIF")
    return {name: folder / name for name in [*contents, "gif.png", "not there.png"]}


BAD_REQUESTS = {
    "logits without labels": (["explain", "steps", "--logits", "1,2"], 2, "--labels"),
    "logits that are words": (["explain", "steps", "--logits", "a,b", "--labels", "0"], 2, "a,b"),
    "a label that is no class": (["explain", "steps", "--logits", "1,2", "--labels", "2"], 2, "1"),
    "steps of two things": (["explain", "steps", "{iris}", "0", "--logits", "1,2"], 2, "logits"),
    "steps of a sample beyond": (["explain", "steps", "{iris}", "999"], 2, "999"),
    "steps of an unknown layer": (["explain", "steps", "{iris}", "0", "--layer", "conv9"], 2, ["conv9", "logits"]),
    "steps of a unit of no layer": (["explain", "steps", "{iris}", "0", "--unit", "1"], 2, "--layer"),
    "steps of a unit that is not there": (["explain", "steps", "{iris}", "0", "--layer", "logits", "--unit", "9"], 2,
                                          ["logits", "9"]),
    "steps at a place of a row": (["explain", "steps", "{iris}", "0", "--layer", "logits", "--at", "1,2"], 2, "1,2"),
    "steps at no place": (["explain", "steps", "{iris}", "0", "--layer", "logits", "--at", "a"], 2, "--at"),
    "steps of logits of a layer": (["explain", "steps", "--logits", "1,2", "--labels", "0", "--layer", "x"], 2,
                                   "--layer"),
    "a half label": (["explain", "steps", "--logits", "1,2", "--labels", "0.5"], 2, "0.5"),
    "a neuron of other shapes": (["explain", "neuron", "--x", "1,2"], 2, "1×2"),
    "rows of other lengths": (["explain", "neuron", "--x", "1,2;3"], 2, "--x"),
    "nothing to search": (["search", "iris"], 2, "--grid"),
    "search for an unknown field": (["search", "iris", "--grid", "plan.lrr=1"], 2, "lr"),
    "search without values": (["search", "iris", "--grid", "plan.lr="], 2, "plan.lr"),
    "search for what can't be": (["search", "iris", "--grid", "plan.lr=0.1,-1,x", "--grid", "model.hidden=0"], 2,
                                 ["-1", "x", "model.hidden"]),
    "search that is no assignment": (["search", "iris", "--grid", "plan.lr"], 2, "plan.lr"),
    "search of an unknown recipe": (["search", "--recipe", "004-gird"], 2, "004-grid"),
    "more folds than samples": (["search", "iris", "--folds", "60"], 2, "40"),
    "a range without a number of trials": (["search", "iris", "--grid", "plan.lr=log(0.1,1)"], 2, "--trials 20"),
    "an empty range": (["search", "iris", "--grid", "plan.lr=log(1,0.1)", "--trials", "3"], 2, "0.1"),
    "a budget that is none": (["search", "iris", "--grid", "plan.lr=1", "--budget", "soon"], 2, "20m"),
    "a budget for nothing": (["search", "iris", "--grid", "plan.lr=1", "--set", "plan.epochs=90000", "--budget",
                              "0.001s"], 1, " s"),
    "no processes": (["search", "iris", "--grid", "plan.lr=1", "--jobs", "0"], 2, "jobs"),
    "search on the moon": (["search", "iris", "--grid", "plan.lr=1", "--on", "moon"], 2, "moon"),
    "halving of epochs": (["search", "iris", "--grid", "plan.epochs=1,2", "--halving", "2"], 2, "plan.epochs"),
    "halving in processes": (["search", "iris", "--grid", "plan.lr=1", "--halving", "2", "--jobs", "2"], 2, "--jobs"),
    "search on the test set": (["search", "iris", "--set", "data.valid=test", "--grid", "plan.lr=1"], 2, "--folds"),
    "search over other samples": (["search", "iris", "--grid", "data.seed=1,2"], 2, "data"),
    "an unknown search": (["search", "--resume", "nowhere"], 2, "nowhere"),
    "resume a search with other options": (["search", "iris", "--resume", "last"], 2, "--resume"),
    "unknown system": (["recipes", "004-irs"], 2, "004-iris"),
    "compare what": (["recipes", "compare"], 2, "ID"),
    "no variants": (["recipes", "compare", "001-softmax"], 2, "001-softmax"),
    "too many words": (["recipes", "a", "b", "c"], 2, "a b c"),
    "seeds alone": (["recipes", "004-iris", "--seeds", "3"], 2, "--seeds"),
    "a picture of no comparison": (["recipes", "--save", "figures"], 2, "--save"),
    "one seed": (["recipes", "compare", "004-iris", "--seeds", "1"], 2, "2"),
    "no such answer": (["explain", "answer", "{iris}", "999"], 2, "999"),
    "answer of test": (["explain", "answer", "{iris}", "0", "--split", "test"], 2, "test"),
    "answer drawn of a table": (["explain", "answer", "{iris}", "0", "--save", "{tmp}/figures"], 2, "4"),
    "sizes for other means": (["explain", "epoch-loss", "--sizes", "1,2"], 2, "3"),
    "means that are words": (["explain", "epoch-loss", "--means", "x"], 2, "x"),
    "unknown dataset": (["train", "mnits"], 2, "mnist"),
    "unknown model": (["train", "mnist", "--model", "cnm"], 2, "cnn"),
    "unknown field": (["train", "mnist", "--set", "plan.epoch=3"], 2, "epochs"),
    "unknown recipe": (["train", "--recipe", "mnist-fats"], 2, "mnist-fast"),
    "unknown language": (["data", "list", "--lang", "ess"], 2, "es"),
    "unknown command": (["trian", "mnist"], 2, "train"),
    "unknown option": (["train", "mnist", "--sed", "3"], 2, "--seed"),
    "unknown run": (["evaluate", "nowhere"], 2, "nowhere"),
    "wrong type": (["train", "mnist", "--set", "plan.lr=fast"], 2, "plan.lr"),
    "wrong choice": (["train", "mnist", "--set", "plan.optimizer=adamm"], 2, "adamw"),
    "out of bounds": (["train", "mnist", "--set", "plan.epochs=0"], 2, "plan.epochs"),
    "not an assignment": (["train", "mnist", "--set", "plan.lr"], 2, "plan.lr"),
    "seed that is no number": (["train", "mnist", "--seed", "x"], 2, "--seed"),
    "option without value": (["train", "mnist", "--seed"], 2, "--seed"),
    "missing argument": (["predict"], 2, "RUN"),
    "nothing to train": (["train"], 2, "DATA"),
    "too many arguments": (["train", "mnist", "digits"], 2, "digits"),
    "resume with other options": (["train", "mnist", "--resume", "last"], 2, "--resume"),
    "an unknown body": (["train", "digits", "--model", "transfer", "--set", "model.body=resnet81"], 2, "resnet18"),
    "a body of no run": (["train", "digits", "--model", "transfer", "--set", "model.body=run:nowhere"], 2, "nowhere"),
    "a body without a network": (["train", "digits", "--model", "transfer"], 1,
                                 ["resnet18-f37072fd.pth", "bodies/resnet18-f37072fd.pth", "SHA-256"]),
    "a body whose file is another": (["train", "digits", "--model", "transfer", "--set", "model.body=alexnet"], 1,
                                     ["bodies/alexnet-owt-7be5be79.pth", "7be5be79", "ae448ac86c4e8e4d"]),
    "a body for pictures and a table": (["train", "iris", "--model", "transfer"], 2, ["transfer", "4"]),
    "a body for other samples": (["train", "digits", "--model", "transfer", "--set", "model.body=run:{iris}"], 2,
                                 ["4", "1×8×8"]),
    "a cut at no layer": (["train", "iris", "--model", "transfer", "--set", "model.body=run:{iris}", "--set",
                           "model.at=linear9"], 2, ["linear9", "linear1"]),
    "a cut inside a block": (["train", "digits", "--model", "cut", "--set", "model.at=stage1.block1.conv1"], 2,
                             ["stage1.block1,", "stage2.block2"]),
    "a cut of an unknown model": (["train", "digits", "--model", "cut", "--set", "model.body=lenett"], 2, "lenet"),
    "a rate that rises with depth": (["train", "iris", "--set", "plan.layer_decay=2"], 2, "plan.layer_decay"),
    "a table for a convolution": (["train", "iris", "--model", "cnn"], 2, "cnn"),
    "a kernel larger than the image": (["train", "digits", "--model", "cnn", "--set", "model.padding=0", "--set",
                                        "model.kernels=9"], 2, "conv1"),
    "batch norm with batches of one": (["train", "iris", "--set", "plan.batch_size=1", "--set",
                                        "model.batch_norm=true"], 2, "batch_size"),
    "too large a validation": (["train", "iris", "--set", "data.valid=119"], 1, "119"),
    "points out of bounds": (["train", "points", "--set", "data.n=3"], 2, "data.n"),
    "a recipe file that is no JSON": (["train", "--recipe", "{tmp}/text.json"], 1, "text.json"),
    "a recipe file that is not there": (["train", "--recipe", "{tmp}/none.json"], 1, "none.json"),
    "a tool that is none": (["train", "iris", "--track", "wandb"], 2, ["wandb", "tensorboard"]),
    "curves where a file is": (["train", "iris", "--track", "tensorboard={tmp}/digit.png"], 1, "digit.png"),
    "a folder that is not in UTF-8": (["train", "{tmp}/caf\udce9"], 1, ["caf\\udce9", "UTF-8"]),
    "a device that is not there": (["train", "iris", "--set", "plan.device=mps"], 2, "mps"),
    "diverging": (["train", "digits", "--set", "plan.optimizer=sgd", "--set", "plan.lr=1e30", "--run", "{tmp}/d"], 1,
                  "plan.lr=1e+29"),
    "a pickle for a run": (["predict", "{tmp}/model.pt", "{tmp}/digit.png"], 2, "pickle"),
    "a picture for a run": (["evaluate", "{tmp}/digit.png"], 2, "digit.png"),
    "an empty folder for a run": (["evaluate", "{tmp}/empty"], 2, "empty"),
    "pictures for a table": (["predict", "{iris}", "{tmp}/digit.png"], 2, "table"),
    "an ONNX that is not there": (["predict", "{tmp}/none.onnx", "{tmp}/digit.png"], 1, "none.onnx"),
    "a bundle that is none": (["predict", "{tmp}/escape.zip", "{tmp}/digit.png"], 1, "../evil.png"),
    "a run's history of a bundle": (["runs", "show", "{tmp}/escape.zip"], 2, "escape.zip"),
    "an export to what is not there": (["export", "{iris}", "--to", "onxn"], 2, "onnx"),
    "an export to nothing": (["export", "{iris}"], 2, "--to"),
    "an export of no run": (["export", "{tmp}/empty", "--to", "onnx"], 2, "empty"),
    "an export of what never trained": (["export", "{tmp}/begun", "--to", "bundle"], 2, "begun"),
    "an export to no place": (["export", "{iris}", "--to", "onnx", "--save", "{tmp}/digit.png/a.onnx"], 1,
                              "digit.png/a.onnx"),
    "an export by a name of its own": (["export", "{iris}", "--to", "bundle", "--save", "{tmp}/iris.tiza"], 2,
                                       ["iris.tiza", "iris.zip"]),
    "a run folder that is taken": (["train", "iris", "--run", "{iris}"], 2, "--resume"),
    "resuming what has ended": (["train", "--resume", "{iris}"], 2, "ended"),
    "a path that leads nowhere": (["train", "{tmp}/nowhere.csv"], 1, "nowhere.csv"),
    "a table without its target": (["train", "{tmp}/good.csv"], 2, "--target"),
    "an unknown target": (["train", "{tmp}/good.csv", "--target", "qualty"], 2, "quality"),
    "an unknown feature": (["train", "{tmp}/good.csv", "--target", "quality", "--features", "alcool"], 2, "alcohol"),
    "a rule that is none": (["train", "{tmp}/good.csv", "--binarise", "quality"], 2, "quality>=6"),
    "a bound beyond all": (["train", "{tmp}/good.csv", "--binarise", "quality>=99"], 2, "quality>=99"),
    "an unknown class": (["train", "digits", "--classes", "3,8,12"], 2, "12"),
    "a limit of nothing": (["train", "digits", "--limit", "0"], 2, "data.limit"),
    "a size that is none": (["train", "{tmp}/pictures", "--size", "big"], 2, "data.size"),
    "a size that is too large": (["train", "{tmp}/pictures", "--size", "99999"], 2, "data.size"),
    "a size for what has one": (["train", "mnist", "--size", "32"], 2, "size"),
    "a cell that is no number": (["train", "{tmp}/text.csv", "--target", "quality"], 1, ["text.csv", "3", "alcohol"]),
    "a line that is too short": (["train", "{tmp}/ragged.csv", "--target", "quality"], 1, ["ragged.csv", "3"]),
    "a class folder that is empty": (["train", "{tmp}/hollow"], 1, "hollow/b"),
    "a damaged picture": (["train", "{tmp}/broken"], 1, "b/bad.png"),
    "pictures without classes": (["train", "{tmp}/flat"], 1, "flat"),
    "one picture to learn from": (["train", "{tmp}/digit.png"], 1, "digit.png"),
    "an archive that leaves its folder": (["train", "{tmp}/escape.zip"], 1, "../evil.png"),
    "arrays of objects": (["train", "{tmp}/objects.npz"], 1, "objects.npz"),
    "an IDX file alone": (["data", "show", "{tmp}/lonely-images-idx3-ubyte"], 1, "lonely-images-idx3-ubyte"),
    "a split that is none": (["data", "show", "iris", "--split", "tset"], 2, "test"),
    "a sample that is not there": (["data", "show", "iris", "--sample", "150"], 2, "149"),
    "a mosaic that is none": (["data", "show", "iris", "--mosaic", "3"], 2, "3x3"),
    "a batch of nothing": (["data", "show", "iris", "--batch", "0"], 2, "--batch"),
    "a plan for showing": (["data", "show", "iris", "--set", "plan.lr=1"], 2, "plan.lr=1"),
    "a per-class that is none": (["data", "export", "digits", "{tmp}/out", "--per-class", "60"], 2, "60/20/10"),
    "more per class than there are": (["data", "export", "digits", "{tmp}/out", "--per-class", "9/9/999"], 1, "999"),
    "a folder that is taken": (["data", "export", "digits", "{tmp}/pictures"], 2, "pictures"),
    "a crossing of a recipe that validates on test": (["explain", "crossing", "000-mlp-as-written"], 2, "004-mlp100"),
    "a crossing of an unknown recipe": (["explain", "crossing", "004-mlp10"], 2, "004-mlp100"),
    "a crossing with one seed": (["explain", "crossing", "--seeds", "1"], 2, "2"),
    "an audit of nothing known": (["data", "audit", "mnits"], 2, "mnist"),
    "an audit of what is not there": (["data", "audit", "{tmp}/nowhere"], 1, "nowhere"),
    "an unknown repair": (["data", "audit", "digits", "--repair", "group"], 2, "grouped"),
    "a repair to where something stands": (["data", "audit", "digits", "--repair", "drop", "--to", "{tmp}/pictures"], 2,
                                           "pictures"),
    "an audit to write without a repair": (["data", "audit", "digits", "--to", "{tmp}/out"], 2, "--repair"),
    "an audit with a plan": (["data", "audit", "iris", "--set", "plan.lr=1"], 2, "plan.lr=1"),
    "an unknown way with copies": (["train", "iris", "--set", "data.copies=dropped"], 2, "data.copies"),
    "an audit of too few": (["data", "audit", "digits", "--limit", "3"], 1, "digits"),
    "an audit of a class folder that is empty": (["data", "audit", "{tmp}/hollow"], 1, "hollow/b"),
    "a table for another": (["predict", "{iris}", "{tmp}/good.csv"], 1, "sepal length (cm)"),
    "a module whose file is missing": (["train", "iris", "--model", "{tmp}/nowhere.py:Net"], 2, "nowhere.py"),
    "a module without its name": (["train", "iris", "--model", "{tmp}/own.py"], 2, ["own.py:", "Net, Soft"]),
    "a module with another name": (["train", "iris", "--model", "{tmp}/own.py:nett"], 2, "Net"),
    "a name that is no module": (["train", "iris", "--model", "{tmp}/own.py:three"], 2, ["own.py:20", "three = 3"]),
    "a module that asks for too much": (["train", "iris", "--model", "{tmp}/own.py:Needs"], 2, ["own.py:15", "width"]),
    "a module that can't be built": (["train", "iris", "--model", "{tmp}/own.py:broken"], 2,
                                     ["own.py:23", 'nn.Linear(4, "wide")']),
    "a file that can't be imported": (["train", "iris", "--model", "{tmp}/own_import.py:Net"], 2,
                                      ["own_import.py:2", "import nowhere_at_all"]),
    "a file that is no Python": (["lr-find", "iris", "--model", "{tmp}/own_syntax.py:Net"], 2,
                                 ["own_syntax.py:1", "def f(:"]),
    "a module for other classes": (["train", "digits", "--model", "{tmp}/own.py:Net"], 1, "1×8×8"),
    "a module that ends in a softmax": (["train", "iris", "--model", "{tmp}/own.py:Soft"], 2, ["softmax", "logits"]),
    "an option of one's own module": (["train", "iris", "--model", "{tmp}/own.py:Net", "--set", "model.hidden=3"], 2,
                                      "model.hidden=3"),
    "a named model for a run of it": (["evaluate", "{iris}", "--model", "mlp"], 2, "mlp"),
    "no run and no matrix": (["explain", "metrics"], 2, "--confusion"),
    "a run and a matrix": (["explain", "metrics", "{iris}", "--confusion", "1,2;3,4"], 2, "--confusion"),
    "a run without a report": (["explain", "metrics", "{iris}"], 2, ["iris", "tiza evaluate"]),
    "a matrix of words": (["explain", "metrics", "--confusion", "a,b;c,d"], 2, "a,b;c,d"),
    "a matrix that is not square": (["explain", "metrics", "--confusion", "1,2,3;4,5,6"], 2, "50,3;4,43"),
    "a ragged matrix": (["explain", "metrics", "--confusion", "1,2;3"], 2, "50,3;4,43"),
    "a matrix of nothing": (["explain", "metrics", "--confusion", "0,0;0,0"], 2, "50,3;4,43"),
    "a negative count": (["explain", "metrics", "--confusion", "1,-2;3,4"], 2, "50,3;4,43"),
    "confusions of what is no run": (["explain", "confused", "{tmp}/digit.png"], 2, "digit.png"),
    "a cell that is none": (["explain", "confused", "{iris}", "--cell", "setosa"], 2, "setosa,versicolor"),
    "a cell of an unknown class": (["explain", "confused", "{iris}", "--cell", "setosa,virginia"], 2, "virginica"),
    "confusions of another split": (["explain", "confused", "{iris}", "--split", "all"], 2, "all"),
    "calibration in no bins": (["explain", "calibration", "{iris}", "--bins", "0"], 2, "100"),
    "an accuracy in per cent": (["explain", "calibration", "{iris}", "--wanted", "99"], 2, "0.99"),
    "an accuracy that is no number": (["explain", "calibration", "{iris}", "--wanted", "high"], 2, "--wanted"),
    "calibration on test": (["explain", "calibration", "{iris}", "--split", "test"], 2, "tiza evaluate"),
    "a table that is shifted": (["explain", "robustness", "{iris}", "--kind", "shift"], 2, ["shift", "4"]),
    "an unknown distortion": (["explain", "robustness", "{iris}", "--kind", "nois"], 2, "noise"),
    "robustness of no samples": (["explain", "robustness", "{iris}", "--samples", "0"], 2, "0"),
    "label errors of what is not there": (["explain", "label-errors", "001-sofmax"], 2, "001-softmax"),
    "label errors by one fold": (["explain", "label-errors", "{iris}", "--folds", "1"], 2, "1"),
    "label errors by more folds than samples": (["explain", "label-errors", "{iris}", "--folds", "99"], 2, "99"),
    "label errors by another measure": (["explain", "label-errors", "{iris}", "--folds", "2", "--by", "loss"], 2,
                                        "self-confidence"),
    "confusions of a sealed test set": (["explain", "confused", "{iris}", "--split", "test"], 2, "tiza evaluate"),
    "the structure of nothing": (["explain", "structure"], 2, "MODEL"),
    "the structure of what is not there": (["explain", "structure", "004-cn"], 2, "004-cnn"),
    "a structure without a size": (["explain", "structure", "lenet"], 2, "--input 1x28x28"),
    "a structure of too large a kernel": (["explain", "structure", "cnn", "--input", "1x8x8", "--set",
                                           "model.kernels=29"], 2, ["29", "conv1"]),
    "a structure cut inside a block": (["explain", "structure", "resnet18", "--input", "1x28x28", "--cut",
                                        "stage1.block1.conv1"], 2, ["stage1.block1,", "stage2.block2"]),
    "a structure cut at no layer": (["explain", "structure", "resnet18", "--input", "1x28x28", "--cut", "layer4"], 2,
                                    ["layer4", "stage4"]),
    "a structure of no classes": (["explain", "structure", "cnn", "--input", "1x8x8", "--classes", "0"], 2,
                                  "tiza explain structure"),
    "kernels of a table": (["explain", "kernels", "{iris}"], 2, ["iris", "tiza explain units"]),
    "kernels of what is no run": (["explain", "kernels", "{tmp}/empty"], 2, "empty"),
    "kernels of a recipe": (["explain", "kernels", "004-cnn"], 2, "004-cnn"),
    "a filter on what is not there": (["explain", "filter", "{tmp}/none.png"], 1, "none.png"),
    "a filter on what is no picture": (["explain", "filter", "{tmp}/text.json"], 1, "text.json"),
    "a filter on a table": (["explain", "filter", "iris", "--sample", "3"], 2, "iris"),
    "a filter on a sample that is not there": (["explain", "filter", "digits", "--sample", "99999"], 2, "99999"),
    "a filter on the test set": (["explain", "filter", "digits", "--sample", "0", "--split", "test"], 2,
                                 "tiza evaluate"),
    "an unknown kernel": (["explain", "filter", "{tmp}/digit.png", "--kernel", "sobelx"], 2, "sobel-x"),
    "a kernel of words and numbers": (["explain", "filter", "{tmp}/digit.png", "--kernel", "1,a;2,3"], 2,
                                      ["--kernel", "1,a;2,3"]),
    "a ragged kernel": (["explain", "filter", "{tmp}/digit.png", "--kernel", "1,2;3"], 2, "1,2;3"),
    "a kernel larger than the picture": (["explain", "filter", "{tmp}/digit.png", "--kernel",
                                          ";".join(["1"] * 29)], 2, "29"),
    "a stride of nothing": (["explain", "filter", "{tmp}/digit.png", "--stride", "0"], 2, "stride"),
    "a padding that is none": (["explain", "filter", "{tmp}/digit.png", "--padding", "wide"], 2, ["wide", "same"]),
    "maps of a table": (["explain", "maps", "{iris}", "0"], 2, ["iris", "tiza explain units"]),
    "maps of what is no run": (["explain", "maps", "nothing-of-the-kind", "0"], 2, "nothing-of-the-kind"),
    "maps of the test set": (["explain", "maps", "{iris}", "0", "--split", "test"], 2, "tiza evaluate"),
    "maps of a sample that is not there": (["explain", "maps", "{iris}", "9999"], 2, "9999"),
    "units of a layer that is not there": (["explain", "units", "{iris}", "--layer", "linear9"], 2,
                                           ["linear9", "linear1, linear2, logits"]),
    "units of a layer that has none": (["explain", "units", "{iris}", "--layer", "relu1"], 2, "linear1"),
    "shapes of nothing": (["explain", "shapes"], 2, "MODEL"),
    "shapes of an unknown model": (["explain", "shapes", "resnet81", "--input", "1x28x28"], 2, "resnet18"),
    "shapes without a size": (["explain", "shapes", "lenet"], 2, "--input 1x28x28"),
    "a size that is no size": (["explain", "shapes", "lenet", "--input", "big"], 2, "1x28x28"),
    "a size of nothing": (["explain", "shapes", "lenet", "--input", "0x28x28"], 2, "1x28x28"),
    "a size beyond all": (["explain", "shapes", "lenet", "--input", "3x99999x99999"], 2, "3x99999x99999"),
    "shapes of too large a kernel": (["explain", "shapes", "cnn", "--input", "1x8x8", "--set", "model.kernels=29"], 2,
                                       ["29", "conv1"]),
    "a table into convolutions": (["explain", "shapes", "cnn", "--input", "11"], 2, "cnn"),
    "shapes of no classes": (["explain", "shapes", "cnn", "--input", "1x8x8", "--classes", "0"], 2, "--classes"),
    "shapes of a field that is not there": (["explain", "shapes", "cnn", "--input", "1x8x8", "--set", "model.kernel=3"],
                                            2, "kernels"),
    "regions of four features": (["explain", "regions", "{iris}"], 2, ["4", "--features"]),
    "regions of a recipe": (["explain", "regions", "004-xor"], 2, "004-xor"),
    "noise of what is not there": (["explain", "noise", "001-sofmax"], 2, "001-softmax"),
    "a surface of nothing": (["explain", "surface"], 2, "tiza explain surface"),
    "dropout of a model without any": (["explain", "dropout", "004-dropout-none"], 2, "004-dropout"),
    "dropout of a sample that is not there": (["explain", "dropout", "004-dropout", "999"], 2, "999"),
    "dropout of what is not there": (["explain", "dropout", "004-droput"], 2, "004-dropout"),
    "a picture to be saved in a file": (["explain", "activations", "--save", "{tmp}/digit.png"], 1, "digit.png"),
    "several at once": (["train", "mnist", "--set", "plan.lr=x", "--set", "model.hiden=3", "--set", "data.foo=1"],
                        2, "hidden"),
    "saliency by no method": (["explain", "saliency", "{iris}", "0", "--method", "gradeint"], 2, "gradient"),
    "saliency of no class": (["explain", "saliency", "{iris}", "0", "--class", "setos"], 2, "setosa"),
    "saliency of a sample beyond": (["explain", "saliency", "{iris}", "999"], 2, "999"),
    "saliency of test": (["explain", "saliency", "{iris}", "0", "--split", "test"], 2, "test"),
    "saliency without convolutions": (["explain", "saliency", "{iris}", "0", "--method", "grad-cam"], 2, "occlusion"),
    "a layer for another method": (["explain", "saliency", "{iris}", "0", "--method", "gradient", "--layer", "logits"],
                                   2, "grad-cam"),
    "saliency of a picture for a table": (["explain", "saliency", "{iris}", "{tmp}/digit.png"], 2, "table"),
    "a cloud by no method": (["explain", "embedding", "{iris}", "--method", "tsne"], 2, "t-sne"),
    "a cloud of a layer that is not there": (["explain", "embedding", "{iris}", "--layer", "conv1"], 2, "linear1"),
    "a cloud of test": (["explain", "embedding", "{iris}", "--split", "test"], 2, "test"),
    "a cloud of two samples": (["explain", "embedding", "{iris}", "--samples", "2"], 2, "5"),
    "too large a perplexity": (["explain", "embedding", "{iris}", "--method", "t-sne", "--perplexity", "50"], 2, "50"),
    "neighbours by no metric": (["explain", "neighbours", "{iris}", "0", "--metric", "cosin"], 2, "cosine"),
    "more neighbours than samples": (["explain", "neighbours", "{iris}", "0", "--k", "999"], 2, "999"),
    "neighbours of a sample beyond": (["explain", "neighbours", "{iris}", "-1"], 2, "-1"),
    "neighbours in no run": (["explain", "neighbours", "{tmp}/digit.png", "0"], 2, "digit.png"),
    "saliency of no run": (["explain", "saliency", "iriss", "0"], 2, "iriss"),
}  # fmt: skip


def own_data(folder: Path) -> None:
    """Data of the user's own with something wrong, beside some that is right."""
    lines = WINE.read_text().splitlines()
    (folder / "good.csv").write_text("\n".join(lines))
    (folder / "text.csv").write_text("\n".join([*lines[:2], lines[2].replace("9.8", "high"), *lines[3:]]))
    (folder / "ragged.csv").write_text("\n".join([*lines[:2], "7;8", *lines[3:]]))
    digit = (folder / "digit.png").read_bytes()
    for name in ("pictures/a", "pictures/b", "hollow/a", "hollow/b", "broken/a", "broken/b", "flat"):
        (folder / name).mkdir(parents=True)
        for i in range(3):
            if name != "hollow/b":
                Image.fromarray(np.full((8, 8), 80 * i + len(name), np.uint8)).save(folder / name / f"{i}.png")
    for n in range(24):
        place = folder / os.fsdecode(b"caf\xe9") / "ab"[n % 2] / f"{n}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), 9 * n, np.uint8)).save(place)
    (folder / "broken" / "b" / "bad.png").write_bytes(digit[: len(digit) // 2])
    with zipfile.ZipFile(folder / "escape.zip", "w") as packed:
        packed.writestr("a/1.png", digit)
        packed.writestr("../evil.png", digit)
    np.savez(folder / "objects.npz", x_train=np.array([{}, []], object), y_train=np.arange(2))
    (folder / "lonely-images-idx3-ubyte").write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">3I", 1, 2, 2) + bytes(4))


OWN = """from torch import nn


class Net(nn.Sequential):
    def __init__(self, hidden=8):
        super().__init__(nn.Linear(4, hidden), nn.ReLU(), nn.Linear(hidden, 3))
        print("built")


class Soft(nn.Sequential):
    def __init__(self, shape, classes):
        super().__init__(nn.Linear(shape[0], classes), nn.Softmax(1))


class Needs(nn.Module):
    def __init__(self, width):
        super().__init__()


three = 3

def broken():
    return nn.Linear(4, "wide")


still = nn.Sequential(nn.Linear(4, 3))
for parameter in still.parameters():
    nn.init.zeros_(parameter)
"""


def own_modules(folder: Path) -> Path:
    """A file with modules of the user's own, beside some that can't be imported."""
    (folder / "own.py").write_text(OWN)
    (folder / "own_import.py").write_text("import torch\nimport nowhere_at_all\n")
    (folder / "own_syntax.py").write_text("def f(:\n")
    return folder / "own.py"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, unpacked: Path) -> Path:
    """A folder of what the bad requests speak of."""
    folder = tmp_path_factory.mktemp("filled")
    tile(folder)
    torch.save({"weight": torch.zeros(3)}, folder / "model.pt")
    (folder / "empty").mkdir()
    (folder / "text.json").write_text("no JSON")
    own_data(folder)
    own_modules(folder)
    (folder / "home" / "bodies").mkdir(parents=True)
    (folder / "home" / "bodies" / "alexnet-owt-7be5be79.pth").write_bytes(b"another")
    recipe = {"data": "iris", "model": "mlp", "plan": {"epochs": 1, "threads": 1}}
    run = tiza.fit(tiza.Recipe.model_validate(recipe), run=folder / "iris")
    shutil.copytree(run.path, folder / "begun", ignore=shutil.ignore_patterns("model", "*.safetensors"))
    return folder


@pytest.fixture
def places(filled: Path, tmp_path: Path) -> dict[str, str]:
    """A copy of that folder, for one request."""
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    return {"tmp": str(tmp_path), "iris": str(tmp_path / "iris")}


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("case", BAD_REQUESTS)
def test_a_bad_request_gets_one_clear_sentence(command, places, monkeypatch, case: str, language: str):
    monkeypatch.setenv("TIZA_LANG", language)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody is asked outside of this machine
    arguments, code, word = BAD_REQUESTS[case]
    arguments = [argument.format(**places) for argument in arguments]
    before = sorted(Path(places["tmp"]).iterdir())
    chosen = [] if "--lang" in arguments else ["--lang", language]
    said = command(*arguments, *chosen)
    assert said.code == code, said.err
    lines = [line for line in said.err.splitlines() if line.startswith("tiza: ")]
    assert len(lines) == 1
    for part in [word] if isinstance(word, str) else word:
        assert {"en": part, "es": SPANISH.get(part, part)}[language] in said.err
    assert "Traceback" not in said.err
    if language == "en":
        told = command(*arguments, "--json", *chosen).json()["error"]
        assert told.keys() == {"code", "message", "where"}
        assert told["message"]
    if case != "diverging":
        assert sorted(Path(places["tmp"]).iterdir()) == before


SPANISH = {"MODEL": "MODELO", "RUN": "EJECUCIÓN", "DATA": "DATOS", "table": "tabla", "ended": "terminó"}


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_bad_picture_gets_one_clear_sentence(command, trained, tmp_path: Path, language: str):
    for name, path in bad_pictures(tmp_path).items():
        said = command("predict", trained[0], path, "--lang", language)
        assert said.code == 1, name
        assert said.err.count("\n") == 1, said.err
        assert name in said.err, said.err
        assert command("predict", trained[0], path, "--json").json()["error"]["where"] == str(path)


def test_a_bundle_is_predicted_and_evaluated_like_its_run(command, small: Path, tmp_path: Path):
    said = command("export", small, "--to", "bundle", "--save", tmp_path / "digits.zip", "--json").json()
    assert said == {"path": str(tmp_path / "digits.zip"), "to": "bundle", "size": said["size"], "samples": None,
                    "distance": None}  # fmt: skip
    assert said["size"] == (tmp_path / "digits.zip").stat().st_size
    file, _ = tile(tmp_path)
    one, other = (command("predict", of, file, "--json").json() for of in (small, tmp_path / "digits.zip"))
    assert one == other
    told = command("evaluate", tmp_path / "digits.zip", "--sealed", "--save", tmp_path / "figures", "--json").json()
    assert told["run"] == str(tmp_path / "digits.zip")
    assert told["diagnosis"] == []
    assert {Path(path).stem for path in told["saved"]} == {"confusion", "confusion-rates", "worst"}
    assert told["valid"] == command("evaluate", small, "--sealed", "--json").json()["valid"]


@pytest.mark.parametrize("language", ["en", "es"])
def test_an_export_says_where_it_is_and_how_well_it_was_checked(command, small: Path, tmp_path: Path, language: str):
    said = command("export", small, "--to", "onnx", "--save", tmp_path / "digits.onnx", "--lang", language).out
    assert str(tmp_path / "digits.onnx") in said
    assert "1,000" in said if language == "en" else "1000" in said
    file, _ = tile(tmp_path)
    assert command("predict", tmp_path / "digits.onnx", file, "--json").json()["predictions"][0]["class"]
    (small / "model" / "model.onnx").unlink()
    told = json.loads((small / "model" / "manifest.json").read_text())
    (small / "model" / "manifest.json").write_text(json.dumps(told | {"files": {}}))


def test_names_in_brackets_are_shown_as_they_are(command, home: Path, tmp_path: Path):
    sheet, run = tmp_path / "med.csv", tmp_path / "run"
    rows = [f"{i},{i % 7},{'[ill]' if i % 3 else '[/x]'}" for i in range(60)]
    sheet.write_text("\n".join(["length [cm],pulse [/min],state", *rows]))
    for words, names in (
        (["data", "show", sheet, "--target", "state"], ["length [cm]", "pulse [/min]", "[ill]", "[/x]"]),
        (["data", "audit", sheet, "--target", "state"], []),
        (["train", sheet, "--target", "state", "--run", run, "--set", "plan.epochs=2"], []),
        (["evaluate", run], ["[/x]"]),
        (["predict", run, sheet], ["[ill]"]),
        (["explain", "metrics", run], ["[/x]"]),
    ):
        said = command(*words)
        assert said.code == 0, said.err
        assert all(name in said.out for name in names), (words, said.out)


ODD = """from torch import linalg, nn


class Odd(nn.Linear):
    def __init__(self):
        super().__init__(4, 3)

    def forward(self, x):
        return super().forward(x) + linalg.svdvals(x[:, None])
"""


@pytest.mark.parametrize("language", ["en", "es"])
def test_an_operation_that_onnx_lacks_is_named(command, tmp_path: Path, language: str):
    (tmp_path / "odd.py").write_text(ODD)
    own, run = f"{tmp_path}/odd.py:Odd", tmp_path / "run"
    assert command("train", "iris", "--model", own, "--run", run, "--set", "plan.epochs=1").code == 0
    said = command("export", run, "--to", "onnx", "--model", own, "--lang", language)
    assert (said.code, said.out) == (1, "")
    assert "linalg_svd" in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert not (run / "model" / "model.onnx").exists()


def test_broken_model_files_are_refused_and_never_loaded(command, small: Path, tmp_path: Path):
    file, _ = tile(tmp_path)
    other = tiza.fit(
        tiza.Recipe.model_validate({"data": "digits", "model": "softmax", "plan": {"epochs": 1, "threads": 1}}),
        run=tmp_path / "other",
    )
    weights = (small / "model" / "weights.safetensors").read_bytes()
    giant = struct.pack("<Q", 2**60) + b"{}"
    header = b'{"w":{"dtype":"F32","shape":[1000000000,1000000],"data_offsets":[0,4000000000000000]}}'
    foreign = (other.path / "model" / "weights.safetensors").read_bytes()
    contents = {
        "truncated": weights[:-100], "empty": b"", "text": b"hello", "a header of 2**60 bytes": giant,
        "a tensor larger than the file": struct.pack("<Q", len(header)) + header, "a pickle": b"\x80\x04K\x01.",
    }  # fmt: skip
    for name, content in contents.items():
        broken = tmp_path / "broken"
        shutil.copytree(small, broken)
        (broken / "model" / "weights.safetensors").write_bytes(content)
        assert command("predict", broken, file, "--json").json()["error"]["code"] == "damaged", name
        # Without model/, the checkpoint is what loads; it is read just as carefully.
        shutil.rmtree(broken / "model")
        (broken / "checkpoint.safetensors").write_bytes(content)
        assert command("predict", broken, file, "--json").json()["error"]["code"] == "damaged", name
        shutil.rmtree(broken)

    swapped = tmp_path / "swapped"
    shutil.copytree(small, swapped)
    manifest = json.loads((swapped / "model" / "manifest.json").read_text())
    manifest["weights"] = json.loads((other.path / "model" / "manifest.json").read_text())["weights"]
    (swapped / "model" / "manifest.json").write_text(json.dumps(manifest))
    (swapped / "model" / "weights.safetensors").write_bytes(foreign)
    told = command("predict", swapped, file, "--json").json()["error"]
    assert told["code"] == "weights-mismatch"
    assert "linear1" in told["message"] or "logits" in told["message"]


def test_a_manifest_that_was_tampered_with_is_refused(command, small: Path, tmp_path: Path):
    file, _ = tile(tmp_path)
    good = json.loads((small / "model" / "manifest.json").read_text())
    wrong = {
        "no JSON": "{", "not an object": "[]", "a field more": json.dumps({**good, "code": "x"}),
        "a field less": json.dumps({k: v for k, v in good.items() if k != "classes"}),
        "another version": json.dumps({**good, "format": 9}),
        "another model": json.dumps({**good, "model": {"name": "transformer"}}),
    }  # fmt: skip
    for name, text in wrong.items():
        broken = tmp_path / "broken"
        shutil.copytree(small, broken)
        (broken / "model" / "manifest.json").write_text(text)
        said = command("predict", broken, file)
        assert said.code in (1, 2), name
        assert said.err.startswith("tiza: "), name
        assert "Traceback" not in said.err
        shutil.rmtree(broken)


def test_a_full_disk_says_so_and_keeps_what_was_saved(tmp_path: Path):
    """A real limit on file sizes stands in for the full disk: the kernel refuses the write in the middle."""
    run = tmp_path / "run"
    options = [
        "--model",
        "mlp",
        "--set",
        "plan.epochs=400",
        "--set",
        "plan.threads=1",
        "--set",
        "model.hidden=64",
        "--sealed",
    ]
    code = (
        "import resource, sys\nfrom tiza.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (90_000, resource.RLIM_INFINITY))\n"
        f"main({['train', 'digits', *options, '--run', str(run)]!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(run.rglob("*.part"))
    assert (run / "checkpoint.safetensors").exists()
    assert tiza.runs.restore(run).manifest.classes
    done = subprocess.run(
        [sys.executable, "-m", "tiza.cli", "train", "--sealed", "--json", "--resume", str(run)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["epochs"] == 400


def test_a_folder_that_cannot_be_written_is_named(command, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    said = command("train", "iris", "--run", tmp_path / "file" / "run")
    assert said.code == 1
    assert "file" in said.err
    assert said.err.count("\n") == 1


def test_a_home_that_cannot_be_written_is_replaced_with_a_warning(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    done = subprocess.run(
        [sys.executable, "-m", "tiza.cli", "train", "iris", "--json"],
        env={**os.environ, "TIZA_HOME": str(tmp_path / "file" / "home")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "can't be written" in done.stderr
    assert json.loads(done.stdout)["test"]["n"] == 30
    shutil.rmtree(Path(json.loads(done.stdout)["run"]).parents[1])


def test_a_sealed_look_keeps_what_an_opening_showed(command, small: Path, tmp_path: Path):
    run = tmp_path / "run"
    shutil.copytree(small, run)
    opened = command("evaluate", run, "--json").json()
    sealed = command("evaluate", run, "--sealed", "--json").json()
    assert sealed["test"] == opened["test"]
    assert sealed["test_opening"] == opened["test_opening"] == 1
    assert command("evaluate", run, "--json").json()["test_opening"] == 2


def test_what_validates_on_test_cannot_stay_sealed(command, home: Path):
    said = command("train", "iris", "--set", "data.valid=test", "--sealed")
    assert said.code == 2
    assert "--sealed" in said.err
    assert not (home / "openings.jsonl").exists()


def test_a_recipe_laid_in_the_folder_before_is_trained_there(command, tmp_path: Path):
    folder = tmp_path / "page"
    folder.mkdir()
    recipe = {"data": {"name": "iris"}, "model": {"name": "mlp"}, "plan": {"epochs": 400, "threads": 1}}
    (folder / "recipe.json").write_text(json.dumps(recipe))
    (folder / "control.jsonl").write_text('{"command": "stop", "reason": "page"}\n')
    said = command("train", "--recipe", folder / "recipe.json", "--run", folder, "--json")
    assert said.code == 0, said.err
    assert said.json()["epochs"] < 400


def test_the_python_of_both_readmes_runs(tmp_path: Path):
    for name in ("README.md", "README.es.md"):
        code = (Path(__file__).parent.parent / name).read_text().split("```python")[1].split("```")[0]
        script = tmp_path / "readme.py"
        script.write_text(code.replace('"epochs": 3', '"epochs": 1, "threads": 1'))
        done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 3


def test_a_terminal_without_the_signs_gets_others(tmp_path: Path):
    command = [sys.executable, "-m", "tiza.cli", "data", "show", "iris", "--lang", "es"]
    done = subprocess.run(command, env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_run_that_could_not_begin_leaves_no_folder_behind(command, home: Path):
    assert command("train", "iris", "--model", "cnn").code == 2
    assert list((home / "runs").iterdir()) == []


def test_a_reader_of_the_output_that_goes_away_is_no_error():
    code = f"{sys.executable} -m tiza.cli data list | head -n 1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {code}"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_debug_shows_the_traceback_and_nothing_else_does(command):
    assert "Traceback" not in command("train", "mnits").err
    with pytest.raises(tiza.TizaError):
        main(["train", "mnits", "--debug"])
