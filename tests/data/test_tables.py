"""tiza.data.tables: named columns become numbers, or the cell at fault is named; rows are encoded by a model's form."""

import csv
import io
import operator
import random
import re
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris

import tiza
from tiza.data.dataset import Dataset, Raw
from tiza.data.delimited import parse_csv
from tiza.data.tables import Place, encode, expanded, from_table, numbers
from tiza.errors import RequestError, TizaError
from tiza.i18n import set_language
from tiza.storage import TizaWarning

WINE = Path(__file__).parents[1] / "files" / "winequality-red.csv"
LINE = {"en": "line {}", "es": "línea {}"}
COLUMN = {"en": "column “{}”", "es": "columna «{}»"}
ROW = {"en": "row {}", "es": "fila {}"}
N = np.arange(40)


@pytest.fixture(scope="module")
def wine() -> pd.DataFrame:
    return pd.read_csv(WINE, sep=";")


def loaded(tmp_path: Path, content: bytes | str, **options: object) -> Dataset:
    path = tmp_path / "table.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return tiza.load(path, **options)  # type: ignore[arg-type]


def whole(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """All samples and labels in the order of the file."""
    places = np.concatenate([data.origin[split][1] for split in ("train", "valid", "test")])
    x = np.concatenate([data.look(split).x.numpy() for split in ("train", "valid", "test")])
    y = np.concatenate([data.look(split).y.numpy() for split in ("train", "valid", "test")])
    return x[np.argsort(places)], y[np.argsort(places)]


def table(changes: dict[int, str] | None = None, *, head: str = "alcohol,colour,sugar,kind") -> str:
    """A good table of 40 rows, in lines 2 to 41, some of its lines (or the head, 1) put in other words."""
    rows = [f"{9 + i * 37 % 41 / 8},{'red' if i % 3 else 'white'},{i * i % 17},{['dry', 'sweet'][i % 2]}" for i in N]
    lines = dict(enumerate([head, *rows], 1)) | (changes or {})
    return "".join(f"{lines[number]}\n" for number in sorted(lines))


def codes(data: Dataset) -> list[str]:
    return [note.code for note in data.notes]


# ── values and labels ────────────────────────────────────────────────────────────────────────────────────────────────


def test_wine_is_what_pandas_reads(wine: pd.DataFrame):
    data = tiza.load(WINE, target="quality")
    x, y = whole(data)
    np.testing.assert_array_equal(x, wine.drop(columns="quality").to_numpy(np.float32))
    np.testing.assert_array_equal(np.array(data.classes, int)[y], wine["quality"])
    assert data.features == tuple(wine.columns[:-1])
    assert data.classes == ("3", "4", "5", "6", "7", "8")
    assert data.target is not None
    assert data.target.name == "quality"
    np.testing.assert_array_equal(data.target.values, wine["quality"])


def test_iris_from_a_file_is_scikit_learns(tmp_path: Path):
    bunch: Any = load_iris(as_frame=True)
    frame = bunch.data.assign(species=bunch.target_names[bunch.target])
    data = loaded(tmp_path, frame.to_csv(index=False), target="species")
    x, y = whole(data)
    np.testing.assert_array_equal(x, bunch.data.to_numpy(np.float32))
    np.testing.assert_array_equal(y, bunch.target)
    assert data.fingerprint == tiza.load("iris").fingerprint


def test_each_column_is_described(wine: pd.DataFrame):
    data = tiza.load(WINE, target="quality")
    for column, name in zip(data.columns, wine.columns[:-1], strict=True):
        found = (column["name"], column["kind"], column["low"], column["high"], column["missing"])
        assert found == (name, "number", wine[name].min(), wine[name].max(), 0)
        assert column["mean"] == pytest.approx(wine[name].mean())


@pytest.mark.parametrize(
    "features", [["alcohol"], ["pH", "alcohol", "density"], ["density", "alcohol", "pH"]], ids=" ".join
)
def test_features_come_in_the_order_asked_for(features: list[str], wine: pd.DataFrame):
    data = tiza.load(WINE, target="quality", features=features)
    assert data.features == tuple(features)
    np.testing.assert_array_equal(whole(data)[0], wine[features].to_numpy(np.float32))
    assert [column["name"] for column in data.columns] == features


SIGNS = {
    ">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt, "==": operator.eq, "!=": operator.ne,
    "=": operator.eq,
}  # fmt: skip
OPPOSITE = {">=": "<", ">": "<=", "<=": ">", "<": ">=", "==": "!=", "!=": "==", "=": "!="}


@pytest.mark.parametrize(("column", "bound"), [("quality", "6"), ("alcohol", "9.5"), ("alcohol", "9,5")])
@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("space", ["", " "])
def test_two_classes_are_made_of_a_column(sign: str, column: str, bound: str, space: str, wine: pd.DataFrame):
    data = tiza.load(WINE, binarise=f"{column}{space}{sign}{space}{bound}")
    x, y = whole(data)
    np.testing.assert_array_equal(y, SIGNS[sign](wine[column], float(bound.replace(",", "."))))
    np.testing.assert_array_equal(x, wine.drop(columns=column).to_numpy(np.float32))
    assert data.classes == (f"{column}{OPPOSITE[sign]}{bound}", f"{column}{sign}{bound}")
    assert data.target is not None
    np.testing.assert_array_equal(data.target.values, wine[column])


@pytest.mark.parametrize(
    ("rule", "expected"), [("kind==dry", N % 2 == 0), ("kind != dry", N % 2), ("kind=dry", 1 - N % 2)]
)
def test_two_classes_are_made_of_a_column_of_names(rule: str, expected: np.ndarray, tmp_path: Path):
    data = loaded(tmp_path, table(), binarise=rule)
    np.testing.assert_array_equal(whole(data)[1], expected)


def test_a_target_may_be_named_with_its_binarising():
    assert tiza.load(WINE, target="quality", binarise="quality>=6").classes == ("quality<6", "quality>=6")


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        (["10", "9", "2"], ("2", "9", "10")),
        (["10.0", "9", "2.0"], ("2", "9", "10")),
        (["1,0", "0,0", "2,0"], ("0", "1", "2")),
        (["-1", "1", "0"], ("-1", "0", "1")),
        (["b", "a", "C"], ("C", "a", "b")),
        (["10", "9", "nine"], ("10", "9", "nine")),
        ([" x ", "y", "z"], ("x", "y", "z")),
        (["-0.0", "1", "2"], ("0", "1", "2")),
    ],
    ids=repr,
)
def test_classes_are_in_numeric_or_alphabetical_order(cells: list[str], classes: tuple[str, ...], tmp_path: Path):
    data = loaded(tmp_path, "a;t\n" + "".join(f"{i};{cells[i % 3]}\n" for i in N), target="t")
    assert data.classes == classes
    names = [cell.strip().replace(",", ".").removesuffix(".0").replace("-0", "0") for cell in cells]
    assert [data.classes[label] for label in whole(data)[1]] == [names[i % 3] for i in N]


def test_the_classes_asked_for_are_kept_in_their_order(wine: pd.DataFrame):
    data = tiza.load(WINE, target="quality", classes=["7", "5"])
    x, y = whole(data)
    kept = wine[wine["quality"].isin([5, 7])]
    assert data.classes == ("7", "5")
    np.testing.assert_array_equal(x, kept.drop(columns="quality").to_numpy(np.float32))
    np.testing.assert_array_equal(y, kept["quality"] == 5)
    assert data.target is not None
    np.testing.assert_array_equal(data.target.values, kept["quality"])


def test_a_limit_leaves_each_class_its_share(wine: pd.DataFrame):
    data = tiza.load(WINE, binarise="quality>=6", limit=400)
    x, y = whole(data)
    assert len(x) == 400
    share = (wine["quality"] >= 6).mean()
    assert abs(y.mean() - share) < 0.005
    there = Counter((*row[:-1], row[-1] >= 6) for row in wine.to_numpy(np.float32).tolist())
    drawn = Counter((*row, label == 1) for row, label in zip(x.tolist(), y, strict=True))
    assert drawn <= there


def test_the_scaler_is_measured_on_train_alone():
    data = tiza.load(WINE, target="quality")
    train = data.train.x.numpy().astype(np.float64)
    mean, deviation = (part.numpy() for part in data.scaling())
    np.testing.assert_allclose(mean, train.mean(0), rtol=1e-6)
    np.testing.assert_allclose(deviation, train.std(0), rtol=1e-6)
    everything = whole(data)[0].astype(np.float64)
    assert not np.allclose(mean, everything.mean(0), rtol=1e-5)


# ── categories ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_categories_are_pandas_dummies(tmp_path: Path):
    frame = pd.DataFrame(
        {
            "n": N * 37 % 41 / 8,
            "colour": np.array(["red", "white", "rosé"])[N % 3],
            "size": np.array(["XL", "m", "S", "10"])[N * 7 % 4],
            "t": N % 2,
        }
    )
    dummies = pd.get_dummies(frame.drop(columns="t"), columns=["colour", "size"], prefix_sep="=")
    for data in (loaded(tmp_path, frame.to_csv(index=False), target="t"), tiza.load(frame, target="t")):
        assert sorted(data.features) == sorted(dummies.columns)
        assert data.features[:3] == ("n", "colour=red", "colour=rosé")
        np.testing.assert_array_equal(whole(data)[0], dummies[list(data.features)].to_numpy(np.float32))
        assert data.columns[1]["categories"] == ["red", "rosé", "white"]
        assert codes(data) == ["one-hot", "one-hot"]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2", "3"], "number"),
        (["1,5", "2.5", "3"], "number"),
        (["+1", "-.5", "3e2"], "number"),
        (["1", "y", "x"], "category"),
        (["1.2.3", "1-2", "5 %"], "category"),
        (["0x1F", "1_000", "1 000"], "category"),
        (["True", "False", "true"], "category"),
    ],
    ids=repr,
)
def test_a_column_holds_numbers_or_categories(cells: list[str], kind: str):
    frame = pd.DataFrame({"a": cells * 10, "t": ["p", "q", "r"] * 10})
    assert from_table(frame, Place("f"), target="t").columns[0]["kind"] == kind


@pytest.mark.parametrize(
    ("different", "n", "code"),
    [(10, 12, None), (11, 20, "text-column"), (50, 100, None), (51, 100, "text-column"), (100, 400, None),
     (101, 400, "text-column")],
)  # fmt: skip
def test_a_category_has_several_rows_and_a_column_no_more_than_a_hundred(different: int, n: int, code: str | None):
    frame = pd.DataFrame({"a": [f"text {i % different}" for i in range(n)], "t": ["p", "q"] * (n // 2)})
    outcome = attempt(lambda: from_table(frame, Place("f"), target="t"))
    assert getattr(outcome, "code", None) == code
    if code is None:
        assert outcome.x.shape == (n, different)


@pytest.mark.parametrize("cells", [["1", "x"], ["1", "2", "x"], ["1,5", "x", "2", "y"]], ids=repr)
def test_a_column_of_which_half_are_numbers_is_no_category(cells: list[str]):
    frame = pd.DataFrame({"a": cells * 10, "t": ["p", "q"] * (5 * len(cells))})
    error = refused(frame, target="t")
    assert (error.code, error.fields["value"]) == ("cell-number", "x")


# ── DataFrames ───────────────────────────────────────────────────────────────────────────────────────────────────────

BASE = pd.DataFrame({"a": N * 37 % 41 / 8, "t": N % 2})
FRAMES = {
    "whole numbers": BASE.assign(b=N * N % 17),
    "float32": BASE.assign(b=(N / 7).astype(np.float32)),
    "float64 of many digits": BASE.assign(b=np.random.default_rng(0).lognormal(0, 5, 40)),
    "nullable": BASE.assign(b=pd.array(N % 5, dtype="Int64"), c=pd.array(N / 8, dtype="Float64")),
    "texts": BASE.assign(b=np.array(["x, y", 'the "z"', "two\nlines"])[N % 3]),
    "categories": BASE.assign(b=pd.Categorical(np.array(["low", "high"])[N % 2], ["low", "mid", "high"])),
    "categories of numbers": BASE.assign(b=pd.Categorical(N % 3)),
    "days": BASE.assign(b=pd.to_datetime(np.array(["2024-01-02", "2023-05-06"])[N % 2])),
    "numbers as texts": BASE.assign(b=[f"{i},5" for i in N]),
    "objects": BASE.assign(b=[str(i) if i % 2 else i for i in N]),
    "truth": BASE.assign(b=N % 3 == 0),
    "truth as objects": BASE.assign(b=(N % 3 == 0).astype(object)),
    "truth is the target": BASE.assign(t=N % 2 == 0),
    "target of floats": BASE.assign(t=N % 3 / 1.0),
    "target of names": BASE.assign(t=np.array(["no", "sí"])[N % 2]),
    "target of categories": BASE.assign(t=pd.Categorical(np.array(["no", "sí"])[N % 2])),
    "rows of any name": BASE.set_index(pd.Index(["x"] * 40)),
    "columns of numbers": BASE.rename(columns={"a": 0}),
}


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_data_frame_is_the_file_that_it_writes(kind: str, delimiter: str, tmp_path: Path):
    frame = FRAMES[kind]
    data = tiza.load(frame, target="t")
    again = loaded(tmp_path, frame.to_csv(index=False, sep=delimiter), target="t")
    assert (again.features, again.classes) == (data.features, data.classes)
    assert again.fingerprint == data.fingerprint
    assert [column["categories"] for column in again.columns] == [column["categories"] for column in data.columns]
    assert again.notes == data.notes


def test_wine_and_its_options_are_the_same_from_a_data_frame(wine: pd.DataFrame):
    for options in (
        {"target": "quality"},
        {"binarise": "alcohol>=10"},
        {"target": "quality", "features": ["pH", "alcohol"], "classes": ["6", "5"], "limit": 300},
    ):
        data, again = tiza.load(wine, **options), tiza.load(WINE, **options)  # type: ignore[arg-type]
        assert data.fingerprint == again.fingerprint
        assert len(data.train) == len(again.train)


@pytest.mark.parametrize("columns", [["a", "t"], [0, 1], [("a", 1), ("t", 2)]], ids=repr)
def test_the_users_data_frame_is_left_as_it_was(columns: list[object]):
    frame = BASE.set_axis(columns, axis=1)
    before = frame.copy()
    tiza.load(frame, target=str(columns[1]))
    pd.testing.assert_frame_equal(frame, before)


def test_columns_may_be_called_by_numbers():
    frame = BASE.set_axis([0, 1], axis=1)
    assert tiza.load(frame, target="1", features=[0]).features == ("0",)  # type: ignore[list-item]
    assert tiza.load(frame, target=1).features == ("0",)  # type: ignore[arg-type]


def test_complex_numbers_are_refused():
    assert refused(BASE.assign(b=N * (1 + 2j)), target="t").where is not None


# ── what can't be used ───────────────────────────────────────────────────────────────────────────────────────────────


def attempt(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except TizaError as error:
        return error


def refused(source: object, **options: object) -> TizaError:
    with pytest.raises(TizaError) as caught:
        tiza.load(source, **options)  # type: ignore[arg-type]
    return caught.value


def in_quotes(word: str, language: str) -> str:
    """The word in the quotation marks of the language, where it has any."""
    return word.replace("“", "«").replace("”", "»") if language == "es" else word


def rows(cell: Callable[[int], str], head: str = "a,b,t") -> str:
    return head + "\n" + "".join(f"{cell(i)}\n" for i in range(30))


KIND = {"target": "kind"}
T = {"target": "t"}
# content, options, code, line, words of the sentence
BAD: list[tuple[str, dict[str, object], str, int | None, tuple[str, ...]]] = [
    (table({3: "9,red,1"}), KIND, "ragged", 3, ()),
    (table({41: "9,red,1,dry,5"}), KIND, "ragged", 41, ()),
    (table({7: "9,red,abc,dry"}), KIND, "cell-number", 7, ("sugar", "abc")),
    (table({7: "9,red,1 2,dry", 5: "9,red,2-1,dry"}), KIND, "cell-number", 5, ("sugar", "2-1")),
    (table({7: f"9,red,{'9.' * 400},dry"}), KIND, "cell-number", 7, ("sugar", "9." * 19 + "9…")),
    (table({2: "inf,red,1,dry"}), KIND, "cell-number", 2, ("alcohol", "inf")),
    (table({2: "-Infinity,red,1,dry"}), KIND, "cell-number", 2, ("alcohol", "-Infinity")),
    (table({2: "1e300,red,1,dry"}), KIND, "cell-number", 2, ("alcohol", "1e300")),
    (table({2: "-3.5e38,red,1,dry"}), KIND, "cell-number", 2, ("alcohol", "-3.5e38")),
    (table({2: "1e999,red,1,dry"}), KIND, "cell-number", 2, ("alcohol", "1e999")),
    (table({2: ",red,1,dry"}), KIND, "cell-missing", 2, ("alcohol",)),
    (table({40: "9,red,  ,dry"}), KIND, "cell-missing", 40, ("sugar",)),
    (table({40: "9,red,NaN,dry"}), KIND, "cell-missing", 40, ("sugar",)),
    (table({40: "9,red,nan,dry"}), KIND, "cell-missing", 40, ("sugar",)),
    (table({40: "9,red,?,dry"}), KIND, "cell-missing", 40, ("sugar",)),
    (table({40: "9,N/A,1,dry"}), KIND, "cell-missing", 40, ("colour",)),
    (table({40: "9,red,1,"}), KIND, "cell-missing", 40, ("kind",)),
    (table({9: "x,red,1,dry", 6: "9,red,1,NA", 8: "9,,1,dry"}), KIND, "cell-missing", 6, ("kind",)),
    (table(), {}, "target-missing", None, ("alcohol, colour, sugar, kind", "--target")),
    (table(), {"target": "knid"}, "unknown", None, ("knid", "kind")),
    (table(), {"target": "Sugar"}, "unknown", None, ("Sugar", "sugar")),
    (table(), {"target": "xyz"}, "unknown", None, ("xyz", "alcohol, colour, sugar, kind")),
    (table(), KIND | {"features": ["sugar", "alcool"]}, "unknown", None, ("alcool", "alcohol")),
    (table(), KIND | {"features": ["sugar", "kind"]}, "target-feature", None, ("“kind”",)),
    (table(), KIND | {"classes": ["dry", "swet"]}, "unknown", None, ("swet", "sweet")),
    (table(head="a,b, a ,kind"), KIND, "duplicate-column", None, ("“a”",)),
    (table(head="a,kind,b,kind"), KIND, "duplicate-column", None, ("“kind”",)),
    (rows(lambda i: f"{i},v{i}", "a,t"), T, "target-values", None, ("“t”", "30")),
    (rows(lambda i: f"{i % 7},{i / 8}", "a,t"), T, "target-values", None, ("“t”", "30", "--binarise", "t>=")),
    (rows(lambda i: f"{i},{1 if i < 4 else i % 2 + 0.5}", "a,t"), T, "target-fraction", 6, ("t", "0.5", "--binarise")),
    (rows(lambda i: f"{i},x", "a,t"), T, "one-class", None, ("30", "table.csv")),
    (rows(lambda i: f"{i},0", "a,t"), T, "one-class", None, ("30", "table.csv")),
    (table({9: "9,red,1,semi"}), KIND, "small-class", None, ("semi", "(1)", "table.csv")),
    ("", KIND, "empty-table", None, ()),
    ("a,b,kind\n", KIND, "empty-table", None, ()),
    (rows(lambda i: f"{i % 2}", "t"), T, "no-features", None, ("“t”",)),
    (rows(lambda i: f"{i},{i % 2}", ",t"), T, "no-features", None, ("“t”",)),
    (rows(lambda i: f"text {i},{i},{i % 2}"), T, "text-column", None, ("“a”", "30", "--features")),
    (rows(lambda i: f"{i},,{i % 2}"), T, "empty-column", None, ("“b”", "--features")),
    (rows(lambda i: f"{i},{['?', 'NA'][i % 2]},{i % 2}"), T, "empty-column", None, ("“b”", "--features")),
    (table(), {"binarise": "sugar"}, "binarise", None, ("sugar",)),
    (table(), {"binarise": ""}, "binarise", None, ("“”",)),
    (table(), {"binarise": "sugar>="}, "binarise", None, ("sugar>=",)),
    (table(), {"binarise": ">=5"}, "binarise", None, (">=5",)),
    (table(), {"binarise": "sugar=>5"}, "binarise", None, ("sugar=>5",)),
    (table(), {"binarise": "sugar>=a lot"}, "binarise", None, ("sugar>=a lot",)),
    (table(), {"binarise": "suger>=5"}, "unknown", None, ("suger", "sugar")),
    (table(), {"binarise": "kind>=dry"}, "binarise-text", None, ("kind", ">=")),
    (table(), {"binarise": "kind==wet"}, "binarise-one", None, ("kind==wet",)),
    (table(), {"binarise": "sugar>=500"}, "binarise-one", None, ("sugar>=500",)),
    (table(), {"binarise": "sugar>=5", "target": "kind"}, "binarise-target", None, ("sugar", "kind")),
    (table({7: "9,red,abc,dry"}), {"binarise": "sugar>=5"}, "cell-number", 7, ("sugar", "abc")),
    (table({7: "9,red,inf,dry"}), {"binarise": "sugar>=5"}, "cell-number", 7, ("sugar", "inf")),
    (table({7: "9,red,,dry"}), {"binarise": "sugar>=5"}, "cell-missing", 7, ("sugar",)),
]  # fmt: skip
REQUESTS = {
    "target-missing", "unknown", "target-feature", "binarise", "binarise-text", "binarise-one", "binarise-target",
}  # fmt: skip


@pytest.mark.parametrize("language", LINE)
@pytest.mark.parametrize(
    ("content", "options", "code", "line", "words"), BAD, ids=[f"{number} {case[2]}" for number, case in enumerate(BAD)]
)
def test_what_can_not_be_used_is_refused_with_its_place(
    content: str,
    options: dict[str, object],
    code: str,
    line: int | None,
    words: tuple[str, ...],
    language: str,
    tmp_path: Path,
):
    set_language(language)
    path = tmp_path / "table.csv"
    path.write_text(content, encoding="utf-8")
    error = refused(path, **options)
    sentence = str(error)
    assert error.code == code
    assert isinstance(error, RequestError) == (code in REQUESTS)
    for word in words:
        assert in_quotes(word, language) in sentence
    if line is not None:
        place = f"{path}, {LINE[language].format(line)}"
        place += "" if code == "ragged" else f", {COLUMN[language].format(words[0])}"
        assert error.where == place
        assert re.search(rf"{re.escape(place)}(?!\d)", sentence)


def test_a_target_of_many_names_is_not_told_to_be_compared_by_size(tmp_path: Path):
    path = tmp_path / "table.csv"
    path.write_text(rows(lambda i: f"{i},v{i}", "a,t"))
    assert "t>=" not in str(refused(path, target="t"))


HOLE = BASE["a"].where(N != 5)


@pytest.mark.parametrize("language", ROW)
@pytest.mark.parametrize(
    ("frame", "options", "code", "row", "said"),
    [
        (BASE.assign(b=HOLE), T, "cell-missing", 5, "“b”"),
        (BASE.assign(b=HOLE.where(N != 3, np.inf)), T, "cell-number", 3, "“b”"),
        (BASE.assign(b=HOLE.set_axis(N[::-1])), T, "cell-missing", 34, "“b”"),
        (BASE.assign(b=HOLE).set_axis(N + 100), T, "cell-missing", 5, "“b”"),
        (BASE.assign(b=np.where(N == 7, 1e39, N)), T, "cell-number", 7, "“b”"),
        (BASE.assign(b=[1.5, None, *["x"] * 2, *range(36)]), T, "cell-missing", 1, "“b”"),
        (BASE.assign(b=pd.array(["p", pd.NA] * 20, dtype="string")), T, "cell-missing", 1, "“b”"),
        (BASE.assign(b=pd.to_datetime(["2024-01-02", None] * 20)), T, "cell-missing", 1, "“b”"),
        (BASE.assign(b=pd.Categorical(["p", None] * 20)), T, "cell-missing", 1, "“b”"),
        (BASE.assign(t=np.where(N == 9, np.nan, N % 2)), T, "cell-missing", 9, "“t”"),
        (BASE.assign(t=np.where(N == 9, 0.5, N % 2)), T, "target-fraction", 9, "“t”"),
        (BASE.assign(b=[f"text {i}" for i in N]), T, "text-column", None, "“b”"),
        (BASE.assign(b=None), T, "empty-column", None, "“b”"),
        (BASE[["t"]], T, "no-features", None, "“t”"),
        (BASE[:0], T, "empty-table", None, "DataFrame"),
        (BASE.set_axis(["t", "t"], axis=1), T, "duplicate-column", None, "“t”"),
        (BASE.set_axis([1, "1"], axis=1), {"target": "1"}, "duplicate-column", None, "“1”"),
        (BASE, {}, "target-missing", None, "a, t"),
        (BASE.rename(columns={"t": "kind"}), {"target": "knid"}, "unknown", None, "kind"),
        (pd.DataFrame(), KIND, "unknown", None, "kind"),
    ],
)
def test_what_a_data_frame_can_not_hold_is_refused_with_its_row(
    frame: pd.DataFrame, options: dict[str, object], code: str, row: int | None, said: str, language: str
):
    set_language(language)
    error = refused(frame, **options)
    assert error.code == code
    assert in_quotes(said, language) in str(error)
    if row is not None:
        assert f"DataFrame, {ROW[language].format(row)}, {COLUMN[language].format(said.strip('“”'))}" in str(error)
    assert str(error.where).startswith("DataFrame")


def test_a_data_frame_is_not_told_of_options_that_it_can_not_take():
    assert "--skip-bad" not in str(refused(BASE.assign(b=HOLE), target="t"))


# ── rows left out ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("language", LINE)
def test_exactly_the_bad_rows_are_left_out(language: str, tmp_path: Path):
    set_language(language)
    bad = {
        3: ("9,red,1", "ragged"),
        6: ("9,red,,dry", "cell-missing"),
        7: ("9,?,1,dry", "cell-missing"),
        12: ("9,red,abc,dry", "cell-number"),
        13: ("9,red,1e300,dry", "cell-number"),
        20: ("inf,red,x,", "cell-number"),
        21: ("9,red,1,", "cell-missing"),
        41: ("9,red,1,dry,5", "ragged"),
    }
    data = loaded(tmp_path, table({line: text for line, (text, _) in bad.items()}), target="kind", skip_bad=True)
    good = "".join(line for n, line in enumerate(table().splitlines(keepends=True), 1) if n not in bad)
    clean = loaded(tmp_path, good, target="kind")
    assert data.fingerprint == clean.fingerprint
    assert (data.features, data.classes, clean.skipped) == (clean.features, clean.classes, ())
    np.testing.assert_array_equal(whole(data)[0], whole(clean)[0])
    where = {line: f"{tmp_path / 'table.csv'}, {LINE[language].format(line)}" for line in bad}
    found = {
        line: error.code
        for error in data.skipped
        for line, place in where.items()
        if error.where == place or str(error.where).startswith(f"{place},")
    }
    assert found == {line: code for line, (_, code) in bad.items()}
    assert len(data.skipped) == len(bad)
    assert all(str(error.where) in str(error) for error in data.skipped)


def test_the_lines_named_after_rows_left_out_are_those_of_the_file(tmp_path: Path):
    path = tmp_path / "table.csv"
    path.write_text(rows(lambda i: {3: "?,0", 20: "20,0.5"}.get(i, f"{i},{i % 2}"), "a,t"))
    assert "line 22" in str(refused(path, target="t", skip_bad=True))
    with pytest.warns(TizaWarning, match="line 30, column “alcohol”: 99.5e9"):
        loaded(tmp_path, table({6: "9,red,?,dry", 30: "99.5e9,red,1,dry"}), target="kind", skip_bad=True)


def test_a_category_of_a_row_left_out_is_no_feature(tmp_path: Path):
    content = table({6: "9,green,?,dry"})
    data = loaded(tmp_path, content, target="kind", skip_bad=True)
    good = "".join(line for line in content.splitlines(keepends=True) if "green" not in line)
    clean = loaded(tmp_path, good, target="kind")
    assert data.features == clean.features
    assert data.fingerprint == clean.fingerprint


@pytest.mark.parametrize("cell", ["abc", "inf", ""])
def test_a_row_whose_number_can_not_be_compared_is_left_out(cell: str, tmp_path: Path):
    data = loaded(tmp_path, table({7: f"9,red,{cell},dry"}), binarise="sugar>=5", skip_bad=True)
    clean = loaded(
        tmp_path, "".join(table().splitlines(keepends=True)[i] for i in range(41) if i != 6), binarise="sugar>=5"
    )
    assert data.fingerprint == clean.fingerprint
    assert ["line 7" in str(error) for error in data.skipped] == [True]


def test_a_class_of_a_row_left_out_is_no_class(tmp_path: Path):
    data = loaded(tmp_path, table({6: "9,red,?,semi"}), target="kind", skip_bad=True)
    assert data.classes == ("dry", "sweet")


def test_nothing_is_left_out_unasked(tmp_path: Path):
    assert len(loaded(tmp_path, table(), target="kind", skip_bad=True).skipped) == 0
    assert len(whole(loaded(tmp_path, table(), target="kind", skip_bad=True))[0]) == 40


def test_a_table_of_bad_rows_alone_is_refused(tmp_path: Path):
    path = tmp_path / "table.csv"
    path.write_text(table({line: ["inf,red,1,dry", "9,?,1,sweet"][line % 2] for line in range(2, 42)}))
    error = refused(path, target="kind", skip_bad=True)
    assert (error.code, error.where) == ("cell-number", f"{path}, line 2, column “alcohol”")


# ── a lost decimal point ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("language", LINE)
@pytest.mark.parametrize("value", ["956666666666657.4", "-99900", "10033333333333"])
def test_a_number_that_lost_its_decimal_point_is_warned_of(
    value: str, language: str, tmp_path: Path, wine: pd.DataFrame
):
    set_language(language)
    frame = wine.astype({"alcohol": object})
    frame.loc[8, "alcohol"] = value  # line 10
    with pytest.warns(TizaWarning) as caught:
        data = loaded(tmp_path, frame.to_csv(index=False), target="quality")
    (message,) = (str(one.message) for one in caught)
    assert f"{tmp_path / 'table.csv'}, {LINE[language].format(10)}, {COLUMN[language].format('alcohol')}" in message
    assert value in message
    assert ("10.2" if language == "en" else "10,2") in message
    assert len(whole(data)[0]) == 1599
    assert whole(data)[0][8, 10] == np.float32(value)


def test_the_first_of_several_lost_points_is_named(tmp_path: Path, wine: pd.DataFrame):
    frame = wine.astype({"density": object})
    frame.loc[[700, 30, 31], "density"] = ["9978", "99.8e9", "996.8e6"]
    with pytest.warns(TizaWarning, match="line 32,.*“density”: 99.8e9"):
        loaded(tmp_path, frame.to_csv(index=False), target="quality")


@pytest.mark.parametrize(
    ("cells", "warned"),
    [
        (["1,234", "12,500", "-2,000"], True),
        (["1,234", "12,500", "999"], True),
        (["1,234", "12,50", "2,000"], False),
        (["0,123", "0,456", "0,789"], False),
    ],
)
def test_commas_that_may_part_thousands_are_warned_of(cells: list[str], warned: bool, tmp_path: Path):
    text = "a;b;t\n" + "".join(f"{cell};{i};{'xy'[i % 2]}\n" for i, cell in enumerate(cells * 10))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded(tmp_path, text, target="t")
    assert [str(warning.message).split(":")[0] for warning in caught] == ["column “a”"] * warned


def test_a_lost_point_in_a_data_frame_has_its_row(wine: pd.DataFrame):
    frame = wine.copy()
    frame.loc[8, "alcohol"] = 956666666666657.4
    with pytest.warns(TizaWarning, match="DataFrame, row 8, column “alcohol”: 956666666666657.4"):
        tiza.load(frame, target="quality")


RNG = np.random.default_rng(0)
HONEST = {
    "lognormal": RNG.lognormal(0, 2, 2000),
    "lognormal, very heavy": RNG.lognormal(8, 3, 2000),
    "Pareto": RNG.pareto(1, 2000),
    "Cauchy": RNG.standard_cauchy(2000),
    "normal": RNG.normal(0, 1e-6, 2000),
    "zeros and a few 5000s": np.where(N % 20 == 3, 5000, 0),
    "zeros and one": np.where(N == 3, 1e9, 0),
    "halves": np.where(N % 2, 1e-6, 1e6),
    "a third far larger": np.where(N % 3, 1, 1e6),
    "powers of ten": 10.0 ** (N // 4),
    "identifiers": N + 10**6,
    "constant": N * 0 + 7,
    "probabilities": np.where(N % 20 == 3, 0.93, 1e-6 * (1 + N)),
}


@pytest.mark.parametrize("kind", HONEST)
@pytest.mark.parametrize("sign", [1, -1])
def test_honest_columns_are_not_warned_of(kind: str, sign: int, tmp_path: Path):
    values = HONEST[kind] * sign
    n = np.arange(len(values))
    frame = pd.DataFrame({"a": values, "b": n * 0.5, "t": n % 2})
    raw = from_table(frame, Place("f"), target="t")  # warnings are errors
    np.testing.assert_array_equal(raw.x[:, 0], values.astype(np.float32))


# ── rows for a model ─────────────────────────────────────────────────────────────────────────────────────────────────

FORM = {"form": "table", "columns": [{"name": "a", "categories": None}, {"name": "c", "categories": ["blue", "red"]}]}


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (pd.DataFrame({"a": ["1", "2.5"], "c": ["red", "blue"]}), [[1, 0, 1], [2.5, 1, 0]]),
        (pd.DataFrame({"c": [" red "], "b": ["?"], "a": ["-1,5"]}), [[-1.5, 0, 1]]),
        (pd.DataFrame({"a": [3], "c": pd.Categorical(["blue"])}), [[3, 1, 0]]),
        (pd.DataFrame({"a": pd.array([3], dtype="Int64"), "c": ["blue"]}, index=[9]), [[3, 1, 0]]),
    ],
)
def test_rows_are_encoded_by_the_form_of_a_model(frame: pd.DataFrame, expected: list[list[float]]):
    x = encode(frame, FORM, Place("f"))
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, expected)
    assert expanded(FORM) == ("a", "c=blue", "c=red")


def test_the_form_of_a_table_encodes_it_again(wine: pd.DataFrame, tmp_path: Path):
    data = loaded(tmp_path, table(), target="kind")
    sheet = parse_csv(table().encode(), where="f")
    np.testing.assert_array_equal(encode(sheet.frame, data.form, Place("f", sheet.lines)), whole(data)[0])
    form = tiza.load(WINE, target="quality").form
    np.testing.assert_array_equal(encode(wine, form, Place("f")), wine.iloc[:, :-1].to_numpy(np.float32))


@pytest.mark.parametrize("language", LINE)
@pytest.mark.parametrize(
    ("cells", "code", "row", "words"),
    [
        ({"a": ["1", "2"]}, "column-missing", None, ("c",)),
        ({"c": ["red"], "A": ["1"]}, "column-missing", None, ("a",)),
        ({"a": ["1", "x"], "c": ["red", "red"]}, "cell-number", 1, ("a", "x")),
        ({"a": ["1", "inf"], "c": ["red", "red"]}, "cell-number", 1, ("a", "inf")),
        ({"a": ["1", "1e39"], "c": ["red", "red"]}, "cell-number", 1, ("a", "1e39")),
        ({"a": ["1", ""], "c": ["red", "red"]}, "cell-missing", 1, ("a",)),
        ({"a": [1, np.nan], "c": ["red", "red"]}, "cell-missing", 1, ("a",)),
        ({"a": ["1", "2"], "c": ["red", "NA"]}, "cell-missing", 1, ("c",)),
        ({"a": ["1", "2"], "c": ["red", "bleu"]}, "category-unseen", 1, ("bleu", "blue")),
        ({"a": ["1", "2"], "c": ["red", "Red"]}, "category-unseen", 1, ("Red", "red")),
    ],
)
def test_rows_that_a_model_can_not_take_are_refused(
    cells: dict[str, list[object]], code: str, row: int | None, words: tuple[str, ...], language: str
):
    set_language(language)
    with pytest.raises(TizaError) as caught:
        encode(pd.DataFrame(cells), FORM, Place("some-file", [2, 7]))
    assert caught.value.code == code
    assert all(word in str(caught.value) for word in words)
    if row is not None:
        assert LINE[language].format(7) in str(caught.value.where)
        assert in_quotes(f"“{words[0]}”", language) in str(caught.value.where) or code == "category-unseen"


def test_a_column_that_is_there_twice_is_refused_when_rows_are_encoded():
    frame = pd.DataFrame([["1", "2", "red"]], columns=["a", "a", "c"])
    with pytest.raises(TizaError) as caught:
        encode(frame, FORM, Place("some-file", [2]))
    assert caught.value.code == "duplicate-column"


# ── any cells ────────────────────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**25), 10**25)),
        min_size=1,
        max_size=20,
    ),
    st.booleans(),
)
def test_numbers_are_read_as_python_reads_them(values: list[float], comma: bool):
    texts = [repr(value).replace(".", ",") if comma else repr(value) for value in values]
    found, missing, said = numbers(pd.Series(texts, dtype=object))
    np.testing.assert_array_equal(found, [float(value) for value in values])
    assert not missing.any()
    assert said == (comma and any("," in text for text in texts))


CELLS = [
    *("", "1", "2", "1,5", "-3.2e5", "inf", "-Infinity", "nan", "NA", "?", "a", "b", "é", '"', "\n", "\r\n", "1e400"),
    *("1e39", "1e-400", ";", ",", "\t", "|", " ", " 1 ", "x y", "True", "٣", "-0.0", "9" * 30, "z" * 50, "\ufeff"),
]
COLUMNS = [["0", "1"], ["0.5", "2", "-1,5", "7e3"], ["a", "b", "é"], CELLS]
HEADS = [*[["a", "b", "t"], ["a", "t"]] * 4, ["t", "a"], ["", "t"], ["a", "a", "t"], ["a=b", "t"], ["1", "2"], ["t"]]


def random_file(rng: random.Random) -> bytes:
    """A table of columns that are good, bad or between; written as it should be, or with no quotes."""
    head, n = rng.choice(HEADS), rng.randint(0, 12)
    rows = [head, *map(list, zip(*(rng.choices(rng.choice(COLUMNS), k=n) for _ in head), strict=True))]
    delimiter = rng.choice(",;\t|")
    if rng.random() < 0.5:
        file = io.StringIO(newline="")
        csv.writer(file, delimiter=delimiter).writerows(rows)
        text = file.getvalue()
    else:
        text = "\n".join(map(delimiter.join, rows))
    return text.encode(rng.choice(["utf-8", "utf-8-sig", "utf-16", "latin-1"]), errors="replace")


def random_options(rng: random.Random) -> dict[str, Any]:
    rule = rng.choice(["t", "t", "a", ""]) + rng.choice([*SIGNS, "~"]) + rng.choice([*CELLS, *["1"] * len(CELLS)])
    features = rng.choices("abt?", k=rng.randint(0, 2))
    options = rng.choice(
        [*[{"target": "t"}] * 4, {"target": rng.choice(["a", ""])}, {"target": "t", "features": features},
         {"binarise": rule}, {"binarise": rule, "target": "t"}]
    )  # fmt: skip
    return options | {"skip_bad": rng.random() < 0.5}


def to_raw(content: bytes, options: dict[str, Any]) -> Raw:
    sheet = parse_csv(content, where="f", skip_bad=options.get("skip_bad", False))
    return from_table(sheet.frame, Place("f", sheet.lines), **({"target": None} | options))


def check_outcome(outcome: Raw | TizaError) -> None:
    said = [outcome] if isinstance(outcome, TizaError) else [*outcome.notes, *outcome.skipped]
    for language in LINE:
        set_language(language)
        assert all(map(str, said))
    set_language(None)
    if isinstance(outcome, Raw):
        assert outcome.x.dtype == np.float32
        assert np.isfinite(outcome.x).all()
        assert outcome.x.shape == (len(outcome.y), len(outcome.features))
        assert len(outcome.y) > 0
        assert 0 <= outcome.y.min() <= outcome.y.max() < len(outcome.classes)
        assert len(set(outcome.classes)) == len(outcome.classes)
        assert outcome.target is not None
        assert len(outcome.target.values) == len(outcome.y)


def check_table(content: bytes, options: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TizaWarning)
        check_outcome(attempt(lambda: to_raw(content, options)))


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=True))
def test_random_tables_are_taken_or_refused(rng: random.Random):
    for _ in range(100):
        check_table(random_file(rng), random_options(rng))


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (b"a,t\n1,0\n2,1\n", {"target": "t"}),
        (b"a,t\n1,\xe9\n2,1\n", {"binarise": "t==\xe9"}),
        (b",t\n1e400,0\n1e400,0", {"target": "t"}),
    ],
)
def test_odd_tables_are_taken_or_refused(content: bytes, options: dict[str, Any]):
    check_table(content, options)
