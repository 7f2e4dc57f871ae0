"""tiza.data.download: a file is fetched once, checked and kept, or one sentence says what to do; and the red wines."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

import tiza
from tiza.data import download, sources
from tiza.data.download import fetched, fetched_large
from tiza.data.sources import is_the_wine
from tiza.errors import TizaError
from tiza.i18n import LANGUAGES, set_language

WINE = (Path(__file__).parents[1] / "files" / "winequality-red.csv").read_bytes()
GOOD = b"the file that was asked for\n" * 1000


def good(content: bytes) -> bool:
    return content == GOOD


def send(handler: BaseHTTPRequestHandler, content: bytes, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in ({"Content-Length": str(len(content))} | headers).items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(content)


def in_chunks(handler: BaseHTTPRequestHandler, ends: bytes) -> None:
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(b"%x\r\n" % len(GOOD) + GOOD + ends)
    handler.close_connection = True


# What stands at each address of the server.
ANSWERS: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {
    "/good": lambda handler: send(handler, GOOD),
    "/moved": lambda handler: send(handler, b"", 302, Location="/good"),
    "/chunks": lambda handler: in_chunks(handler, b"\r\n0\r\n\r\n"),
    "/wine": lambda handler: send(handler, WINE),
    "/other": lambda handler: send(handler, b"<html>please log in</html>"),
    "/empty": lambda handler: send(handler, b""),
    "/longer": lambda handler: send(handler, GOOD + b"more"),
    "/cut": lambda handler: send(handler, GOOD[:-100], Content_Length=str(len(GOOD))),
    "/missing": lambda handler: send(handler, GOOD, 404),
    "/broken": lambda handler: send(handler, GOOD, 500),
    "/forbidden": lambda handler: send(handler, GOOD, 403),
    "/circle": lambda handler: send(handler, b"", 302, Location="/circle"),
    "/elsewhere": lambda handler: send(handler, b"", 302, Location="gopher://127.0.0.1/"),
    "/cut-chunks": lambda handler: in_chunks(handler, b"\r\n1000\r\nno more"),
    "/bad-chunks": lambda handler: in_chunks(handler, b"\r\nno number\r\n"),
    "/no-http": lambda handler: handler.wfile.write(b"220 mail.example ESMTP\r\n") and None,
    "/bad-status": lambda handler: handler.wfile.write(b"HTTP/1.0 yes\r\n\r\n") and None,
    "/endless-line": lambda handler: handler.wfile.write(b"HTTP/1.0 200 OK\r\nX: " + b"x" * 70_000) and None,
    "/nothing": lambda _: None,
    "/slow": lambda _: time.sleep(1),
}


@dataclass
class Server:
    """A real one on this machine, and what it was asked for."""

    url: str
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            ANSWERS[self.path](self)

        def log_message(self, format: str, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        found = Server(f"http://127.0.0.1:{running.server_port}")
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield found
        running.shutdown()
        thread.join()


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> str:
    """An address at which nothing answers."""
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def refused(fetch: Callable[[], object], *words: str) -> str:
    """The code of the error, whose sentence has the words in every language."""
    with pytest.raises(TizaError) as caught:
        fetch()
    sentences = set()
    for language in LANGUAGES:
        set_language(language)
        assert all(word in str(caught.value) for word in words)
        sentences.add(str(caught.value))
    set_language(None)
    assert len(sentences) == len(LANGUAGES)
    return caught.value.code


@pytest.mark.parametrize("place", ["/good", "/moved", "/chunks"])
def test_a_file_is_fetched_once_and_kept(place: str, server: Server, tmp_path: Path):
    into = tmp_path / "some" / "folder" / "file"
    assert fetched(server.url + place, into, check=good) == into
    assert into.read_bytes() == GOOD
    assert [path.name for path in into.parent.iterdir()] == ["file"]
    asked = list(server.asked)
    assert fetched(server.url + place, into, check=good) == into
    assert server.asked == asked


def test_a_file_that_is_there_needs_no_network(nobody: str, tmp_path: Path):
    (tmp_path / "file").write_bytes(GOOD)
    assert fetched(nobody, tmp_path / "file", check=good).read_bytes() == GOOD


@pytest.mark.parametrize("content", [b"", GOOD[:-1], GOOD + b"x", b"something else"])
def test_a_damaged_file_is_fetched_again(content: bytes, server: Server, tmp_path: Path):
    (tmp_path / "file").write_bytes(content)
    assert fetched(server.url + "/good", tmp_path / "file", check=good).read_bytes() == GOOD
    assert server.asked == ["/good"]


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("/other", "download-other"),
        ("/empty", "download-other"),
        ("/longer", "download-other"),
        ("/cut", "download-other"),
        ("/missing", "no-download"),
        ("/broken", "no-download"),
        ("/forbidden", "no-download"),
        ("/circle", "no-download"),
        ("/elsewhere", "no-download"),
        ("/cut-chunks", "no-download"),
        ("/bad-chunks", "no-download"),
        ("/no-http", "no-download"),
        ("/bad-status", "no-download"),
        ("/endless-line", "no-download"),
        ("/nothing", "no-download"),
        ("/slow", "no-download"),
    ],
)
@pytest.mark.parametrize("before", [None, b"a damaged file"])
def test_what_can_not_be_fetched_is_told_and_nothing_is_kept(
    place: str, code: str, before: bytes | None, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(download, "PATIENCE", 0.3)
    into = tmp_path / "folder" / "file"
    if before is not None:
        into.parent.mkdir()
        into.write_bytes(before)
    words = (server.url + place, str(into), "--set data.path=")
    assert refused(lambda: fetched(server.url + place, into, check=good), *words) == code
    assert [path.read_bytes() for path in into.parent.glob("*")] == ([] if before is None else [before])


@pytest.mark.parametrize("place", ["/good", "/moved", "/chunks", "/longer"])
def test_a_large_file_comes_piece_by_piece_and_once(
    place: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(download, "PIECE", 1000)
    into = tmp_path / "folder" / "file"
    assert fetched_large(server.url + place, into).read_bytes().startswith(GOOD)
    assert [path.name for path in into.parent.iterdir()] == ["file"]
    asked = list(server.asked)
    fetched_large(server.url + place, into)
    assert server.asked == asked
    into.unlink()
    monkeypatch.setattr(download, "MOST", 2000)
    assert len(fetched_large(server.url + place, into).read_bytes()) == 2000


@pytest.mark.parametrize(
    "place",
    ["/missing", "/broken", "/circle", "/elsewhere", "/cut-chunks", "/bad-chunks", "/no-http", "/nothing", "/slow"],
)
def test_of_a_large_file_that_does_not_come_nothing_is_kept(
    place: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(download, "PATIENCE", 0.3)
    into = tmp_path / "folder" / "file"
    assert refused(lambda: fetched_large(server.url + place, into), server.url + place, str(into)) == "no-download"
    assert list(into.parent.glob("*")) + list(into.parent.glob(".*")) == []


def test_a_large_file_needs_a_place(server: Server, tmp_path: Path):
    (tmp_path / "file").write_text("")
    into = tmp_path / "file" / "file"
    assert refused(lambda: fetched_large(server.url + "/good", into), str(into)) == "cannot-write"


def test_without_a_network_the_sentence_says_where_the_file_goes(nobody: str, tmp_path: Path):
    into = tmp_path / "file"
    assert refused(lambda: fetched(nobody, into, check=good), nobody, str(into), "refused") == "no-download"


@pytest.mark.parametrize(
    "url",
    [
        "no address",
        "http://",
        "http://[",
        "ftp:",
        "http://127.0.0.1:99999/",
        "http://a b/",
        "x://y",
    ],
)
def test_what_is_no_address_is_told(url: str, tmp_path: Path):
    assert refused(lambda: fetched(url, tmp_path / "file", check=good), str(tmp_path / "file")) == "no-download"


def test_no_more_is_read_than_any_such_file_holds(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(download, "LARGEST", len(GOOD) - 1)
    assert refused(lambda: fetched(server.url + "/good", tmp_path / "file", check=good)) == "download-other"
    monkeypatch.setattr(download, "LARGEST", len(GOOD))
    assert fetched(server.url + "/good", tmp_path / "file", check=good).read_bytes() == GOOD


def test_a_place_that_can_not_be_written_is_told(server: Server, tmp_path: Path):
    (tmp_path / "file").write_text("")
    into = tmp_path / "file" / "file"
    assert refused(lambda: fetched(server.url + "/good", into, check=good), str(into)) == "cannot-write"


def test_a_folder_where_the_file_should_be_is_told(server: Server, tmp_path: Path):
    (tmp_path / "folder").mkdir()
    refused(lambda: fetched(server.url + "/good", tmp_path / "folder", check=good), str(tmp_path / "folder"))


# --- the wine

LINES = WINE.decode().splitlines()


def of(lines: list[str], end: str = "\n") -> bytes:
    return (end.join(lines) + end).encode()


@pytest.mark.parametrize(
    ("content", "is_it"),
    [
        (WINE, True),
        (of(LINES), True),
        (of(LINES, "\r\n"), True),
        (of(LINES).rstrip(), True),
        (of([line.replace('"', "") for line in LINES]), True),
        (of([LINES[0], *sorted(LINES[1:])]), True),
        (b"", False),
        (b"<html>\n<p>Quality: 5;5</p>\n</html>", False),
        (b"\xff\xfe\0" * 1000, False),
        (of(LINES[1:]), False),
        (of(LINES[:-1]), False),
        (of([*LINES, LINES[-1]]), False),
        (of(LINES[:800]), False),
        (of(LINES[:1]), False),
        (of([*LINES[:-1], LINES[-1].rpartition(";")[0]]), False),
        (of([*LINES[:-1], LINES[-1].rpartition(";")[0] + ";10"]), False),
        (of([line.rpartition(";")[0] for line in LINES]), False),
        (of([line.replace(";", ",") for line in LINES]), False),
    ],
)
def test_the_wine_is_told_from_anything_else(content: bytes, is_it: bool):
    assert is_the_wine(content) is is_it


@pytest.fixture
def own_cache(home: Path) -> Path:
    """Where the wine is kept, by this test alone."""
    (home / "cache").unlink()
    return home / "cache" / "wine-quality" / "winequality-red.csv"


def test_the_wine_is_fetched_once(
    own_cache: Path, server: Server, nobody: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sources, "WINE", server.url + "/wine")
    data = tiza.load("wine-quality")
    assert own_cache.read_bytes() == WINE
    (tmp_path / "mine.csv").write_bytes(WINE)
    for same in (
        tiza.load("wine-quality"),
        tiza.load("wine-quality", path=str(tmp_path / "mine.csv")),
        tiza.load(tmp_path / "mine.csv", target="quality"),
    ):
        assert same.fingerprint == data.fingerprint
    monkeypatch.setattr(sources, "WINE", nobody)
    assert tiza.load("wine-quality").fingerprint == data.fingerprint
    assert server.asked == ["/wine"]
    assert data.classes == ("3", "4", "5", "6", "7", "8")
    assert data.shape == (11,)
    counts = np.sum([data.look(split).y.bincount(minlength=6).numpy() for split in ("train", "valid", "test")], 0)
    assert counts.tolist() == [int(n) for n in np.bincount([int(line.rpartition(";")[2]) for line in LINES[1:]])[3:]]


def test_the_wine_in_two_classes(own_cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sources, "WINE", server.url + "/wine")
    data = tiza.load("wine-quality", binarise="quality>=6", features=["alcohol", "pH"])
    assert data.features == ("alcohol", "pH")
    assert len(data.classes) == 2
    good_ones = sum(int(line.rpartition(";")[2]) >= 6 for line in LINES[1:])
    counts = np.sum([data.look(split).y.bincount(minlength=2).numpy() for split in ("train", "valid", "test")], 0)
    assert counts.tolist() == [len(LINES) - 1 - good_ones, good_ones]


def test_without_a_network_the_wine_may_be_put_there_by_hand(
    own_cache: Path, nobody: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sources, "WINE", nobody)
    assert refused(lambda: tiza.load("wine-quality"), str(own_cache), "--set data.path=") == "no-download"
    own_cache.parent.mkdir(parents=True, exist_ok=True)
    own_cache.write_bytes(of(LINES, "\r\n"))
    assert len(tiza.load("wine-quality").train) > 1000


def test_another_file_at_that_address_is_not_taken_for_the_wine(
    own_cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sources, "WINE", server.url + "/other")
    assert refused(lambda: tiza.load("wine-quality"), server.url, str(own_cache)) == "download-other"
    assert not own_cache.exists()
