"""Where data comes from: one decorated function a source. torch is imported only where tensors are asked for."""

import hashlib
import lzma
import math
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Le

from tiza import storage
from tiza.config import Names
from tiza.data import idx
from tiza.data.download import fetched
from tiza.data.files import csv, named
from tiza.errors import RequestError, TizaError
from tiza.registry import register

if TYPE_CHECKING:
    from tiza.config import Data
    from tiza.data.dataset import Dataset, Raw, Reading

MD5 = {
    "mnist": {
        "train-images": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels": "a25bea736e30d166cdddb491f175f624",
        "t10k-images": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels": "27ae3e4e09519cfbb04c329615203637",
    },
    "fashion-mnist": {
        "train-images": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels": "15d484375f8d13e6eb1aabb0c3f46965",
    },
}
WINE = "https://archive.ics.uci.edu/ml/machine-learning-databases/wine-quality/winequality-red.csv"
WINE_COUNTS = {3: 10, 4: 53, 5: 681, 6: 638, 7: 199, 8: 18}
DIGITS = tuple("0123456789")
GARMENTS = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


def dataset(name: str, **facts: Any) -> Callable[[Any], Any]:
    """Enter a source in the registry; its keyword-only parameters are the options of ``data`` in a recipe.

    A source whose entry says ``reading=True`` is given the :class:`Reading` first, and keeps to it by itself.
    """
    return register("dataset", name, **facts)


def load(
    source: Any,
    *,
    target: str | None = None,
    binarise: str | None = None,
    features: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> "Dataset":
    """A :class:`Dataset` from a name, a path, ``(X, y)``, a DataFrame with ``target=``, or a torch Dataset.

    A path: a folder of pictures by class (``DIR/CLASS/*`` or ``DIR/{train,valid,test}/CLASS/*``) or its zip, a CSV
    file with ``target``, an ``.npz`` with Keras' keys, IDX files or their folder. ``options`` are the fields of
    ``data`` in a recipe: ``valid``, ``test``, ``scale``, ``seed``, ``limit``, and those of the source itself
    (``size=64`` of a folder, ``kind="spirals"`` of ``points``). Images: uint8 N×H×W, N×C×H×W or N×H×W×C, or floats,
    which are stretched to 0–255 once. Tables: N×F. Labels: integers, or names, which become classes in alphabetical
    order. ``classes``: which to keep, in this order; for arrays, the names of all of them.
    ``binarise="quality>=6"`` makes two classes of a column. ``progress(done, total)`` is called while pictures are
    read. What was done unasked stands in ``.notes``. Raises :class:`TizaError` for data that no classifier can be
    trained on.
    """
    from tiza.config import Data, make
    from tiza.data.arrays import in_memory
    from tiza.data.dataset import divide, select

    if isinstance(source, Data):
        return read(source, progress)
    table = {"target": target, "binarise": binarise, "features": features}
    if isinstance(source, (str, Path)):
        given = {key: value for key, value in (table | {"classes": classes}).items() if value is not None}
        return read(make(Data, named(source) | given | options, "data"), progress)
    is_table = hasattr(source, "columns")
    more = {"classes": classes} if is_table and classes is not None else {}
    config = make(Data, {"name": "external", **more, **options}, "data")
    if config.options:
        from tiza.errors import unknown

        field = next(iter(config.options))
        raise unknown("field", field, [f for f in Data.model_fields if f != "name"], where=f"data.{field}")
    if is_table:
        from tiza.data.tables import Place, from_table

        raw = from_table(source, Place("DataFrame"), target=target, binarise=binarise, features=features)
    elif any(value is not None for value in table.values()):
        raise RequestError("table-only", where="source", option=next(k for k, v in table.items() if v is not None))
    else:
        raw = in_memory(source, classes)
    return divide(select(raw, _reading(config), "data"), config)


def read(config: "Data", progress: Callable[[int, int], None] | None = None) -> "Dataset":
    """The data set that a checked data config names."""
    from tiza.data.dataset import divide, select
    from tiza.registry import lookup

    if config.name == "external":
        raise RequestError("external-data", where="data.name")
    entry, reading = lookup("dataset", config.name, where="data.name"), _reading(config, progress)
    if entry.facts.get("reading"):
        return divide(entry.function(reading, **config.options), config)
    return divide(select(entry.function(**config.options), reading, config.name), config)


def _reading(config: "Data", progress: Callable[[int, int], None] | None = None) -> "Reading":
    from tiza.data.dataset import Reading

    return Reading(config.classes, config.limit, config.seed, progress)


@dataset(
    "mnist", kind="images", train=60_000, test=10_000, shape="1×28×28", classes=10, licence="CC BY-SA 3.0",
    origin="Y. LeCun, C. Cortes, C. Burges",
)  # fmt: skip
def mnist() -> "Raw":
    """Handwritten digits."""
    return _embedded("mnist", DIGITS, {"form": "digit", "size": 28, "box": 20})


@dataset(
    "fashion-mnist", kind="images", train=60_000, test=10_000, shape="1×28×28", classes=10, licence="MIT",
    origin="Zalando SE",
)  # fmt: skip
def fashion_mnist() -> "Raw":
    """Photographs of garments, small and grey."""
    return _embedded("fashion-mnist", GARMENTS, {"form": "image", "channels": 1, "height": 28, "width": 28})


@dataset(
    "digits", kind="images", train=1_797, test=None, shape="1×8×8", classes=10, licence="CC BY 4.0",
    origin="E. Alpaydin, C. Kaynak (UCI)",
)  # fmt: skip
def digits() -> "Raw":
    """Handwritten digits of 8×8 pixels, from scikit-learn; their 0–16 stretched to 0–255."""
    from sklearn.datasets import load_digits

    from tiza.data.dataset import Raw

    bunch: Any = load_digits()
    x = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[:, None]
    return Raw(x, bunch.target.astype(np.int64), DIGITS, form={"form": "digit", "size": 8, "box": 8, "blocks": 4})


@dataset(
    "iris", kind="table", train=150, test=None, shape="4", classes=3, licence="CC BY 4.0", origin="R. A. Fisher (UCI)"
)
def iris(*, features: Names | None = None, spare: bool = False) -> "Raw":
    """Iris flowers: four measures in cm, three species; from scikit-learn.

    ``spare``: a fourth class that no flower has, for document 004's network as written.
    """
    from dataclasses import replace

    from sklearn.datasets import load_iris

    from tiza.data.tables import Place, from_table

    bunch: Any = load_iris(as_frame=True)
    frame = bunch.data.assign(species=bunch.target_names[bunch.target])
    raw = from_table(frame, Place("iris"), target="species", features=features)
    return replace(raw, valid=0.2, classes=(*raw.classes, "–") if spare else raw.classes)


@dataset(
    "wine-quality", kind="table", train=1_599, test=None, shape="11", classes=6, licence="CC BY 4.0",
    origin="P. Cortez et al. (UCI)",
)  # fmt: skip
def wine_quality(
    *,
    path: str | None = None,
    target: str | None = None,
    binarise: str | None = None,
    features: Names | None = None,
    skip_bad: bool = False,
) -> "Raw":
    """Red wine: eleven measures and a quality of 3 to 8; from the UCI archive, once, or from a CSV of the user's."""
    if path is None:
        path = str(_fetched_wine())
    target = target if target is not None or binarise is not None else "quality"
    return csv(path=path, target=target, binarise=binarise, features=features, skip_bad=skip_bad)


def _fetched_wine() -> Path:
    return fetched(WINE, storage.home() / "cache" / "wine-quality" / "winequality-red.csv", check=is_the_wine)


def is_the_wine(content: bytes) -> bool:
    """Whether this is the whole table of red wines, with whatever line ends."""
    lines = content.decode("latin-1").splitlines()[1:]
    counts: dict[int, int] = {}
    for line in lines:
        quality = line.rpartition(";")[2].strip()
        if quality.isdecimal():
            counts[int(quality)] = counts.get(int(quality), 0) + 1
    return counts == WINE_COUNTS


@dataset("points", kind="table", train=1_000, test=None, shape="2", classes=2, licence="CC0", origin="tiza")
def points(
    *,
    kind: Literal["linear", "xor", "circles", "spirals"] = "linear",
    n: Annotated[int, Ge(10), Le(10_000_000)] = 1_000,
    noise: Annotated[float, Ge(0)] = 0.0,
    draw: Annotated[int, Ge(0)] = 0,
) -> "Raw":
    """Points of the unit square in two classes: a line, XOR, circles or spirals.

    ``noise``: deviation added, in units of the side; ``draw``: which of the seeded draws.
    """
    from tiza.data.dataset import Raw

    rng = np.random.default_rng(draw)
    y = np.arange(n) % 2
    if kind == "spirals":
        t = np.sqrt(rng.random(n))
        angle = 3.5 * math.pi * t + math.pi * y
        x = 0.5 + 0.48 * t[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    elif kind == "circles":
        radius = np.where(y == 0, rng.uniform(0.0, 0.2, n), rng.uniform(0.3, 0.48, n))
        angle = rng.uniform(0, 2 * math.pi, n)
        x = 0.5 + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    else:
        margin = 0.04
        x = rng.random((n, 2))
        if kind == "xor":
            x = 0.5 + np.sign(x - 0.5) * (margin + np.abs(x - 0.5) * (1 - 2 * margin))
            y = ((x[:, 0] > 0.5) != (x[:, 1] > 0.5)).astype(int)
        else:  # above or below x₁ + x₂ = 1, with a gap
            y = (x.sum(1) > 1).astype(int)
            x += np.where(y == 1, margin, -margin)[:, None]
            x = (x + margin) / (1 + 2 * margin)
    x = (x + rng.normal(0, noise, x.shape) if noise > 0 else x).astype(np.float32)
    return Raw(x, y.astype(np.int64), ("0", "1"), features=("x₁", "x₂"))


def _embedded(name: str, classes: tuple[str, ...], form: dict[str, Any]) -> "Raw":
    from tiza.data.dataset import Raw

    part = {key: _unpacked(name, key, md5) for key, md5 in MD5[name].items()}
    x, y, test_x, test_y = (part[key] for key in ("train-images", "train-labels", "t10k-images", "t10k-labels"))
    return Raw(
        x[:, None], y.astype(np.int64), classes, (test_x[:, None], test_y.astype(np.int64)), form=form, valid=5_000
    )


def _unpacked(name: str, part: str, md5: str) -> np.ndarray:
    """One embedded IDX file from the cache, memory-mapped; unpacked there first where it is missing or damaged."""
    cached = storage.home() / "cache" / name / f"{part}-{md5[:8]}"
    if not _has_md5(cached, md5):
        content = embedded_file(name, part, md5)
        try:
            storage.write(cached, content)
        except TizaError:  # no room or no right to keep it: this process holds it in memory
            return idx.parse(np.frombuffer(bytearray(content), np.uint8), where=part)
    return idx.parse(np.memmap(cached, np.uint8, mode="c"), where=str(cached))


def embedded_file(name: str, part: str, md5: str) -> bytes:
    """The bytes of one embedded IDX file, unpacked and checked."""
    packed = files("tiza") / "data" / "bundled" / name / f"{idx_name(part)}.xz"
    try:
        content = lzma.decompress(packed.read_bytes())
    except (OSError, lzma.LZMAError, EOFError) as error:
        raise TizaError("bundle-damaged", where=str(packed)) from error
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
        raise TizaError("bundle-damaged", where=str(packed))
    return content


def idx_name(part: str) -> str:
    """The name that MNIST's makers gave to a part: ``train-images-idx3-ubyte``."""
    return f"{part}-idx{3 if 'images' in part else 1}-ubyte"


def _has_md5(path: Path, md5: str) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == md5
    except OSError:
        return False
