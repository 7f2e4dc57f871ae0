"""A file of samples that is written once, piece by piece, and taken up again by the next process after a crash."""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from tiza import storage


class Growing:
    """``rows`` in a folder of TIZA_HOME's cache, and the book of how many of them are safe.

    ``digest`` tells what they are made from: with another one they begin anew. ``facts`` is plain data kept beside.
    """

    def __init__(self, folder: Path, digest: str) -> None:
        self.folder, self.digest, self.done = folder, digest, 0
        self.facts: dict[str, Any] = {}
        with suppress(OSError, ValueError, KeyError, TypeError):
            book = json.loads((folder / "progress.json").read_text(encoding="utf-8"))
            if book["digest"] == digest:
                self.done, self.facts = int(book["done"]), dict(book["facts"])

    @property
    def rows(self) -> Path:
        """The file of the samples."""
        return self.folder / "rows"

    @contextmanager
    def appending(self, size: int) -> Iterator[Callable[[Iterable[Any]], None]]:
        """A function that adds samples of ``size`` bytes each and returns when they are safe."""
        self.done = min(self.done, self.rows.stat().st_size // max(size, 1)) if self.rows.exists() else 0
        with self.rows.open("r+b" if self.done else "wb", buffering=0) as file:  # nothing is left to be written late
            if file.seek(0, os.SEEK_END) != self.done * size:  # to cut a file to its own length sets its time
                file.truncate(self.done * size)
            file.seek(self.done * size)

            def append(samples: Iterable[Any]) -> None:
                every = list(samples)
                left = memoryview(b"".join(every))
                while left:
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
                self.done += len(every)
                self.enter()

            try:
                yield append
            except OSError:
                file.truncate(0)  # a full disk: its room is given back
                raise

    def enter(self) -> None:
        """Write down how far it is."""
        book = {"digest": self.digest, "done": self.done, "facts": self.facts}
        storage.write(self.folder / "progress.json", storage.to_json(book))


@contextmanager
def kept(kind: str, name: str) -> Iterator[Path]:
    """A folder of the cache that no other process writes to meanwhile."""
    folder = storage.home() / "cache" / kind / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            yield folder
    except OSError as error:
        raise storage.cannot_write(folder, error) from error
