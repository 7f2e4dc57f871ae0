"""A data set as files that any program reads: PNG pictures by split and class, or one CSV per split."""

import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from tiza import storage
from tiza.data.dataset import Dataset
from tiza.errors import RequestError, TizaError
from tiza.i18n import t

SPLITS = ("train", "valid", "test")


def export(
    data: Dataset, folder: str | Path, *, per_class: Sequence[int] | None = None, seed: int = 0
) -> dict[str, int]:
    """Write ``folder/{train,valid,test}/CLASS/NUMBER.png`` (a table: ``folder/{train,valid,test}.csv``); how many.

    NUMBER is the sample's place in the source. ``per_class``: so many of each class in train, valid and test, drawn
    with the seed; all of them by default. A folder called ``….zip`` becomes a zip of that tree. Exporting the test
    split is no opening. Raises :class:`TizaError` where something stands already; all is written or nothing.
    """
    folder = Path(folder)
    check_free(folder)
    chosen = {split: _chosen(data, split, None if per_class is None else per_class[i], seed)
              for i, split in enumerate(SPLITS)}  # fmt: skip
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".tiza-") as beside:
            tree = Path(beside) / "tree"
            tree.mkdir()
            for split, places in chosen.items():
                (_write_pictures if len(data.shape) == 3 else _write_table)(data, split, places, tree)
            if folder.suffix.lower() == ".zip":
                tree = Path(shutil.make_archive(str(Path(beside) / "packed"), "zip", tree))
            elif folder.exists():
                folder.rmdir()
            tree.replace(folder)
    except OSError as error:
        raise storage.cannot_write(folder, error) from error
    return {split: len(places) for split, places in chosen.items()}


def check_free(folder: Path) -> None:
    """Raise :class:`TizaError` where something stands already; an empty folder is free."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise RequestError("export-exists", where=str(folder))


def _chosen(data: Dataset, split: str, per_class: int | None, seed: int) -> np.ndarray:
    labels = data.look(split).y.numpy()
    if per_class is None:
        return np.arange(len(labels))
    order = np.random.default_rng(seed).permutation(len(labels))
    chosen = []
    for label, name in enumerate(data.classes):
        mine = order[labels[order] == label]
        if len(mine) < per_class:
            where = f"--per-class {per_class}"
            raise TizaError(
                "export-few", where=where, label=name, split=t(f"split.{split}"), n=len(mine), wanted=per_class
            )
        chosen.append(mine[:per_class])
    return np.sort(np.concatenate(chosen))


def _write_pictures(data: Dataset, split: str, places: np.ndarray, tree: Path) -> None:
    look, numbers = data.look(split), data.origin[split][1]
    folders = [tree / split / name for name in file_names(data.classes)]
    for label in np.unique(look.y.numpy()[places]):
        folders[label].mkdir(parents=True)
    for place in places:
        pixels = look.x[int(place)].numpy()
        picture = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
        picture.save(folders[int(look.y[int(place)])] / f"{numbers[place]:05d}.png")


def _write_table(data: Dataset, split: str, places: np.ndarray, tree: Path) -> None:
    import pandas as pd

    look = data.look(split).take(places)
    frame = pd.DataFrame(look.x[:].numpy(), columns=pd.Index(data.features))
    name = data.target.name if data.target else "class"
    frame[name] = [data.classes[label] for label in look.y.tolist()]
    frame.to_csv(tree / f"{split}.csv", index=False)


def file_names(classes: Sequence[str]) -> list[str]:
    """A folder name for each class: what no file system takes becomes a hyphen, and no two are the same."""
    names: list[str] = []
    for name in classes:
        plain = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "-", name).strip(" .") or "-"
        folded = [other.casefold() for other in names]
        names.append(plain if plain.casefold() not in folded else f"{plain}-{len(names)}")
    return names
