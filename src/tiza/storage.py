"""Files that survive crashes and full disks, and the one place where tiza keeps its own."""

import errno
import itertools
import json
import math
import os
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from tiza.errors import TizaError
from tiza.i18n import t


class TizaWarning(UserWarning):
    """Something the user should know that does not stop the work."""


class DivergedWarning(TizaWarning):
    """Training ended because its loss was no number any more."""


def home() -> Path:
    """Where runs, the cache and the ledger live: TIZA_HOME, else the platform's data folder.

    A home that can't be written to is replaced, with a warning, by a private folder among the temporary ones.
    """
    return _usable_home(os.environ.get("TIZA_HOME"))


@cache
def _usable_home(asked: str | None) -> Path:
    import platformdirs

    wanted = Path(asked) if asked else Path(platformdirs.user_data_dir("tiza", appauthor=False))
    wanted = wanted.absolute()
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=wanted):
            return wanted
    except OSError:
        instead = Path(tempfile.mkdtemp(prefix="tiza-"))
        warnings.warn(t("warning.home", wanted=wanted, instead=instead), TizaWarning, stacklevel=3)
        return instead


def write(path: Path, content: bytes | str) -> None:
    """Write a file whole or not at all: beside it, synced, then put in its place by one rename.

    Raises :class:`TizaError` when the disk is full or the folder read-only; what stood there is then untouched.
    """
    content = encoded(content) if isinstance(content, str) else content
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):  # it may be the folder that is none
            beside.unlink(missing_ok=True)
        raise cannot_write(path, error) from error


def encoded(text: str) -> bytes:
    """A text as UTF-8; raises :class:`TizaError` where it can't be: a path has the bytes of another encoding."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        start, end = text.rfind('"', 0, error.start) + 1, text.find('"', error.start)  # the value within JSON
        name = text[start : end if end > 0 else None].encode(errors="backslashreplace").decode()
        raise TizaError("not-utf8", where=name) from None


def read_unchanged(path: Path) -> bytes:
    """The bytes of a user's file; raises :class:`TizaError` where it can't be read or changes meanwhile."""
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            content = file.read()
            after = os.fstat(file.fileno())
    except OSError as error:
        raise cannot_read(path, error) from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(content) != after.st_size:
        raise TizaError("source-changed", where=str(path))
    return content


def cannot_read(path: Path, error: OSError) -> TizaError:
    """The sentence for a file of the user's that could not be read."""
    if isinstance(error, FileNotFoundError):
        return TizaError("source-missing", where=str(path))
    return TizaError("source-unreadable", where=str(path), reason=error.strerror or str(error))


def cannot_write(path: Path, error: OSError) -> TizaError:
    """The sentence for a file that could not be written."""
    code = "cannot-write"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        code = "disk-full"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        code = "read-only"
    return TizaError(code, where=str(path), reason=error.strerror or str(error))


def fresh_folder(parent: Path, stem: str) -> Path:
    """A new, empty folder in ``parent``, called ``stem`` or ``stem-2`` …; no other process gets the same."""
    for n in itertools.count(1):
        path = parent / (stem if n == 1 else f"{stem}-{n}")
        try:
            path.mkdir(parents=True)
            return path
        except FileExistsError:
            continue
        except OSError as error:
            raise cannot_write(path, error) from error
    raise AssertionError


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Strict JSON: NaN and infinities must be gone before."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)


def append_line(path: Path, value: Any) -> None:
    """Add one JSON line to a file that only ever grows; one system call, so that readers see whole lines or a tail."""
    line = encoded(to_json(value)) + b"\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b", buffering=0) as file:
            if file.seek(0, os.SEEK_END) and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
                line = b"\n" + line  # a crash or a full disk cut the last one off
            if file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        raise cannot_write(path, error) from error


def appended(path: Path, known: tuple[int, int] | None, end: int) -> tuple[tuple[int, int], bool, bytes]:
    """What a growing file has beyond its first ``end`` bytes, in whole lines.

    Before it its device and inode, and whether it is another file than ``known``, or a shorter one: then all of it is
    new. Raises FileNotFoundError.
    """
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        own = status.st_dev, status.st_ino
        anew = own != known or status.st_size < end
        file.seek(0 if anew else end)
        new = file.read()
    return own, anew, new[: new.rfind(b"\n") + 1]


def finite(value: Any) -> Any:
    """Plain data with NaN and infinities as null, for strict JSON."""
    if isinstance(value, dict):
        return {name: finite(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_lines(path: Path, keep: Callable[[str], bool] | None = None) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file of lines; a line that a crash left unfinished is passed over.

    ``keep``: which lines are worth parsing.
    """
    if path.exists():
        with path.open(encoding="utf-8", errors="replace") as file:
            yield from parse_lines(file if keep is None else filter(keep, file))


def parse_lines(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The JSON objects among ``lines``."""
    for line in lines:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield value
