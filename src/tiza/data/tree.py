"""Pictures sorted into folders, on disk or in a zip: DIR/CLASS/* or DIR/{train,valid,test}/CLASS/*. No torch.

Nothing of a zip is unpacked to disk. Hidden files and what systems leave in folders are passed over; a link that leaves
the folder, and a name that would leave the zip, are refused.
"""

import hashlib
import io
import os
import re
import stat
import sys
import unicodedata
import zipfile
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tiza.errors import TizaError
from tiza.i18n import t
from tiza.storage import cannot_read

PICTURES = frozenset(
    [
        ".png",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".gif",
        ".bmp",
        ".webp",
        ".tif",
        ".tiff",
        ".heic",
        ".heif",
        ".avif",
        ".ppm",
        ".pgm",
        ".svg",
        ".ico",
    ]
)
LEFT_BY_SYSTEMS = frozenset(("thumbs.db", "desktop.ini", "__macosx", "$recycle.bin"))
SPLITS = {
    "train": "train", "training": "train", "entrenamiento": "train",
    "valid": "valid", "val": "valid", "validation": "valid", "validación": "valid", "validacion": "valid",
    "test": "test", "testing": "test", "prueba": "test",
}  # fmt: skip
ORDER = ("train", "valid", "test")
HEAVY = 2**28  # bytes; no picture of 25 megapixels is larger
DEEPEST = 100  # folders in a zip
BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the other methods unpack more than they are asked for


@dataclass
class Found:
    """What a folder or a zip holds: ``names`` relative to it, with ``/``; ``stamps`` tell whether one has changed."""

    names: list[str] = field(default_factory=list)
    stamps: "array[int]" = field(default_factory=lambda: array("q"))  # two numbers for each name
    folders: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    faults: list[TizaError] = field(default_factory=list)

    def pairs(self) -> np.ndarray:
        """The stamps, N×2."""
        return np.frombuffer(self.stamps, np.int64).reshape(-1, 2)

    def ordered(self) -> "Found":
        """The same, in the order of the names, which a folder and its zip then share."""
        order = sorted(range(len(self.names)), key=self.names.__getitem__)
        self.stamps = array("q", self.pairs()[order].tobytes())
        self.names = [self.names[i] for i in order]
        return self

    def enter(self, name: str, stamp: tuple[int, int]) -> None:
        """One more file: a picture by its ending, or without one, or something else."""
        suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122  (a million Paths are slow)
        if suffix in PICTURES or not suffix:
            self.names.append(name)
            self.stamps.extend(stamp)
        else:
            self.others.append(name)


class Folder:
    """A folder on disk."""

    def __init__(self, root: Path) -> None:
        self.where = str(root)
        self.root = os.path.realpath(root)

    def scan(self) -> Found:
        """Everything below it, in alphabetical order."""
        found = Found()
        try:
            self._scan(found)
        except OSError as error:
            raise cannot_read(Path(error.filename or self.where), error) from error
        return found.ordered()

    def _scan(self, found: Found) -> None:
        waiting = [(self.root, "")]
        while waiting:
            folder, before = waiting.pop()
            with os.scandir(folder) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
            for entry in ordered:
                if _is_hidden(entry.name):
                    continue
                name = before + entry.name
                if entry.is_symlink():
                    target = os.path.realpath(entry.path)
                    if not target.startswith(self.root + os.sep) or not Path(target).is_file():
                        found.faults.append(TizaError("link-out", where=f"{self.where}/{name}"))
                        continue
                if entry.is_dir():
                    found.folders.append(name)
                    waiting.append((entry.path, name + "/"))
                elif entry.is_file():
                    status = entry.stat()
                    found.enter(name, (status.st_size, status.st_mtime_ns))

    def open(self, name: str, stamp: Sequence[int]) -> BinaryIO:
        """The file, as it was when it was found."""
        try:
            file = open(os.path.join(self.root, name), "rb")  # noqa: PTH118, PTH123, SIM115
        except FileNotFoundError as error:
            raise TizaError("source-changed", where=f"{self.where}/{name}") from error
        except OSError as error:
            where, reason = f"{self.where}/{name}", error.strerror or str(error)
            raise TizaError("picture-unreadable", where=where, reason=reason) from error
        now = os.fstat(file.fileno())
        if (now.st_size, now.st_mtime_ns) != tuple(stamp):
            file.close()
            raise TizaError("source-changed", where=f"{self.where}/{name}")
        return file

    peek = open

    def changed(self, since: Found) -> bool:
        """Whether anything was added, removed or written since then."""
        now = self.scan()
        return (now.names, now.stamps) != (since.names, since.stamps)


class Zip:
    """A zip of such folders; ``file`` is read, and never unpacked to disk."""

    def __init__(self, file: BinaryIO, where: str) -> None:
        self.where, self.file, self.stamp = where, file, _stamp(file)
        try:
            self.zip = zipfile.ZipFile(file)
        except Exception as error:  # what zipfile trips over in broken bytes is no closed list
            raise TizaError("zip-damaged", where=where) from error
        self.members: dict[str, zipfile.ZipInfo] = {}

    def scan(self) -> Found:
        """Everything in it, in alphabetical order."""
        found = Found()
        folders: set[str] = set()
        members = sorted((info.filename.replace("\\", "/"), i, info) for i, info in enumerate(self.zip.infolist()))
        for name, _, info in members:
            where = f"{self.where}/{name}"
            parts = name.rstrip("/").split("/")
            linked = stat.S_ISLNK(info.external_attr >> 16)
            if linked or name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in parts:
                raise TizaError("zip-escape", where=where)
            is_folder, parts = name.endswith("/"), [part for part in parts if part not in ("", ".")]
            if not parts or any(map(_is_hidden, parts)):
                continue
            if len(parts) > DEEPEST:
                raise TizaError("zip-damaged", where=self.where)
            name = "/".join(parts)
            folders |= {"/".join(parts[:i]) for i in range(1, len(parts) + is_folder)}
            if is_folder:
                continue
            if info.flag_bits & 1:
                raise TizaError("zip-password", where=self.where)
            if name in self.members:
                raise TizaError("zip-twice", where=where)
            self.members[name] = info
            found.enter(name, (min(info.file_size, 2**62), info.CRC))  # a size may be claimed that no array holds
        found.folders.extend(sorted(folders))
        return found.ordered()

    def peek(self, name: str, _: Sequence[int]) -> BinaryIO:
        """The beginning of a member can be read from this without unpacking the rest."""
        info = self.members[name]
        if self.changed(Found()):
            raise TizaError("source-changed", where=self.where)
        if info.file_size > HEAVY:
            raise TizaError("bomb", where=f"{self.where}/{name}", megabytes=HEAVY // 2**20)
        if info.compress_type not in BOUNDED:
            raise TizaError("picture-damaged", where=f"{self.where}/{name}")
        try:
            return self.zip.open(info)  # pyright: ignore[reportReturnType]
        except Exception as error:  # as above
            raise TizaError("picture-damaged", where=f"{self.where}/{name}") from error

    def open(self, name: str, stamp: Sequence[int]) -> BinaryIO:
        """A member, unpacked in memory; what its header claims is not believed."""
        with self.peek(name, stamp) as packed:
            try:
                content = packed.read(HEAVY + 1)
            except Exception as error:  # as above
                raise TizaError("picture-damaged", where=f"{self.where}/{name}") from error
        if len(content) > HEAVY:
            raise TizaError("bomb", where=f"{self.where}/{name}", megabytes=HEAVY // 2**20)
        return io.BytesIO(content)

    def changed(self, since: Found) -> bool:
        """Whether the file was written since it was opened."""
        return self.stamp != _stamp(self.file)


def _stamp(file: BinaryIO) -> tuple[int, int]:
    try:
        status = os.fstat(file.fileno())
    except OSError:  # in memory
        return (0, 0)
    return status.st_size, status.st_mtime_ns


@dataclass(frozen=True)
class Tree:
    """The pictures of a folder or zip by split and class; sorted so that each split is one stretch.

    ``names``, ``stamps`` (N×2), ``labels`` and ``splits`` (0 train, 1 valid, 2 test) run in step.
    """

    source: Folder | Zip
    names: list[str]
    stamps: np.ndarray
    labels: np.ndarray
    splits: np.ndarray
    classes: tuple[str, ...]
    found: Found
    faults: list[TizaError]

    def place(self, i: int) -> str:
        """Where picture ``i`` is, for a sentence."""
        return f"{self.source.where}/{self.names[i]}"

    def take(self, index: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]) -> "Tree":
        """Some of the pictures, with their new labels."""
        names, splits = [self.names[i] for i in index], self.splits[index]
        return Tree(self.source, names, self.stamps[index], labels, splits, classes, self.found, self.faults)

    def digest(self) -> str:
        """A hash that tells this list of files, as they are now, from any other."""
        state = hashlib.blake2b(digest_size=16)
        for name in self.names:
            state.update(f"{name}\0".encode("utf-8", "surrogateescape"))
        for numbers in (self.stamps, self.labels, self.splits):
            state.update(numbers.tobytes())
        return state.hexdigest()


def arrange(source: Folder | Zip) -> Tree:
    """The pictures that ``source`` holds, by split and class.

    Raises :class:`TizaError` for a folder without pictures or without class folders, a class folder without pictures, a
    split without train, and classes that differ between splits.
    """
    found, where = source.scan(), source.where
    if not found.names:
        raise found.faults[0] if found.faults else TizaError("no-pictures", where=where)
    start = _wrapping(found.names, found.folders)
    tops = _tops(found.names, found.folders, start)
    of_split = {top: split for top in sorted(tops) if (split := _split(top))}
    divided = len(tops) > 1 and len(of_split) == len(tops)
    if divided:
        twice = sorted(tops, key=lambda top: (of_split[top], top))
        for one, other in pairwise(twice):
            if of_split[one] == of_split[other]:
                raise TizaError("split-twice", where=where, one=one, other=other)
        if "train" not in of_split.values():
            raise TizaError("no-train", where=where, found=", ".join(sorted(tops)))
    elif len(of_split) > 1 and "train" in of_split.values():
        others = sorted(tops - of_split.keys())
        raise TizaError("split-beside", where=where, splits=", ".join(of_split), others=", ".join(others[:3]))
    depth = 2 if divided else 1  # components before the file's own name

    faults = list(found.faults)
    place: list[int] = []
    label_names: list[str] = []
    splits: list[int] = []
    for i, name in enumerate(found.names):
        parts = name[start:].split("/", depth)
        if len(parts) <= depth:
            faults.append(TizaError("no-class", where=f"{where}/{name}"))
            continue
        place.append(i)
        label_names.append(sys.intern(parts[depth - 1]))
        splits.append(ORDER.index(of_split[parts[0]]) if divided else 0)
    if not place:
        raise TizaError("no-class-folders", where=where)
    if divided and 0 not in splits:
        raise TizaError("no-train", where=where, found=", ".join(sorted(tops)))
    names = set(label_names)
    for folder in _inside(found.folders, start):
        parts = folder[start:].split("/")
        bare = divided and len(parts) == 1 and ORDER.index(of_split[parts[0]]) not in splits
        if bare or (len(parts) == depth and parts[-1] not in names):
            faults.append(TizaError("empty-class", where=f"{where}/{folder}", label=parts[-1]))
    classes = _in_order(names)
    number = {name: i for i, name in enumerate(classes)}
    labels, split = np.array([number[name] for name in label_names], np.int64), np.array(splits, np.int8)
    order = np.lexsort((labels, split))  # stable: within a class as they were found
    numbers = np.array(place)[order]
    return Tree(
        source, [found.names[i] for i in numbers], found.pairs()[numbers], labels[order], split[order],
        tuple(os.fsencode(name).decode("utf-8", "backslashreplace") for name in classes), found, faults,
    )  # fmt: skip


def check_classes(tree: Tree) -> None:
    """Raise the one sentence for a class that one split has and another has not."""
    present = {s: set(tree.labels[tree.splits == s].tolist()) for s in set(tree.splits.tolist())}
    for label, name in enumerate(tree.classes):
        having = [s for s in sorted(present) if label in present[s]]
        lacking = [s for s in sorted(present) if label not in present[s]]
        if having and lacking:
            present_in, absent_in = (t(f"split.{ORDER[side[0]]}") for side in (having, lacking))
            raise TizaError("class-differs", where=tree.source.where, label=name, present=present_in, absent=absent_in)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in LEFT_BY_SYSTEMS


def _tops(names: Sequence[str], folders: Sequence[str], start: int) -> set[str]:
    """The folders right behind ``start``."""
    inner = {name[start:].partition("/")[0] for name in names if "/" in name[start:]}
    return inner | {name[start:].partition("/")[0] for name in _inside(folders, start)}


def _split(name: str) -> str | None:
    """The split that a folder of this name holds; macOS writes ó as o and an accent."""
    return SPLITS.get(unicodedata.normalize("NFC", name).casefold())


def _inside(names: Sequence[str], start: int) -> Iterator[str]:
    return (name for name in names if len(name) > start)


def _wrapping(names: Sequence[str], folders: Sequence[str]) -> int:
    """The length of the folders around everything, as a zip has one: up to where classes or splits begin."""
    start = 0
    while True:
        tops = _tops(names, folders, start)
        if len(tops) != 1 or max(name.count("/", start) for name in names) < 2:
            return start
        start += len(tops.pop()) + 1


def _in_order(names: set[str]) -> list[str]:
    """Class names in numeric order where all of them are numbers, else in alphabetical order."""
    numeric = all(name.isdecimal() and len(name) < 20 for name in names)
    return sorted(names, key=lambda name: (int(name), name)) if numeric else sorted(names)
