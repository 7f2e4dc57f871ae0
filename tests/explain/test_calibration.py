"""Calibration against scikit-learn's, on draws whose calibration is known, and thresholds against counting."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss
from torch import nn

from tiza import evaluate, explain, fit, load, runs
from tiza.config import Recipe, make
from tiza.data.dataset import Dataset
from tiza.errors import TizaError
from tiza.explain.calibration import binned
from tiza.metrics import wilson
from tiza.runs import Run

Told = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    plan = {"epochs": 4, "lr": 0.01, "threads": 1}
    recipe = make(Recipe, {"data": "digits", "model": {"name": "mlp", "hidden": [16]}, "plan": plan})
    return fit(recipe, run=tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def told(run: Run) -> Told:
    """Probabilities and labels of the validation split."""
    samples = load("digits").look("valid")
    with torch.no_grad():
        return softmax(runs.restore(run).model(samples.x).double().numpy(), 1), samples.y.numpy()


class Table(nn.Module):
    """Logits that stand in the samples themselves, divided by a temperature."""

    def __init__(self, temperature: float = 1.0) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / self.temperature


def drawn(n: int, classes: int = 4, seed: int = 0, spread: float = 2.0) -> Dataset:
    """Samples whose labels are drawn from the softmax of their own values: what answers these is calibrated."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, spread, (n, classes)).astype(np.float32)
    labels = (softmax(logits, 1).cumsum(1) > rng.random((n, 1))).argmax(1)
    return load((logits, labels))


@pytest.mark.parametrize(("kind", "strategy"), [("width", "uniform"), ("count", "quantile")])
@pytest.mark.parametrize("bins", [5, 15])
def test_the_bins_are_those_of_scikit_learn(run: Run, told: Told, kind: str, strategy: str, bins: int):
    p, labels = told
    right = p.argmax(1) == labels
    share, confidence = calibration_curve(right, p.max(1), n_bins=bins, strategy=strategy)
    found = getattr(explain.calibration(run, bins=bins), kind)
    some = found.n > 0
    assert found.n.sum() == len(labels)
    assert found.accuracy[some] == pytest.approx(share)
    assert found.confidence[some] == pytest.approx(confidence, abs=1e-6)
    weights = found.n[some] / len(labels)
    assert found.error == pytest.approx((weights * np.abs(share - confidence)).sum(), abs=1e-6)
    assert found.gaps[found.largest] == pytest.approx(np.abs(share - confidence).max(), abs=1e-6)
    for k, n in enumerate(found.n):
        expected = wilson(round(found.accuracy[k] * n), int(n)) if n else (np.nan, np.nan)
        assert (found.low[k], found.high[k]) == pytest.approx(expected, nan_ok=True)


def test_the_scores_are_those_of_scikit_learn_and_of_the_report(run: Run, told: Told):
    p, labels = told
    of = explain.calibration(run)
    assert of.brier == pytest.approx(brier_score_loss(labels, p, scale_by_half=False), rel=1e-5)
    assert of.nll == pytest.approx(log_loss(labels, p), rel=1e-5)
    assert of.accuracy == (p.argmax(1) == labels).mean()
    assert of.confidence == pytest.approx(p.max(1).mean())
    report = evaluate(run, sealed=True).splits["valid"]
    assert report is not None
    assert of.width.error == pytest.approx(report["calibration_error"], abs=1e-5)
    assert of.nll == pytest.approx(report["loss"], rel=1e-5)


def test_a_bin_has_its_upper_edge_and_without_its_lower_one():
    edges = np.array([0, 0.5, 1])
    assert binned(np.array([0.2, 0.5, 0.7, 1.0]), np.array([True, False, True, True]), edges).n.tolist() == [2, 2]


def test_calibrated_draws_have_no_more_error_than_chance_gives():
    inside = []
    for seed in range(12):
        of = explain.calibration(Table(), data=drawn(10_000, seed=seed))
        low, high = of.chance
        inside.append(low <= of.width.error <= high)
        assert of.width.error < 0.06
        assert of.temperature is not None
        assert of.temperature.temperature == pytest.approx(1, abs=0.2)
    assert 8 <= sum(inside) <= 12, "nine in ten lie inside"


@pytest.mark.parametrize("temperature", [0.4, 2.5])
def test_a_temperature_undoes_another(temperature: float):
    """What was divided by T is brought back by 1 / T; the error was large and becomes small."""
    of = explain.calibration(Table(temperature), data=drawn(40_000))
    assert of.temperature is not None
    assert of.temperature.temperature == pytest.approx(1 / temperature, rel=0.1)
    assert of.width.error > of.chance[1]
    assert of.temperature.error_before > 0.1
    assert of.temperature.error_after < 0.035
    assert of.temperature.nll_after < of.temperature.nll_before
    assert (of.confidence > of.accuracy) == (temperature < 1)
    assert of.temperature.n == of.n // 2


def test_without_an_error_no_temperature_can_be_told():
    labels = np.arange(600) % 3
    x = 3 * np.eye(3, dtype=np.float32)[labels] + np.arange(600, dtype=np.float32)[:, None]
    of = explain.calibration(Table(), data=load((x, labels)))
    assert of.accuracy == 1
    assert of.temperature is None
    assert of.to_dict()["temperature"] is None
    assert of.enough is not None
    assert (of.enough.at, of.enough.coverage) == (0, 1)


def test_thresholds_are_counted(run: Run, told: Told):
    p, labels = told
    confidence, right = p.max(1), p.argmax(1) == labels
    of = explain.calibration(run, wanted=0.97)
    for one in of.thresholds:
        chosen = right[confidence >= one.at]
        assert one.n == len(chosen)
        assert one.coverage == len(chosen) / len(labels)
        assert one.accuracy == (pytest.approx(chosen.mean()) if len(chosen) else None)
        assert one.interval == wilson(int(chosen.sum()), len(chosen))
    assert [one.at for one in of.thresholds][:3] == [0, 0.01, 0.02]
    assert of.thresholds[0].accuracy == of.accuracy
    assert of.enough is not None
    chosen = right[confidence >= of.enough.at - 1e-7]
    assert of.enough.accuracy == chosen.mean() >= 0.97
    more = [right[confidence >= at].mean() for at in np.unique(confidence) if at < of.enough.at - 1e-7]
    assert more, "some are left out"
    assert max(more) < 0.97, "none that answers more samples gives it"


def test_equal_confidences_are_answered_together_and_what_can_t_be_had_is_none():
    x = np.tile(np.array([[3, 0], [1, 0], [2, 0]], np.float32), (200, 1))
    x += np.arange(600, dtype=np.float32)[:, None]  # which changes no probability, but no two are identical
    labels = np.tile([1, 0, 0], 200)  # the surest are all wrong
    of = explain.calibration(Table(), data=load((x, labels)), wanted=0.9)
    assert of.enough is None
    assert of.to_dict()["enough"] is None
    some = explain.calibration(Table(), data=load((x, 1 - labels)), wanted=1.0)
    assert some.enough is not None
    assert some.enough.coverage == pytest.approx(1 / 3, abs=0.02)
    assert some.enough.at == pytest.approx(1 / (1 + np.exp(-3)), abs=1e-6)


def test_the_same_seed_gives_the_same_and_nothing_opens_the_test_split(run: Run, home: Path):
    one, same, other = (explain.calibration(run, seed=seed) for seed in (1, 1, 2))
    assert one.to_dict() == same.to_dict()
    assert one.temperature != other.temperature
    assert one.width.error == other.width.error
    assert not (home / "openings.jsonl").exists()


def test_an_empty_bin_is_none_in_json_and_raises_no_warning(run: Run):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = explain.calibration(run, bins=100).to_dict()
    assert None in plain["width"]["accuracy"]
    assert plain["width"]["n"][0] == 0
    assert all(value == value for value in plain["width"]["low"])


@pytest.mark.parametrize(
    ("options", "code", "where"),
    [({"bins": 1}, "calibration-bins", "--bins"), ({"bins": 101}, "calibration-bins", "--bins"),
     ({"wanted": 0.0}, "calibration-wanted", "--wanted"), ({"wanted": 99.0}, "calibration-wanted", "--wanted"),
     ({"wanted": float("nan")}, "calibration-wanted", "--wanted"), ({"split": "test"}, "answer-split", "--split")],
)  # fmt: skip
def test_numbers_out_of_range_are_told(run: Run, options: dict, code: str, where: str):
    with pytest.raises(TizaError) as caught:
        explain.calibration(run, **options)
    assert (caught.value.code, caught.value.where, caught.value.exit_code) == (code, where, 2)
