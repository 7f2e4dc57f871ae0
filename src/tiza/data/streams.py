"""Arrays in files, read piece by piece: ``.npz`` and IDX, gzipped or not. Nothing is unpickled, no header believed."""

import gzip
import hashlib
import math
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from tiza.data import idx
from tiza.data.growing import Growing, kept
from tiza.data.rows import PIECE, Rows
from tiza.data.samples import as_bytes, channels_first, channels_last
from tiza.errors import TizaError
from tiza.storage import cannot_read

# What deflate makes of zeros is 1,032 times smaller; no data that can be learnt from is packed nearly as well.
BOMB, LARGE = 500, 2**28
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError, KeyError)


@dataclass(frozen=True)
class Stream:
    """An array in a file: type, shape, and how to read its values from the beginning.

    ``offset``: where they begin in the file at ``path``, if they stand there as they are.
    """

    where: str
    path: Path
    stamp: tuple[int, int]
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    opened: Callable[[], Any]
    offset: int | None = None
    fortran: bool = False

    @property
    def nbytes(self) -> int:
        """Of all values."""
        return math.prod(self.shape) * self.dtype.itemsize

    def read(self) -> np.ndarray:
        """The whole array."""
        if self.fortran:
            with self._open() as file:
                return np.frombuffer(self._values(file, self.nbytes), self.dtype).reshape(self.shape, order="F")
        if not self.shape:
            raise self._wrong("array-length")
        whole = np.empty(self.shape, self.dtype)
        first = 0
        for piece in self.pieces():
            whole[first : first + len(piece)] = piece
            first += len(piece)
        return whole

    def pieces(self) -> Iterator[np.ndarray]:
        """The array along its first axis, some megabytes at a time."""
        if self.fortran:
            raise TizaError("array-order", where=self.where)
        sample = math.prod(self.shape[1:]) * self.dtype.itemsize
        n = max(1, PIECE // sample if sample else self.shape[0])
        with self._open() as file:
            for first in range(0, self.shape[0], n):
                count = min(n, self.shape[0] - first)
                yield np.frombuffer(self._values(file, count * sample), self.dtype).reshape(count, *self.shape[1:])

    @contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        """The values, of which none may be left over in the end."""
        try:
            with self.opened() as file:
                yield file
                if self._read(file, 1):
                    raise self._wrong("array-length")
        except _BROKEN as error:
            if isinstance(error, TizaError):
                raise
            raise self._wrong("array-damaged") from error

    def _values(self, file: BinaryIO, n: int) -> bytes:
        content = self._read(file, n)
        if len(content) < n:
            raise self._wrong("array-length")
        return content

    def _read(self, file: BinaryIO, n: int) -> bytes:
        try:
            content = file.read(n)
        except _BROKEN as error:
            raise self._wrong("array-damaged") from error
        if stamp_of(self.path) != self.stamp:
            raise TizaError("source-changed", where=str(self.path))
        return content

    def _wrong(self, code: str) -> TizaError:
        if stamp_of(self.path) != self.stamp:
            return TizaError("source-changed", where=str(self.path))
        return TizaError(code, where=self.where, shape="×".join(map(str, self.shape)))


def stamp_of(path: Path) -> tuple[int, int]:
    """Size and time of the last change; zeros where there is no file any more."""
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return status.st_size, status.st_mtime_ns


def npz(path: Path) -> dict[str, Stream]:
    """The arrays of an ``.npz`` file by their keys; only the headers are read.

    Raises :class:`TizaError` for a damaged file, arrays of Python objects, which are never unpickled, and for sizes
    that can't be true.
    """
    try:
        opened = path.open("rb")
    except OSError as error:
        raise cannot_read(path, error) from error
    try:
        with opened as file, zipfile.ZipFile(file) as packed:
            stamp = stamp_of(path)
            return {
                info.filename.removesuffix(".npy"): _member(path, packed, info, stamp) for info in packed.infolist()
            }
    except _BROKEN as error:
        if isinstance(error, TizaError):
            raise
        raise TizaError("array-damaged", where=str(path)) from error


def _member(path: Path, packed: zipfile.ZipFile, info: zipfile.ZipInfo, stamp: tuple[int, int]) -> Stream:
    where = f"{path}: {info.filename.removesuffix('.npy')}"
    # NumPy packs by deflate alone; bzip2 and LZMA unpack without a bound, whatever the header says.
    if info.compress_size > stamp[0] or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise TizaError("array-damaged", where=where)
    with packed.open(info) as file:
        dtype, shape, fortran = _npy_header(file, where)
        head = file.tell()
    if dtype.hasobject:
        raise TizaError("array-objects", where=where)
    if info.file_size != head + math.prod(shape) * dtype.itemsize:
        raise TizaError("array-length", where=where, shape="×".join(map(str, shape)))
    _not_a_bomb(info.file_size, info.compress_size, where)
    offset = None
    if info.compress_type == zipfile.ZIP_STORED and packed.fp is not None:
        packed.fp.seek(info.header_offset + 26)  # the local header's own lengths of name and extra field
        name, extra = (int.from_bytes(packed.fp.read(2), "little") for _ in range(2))
        offset = info.header_offset + 30 + name + extra + head

    @contextmanager
    def opened() -> Iterator[Any]:
        with zipfile.ZipFile(path) as again, again.open(info.filename) as member:
            member.read(head)
            yield member

    return Stream(where, path, stamp, dtype, shape, opened, offset, fortran)


def _npy_header(file: Any, where: str) -> tuple[np.dtype[Any], tuple[int, ...], bool]:
    try:
        version = npy.read_magic(file)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        with warnings.catch_warnings(action="ignore"):
            shape, fortran, dtype = read(file)
    except Exception as error:  # what the parsers of Python and NumPy make of a text that is no header
        raise TizaError("array-damaged", where=where) from error
    sizes = all(type(n) is int and n >= 0 for n in shape)
    if not sizes or dtype.subdtype or not dtype.itemsize or not possible(shape, dtype):
        raise TizaError("array-damaged", where=where)
    return dtype, shape, fortran and len(shape) > 1


def idx_file(path: Path) -> Stream:
    """The array of an IDX file, gzipped or not; only its header is read."""
    where = str(path)
    try:
        stamp = stamp_of(path)
        with path.open("rb") as plain:
            packed = plain.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            head = file.read(idx.LONGEST)
    except OSError as error:
        if isinstance(error, gzip.BadGzipFile):
            raise TizaError("array-damaged", where=where) from error
        raise cannot_read(path, error) from error
    except (EOFError, zlib.error) as error:
        raise TizaError("array-damaged", where=where) from error
    dtype, shape, length = idx.header(head, where=where)
    wanted = length + math.prod(shape) * dtype.itemsize
    if not possible(shape, dtype):
        raise TizaError("idx-length", where=where, found=stamp[0], wanted=wanted)
    if not packed and wanted != stamp[0]:
        raise TizaError("idx-length", where=where, found=stamp[0], wanted=wanted)
    if wanted > 1100 * stamp[0]:  # more than deflate can hold
        raise TizaError("array-length", where=where, shape="×".join(map(str, shape)))
    _not_a_bomb(wanted, stamp[0], where)

    @contextmanager
    def opened() -> Iterator[Any]:
        with gzip.open(path) if packed else path.open("rb") as file:
            file.read(length)
            yield file

    return Stream(where, path, stamp, dtype, shape, opened, None if packed else length)


def bounds(stream: Stream) -> tuple[float, float]:
    """The smallest and the largest value; raises :class:`TizaError` for one that is missing or infinite."""
    low, high, first = math.inf, -math.inf, 0
    for piece in stream.pieces():
        if not piece.size:
            continue
        if piece.dtype.kind == "f" and not (finite := np.isfinite(piece)).all():
            row = first + int(np.argwhere(~finite)[0][0])
            raise TizaError("not-finite", where=stream.where, row=row, column="–")
        low, high, first = min(low, float(piece.min())), max(high, float(piece.max())), first + len(piece)
    return low, high


def on_disk(stream: Stream, scale: tuple[float, float] | None) -> Rows:
    """The samples of an array that is too large for memory: uint8 N×C×H×W, stretched from ``scale``, or float32 N×F.

    Read from the file itself where they stand there like that; else from a copy in TIZA_HOME, made once.
    """
    image = len(stream.shape) > 2
    dtype = np.dtype(np.uint8 if image else np.float32)
    if stream.offset is not None and stream.dtype == dtype and not stream.fortran:
        for _ in stream.pieces():  # once, for the checksum of a zip; and nothing has changed since the header
            pass
        stored = stream.shape[1:] if len(stream.shape) != 3 else (1, *stream.shape[1:])
        order = (2, 0, 1) if image and channels_last((0, *stored)) else None
        return Rows(stream.path, stream.shape[0], stored, dtype, stream.offset, order)

    def converted(piece: np.ndarray) -> np.ndarray:
        if not image:
            with np.errstate(over="ignore"):
                return np.ascontiguousarray(piece.astype(np.float32))
        return np.ascontiguousarray(as_bytes(channels_first(piece), scale))

    shape = converted(np.empty((0, *stream.shape[1:]), stream.dtype)).shape[1:]
    name = hashlib.blake2b(f"{stream.where}\0{scale}".encode("utf-8", "replace"), digest_size=12).hexdigest()
    with kept("arrays", name) as folder:
        growing = Growing(folder, f"{stream.stamp} {stream.dtype} {stream.shape}")
        with growing.appending(math.prod(shape) * dtype.itemsize) as append:
            first, done = 0, growing.done
            for piece in stream.pieces() if done < stream.shape[0] else ():
                append(row.data for row in converted(piece[max(done - first, 0) :]))
                first += len(piece)
        return Rows(growing.rows, stream.shape[0], shape, dtype)


def possible(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    """Whether there can be an array of this shape: NumPy multiplies all sizes but the zeros."""
    return len(shape) <= 64 and math.prod(n for n in shape if n) * dtype.itemsize < 2**63


def _not_a_bomb(unpacked: int, packed: int, where: str) -> None:
    if unpacked > LARGE and unpacked > BOMB * packed:
        raise TizaError("bomb", where=where, megabytes=unpacked // 2**20)
