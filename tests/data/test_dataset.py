"""tiza.data.dataset: what is refused, how a set is divided, how its input is scaled, what its fingerprint tells."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import tiza
from tiza.config import Data, make
from tiza.data.dataset import Dataset, Raw, alike, carve, check, divide
from tiza.data.seal import Sealed
from tiza.data.sources import read
from tiza.errors import TizaError

CLASSES = ("a", "b", "c")
WINE = Path(__file__).parents[1] / "files" / "winequality-red.csv"


@cache
def mnist() -> Dataset:
    return tiza.load("mnist")


def table(x: list[float], y: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(x, np.float32)[:, None], np.array(y, np.int64)


# --- what no classifier can be trained on


def raw(x: np.ndarray, y: np.ndarray, **more: object) -> Raw:
    return Raw(x.astype(np.float32), y.astype(np.int64), ("a", "b"), **more)  # type: ignore[arg-type]


X, Y = np.arange(80.0).reshape(40, 2), np.arange(40) % 2
HOLE = np.where(np.arange(80).reshape(40, 2) == 7, np.nan, X)
INFINITE = np.where(np.arange(80).reshape(40, 2) == 7, np.inf, X)


@pytest.mark.parametrize(
    ("wrong", "code", "fields"),
    [
        (raw(X, Y[:30]), "lengths", {"samples": 40, "labels": 30}),
        (raw(X[:39], Y), "lengths", {"samples": 39, "labels": 40}),
        (raw(HOLE, Y), "not-finite", {"row": 3, "column": "1"}),
        (raw(INFINITE, Y), "not-finite", {"row": 3, "column": "1"}),
        (raw(-INFINITE, Y, features=("wide", "high")), "not-finite", {"row": 3, "column": "high"}),
        (raw(X, np.where(np.arange(40) == 5, 2, Y)), "label-range", {"row": 5, "label": 2, "classes": 2}),
        (raw(X, np.where(np.arange(40) == 5, -1, Y)), "label-range", {"row": 5, "label": -1, "classes": 2}),
        (raw(X, np.zeros(40)), "one-class", {"n": 40}),
        (raw(X[:0], Y[:0]), "one-class", {"n": 0}),
        (raw(X, Y, test=(X, Y[:30])), "lengths", {"samples": 40, "labels": 30}),
        (raw(X, Y, test=(HOLE.astype(np.float32), Y)), "not-finite", {"row": 3}),
        (raw(X, Y, test=(X, Y + 1)), "label-range", {"row": 1, "label": 2}),
    ],
)
def test_arrays_that_nothing_can_be_learnt_from_are_refused(wrong: Raw, code: str, fields: dict[str, object]):
    with pytest.raises(TizaError) as caught:
        check(wrong, "mine")
    assert caught.value.code == code
    assert fields.items() <= caught.value.fields.items()
    assert "mine" in str(caught.value)


# --- carving


def test_mnist_gives_exactly_5000_samples_to_validation_stratified():
    data = mnist()
    assert (len(data.train), len(data.valid), len(data.test)) == (55_000, 5_000, 10_000)
    assert isinstance(data.valid, type(data.train))
    carved, left = (np.bincount(split.y.numpy()) for split in (data.valid, data.train))
    assert np.abs(carved - 5_000 * (carved + left) / 60_000).max() < 1


@pytest.mark.parametrize("share", [1, 2, 7, 100, 333, 0.05, 0.1, 0.5, 0.9])
def test_carving_is_of_the_size_asked_and_stratified(share: int | float):
    x, y = table(list(range(1000)), [0] * 700 + [1] * 200 + [2] * 100)
    keep, carved = carve(alike(x), y, share, 0, CLASSES, "t")
    want = share if isinstance(share, int) else round(share * 1000)
    assert len(carved) == want
    assert sorted([*keep, *carved]) == list(range(1000))
    assert np.abs(np.bincount(y[carved], minlength=3) - want * np.array([0.7, 0.2, 0.1])).max() < 1


def test_the_seed_decides_what_is_carved():
    x, y = table(list(range(200)), [0, 1] * 100)
    (_, one), (_, same), (_, other) = (carve(alike(x), y, 20, seed, CLASSES, "t") for seed in (3, 3, 4))
    assert one.tolist() == same.tolist()
    assert one.tolist() != other.tolist()


SAMPLES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), min_size=4, max_size=60)
SHARES = st.one_of(st.integers(1, 30), st.floats(0.05, 0.6))


def carved_or_none(x: np.ndarray, y: np.ndarray, share: int | float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    try:
        return carve(alike(x), y, share, seed, CLASSES, "t")
    except TizaError as error:
        if error.code not in ("carve", "small-class"):
            raise
        return np.arange(len(y)), np.arange(0)


@settings(deadline=None, max_examples=300)
@given(SAMPLES, SHARES, st.integers(0, 99))
def test_identical_samples_stay_on_one_side(samples: list[tuple[int, int]], share: int | float, seed: int):
    x, y = table([value for value, _ in samples], [label for _, label in samples])
    keep, carved = carved_or_none(x, y, share, seed)
    assert sorted([*keep, *carved]) == list(range(len(y)))
    assert not {*x[keep, 0]} & {*x[carved, 0]}
    assert len(carved) <= (share if isinstance(share, int) else max(1, round(share * len(y))))


@settings(deadline=None, max_examples=300)
@given(st.lists(st.integers(0, 30), min_size=4, max_size=60), SHARES, st.integers(0, 99))
def test_no_class_is_emptied(values: list[int], share: int | float, seed: int):
    x, y = table(values, [value % 3 for value in values])
    keep, _ = carved_or_none(x, y, share, seed)
    assert {*y[keep]} == {*y}


def test_a_class_that_only_has_twins_of_other_classes_is_not_emptied():
    x, y = table([0, 0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 0, 0, 0, 0, 0, 0, 0])
    for seed in range(50):
        keep, _ = carved_or_none(x, y, 3, seed)
        assert {*y[keep]} == {0, 1}, f"seed {seed}: no sample of class 1 is left to learn from"


def test_few_different_samples_are_refused_or_leave_no_split_empty():
    x, y = np.repeat([[0.0], [1.0], [2.0], [3.0]], 50, 0), np.repeat([0, 1, 0, 1], 50)
    with suppress(TizaError):
        data = tiza.load((x, y))
        assert [len(split) > 0 for split in (data.train, data.open_valid("test"), data.test)] == [True, True, True]


def test_one_large_group_of_identical_samples_does_not_keep_the_others_from_being_carved():
    values = [0] * 100 + list(range(1, 101)) + list(range(1000, 1200))
    x, y = table(values, [0] * 200 + [1] * 200)
    sizes = [len(carve(alike(x), y, 40, seed, ("a", "b"), "t")[1]) for seed in range(40)]
    assert min(sizes) >= 36, sizes


@pytest.mark.parametrize(
    ("share", "code"), [(8, "carve"), (9, "carve"), (100, "carve"), (0.99, "carve"), (1, None), (7, None)]
)
def test_more_than_can_be_set_aside_is_refused(share: int | float, code: str | None):
    x, y = table(list(range(9)), [0, 0, 0, 0, 0, 1, 1, 1, 1])
    if code:
        with pytest.raises(TizaError) as caught:
            carve(alike(x), y, share, 0, CLASSES, "t")
        assert caught.value.code == code
        assert caught.value.fields["n"] == 9
    else:
        keep, carved = carve(alike(x), y, share, 0, CLASSES, "t")
        assert len(carved) == share
        assert {*y[keep]} == {0, 1}


@pytest.mark.parametrize("values", [[0, 1, 2, 3, 9], [0, 1, 2, 3, 9, 9, 9]])
def test_a_class_of_one_different_sample_is_refused(values: list[float]):
    x, y = table(values, [0] * 4 + [1] * (len(values) - 4))
    with pytest.raises(TizaError) as caught:
        carve(alike(x), y, 1, 0, CLASSES, "t")
    assert caught.value.code == "small-class"
    assert caught.value.fields == {"label": "b", "n": len(values) - 4}


# --- dividing


def test_the_splits_of_a_set_without_a_test_set_share_no_sample_and_lose_none():
    x = np.arange(100, dtype=np.float32)[:, None]
    data = divide(raw(x, Y.repeat(3)[:100]), Data(name="external", test=20, valid=0.25))
    parts = [data.train.x, data.open_valid("me").x, data.test.look().x]
    assert [len(part) for part in parts] == [60, 20, 20]
    assert sorted(torch.cat(parts)[:, 0].tolist()) == list(range(100))


def test_the_test_split_does_not_depend_on_the_validation_share():
    digests = {tiza.load("iris", valid=valid).test.digest for valid in (0.1, 0.3, 12, "test")}
    assert len(digests) == 1
    assert tiza.load("iris", seed=1).test.digest not in digests


def test_validation_on_test_is_an_opening(home):
    data = tiza.load("iris", valid="test")
    assert isinstance(data.valid, Sealed)
    assert data.valid is data.test
    assert len(data.train) == 120
    assert not (home / "openings.jsonl").exists()
    assert torch.equal(data.open_valid("run-7").x, data.test.look().x)
    (line,) = map(json.loads, (home / "openings.jsonl").read_text().splitlines())
    assert (line["by"], line["purpose"], line["data"]) == ("run-7", "validation", "iris")


def test_validation_of_its_own_is_no_opening(home):
    data = tiza.load("iris")
    assert data.open_valid("run-7") is data.valid
    assert not (home / "openings.jsonl").exists()


# --- the fingerprint

TWIN = """
import hashlib, json, tiza
mnist, iris, points = tiza.load("mnist"), tiza.load("iris"), tiza.load("points", kind="xor")
print(json.dumps([[data.fingerprint, data.train.digest(), data.valid.digest()] for data in (mnist, iris, points)]))
"""


def test_division_and_fingerprint_are_the_same_in_another_process_with_another_hash_seed():
    seed = str(1 + int(os.environ.get("PYTHONHASHSEED", "0").replace("random", "0")))
    environment = os.environ | {"PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"}
    twin = subprocess.run([sys.executable, "-c", TWIN], env=environment, capture_output=True, text=True, check=True)
    here = [mnist(), tiza.load("iris"), tiza.load("points", kind="xor")]
    assert json.loads(twin.stdout) == [
        [data.fingerprint, data.train.digest(), data.open_valid("test").digest()] for data in here
    ]


def changed(x: np.ndarray, row: int) -> np.ndarray:
    x = x.copy()
    x[row, 0, 3, 3] ^= 1
    return x


IMAGES = np.random.default_rng(0).integers(0, 256, (60, 1, 6, 6)).astype(np.uint8)
LABELS = np.arange(60) % 3


@pytest.mark.parametrize(
    "other",
    [
        *((changed(IMAGES, row), LABELS, None) for row in range(0, 60, 7)),
        (IMAGES, np.where(np.arange(60) == 8, 0, LABELS), None),
        (IMAGES, LABELS, ("a", "b", "d")),
        (IMAGES[:59], LABELS[:59], None),
        (IMAGES.reshape(60, 1, 4, 9), LABELS, None),
        (IMAGES[::-1], LABELS[::-1], None),
    ],
)
def test_a_change_of_one_pixel_label_or_class_changes_the_fingerprint(
    other: tuple[np.ndarray, np.ndarray, tuple[str, ...] | None],
):
    x, y, classes = other
    one = tiza.load((IMAGES, LABELS), classes=("a", "b", "c"))
    assert tiza.load((IMAGES.copy(), LABELS.copy()), classes=("a", "b", "c")).fingerprint == one.fingerprint
    assert tiza.load((x, y), classes=classes or ("a", "b", "c")).fingerprint != one.fingerprint


# --- scaling


def scaled(data: Dataset) -> np.ndarray:
    """The train split as the first layer would give it."""
    mean, deviation = (numbers.numpy() for numbers in data.scaling())
    assert mean.dtype == deviation.dtype == np.float32
    shape = (-1, 1, 1) if len(data.shape) == 3 else (-1,)
    return (data.train.x.numpy().astype(np.float32) - mean.reshape(shape)) / deviation.reshape(shape)


def test_standard_scaling_of_images_is_numpys_on_train_alone():
    data = mnist()
    mean, deviation = data.scaling()
    train = data.train.x.numpy().astype(np.float64)
    np.testing.assert_allclose(mean.numpy(), [train.mean()], rtol=1e-6)
    np.testing.assert_allclose(deviation.numpy(), [train.std()], rtol=1e-6)
    everything = np.concatenate([train, data.open_valid("test").x.numpy(), data.test.look().x.numpy()])
    assert abs(mean.item() - everything.mean()) > 1e-3


def test_standard_scaling_of_colour_images_is_per_channel():
    images = np.random.default_rng(1).integers(0, 256, (80, 3, 5, 4)).astype(np.uint8)
    images[:, 1] //= 3
    data = tiza.load((images, np.arange(80) % 2))
    train = data.train.x.numpy().astype(np.float64)
    mean, deviation = data.scaling()
    np.testing.assert_allclose(mean.numpy(), train.mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(deviation.numpy(), train.std((0, 2, 3)), rtol=1e-6)


def test_standard_scaling_of_a_table_is_numpys_on_train_alone():
    data = tiza.load("iris")
    train = data.train.x.numpy().astype(np.float64)
    mean, deviation = data.scaling()
    np.testing.assert_allclose(mean.numpy(), train.mean(0), rtol=1e-6)
    np.testing.assert_allclose(deviation.numpy(), train.std(0), rtol=1e-6)


def test_standard_scaling_stands_far_from_zero():
    x = 1e6 + np.random.default_rng(0).normal(0, 10, (500, 1))
    data = tiza.load((x, Y.repeat(13)[:500]))
    train = data.train.x.numpy().astype(np.float64)
    np.testing.assert_allclose(data.scaling()[1].numpy(), train.std(0), rtol=1e-4)


@pytest.mark.parametrize("scale", ["standard", "unit", "symmetric"])
def test_a_constant_feature_gets_deviation_one(scale: str):
    x = np.stack([np.arange(50.0), np.full(50, 7.0)], 1)
    data = tiza.load((x, np.arange(50) % 2), scale=scale)
    expected = 0.5 if scale == "symmetric" else 1.0
    assert data.scaling()[1][1].item() == expected
    assert np.ptp(scaled(data)[:, 1]) == 0
    assert abs(scaled(data)[0, 1]) < 1e-6


def test_a_constant_channel_gets_deviation_one():
    images = np.random.default_rng(1).integers(0, 256, (40, 3, 4, 4)).astype(np.uint8)
    images[:, 2] = 200
    mean, deviation = tiza.load((images, np.arange(40) % 2)).scaling()
    assert (mean[2].item(), deviation[2].item()) == (200, 1)


@pytest.mark.parametrize(("scale", "low", "high"), [("unit", 0.0, 1.0), ("symmetric", -1.0, 1.0), ("raw", 0.0, 255.0)])
def test_images_are_scaled_from_the_whole_range_of_grey(scale: str, low: float, high: float):
    images = np.full((40, 3, 5, 5), 255, np.uint8)
    images[:, 0] = np.arange(40)[:, None, None]
    images[:, 0, 0, 0] = 0
    values = scaled(tiza.load((images, np.arange(40) % 2), scale=scale))
    assert values.min() == low
    assert values.max() == high
    assert values[:, 0].max() < high / 2


@pytest.mark.parametrize(("scale", "low", "high"), [("unit", 0.0, 1.0), ("symmetric", -1.0, 1.0)])
def test_features_are_scaled_to_their_range_in_train(scale: str, low: float, high: float):
    values = scaled(tiza.load("iris", scale=scale))
    np.testing.assert_allclose(values.min(0), low, atol=1e-6)
    np.testing.assert_allclose(values.max(0), high, atol=1e-6)


def test_raw_leaves_a_table_alone():
    data = tiza.load("iris", scale="raw")
    np.testing.assert_array_equal(scaled(data), data.train.x.numpy())


@pytest.mark.parametrize("limit", [100, 4_000])
def test_a_few_samples_of_mnist_are_divided_by_the_usual_share(limit: int):
    """Its 5,000 for validation are meant for all 60,000."""
    data = tiza.load("mnist", limit=limit)
    assert (len(data.train), len(data.valid), len(data.test)) == (limit * 9 // 10, limit // 10, 10_000)


@pytest.mark.parametrize("ratio", [1, 2, 10])
def test_imbalance_makes_every_second_class_of_train_alone_rarer(ratio: float):
    whole, made = tiza.load("digits"), read(make(Data, {"name": "digits", "imbalance": ratio}))
    before, after = (np.bincount(data.train.y, minlength=10) for data in (whole, made))
    assert after[::2].tolist() == before[::2].tolist()
    assert after[1::2].tolist() == [round(n / ratio) for n in before[1::2].tolist()]
    assert made.test.digest == whole.test.digest
    assert torch.equal(made.open_valid("test").y, whole.open_valid("test").y)
    assert made.fingerprint == whole.fingerprint
    name, places = made.origin["train"]
    assert (name, len(places)) == ("train", len(made.train))


def test_copies_of_a_wine_cross_the_splits_only_where_they_are_allowed_to():
    def shared(copies: str) -> int:
        options = {"name": "wine-quality", "path": str(WINE), "binarise": "quality>=6", "copies": copies}
        data = read(make(Data, options))
        train, test = ({row.tobytes() for row in data.look(part).x.numpy()} for part in ("train", "test"))
        return len(train & test)

    assert shared("together") == 0
    assert shared("apart") > 20


def test_a_spare_class_of_iris_has_no_flower():
    data = read(make(Data, {"name": "iris", "spare": True}))
    assert data.classes == ("setosa", "versicolor", "virginica", "–")
    assert np.bincount(data.train.y, minlength=4)[3] == 0
