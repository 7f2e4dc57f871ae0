"""The folder of a search: what was asked, every outcome as it came, and how it stands; none is lost to a crash."""

import time
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from tiza import storage
from tiza.config import make
from tiza.data.dataset import Dataset
from tiza.errors import RequestError, TizaError, unknown
from tiza.runs.folder import read_json
from tiza.runs.shelf import stem
from tiza.trials.outcome import Fit, Outcome
from tiza.trials.space import Search


def searches_home() -> Path:
    """Where searches go that were given no folder."""
    return storage.home() / "searches"


def new_folder(search: Search) -> Path:
    """A fresh, empty folder, named by date, time, data and model."""
    return storage.fresh_folder(searches_home(), stem(search.recipe))


def list_searches() -> list[Path]:
    """The searches in TIZA_HOME, the newest first."""
    folder = searches_home()
    found = [path for path in folder.iterdir() if (path / "search.json").is_file()] if folder.is_dir() else []
    return sorted(found, key=lambda path: (path / "search.json").stat().st_mtime, reverse=True)


def find(search: str | Path) -> Path:
    """A search by its folder, its name in TIZA_HOME, or ``last``; raises :class:`TizaError` with the nearest name."""
    for path in (Path(search), searches_home() / search):
        if (path / "search.json").is_file():
            return path
    known = list_searches()
    if str(search) == "last" and known:
        return known[0]
    raise unknown("search", str(search), [path.name for path in known[:20]])


def begin(path: Path, search: Search, data: Dataset, parts: Sequence[Dataset]) -> None:
    """Lay out a new search; raises where the folder already holds one, or anything else."""
    if path.exists() and (not path.is_dir() or any(child.name != ".lock" for child in path.iterdir())):
        raise RequestError("search-exists", where=str(path))
    labels = [part.look("valid").y.tolist() for part in parts]
    samples = {"v": 1, "labels": labels, "train": [len(part.train) for part in parts]}
    storage.write(path / "samples.json", storage.to_json(samples))
    plain = {
        "v": 1, "tiza": version("tiza"), "started": round(time.time(), 3), "classes": list(data.classes),
        "fingerprint": data.fingerprint, "test": data.test.digest, "search": search.model_dump(mode="json"),
    }  # fmt: skip
    storage.write(path / "search.json", storage.to_json(plain, indent=1))


def remove(path: Path) -> None:
    """Take away a search that never began."""
    for name in ("search.json", "samples.json", "progress.json", ".lock"):
        with suppress(OSError):
            (path / name).unlink()
    with suppress(OSError):
        path.rmdir()


def asked(path: Path) -> tuple[Search, dict[str, Any]]:
    """What was searched, and the facts beside it; raises for a file that can't be read."""
    plain = read_json(path / "search.json")
    try:
        return make(Search, plain["search"]), plain
    except KeyError:
        raise TizaError("damaged", where=str(path / "search.json")) from None


def samples(path: Path) -> tuple[list[np.ndarray], list[int]]:
    """Of each fold the labels of the validation samples, and how many are trained on."""
    plain = read_json(path / "samples.json")
    try:
        return [np.asarray(fold, np.int64) for fold in plain["labels"]], [int(n) for n in plain["train"]]
    except (KeyError, TypeError, ValueError):
        raise TizaError("damaged", where=str(path / "samples.json")) from None


def keep(path: Path, outcome: Outcome) -> None:
    """One more line in ``trials.jsonl``."""
    storage.append_line(path / "trials.jsonl", outcome.to_dict())


def outcomes(path: Path) -> dict[Fit, Outcome]:
    """What came of each fit so far; a line that a crash cut off is passed over."""
    found: dict[Fit, Outcome] = {}
    for line in storage.read_lines(path / "trials.jsonl"):
        try:
            outcome = Outcome.from_dict(line)
        except (KeyError, TypeError, ValueError):
            continue
        found.setdefault(outcome.fit, outcome)
    return found


def spent(path: Path) -> float:
    """The seconds that were worked so far."""
    return float(read_json(path / "progress.json")["seconds"]) if (path / "progress.json").exists() else 0.0


def say(path: Path, progress: dict[str, Any]) -> None:
    """How it stands, for whoever watches: ``progress.json``."""
    storage.write(path / "progress.json", storage.to_json({"v": 1, "time": round(time.time(), 3)} | progress))
