"""``compare()``: what a mistake costs, over seeds, with intervals."""

import json

import numpy as np
import pytest
from scipy import stats

from tiza.catalogue.comparing import METRICS, compare, trained
from tiza.errors import TizaError
from tiza.storage import to_json


@pytest.fixture(scope="module")
def iris():
    return compare("004-iris", seeds=3)


def test_a_softmax_too_many_costs_loss_on_iris_for_every_seed(iris):
    by_id = {other.id: other for other in iris.variants}
    floor = np.log(1 + 3 / np.e)  # of four outputs that sum to one, put through another softmax
    assert min(by_id["004-iris-as-written"].valid["loss"]) > floor
    loss = next(d for d in iris.differences() if (d.id, d.metric) == ("004-iris-as-written", "loss"))
    assert loss.shown
    assert loss.low > 0.2


def test_the_interval_is_that_of_a_paired_t_test(iris):
    for difference in iris.differences():
        other = next(o for o in iris.variants if o.id == difference.id)
        pairs = np.subtract(other.valid[difference.metric], iris.recipe.valid[difference.metric])
        if pairs.std():
            theirs = stats.ttest_1samp(pairs, 0).confidence_interval(0.95)
            assert (difference.low, difference.high) == pytest.approx((theirs.low, theirs.high))
        assert difference.shown == (not difference.low <= 0 <= difference.high)


def test_what_it_says_is_plain_data(iris):
    plain = json.loads(to_json(iris.to_dict()))
    assert [one["id"] for one in plain["recipes"]] == ["004-iris", "004-iris-as-written", "004-iris-softmax"]
    assert len(plain["differences"]) == 2 * len(METRICS)


def test_training_again_gives_the_same_numbers():
    assert compare("004-xor", seeds=2).recipe.valid == compare("004-xor", seeds=2).recipe.valid


def test_raw_pixels_turn_underfitting_into_overfitting():
    found = compare("004-underfit", seeds=3)
    (written,) = found.variants
    gap = np.subtract(written.train["accuracy"], written.valid["accuracy"]).mean()
    assert gap > np.subtract(found.recipe.train["accuracy"], found.recipe.valid["accuracy"]).mean() + 0.05


@pytest.mark.parametrize(
    ("id", "seeds", "code"),
    [("001-softmax", 5, "no-variants"), ("004-iris", 1, "few-seeds"), ("004-irs", 5, "unknown")],
)
def test_what_can_not_be_compared_is_told(id: str, seeds: int, code: str):
    with pytest.raises(TizaError) as told:
        compare(id, seeds)
    assert told.value.code.startswith(code)


def test_a_curve_has_a_point_for_each_epoch_and_ends_at_what_was_measured(iris):
    for one in (iris.recipe, *iris.variants):
        assert len(one.curves) == 3
        for curve, accuracy in zip(one.curves, one.valid["accuracy"], strict=True):
            assert curve["epochs"] == list(range(1, 101))
            assert curve["seconds"] == sorted(curve["seconds"])
            assert curve["accuracy"][-1] == pytest.approx(accuracy)


def test_where_epochs_are_few_it_is_measured_between_them_and_training_is_the_same():
    plain, often = (trained("002-minibatch", [0], divided=True, curves=curves) for curves in (False, True))
    assert often.valid == plain.valid
    (few,), (many,) = plain.curves, often.curves
    assert few["epochs"] == [1]
    assert 20 <= len(many["epochs"]) <= 24
    assert many["epochs"][-1] == 1
    assert (many["accuracy"][-1], many["epochs"]) == (few["accuracy"][-1], sorted(many["epochs"]))
    assert many["seconds"] == sorted(many["seconds"])
    assert many["accuracy"][0] < many["accuracy"][-1]
