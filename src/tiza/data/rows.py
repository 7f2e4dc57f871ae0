"""Samples that stay in a file because they would not fit in memory: read when a batch asks for them."""

import math
import os
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tiza.errors import TizaError

RESIDENT = 2**29  # bytes; samples up to this size are kept in memory
PIECE = 2**24  # bytes that one pass over the samples holds at a time


class Rows:
    """N samples of one shape and type at ``offset`` of a file; where training needs a tensor of samples, it will do.

    ``rows[index]`` reads those samples as a tensor; ``rows.take(index)`` is the same samples in another order or fewer,
    still in the file. ``order`` transposes each sample after reading (H×W×C as stored, C×H×W as asked for). The file is
    read, not mapped: a mapping would count as this process's memory, and kill it when the file is cut short. A file
    that changes raises :class:`TizaError` source-changed.
    """

    ndim: int

    def __init__(
        self, path: Path, n: int, stored: tuple[int, ...], dtype: np.dtype[Any], offset: int = 0,
        order: tuple[int, ...] | None = None,
    ) -> None:  # fmt: skip
        self._file = _File(path)
        self._stored, self._dtype, self._offset = stored, dtype, offset
        self._order = order or tuple(range(len(stored)))
        self._index = np.arange(n)
        self._device = torch.device("cpu")
        self.ndim = 1 + len(stored)

    def __len__(self) -> int:
        return len(self._index)

    @property
    def shape(self) -> torch.Size:
        """N and the shape of one sample."""
        return torch.Size((len(self), *(self._stored[axis] for axis in self._order)))

    @property
    def dtype(self) -> torch.dtype:
        """The type of the samples."""
        return torch.from_numpy(np.empty(0, self._dtype)).dtype

    @property
    def nbytes(self) -> int:
        """How much memory all samples would take."""
        return math.prod(self.shape) * self._dtype.itemsize

    def __getitem__(self, index: Any) -> Tensor:
        numbers = self._index[_for_numpy(index)]
        samples = np.empty((numbers.size, *self._stored), self._dtype)
        size = math.prod(self._stored) * self._dtype.itemsize
        self._file.check()
        if samples.size:
            for row, number in zip(samples.reshape(numbers.size, -1).view(np.uint8), numbers.flat, strict=True):
                self._file.read(row, self._offset + int(number) * size)
        samples = samples.transpose(0, *(1 + axis for axis in self._order))
        samples = np.ascontiguousarray(samples.reshape(*numbers.shape, *samples.shape[1:]))
        return torch.from_numpy(samples).to(self._device)

    def take(self, index: Any) -> "Rows":
        """These samples, in this order, still in the file."""
        other = object.__new__(Rows)
        other.__dict__ |= self.__dict__ | {"_index": self._index[_for_numpy(index)]}
        return other

    def to(self, device: torch.device) -> "Rows":
        """The same samples, which will be read onto a device."""
        other = self.take(slice(None))
        other._device = device
        return other

    def split(self, n: int) -> Iterator[Tensor]:
        """All samples, ``n`` at a time."""
        return (self[first : first + n] for first in range(0, len(self), n))


def _for_numpy(index: Any) -> Any:
    return index.cpu().numpy() if isinstance(index, Tensor) else index  # of one, NumPy would make a number


class _File:
    """An open file that must stay as it was."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path.open("rb", buffering=0)
        weakref.finalize(self, self.file.close)
        self.stamp = self._now()

    def _now(self) -> tuple[int, int]:
        stat = os.fstat(self.file.fileno())
        return stat.st_size, stat.st_mtime_ns

    def check(self) -> None:
        if self._now() != self.stamp:
            raise TizaError("source-changed", where=str(self.path))

    def read(self, into: np.ndarray, offset: int) -> None:
        if hasattr(os, "preadv"):  # no shared position: processes forked from this one may read too
            n = os.preadv(self.file.fileno(), [into.data], offset)
        else:
            self.file.seek(offset)
            n = self.file.readinto(into.data)
        if n != into.nbytes:
            raise TizaError("source-changed", where=str(self.path))


def pieces(x: "np.ndarray | Tensor | Rows") -> Iterator[np.ndarray]:
    """All samples in order, some megabytes at a time."""
    n = max(1, PIECE * len(x) // max(x.nbytes, 1))
    for first in range(0, len(x), n):
        piece = x[first : first + n]
        yield np.ascontiguousarray(piece.cpu().numpy() if isinstance(piece, Tensor) else piece)
