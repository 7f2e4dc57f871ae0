"""Label errors: planted ones are found, clean labels are left alone, no model judges a sample that it has seen."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tiza import explain, fit, load, runs
from tiza.config import Recipe, make
from tiza.data.dataset import Dataset
from tiza.data.folds import folds, places_of, pool_of
from tiza.data.seal import Split
from tiza.errors import TizaError
from tiza.explain.label_errors import folder_of
from tiza.runs import Run
from tiza.trials import read
from tiza.trials.standing import Progress

SIZE, SHARE = 3_000, 0.05
CNN = make(Recipe, {
    "data": {"name": "mnist", "limit": SIZE},
    "model": {"name": "cnn", "channels": [8, 16], "hidden": [32], "dropout": 0.2},
    "plan": {"epochs": 4, "lr": 0.02, "batch_size": 64, "schedule": "one-cycle", "threads": 1},
})  # fmt: skip


def planted(kind: str) -> tuple[Dataset, np.ndarray]:
    """3,000 MNIST images, 5 % of whose labels become any other one, or the next one; which they are."""
    data, rng = load("mnist", limit=SIZE), np.random.default_rng(0)
    labels = pool_of(data).y.numpy().copy()
    wrong = rng.permutation(SIZE)[: 0 if kind == "clean" else round(SHARE * SIZE)]
    labels[wrong] = (labels[wrong] + (1 if kind == "pair" else rng.integers(1, 10, len(wrong)))) % 10
    y, n = torch.from_numpy(labels), len(data.train)
    assert isinstance(data.valid, Split)
    return replace(data, train=Split(data.train.x, y[:n]), valid=Split(data.valid.x, y[n:])), wrong


@pytest.mark.parametrize("kind", ["symmetric", "pair"])
def test_planted_errors_are_found_and_few_others(kind: str):
    data, wrong = planted(kind)
    of = explain.label_errors(CNN, data=data)
    right = np.isin(of.found.errors, wrong)
    precision, recall = right.mean(), right.sum() / len(wrong)
    assert precision >= 0.8, f"{precision:.3f} of those that are named were planted"
    assert recall >= 0.8, f"{recall:.3f} of those that were planted are named"
    assert np.isin(of.found.errors[:75], wrong).mean() >= 0.9, "the likeliest come first"
    assert of.found.share == pytest.approx(SHARE, abs=0.02)
    if kind == "pair":
        up = [of.found.noise[(j + 1) % 10, j] for j in range(10)]
        others = (of.found.noise - np.diag(of.found.noise.diagonal())).sum() - sum(up)
        assert sum(up) > 3 * others, "the noise goes from each class to the next"
    for split, i, label, other in list(zip(of.split, of.index, of.label, of.suggested, strict=True))[:20]:
        assert int(data.look(split).y[i]) == label != other
    for k in range(5):
        assert np.array_equal(data.look(of.split[k]).x[int(of.index[k])].numpy(), of.samples[k])


def test_of_clean_labels_few_are_doubted():
    of = explain.label_errors(CNN, data=planted("clean")[0])
    assert len(of.index) / of.n <= 0.01
    assert of.accuracy > 0.92


SMALL = make(Recipe, {
    "data": {"name": "digits", "limit": 600}, "model": {"name": "mlp", "hidden": [24]},
    "plan": {"epochs": 4, "lr": 0.01, "threads": 1, "keep": "best", "patience": 2},
})  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return fit(SMALL, run=tmp_path_factory.mktemp("runs") / "run")


def test_each_sample_is_judged_by_a_model_that_has_not_seen_it(run: Run):
    of = explain.label_errors(run, 3, seed=2)
    data = load(SMALL.data)
    trials = read(of.search)
    places = places_of(data, 3, 2)
    assert sorted(np.concatenate([mine for _, mine in places])) == list(range(len(pool_of(data))))
    for (train, mine), outcome in zip(places, trials.of(0), strict=True):
        assert not set(train) & set(mine)
        assert outcome.probabilities is not None
        assert np.array_equal(outcome.answers, outcome.probabilities.argmax(1))
    whole = np.zeros((of.n, 10))
    for (_, mine), outcome in zip(places, trials.of(0), strict=True):
        whole[mine] = outcome.probabilities
    labels = pool_of(data).y.numpy()
    expected = explain.confident(labels, whole)
    assert np.array_equal(of.found.errors, expected.errors)
    assert of.accuracy == (whole.argmax(1) == labels).mean()
    assert of.probabilities == pytest.approx(
        np.stack([whole[of.found.errors, of.label], whole[of.found.errors, of.suggested]], 1)
    )


def test_a_fold_is_trained_as_a_run_on_its_part_to_the_end_of_the_plan(run: Run, tmp_path: Path):
    of = explain.label_errors(run, 3)
    part = folds(load(SMALL.data), 3)[1]
    plan = SMALL.plan.model_copy(update={"keep": "last", "patience": None})
    alone = fit(SMALL.model_copy(update={"plan": plan}), part, run=tmp_path / "alone")
    with torch.no_grad():
        p = runs.restore(alone).model(part.look("valid").x).softmax(1).numpy()
    outcome = read(of.search).of(0)[1]
    assert outcome.probabilities == pytest.approx(p, abs=1e-4)
    assert outcome.status == "done"


def test_the_folds_of_a_run_stay_and_asking_again_trains_nothing(run: Run, home: Path):
    told: list[Progress] = []
    first = explain.label_errors(run, 4, said=told.append)
    assert told[-1].done == told[-1].of == 4
    assert first.search == folder_of(run, 4)
    lines = (first.search / "trials.jsonl").read_text()
    took = explain.label_errors_seconds(run, 4)
    assert took == 0
    again = explain.label_errors(run, 4, by="self-confidence")
    assert (first.search / "trials.jsonl").read_text() == lines
    assert sorted(again.found.errors) == sorted(first.found.errors)
    one = run.history()[-1].seconds
    assert explain.label_errors_seconds(run, 6) == pytest.approx(6 * one * 5 / 6)
    assert not (home / "openings.jsonl").exists(), "the test split stays shut"


def test_an_interrupted_training_goes_on(run: Run):
    def stop(now: Progress) -> None:
        if now.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explain.label_errors(run, 5, seed=9, said=stop)
    of = explain.label_errors(run, 5, seed=9)
    assert of.folds == 5
    fits = [line for line in (of.search / "trials.jsonl").read_text().splitlines() if line]
    assert len(fits) == 5, "none twice"


def test_identical_samples_are_answered_by_one_model():
    data = load("iris")
    x, y = np.asarray(pool_of(data).x), pool_of(data).y.numpy()
    times = np.arange(len(x)) % 3 + 1
    copies = load((np.repeat(x, times, 0), np.repeat(y, times)))
    keys = [row.tobytes() for row in np.asarray(pool_of(copies).x)]
    part = {key: fold for fold, (_, mine) in enumerate(places_of(copies, 4)) for key in (keys[i] for i in mine)}
    for fold, (_, mine) in enumerate(places_of(copies, 4)):
        assert {part[keys[i]] for i in mine} == {fold}


def test_json_has_every_error_with_its_probabilities(run: Run):
    of = explain.label_errors(run, 3)
    plain = of.to_dict()
    assert len(plain["errors"]) == len(of.index) == len(of.split)
    for error in plain["errors"]:
        assert error["label"] != error["suggested"]
        assert error["suggested_probability"] > error["label_probability"]
        assert error["score"] == pytest.approx(error["label_probability"] - error["suggested_probability"])
    assert np.sum(plain["noise"], 0) == pytest.approx(np.ones(10))


def test_what_can_t_be_judged_is_told(run: Run, tmp_path: Path):
    with pytest.raises(TizaError) as caught:
        explain.label_errors(run, 1)
    assert (caught.value.code, caught.value.exit_code) == ("label-errors-folds", 2)
    with pytest.raises(TizaError, match="ask for at most"):
        explain.label_errors(run, 400)
    own = fit(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), load("digits"), SMALL.plan, run=tmp_path / "own")
    with pytest.raises(TizaError) as caught:
        explain.label_errors(own)
    assert caught.value.code == "label-errors-own"
    assert "confident" in str(caught.value)
    wild = make(Recipe, {"data": "iris", "model": "mlp", "plan": {"lr": 1e30, "optimizer": "sgd", "epochs": 3}})
    with pytest.raises(TizaError) as caught:
        explain.label_errors(wild)
    assert caught.value.code in ("label-errors-diverged", "search-none")
