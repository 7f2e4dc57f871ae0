"""A file from the network, once: checked, then kept; offline, one sentence says what to do."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tiza import storage
from tiza.errors import TizaError

PATIENCE = 20  # seconds
LARGEST = 2**28  # bytes


def fetched(url: str, into: Path, *, check: Callable[[bytes], bool]) -> Path:
    """``into``, fetched from ``url`` if it is not there yet; its content satisfies ``check``.

    Raises :class:`TizaError` when there is no network, and when what arrives is not what was expected.
    """
    try:
        if into.exists() and check(into.read_bytes()):
            return into
    except OSError as error:
        raise storage.cannot_read(into, error) from error
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            content = answer.read(LARGEST)
    except (http.client.HTTPException, OSError, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise TizaError("no-download", where=url, into=str(into), reason=str(error)) from error
    if not check(content):
        raise TizaError("download-other", where=url, into=str(into))
    storage.write(into, content)
    return into
