"""evaluate(): against scikit-learn, on every split, with the test set opened once and counted."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn import metrics as oracle
from torch import nn

import tiza
from tiza import runs
from tiza.config import Recipe, make
from tiza.errors import TizaError
from tiza.metrics import wilson
from tiza.reports import Report
from tiza.storage import read_lines
from tiza.training.events import Measured


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = {
        "data": "digits",
        "model": {"name": "mlp", "hidden": [16]},
        "plan": {"epochs": 6, "threads": 1, "lr": 0.01},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIZA_HOME", str(tmp_path_factory.mktemp("home")))
        return tiza.fit(make(Recipe, recipe), run=tmp_path_factory.mktemp("runs") / "run").path


def answers(folder: Path, split) -> np.ndarray:
    with torch.no_grad():
        return runs.restore(folder).model(split.x).softmax(1).numpy()


def test_every_measure_of_every_split_is_scikit_learns(folder: Path):
    data = tiza.load("digits")
    report = tiza.evaluate(folder)
    splits = {"train": data.train, "valid": data.valid, "test": data.test.look()}
    for name, split in splits.items():
        of, p, y = report.splits[name], answers(folder, split), split.y.numpy()
        said = p.argmax(1)
        precision, recall, f1, n = oracle.precision_recall_fscore_support(y, said, labels=range(10), zero_division=0)
        assert of["n"] == len(y)
        assert of["loss"] == pytest.approx(oracle.log_loss(y, p, labels=range(10)), rel=1e-5)
        assert of["accuracy"] == pytest.approx(oracle.accuracy_score(y, said))
        assert of["f1_macro"] == pytest.approx(oracle.f1_score(y, said, average="macro"))
        assert of["confusion"] == oracle.confusion_matrix(y, said, labels=range(10)).tolist()
        assert of["per_class"]["precision"] == pytest.approx(precision)
        assert of["per_class"]["recall"] == pytest.approx(recall)
        assert of["per_class"]["f1"] == pytest.approx(f1)
        assert of["per_class"]["n"] == n.tolist()
        assert of["interval"] == list(wilson(int((said == y).sum()), len(y)))


def test_each_evaluation_is_one_opening_and_sealed_is_none(folder: Path, home: Path):
    assert [tiza.evaluate(folder).opening for _ in range(3)] == [1, 2, 3]
    assert tiza.evaluate(folder, sealed=True).opening == 3  # what was seen stays known; nothing is opened
    entries = list(read_lines(home / "openings.jsonl"))
    assert [entry["opening"] for entry in entries] == [1, 2, 3]
    assert {(entry["by"], entry["data"], entry["purpose"]) for entry in entries} == {("run", "digits", "evaluation")}


def test_an_evaluation_while_a_run_trains_is_not_kept_for_its_later_weights(home: Path, tmp_path: Path):
    told: list[Report] = []

    def early(event, learner):
        if isinstance(event, Measured) and event.epoch == 1:
            told.append(tiza.evaluate(tmp_path / "run"))

    run = tiza.fit(
        make(Recipe, {"data": "digits", "model": "mlp", "plan": {"epochs": 3, "threads": 1}}),
        run=tmp_path / "run",
        readers=[early],
    )
    assert told[0].opening == 1
    assert run.report is None
    assert tiza.evaluate(run, sealed=True).test is None


def test_the_worst_examples_are_those_with_the_highest_loss(folder: Path):
    report, test = tiza.evaluate(folder), tiza.load("digits").test.look()
    p = answers(folder, test)
    losses = -np.log(p[np.arange(len(test)), test.y.numpy()])
    worst = [one["index"] for one in report.worst]
    assert worst == np.argsort(-losses, kind="stable")[: len(worst)].tolist()
    assert all(one["label"] == int(test.y[one["index"]]) for one in report.worst)
    assert all(one["probability"] == pytest.approx(p[one["index"]].max(), rel=1e-5) for one in report.worst)


def test_a_report_reads_back_from_its_folder_and_its_model_card_tells_it(folder: Path):
    report = tiza.evaluate(folder)
    assert Report.from_dict(json.loads((folder / "report.json").read_text())) == report
    card = (folder / "model" / "README.md").read_text()
    assert "| test | 359 |" in card
    assert "opening 1" in card


@pytest.mark.parametrize(("language", "word"), [("en", "accuracy"), ("es", "exactitud")])
def test_a_notebook_shows_report_and_run_as_tables(folder: Path, monkeypatch, language: str, word: str):
    monkeypatch.setenv("TIZA_LANG", language)
    html = tiza.evaluate(folder)._repr_html_()
    assert html.count("<tr>") == 4
    assert word in html
    assert runs.Run(folder)._repr_html_().count("<tr>") == 7


def test_any_module_can_be_evaluated_on_any_data():
    class Constant(nn.Module):
        def __init__(self):
            super().__init__()
            self.logits = nn.Parameter(torch.tensor([0.0, 0.0, 9.0]))

        def forward(self, x):
            return self.logits.expand(len(x), 3)

    report = tiza.evaluate(Constant(), "iris")
    assert report.test["accuracy"] == pytest.approx(1 / 3)
    assert report.test["per_class"]["recall"] == [0, 0, 1]
    with pytest.raises(TizaError) as caught:
        tiza.evaluate(Constant())
    assert caught.value.code == "data-missing"
    with pytest.raises(TizaError) as caught:
        tiza.evaluate(Constant(), "digits")
    assert caught.value.code == "outputs"


def test_evaluating_leaves_the_mode_of_a_module_as_it_was():
    data = tiza.load("iris")
    model = tiza.build("mlp", data).train()
    tiza.evaluate(model, data, sealed=True)
    assert model.training


def test_data_divided_in_another_way_is_refused(folder: Path):
    with pytest.raises(TizaError) as caught:
        tiza.evaluate(folder, tiza.load("digits", seed=1))
    assert caught.value.code == "other-data"
