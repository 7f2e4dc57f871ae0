"""The pictures of a tree as one array: all of one size, decoded once, kept in TIZA_HOME and taken up again there.

Large pictures are decoded in threads (Pillow lets go of the interpreter meanwhile). What is decoded is written down as
it goes: a process killed in the middle goes on where it was.
"""

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from tiza import storage
from tiza.data.growing import Growing, kept
from tiza.data.intake import Header, decode, header, prepare, quiet
from tiza.data.rows import PIECE, RESIDENT, Rows
from tiza.data.tree import Tree
from tiza.errors import Note, TizaError, note

Size = tuple[int, int]  # height, width
LARGEST = 256  # pictures that are all of one size stay as they are up to this side
USUAL = 64  # the side that others are brought to, where none is asked for
AT_ONCE = 2_000  # pictures decoded between two entries in the book of progress
LARGE = 2**16  # pixels; smaller pictures are decoded faster than threads change

Progress = Callable[[int, int], None] | None
Bad = dict[int, TizaError]


def read(
    tree: Tree, size: Size | None, channels: int | None, *, key: str, skip_bad: bool, progress: Progress
) -> tuple[np.ndarray | Rows, dict[str, Any], Bad, list[Note]]:
    """All pictures, uint8 N×C×H×W; the form that they were brought to; those that are bad; what was done to the others.

    ``size`` and ``channels`` are chosen from the pictures where they are None. A bad picture is raised, or left black
    and listed with ``skip_bad``. ``key`` names what was asked for: the same key with other files begins anew. Up to
    RESIDENT is given in memory. Raises :class:`TizaError` for files that change meanwhile and for a full disk.
    """
    name = hashlib.blake2b(f"{key}\0{size}\0{channels}".encode("utf-8", "replace"), digest_size=12).hexdigest()
    with kept("pictures", name) as folder:
        build = _Build(tree, folder, skip_bad, progress)
        heads = build.heads()
        large = float(np.median(heads["height"].astype(float) * heads["width"])) >= LARGE
        while True:
            form, notes = _form(heads, size, channels, build.bad, where=tree.source.where)
            known = len(build.bad)
            build.rows(form, large=large)
            if len(build.bad) == known:  # else one that proved bad may have decided for the others
                break
        n, shape = len(tree.names), (form["channels"], form["height"], form["width"])
        stored = Rows(build.growing.rows, n, shape, np.dtype(np.uint8))
        x = np.fromfile(build.growing.rows, np.uint8).reshape(n, *shape) if stored.nbytes <= RESIDENT else stored
        return x, form, build.bad, notes


def _form(
    heads: np.ndarray, size: Size | None, channels: int | None, bad: Bad, where: str
) -> tuple[dict[str, Any], list[Note]]:
    """The form for pictures with these headers, and what it does to them."""
    sound = heads["height"] > 0
    sound[list(bad)] = False
    good = heads[sound]
    if not len(good):
        raise bad[min(bad)] if bad else TizaError("no-pictures", where=where)
    sides = np.unique(np.stack([good["height"], good["width"]], 1), axis=0)
    if size is None:
        alike = len(sides) == 1 and sides.max() <= LARGEST
        side = min(USUAL, max(8, int(np.median(sides.max(1)))))
        size = (int(sides[0, 0]), int(sides[0, 1])) if alike else (side, side)
    colours = channels or int(good["channels"].max())
    form = {"form": "image", "channels": colours, "height": size[0], "width": size[1]}
    notes: list[Note] = []
    if resized := int(((good["height"] != size[0]) | (good["width"] != size[1])).sum()):
        areas = sides.prod(1)
        small, large = (f"{h}×{w}" for h, w in (sides[areas.argmin()], sides[areas.argmax()]))
        notes.append(note("resized", n=resized, small=small, large=large, size=f"{size[0]}×{size[1]}"))
    counts = {
        "to-colour": int((good["channels"] == 1).sum()) if colours == 3 else 0,
        "to-grey": int((good["channels"] == 3).sum()) if colours == 1 else 0,
        **{kind: int(good[kind].sum()) for kind in ("palette", "transparent", "deep", "turned")},
    }
    return form, notes + [note(kind, n=n) for kind, n in counts.items() if n]


class _Build:
    """The cache of one tree: ``heads.npy``, and the pictures one after another."""

    def __init__(self, tree: Tree, folder: Path, skip_bad: bool, progress: Progress) -> None:
        self.tree, self.skip_bad, self.progress = tree, skip_bad, progress
        self.growing = Growing(folder, tree.digest())
        known = self.growing.facts.get("bad", {})
        if any(code == "picture-unreadable" for code, _ in known.values()):  # its rights may have changed, untold
            self.growing.done, known = 0, {}
        self.bad: Bad = {int(i): TizaError(code, where=tree.place(int(i)), **more) for i, (code, more) in known.items()}

    def heads(self) -> np.ndarray:
        """The headers of all pictures, N, a structured array; zeros where one is bad."""
        path, tree = self.growing.folder / "heads.npy", self.tree
        kinds = np.dtype([(k, np.int32 if kind is int else np.bool_) for k, kind in Header.__annotations__.items()])
        if self.growing.done:
            with suppress(OSError, ValueError, EOFError):
                known = np.lib.format.read_array(io.BytesIO(path.read_bytes()))
                if known.shape == (len(tree.names),) and known.dtype == kinds:
                    return known
        self.growing.done, self.bad = 0, {}
        heads = np.zeros(len(tree.names), kinds)
        for i, name in enumerate(tree.names):
            try:
                with quiet(), tree.source.peek(name, tree.stamps[i]) as file:
                    heads[i] = header(file, tree.place(i))
            except TizaError as error:
                self._blame(i, error)
            if self.progress and i % 1000 == 0:
                self.progress(0, len(tree.names))
        buffer = io.BytesIO()
        np.save(buffer, heads)
        storage.write(path, buffer.getvalue())
        return heads

    def rows(self, form: dict[str, Any], *, large: bool) -> None:
        """Decode what is not there yet, ``large`` pictures in threads."""
        if self.bad and not self.skip_bad:
            raise self.bad[min(self.bad)]
        if self.growing.facts.get("form") != form:
            self.growing.done, self.growing.facts["form"] = 0, form
        size, n = form["channels"] * form["height"] * form["width"], len(self.tree.names)
        at_once = max(16, min(AT_ONCE, PIECE // size))

        def one(i: int) -> Any:
            if i in self.bad:
                return self.bad[i]
            try:
                with self.tree.source.open(self.tree.names[i], self.tree.stamps[i]) as file:
                    picture = prepare(decode(file, self.tree.place(i)), form)
            except TizaError as error:
                return error
            assert picture is not None
            return picture.data

        def samples(numbers: range) -> Iterator[Any]:
            for i, picture in zip(numbers, (pool.map if large else map)(one, numbers), strict=True):
                if isinstance(picture, TizaError):
                    self._blame(i, picture)
                yield bytes(size) if isinstance(picture, TizaError) else picture

        with self.growing.appending(size) as append:
            if self.growing.done == n:
                return
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                while (done := self.growing.done) < n:
                    with quiet():
                        append(samples(range(done, min(done + at_once, n))))
                    if self.progress:
                        self.progress(self.growing.done, n)
        if self.tree.source.changed(self.tree.found):
            (self.growing.folder / "progress.json").unlink(missing_ok=True)
            raise TizaError("source-changed", where=self.tree.source.where)

    def _blame(self, i: int, error: TizaError) -> None:
        if error.code == "source-changed" or not self.skip_bad:
            raise error
        self.bad[i] = error
        self.growing.facts["bad"] = {str(i): (error.code, error.fields) for i, error in self.bad.items()}
