"""A trained model as it lies in its files: a manifest and what belongs to it, in a run or in a bundle. No torch."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, PositiveInt, TypeAdapter, ValidationError, model_validator

from tiza.config import Config, Recipe, faults_of, make
from tiza.errors import RequestError, TizaError
from tiza.runs.bundle import MANIFEST, RECIPE, REPORT, WEIGHTS, unpacked
from tiza.runs.folder import Run, json_of, read_json
from tiza.runs.shelf import find
from tiza.storage import cannot_read

if TYPE_CHECKING:
    from tiza.data.dataset import Dataset


LARGEST = 2**28  # numbers in a sample: a file that asks for more would take all memory


class _Image(Config):
    form: Literal["image"]
    channels: PositiveInt
    height: PositiveInt
    width: PositiveInt
    scale: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.channels, self.height, self.width


class _Digit(Config):
    form: Literal["digit"]
    size: PositiveInt
    box: PositiveInt
    blocks: PositiveInt = 1

    @property
    def shape(self) -> tuple[int, ...]:
        return 1, self.size, self.size

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        if self.box > self.size or (self.blocks * self.size) ** 2 > LARGEST:
            raise ValueError("box")
        return self


class _Column(Config):
    name: str
    categories: list[str] | None


class _Table(Config):
    form: Literal["table"]
    columns: list[_Column]

    @property
    def shape(self) -> tuple[int, ...]:
        return (sum(1 if column.categories is None else len(column.categories) for column in self.columns),)


_FORM: TypeAdapter[_Image | _Digit | _Table] = TypeAdapter(
    Annotated[_Image | _Digit | _Table, Field(discriminator="form")]
)


class Manifest(Config):
    """What ``model/`` holds: enough to rebuild the model and bring a file to its input, and a hash of the weights.

    ``files``: the hashes of what else was made of these weights, by name.
    """

    format: Literal[1] = 1
    model: dict[str, Any]
    shape: tuple[PositiveInt] | tuple[PositiveInt, PositiveInt, PositiveInt]
    classes: Annotated[tuple[str, ...], Field(min_length=1)]
    features: tuple[str, ...]
    form: dict[str, Any]
    fingerprint: str
    weights: str
    files: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _of_one_sample(self) -> Self:
        """The form, where there is one, is of those that tiza writes, and gives samples of this shape."""
        given = _FORM.validate_python(self.form, strict=True).shape if self.form else self.shape
        if given != self.shape or math.prod(self.shape) > LARGEST:
            raise ValueError("form")
        return self

    def is_of(self, other: "Manifest") -> bool:
        """Whether both speak of the same weights, asked and answering the same way."""
        return self.model_copy(update={"files": {}}) == other.model_copy(update={"files": {}})


@dataclass(frozen=True)
class Stored:
    """A manifest and its files: a folder's, read when they are asked for, or those of a bundle."""

    where: str
    manifest: Manifest
    files: Path | Mapping[str, bytes]

    @property
    def name(self) -> str:
        """What a report calls it."""
        return Path(self.where).stem

    @property
    def recipe(self) -> Recipe:
        """Of a bundle, what the training was asked for; raises where it does not say."""
        if RECIPE not in self.manifest.files:
            raise RequestError("bundle-no-recipe", where=self.where)
        return make(Recipe, json_of(self.read(RECIPE), f"{self.where}/{RECIPE}"))

    @property
    def report(self) -> dict[str, Any] | None:
        """Of a bundle, the last evaluation before it was written, or None."""
        return json_of(self.read(REPORT), f"{self.where}/{REPORT}") if REPORT in self.manifest.files else None

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


def manifest_of(plain: dict[str, Any], where: str, code: str = "damaged") -> Manifest:
    """The manifest that ``where`` holds; raises :class:`TizaError`: its format is another one, else ``code``."""
    try:
        return Manifest.model_validate(plain)
    except ValidationError as error:
        faults = [fault for fault in faults_of(error, Manifest, where) if fault.where == f"{where}.format"]
        raise faults[0] if faults else TizaError(code, where=where) from None


def digest(content: bytes) -> str:
    """The hash by which a manifest knows a file."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def stored(run: str | Path | Run) -> Stored | None:
    """The trained model of a run, or of a bundle; None where training has not ended."""
    if (bundle := bundled(run)) is not None:
        return bundle
    folder = find(run).path / "model"
    if not (folder / MANIFEST).exists():
        return None
    where = folder / MANIFEST
    return Stored(str(folder), manifest_of(read_json(where), str(where)), folder)


def bundled(run: str | Path | Run) -> Stored | None:
    """The bundle at this path; None for what is no zip file. Raises :class:`TizaError` for one that is not as written.

    See :func:`tiza.runs.bundle.unpacked`; all files are then known to its manifest, and have its hashes.
    """
    path = Path(run.path if isinstance(run, Run) else run)
    if path.suffix.lower() != ".zip" or not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            files = unpacked(file, str(path))
    except OSError as error:
        raise cannot_read(path, error) from error
    manifest = manifest_of(json_of(files[MANIFEST], where := f"{path}/{MANIFEST}"), where)
    bundle = Stored(str(path), manifest, files)
    known = {MANIFEST, WEIGHTS, *manifest.files}
    if strange := sorted(files.keys() - known):
        raise TizaError("bundle-name", where=str(path), name=strange[0])
    for name in sorted(known - {MANIFEST}):
        bundle.read(name)
    return bundle


def check_data(source: Run | Stored, data: "Dataset") -> None:
    """Raise unless ``data`` is what the run was trained on, and for a run's folder divided as it was then."""
    if isinstance(source, Stored):
        same, where = data.fingerprint == source.manifest.fingerprint, source.where
    else:
        facts, where = source.facts, str(source.path)
        same = (data.fingerprint, data.test.digest) == (facts.fingerprint, facts.test)
    if not same:
        raise RequestError("other-data", where=where)
