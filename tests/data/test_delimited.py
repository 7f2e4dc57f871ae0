"""tiza.data.delimited: any delimited file becomes the same table of texts, with the line of each row."""

import codecs
import csv
import io
import os
import random
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tiza
from tiza.data.dataset import Dataset, Raw
from tiza.data.delimited import Sheet, parse_csv, read_csv
from tiza.data.tables import Place, from_table
from tiza.errors import TizaError
from tiza.i18n import set_language
from tiza.storage import TizaWarning

WINE = Path(__file__).parents[1] / "files" / "winequality-red.csv"
LINE = {"en": "line {}", "es": "línea {}"}
QUOTED = {"en": "“{}”", "es": "«{}»"}
HEAD = ["longitud", "color", "n", "especie"]
ROWS = [
    [f"{0.37 * i:.2f}", ["azul", "añil"][i % 3 == 0], str(i * i % 11), ["álamo", "roble"][i % 2]] for i in range(30)
]


def written(delimiter: str = ",", end: str = "\n", *, quoting: int = csv.QUOTE_MINIMAL, comma: bool = False) -> str:
    """The table above as a delimited text."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerow(HEAD)
    writer.writerows([[cell.replace(".", ",") if comma else cell for cell in row] for row in ROWS])
    return file.getvalue()


def loaded(tmp_path: Path, content: bytes | str, **options: object) -> Dataset:
    path = tmp_path / "table.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return tiza.load(path, **options)  # type: ignore[arg-type]


def attempt(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except TizaError as error:
        return error


def codes(data: Dataset) -> list[str]:
    return [note.code for note in data.notes]


# ── the same table, however it is written ────────────────────────────────────────────────────────────────────────────

LINES = written().splitlines()
FORMS: dict[str, str | bytes] = {
    "semicolon": written(";"),
    "tab": written("\t"),
    "bar": written("|"),
    "semicolon and decimal comma": written(";", comma=True),
    "tab and decimal comma": written("\t", comma=True),
    "comma and decimal comma, quoted": written(",", comma=True),
    "BOM": codecs.BOM_UTF8 + written().encode(),
    "BOM, semicolon, all quoted": codecs.BOM_UTF8 + written(";", quoting=csv.QUOTE_ALL).encode(),
    "UTF-16, little end first": codecs.BOM_UTF16_LE + written().encode("utf-16-le"),
    "UTF-16, big end first": codecs.BOM_UTF16_BE + written("\t", "\r\n").encode("utf-16-be"),
    "Latin-1": written(";").encode("latin-1"),
    "lines of Windows": written(end="\r\n"),
    "lines of old Macs": written(end="\r"),
    "all quoted": written(quoting=csv.QUOTE_ALL),
    "no end of line at the end": written().rstrip("\n"),
    "blank lines": written().replace("\n", "\n\n \n"),
    "blank lines first": "\n\r\n" + written(),
    "lines of delimiters alone": written() + ",,,\n" * 3,
    "spaces around": "\n".join(" , ".join(line.split(",")) + "  " for line in LINES),
    "a delimiter ends each line": "".join(f"{line},\n" for line in LINES),
    "a delimiter ends each line but the first": "\n".join([LINES[0], *(f"{line}," for line in LINES[1:])]),
    "two delimiters end each line": "".join(f"{line},,\n" for line in LINES),  # as UCI's AirQuality has it
}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_table_is_the_same_data_set_however_it_is_written(form: str, tmp_path: Path):
    one = loaded(tmp_path, written(), target="especie")
    assert (one.classes, one.shape) == (("roble", "álamo"), (4,))
    data = loaded(tmp_path, FORMS[form], target="especie")
    assert data.fingerprint == one.fingerprint
    assert data.features == ("longitud", "color=azul", "color=añil", "n")
    assert data.skipped == ()


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("semicolon", ["one-hot"]),
        ("BOM", ["one-hot"]),
        ("UTF-16, big end first", ["one-hot"]),
        ("Latin-1", ["latin-1", "one-hot"]),
        ("semicolon and decimal comma", ["decimal-comma", "one-hot"]),
    ],
)
def test_what_was_done_unasked_is_noted(form: str, expected: list[str], tmp_path: Path):
    data = loaded(tmp_path, FORMS[form], target="especie")
    assert codes(data) == expected


def test_the_notes_name_the_file_and_the_columns_in_both_languages(tmp_path: Path):
    data = loaded(tmp_path, written(";", comma=True).encode("latin-1"), target="especie")
    for language in ("en", "es"):
        set_language(language)
        latin, comma, hot = map(str, data.notes)
        assert str(tmp_path / "table.csv") in latin
        assert "Latin-1" in latin
        assert "longitud" in comma
        assert all(word in hot for word in ("color", "azul", "añil"))


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_commas_in_the_names_of_columns_are_no_delimiters(delimiter: str, tmp_path: Path):
    names = ["longitud, cm", "anchura, cm", "especie"]
    rows = [[f"{i * 37 % 100},5", f"{i * i % 11},25", "ab"[i % 2]] for i in range(30)]
    content = "".join(delimiter.join(row) + "\n" for row in [names, *rows])
    assert loaded(tmp_path, content, target="especie").features == ("longitud, cm", "anchura, cm")
    data = loaded(tmp_path, content + f"1,5{delimiter}2,5\n", target="especie", skip_bad=True)
    assert data.features == ("longitud, cm", "anchura, cm")
    assert len(data.skipped) == 1


def test_wine_from_commas_is_wine_from_semicolons(tmp_path: Path):
    wine = tiza.load(WINE, target="quality")
    frame = pd.read_csv(WINE, sep=";", dtype=str)
    other = loaded(tmp_path, frame.to_csv(index=False), target="quality")
    quoted = loaded(tmp_path, frame.to_csv(index=False, sep="|", quoting=csv.QUOTE_ALL), target="quality")
    assert wine.fingerprint == other.fingerprint == quoted.fingerprint
    assert (len(wine.features), len(wine.train) + len(wine.look("valid")) + len(wine.look("test"))) == (11, 1599)


@pytest.mark.parametrize("path", [str, Path, lambda path: os.path.relpath(path)])
def test_a_path_may_be_of_any_kind(path: Callable[[Path], str | Path]):
    sheet = read_csv(path(WINE))
    assert sheet.frame.shape == (1599, 12)
    assert sheet.lines == list(range(2, 1601))
    assert sheet.notes == sheet.skipped == ()
    assert ";".join(sheet.frame.iloc[0]) == "7.4;0.7;0;1.9;0.076;11;34;0.9978;3.51;0.56;9.4;5"


# ── the row numbers that pandas writes ───────────────────────────────────────────────────────────────────────────────


def indexed(change: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    """A table whose classes are sorted, so that the row number gives them away."""
    n = np.arange(40)
    return change(pd.DataFrame({"a": n * 37 % 41 / 8, "t": n // 20}))


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame,
        lambda frame: frame.set_index(frame.index + 1),
        lambda frame: frame.drop(index=[3, 17, 18]),  # as dropna() leaves it
        lambda frame: frame.sample(frac=1, random_state=0),
        lambda frame: frame.sample(frac=0.8, random_state=0),  # as train_test_split leaves it
    ],
    ids=["from 0", "from 1", "rows dropped", "shuffled", "a part"],
)
@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_the_nameless_row_numbers_of_pandas_are_left_out(name: str, change, tmp_path: Path):
    frame = indexed(change)
    bare = loaded(tmp_path, frame.to_csv(index=False), target="t")
    data = loaded(tmp_path, frame.to_csv(index_label=name), target="t")
    assert data.features == ("a",)
    assert data.fingerprint == bare.fingerprint
    assert (codes(data), codes(bare)) == (["row-number"], [])
    assert str(tmp_path / "table.csv") in str(data.notes[0])


def test_row_numbers_are_left_out_where_a_bad_line_was(tmp_path: Path):
    lines = indexed(lambda frame: frame).to_csv().splitlines()
    lines[9] = "8,1"
    data = loaded(tmp_path, "\n".join(lines), target="t", skip_bad=True)
    assert len(data.skipped) == 1
    assert data.features == ("a",)


def test_row_numbers_that_are_asked_for_stay(tmp_path: Path):
    content = indexed(lambda frame: frame).to_csv(index_label="Unnamed: 0")
    data = loaded(tmp_path, content, target="t", features=["Unnamed: 0", "a"])
    assert data.features == ("Unnamed: 0", "a")
    assert codes(data) == []


def test_a_named_column_of_row_numbers_stays(tmp_path: Path):
    assert loaded(tmp_path, indexed(lambda frame: frame).to_csv(index_label="id"), target="t").features == ("id", "a")


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("a,b\n1,2\n3,4\n", [2, 3]),
        ("a,b\r\n1,2\r\n3,4", [2, 3]),
        ("a,b\r1,2\r3,4\r", [2, 3]),
        ("\n\na,b\n\n1,2\n\n\n3,4\n", [5, 8]),
        ('a,b\n"1\n\n",2\n3,4\n', [2, 5]),
        ('a,b\r\n"1\r\n2\r\n3",2\r\n\r\n3,"4\r\n"\r\n5,6', [2, 6, 8]),
        ('"a\nof two lines",b\n1,2\n', [3]),
        ('a,b\n1,"x ""y"", z\n"\n3,4\n', [2, 4]),
    ],
)
def test_each_row_knows_the_line_in_which_it_begins(content: str, lines: list[int]):
    assert parse_csv(content.encode(), where="f").lines == lines


def test_quoted_fields_may_hold_delimiters_quotes_and_lines():
    content = 'id,says,n\n1,"a,b;c\t|",2\n2,"he said ""no""",3\n3,"two\nlines",4\n4,5" pipe,5\n'
    sheet = parse_csv(content.encode(), where="f")
    assert sheet.frame["says"].tolist() == ["a,b;c\t|", 'he said "no"', "two\nlines", '5" pipe']
    assert sheet.frame["n"].tolist() == ["2", "3", "4", "5"]


@pytest.mark.parametrize("language", LINE)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_an_error_after_fields_of_several_lines_names_the_right_line(end: str, language: str, tmp_path: Path):
    set_language(language)
    rows = [f'{i},"note{end}{end}{i}",{i % 2}' for i in range(6)]  # three lines each, from line 2 on
    rows[4] = '?,"note",1'
    with pytest.raises(TizaError) as caught:
        loaded(tmp_path, end.join(["a,note,t", *rows]), target="t", features=["a"])
    assert caught.value.code == "cell-missing"
    assert LINE[language].format(14) + "," in str(caught.value)
    assert QUOTED[language].format("a") in str(caught.value)


# ── what is no table ─────────────────────────────────────────────────────────────────────────────────────────────────

NOISE = random.Random(0).randbytes(4000)


@pytest.mark.parametrize("language", LINE)
@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"", "empty-table", None),
        (codecs.BOM_UTF8, "empty-table", None),
        (codecs.BOM_UTF16_LE, "empty-table", None),
        (b"\n \r\n\t\n", "empty-table", None),
        (b"a,b,t\n", "empty-table", None),
        (b"a,b,t", "empty-table", None),
        (b"a,b,t\n,,\n \n", "empty-table", None),
        (b"a,b,t\n1,2,\x003\n", "no-text", None),
        (b"\xff" + NOISE, "no-text", None),
        (bytes(256), "no-text", None),
        ("a,b\n1,2\n".encode("utf-16-le"), "no-text", None),
        ("a,b\n1,2\n".encode("utf-16")[:-1], "no-text", None),
        ("a,b\n1,2\n".encode("utf-16") + b"\x00\xd8", "no-text", None),
        ("a,b\n1,2\n".encode("utf-32"), "no-text", None),
        (b'a,b\n1,2\n3,"4\n5,6\n', "csv-line", 3),
        (b'a,b\n"1\n\n",2\n\n3,"4\n5,6\n', "csv-line", 6),
        (b'a,b\n1,2\n3,"4"5\n', "csv-line", 3),
        (b'a,"b\n1,2\n', "csv-line", 1),
        (b"a,b,t\n1,2,3\n4,5\n", "ragged", 3),
        (b"a,b,t\n1,2,3\n4,5,6,7\n", "ragged", 3),
        (b"a,b,t\n1,2,3\n4,5,6,7,\n", "ragged", 3),
        (b"a;b;t\r\n1;2;3\r\n\r\n4;5\r\n", "ragged", 4),
        (b'a,b,t\n1,"2\n2",3\n4,5\n', "ragged", 4),
        (b"title of the table\na,b,t\n1,2,3\n", "ragged", 2),
    ],
)
def test_what_is_no_table_is_refused_with_its_line(
    content: bytes, code: str, line: int | None, language: str, tmp_path: Path
):
    set_language(language)
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(TizaError) as caught:
        read_csv(path)
    assert caught.value.code == code
    if line is None:
        assert caught.value.where == str(path)
    else:
        assert caught.value.where == f"{path}, {LINE[language].format(line)}"
    assert str(caught.value.where) in str(caught.value)


def test_a_ragged_line_says_how_many_values_it_has_and_should_have():
    with pytest.raises(TizaError) as caught:
        parse_csv(b"a,b,t\n1,2,3\n4,5,6,7,8\n", where="f")
    assert (caught.value.fields["n"], caught.value.fields["wanted"]) == (5, 3)


def test_ragged_lines_can_be_left_out():
    content = b'a,b,t\n1,2,3\n4,5\n\n6,"7\n",8\n9,9,9,9\n1,1,1\n'
    sheet = parse_csv(content, where="f", skip_bad=True)
    assert sheet.frame["a"].tolist() == ["1", "6", "1"]
    assert sheet.lines == [2, 5, 8]
    assert [(error.code, error.where) for error in sheet.skipped] == [("ragged", "f, line 3"), ("ragged", "f, line 7")]


def test_a_file_of_ragged_lines_alone_has_no_rows():
    with pytest.raises(TizaError) as caught:
        parse_csv(b"a,b,t\n1,2\n3\n", where="f", skip_bad=True)
    assert caught.value.code == "empty-table"


@pytest.mark.parametrize("skip_bad", [False, True])
def test_an_unclosed_quote_is_never_left_out(skip_bad: bool):
    with pytest.raises(TizaError) as caught:
        parse_csv(b'a,b\n1,2\n3,"4\n5,6\n', where="f", skip_bad=skip_bad)
    assert caught.value.code == "csv-line"


@pytest.mark.parametrize(
    ("make", "code"), [(lambda path: None, "source-missing"), (lambda path: path.mkdir(), "source-unreadable")]
)
def test_what_can_not_be_opened_is_refused(make: Callable[[Path], None], code: str, tmp_path: Path):
    path = tmp_path / "table.csv"
    make(path)
    with pytest.raises(TizaError) as caught:
        read_csv(path)
    assert (caught.value.code, caught.value.where) == (code, str(path))


@pytest.mark.parametrize(
    ("head", "language", "said"),
    [
        ("5.1,3.5,1.4,0", "en", "first line"),
        ("7,setosa,0.2", "es", "primera línea"),
        ("5,1;3,5;setosa", "en", "first line"),
    ],
)
def test_a_first_line_of_numbers_is_warned_of(head: str, language: str, said: str):
    set_language(language)
    with pytest.warns(TizaWarning) as caught:
        sheet = parse_csv(f"{head}\n{head}\n{head}\n".encode(), where="some-file")
    (message,) = (str(one.message) for one in caught)
    assert said in message
    assert "some-file" in message
    assert ", ".join(head.split(";" if ";" in head else ",")) in message
    assert len(sheet.frame) == 2


@pytest.mark.parametrize("head", ["a,1,t", "1990,1991,year,country", "a", "a,b,"])
def test_a_first_line_of_names_is_not(head: str):
    assert len(parse_csv(f"{head}\n{head}\n".encode(), where="f").frame) == 1


# ── a file that changes ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path):
    path = tmp_path / "wine.csv"
    path.write_bytes(WINE.read_bytes())
    over = threading.Event()

    def touch() -> None:
        moment = 10**18
        while not over.is_set():
            moment += 10**6
            os.utime(path, ns=(moment, moment))

    toucher = threading.Thread(target=touch)
    toucher.start()
    outcomes: list[Sheet | TizaError] = []
    end = time.monotonic() + 60
    while not (outcomes and isinstance(outcomes[-1], TizaError)) and time.monotonic() < end:
        outcomes.append(attempt(lambda: read_csv(path)))
    over.set()
    toucher.join()
    *sheets, last = outcomes
    assert isinstance(last, TizaError)
    assert (last.code, last.where) == ("source-changed", str(path))
    assert str(path) in str(last)
    assert all(isinstance(sheet, Sheet) and len(sheet.frame) == 1599 for sheet in sheets)
    assert len(read_csv(path).frame) == 1599


# ── any bytes, any table ─────────────────────────────────────────────────────────────────────────────────────────────


def check_sheet(sheet: Sheet) -> None:
    assert len(sheet.frame) == len(sheet.lines) > 0
    assert all(a < b for a, b in zip(sheet.lines, sheet.lines[1:], strict=False))
    assert all(isinstance(cell, str) for cell in sheet.frame.to_numpy().ravel())
    assert all(name == name.strip() for name in sheet.frame.columns)


def to_raw(content: bytes, *, skip_bad: bool) -> Raw:
    sheet = parse_csv(content, where="f", skip_bad=skip_bad)
    check_sheet(sheet)
    return from_table(sheet.frame, Place("f", sheet.lines), target="t", skip_bad=skip_bad)


def check_outcome(outcome: Raw | TizaError) -> None:
    if isinstance(outcome, TizaError):
        for language in LINE:
            set_language(language)
            assert str(outcome)
        set_language(None)
    else:
        assert outcome.x.dtype == np.float32
        assert np.isfinite(outcome.x).all()
        assert len(outcome.x) == len(outcome.y) > 0
        assert 0 <= outcome.y.min() <= outcome.y.max() < len(outcome.classes)


SCRAPS = [*',;\t|\r\n""1295.-eé\0 ax?', "1,", "2\n", "\r\n", '"1"', "nan"]
STARTS = [b"", b"a,t\n", b"a;t\r\n", b"t\ta\n1\t2\n1\t3\n", codecs.BOM_UTF8, codecs.BOM_UTF16_LE]


def random_content(rng: random.Random) -> bytes:
    scraps = "".join(rng.choices(SCRAPS, k=rng.randint(0, 40)))
    return rng.choice([rng.randbytes(rng.randint(0, 60)), scraps.encode(), scraps.encode("latin-1")])


def check_bytes(content: bytes, *, skip_bad: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TizaWarning)
        check_outcome(attempt(lambda: to_raw(content, skip_bad=skip_bad)))


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=True))
def test_random_bytes_are_read_or_refused(rng: random.Random):
    for _ in range(100):
        check_bytes(rng.choice(STARTS) + random_content(rng), skip_bad=rng.random() < 0.5)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00\xd8", b"a,t\n" + b'"' * 40])
@pytest.mark.parametrize("skip_bad", [False, True])
def test_odd_bytes_are_read_or_refused(content: bytes, skip_bad: bool):
    check_bytes(content, skip_bad=skip_bad)


NAMES = st.lists(st.text("abcdeñ_0 ", min_size=1).map(lambda name: f"x{name}x"), min_size=2, max_size=5, unique=True)
NUMBERS = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)).map(str)
TEXTS = st.one_of(NUMBERS, st.text('ab 1,;|\t"\né日.', max_size=8))


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    """Names, then rows; the first value of a row is a number, since a row of nothing is no row."""
    names = draw(NAMES)
    row = st.tuples(NUMBERS, *[TEXTS] * (len(names) - 1)).map(list)
    return [names, *draw(st.lists(row, min_size=1, max_size=6))]


@settings(max_examples=500, deadline=None)
@given(
    tables(),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
)
def test_a_table_written_by_python_comes_back_exactly(
    table: list[list[str]], delimiter: str, end: str, encoding: str, quoting: int
):
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(table)
    sheet = parse_csv(file.getvalue().encode(encoding), where="f")
    assert [list(sheet.frame.columns), *sheet.frame.to_numpy().tolist()] == table
    assert len(sheet.lines) == len(table) - 1
