"""The sealed test split: showing it is free, comparing answers with its labels is an opening, written down."""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from tiza import storage
from tiza.data.rows import Rows, pieces


@dataclass(frozen=True)
class Split:
    """Samples and their labels: ``x`` uint8 N×C×H×W (images) or float32 N×F (tables), ``y`` int64 N.

    ``x`` is a tensor, or :class:`Rows` where the samples would not fit in memory.
    """

    x: Tensor | Rows
    y: Tensor

    @classmethod
    def of(cls, x: np.ndarray | Rows, y: np.ndarray) -> "Split":
        """The split that the arrays of a source make."""
        samples = x if isinstance(x, Rows) else torch.from_numpy(np.ascontiguousarray(x))
        return cls(samples, torch.from_numpy(np.ascontiguousarray(y)))

    def take(self, index: Any) -> "Split":
        """Some of the samples, in this order."""
        x = self.x.take(index) if isinstance(self.x, Rows) else self.x[index]
        return Split(x, self.y[index])

    def gather(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """The samples and labels at these places, as tensors, on the device of the split."""
        index = index.to(self.y.device)
        x = self.x[index] if isinstance(self.x, Rows) else self.x.index_select(0, index)
        return x, self.y.index_select(0, index)

    def __len__(self) -> int:
        return len(self.y)

    def digest(self) -> str:
        """A hash of every value of the split, in order."""
        state = hashlib.blake2b(digest_size=16)
        for part in (self.x, self.y):
            state.update(f"{part.dtype}{tuple(part.shape)}".encode())
            for piece in pieces(part):
                state.update(piece.data)
        return state.hexdigest()

    def to(self, device: torch.device) -> "Split":
        """The same split on a device."""
        return Split(self.x.to(device), self.y.to(device))


class Sealed:
    """A split that only an evaluation opens.

    ``look()`` gives it for showing, exporting, auditing and hashing; ``open()`` for comparing answers with labels.
    """

    def __init__(self, split: Split) -> None:
        self._split = split
        self.digest = split.digest()

    def __len__(self) -> int:
        return len(self._split)

    def __repr__(self) -> str:
        return f"Sealed(n={len(self)}, digest={self.digest!r})"

    def look(self) -> Split:
        """The split, to be shown or hashed; nothing is compared with its labels and nothing written down."""
        return self._split

    def open(self, *, data: str, by: str, purpose: str) -> tuple[Split, int]:
        """The split, to be compared with answers, and which opening of this test set that is (from 1).

        Writes one line to the ledger: what was opened, by which run, what for, when.
        """
        path = ledger()
        with FileLock(path.with_suffix(".lock")):
            number = 1 + sum(line.get("test") == self.digest for line in storage.read_lines(path))
            entry = {"test": self.digest, "opening": number, "data": data, "by": by, "purpose": purpose}
            storage.append_line(path, entry | {"n": len(self), "time": round(time.time(), 3)})
        return self._split, number


def ledger() -> Path:
    """The file in which every opening of every test set is written down, one JSON line each."""
    return storage.home() / "openings.jsonl"
