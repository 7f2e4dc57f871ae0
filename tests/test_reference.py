"""tiza.reference: what an accuracy is worth beside a recipe's claim and the most frequent class."""

import pytest
from sklearn.dummy import DummyClassifier

import tiza
from tiza import registry
from tiza.config import Recipe, make
from tiza.metrics import wilson
from tiza.reference import reference
from tiza.registry import Entry
from tiza.reports import Report

IRIS = make(Recipe, {"data": "iris", "model": "mlp"})


def report(right: int) -> Report:
    """A report of a model that is right on so many of 100 validation samples of iris."""
    of = {"accuracy": right / 100, "interval": list(wilson(right, 100)),
          "confusion": [[right, 100 - right, 0], [0, 0, 0], [0, 0, 0]]}  # fmt: skip
    return Report("run", ("a", "b", "c"), {"train": None, "valid": of, "test": None}, None, "sealed", "valid", [])


@pytest.fixture
def claim(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipe for iris that claims 0.90 to 0.94."""
    facts = {"default_for": "iris", "claim": (0.90, 0.94), "seconds": 1.5}
    monkeypatch.setitem(registry._tables["recipe"], "iris-claim", Entry("iris-claim", lambda: IRIS, facts))


@pytest.mark.parametrize(("right", "verdict"), [(80, "short"), (85, "reached"), (92, "reached"), (99, "reached")])
def test_an_accuracy_is_held_against_the_claim(claim: None, right: int, verdict: str):
    found = reference(report(right), tiza.load("iris"))
    assert (found.verdict, found.recipe, found.claim, found.seconds) == (verdict, "iris-claim", (0.90, 0.94), 1.5)


def test_without_a_claim_the_majority_is_what_there_is():
    found = reference(report(33), tiza.load("iris"))
    assert (found.recipe, found.claim, found.seconds) == (None, None, None)
    assert found.majority == pytest.approx(1 / 3)
    assert found.verdict == "not"  # whoever always says one of three equal classes is right as often
    assert reference(report(60), tiza.load("iris")).verdict == "learns"


def test_a_claim_on_other_data_is_left_out(claim: None):
    data = tiza.load("iris", limit=60)
    assert reference(report(90), data).claim is None


def test_the_majority_is_scikit_learns_dummy():
    data = tiza.load("digits")
    run = tiza.fit(make(Recipe, {"data": "digits", "model": "softmax", "plan": {"lr": 0.01, "threads": 1}}))
    found = reference(tiza.evaluate(run, sealed=True), data)
    valid = data.open_valid("test")
    dummy = DummyClassifier().fit(data.train.y[:, None], data.train.y)
    assert found.majority == pytest.approx(dummy.score(valid.y[:, None], valid.y))
    assert found.verdict == "learns"
