"""Where runs are kept and found: by folder, by name, or the last one."""

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tiza import storage
from tiza.errors import RequestError, unknown
from tiza.runs.folder import Run, plain_of

if TYPE_CHECKING:
    from tiza.config import Recipe


def runs_home() -> Path:
    """Where runs go that were given no folder."""
    return storage.home() / "runs"


def new_folder(recipe: "Recipe") -> Path:
    """A fresh, empty folder for a run, named by date, time, data and model; no other process gets the same."""
    plain_of(recipe)  # what can't be written down gets none
    return storage.fresh_folder(runs_home(), stem(recipe))


def stem(recipe: "Recipe") -> str:
    """Date, time, data and model, as the name of a folder."""
    title = re.sub(r"[^\w.-]+", "-", recipe.data.title)[:40]
    return time.strftime("%Y-%m-%d-%H%M%S") + f"-{title}-{recipe.model.name}"


def list_runs() -> list[Run]:
    """The runs in TIZA_HOME, the newest first; folders that are none are passed over."""
    folder = runs_home()
    found = [Run(path) for path in folder.iterdir() if _is_run(path)] if folder.is_dir() else []
    return sorted(found, key=lambda run: (run.path / "recipe.json").stat().st_mtime, reverse=True)


def _is_run(path: Path) -> bool:
    return (path / "recipe.json").is_file() or (path / "model" / "manifest.json").is_file()


def find(run: str | Path | Run) -> Run:
    """A run by its folder, its name in TIZA_HOME, or ``last``.

    Raises :class:`TizaError` for what is no run: says the nearest name, and what a file really is.
    """
    if isinstance(run, Run):
        return run
    path = Path(run)
    for candidate in (path, runs_home() / path):
        if candidate.is_dir() and _is_run(candidate):
            return Run(candidate)
    if path.is_file():
        if path.suffix.lower() in (".zip", ".onnx"):
            raise RequestError("run-is-export", where=str(path))
        with path.open("rb") as file:
            start = file.read(64)
        pickled = start[:1] == b"\x80" or (
            start[:4] == b"PK\x03\x04" and path.suffix in (".pt", ".pth", ".bin", ".ckpt")
        )
        raise RequestError("run-is-pickle" if pickled else "run-is-file", where=str(path))
    if path.is_dir():
        raise RequestError("no-run-inside", where=str(path))
    known = list_runs()
    if str(run) == "last" and known:
        return known[0]
    raise unknown("run", str(run), [k.name for k in known[:20]])
