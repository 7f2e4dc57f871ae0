"""tiza.storage: a file is whole or as it was; lines survive a crash; there is always a home."""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiza import storage
from tiza.errors import TizaError

# --- whole files


@pytest.mark.parametrize("content", ["", "año\n", b"\0\xff", "x" * 3_000_000])
def test_what_is_written_stands_there(content: str | bytes, tmp_path: Path):
    path = tmp_path / "new" / "folders" / "file.txt"
    for _ in range(2):
        storage.write(path, content)
        assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
        assert list(path.parent.iterdir()) == [path]


def test_a_text_that_is_not_unicode_is_told_and_not_written(tmp_path: Path):
    path = {"path": str(tmp_path / os.fsdecode(b"caf\xe9"))}
    for written in (
        lambda: storage.write(tmp_path / "new" / "file.json", storage.to_json(path)),
        lambda: storage.append_line(tmp_path / "lines", path),
    ):
        with pytest.raises(TizaError, match=re.escape(f"{tmp_path}/caf\\udce9")) as caught:
            written()
        assert caught.value.code == "not-utf8"
        str(caught.value).encode()
    assert not (tmp_path / "new").exists()
    assert not (tmp_path / "lines").exists()


FULL = """
import resource, signal, sys
from pathlib import Path
from tiza import storage
from tiza.errors import TizaError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    storage.write(Path(sys.argv[1]), b"new" * 10_000)
except TizaError as error:
    print(error.code, error.where)
"""


def test_a_write_that_fails_in_the_middle_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    path = tmp_path / "folder" / "file"
    storage.write(path, b"old")
    done = subprocess.run([sys.executable, "-c", FULL, path], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["disk-full", str(path)]
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


KILLED = """
import resource, sys
from pathlib import Path
from tiza import storage
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
storage.write(Path(sys.argv[1]), b"new" * 10_000)
"""


def test_a_process_killed_in_the_middle_of_a_write_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", KILLED, path], capture_output=True, check=False)
    assert done.returncode < 0
    assert path.read_bytes() == b"old"
    storage.write(path, b"newer")
    assert path.read_bytes() == b"newer"


def test_a_reader_never_sees_half_a_file(tmp_path: Path):
    path = tmp_path / "file"
    contents = [bytes([i]) * 200_000 for i in range(4)]
    storage.write(path, contents[0])
    done = threading.Event()
    seen: list[bytes] = []

    def read() -> None:
        while not done.is_set():
            seen.append(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(60):
        storage.write(path, contents[i % 4])
    done.set()
    reader.join()
    assert seen
    assert all(content in contents for content in seen)


@pytest.mark.parametrize(
    "place", ["file/inside", "file/deeper/inside", "folder", "x" * 300], ids=lambda place: place[:20]
)
def test_a_place_that_can_not_be_written_is_one_sentence(place: str, tmp_path: Path):
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(TizaError) as caught:
        storage.write(tmp_path / place, b"new")
    assert caught.value.code == "cannot-write"
    assert str(tmp_path / place) in str(caught.value)
    assert (tmp_path / "file").read_text() == "old"
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_a_full_disk_is_told(tmp_path: Path):
    path = tmp_path / "lines"
    path.symlink_to("/dev/full")
    with pytest.raises(TizaError) as caught:
        storage.append_line(path, {"a": 1})
    assert caught.value.code == "disk-full"
    assert str(path) in str(caught.value)


# --- lines


def test_lines_come_back_in_their_order(tmp_path: Path):
    path = tmp_path / "new" / "lines.jsonl"
    values = [{"a": i, "text": "ñ\n\u2028“”\r"} for i in range(5)]
    for value in values:
        storage.append_line(path, value)
    assert list(storage.read_lines(path)) == values
    assert path.read_bytes().count(b"\n") == 5


def test_a_file_that_is_not_there_has_no_lines(tmp_path: Path):
    assert list(storage.read_lines(tmp_path / "none")) == []


def test_a_last_line_cut_anywhere_is_passed_over(tmp_path: Path):
    path = tmp_path / "lines"
    storage.append_line(path, {"a": 1})
    whole = path.read_bytes()
    last = json.dumps({"b": "ñandú", "c": [1, {"d": 2}]}, ensure_ascii=False).encode()
    for end in range(len(last)):
        path.write_bytes(whole + last[:end])
        assert list(storage.read_lines(path)) == [{"a": 1}]


def test_a_line_added_after_one_that_was_cut_is_not_lost(tmp_path: Path):
    path = tmp_path / "lines"
    storage.append_line(path, {"a": 1})
    with path.open("ab") as file:
        file.write(b'{"b": 2, "c')
    storage.append_line(path, {"d": 4})
    assert list(storage.read_lines(path)) == [{"a": 1}, {"d": 4}]


CUT = """
import resource, signal, sys
from pathlib import Path
from tiza import storage
from tiza.errors import TizaError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
try:
    storage.append_line(path, {"a": "x" * 2000})
except TizaError as error:
    print(error.code)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
storage.append_line(path, {"b": 2})
"""


def test_a_line_added_after_the_disk_was_full_is_not_lost(tmp_path: Path):
    path = tmp_path / "lines"
    done = subprocess.run([sys.executable, "-c", CUT, path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("disk-full", "cannot-write")
    assert list(storage.read_lines(path)) == [{"b": 2}]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}])
def test_json_is_strict(value: object):
    with pytest.raises(ValueError, match="JSON compliant"):
        storage.to_json(value)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "\n",
        "7",
        '"text"',
        "[]",
        "null",
        "nothing",
        "{",
        '{"a":',
        "{}}",
        "1" * 5000,
        "\0",
        "\ufeff{}",
        "[" * 100_000,
    ],
    ids=lambda line: repr(line[:8]),
)
def test_a_line_that_is_no_object_is_passed_over(line: str):
    assert list(storage.parse_lines([line, '{"a": 1}'])) == [{"a": 1}]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.text(), VALUES, max_size=4), max_size=5), st.text(max_size=30))
def test_objects_among_garbage_are_read(values: list[dict[str, object]], garbage: str):
    noise = "garbage" + garbage.replace("\n", " ")
    lines = [line for value in values for line in (storage.to_json(value) + "\n", noise)]
    assert list(storage.parse_lines(lines)) == values


@settings(deadline=None, max_examples=500)
@given(st.lists(st.one_of(st.text(max_size=40), st.binary(max_size=40).map(lambda b: b.decode(errors="replace")))))
def test_no_text_makes_reading_lines_fail(lines: list[str]):
    assert all(isinstance(value, dict) for value in storage.parse_lines(lines))


# --- the home


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders go."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_home_that_is_missing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TIZA_HOME", str(tmp_path / "not" / "yet"))
    assert storage.home() == tmp_path / "not" / "yet"
    assert list((tmp_path / "not" / "yet").iterdir()) == []


def test_a_relative_home_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIZA_HOME", f"relative-{tmp_path.name}")
    assert storage.home() == tmp_path / f"relative-{tmp_path.name}"


def test_without_tiza_home_the_platform_decides(tmp_path: Path):
    script = "from tiza import storage; print(storage.home())"
    bare = {name: value for name, value in os.environ.items() if name not in ("TIZA_HOME", "XDG_DATA_HOME")}
    done = subprocess.run(
        [sys.executable, "-c", script], env=bare | {"HOME": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    found = Path(done.stdout.strip())
    assert found.is_relative_to(tmp_path)
    assert found.name == "tiza"


@pytest.mark.parametrize("place", ["{file}", "{file}/home", "/dev/null/home", "/proc/tiza-home"])
@pytest.mark.skipif(sys.platform != "linux", reason="places that are impossible on Linux, for root too")
def test_an_impossible_home_is_replaced_with_one_warning(
    place: str, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").write_text("untouched")
    wanted = place.format(file=tmp_path / "file")
    monkeypatch.setenv("TIZA_HOME", wanted)
    with pytest.warns(storage.TizaWarning, match=re.escape(wanted)) as caught:
        instead = storage.home()
    assert len(caught) == 1
    assert instead.parent == temporary
    assert instead.stat().st_mode & 0o077 == 0
    assert (tmp_path / "file").read_text() == "untouched"
    with warnings.catch_warnings(action="error"):
        assert storage.home() == instead


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind root")
def test_a_read_only_home_is_replaced_with_a_warning(tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o500)
    monkeypatch.setenv("TIZA_HOME", str(folder))
    with pytest.warns(storage.TizaWarning):
        assert storage.home().parent == temporary
