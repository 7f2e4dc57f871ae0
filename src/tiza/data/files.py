"""The user's own data as sources: a folder of pictures or its zip, a CSV table, ``.npz`` and IDX files; and the wine.

torch and pandas are imported only when something is read.
"""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from tiza import storage
from tiza.config import Names
from tiza.errors import TizaError, note
from tiza.registry import register, table

if TYPE_CHECKING:
    from tiza.data.dataset import Raw, Reading
    from tiza.data.streams import Stream

# The keys of an .npz: Keras', then MedMNIST's, then the shortest.
KEYS = {
    "train": (("x_train", "y_train"), ("X_train", "y_train"), ("train_images", "train_labels"), ("x", "y"), ("X", "y")),
    "valid": (("x_valid", "y_valid"), ("x_val", "y_val"), ("X_valid", "y_valid"), ("val_images", "val_labels")),
    "test": (("x_test", "y_test"), ("X_test", "y_test"), ("test_images", "test_labels")),
}


def _as_size(value: Any) -> Any:
    """64, "64x48" or (64, 48): height and width."""
    if isinstance(value, str):
        found = re.fullmatch(r"(\d{1,5})(?:\s*[x×]\s*(\d{1,5}))?", value.strip())
        if not found:
            raise PydanticCustomError("size", "64 or 48x64")
        return int(found[1]), int(found[2] or found[1])
    return (value, value) if isinstance(value, int) and not isinstance(value, bool) else value


Side = Annotated[int, Field(ge=4, le=1024)]
Size = Annotated[tuple[Side, Side], BeforeValidator(_as_size)]


def named(source: str | Path) -> dict[str, Any]:
    """The name in the registry, and the path, of what the user calls ``source``: a name, or a path to something.

    A registered name comes first; ``./mnist`` is a folder. Raises :class:`TizaError` for a path that leads nowhere.
    """
    text = str(source)
    known = table("dataset").get(text)  # "csv" is no data set by itself
    if isinstance(source, str) and (text == "external" or (known and "own" not in known.facts)):
        return {"name": text}
    path = Path(os.path.abspath(text))  # noqa: PTH100  (a link stays the name that the user gave)
    if not text or not os.path.exists(path):  # noqa: PTH110  (which answers for a name that is too long, too)
        if isinstance(source, Path) or re.search(r"[/\\]|\.\w{1,5}$", text):
            raise TizaError("source-missing", where=text)
        return {"name": text}  # the registry suggests the nearest
    return {"name": _kind(path), "path": str(path)}


def _kind(path: Path) -> str:
    """Which source reads what is at ``path``, told from what it holds."""
    if path.is_dir():
        return "idx" if _idx_parts(path) else "folder"
    if not path.is_file():  # a pipe would be waited for
        raise TizaError("source-unknown", where=str(path))
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise storage.cannot_read(path, error) from error
    suffix = path.suffix.lower()
    if suffix in (".xlsx", ".xlsm", ".xls", ".ods"):
        raise TizaError("no-text", where=str(path))
    if suffix == ".npz":
        return "npz"
    if head.startswith(b"PK") or suffix == ".zip":
        return "folder"
    if head.startswith(b"\0\0") or "ubyte" in path.name:
        return "idx"
    if head.startswith(b"\x1f\x8b"):
        raise TizaError("source-packed", where=str(path))
    if head.startswith((b"\x89PNG", b"\xff\xd8\xff")):
        raise TizaError("source-picture", where=str(path))
    return "csv"


@register("dataset", "folder", own="images", reading=True)
def folder(
    reading: "Reading",
    *,
    path: str,
    size: Size | None = None,
    channels: Literal[1, 3] | None = None,
    skip_bad: bool = False,
) -> "Raw":
    """Pictures sorted by class into folders, or a zip of them.

    ``size``: height and width that all are brought to; by default their own, if it is one and at most 256, else 64×64.
    ``channels``: 1 (grey) or 3; by default 3 where any picture has colours.
    """
    from tiza.data import tree

    place = Path(path)
    if place.is_dir():
        return _from_tree(tree.Folder(place), reading, size, channels, skip_bad)
    try:
        with place.open("rb") as file:
            return _from_tree(tree.Zip(file, path), reading, size, channels, skip_bad)
    except OSError as error:
        raise storage.cannot_read(place, error) from error


def _from_tree(source: Any, reading: "Reading", size: Any, channels: int | None, skip_bad: bool) -> "Raw":
    import numpy as np

    from tiza.data import pictures, tree
    from tiza.data.dataset import Raw
    from tiza.data.rows import Rows

    whole = tree.arrange(source)
    if whole.faults and not skip_bad:
        raise whole.faults[0]
    numbers, classes = reading.renumber(whole.classes, f"{source.where}: classes")
    labels = numbers[whole.labels]
    places = np.flatnonzero(labels >= 0)
    learnt = places[whole.splits[places] == 0]
    kept = np.concatenate([learnt[reading.limited(labels[learnt])], places[whole.splits[places] > 0]])
    chosen = whole.take(kept, labels[kept], classes)
    tree.check_classes(chosen)
    key = f"{source.where}\0{classes}\0{reading.limit}\0{reading.seed}"
    x, form, bad, notes = pictures.read(chosen, size, channels, key=key, skip_bad=skip_bad, progress=reading.progress)
    good = np.array([i not in bad for i in range(len(chosen.names))])
    if (gone := np.setdiff1d(chosen.labels, chosen.labels[good])).size:
        raise bad[min(i for i in bad if chosen.labels[i] == gone[0])]

    def split(number: int) -> Any:
        index: Any = np.flatnonzero(good & (chosen.splits == number))
        if not len(index):
            return None
        if index[-1] - index[0] + 1 == len(index):  # no copy of what may be large
            index = slice(index[0], index[-1] + 1)
        return x.take(index) if isinstance(x, Rows) else x[index], chosen.labels[index]

    train = split(0)
    if train is None:
        raise bad[min(bad)]
    if whole.found.others:
        others = whole.found.others
        notes.append(note("others", n=len(others), examples=", ".join(others[:3])))
    own = {name: pair for name, pair in (("valid", split(1)), ("test", split(2))) if pair}
    skipped = (*whole.faults, *(bad[i] for i in sorted(bad)))
    return Raw(train[0], train[1], classes, form=form, notes=tuple(notes), skipped=skipped, **own)


@register("dataset", "csv", own="table")
def csv(
    *,
    path: str,
    target: str | None = None,
    binarise: str | None = None,
    features: Names | None = None,
    skip_bad: bool = False,
) -> "Raw":
    """A table in a delimited file. ``target``: the column that is the answer; ``features``: those to learn from."""
    from dataclasses import replace

    from tiza.data.delimited import read_csv
    from tiza.data.tables import Place, from_table

    sheet = read_csv(path, skip_bad=skip_bad)
    place = Place(path, sheet.lines)
    raw = from_table(sheet.frame, place, target=target, binarise=binarise, features=features, skip_bad=skip_bad)
    return replace(raw, notes=(*sheet.notes, *raw.notes), skipped=(*sheet.skipped, *raw.skipped))


@register("dataset", "npz", own="arrays")
def npz(*, path: str) -> "Raw":
    """Arrays in an ``.npz`` file: ``x_train y_train x_test y_test``, as Keras names them."""
    from tiza.data import streams

    arrays = streams.npz(Path(path))
    parts: dict[str, tuple[Stream, Stream]] = {}
    for split, pairs in KEYS.items():
        for x, y in pairs:
            if x in arrays and y in arrays:
                parts.setdefault(split, (arrays[x], arrays[y]))
    if "train" not in parts:
        raise TizaError("npz-keys", where=path, found=", ".join(sorted(arrays)) or "–")
    return _from_streams(parts)


@register("dataset", "idx", own="images")
def idx(*, path: str) -> "Raw":
    """IDX files as MNIST's makers name them, gzipped or not: their folder, or the file of the train images."""
    from tiza.data import streams

    place = Path(path)
    sets = _idx_parts(place if place.is_dir() else place.parent)
    if not place.is_dir():
        other = place.with_suffix("") if place.suffix == ".gz" else place  # beside its .gz, the plain file is read
        sets = {
            name: found
            for name, found in sets.items()
            if any({place, other} & {*files.values()} for files in found.values())
        }
    if not sets:
        raise TizaError("idx-partner", where=path)
    if len(sets) > 1:
        raise TizaError("idx-several", where=path, found=", ".join(sets))
    (found,) = sets.values()
    for files in found.values():
        if files.keys() != {"images", "labels"}:
            raise TizaError("idx-partner", where=str(next(iter(files.values()))))
    if "train" not in found:
        raise TizaError("no-train", where=path, found=", ".join(found))
    return _from_streams(
        {split: (streams.idx_file(f["images"]), streams.idx_file(f["labels"])) for split, f in found.items()}
    )


def _idx_parts(folder: Path) -> dict[str, dict[str, dict[str, Path]]]:
    """The IDX files of a folder by set, split and kind: ``{"emnist": {"train": {"images": …, "labels": …}}}``."""
    sets: dict[str, dict[str, dict[str, Path]]] = {}
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise storage.cannot_read(folder, error) from error
    for file in files:
        parts = re.fullmatch(r"(.*?)[-_.]?(images|labels)[-_.]idx\d[-_.]ubyte(\.gz)?", file.name)
        if parts and file.is_file():
            before = re.fullmatch(r"(.*?)[-_.]?(train|test|t10k)?", parts[1].lower())
            name, split = (before[1], before[2]) if before else (parts[1], None)
            split = "test" if split in ("test", "t10k") else "train"
            sets.setdefault(name, {}).setdefault(split, {}).setdefault(parts[2], file)  # x before x.gz
    return sets


def _from_streams(parts: "dict[str, tuple[Stream, Stream]]") -> "Raw":
    """The arrays of a file: in memory, or left in it where they would not fit."""
    from tiza.data import streams
    from tiza.data.arrays import Part, from_arrays
    from tiza.data.rows import RESIDENT
    from tiza.data.samples import check_scale, scale_of

    train = parts["train"][0]
    for x, y in parts.values():
        for array in (x, y):
            if not array.shape:
                raise TizaError("array-length", where=array.where, shape="1")
        if x.shape[0] != y.shape[0]:
            raise TizaError("lengths", where=f"{x.where}, {y.where}", samples=x.shape[0], labels=y.shape[0])
    if sum(x.nbytes for x, _ in parts.values()) <= RESIDENT:
        return from_arrays({split: Part(x.read(), y.read(), x.where, y.where) for split, (x, y) in parts.items()})
    for x, _ in parts.values():
        if x.dtype.kind not in "biuf" or len(x.shape) not in (2, 3, 4):
            raise TizaError("sample-shape", where=x.where, shape="×".join(map(str, x.shape)), dtype=str(x.dtype))
    ends = {
        split: streams.bounds(x)
        for split, (x, _) in parts.items()
        if len(x.shape) > 2 and (x.nbytes or split == "train") and not (x.dtype == train.dtype == "uint8")
    }
    scale = scale_of(train.dtype, *ends["train"]) if "train" in ends else None
    for split, found in ends.items() if len(train.shape) > 2 else ():
        check_scale(parts[split][0].where, parts[split][0].dtype, found, scale)
    ready = {split: Part(streams.on_disk(x, scale), y.read(), x.where, y.where) for split, (x, y) in parts.items()}
    return from_arrays(ready, scale=scale)
