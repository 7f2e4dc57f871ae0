"""tiza.data.copies: which samples are the same, and what ``data.copies`` makes of a division."""

from pathlib import Path

import numpy as np
import pytest
import torch

import tiza
from tiza.data import copies as module
from tiza.data.copies import ROUNDING, alike, copies, parted, staying
from tiza.data.folds import folds
from tiza.data.rows import Rows
from tiza.data.seal import Split
from tiza.errors import TizaError
from tiza.storage import TizaWarning

WINE = Path(__file__).parents[1] / "files" / "winequality-red.csv"


def wine(**options):
    return tiza.load(WINE, binarise="quality>=6", **options)


def deviation(x: np.ndarray) -> np.ndarray:
    """Of each feature of N×F: the standard one, or that of a normal distribution with the same quartiles if less."""
    low, high = np.quantile(x.astype(np.float64), (0.25, 0.75), axis=0)
    return np.minimum(x.astype(np.float64).std(0), (high - low) / 1.349)


def planted(path: Path, *, own_test: bool = True) -> Path:
    """MNIST with copies: train 3 is test 0 under another label, train 5 is test 1 shifted, train 9 train 20 and test 3,
    train 30 and 31 are one image with two labels.
    """
    data = tiza.load("mnist", limit=400, valid=100)
    x, y = data.train.x.numpy().copy(), data.train.y.numpy().copy()
    look = data.test.look().take(slice(0, 120))
    test, labels = look.x.numpy().copy(), look.y.numpy().copy()
    x[20], x[31], y[20], y[31] = x[9], x[30], y[9], (y[30] + 1) % 10
    test[0], test[1], test[3] = x[3], np.roll(x[5], 1, 2), x[9]
    labels[0], labels[1], labels[3] = (y[3] + 1) % 10, y[5], y[9]
    arrays = {"x_train": x, "y_train": y} | ({"x_test": test, "y_test": labels} if own_test else {})
    np.savez(path, **arrays)
    return path


def test_identical_samples_have_the_place_of_the_first_across_parts():
    x = torch.tensor([[1.0, 2], [3, 4], [1, 2]])
    assert alike(x, x[1:]).tolist() == [0, 1, 0, 1, 0]


def test_the_wine_table_repeats_240_rows():
    data = wine(copies="apart")
    samples = [data.look(split).x for split in ("train", "valid", "test")]
    assert len(np.unique(alike(*samples))) == 1_599 - 240


def test_rows_that_differ_by_a_rounding_are_near_and_others_are_not():
    x = np.unique(wine().train.x[:].numpy(), axis=0)
    close, far = x[:50] + 0.5 * ROUNDING * deviation(x), x[50:100] + 5 * ROUNDING * deviation(x)
    found = copies([torch.from_numpy(x), torch.from_numpy(np.concatenate([close, far]).astype(np.float32))])
    assert found.near.first.tolist() == list(range(50))
    assert found.near.second.tolist() == list(range(len(x), len(x) + 50))
    assert found.near.distance == pytest.approx(0.5 * ROUNDING, rel=0.05)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.6])
def test_a_code_for_what_is_missing_does_not_make_the_other_values_near(share: float):
    x = np.unique(wine().train.x[:].numpy(), axis=0)
    close = x[:50] + (0.5 * ROUNDING * deviation(x)).astype(np.float32)
    for part in (x, close):
        part[np.random.default_rng(0).random(x.shape)[: len(part)] < share] = -999
    found = copies([torch.from_numpy(x), torch.from_numpy(close)])
    assert list(zip(found.near.first, found.near.second, strict=True)) == [(i, len(x) + i) for i in range(50)]


def test_yes_and_no_are_not_near_though_most_are_no_and_some_are_missing():
    random = np.random.default_rng(0)
    rows = random.choice(np.float32([0, 1, -999]), (1_000, 8), p=[0.89, 0.1, 0.01])
    assert len(copies([torch.from_numpy(rows)]).near.first) == 0


@pytest.mark.parametrize("sigma", [1, 2, 4])
def test_a_few_very_large_values_do_not_make_the_small_ones_near(sigma: int):
    x = np.random.default_rng(0).lognormal(0, sigma, (4_000, 5)).astype(np.float32)
    found = copies([torch.from_numpy(x), torch.from_numpy(x[:50] * np.float32(1 + 1e-4))])
    planted = (found.near.second == 4_000 + found.near.first).sum()
    assert planted >= 40
    assert len(found.near.first) - planted < 200  # of eight million


def test_where_rows_are_so_dense_that_they_are_near_by_chance_none_is_called_a_copy():
    random = np.random.default_rng(0)
    x = np.concatenate([random.normal(0, 0.003, (2_000, 4)), random.normal(0, 1, (3_000, 4))])
    found = copies([torch.from_numpy(x.astype(np.float32))])
    assert (found.unsearched, len(found.near.first), len(np.unique(found.groups()))) == ("dense", 0, 5_000)
    with pytest.warns(TizaWarning, match="so close together"):
        data = tiza.load((x, (x[:, 0] > 0).astype(int)), copies="drop")
    assert sum(map(len, (data.train, data.valid, data.test))) == 5_000
    assert (tiza.audit(data).unsearched, tiza.audit(data).pairs) == ("dense", ())


def test_where_features_are_few_neighbours_are_no_copies():
    found = copies([tiza.load("points").train.x])
    assert (found.unsearched, len(found.near.first)) == ("few", 0)


def test_where_samples_are_many_near_ones_are_not_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(module, "AT_MOST", 300)
    data = tiza.load(planted(tmp_path / "a.npz"))
    assert copies([data.train.x, data.test.look().x]).unsearched == "many"
    with pytest.raises(TizaError) as told:
        tiza.load(tmp_path / "a.npz", copies="grouped")
    assert told.value.code == "copies-many"


def test_groups_join_identical_and_near_samples():
    same = np.array([0, 1, 0, 3, 4, 4])
    found = module.Copies(same, module.Pairs(np.array([0, 1]), np.array([1, 3]), np.zeros(2)))
    groups = found.groups()
    assert groups[0] == groups[1] == groups[2] == groups[3] != groups[4] == groups[5]


@pytest.mark.parametrize(
    ("how", "groups", "labels", "part", "stay"),
    [
        ("grouped", [0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0, 2], [1, 1, 0, 1]),  # what test has too leaves train
        ("grouped", [0, 0, 0, 0], [0, 1, 0, 1], [0, 1, 1, 0], [0, 1, 1, 0]),  # also what validation has
        ("grouped", [0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 2, 2], [0, 0, 1, 1]),  # test before validation
        ("drop", [0, 0, 1, 2, 2], [0, 0, 1, 1, 1], [0, 0, 0, 0, 0], [1, 0, 1, 1, 0]),  # the first of each stays
        ("drop", [0, 0, 1, 2, 2], [0, 1, 1, 1, 1], [0, 0, 0, 0, 0], [0, 0, 1, 1, 0]),  # whose label is right?
        ("drop", [0, 0, 0, 1, 1], [0, 1, 1, 0, 0], [0, 2, 2, 1, 1], [0, 1, 1, 1, 0]),  # a test split stays whole
    ],
)
def test_which_samples_stay(how, groups, labels, part, stay):
    got = staying(np.array(groups), np.array(labels), np.array(part), how)
    assert got.astype(int).tolist() == stay


def test_grouped_leaves_out_of_train_what_the_test_split_has_too(tmp_path: Path):
    path = planted(tmp_path / "a.npz")
    data = tiza.load(path, copies="grouped", valid=30)
    numbers = set(data.origin["train"][1]) | set(data.origin["valid"][1])
    assert set(range(300)) - numbers == {3, 5, 9, 20}
    assert ({30, 31} <= set(data.origin["train"][1])) != ({30, 31} <= set(data.origin["valid"][1]))
    assert data.test.digest == tiza.load(path).test.digest
    assert [(note.code, note.fields["n"]) for note in data.notes] == [("copies-grouped", 4)]


def test_drop_keeps_one_of_all_copies_and_none_whose_labels_differ(tmp_path: Path):
    data = tiza.load(planted(tmp_path / "a.npz", own_test=False), copies="drop")
    numbers = np.concatenate([data.origin[split][1] for split in ("train", "valid", "test")])
    assert set(range(300)) - set(numbers) == {20, 30, 31}
    assert len(numbers) == 297


def test_near_copies_land_on_one_side_of_every_division(tmp_path: Path):
    data = tiza.load("mnist", limit=400, valid=100)
    x, y = data.train.x.numpy(), data.train.y.numpy()
    np.savez(tmp_path / "twins.npz", x_train=np.concatenate([x, np.roll(x, 1, 3)]), y_train=np.tile(y, 2))
    for seed in range(3):
        twins = tiza.load(tmp_path / "twins.npz", copies="grouped", seed=seed)
        for split in ("train", "valid", "test"):
            assert (np.bincount(twins.origin[split][1] % 300, minlength=300) % 2 == 0).all()
        assert sum(len(twins.origin[split][1]) for split in ("train", "valid", "test")) == 600
    for fold in folds(twins, 3):
        of = [{image.numpy().tobytes() for image in part} for part in (fold.train.x, fold.look("valid").x)]
        rolled = {np.roll(np.frombuffer(image, np.uint8).reshape(28, 28), 1, 1).tobytes() for image in of[0]}
        assert not rolled & of[1]


def test_the_same_seed_divides_the_same_and_another_seed_otherwise():
    one, again, other = (wine(copies="drop", seed=seed) for seed in (0, 0, 1))
    assert one.test.digest == again.test.digest != other.test.digest
    assert sum(map(len, (one.train, one.valid, one.test))) == 1_359


def test_a_recipe_trains_on_the_repaired_data(tmp_path: Path):
    path = planted(tmp_path / "a.npz")
    recipe = tiza.Recipe.model_validate(
        {"data": {"name": "npz", "path": str(path), "copies": "drop"}, "model": "softmax", "plan": {"epochs": 1}}
    )
    run = tiza.fit(recipe, run=tmp_path / "run")
    assert run.facts.counts["train"] + run.facts.counts["valid"] == 294
    assert tiza.evaluate(tmp_path / "run").splits["test"]["n"] == 120


def test_what_leaves_nothing_to_learn_from_is_told():
    x = torch.arange(6.0).repeat(4, 1)
    train, test = Split(x[:3], torch.tensor([0, 1, 0])), Split(x[:1], torch.tensor([0]))
    with pytest.raises(TizaError) as told:
        parted({"train": train, "test": test}, "grouped", "mine")
    assert told.value.code == "copies-nothing"


def test_what_was_found_among_many_is_kept_and_read_again(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(module.storage, "home", lambda: tmp_path / "another")
    monkeypatch.setattr(module, "KEPT", 100)
    data = tiza.load("mnist", limit=300)
    x = [data.train.x, torch.roll(data.train.x[:5], 1, 3)]
    found = copies(x)
    (kept,) = (tmp_path / "another" / "cache" / "near").iterdir()
    monkeypatch.setattr(module, "near_images", None)  # would not be called again
    again = copies([torch.cat(x)])  # in one part or two: the same samples
    for one, other in zip(found.near, again.near, strict=True):
        np.testing.assert_array_equal(one, other)
    kept.write_bytes(kept.read_bytes()[:-40])
    monkeypatch.undo()
    monkeypatch.setattr(module.storage, "home", lambda: tmp_path / "another")
    monkeypatch.setattr(module, "KEPT", 100)
    np.testing.assert_array_equal(copies(x).near.first, found.near.first)


def test_copies_are_found_among_samples_that_stay_in_their_file(tmp_path: Path):
    x = tiza.load("mnist", limit=300).train.x.numpy()
    (tmp_path / "rows").write_bytes(x.tobytes())
    rows = Rows(tmp_path / "rows", len(x), x.shape[1:], np.dtype(np.uint8))
    found = copies([rows, torch.from_numpy(np.roll(x[:7], 1, 3))])
    assert found.near.first.tolist() == list(range(7))
    assert found.near.second.tolist() == [len(x) + i for i in range(7)]
