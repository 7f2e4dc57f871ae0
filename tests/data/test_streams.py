"""tiza.data.streams, and files.py over it: .npz and IDX files, in memory or left in their file, whole or damaged."""

import bz2
import gzip
import io
import json
import os
import pickle
import signal
import struct
import subprocess
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import tiza
from tiza.config import Data
from tiza.data import files, rows, sources, streams
from tiza.data.dataset import Dataset
from tiza.data.rows import Rows
from tiza.errors import TizaError
from tiza.i18n import LANGUAGES, set_language

RNG = np.random.default_rng(0)
N = 90
Y = np.arange(N) % 3
NAMES = np.array(["red", "blue", "green"])[Y]
GREY = RNG.integers(0, 256, (N, 6, 7)).astype(np.uint8)
COLOUR = RNG.integers(0, 256, (N, 3, 6, 7)).astype(np.uint8)
TABLE = RNG.normal(size=(N, 4)).astype(np.float32)
GREY[0, 0, :2] = COLOUR[0, 0, 0, :2] = 0, 255


def told(data: Dataset) -> dict[str, object]:
    """Everything that a model would learn from a data set, and what the run keeps of it."""
    return {
        "fingerprint": data.fingerprint, "scaling": [value.tolist() for value in data.scaling()],
        **{split: data.look(split).digest() for split in ("train", "valid", "test")}, "sealed": data.test.digest,
        "shape": data.shape, "classes": data.classes, "features": data.features, "form": data.form,
        "notes": [str(note) for note in data.notes],
    }  # fmt: skip


def code_of(read: Callable[[], object], word: str = "") -> str:
    """The code of the error that it must raise; its sentence has the word in every language."""
    with pytest.raises(TizaError) as caught:
        read()
    for language in LANGUAGES:
        set_language(language)
        assert word in str(caught.value)
    set_language(None)
    return caught.value.code


def idx_bytes(array: np.ndarray, *, code: int | None = None, sizes: tuple[int, ...] | None = None) -> bytes:
    """An IDX file of this array; ``code`` and ``sizes``: what its header says instead."""
    types = {"uint8": 8, "int8": 9, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}
    sizes = array.shape if sizes is None else sizes
    head = bytes([0, 0, types[array.dtype.name] if code is None else code, len(sizes)])
    return head + struct.pack(f">{len(sizes)}I", *sizes) + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write(folder: Path, **contents: bytes) -> Path:
    """Files named as MNIST's makers do: ``train_images=`` goes to ``train-images-idx3-ubyte``, gzipped with ``.gz``."""
    folder.mkdir(exist_ok=True)
    for part, content in contents.items():
        name = sources.idx_name(part.replace("_", "-"))
        (folder / (f"{name}.gz" if content[:2] == b"\x1f\x8b" else name)).write_bytes(content)
    return folder


@pytest.fixture
def large(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing fits in memory, a piece is a few kilobytes; the folder that copies are made in is of this test alone."""
    (home / "cache").unlink()
    monkeypatch.setattr(rows, "RESIDENT", 0)
    monkeypatch.setattr(rows, "PIECE", 3_000)
    monkeypatch.setattr(streams, "PIECE", 2_000)
    return home / "cache" / "arrays"


def copies(folder: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.glob("*/rows")}


# --- IDX


@pytest.fixture(scope="module")
def mnist() -> dict[str, bytes]:
    """The four files of MNIST."""
    return {part: sources.embedded_file("mnist", part, md5) for part, md5 in sources.MD5["mnist"].items()}


@pytest.mark.parametrize(
    ("packed", "given_as", "resident"),
    [
        ("", "folder", True),
        ("", "train images", False),
        ("train-images train-labels t10k-images t10k-labels", "train images", True),
        ("train-labels t10k-images", "folder", False),
    ],
)
def test_the_files_of_mnist_are_mnist(
    mnist: dict[str, bytes],
    packed: str,
    given_as: str,
    resident: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    folder = tmp_path / "MNIST"
    for part, content in mnist.items():
        write(folder, **{part: gzip.compress(content, 1) if part in packed.split() else content})
    (one,) = folder.glob("train-images*")
    wanted = told(tiza.load("mnist"))
    if not resident:
        monkeypatch.setattr(rows, "RESIDENT", 2**20)
    data = tiza.load(folder if given_as == "folder" else one, valid=5_000)
    assert data.config.name == "idx"
    assert isinstance(data.train.x, Rows) is not resident
    form = {"form": "image", "channels": 1, "height": 28, "width": 28}
    assert told(data) == wanted | {"form": form}


@pytest.mark.parametrize("kind", ["uint8", "int8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("pack", [bytes, lambda content: gzip.compress(content, mtime=0)], ids=["plain", "gz"])
@pytest.mark.parametrize("resident", [True, False])
def test_idx_files_of_any_type_are_the_arrays_that_they_hold(
    kind: str, pack: Callable[[bytes], bytes], resident: bool, tmp_path: Path, request: pytest.FixtureRequest
):
    images = (RNG.integers(-100, 100, (N, 5, 4)) if kind[0] != "u" else GREY).astype(kind)
    labels = (Y + 4).astype(kind)
    wanted = told(tiza.load((images, labels)))
    folder = write(tmp_path / "mine", train_images=pack(idx_bytes(images)), train_labels=pack(idx_bytes(labels)))
    if not resident:
        request.getfixturevalue("large")
    data = tiza.load(folder)
    assert isinstance(data.train.x, Rows) is not resident
    assert told(data) == wanted


def test_the_test_files_are_the_test_split(tmp_path: Path):
    x, y = GREY[:30, 1:], Y[:30].astype(np.uint8)
    folder = write(
        tmp_path / "mine", train_images=idx_bytes(GREY[:, 1:]), train_labels=idx_bytes(Y.astype(np.uint8)),
        t10k_images=gzip.compress(idx_bytes(x)), t10k_labels=idx_bytes(y),
    )  # fmt: skip
    test = tiza.load(folder).test.look()
    np.testing.assert_array_equal(test.x.numpy(), x[:, None])
    np.testing.assert_array_equal(test.y.numpy(), y)


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """Two sets in one folder, one of them without a test split."""
    folder = tmp_path / "gzip"
    folder.mkdir()
    for name, shift in (("emnist-digits", 0), ("emnist-letters", 1)):
        (folder / f"{name}-train-images-idx3-ubyte").write_bytes(idx_bytes(GREY + np.uint8(shift)))
        (folder / f"{name}-train-labels-idx1-ubyte").write_bytes(idx_bytes(Y.astype(np.uint8)))
    (folder / "emnist-letters-test-images-idx3-ubyte").write_bytes(idx_bytes(GREY[:9]))
    (folder / "emnist-letters-test-labels-idx1-ubyte").write_bytes(idx_bytes(Y[:9].astype(np.uint8)))
    return folder


def test_of_several_sets_in_one_folder_one_must_be_named(several: Path):
    assert code_of(lambda: tiza.load(several), "emnist-digits, emnist-letters") == "idx-several"
    digits = tiza.load(several / "emnist-digits-train-images-idx3-ubyte")
    letters = tiza.load(several / "emnist-letters-train-images-idx3-ubyte")
    assert digits.fingerprint == tiza.load((GREY, Y)).fingerprint
    assert len(letters.test) == 9
    np.testing.assert_array_equal(
        np.sort(letters.train.x.numpy().ravel()), np.sort((GREY + np.uint8(1))[letters.origin["train"][1]].ravel())
    )


@pytest.mark.parametrize("part", ["train-images", "train-labels", "t10k-images", "t10k-labels"])
def test_images_and_labels_need_each_other(part: str, tmp_path: Path):
    images, labels = idx_bytes(GREY), idx_bytes(Y.astype(np.uint8))
    folder = write(
        tmp_path / "mine", train_images=images, train_labels=labels, t10k_images=images, t10k_labels=labels
    )  # fmt: skip
    (folder / sources.idx_name(part)).unlink()
    partner = part.replace("images", "x").replace("labels", "images").replace("x", "labels")
    assert code_of(lambda: tiza.load(folder), sources.idx_name(partner)) == "idx-partner"


def test_a_folder_of_test_files_alone_has_nothing_to_learn_from(tmp_path: Path):
    folder = write(tmp_path / "mine", t10k_images=idx_bytes(GREY), t10k_labels=idx_bytes(Y.astype(np.uint8)))
    assert code_of(lambda: tiza.load(folder), "mine") == "no-train"


def test_a_file_beside_its_own_gz_may_be_named_either_way(tmp_path: Path):
    images, labels = idx_bytes(GREY), idx_bytes(Y.astype(np.uint8))
    folder = write(tmp_path / "mine", train_images=images, train_labels=labels)
    write(folder, train_images=gzip.compress(images), train_labels=gzip.compress(labels))
    for path in folder.glob("train-images*"):
        assert tiza.load(path).fingerprint == tiza.load((GREY, Y)).fingerprint


# --- npz


@pytest.mark.parametrize(
    ("train", "valid", "test"),
    [
        ("x_train y_train", "x_valid y_valid", "x_test y_test"),
        ("x_train y_train", "x_val y_val", "x_test y_test"),
        ("X_train y_train", "X_valid y_valid", "X_test y_test"),
        ("train_images train_labels", "val_images val_labels", "test_images test_labels"),
        ("x y", None, None),
        ("X y", None, None),
        ("x_train y_train", None, "x_test y_test"),
        ("train_images train_labels", None, "test_images test_labels"),
        ("x_train y_train", "x_val y_val", None),
        ("train_images train_labels", "val_images val_labels", None),
    ],
)
@pytest.mark.parametrize("resident", [True, False])
def test_the_keys_of_an_npz_name_its_splits(
    train: str, valid: str | None, test: str | None, resident: bool, tmp_path: Path, request: pytest.FixtureRequest
):
    places = {"train": slice(0, 60), "valid": slice(60, 72), "test": slice(72, 90)}
    arrays: dict[str, np.ndarray] = {"other": np.arange(3)}
    for split, keys in (("train", train), ("valid", valid), ("test", test)):
        if keys:
            x, y = keys.split()
            arrays |= {x: COLOUR[places[split]], y: Y[places[split]][:, None].astype(np.uint8)}
    np.savez(tmp_path / "mine.npz", **arrays)
    if not resident:
        request.getfixturevalue("large")
    data = tiza.load(tmp_path / "mine.npz")
    assert data.shape == (3, 6, 7)
    assert len(data.train) + len(data.valid) * (not valid) + len(data.test) * (not test) == 60
    for split, keys in (("valid", valid), ("test", test)):
        if keys:
            look = data.look(split)
            np.testing.assert_array_equal(look.x[:].numpy(), COLOUR[places[split]])
            np.testing.assert_array_equal(look.y.numpy(), Y[places[split]])
    np.testing.assert_array_equal(data.train.x[:].numpy(), COLOUR[:60][data.origin["train"][1]])


# What is saved, whether it can be read where it stands in an uncompressed file.
SAVED = {
    "uint8 N×H×W": (GREY, Y, True),
    "uint8 N×C×H×W": (COLOUR, Y, True),
    "uint8 N×1×H×W": (GREY[:, None], Y, True),
    "uint8 N×H×W×C": (np.ascontiguousarray(COLOUR.transpose(0, 2, 3, 1)), Y, True),
    "uint8 N×F": (GREY.reshape(N, -1), Y, False),
    "float32 of 0 to 1": ((GREY / 255).astype(np.float32), Y, False),
    "float64 of −1 to 1": (COLOUR / 127.5 - 1, Y, False),
    "float16 N×H×W×C": (np.ascontiguousarray(COLOUR.transpose(0, 2, 3, 1)).astype(np.float16), Y, False),
    "big-endian float32": ((GREY / 255).astype(">f4"), Y, False),
    "int16 of 0 to 1020": (GREY.astype(np.int16) * 4, Y, False),
    "int16 with negatives": (GREY.astype(np.int16) - 100, Y, False),
    "int64 of 0 to 255": (GREY.astype(np.int64), Y, False),
    "uint16": (COLOUR.astype(np.uint16) * 257, Y, False),
    "bool": (GREY > 100, Y, False),
    "table of float32": (TABLE, Y, True),
    "table of float64": (TABLE.astype(np.float64), Y, False),
    "table of int32": ((TABLE * 1000).astype(np.int32), Y, False),
    "table of bool": (TABLE > 0, (TABLE[:, 0] > 0).astype(int), False),
    "labels N×1 of uint8": (GREY, Y[:, None].astype(np.uint8), True),
    "labels of float": (GREY, Y.astype(np.float64), True),
    "labels of bool": (GREY, Y > 0, True),
    "labels that are texts": (GREY, NAMES, True),
    "labels that are texts N×1": (TABLE, NAMES[:, None], True),
    "labels that are bytes": (GREY, NAMES.astype("S"), True),
    "labels with gaps": (GREY, Y * 7 + 1, True),
}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("case", SAVED)
def test_an_npz_is_the_arrays_that_it_holds(save: Callable[..., None], case: str, tmp_path: Path):
    x, y, _ = SAVED[case]
    save(tmp_path / "mine.npz", x=x, y=y)
    data = tiza.load(tmp_path / "mine.npz")
    assert data.config.name == "npz"
    assert not isinstance(data.train.x, Rows)
    assert told(data) == told(tiza.load((x, y)))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("case", SAVED)
def test_an_npz_larger_than_memory_is_the_same_data_set(
    save: Callable[..., None], case: str, tmp_path: Path, large: Path
):
    x, y, as_it_stands = SAVED[case]
    path = tmp_path / "mine.npz"
    save(path, x=x, y=y)
    data = tiza.load(path)
    assert isinstance(data.train.x, Rows)
    wanted = told(tiza.load((x, y)))
    assert told(data) == wanted
    made = copies(large)
    assert len(made) == (0 if as_it_stands and save is np.savez else 1)
    assert large.exists() == bool(made)
    assert told(tiza.load(path)) == wanted
    assert made.keys() == copies(large).keys()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_the_same_file_may_be_loaded_again_while_it_is_learnt_from(
    save: Callable[..., None], tmp_path: Path, large: Path
):
    save(tmp_path / "mine.npz", x=GREY, y=Y)
    first = tiza.load(tmp_path / "mine.npz")
    made = copies(large)
    time.sleep(0.01)  # more than the grain of the clock that files are stamped with
    second = tiza.load(tmp_path / "mine.npz")
    assert copies(large) == made
    assert told(first) == told(second)


@pytest.mark.parametrize("case", ["uint8 N×C×H×W", "uint8 N×H×W×C", "float32 of 0 to 1", "table of float64"])
def test_arrays_stored_by_columns_are_the_same(case: str, tmp_path: Path):
    x, y, _ = SAVED[case]
    np.savez(tmp_path / "mine.npz", x=np.asfortranarray(x), y=np.asfortranarray(y))
    assert told(tiza.load(tmp_path / "mine.npz")) == told(tiza.load((x, y)))


@pytest.mark.parametrize("case", ["uint8 N×C×H×W", "float32 of 0 to 1", "table of float64"])
def test_arrays_stored_by_columns_must_fit_in_memory(case: str, tmp_path: Path, large: Path):
    np.savez(tmp_path / "mine.npz", x=np.asfortranarray(SAVED[case][0]), y=Y)
    assert code_of(lambda: tiza.load(tmp_path / "mine.npz"), "mine.npz: x") == "array-order"


@pytest.mark.parametrize("pack", [bytes, lambda content: gzip.compress(content, mtime=0)], ids=["plain", "gz"])
def test_a_plain_idx_file_is_read_where_it_stands(pack: Callable[[bytes], bytes], tmp_path: Path, large: Path):
    labels = idx_bytes(Y.astype(np.uint8))
    folder = write(tmp_path / "mine", train_images=pack(idx_bytes(GREY)), train_labels=pack(labels))
    assert told(tiza.load(folder)) == told(tiza.load((GREY, Y)))
    assert len(copies(large)) == (pack is not bytes)


@pytest.mark.parametrize("scale", ["standard", "unit", "symmetric", "raw"])
def test_larger_than_memory_scales_alike(scale: str, tmp_path: Path, large: Path):
    for x in (GREY, TABLE):
        np.savez(tmp_path / "mine.npz", x=x, y=Y)
        assert told(tiza.load(tmp_path / "mine.npz", scale=scale)) == told(tiza.load((x, Y), scale=scale))


def test_larger_than_memory_keeps_to_classes_and_limit(tmp_path: Path, large: Path, monkeypatch: pytest.MonkeyPatch):
    np.savez_compressed(tmp_path / "mine.npz", x=GREY, y=NAMES)
    left_in_file = tiza.load(tmp_path / "mine.npz", classes=("red", "blue"), limit=40)
    assert isinstance(left_in_file.train.x, Rows)
    monkeypatch.setattr(rows, "RESIDENT", 2**30)
    assert told(left_in_file) == told(tiza.load(tmp_path / "mine.npz", classes=("red", "blue"), limit=40))


def test_a_copy_is_made_anew_for_another_file_and_mended_when_cut(tmp_path: Path, large: Path):
    path = tmp_path / "mine.npz"
    np.savez_compressed(path, x=GREY, y=Y)
    tiza.load(path)
    (copy,) = copies(large)
    os.truncate(copy, 1_000)
    assert told(tiza.load(path)) == told(tiza.load((GREY, Y)))
    np.savez_compressed(path, x=GREY[::-1], y=Y)
    assert told(tiza.load(path)) == told(tiza.load((GREY[::-1], Y)))
    assert [*copies(large)] == [copy]


KILLED = """
import json, os, shutil, signal, sys
from pathlib import Path
import tiza
from tiza.data import rows, streams
rows.RESIDENT, streams.PIECE = 0, 500

def load(path, kill_at):
    entries, (there, back) = 0, os.pipe()
    if (pid := os.fork()) == 0:
        def count(event, arguments):
            nonlocal entries
            if event == "os.rename" and "arrays" in str(arguments[1]):
                entries += 1
                if entries == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(count)
        data = tiza.load(path)
        os.write(back, json.dumps([entries, data.fingerprint, data.test.digest]).encode())
        os._exit(0)
    os.close(back)
    with open(there, "rb") as answer:
        told = answer.read()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), told and json.loads(told)

def killed(kill_at):
    shutil.rmtree(home / "cache" / "arrays")
    code, _ = load(path, kill_at)
    books = home.glob("cache/arrays/*/progress.json")
    return code, sum(json.loads(book.read_text())["done"] for book in books)

home, path = Path(os.environ["TIZA_HOME"]), sys.argv[1]
_, (whole, *expected) = load(path, None)
found = []
for kill_at in (1, 2, whole // 2, whole):
    code, done = killed(kill_at)
    _, (_, *told) = load(path, None)
    found.append([code, done, told == expected])
killed(whole // 2)
(rows_file,) = home.glob("cache/arrays/*/rows")
rows_file.write_bytes(b"mine" + rows_file.read_bytes()[4:])
_, (_, *marked) = load(path, None)
print(json.dumps([whole, expected, found, marked != expected]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="kills as Linux does")
def test_a_process_killed_while_it_copies_goes_on_where_it_was(tmp_path: Path):
    path = tmp_path / "mine.npz"
    np.savez_compressed(path, x=GREY / 255, y=Y)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TIZA_HOME": str(tmp_path / "own")}
    script = [sys.executable, "-c", KILLED, str(path)]
    done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    entries, ends, found, kept = json.loads(done.stdout)
    one = tiza.load((GREY / 255, Y))
    assert ends == [one.fingerprint, one.test.digest]
    per_entry = 500 // (42 * 8)  # samples of 42 float64 in a piece
    assert entries == N // per_entry
    assert found == [[-signal.SIGKILL, (at - 1) * per_entry, True] for at in (1, 2, entries // 2, entries)]
    assert kept  # what was written before the kill is not written again: a mark left there stays


def test_training_on_samples_in_a_file_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    digits = tiza.load("digits")
    splits = {split: digits.look(split) for split in ("train", "valid", "test")}
    arrays = {f"{name}_{split}": getattr(s, name).numpy() for split, s in splits.items() for name in ("x", "y")}
    np.savez(tmp_path / "digits.npz", **arrays)
    weights = []
    for resident in (2**30, 0):
        monkeypatch.setattr(rows, "RESIDENT", resident)
        data = tiza.load(tmp_path / "digits.npz")
        assert isinstance(data.train.x, Rows) is (resident == 0)
        recipe = {"data": data.config.model_dump(), "model": {"name": "mlp", "hidden": [32]}}
        plan = {"epochs": 2, "batch_size": 64, "threads": 1, "device": "cpu"}
        run = tiza.fit(tiza.config.make(tiza.Recipe, recipe), data, plan, run=tmp_path / str(resident))
        weights.append((run.path / "model" / "weights.safetensors").read_bytes())
    assert weights[0] == weights[1]


def stored_npz(path: Path, n: int, shape: tuple[int, ...]) -> None:
    """An uncompressed .npz of ``n`` random uint8 images, written piece by piece."""
    with zipfile.ZipFile(path, "w") as packed:
        with packed.open("x.npy", "w", force_zip64=True) as file:
            head = {"descr": "|u1", "fortran_order": False, "shape": (n, *shape)}
            np.lib.format.write_array_header_1_0(file, head)
            for first in range(0, n, 1000):
                file.write(RNG.bytes(min(1000, n - first) * int(np.prod(shape))))
        with packed.open("y.npy", "w") as file:
            np.lib.format.write_array(file, np.arange(n) % 2)


PEAK = """
import re, sys
from pathlib import Path
import tiza
from tiza.data import rows
from tiza.training import Stepped, Stop
rows.RESIDENT = 2**20
data = tiza.load(sys.argv[1])
recipe = {"data": data.config.model_dump(), "model": {"name": "mlp", "hidden": [4]}}
plan = {"epochs": 1, "batch_size": 256, "threads": 1, "device": "cpu", "probe": 0}
readers = [lambda event, _: Stop() if isinstance(event, Stepped) else None]
tiza.fit(tiza.config.make(tiza.Recipe, recipe), data, plan, run=sys.argv[2], readers=readers)
status = Path("/proc/self/status").read_text()
print(type(data.train.x).__name__, int(re.search(r"VmHWM:\\s*(\\d+)", status)[1]) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak as Linux tells it")
def test_training_on_an_array_larger_than_memory_takes_little_of_it(tmp_path: Path):
    peaks = {}
    for n in (400, 12_500):
        stored_npz(tmp_path / f"{n}.npz", n, (3, 128, 128))
        script = [sys.executable, "-c", PEAK, tmp_path / f"{n}.npz", tmp_path / f"run-{n}"]
        done = subprocess.run(script, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        kind, peak = done.stdout.split()
        assert kind == "Rows"
        peaks[n] = int(peak)
    size = (tmp_path / "12500.npz").stat().st_size / 2**20
    assert size > 580
    assert peaks[12_500] - peaks[400] < 250


# --- damaged, hostile and unsuitable files


def npy(x: np.ndarray | bytes, head: str | None = None, *, version: tuple[int, int] = (1, 0)) -> bytes:
    """A .npy file by hand: its header as text, its values as bytes."""
    if head is None:
        assert isinstance(x, np.ndarray)
        head = str({"descr": x.dtype.str, "fortran_order": False, "shape": x.shape})
    text = head.encode("latin-1")
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    length = struct.pack("<H" if version[0] == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text + (x if isinstance(x, bytes) else x.tobytes())


def archive(kind: int = zipfile.ZIP_DEFLATED, **members: bytes) -> bytes:
    """A zip of .npy files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as packed:
        for key, content in members.items():
            packed.writestr(zipfile.ZipInfo(f"{key}.npy"), content, kind)
    return file.getvalue()


def npz(**arrays: object) -> bytes:
    """What np.savez_compressed makes of the arrays."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def forged(content: bytes, **fields: int) -> bytes:
    """A zip whose list of contents says something else about its first file."""
    changed = bytearray(content)
    entry = content.find(b"PK\1\2")
    places = {"flags": (8, "<H"), "kind": (10, "<H"), "crc": (16, "<I"), "packed": (20, "<I"), "size": (24, "<I")}
    for name, value in fields.items():
        struct.pack_into(places[name][1], changed, entry + places[name][0], value)
    return bytes(changed)


def header(shape: tuple[int, ...], descr: str = "|u1") -> str:
    return str({"descr": descr, "fortran_order": False, "shape": shape})


@cache
def of_zeros(size: int) -> bytes:
    """A real zip bomb: an array of zeros, deflated."""
    file = io.BytesIO()
    n = size // 784
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        with packed.open("x.npy", "w") as member:
            member.write(npy(b"", header((n, 28, 28))))
            for first in range(0, n, 1000):
                member.write(bytes(784 * min(1000, n - first)))
        packed.writestr("y.npy", npy(np.arange(n) % 2))
    return file.getvalue()


def with_(array: np.ndarray, place: Any, value: object, kind: Any = float) -> np.ndarray:
    changed = array.astype(kind)
    changed[place] = value
    return changed


LONGER = npy(RNG.bytes((N + 9) * 42), header((N, 6, 7)))
WHOLE = LONGER[: -9 * 42]
WRONG_NPZ: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "empty": (lambda: b"", "array-damaged", "mine.npz"),
    "no zip": (lambda: b"x" * 500, "array-damaged", "mine.npz"),
    "a lone npy": (lambda: npy(GREY), "array-damaged", "mine.npz"),
    "cut in the middle": (lambda: npz(x=GREY, y=Y)[:1000], "array-damaged", "mine.npz"),
    "cut at the end": (lambda: npz(x=GREY, y=Y)[:-30], "array-damaged", "mine.npz"),
    "no array in it": (lambda: archive(x=b"a text", y=npy(Y)), "array-damaged", "mine.npz: x"),
    "npy of a later version": (lambda: archive(x=npy(GREY, version=(3, 0)), y=npy(Y)), "array-damaged", "mine.npz: x"),
    "values changed": (lambda: forged(npz(x=GREY, y=Y), crc=1), "array-damaged", "mine.npz: x"),
    "locked": (lambda: forged(npz(x=GREY, y=Y), flags=1), "array-damaged", "mine.npz"),
    "larger than the file": (lambda: forged(npz(x=GREY, y=Y), packed=2**31), "array-damaged", "mine.npz: x"),
    "unknown packing": (lambda: forged(npz(x=GREY, y=Y), kind=77), "array-damaged", "mine.npz"),
    "objects": (lambda: npz(x=np.array([{}, "a"] * 45, object), y=Y), "array-objects", "mine.npz: x"),
    "labels that are objects": (lambda: npz(x=GREY, y=NAMES.astype(object)), "array-objects", "mine.npz: y"),
    "objects in a record": (lambda: npz(x=np.zeros(9, [("a", "O")]), y=Y), "array-objects", "mine.npz: x"),
    "records": (lambda: npz(x=np.zeros(N, [("a", "f4"), ("b", "i4")]), y=Y), "sample-shape", "90"),
    "a shape too long": (lambda: archive(x=npy(GREY, header((91, 6, 7))), y=npy(Y)), "array-length", "91×6×7"),
    "a shape too short": (lambda: archive(x=npy(GREY, header((89, 6, 7))), y=npy(Y)), "array-length", "89×6×7"),
    "a shape of terabytes": (lambda: archive(x=npy(GREY, header((2**40, 6))), y=npy(Y)), "array-length", "mine.npz: x"),
    "less than all say": (
        lambda: forged(archive(x=WHOLE[:-999], y=npy(Y)), size=len(WHOLE)), "array-length", "90×6×7",
    ),
    "more than all say": (
        lambda: forged(archive(x=LONGER, y=npy(Y)), size=len(WHOLE)), "array-damaged", "mine.npz: x",
    ),
    "a bomb": (lambda: of_zeros(2**28 + 2**20), "bomb", "mine.npz: x"),
    "no keys": (lambda: archive(), "npz-keys", "–"),
    "other keys": (lambda: npz(a=GREY, y=Y, arr_0=Y), "npz-keys", "a, arr_0, y"),
    "test alone": (lambda: npz(x_test=GREY, y_test=Y), "npz-keys", "x_test, y_test"),
    "five dimensions": (lambda: npz(x=np.zeros((N, 1, 2, 3, 4)), y=Y), "sample-shape", "90×1×2×3×4"),
    "one dimension": (lambda: npz(x=TABLE[:, 0], y=Y), "sample-shape", "90"),
    "complex": (lambda: npz(x=GREY.astype(complex), y=Y), "sample-shape", "complex128"),
    "a complex table": (lambda: npz(x=TABLE.astype(complex), y=Y), "sample-shape", "complex128"),
    "texts": (lambda: npz(x=TABLE.astype(str), y=Y), "sample-shape", "<U"),
    "pictures that are texts": (lambda: npz(x=GREY.astype(str), y=Y), "sample-shape", "<U"),
    "a number": (lambda: npz(x=np.float32(1), y=Y), "array-length", "mine.npz: x"),
    "labels that are one number": (lambda: npz(x=GREY, y=1), "array-length", "mine.npz: y"),
    "NaN in images": (lambda: npz(x=with_(GREY, (7, 1, 1), np.nan), y=Y), "not-finite", "7"),
    "infinity in images": (lambda: npz(x=with_(GREY, (7, 1, 1), -np.inf), y=Y), "not-finite", "mine.npz: x"),
    "NaN in a table": (lambda: npz(x=with_(TABLE, (7, 1), np.nan), y=Y), "not-finite", "x2"),
    "infinity in a table": (lambda: npz(x=with_(TABLE, (7, 1), np.inf, np.float32), y=Y), "not-finite", "mine.npz"),
    "a table beyond float32": (lambda: npz(x=with_(TABLE, (7, 1), 1e300), y=Y), "not-finite", "mine.npz"),
    "NaN in images of test": (
        lambda: npz(x_train=GREY / 1.0, y_train=Y, x_test=with_(GREY, (8, 5, 1), np.nan), y_test=Y),
        "not-finite", "mine.npz: x_test",
    ),
    "NaN in a table of test": (
        lambda: npz(x_train=TABLE, y_train=Y, x_test=with_(TABLE, (8, 1), np.nan), y_test=Y), "not-finite", "mine.npz",
    ),
    "fewer labels": (lambda: npz(x=GREY, y=Y[:80]), "lengths", "80"),
    "fewer test samples": (lambda: npz(x_train=GREY, y_train=Y, x_test=GREY[:9], y_test=Y), "lengths", "x_test"),
    "negative labels": (lambda: npz(x=GREY, y=Y - 1), "label-range", "mine.npz: y"),
    "identifiers": (lambda: npz(x=GREY, y=Y * 10**6), "label-range", "mine.npz: y"),
    "fractions": (lambda: npz(x=GREY, y=with_(Y, 4, 0.5)), "label-value", "4"),
    "NaN in labels": (lambda: npz(x=GREY, y=with_(Y, 4, np.nan)), "label-value", "4"),
    "one-hot": (lambda: npz(x=GREY, y=np.eye(3)[Y]), "label-shape", "90×3"),
    "a class for each": (lambda: npz(x=GREY, y=np.arange(N)), "carve", "mine.npz"),
    "one class": (lambda: npz(x=GREY, y=Y * 0), "one-class", "mine.npz"),
    "no samples": (lambda: npz(x=GREY[:0], y=Y[:0]), "no-samples", "mine.npz: x"),
    "no samples in test": (
        lambda: npz(x_train=GREY, y_train=Y, x_test=GREY[:0], y_test=Y[:0]), "no-samples", "mine.npz: x_test",
    ),
    "a class of test alone": (
        lambda: npz(x_train=GREY, y_train=Y, x_test=GREY, y_test=with_(Y, 5, 3, int)), "label-unseen", "mine.npz: y_test",  # noqa: E501
    ),
    "a name of test alone": (
        lambda: npz(x_train=GREY, y_train=NAMES, x_test=GREY, y_test=with_(NAMES, 5, "cyan", NAMES.dtype)),
        "label-unseen", "cyan",
    ),
    "test images of another size": (
        lambda: npz(x_train=GREY, y_train=Y, x_test=GREY[:, 1:], y_test=Y), "shapes-differ", "1×5×7",
    ),
    "test images in colour": (
        lambda: npz(x_train=GREY, y_train=Y, x_test=COLOUR, y_test=Y), "shapes-differ", "mine.npz: x_test",
    ),
    "fewer columns in valid": (
        lambda: npz(x_train=TABLE, y_train=Y, x_val=TABLE[:, 1:], y_val=Y), "shapes-differ", "mine.npz: x_val",
    ),
}  # fmt: skip


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("case", WRONG_NPZ)
def test_a_wrong_npz_is_refused_in_one_sentence(
    case: str, resident: bool, tmp_path: Path, request: pytest.FixtureRequest
):
    content, code, word = WRONG_NPZ[case]
    path = tmp_path / "mine.npz"
    path.write_bytes(content())
    if not resident:
        request.getfixturevalue("large")
    assert code_of(lambda: tiza.load(path), word) == code


@pytest.mark.parametrize(
    ("test", "kind"), [(GREY / 255, np.uint8), (GREY.astype(np.int16) + 300, np.uint8), (GREY, np.float32)]
)
def test_images_of_test_on_another_scale_are_refused_or_brought_to_it(test: np.ndarray, kind: type, tmp_path: Path):
    train = (GREY if kind is np.uint8 else GREY / 255).astype(kind)
    np.savez(tmp_path / "mine.npz", x_train=train, y_train=Y, x_test=test, y_test=Y)
    try:
        data = tiza.load(tmp_path / "mine.npz")
    except TizaError:
        return
    np.testing.assert_array_equal(data.test.look().x.numpy(), GREY[:, None])


@pytest.mark.parametrize("shape", [(N, 0), (N, 0, 4), (N, 4, 0, 1)])
def test_samples_of_no_size_beside_others_are_told_every_time(shape: tuple[int, ...], tmp_path: Path, large: Path):
    np.savez(tmp_path / "mine.npz", x_train=np.zeros(shape), y_train=Y, x_test=np.ones((N, 6, 7)), y_test=Y)
    for _ in range(2):
        assert code_of(lambda: tiza.load(tmp_path / "mine.npz"), "mine.npz") == "shapes-differ"


def test_keys_that_are_not_asked_for_may_hold_a_number(tmp_path: Path):
    np.savez(tmp_path / "mine.npz", x=GREY, y=Y, version=np.int64(3))
    assert tiza.load(tmp_path / "mine.npz").fingerprint == tiza.load((GREY, Y)).fingerprint


def test_a_changed_byte_is_noticed_in_a_file_larger_than_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "mine.npz"
    images = RNG.integers(0, 256, (N, 3, 32, 32)).astype(np.uint8)
    np.savez(path, x=images, y=Y)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    for resident in (2**30, 0):
        monkeypatch.setattr(rows, "RESIDENT", resident)
        assert code_of(lambda: tiza.load(path), "mine.npz: x") == "array-damaged"


class Trap:
    """Unpickling it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("key", ["x", "y", "other"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("resident", [True, False])
def test_no_object_is_ever_unpickled(
    key: str, save: Callable[..., None], resident: bool, tmp_path: Path, request: pytest.FixtureRequest
):
    path, made = tmp_path / "mine.npz", tmp_path / "made"
    save(path, **({"x": GREY, "y": Y} | {key: np.array([Trap(made)] * N, object)}))
    if not resident:
        request.getfixturevalue("large")
    assert code_of(lambda: tiza.load(path), f"mine.npz: {key}") == "array-objects"
    assert not made.exists()
    with np.load(path, allow_pickle=True) as opened:  # the trap is one
        opened[key]
    assert made.is_dir()


def test_a_pickle_called_npz_is_not_opened(tmp_path: Path):
    path, made = tmp_path / "mine.npz", tmp_path / "made"
    path.write_bytes(pickle.dumps(Trap(made)))
    assert code_of(lambda: tiza.load(path), "mine.npz") == "array-damaged"
    assert not made.exists()


LABELS = idx_bytes(Y.astype(np.uint8))
IMAGES = idx_bytes(GREY)
ZIPPED = gzip.compress(IMAGES, mtime=0)
WRONG_IDX: dict[str, tuple[dict[str, bytes], str, str]] = {
    "empty": ({"train_images": b""}, "idx-magic", "train-images"),
    "another magic": ({"train_images": b"\0\1" + IMAGES[2:]}, "idx-magic", "00 01 08 03"),
    "another type": ({"train_images": b"\0\0\x0a" + IMAGES[3:]}, "idx-magic", "00 00 0a 03"),
    "no dimension": ({"train_images": b"\0\0\x08\0" + IMAGES}, "idx-magic", "train-images"),
    "five dimensions": ({"train_images": idx_bytes(GREY, sizes=(N, 1, 1, 6, 7))}, "idx-magic", "00 00 08 05"),
    "a picture": ({"train_images": b"\x89PNG\r\n\x1a\n" + bytes(99)}, "idx-magic", "89 50 4e 47"),
    "only a header": ({"train_images": IMAGES[:16]}, "idx-length", "train-images"),
    "half a header": ({"train_images": IMAGES[:10]}, "idx-length", "train-images"),
    "cut": ({"train_images": IMAGES[:-1]}, "idx-length", "3795"),
    "bytes left over": ({"train_images": IMAGES + b"\0"}, "idx-length", "3797"),
    "cut labels": ({"train_labels": LABELS[:-1]}, "idx-length", "train-labels"),
    "too large for any": ({"train_images": idx_bytes(GREY, sizes=(2**32 - 1,) * 4)}, "idx-length", "train-images"),
    "impossible and empty": (
        {"train_images": idx_bytes(GREY[:0], sizes=(0, *[2**32 - 1] * 3)), "train_labels": idx_bytes(GREY[:0, 0, 0])},
        "idx-length", "train-images",
    ),
    "fewer labels": ({"train_labels": idx_bytes(Y[:80].astype(np.uint8))}, "lengths", "train-labels"),
    "labels that are images": ({"train_labels": IMAGES}, "label-shape", "90×6×7"),
    "one dimension": ({"train_images": LABELS}, "sample-shape", "90"),
    "cut gz": ({"train_images": ZIPPED[:1500]}, "array-damaged", "train-images"),
    "gz cut before its sum": ({"train_images": ZIPPED[:-8]}, "array-damaged", "train-images"),
    "gz cut in its header": ({"train_images": ZIPPED[:5]}, "array-damaged", "train-images"),
    "gz with a wrong sum": ({"train_images": ZIPPED[:-8] + bytes(8)}, "array-damaged", "train-images"),
    "gz with more behind": ({"train_images": ZIPPED + b"more"}, "array-damaged", "train-images"),
    "gz of nothing": ({"train_images": gzip.compress(b"")}, "idx-magic", "train-images"),
    "gz of something else": ({"train_images": gzip.compress(b"a,b\n1,2\n")}, "idx-magic", "train-images"),
    "gz of too little": ({"train_images": gzip.compress(IMAGES[:-1])}, "array-length", "90×6×7"),
    "gz of one byte more": ({"train_images": gzip.compress(IMAGES + b"\0")}, "array-length", "90×6×7"),
    "gz of much more": ({"train_images": gzip.compress(IMAGES + bytes(50_000_000), 1)}, "array-length", "90×6×7"),
    "gz in gz": ({"train_images": gzip.compress(ZIPPED)}, "idx-magic", "1f 8b"),
    "gz of 10 GB that are not there": (
        {"train_images": gzip.compress(idx_bytes(GREY, sizes=(10_000, 1_000, 1_000)))}, "array-length", "10000×1000×1000",  # noqa: E501
    ),
    "a bomb": ({"train_images": gzip.compress(idx_bytes(GREY, sizes=(300, 1_000, 1_000)) + RNG.bytes(400_000))},
               "bomb", "train-images"),
    "negative labels": ({"train_labels": idx_bytes(Y.astype(np.int8) - 1)}, "label-range", "train-labels"),
    "fractions": ({"train_labels": idx_bytes((Y / 2).astype(np.float32))}, "label-value", "0.5"),
    "NaN in images": ({"train_images": idx_bytes(with_(GREY, (7, 1, 1), np.nan))}, "not-finite", "train-images"),
    "a class of test alone": (
        {"t10k_images": IMAGES, "t10k_labels": idx_bytes(with_(Y, 5, 9, np.uint8))}, "label-unseen", "t10k-labels",
    ),
    "test images of another size": (
        {"t10k_images": idx_bytes(GREY[:, 1:]), "t10k_labels": LABELS}, "shapes-differ", "t10k-images",
    ),
    "one class": ({"train_labels": idx_bytes(np.zeros(N, np.uint8))}, "one-class", "mine"),
}  # fmt: skip


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("case", WRONG_IDX)
def test_a_wrong_idx_file_is_refused_in_one_sentence(
    case: str, resident: bool, tmp_path: Path, request: pytest.FixtureRequest
):
    parts, code, word = WRONG_IDX[case]
    folder = write(tmp_path / "mine", **({"train_images": IMAGES, "train_labels": LABELS} | parts))
    if not resident:
        request.getfixturevalue("large")
    assert code_of(lambda: tiza.load(folder), word) == code


def bz2_of_more() -> bytes:
    """An array of 1 MB by all that is said of it, in 300 bytes that unpack to 65 MB."""
    claimed = npy(np.zeros(2**20, np.uint8))
    whole = archive(zipfile.ZIP_BZIP2, x=claimed + bytes(2**26), y=npy(Y))
    assert len(bz2.compress(claimed)) < 2_000
    return forged(whole, size=len(claimed))


HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "npz that claims an exabyte": ("mine.npz", lambda: archive(x=npy(b"", header((2**60,))), y=npy(Y))),
    "npz that claims 4 GB": (
        "mine.npz", lambda: forged(archive(x=npy(b"", header((2**32 - 129,)))), size=2**32 - 1),
    ),
    "npz of zeros": ("mine.npz", lambda: of_zeros(2**28 + 2**20)),
    "npz in bzip2": ("mine.npz", bz2_of_more),
    "IDX that claims 10 GB": ("train-images-idx3-ubyte", lambda: idx_bytes(GREY, sizes=(10_000, 1_000, 1_000))),
    "gz that claims 10 GB": (
        "train-images-idx3-ubyte", lambda: gzip.compress(idx_bytes(GREY, sizes=(10_000, 1_000, 1_000))),
    ),
    "gz that claims 300 MB": (
        "train-images-idx3-ubyte",
        lambda: gzip.compress(idx_bytes(GREY, sizes=(300, 1_000, 1_000)) + RNG.bytes(400_000)),
    ),
    "gz that holds much more": ("train-images-idx3-ubyte", lambda: gzip.compress(IMAGES + bytes(50_000_000), 1)),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_no_memory_is_taken_for_what_a_header_claims_or_a_file_hides(case: str, tmp_path: Path):
    name, content = HOSTILE[case]
    path = tmp_path / name
    path.write_bytes(content())
    tracemalloc.start()
    code_of(lambda: (streams.npz(path)["x"] if name == "mine.npz" else streams.idx_file(path)).read(), name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What does not end by then fails."""

    def ring(*_: object) -> None:
        raise AssertionError(f"it takes more than {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    "head",
    [
        header((-2, -3)),
        header((0, 2**62, 2**62)),
        header((0, 2**80)),
        header((1,) * 70),
        header((3,), "|S0"),
        header((3,), "|V0"),
        header((True, 6)),
        header((6,), "<i4").replace("'<i4'", "('<i4', (2, 3))"),
        header((6,), "u1,,"),
        header((6,)).replace("'|u1'", "()"),
        header((6,)).replace("'|u1'", "[('a', 'u1'), ('a', 'u1')]"),
        "{1: 2, 'shape': 3}",
        "{[]: 2}",
        "{'descr': '''",
        "(" * 90,
        "-" * 9_000 + "1",
        "'\\d'",
        "1()",
        "",
    ],
)
def test_a_header_that_no_array_has_is_refused(head: str, tmp_path: Path):
    path = tmp_path / "mine.npz"
    for body in (b"", b"1", b"123456", b"123456" * 24):
        path.write_bytes(archive(x=npy(body, head)))
        with within(10):
            code = read_or_code(lambda: streams.npz(path)["x"].read())
        assert code in ("array-damaged", "array-length"), body


@pytest.mark.parametrize("head", [header((6,)).replace("6,", "6L,"), header((6,), "a1")])
def test_a_header_of_python_2_or_an_old_numpy_brings_no_warning(head: str, tmp_path: Path):
    (tmp_path / "mine.npz").write_bytes(archive(x=npy(b"123456", head)))
    try:
        array = streams.npz(tmp_path / "mine.npz")["x"].read()
    except TizaError as error:
        assert error.code == "array-damaged"  # noqa: PT017  (either is right)
    else:
        assert array.tobytes() == b"123456"


def test_an_array_without_bytes_is_read_at_once(tmp_path: Path):
    (tmp_path / "mine.npz").write_bytes(archive(x=npy(b"", header((2**50, 0)))))
    with within(10):
        assert read_or_code(lambda: streams.npz(tmp_path / "mine.npz")["x"].read()) in (None, "array-length")


# --- files that change, and paths that lead to none


@pytest.mark.parametrize("by", ["more bytes", "another zip", "no zip", "nothing", "removed"])
@pytest.mark.parametrize("how", ["read", "pieces", "on disk"])
def test_an_npz_that_changes_after_its_headers_is_told(by: str, how: str, tmp_path: Path, large: Path):
    path = tmp_path / "mine.npz"
    path.write_bytes(npz(x=GREY, y=Y))
    stream = streams.npz(path)["x"]
    match by:
        case "removed":
            path.unlink()
        case "more bytes":
            path.write_bytes(path.read_bytes() + b"more")
        case _:
            path.write_bytes({"another zip": npz(z=TABLE), "no zip": b"no zip at all", "nothing": b""}[by])
    read = {"read": stream.read, "pieces": lambda: [*stream.pieces()], "on disk": lambda: streams.on_disk(stream, None)}
    assert code_of(read[how], "mine.npz") == "source-changed"


@pytest.mark.parametrize("pack", [bytes, lambda content: gzip.compress(content, mtime=0)], ids=["plain", "gz"])
@pytest.mark.parametrize(
    "by",
    [b"", b"another", gzip.compress(IMAGES[:50]), IMAGES + b"more", ZIPPED[:12]],
    ids=["nothing", "another", "a shorter gz", "more bytes", "a cut gz"],
)
@pytest.mark.parametrize("how", ["read", "on disk"])
def test_an_idx_file_that_changes_after_its_header_is_told(
    pack: Callable[[bytes], bytes], by: bytes, how: str, tmp_path: Path, large: Path
):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(pack(IMAGES))
    stream = streams.idx_file(path)
    path.write_bytes(by)
    assert (
        code_of(stream.read if how == "read" else lambda: streams.on_disk(stream, None), path.name) == "source-changed"
    )


def test_a_file_that_changes_between_two_pieces_is_told(tmp_path: Path, large: Path):
    path = tmp_path / "mine.npz"
    path.write_bytes(archive(zipfile.ZIP_STORED, x=npy(GREY)))
    pieces = streams.npz(path)["x"].pieces()
    next(pieces)
    time.sleep(0.01)  # more than the grain of the clock that files are stamped with
    with path.open("r+b") as file:
        file.seek(3_000)
        file.write(b"other")
    assert code_of(lambda: next(pieces), "mine.npz") == "source-changed"


def test_a_file_that_is_cut_while_it_is_learnt_from_is_told(tmp_path: Path, large: Path):
    path = tmp_path / "mine.npz"
    np.savez(path, x=GREY, y=Y)
    data = tiza.load(path)
    os.truncate(path, 2_000)
    assert code_of(lambda: data.train.x[:10], "mine.npz") == "source-changed"


def picture(path: Path) -> Path:
    Image.fromarray(GREY[0]).save(path)
    return path


def linked(path: Path) -> Path:
    path.symlink_to(path)
    return path


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (lambda folder: folder / "mine.npz", "source-missing"),
        (lambda folder: str(folder / "mine.npz"), "source-missing"),
        (lambda folder: Data(name="npz", path=str(folder / "mine.npz")), "source-missing"),
        (lambda folder: folder / "no-folder" / "train-images-idx3-ubyte", "source-missing"),
        (lambda folder: Data(name="idx", path=str(folder / "mine")), "idx-partner"),
        (lambda folder: Data(name="idx", path=str(folder / "no-folder" / "mine")), "source-missing"),
        (lambda folder: picture(folder / "mine.png"), "source-picture"),
        (lambda folder: picture(folder / "mine.jpg"), "source-picture"),
        (lambda folder: Data(name="npz", path=str(folder)), "source-unreadable"),
        (lambda folder: Data(name="npz", path=str(linked(folder / "mine.npz"))), "source-unreadable"),
        (lambda folder: linked(folder / "mine.npz"), "source-missing"),
    ],
)
def test_a_path_that_leads_to_no_arrays_is_told(source: Callable[[Path], Any], code: str, tmp_path: Path):
    assert code_of(lambda: tiza.load(source(tmp_path)), tmp_path.name) == code


def test_a_folder_called_npz_is_a_folder(tmp_path: Path):
    folder = tmp_path / "x.npz"
    folder.mkdir()
    assert files.named(folder) == {"name": "folder", "path": str(folder)}
    assert code_of(lambda: tiza.load(folder), "x.npz") == "no-pictures"
    write(folder, train_images=IMAGES, train_labels=LABELS)
    assert files.named(folder) == {"name": "idx", "path": str(folder)}
    assert tiza.load(folder).fingerprint == tiza.load((GREY, Y)).fingerprint


def test_a_name_comes_before_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "digits", train_images=IMAGES, train_labels=LABELS)
    (tmp_path / "mine").write_bytes(npz(x=GREY, y=Y))
    (tmp_path / "mine.npz").write_bytes(npz(x=GREY, y=Y))
    (tmp_path / "mine.csv").write_text("a,b\n1,2\n")
    (tmp_path / "table.csv.gz").write_bytes(ZIPPED)
    (tmp_path / "t10k-labels.idx1-ubyte").write_bytes(b"no IDX file")
    (tmp_path / "link.npz").symlink_to(tmp_path / "mine.npz")
    (tmp_path / "damaged.npz").write_bytes(b"")
    for source, wanted in {
        "digits": {"name": "digits"},
        "external": {"name": "external"},
        "nothing": {"name": "nothing"},
        "./digits": {"name": "idx", "path": str(tmp_path / "digits")},
        Path("digits"): {"name": "idx", "path": str(tmp_path / "digits")},
        "mine.npz": {"name": "npz", "path": str(tmp_path / "mine.npz")},
        "link.npz": {"name": "npz", "path": str(tmp_path / "link.npz")},
        "damaged.npz": {"name": "npz", "path": str(tmp_path / "damaged.npz")},
        "mine": {"name": "folder", "path": str(tmp_path / "mine")},
        "mine.csv": {"name": "csv", "path": str(tmp_path / "mine.csv")},
        "t10k-labels.idx1-ubyte": {"name": "idx", "path": str(tmp_path / "t10k-labels.idx1-ubyte")},
    }.items():
        assert files.named(source) == wanted
    assert code_of(lambda: files.named("table.csv.gz"), "table.csv.gz") == "source-packed"
    for source in ("nothing.npz", "no/thing", Path("nothing"), Path("iris")):
        assert code_of(lambda source=source: files.named(source), str(source)) == "source-missing"


def test_an_empty_name_is_not_the_folder_that_one_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(write(tmp_path / "mine", train_images=IMAGES, train_labels=LABELS))
    assert code_of(lambda: tiza.load("")) == "unknown"


@pytest.mark.parametrize("name", ["x" * 300, "x" * 300 + ".npz", "mine.npz\0"])
def test_a_name_that_no_file_has_is_told(name: str, tmp_path: Path):
    assert code_of(lambda: tiza.load(name)) in ("unknown", "source-missing", "source-unreadable")
    assert code_of(lambda: tiza.load(tmp_path / name)) in ("source-missing", "source-unreadable")


def test_a_pipe_is_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "mine.npz")
    with within(5):
        assert code_of(lambda: files.named(tmp_path / "mine.npz"), "mine.npz") == "source-unknown"


# --- whatever bytes: an array or one sentence


def read_or_code(read: Callable[[], object]) -> str | None:
    """Read arrays; the code of the one error that may come of it, which has a sentence in every language."""
    try:
        read()
    except TizaError as error:
        for language in LANGUAGES:
            set_language(language)
            assert str(error)  # noqa: PT017
        return error.code
    finally:
        set_language(None)
    return None


NPZ_CODES = (None, "array-damaged", "array-length", "array-objects", "bomb")


def read_npz(path: Path) -> None:
    for stream in streams.npz(path).values():
        array = stream.read()
        assert (array.shape, array.dtype, array.nbytes) == (stream.shape, stream.dtype, stream.nbytes)


EDITS = st.binary(max_size=30)  # drawn in one piece, which is many times faster than a list of edits


def edited(content: bytes, edits: bytes) -> bytes:
    """The content with some bytes taken out and others put in, wherever each six bytes of ``edits`` say."""
    for start in range(0, len(edits) - 3, 6):
        edit = edits[start : start + 6]
        first = int.from_bytes(edit[:2], "big") % (len(content) + 1)
        content = content[:first] + edit[3 : 3 + edit[2] % 4] + content[first + edit[2] // 4 % 4 :]
    return content


@pytest.fixture(scope="module")
def spot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the file that is read."""
    return tmp_path_factory.mktemp("spot")


SMALL = {"x": GREY[:6, :2, :2], "y": NAMES[:6]}
VALID = [
    npz(**SMALL),
    archive(zipfile.ZIP_STORED, x=npy(SMALL["x"]), y=npy(TABLE[:3])),
    archive(zipfile.ZIP_BZIP2, x=npy(SMALL["x"])),
    archive(zipfile.ZIP_LZMA, x=npy(SMALL["x"])),
]


@settings(max_examples=10_000, deadline=None)
@given(which=st.integers(0, len(VALID)), edits=EDITS)
def test_an_npz_of_changed_bytes_is_read_or_refused(spot: Path, which: int, edits: bytes):
    path, made = spot / "mine.npz", spot / "made"
    content = VALID[which] if which < len(VALID) else npz(x=np.array([Trap(made)], object), y=Y[:1])
    path.write_bytes(edited(content, edits))
    with within(10):
        assert read_or_code(lambda: read_npz(path)) in NPZ_CODES
    assert not made.exists()


def shapes(sizes: list[int], most: int) -> list[tuple[int, ...]]:
    """Every tuple of up to ``most`` of the sizes."""
    return [shape for n in range(most + 1) for shape in product(sizes, repeat=n)]


ITEMS = {
    "'|u1'": 1, "'<f4'": 4, "'>i8'": 8, "'|b1'": 1, "'<U3'": 12, "'|S2'": 2, "'<c16'": 16, "'<M8[s]'": 8, "'|V3'": 3,
    "'|S0'": 0, "'<U0'": 0, "'|V0'": 0, "'|O'": 8, "'a1'": 1, "'T'": 16, "[('a', '<i4')]": 4, "[('a', '|O')]": 8,
    "[('a', '<i4', (2, 2))]": 16, "('<i4', (2, 3))": 24, "('|u1', (0,))": 0, "'u1,,'": 1, "'(2,)u1'": 2, "()": 1,
    "[]": 0, "None": 8, "7": 1, "'f16'": 16, "'S9999999999'": 1, "[('', '|u1')]": 1, "{'a': 1}": 1, "b'|u1'": 1,
}  # fmt: skip
SIZES = [0, 1, 2, 3, 64, 255, -1, -2, 2**31, 2**32, 2**50, 2**63, 2**64, 10**30]
ODD = ["3", "[2, 3]", "(2L, 3L)", "(True, 2)", "(2.0,)", "None", "(0, -1)", f"({'1, ' * 70})", f"({'0, ' * 66})"]
SHAPES = [*shapes(SIZES, 2), *shapes([0, 1, 2, 3, 2**62], 3), *shapes([1, 2, 3], 4) * 12, *ODD * 20]
LAYOUTS = [*product([*ITEMS, *[*ITEMS][:9] * 4], ["True", "False", "False", "0"])]


def usual() -> st.SearchStrategy[str]:
    """Most of what is drawn has the form of a header, and much of that is one."""
    return st.builds(
        lambda layout, shape: f"{{'descr': {layout[0]}, 'fortran_order': {layout[1]}, 'shape': {shape}, }}",
        st.sampled_from(LAYOUTS), st.sampled_from(SHAPES),
    )  # fmt: skip


HEADS = st.one_of(
    *(usual() for _ in range(8)),  # the same one eight times would count once
    st.dictionaries(
        st.sampled_from(["'descr'", "'fortran_order'", "'shape'", "1", "None", "()", "'x'", "[]"]),
        st.sampled_from([*ITEMS, "True", "False", *ODD]), max_size=4,
    ).map(lambda fields: "{" + ", ".join(f"{key}: {value}" for key, value in fields.items()) + "}"),
    st.text(st.sampled_from("{}()[]'\",:\\ \n0123456789-+*jLuefdscrx#\0é"), max_size=40),
)  # fmt: skip


def size_of(head: str) -> int:
    """How many bytes the values of a header made as above would take, where they are few: it must be right too."""
    items = next((n for descr, n in ITEMS.items() if f"'descr': {descr}, " in head), 1)
    shape = head.rpartition("'shape': ")[2].strip("}, ")
    try:
        sizes = [int(size) for size in shape.strip("()[]").replace("L", "").split(",") if size.strip()]
    except ValueError:
        sizes = [2]
    total = int(np.prod([float(n) for n in (*sizes, items)]))
    return total if 0 <= total <= 5_000 else 12


PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@settings(max_examples=10_000, deadline=None)
@given(
    head=HEADS,
    edits=st.one_of(st.just(b""), st.just(b""), st.just(b""), EDITS),
    how=st.sampled_from([*product((0, 0, 0, 0, 0, 1, -1), ((1, 0), (1, 0), (1, 0), (2, 0), (3, 0)), PACKED)]),
)
def test_any_header_in_a_whole_npz_is_read_or_refused(
    spot: Path, head: str, edits: bytes, how: tuple[int, tuple[int, int], int]
):
    path, (off, version, kind) = spot / "mine.npz", how
    text = edited(head.encode("latin-1"), edits).decode("latin-1")
    body = bytes(max(0, size_of(head) + off))
    path.write_bytes(archive(kind, x=npy(body, text, version=version)))
    with within(10):
        assert read_or_code(lambda: read_npz(path)) in NPZ_CODES


IDX_HEADS = st.builds(
    lambda kind, sizes: bytes([0, 0, kind, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes),
    st.sampled_from([8, 9, 0x0B, 0x0C, 0x0D, 0x0E, 0x0A]),
    st.sampled_from([*shapes([0, 1, 2, 3, 2**16, 2**31, 2**32 - 1], 3), *shapes([0, 1, 2, 2**32 - 1], 5)]),
)


@settings(max_examples=10_000, deadline=None)
@given(
    head=st.one_of(st.just(idx_bytes(GREY[:3])[:16]), IDX_HEADS),
    body=st.one_of(st.just(GREY[:3].tobytes()), st.binary(max_size=64)),
    edits=EDITS,
    again=EDITS,
    packed=st.sampled_from([True, True, True, False]),
)
def test_an_idx_file_of_changed_bytes_is_read_or_refused(
    spot: Path,
    head: bytes,
    body: bytes,
    edits: bytes,
    again: bytes,
    packed: bool,
):
    path = spot / "train-images-idx3-ubyte"
    content = edited(head + body, edits)
    path.write_bytes(edited(gzip.compress(content, 1) if packed else content, again))

    def read() -> None:
        stream = streams.idx_file(path)
        array = stream.read()
        assert (array.shape, array.dtype, array.nbytes) == (stream.shape, stream.dtype, stream.nbytes)

    with within(10):
        assert read_or_code(read) in (None, "idx-magic", "idx-length", "array-length", "array-damaged", "bomb")
