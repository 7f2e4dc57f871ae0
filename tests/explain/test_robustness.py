"""Robustness: accuracy at each severity is that of the distorted arrays, on the same samples, reproducibly."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tiza import explain, fit, load, runs
from tiza.config import Recipe, make
from tiza.errors import TizaError
from tiza.metrics import wilson
from tiza.runs import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    data = {"name": "mnist", "limit": 3_000}
    plan = {"epochs": 3, "lr": 0.003, "threads": 1}
    recipe = make(Recipe, {"data": data, "model": {"name": "mlp", "hidden": [32]}, "plan": plan})
    return fit(recipe, run=tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def flowers(tmp_path_factory: pytest.TempPathFactory) -> Run:
    plan = {"epochs": 20, "lr": 0.03, "threads": 1}
    recipe = make(Recipe, {"data": "iris", "model": {"name": "mlp", "hidden": [16]}, "plan": plan})
    return fit(recipe, run=tmp_path_factory.mktemp("runs") / "iris")


def right(run: Run, x: np.ndarray, y: np.ndarray) -> int:
    with torch.no_grad():
        return int((runs.restore(run).model(torch.from_numpy(x)).argmax(1).numpy() == y).sum())


def test_accuracy_is_that_of_the_distorted_arrays(run: Run):
    of = explain.robustness(run, samples=120, seed=3)
    valid = load(run.recipe.data).look("valid")
    x, y = valid.x[of.index].numpy(), valid.y[of.index].numpy()
    assert [curve.kind for curve in of.curves] == ["shift", "rotation", "noise", "blur", "thickness", "contrast"]
    for curve in of.curves:
        expected = [right(run, explain.distort(x, curve.kind, severity, seed=(3, 0)), y) for severity in range(6)]
        assert list(curve.right) == expected
        assert curve.accuracy == pytest.approx(np.array(expected) / 120)
        assert [tuple(ends) for ends in curve.intervals] == [wilson(k, 120) for k in expected]
        assert curve.right[0] == of.curves[0].right[0], "the same clean samples"
        assert curve.accuracy[5] < curve.accuracy[0]
        assert curve.amounts[0] == 0


def test_more_samples_than_go_together_are_all_distorted(run: Run):
    of = explain.robustness(run, ["noise"], samples=290, split="train", seed=1)
    train = load(run.recipe.data).look("train")
    x, y = train.x[of.index].numpy(), train.y[of.index].numpy()
    parts = [explain.distort(x[first : first + 250], "noise", 4, seed=(1, first)) for first in (0, 250)]
    assert of.curves[0].right[4] == right(run, np.concatenate(parts), y)
    assert (of.split, of.n, of.curves[0].n, len(set(of.index))) == ("train", 290, 290, 290)


def test_every_class_has_its_share_and_few_samples_are_all_taken(run: Run):
    valid = load(run.recipe.data).look("valid")
    of = explain.robustness(run, ["shift"], samples=100)
    shares = np.bincount(valid.y[of.index]) / 100
    assert shares == pytest.approx(np.bincount(valid.y) / len(valid), abs=0.02)
    assert explain.robustness(run, ["shift"], samples=10**6).n == len(valid)


def test_the_examples_are_one_right_sample_at_every_severity(run: Run):
    of = explain.robustness(run, ["blur", "shift"], samples=60)
    valid = load(run.recipe.data).look("valid")
    for curve in of.curves:
        assert curve.examples.shape == (6, 1, 28, 28)
        (place,) = [i for i in of.index if np.array_equal(valid.x[i].numpy(), curve.examples[0])]
        assert right(run, curve.examples[:1], valid.y[[place]].numpy()) == 1
    assert np.array_equal(of.curves[0].examples[0], of.curves[1].examples[0])
    assert np.array_equal(explain.distort(of.curves[0].examples[:1], "blur", 5)[0], of.curves[0].examples[5])


def test_the_same_seed_gives_the_same_progress_is_told_and_test_stays_shut(run: Run, home: Path):
    told: list[tuple[int, int]] = []
    one = explain.robustness(run, ["noise", "shift"], samples=50, said=lambda done, of: told.append((done, of)))
    assert told == [(i, 10) for i in range(1, 11)]
    assert one.to_dict() == explain.robustness(run, ["noise", "shift"], samples=50).to_dict()
    assert not (home / "openings.jsonl").exists()


def test_a_table_gets_noise_in_deviations_of_its_features(flowers: Run):
    of = explain.robustness(flowers)
    (curve,) = of.curves
    assert (curve.kind, curve.unit, curve.amounts) == ("noise", "deviations", (0, 0.1, 0.2, 0.5, 1, 2))
    data = load("iris")
    x, y = data.look("valid").x[of.index].numpy(), data.look("valid").y[of.index].numpy()
    drawn = np.random.default_rng((0, 0)).standard_normal(x.shape)
    noise = data.train.x.numpy().std(0) * drawn
    expected = [right(flowers, (x + amount * noise).astype(np.float32), y) for amount in curve.amounts]
    assert list(curve.right) == expected
    assert curve.examples.shape == (6, 4)


def test_dark_ink_on_light_paper_is_as_robust_as_its_negative():
    """A model that answers by how much ink there is sees the same in both."""

    class Ink(nn.Module):
        def __init__(self, dark: bool) -> None:
            super().__init__()
            self.dark = dark

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            ink = ((255 - x.float()) if self.dark else x.float()).mean((1, 2, 3))
            return torch.stack([30 - ink, ink - 30], 1)

    digits = load("mnist", limit=400).look("train").x.numpy()
    labels = np.where(digits.mean((1, 2, 3)) > 30, "much", "little")
    light, dark = (
        explain.robustness(Ink(dark), ["shift", "thickness"], data=load((255 - digits if dark else digits, labels)))
        for dark in (False, True)
    )
    for one, other in zip(light.curves, dark.curves, strict=True):
        assert one.right == other.right
        assert one.right[0] == one.n
    assert light.curves[1].accuracy[5] < 0.8, "thick strokes are much ink"


@pytest.mark.parametrize(
    ("options", "code", "where"),
    [({"kinds": ["blurr"]}, "unknown", "--kind"), ({"samples": 0}, "robustness-samples", "--samples"),
     ({"split": "test"}, "answer-split", "--split")],
)  # fmt: skip
def test_what_can_t_be_tried_is_told(run: Run, options: dict, code: str, where: str):
    with pytest.raises(TizaError) as caught:
        explain.robustness(run, **options)
    assert (caught.value.code, caught.value.where, caught.value.exit_code) == (code, where, 2)


def test_a_table_can_t_be_shifted(flowers: Run):
    with pytest.raises(TizaError) as caught:
        explain.robustness(flowers, ["noise", "shift"])
    assert (caught.value.code, caught.value.where) == ("robustness-table", "--kind")
    assert "shift" in str(caught.value)
