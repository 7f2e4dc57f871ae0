"""A file from the network, once: checked, then kept; offline, one sentence says what to do."""

import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tiza import storage
from tiza.errors import TizaError

PATIENCE = 20  # seconds
LARGEST = 2**28  # bytes
PIECE, MOST = 2**20, 2**30


def fetched(url: str, into: Path, *, check: Callable[[bytes], bool]) -> Path:
    """``into``, fetched from ``url`` if it is not there yet; its content satisfies ``check``.

    Raises :class:`TizaError` when there is no network, and when what arrives is not what was expected.
    """
    try:
        if into.exists() and check(into.read_bytes()):
            return into
    except OSError as error:
        raise storage.cannot_read(into, error) from error
    with _asked(url, into) as answer:
        content = answer.read(LARGEST)
    if not check(content):
        raise TizaError("download-other", where=url, into=str(into))
    storage.write(into, content)
    return into


def fetched_large(url: str, into: Path) -> Path:
    """``into``, fetched from ``url`` piece by piece if it is not there yet; whoever asks checks what it is.

    Raises :class:`TizaError` when there is no network, and when it can't be written; then nothing is left of it.
    """
    if into.exists():
        return into
    beside = into.with_name(f".{into.name}.{os.getpid()}.part")
    try:
        with _asked(url, into) as answer:
            with _writing(into):
                into.parent.mkdir(parents=True, exist_ok=True)
                file = beside.open("wb")
            with file:
                while file.tell() < MOST and (piece := answer.read(PIECE)):
                    with _writing(into):
                        file.write(piece)
            with _writing(into):
                beside.replace(into)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    return into


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise storage.cannot_write(path, error) from error


@contextmanager
def _asked(url: str, into: Path) -> Iterator[IO[bytes]]:
    """What ``url`` answers; what goes wrong on the way is told in one sentence."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            yield answer
    except TizaError:
        raise
    except (http.client.HTTPException, OSError, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise TizaError("no-download", where=url, into=str(into), reason=str(error)) from error
