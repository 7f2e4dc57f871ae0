"""A trained model as it lies in its files: a manifest and what belongs to it, in a run or in a bundle. No torch."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from tiza.config import Config
from tiza.errors import TizaError
from tiza.runs.folder import Run, checked_json
from tiza.runs.shelf import find

MANIFEST, WEIGHTS, ONNX, CARD = "manifest.json", "weights.safetensors", "model.onnx", "README.md"


class Manifest(Config):
    """What ``model/`` holds: enough to rebuild the model and bring a file to its input, and a hash of the weights.

    ``files``: the hashes of what else was made of these weights, by name.
    """

    format: Literal[1] = 1
    model: dict[str, Any]
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    features: tuple[str, ...]
    form: dict[str, Any]
    fingerprint: str
    weights: str
    files: dict[str, str] = Field(default_factory=dict)

    def is_of(self, other: "Manifest") -> bool:
        """Whether both speak of the same weights, asked and answering the same way."""
        return self.model_copy(update={"files": {}}) == other.model_copy(update={"files": {}})


@dataclass(frozen=True)
class Stored:
    """A manifest and its files: a folder's, read when they are asked for, or those of a bundle."""

    where: str
    manifest: Manifest
    files: Path | Mapping[str, bytes]

    def read(self, name: str) -> bytes:
        """A file that the manifest knows; raises :class:`TizaError` where it is missing or has another hash."""
        where = f"{self.where}/{name}"
        known = self.manifest.weights if name == WEIGHTS else self.manifest.files[name]
        try:
            content = (self.files / name).read_bytes() if isinstance(self.files, Path) else self.files[name]
        except (FileNotFoundError, KeyError):
            raise TizaError("missing-file", where=where) from None
        except OSError:
            raise TizaError("damaged", where=where) from None
        if digest(content) != known:
            raise TizaError("damaged", where=where)
        return content


def digest(content: bytes) -> str:
    """The hash by which a manifest knows a file."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def stored(run: str | Path | Run) -> Stored | None:
    """The trained model of a run; None where training has not ended."""
    folder = find(run).path / "model"
    if not (folder / MANIFEST).exists():
        return None
    return Stored(str(folder), checked_json(Manifest, folder / MANIFEST), folder)
