"""tiza.explain.crossing: validation samples in train make validation say more than is true."""

import numpy as np
import pytest

import tiza
from tiza.config import Recipe, changed
from tiza.data.seal import Split
from tiza.errors import TizaError
from tiza.explain import Crossing, crossing
from tiza.explain.crossing import _crossed, _divided
from tiza.i18n import set_language, t
from tiza.metrics import student
from tiza.storage import read_lines


def short() -> Recipe:
    """60 epochs at a higher rate."""
    return changed(tiza.recipes["004-mlp100"], ["plan.epochs=60", "plan.lr=0.004", "plan.threads=1"])


@pytest.fixture(scope="module")
def found() -> Crossing:
    return crossing(short(), shares=(0, 0.3, 1), seeds=3)


def of(split: Split) -> set[bytes]:
    return {image.numpy().tobytes() for image in split.x}


def test_a_share_of_validation_is_in_train_too_which_keeps_its_size():
    data, unseen = _divided(short(), 200, 500, 1)
    assert (len(data.train), len(data.valid), len(unseen)) == (600, 200, 500)
    assert not (of(data.train) | of(data.look("valid"))) & of(unseen)
    before: set[bytes] = set()
    for n in (0, 20, 60, 200):
        crossed = _crossed(data, n, 1)
        assert len(crossed.train) == 600
        shared = of(crossed.train) & of(crossed.look("valid"))
        assert len(shared) == n
        assert not of(crossed.train) & of(unseen)
        assert of(crossed.look("valid")) == of(data.look("valid"))
        assert np.ptp(np.bincount(crossed.train.y, minlength=10) / np.bincount(data.train.y, minlength=10)) < 0.25
        before = shared or before
    assert before == of(data.look("valid"))


def test_what_crosses_makes_validation_say_more_than_is_true(found: Crossing):
    none, some, every = found.shares
    mean, low, high = student(none.excess)
    assert low < 0 < high
    assert abs(mean) < 0.06
    assert student(every.excess)[1] > 0.08
    assert none.excess.mean() < some.excess.mean() < every.excess.mean()
    assert every.valid[:, -1].mean() > 0.97
    assert abs(every.unseen[:, -1].mean() - none.unseen[:, -1].mean()) < 0.03  # and the network is no better for it


def test_accuracies_are_shares_after_each_epoch_and_seed(found: Crossing):
    assert (found.train, found.valid, found.unseen) == (600, 200, 2_000)
    assert [one.n for one in found.shares] == [0, 60, 200]
    for one in found.shares:
        assert one.valid.shape == one.unseen.shape == (3, 60)
        np.testing.assert_allclose(one.valid * 200, np.rint(one.valid * 200), atol=1e-6)
        np.testing.assert_allclose(one.unseen * 2_000, np.rint(one.unseen * 2_000), atol=1e-4)


def test_the_same_seeds_give_the_same_numbers(found: Crossing):
    again = crossing(short(), shares=(0.3,), seeds=2).shares[0]
    np.testing.assert_array_equal(again.valid, found.shares[1].valid[:2])
    np.testing.assert_array_equal(again.unseen, found.shares[1].unseen[:2])


def test_a_set_without_a_limit_sets_aside_a_part_of_train():
    recipe = changed(tiza.recipes["004-iris"], ["plan.epochs=5"])
    found = crossing(recipe, shares=(0, 0.5), seeds=2)
    assert (found.train, found.valid, found.unseen) == (72, 24, 24)


def test_crossing_opens_nothing(home, found: Crossing):
    crossing(short(), shares=(0,), seeds=2)
    assert list(read_lines(home / "openings.jsonl")) == []


@pytest.mark.parametrize(
    ("recipe", "more", "code"),
    [
        ("000-mlp-as-written", {}, "crossing-test"),
        ("004-mlp10", {}, "unknown"),
        ("004-mlp100", {"seeds": 1}, "few-seeds"),
        (changed(short(), ["data.limit=40", "data.valid=25"]), {"shares": (1,)}, "crossing-few"),
    ],
)
def test_what_can_not_cross_is_told(recipe, more, code: str):
    with pytest.raises(TizaError) as told:
        crossing(recipe, **more)
    assert told.value.code == code


@pytest.mark.parametrize("language", ["en", "es"])
def test_each_share_is_drawn_with_both_last_values(found: Crossing, language: str):
    set_language(language)
    drawn = tiza.figures.crossing(found)
    written = [text.get_text() for ax in drawn.axes for text in ax.texts]
    assert written.count(t("fig.crossing.unseen")) == written.count(t("split.valid")) == 3
    assert t("fig.crossing.share", share=0.3) in written
    panels = drawn.axes[1:]
    for ax, one in zip(panels, found.shares, strict=True):
        lines = [np.asarray(line.get_ydata()) for line in ax.lines]
        np.testing.assert_allclose(lines, [one.unseen.mean(0), one.valid.mean(0)])
