"""Pairs of classes and cells: the counts are scikit-learn's, the samples are those of the cell, the surest first."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix
from torch import nn

from tiza import evaluate, explain, fit, load
from tiza.config import Recipe, make
from tiza.errors import TizaError
from tiza.metrics import wilson
from tiza.runs import Run

NAMES = ("a", "b, c", "b", "c")  # with a comma inside a name


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    plan = {"epochs": 3, "lr": 0.01, "threads": 1}
    recipe = make(Recipe, {"data": "digits", "model": {"name": "mlp", "hidden": [16]}, "plan": plan})
    return fit(recipe, run=tmp_path_factory.mktemp("runs") / "run")


class Sums(nn.Module):
    """Answers points by the sign of their first feature."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([-x[:, 0], x[:, 0]], 1)


@pytest.mark.parametrize("split", ["train", "valid"])
def test_the_counts_are_those_of_scikit_learn_and_the_cell_has_its_samples(run: Run, split: str):
    of, data = explain.confused(run, split=split), load("digits")
    samples = data.look(split)
    with torch.no_grad():
        p = fitted(run)(samples.x).double().softmax(1).numpy()
    labels = samples.y.numpy()
    matrix = confusion_matrix(labels, p.argmax(1), labels=range(10))
    assert np.array_equal(of.confusion, matrix)
    assert of.wrong == (labels != p.argmax(1)).sum() > 0
    off = np.where(np.eye(10, dtype=bool), 0, matrix)
    assert of.cell is not None
    assert of.cell.n == off.max()
    i, j = int(of.cell.label), int(of.cell.answer)
    assert sorted(of.cell.index) == np.flatnonzero((labels == i) & (p.argmax(1) == j)).tolist()
    assert (np.diff(of.cell.probability) <= 0).all()
    assert of.cell.probability == pytest.approx(p[of.cell.index, j], abs=1e-6)
    assert of.cell.label_probability == pytest.approx(p[of.cell.index, i], abs=1e-6)
    assert np.array_equal(of.cell.samples, samples.x[of.cell.index[:30]].numpy())
    assert of.cell.interval == wilson(of.cell.n, of.cell.of)


def fitted(run: Run) -> nn.Module:
    from tiza import runs

    return runs.restore(run).model


def test_pairs_have_the_errors_of_both_directions_and_are_ranked_by_them(run: Run):
    of = explain.confused(run)
    totals = of.confusion.sum(1)
    both = [sum(pair.counts) for pair in of.pairs]
    assert both == sorted(both, reverse=True)
    assert sum(both) == of.wrong
    for pair in of.pairs:
        i, j = map(int, pair.classes)
        assert pair.counts == (of.confusion[i, j], of.confusion[j, i])
        assert pair.n == totals[i] + totals[j]
        assert pair.share == pytest.approx(sum(pair.counts) / pair.n)
        assert pair.interval == wilson(sum(pair.counts), pair.n)


@pytest.mark.parametrize("cell", ["3,3", ("3", "3"), " 3 , 3 "])
def test_a_cell_of_right_answers_can_be_looked_at_too(run: Run, cell: str | tuple[str, str]):
    of = explain.confused(run, cell)
    assert of.cell is not None
    assert (of.cell.label, of.cell.answer, of.cell.n) == ("3", "3", of.confusion[3, 3])
    assert len(of.cell.samples) == min(30, of.cell.n)


def test_a_name_with_a_comma_in_it_is_found():
    from tiza.explain.confused import _place

    assert _place("a,b, c", NAMES) == (0, 1)
    assert _place("b, c,b", NAMES) == (1, 2)
    assert _place("b,c", NAMES) == (2, 3)


def test_a_module_with_its_data_and_a_table_are_answered_too():
    x = np.linspace(-1, 1, 200)[:, None].repeat(2, 1).astype(np.float32)
    data = load((x, np.where(x[:, 0] > 0, "up", "down")))
    of = explain.confused(Sums(), data=data)
    assert (of.wrong, of.pairs, of.cell) == (0, (), None)
    flipped = load((x, np.where(x[:, 0] > 0, "down", "up")))
    of = explain.confused(Sums(), data=flipped)
    assert of.wrong == len(flipped.valid)
    assert of.pairs[0].share == 1
    assert of.cell is not None
    assert of.cell.samples.shape == (of.cell.n, 2)


def test_test_is_seen_only_where_the_report_has_opened_it_and_without_samples(run: Run, home: Path):
    with pytest.raises(TizaError) as caught:
        explain.confused(run, split="test")
    assert caught.value.code == "confused-sealed"
    report = evaluate(run)
    before = (home / "openings.jsonl").read_text()
    of = explain.confused(run, split="test")
    assert report.test is not None
    assert of.confusion.tolist() == report.test["confusion"]
    assert of.cell is None
    with pytest.raises(TizaError) as caught:
        explain.confused(run, "3,5", split="test")
    assert caught.value.code == "confused-test-cell"
    assert (home / "openings.jsonl").read_text() == before


def test_nothing_opens_the_test_split(run: Run, home: Path):
    explain.confused(run)
    assert not (home / "openings.jsonl").exists()


@pytest.mark.parametrize(
    ("cell", "code", "said"),
    [("3", "cell", "0,1"), ("3,12", "unknown", "12"), ("x,3", "unknown", "x"), (",", "unknown", "0, 1, 2")],
)
def test_what_is_no_cell_is_told(run: Run, cell: str, code: str, said: str):
    with pytest.raises(TizaError) as caught:
        explain.confused(run, cell)
    assert (caught.value.code, caught.value.exit_code, caught.value.where) == (code, 2, "--cell")
    assert said in str(caught.value)


def test_another_split_and_a_model_that_answers_no_numbers_are_told(run: Run):
    with pytest.raises(TizaError) as caught:
        explain.confused(run, split="all")
    assert caught.value.code == "answer-split"

    class Broken(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.full((len(x), 10), torch.nan)

    with pytest.raises(TizaError) as caught:
        explain.confused(Broken(), data=load("digits"))
    assert caught.value.code == "answers-not-finite"


def test_json_has_every_sample_of_the_cell(run: Run):
    of = explain.confused(run)
    plain = of.to_dict()
    assert of.cell is not None
    assert [row["index"] for row in plain["cell"]["samples"]] == of.cell.index.tolist()
    assert plain["cell"]["n"] == len(plain["cell"]["samples"])
    assert plain["pairs"][0]["classes"] == of.pairs[0].classes
    assert (plain["n"], plain["wrong"]) == (of.confusion.sum(), of.wrong)
