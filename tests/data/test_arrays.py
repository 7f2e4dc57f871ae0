"""tiza.data.arrays: from the arrays of train, valid and test to samples of one scale and numbered classes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import tiza
from tiza.config import Data
from tiza.data.arrays import Part, from_arrays
from tiza.data.dataset import Raw, divide
from tiza.data.rows import Rows
from tiza.errors import TizaError
from tiza.i18n import LANGUAGES, set_language

RNG = np.random.default_rng(0)
Y = np.arange(12) % 3
X = RNG.normal(size=(12, 4)).astype(np.float32)
GREY = RNG.integers(0, 256, (12, 5, 6)).astype(np.uint8)
GREY[0, 0, :2] = 0, 255
NAMES = np.array(["red", "blue", "green"])[Y]


def part(x: Any, labels: Any, split: str = "train") -> Part:
    return Part(np.asarray(x), np.asarray(labels), f"mine: x_{split}", f"mine: y_{split}")


def arrays(train: tuple[Any, Any], classes: tuple[str, ...] | None = None, **others: tuple[Any, Any]) -> Raw:
    """What the splits hand over."""
    return from_arrays({split: part(*pair, split) for split, pair in {"train": train, **others}.items()}, classes)


def labelled(labels: Any, classes: tuple[str, ...] | None = None, **others: Any) -> Raw:
    """The same with any samples."""
    splits = {split: (np.zeros((len(y), 2)), y) for split, y in {"train": labels, **others}.items()}
    return arrays(splits.pop("train"), classes, **splits)


def refused(make: Any, *words: str) -> str:
    """The code of the error, whose sentence has the words in every language."""
    with pytest.raises(TizaError) as caught:
        make()
    for language in LANGUAGES:
        set_language(language)
        sentence = str(caught.value).replace("«", "“").replace("»", "”")
        assert all(word in sentence for word in words)
    return caught.value.code


# --- labels and classes


@pytest.mark.parametrize(
    ("labels", "classes", "numbers"),
    [
        ([0, 1, 2, 1], ("0", "1", "2"), [0, 1, 2, 1]),
        ([3, 2, 3, 2], ("2", "3"), [1, 0, 1, 0]),
        ([2, 10, 2, 10] * 3, ("2", "10"), [0, 1, 0, 1] * 3),
        (["2", "10", "2", "10"], ("10", "2"), [1, 0, 1, 0]),
        ([1.0, 0.0, 1.0, 0.0], ("0", "1"), [1, 0, 1, 0]),
        (np.array([[1], [0], [1]]), ("0", "1"), [1, 0, 1]),
        (np.array([["b"], ["a"], ["b"]]), ("a", "b"), [1, 0, 1]),
        (np.array([1, 0, 1], np.uint8), ("0", "1"), [1, 0, 1]),
        (np.array([1, 0, 1], ">i2"), ("0", "1"), [1, 0, 1]),
        ([True, False, True], ("False", "True"), [1, 0, 1]),
        (["b", "a", "B"], ("B", "a", "b"), [2, 1, 0]),
        ([b"b", b"a", b"b"], ("a", "b"), [1, 0, 1]),
        (["ñandú", "año", "ñandú"], ("año", "ñandú"), [1, 0, 1]),
        (["ñandú".encode(), "año".encode(), "ñandú".encode()], ("año", "ñandú"), [1, 0, 1]),
        (np.array(["x", 1, "x"], object), ("1", "x"), [1, 0, 1]),
        (np.array(["2026-01-02", "2025-01-02", "2026-01-02"], "M8[D]"), ("2025-01-02", "2026-01-02"), [1, 0, 1]),
    ],
)
def test_labels_become_classes_in_order(labels: Any, classes: tuple[str, ...], numbers: list[int]):
    raw = labelled(labels)
    assert raw.classes == classes
    assert raw.y.tolist() == numbers
    assert raw.y.dtype == np.int64


@pytest.mark.parametrize(("labels", "told"), [([0, 1, 2], 0), ([1, 2, 3, 3], 1), (["1", "2"], 0), ([0, 2, 2], 1)])
def test_numbers_that_change_are_told(labels: list[Any], told: int):
    raw = labelled(labels)
    assert [note.code for note in raw.notes] == ["labels-renumbered"] * told
    for language in LANGUAGES:
        set_language(language)
        assert all(", ".join(raw.classes) in str(note) for note in raw.notes)


VALUES = st.one_of(
    st.lists(st.integers(0, 9), min_size=10, max_size=30),
    st.lists(st.text(min_size=1, max_size=3).filter(lambda name: "\0" not in name), min_size=2, max_size=30),
)


@settings(max_examples=500, deadline=None)
@given(values=VALUES, data=st.data())
def test_every_label_is_the_name_of_its_class(values: list[Any], data: st.DataObject):
    test = data.draw(st.lists(st.sampled_from(values), min_size=1, max_size=9))
    test_labels = np.array(test, np.asarray(values).dtype)
    raw = labelled(values, test=test_labels, valid=np.array(values[:2]))
    assert list(raw.classes) == [str(value) for value in sorted(set(values))]
    assert raw.test is not None
    assert isinstance(raw.valid, tuple)
    for given_labels, numbers in ((values, raw.y), (test, raw.test[1]), (values[:2], raw.valid[1])):
        assert [raw.classes[number] for number in numbers] == [str(label) for label in given_labels]


@pytest.mark.parametrize(
    ("train", "test", "numbers"),
    [([5, 3, 5, 7, 9, 9, 9, 9, 9, 9], [7, 7, 3], [2, 2, 0]), (["b", "a", "c"], ["c", "a"], [2, 0])],
)
def test_the_classes_of_every_split_are_those_of_train(train: list[Any], test: list[Any], numbers: list[int]):
    raw = labelled(train, valid=train[:1], test=np.array(test, np.asarray(train).dtype))
    assert raw.test is not None
    assert raw.test[1].tolist() == numbers
    assert raw.test[1].dtype == np.int64


@pytest.mark.parametrize("split", ["valid", "test"])
@pytest.mark.parametrize(
    ("train", "other", "row", "label"),
    [
        ([0, 1, 1], [0, 1, 2, 3], "2", "2"),
        ([0, 1, 1], [-1], "0", "-1"),
        ([3, 5, 3, 5, 5, 5], [3, 4], "1", "4"),
        (["a", "b"], ["b", "A"], "1", "A"),
        (["0", "1"], [0, 1], "0", "0"),
        ([0, 1], ["0", "1"], "0", "0"),
        ([True, False], [1, 0], "0", "1"),
    ],
)
def test_a_label_that_train_has_not_is_told(train: list[Any], other: list[Any], row: str, label: str, split: str):
    assert refused(lambda: labelled(train, **{split: other}), f"mine: y_{split}", row, f"“{label}”") == "label-unseen"


@pytest.mark.parametrize(
    ("labels", "code", "words"),
    [
        ([0, 1, 0.5], "label-value", ["2", "0.5"]),
        ([0, np.inf, 1], "label-value", ["1", "inf"]),
        ([0, 1, np.nan], "label-value", ["2", "nan"]),
        ([0, -1, 1], "label-range", ["1", "-1", "mine: y_train"]),
        ([0, 1, 900], "label-range", ["2", "900", "mine: y_train"]),
        ([0, 3], "label-range", ["1", "3"]),
        (np.eye(3), "label-shape", ["3×3"]),
        (np.zeros((4, 1, 1)), "label-shape", ["4×1×1"]),
        (np.zeros((4, 0)), "label-shape", ["4×0"]),
        (["a", None, "b"], "label-missing", ["1"]),
        (np.array(["a", "b", np.nan], object), "label-missing", ["2"]),
        (np.array(["2026-01-02", "NaT"], "M8[D]"), "label-missing", ["1"]),
    ],
)
@pytest.mark.parametrize("split", ["train", "test"])
def test_what_can_not_be_a_label_is_told_by_its_row(labels: Any, code: str, words: list[str], split: str):
    labels = np.asarray(labels)
    if split == "test":
        good = ["a", "b"] if labels.dtype.kind in "OM" else [0, 1]
        code = "label-unseen" if code == "label-range" else code
        words = [word for word in words if "train" not in word]
    made = {"train": labels} if split == "train" else {"train": good, "test": labels}
    assert refused(lambda: labelled(made.pop("train"), **made), *words) == code


@pytest.mark.parametrize(
    ("labels", "word"),
    [
        ([0, 1, 1e300], "1e+300"),
        ([0, 1, -(2.0**70)], "-1.18059"),
        (np.array([0, 1, 2**63 + 5], np.uint64), str(2**63 + 5)),
    ],
)
@pytest.mark.parametrize("split", ["train", "test"])
def test_a_label_beyond_all_integers_is_told_as_it_is(labels: Any, word: str, split: str):
    made = {"train": labels} if split == "train" else {"train": [0, 1], "test": labels}
    code = refused(lambda: labelled(made.pop("train"), **made), "2", word)
    assert code in ("label-value", "label-range", "label-unseen")


@pytest.mark.parametrize(
    "labels",
    [
        np.zeros(4, "V3"),
        np.zeros(4, [("a", "i4"), ("b", "f4")]),
        np.array([b"\xff\xfe", b"a", b"b", b"a"]),
        np.array([{}, [], (), 7], object),
        np.array([[1, 2], 3, "a", 3], object),
        np.array([0, 1, 2j, 1]),
    ],
    ids=["bytes of no meaning", "records", "bytes of no text", "objects", "nested", "complex"],
)
def test_strange_labels_are_names_or_refused(labels: np.ndarray):
    try:
        raw = labelled(labels)
    except TizaError:
        return
    assert len(raw.y) == 4
    assert all(isinstance(name, str) and name for name in raw.classes)


@pytest.mark.parametrize(
    ("train", "classes", "numbers"),
    [
        (["b", "a", "b"], ("b", "a"), [0, 1, 0]),
        (["b", "a", "b"], ("a", "none", "b"), [2, 0, 2]),
        ([1, 0, 1], ("zero", "one"), [1, 0, 1]),
        ([1, 0, 1], ("zero", "one", "two"), [1, 0, 1]),
    ],
)
def test_classes_that_are_given_are_kept_in_their_order(train: list[Any], classes: tuple[str, ...], numbers: list[int]):
    raw = labelled(train, classes, test=train[::-1])
    assert raw.test is not None
    assert raw.classes == classes
    assert raw.y.tolist() == numbers
    assert raw.test[1].tolist() == numbers[::-1]
    assert raw.notes == ()


def test_a_name_that_is_none_of_the_classes_given_is_told():
    assert refused(lambda: labelled(["cat", "dog"], ("cats", "dog")), "cats") == "unknown"
    assert refused(lambda: labelled(["a", "b"], ("a", "b"), test=["c"]), "mine: y_test", "“c”") == "label-unseen"


# --- samples


@pytest.mark.parametrize(
    ("train", "test", "wanted"),
    [
        (GREY, GREY, GREY),
        (GREY / 255, GREY / 255, GREY),
        (GREY / 255, GREY[:3] / 255, GREY[:3]),
        (GREY.astype(np.float32), GREY / np.float32(2), np.rint(GREY / 2)),
        (GREY / 127.5 - 1, GREY[3:] / 127.5 - 1, GREY[3:]),
        (GREY / 255, GREY / 255 * 2, np.minimum(GREY * 2.0, 255)),
        (GREY / 255, GREY / 255 - 0.5, np.maximum(np.rint(GREY - 127.5), 0)),
        (GREY.astype(np.uint16) * 257, GREY[:4].astype(np.uint16) * 257, GREY[:4]),
        (GREY > 100, GREY[:4] > 100, (GREY[:4] > 100) * 255),
    ],
)
def test_the_images_of_test_are_stretched_as_those_of_train(train: np.ndarray, test: np.ndarray, wanted: np.ndarray):
    raw = arrays((train, Y), test=(test, Y[: len(test)]), valid=(train, Y))
    assert raw.test is not None
    assert isinstance(raw.valid, tuple)
    np.testing.assert_array_equal(raw.valid[0], raw.x)
    assert isinstance(raw.test[0], np.ndarray)
    assert raw.test[0].dtype == np.uint8
    assert np.abs(raw.test[0][:, 0].astype(int) - wanted).max() <= (1 if wanted.dtype.kind == "f" else 0)


@pytest.mark.parametrize(
    ("images", "scale"),
    [
        (GREY, None),
        (GREY.astype(np.int64), None),
        (GREY / 255, [0.0, 1.0]),
        (GREY / 127.5 - 1, [-1.0, 1.0]),
        (GREY.astype(np.int16) * 4, [0.0, 1020.0]),
        (GREY + 300.0, [0.0, 555.0]),
        (-1.0 - GREY, [-256.0, 0.0]),
        (GREY > 100, [0.0, 1.0]),
        (np.zeros((12, 5, 6)), [0.0, 0.0]),
    ],
)
def test_the_form_keeps_the_scale_that_images_were_stretched_from(images: np.ndarray, scale: list[float] | None):
    raw = arrays((images, Y))
    assert raw.form.get("scale") == scale
    assert {key: raw.form[key] for key in ("form", "channels", "height", "width")} == {
        "form": "image", "channels": 1, "height": 5, "width": 6,
    }  # fmt: skip
    assert raw.features == ()


def test_a_table_has_features_and_no_form():
    raw = arrays((X.astype(np.float64), Y), test=(X[:5].astype(np.float16), Y[:5]))
    assert raw.features == ("x1", "x2", "x3", "x4")
    assert raw.form == {}
    assert raw.test is not None
    assert isinstance(raw.test[0], np.ndarray)
    assert raw.x.dtype == raw.test[0].dtype == np.float32
    np.testing.assert_array_equal(raw.x, X)


@pytest.mark.parametrize("split", ["valid", "test"])
@pytest.mark.parametrize(
    ("train", "other", "code", "words"),
    [
        (GREY, GREY[:, 1:], "shapes-differ", ["1×4×6", "1×5×6"]),
        (GREY, np.stack([GREY] * 3, 1), "shapes-differ", ["3×5×6", "1×5×6"]),
        (X, X[:, :3], "shapes-differ", ["3", "4"]),
        (X, GREY, "sample-shape", ["12×5×6"]),
        (GREY, X, "sample-shape", ["12×4"]),
        (GREY / 255, np.where(GREY == 7, np.nan, GREY / 255), "not-finite", []),
        (GREY, GREY.astype(complex), "sample-shape", ["complex128"]),
        (X, X.astype("M8[s]"), "sample-shape", ["datetime64"]),
        (X, X[:, 0], "sample-shape", ["12"]),
    ],
)
def test_samples_of_another_kind_than_train_are_told(
    train: np.ndarray, other: np.ndarray, code: str, words: list[str], split: str
):
    name = [] if code == "sample-shape" else [f"mine: x_{split}"]
    assert refused(lambda: arrays((train, Y), **{split: (other, Y)}), *words, *name) == code


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_array])
def test_a_sparse_matrix_is_told_with_the_way_to_a_dense_one(kind: Any):
    for source in ((kind(X), Y), (X, kind(Y[:, None]))):
        with pytest.raises(TizaError, match=r"\.toarray\(\)") as caught:
            tiza.load(source)
        assert caught.value.code == "source-sparse"


def test_what_numpy_takes_for_one_thing_is_no_column():
    with pytest.raises(TizaError, match="set") as caught:
        tiza.load((X, {0, 1, 2}))
    assert caught.value.code == "source"


def test_samples_in_a_file_are_left_there(tmp_path: Path):
    (tmp_path / "rows").write_bytes(GREY.tobytes())
    x = Rows(tmp_path / "rows", 12, (1, 5, 6), np.dtype(np.uint8))
    parts: Mapping[str, Part] = {"train": Part(x, NAMES), "test": Part(x.take([3, 1]), NAMES[[3, 1]])}
    raw = from_arrays(parts, scale=(0.0, 1.0))
    assert raw.x is x
    assert raw.test is not None
    assert raw.test[0] is parts["test"].x
    assert raw.form == {"form": "image", "channels": 1, "height": 5, "width": 6, "scale": [0.0, 1.0]}
    in_memory = arrays((GREY, NAMES), test=(GREY[[3, 1]], NAMES[[3, 1]]))
    there, here = (divide(one, Data(name="external", valid=3)) for one in (raw, in_memory))
    assert there.fingerprint == here.fingerprint
    assert there.test.digest == here.test.digest
    assert there.train.digest() == here.train.digest()


def test_a_table_in_a_file_has_features(tmp_path: Path):
    (tmp_path / "rows").write_bytes(X.tobytes())
    raw = from_arrays({"train": Part(Rows(tmp_path / "rows", 12, (4,), X.dtype), Y)})
    assert raw.features == ("x1", "x2", "x3", "x4")
    assert raw.form == {}
