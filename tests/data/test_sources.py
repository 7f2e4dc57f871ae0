"""tiza.data.sources: the embedded sets, the cache they are unpacked to, and arrays of the user's own."""

import hashlib
import importlib.util
import lzma
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.optimize import linprog
from sklearn.datasets import load_digits, load_iris
from torch.utils.data import TensorDataset

import tiza
from tiza import storage
from tiza.data import sources
from tiza.data.dataset import Dataset
from tiza.errors import RequestError, TizaError
from tiza.registry import table

WINE = Path(__file__).parents[1] / "files" / "winequality-red.csv"


def whole(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """All samples and labels, whatever the split."""
    splits = [data.train, data.open_valid("test"), data.test.look()]
    return np.concatenate([s.x.numpy() for s in splits]), np.concatenate([s.y.numpy() for s in splits])


def ordered(x: np.ndarray, y: np.ndarray) -> list[tuple[object, ...]]:
    return sorted((*row.ravel().tolist(), int(label)) for row, label in zip(x, y, strict=True))


def refused(*arguments: object, **options: object) -> TizaError:
    with pytest.raises(TizaError) as caught:
        tiza.load(*arguments, **options)  # type: ignore[arg-type]
    assert str(caught.value)
    return caught.value


# --- the embedded sets


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_embedded_files_have_their_md5(name: str):
    folder = files("tiza") / "data" / "bundled" / name
    found = {}
    for path in Path(str(folder)).glob("*.xz"):
        content = lzma.decompress(path.read_bytes())
        found[path.name.split("-idx")[0]] = hashlib.md5(content, usedforsecurity=False).hexdigest()
    assert found == sources.MD5[name]
    assert (folder / "LICENCE.md").read_text(encoding="utf-8").strip()


@pytest.mark.parametrize(
    ("name", "train", "test", "first", "mean", "deviation"),
    [
        (
            "mnist",
            [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
            [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
            [7, 2, 1, 0, 4],
            0.1307,
            0.3081,
        ),
        ("fashion-mnist", [6000] * 10, [1000] * 10, [9, 2, 1, 1, 6], 0.2860, 0.3530),
    ],
)
def test_the_embedded_images_are_those_that_everybody_knows(
    name: str, train: list[int], test: list[int], first: list[int], mean: float, deviation: float
):
    data = tiza.load(name)
    assert data.shape == (1, 28, 28)
    assert data.train.x.dtype == torch.uint8
    assert data.train.y.dtype == torch.int64
    assert len(data.classes) == 10
    parts = [np.bincount(split.y.numpy()) for split in (data.train, data.open_valid("test"), data.test.look())]
    assert (parts[0] + parts[1]).tolist() == train
    assert parts[2].tolist() == test
    assert data.test.look().y[:5].tolist() == first
    numbers = [value.item() / 255 for value in data.scaling()]
    assert numbers == pytest.approx([mean, deviation], abs=1e-3)


def test_digits_are_scikit_learns_scaled_to_255():
    bunch = load_digits()
    data = tiza.load("digits")
    x, y = whole(data)
    assert data.shape == (1, 8, 8)
    assert x.dtype == np.uint8
    assert (x.min(), x.max()) == (0, 255)
    assert ordered(x, y) == ordered(np.rint(bunch.images * 255 / 16).astype(np.uint8), bunch.target)


def test_iris_is_scikit_learns():
    bunch = load_iris()
    data = tiza.load("iris")
    assert data.classes == ("setosa", "versicolor", "virginica")
    assert data.features == tuple(bunch.feature_names)
    assert ordered(*whole(data)) == ordered(bunch.data.astype(np.float32), bunch.target)
    assert [len(s) for s in (data.train, data.open_valid("t"), data.test)] == [96, 24, 30]


def test_every_source_is_what_its_facts_say():
    for name, entry in table("dataset").items():
        if "own" in entry.facts:  # of the user's: its facts are those of the file
            continue
        data = tiza.load(name, **({"path": str(WINE)} if name == "wine-quality" else {}))
        assert "×".join(map(str, data.shape)) == entry.facts["shape"]
        assert len(data.classes) == entry.facts["classes"]
        total = len(data.train) + len(data.open_valid("t"))
        if entry.facts["test"]:
            assert (total, len(data.test)) == (entry.facts["train"], entry.facts["test"])
        else:
            assert total + len(data.test) == entry.facts["train"]
        assert (len(data.shape) == 3) == (entry.facts["kind"] == "images")


# --- points


def separable(data: Dataset) -> bool:
    """Whether some line has all points of one class on one side: a feasible linear programme."""
    x, y = whole(data)
    sign = np.where(y == 1, 1.0, -1.0)[:, None]
    rows = -sign * np.concatenate([x.astype(float), np.ones((len(x), 1))], 1)
    return linprog(np.zeros(3), A_ub=rows, b_ub=-np.ones(len(x)), bounds=(None, None)).status == 0


@pytest.mark.parametrize(
    ("kind", "by_a_line"), [("linear", True), ("xor", False), ("circles", False), ("spirals", False)]
)
def test_only_linear_points_can_be_told_apart_by_a_line(kind: str, by_a_line: bool):
    data = tiza.load("points", kind=kind)
    x, y = whole(data)
    assert separable(data) is by_a_line
    assert x.shape == (1000, 2)
    assert x.dtype == np.float32
    assert 0 <= x.min() < 0.15
    assert 0.85 < x.max() <= 1
    assert 400 < y.sum() < 600


def test_xor_points_are_of_class_one_where_one_coordinate_is_large():
    x, y = whole(tiza.load("points", kind="xor"))
    assert np.array_equal(y, (x[:, 0] > 0.5) ^ (x[:, 1] > 0.5))
    assert np.abs(x - 0.5).min() > 0.03


def test_circles_are_told_apart_by_their_radius():
    x, y = whole(tiza.load("points", kind="circles"))
    radius = np.hypot(*(x - 0.5).T)
    assert radius[y == 0].max() < radius[y == 1].min()


def test_noise_moves_the_points_by_so_much():
    still, moved = (whole(tiza.load("points", kind="linear", noise=noise, n=2000, valid=200))[0] for noise in (0, 0.3))
    assert 0.2 < np.sqrt(moved.var(0).mean() - still.var(0).mean()) < 0.4
    assert not separable(tiza.load("points", kind="linear", noise=0.3))


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_points_have_a_seed_that_their_recipe_keeps(seed: int):
    data = tiza.load("points", kind="xor", seed=seed)
    assert data.config.seed == seed
    assert data.config.model_dump()["seed"] == seed
    assert type(data.config).model_validate(data.config.model_dump(mode="json")) == data.config


@pytest.mark.parametrize(
    ("options", "code", "where"),
    [
        ({"n": 5}, "bad-value", "data.n"),
        ({"n": 10**9}, "bad-value", "data.n"),
        ({"kind": "spiral"}, "bad-value", "data.kind"),
        ({"nois": 1}, "unknown", "data.nois"),
        ({"noise": "a lot"}, "bad-value", "data.noise"),
        ({"noise": -1}, "bad-value", "data.noise"),
        ({"valid": 0}, "bad-value", "data.valid"),
        ({"scale": "log"}, "bad-value", "data.scale"),
    ],
)
def test_wrong_options_are_refused_by_their_field(options: dict[str, object], code: str, where: str):
    error = refused("points", **options)
    assert (error.code, error.where) == (code, where)
    assert isinstance(error, RequestError)


def test_an_unknown_name_suggests_the_nearest():
    error = refused("mnits")
    assert error.code == "unknown"
    assert "“mnist”" in str(error)


# --- the cache


@pytest.fixture
def own_cache(home: Path) -> Path:
    """A home whose cache nobody shares."""
    tiza.load("mnist")
    shared = (home / "cache").resolve()
    (home / "cache").unlink()
    shutil.copytree(shared / "mnist", home / "cache" / "mnist")
    return home / "cache" / "mnist"


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [cut, flip, Path.unlink, lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize("part", ["train-labels", "t10k-images"])
def test_a_damaged_cache_is_noticed_and_repaired(own_cache: Path, damage, part: str):
    (path,) = own_cache.glob(f"{part}-*")
    before = tiza.load("mnist").fingerprint
    damage(path)
    assert tiza.load("mnist").fingerprint == before
    assert hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() == sources.MD5["mnist"][part]
    assert len(list(own_cache.iterdir())) == 4


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders go."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_home_under_a_regular_file_still_loads_with_a_warning(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
):
    expected = tiza.load("mnist").fingerprint
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TIZA_HOME", str(tmp_path / "file" / "home"))
    with pytest.warns(storage.TizaWarning, match="TIZA_HOME") as caught:
        assert tiza.load("mnist").fingerprint == expected
    assert len(caught) == 1
    (instead,) = temporary.iterdir()
    assert str(instead) in str(caught[0].message)
    assert (instead / "cache" / "mnist").is_dir()
    with warnings.catch_warnings(action="error"):
        assert tiza.load("mnist").fingerprint == expected


def test_a_cache_that_can_not_be_written_still_loads(home: Path):
    expected = tiza.load("mnist").fingerprint
    (home / "cache").unlink()
    (home / "cache").write_text("a file where the folder should be")
    assert tiza.load("mnist").fingerprint == expected


UNPACK = """
import hashlib, sys
from tiza.data.sources import MD5, _unpacked
for part, md5 in MD5["mnist"].items():
    print(part, hashlib.sha256(_unpacked("mnist", part, md5).tobytes()).hexdigest())
"""


def test_processes_that_unpack_at_once_all_get_the_right_data(tmp_path: Path):
    fresh = os.environ | {"TIZA_HOME": str(tmp_path / "fresh")}
    racing = [
        subprocess.Popen([sys.executable, "-c", UNPACK], env=fresh, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    answers = [process.communicate(timeout=120)[0] for process in racing]
    alone = subprocess.run([sys.executable, "-c", UNPACK], capture_output=True, text=True, check=True)
    assert len(alone.stdout.splitlines()) == 4
    assert answers == [alone.stdout] * 2
    assert len(list((tmp_path / "fresh" / "cache" / "mnist").iterdir())) == 4


DAMAGED = """
from tiza.data.sources import MD5, _unpacked
from tiza.errors import TizaError
try:
    _unpacked("mnist", "t10k-labels", MD5["mnist"]["t10k-labels"])
except TizaError as error:
    print(error.code, error.where)
"""


@pytest.mark.parametrize(
    "content",
    [None, b"", b"no xz", lzma.compress(b"other bytes"), "cut"],
    ids=["missing", "empty", "no xz", "other", "cut"],
)
def test_damaged_embedded_data_is_never_used(content: bytes | str | None, tmp_path: Path):
    package = Path(next(iter(importlib.util.find_spec("tiza").submodule_search_locations)))  # type: ignore[union-attr]
    name = "t10k-labels-idx1-ubyte.xz"
    copy = shutil.copytree(package, tmp_path / "tiza", ignore=shutil.ignore_patterns("*.xz", "__pycache__"))
    if content == "cut":
        content = (package / "data" / "bundled" / "mnist" / name).read_bytes()[:-20]
    if isinstance(content, bytes):
        (copy / "data" / "bundled" / "mnist" / name).write_bytes(content)
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "TIZA_HOME": str(tmp_path / "empty")}
    done = subprocess.run([sys.executable, "-c", DAMAGED], env=environment, capture_output=True, text=True, check=True)
    code, where = done.stdout.split()
    assert code == "bundle-damaged"
    assert where == str(copy / "data" / "bundled" / "mnist" / name)
    assert not list((tmp_path / "empty").rglob("*t10k*"))


# --- the user's own

X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
Y = np.arange(60) % 3


def frame(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2]} | columns)


@pytest.mark.parametrize(
    "same",
    [
        lambda: ((X, Y), {}),
        lambda: ((X.astype(np.float64), Y.astype(np.int8)), {}),
        lambda: ((X, Y.astype(np.float32)), {}),
        lambda: ((X, Y[:, None]), {}),
        lambda: ((X.tolist(), Y.tolist()), {}),
        lambda: ((torch.from_numpy(X), torch.from_numpy(Y)), {}),
        lambda: ((np.asfortranarray(X), Y[::-1][::-1]), {}),
        lambda: (TensorDataset(torch.from_numpy(X), torch.from_numpy(Y)), {}),
        lambda: ([(row, label) for row, label in zip(X, Y, strict=True)], {}),
        lambda: (frame(t=Y), {"target": "t"}),
        lambda: (frame(t=Y)[["t", "a", "b", "c"]], {"target": "t"}),
        lambda: (frame(t=Y).set_index(np.arange(60)[::-1]), {"target": "t"}),
        lambda: (frame(t=pd.array(Y, dtype="Int64")), {"target": "t"}),
    ],
)
def test_the_same_table_in_any_form_is_the_same_data_set(same):
    source, options = same()
    data = tiza.load(source, **options)
    one = tiza.load((X, Y))
    assert ordered(*whole(data)) == ordered(X, Y)
    assert torch.equal(data.train.x, one.train.x)
    assert torch.equal(data.train.y, one.train.y)
    assert data.classes == ("0", "1", "2")
    assert data.name == "external"
    assert data.features == (("a", "b", "c") if "target" in options else ("x1", "x2", "x3"))


PICTURES = np.random.default_rng(0).integers(0, 256, (60, 3, 6, 7)).astype(np.uint8)


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (PICTURES, PICTURES),
        (PICTURES.transpose(0, 2, 3, 1), PICTURES),
        (torch.from_numpy(PICTURES), PICTURES),
        (PICTURES[:, 0], PICTURES[:, :1]),
        (PICTURES[:, :1], PICTURES[:, :1]),
        (PICTURES[:, 0, :, :, None], PICTURES[:, :1]),
        (PICTURES.astype(np.int64), PICTURES),
        (PICTURES / np.float32(255), PICTURES),
        (torch.from_numpy(PICTURES) / 255, PICTURES),
        (PICTURES / 127.5 - 1, PICTURES),
        (PICTURES.astype(np.float64), PICTURES),
        (PICTURES > 100, (PICTURES > 100) * np.uint8(255)),
        ((PICTURES > 100).astype(np.int32), (PICTURES > 100) * np.uint8(255)),
        (PICTURES.astype(np.uint16) * 257, PICTURES),
        (np.minimum(PICTURES // 15, 16) / 1.0, np.rint(np.minimum(PICTURES // 15, 16) * (255 / 16)).astype(np.uint8)),
    ],
)
def test_images_of_any_form_and_scale_become_bytes(images: np.ndarray, expected: np.ndarray):
    assert (PICTURES.min(), PICTURES.max()) == (0, 255)
    data = tiza.load((images, Y))
    x, y = whole(data)
    assert x.dtype == np.uint8
    assert data.shape == expected.shape[1:]
    assert ordered(x, y) == ordered(expected.astype(np.uint8), Y)
    form = {"form": "image", "channels": x.shape[1], "height": x.shape[2], "width": x.shape[3]}
    assert {key: value for key, value in data.form.items() if key != "scale"} == form


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.array(["red", "blue", "green"])[Y], ("blue", "green", "red")),
        (np.array(["red", "blue", "green"], object)[Y], ("blue", "green", "red")),
        (np.array([b"red", b"blue", b"green"])[Y], ("blue", "green", "red")),
        ([["red", "blue", "green"][i] for i in Y], ("blue", "green", "red")),
        (Y == 1, ("False", "True")),
    ],
)
def test_labels_may_be_names(labels: object, classes: tuple[str, ...]):
    data = tiza.load((X, labels))
    assert data.classes == classes
    x, y = whole(data)
    given = [name.decode() if isinstance(name, bytes) else str(name) for name in labels]  # type: ignore[attr-defined]
    names = {tuple(row): name for row, name in zip(X.tolist(), given, strict=True)}
    assert [data.classes[label] for label in y] == [names[tuple(row)] for row in x.tolist()]


@pytest.mark.parametrize("kind", ["category", "string", "object"])
def test_the_target_column_may_hold_names(kind: str):
    data = tiza.load(frame(t=pd.Series(np.array(["red", "blue", "green"])[Y]).astype(kind)), target="t")
    assert data.classes == ("blue", "green", "red")


def test_classes_given_keep_their_order():
    data = tiza.load((X, np.array(["red", "blue", "green"])[Y]), classes=("red", "green", "blue", "white"))
    assert data.classes == ("red", "green", "blue", "white")
    x, y = whole(data)
    assert ordered(x, y) == ordered(X, np.array([0, 2, 1])[Y])


@pytest.mark.parametrize("value", [None, np.nan, pd.NA])
def test_a_missing_name_is_no_class(value: object):
    names = np.array(["red", "blue", "green"], object)[Y]
    names[5] = names[8] = names[11] = names[14] = value
    error = refused(frame(t=names), target="t")
    assert error.code == "cell-missing"
    assert "row 5" in str(error)


HOLE = np.where(np.arange(180).reshape(60, 3) == 7, np.nan, X)


@pytest.mark.parametrize(
    ("source", "options", "code"),
    [
        ((X, Y[:50]), {}, "lengths"),
        ((X, np.stack([Y, Y], 1)), {}, "label-shape"),
        ((X, Y + 0.5), {}, "label-value"),
        ((X, np.where(Y == 1, np.nan, Y)), {}, "label-value"),
        ((X, np.where(Y == 1, np.inf, Y)), {}, "label-value"),
        ((X, Y - 1), {}, "label-range"),
        ((X, Y), {"classes": ("a", "b")}, "label-range"),
        ((X, np.array(["a", "b", "c"])[Y]), {"classes": ("a", "b")}, "unknown"),
        ((X, Y * 0), {}, "one-class"),
        ((X, np.where(np.arange(60) == 7, 3, Y)), {}, "small-class"),
        ((X, np.arange(60)), {}, "carve"),
        ((X[:0], Y[:0]), {}, "no-samples"),
        ((HOLE, Y), {}, "not-finite"),
        ((np.where(np.isnan(HOLE), np.inf, X), Y), {}, "not-finite"),
        ((np.full((60, 4, 4), np.nan), Y), {}, "not-finite"),
        ((X[:, 0], Y), {}, "sample-shape"),
        ((np.zeros((60, 2, 3, 4, 5)), Y), {}, "sample-shape"),
        ((np.zeros((60, 2, 3, 4), complex), Y), {}, "sample-shape"),
        ((X, Y), {"valid": 60}, "carve"),
        ((X, Y), {"test": 58}, "carve"),
        (frame(t=Y), {}, "target-missing"),
        (frame(t=Y), {"target": "tt"}, "unknown"),
        (frame(t=Y, d=[f"text {i}" for i in range(60)]), {"target": "t"}, "text-column"),
        (frame(t=Y, d=pd.array([1, None] * 30, dtype="Int64")), {"target": "t"}, "cell-missing"),
        ((X, Y), {"target": "t"}, "table-only"),
        ((X, Y), {"binarise": "x1>=0"}, "table-only"),
        (None, {}, "source"),
        (7, {}, "source"),
        (iter([1]), {}, "source"),
        ((X, Y), {"kind": "xor"}, "unknown"),
        ((X, Y), {"valid": "some"}, "bad-value"),
    ],
)
def test_what_can_not_be_a_data_set_is_refused(source: object, options: dict[str, object], code: str):
    assert refused(source, **options).code == code


@pytest.mark.parametrize(
    "source",
    [
        {"X": X, "y": Y},
        [],
        [1, 2, 3],
        [X, Y],
        (X, Y, Y),
        (X.astype(str), Y),
        ([[1.0], [1.0, 2.0]], [0, 1]),
        ([(X[0], "red"), (X[1], "blue")]),
    ],
    ids=[
        "dict",
        "empty",
        "numbers",
        "list of two arrays",
        "three arrays",
        "text",
        "ragged",
        "names in a list of pairs",
    ],
)
def test_what_can_not_be_a_data_set_is_never_a_traceback(source: object):
    assert isinstance(refused(source), TizaError)


def test_a_table_beyond_float32_is_refused_without_a_warning():
    assert refused((np.full((60, 2), 1e300), Y)).code == "not-finite"


def test_a_tensor_with_a_gradient_is_taken():
    assert tiza.load((torch.from_numpy(X).requires_grad_(), Y)).shape == (3,)


def test_the_users_own_arrays_are_left_as_they_were():
    x, y = PICTURES.copy(), Y.copy()
    data = tiza.load((x, y))
    data.train.x.zero_()
    data.test.look().x.zero_()
    np.testing.assert_array_equal(x, PICTURES)
    np.testing.assert_array_equal(y, Y)


MANY_CLASSES = """
import resource
import numpy as np, tiza
from tiza.errors import TizaError
tiza.load((np.random.rand(40, 2), np.arange(40) % 2))
limit = 2**30 + int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    tiza.load((np.random.rand(40, 2), np.arange(40) % 2 * 10**11))
except TizaError as error:
    print(error.code)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is set as Linux does")
def test_an_identifier_taken_for_a_label_does_not_fill_the_memory():
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    script = [sys.executable, "-c", MANY_CLASSES]
    done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-300:]
    assert done.stdout.strip() == "label-range"


def test_data_of_ones_own_can_not_be_named():
    from tiza.config import Data

    assert refused(Data(name="external")).code == "external-data"
