"""The runs of the page: each behind an opaque id, started and taken up again as processes of their own."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tiza import runs, storage
from tiza.checks import Finding, diagnose
from tiza.config import Recipe
from tiza.errors import RequestError, TizaError
from tiza.i18n import language
from tiza.metrics import wilson
from tiza.web import samples
from tiza.web.live import Log

KEPT = 24 * 3600  # seconds for which a deleted run can be had back
SAID = "training.log"  # what the process that trains says, in the run's folder


class Runs:
    """Every run in TIZA_HOME, and those that the command named; what was read of their events stays at hand."""

    def __init__(self, named: Iterable[Path] = ()) -> None:
        self.named = [path.absolute() for path in named]
        self.processes: dict[Path, subprocess.Popen[bytes]] = {}
        self.logs: dict[Path, Log] = {}
        self.found: dict[Path, tuple[int, list[Finding]]] = {}

    def all(self) -> list[runs.Run]:
        """The newest first; those that the command named before them."""
        others = [run for run in runs.list_runs() if run.path.absolute() not in self.named]
        return [*(runs.Run(path) for path in self.named if path.is_dir()), *others]

    def find(self, id: str) -> runs.Run:
        """The run of an id; raises :class:`TizaError` for one that is not (or no longer) there."""
        for run in self.all():
            if id_of(run.path) == id:
                return run
        raise RequestError("page-no-run")

    def log(self, run: runs.Run) -> Log:
        """What the run's events say by now."""
        return self.logs.setdefault(run.path, Log(run.path / "events.jsonl")).read()

    def status(self, run: runs.Run, log: Log) -> str:
        """One word on the run, ``starting`` and ``failed`` among them, which no file tells."""
        if log.ended is not None and log.ended["reason"] != "interrupted":
            reason = log.ended["reason"]
            return reason if reason in ("done", "early", "diverged") else "stopped"
        process = self.processes.get(run.path)
        alive = process is not None and process.poll() is None
        if not (run.path / "environment.json").exists():
            return "starting" if alive else "failed" if (run.path / SAID).exists() else "interrupted"
        try:
            with run.locked(wait=0):
                pass
        except TizaError as error:
            if error.code != "run-in-use":
                raise
            return "paused" if log.paused else "running"
        if alive:
            return "starting"  # it has written its facts, or takes the run up again, and does not train yet
        return "failed" if self.failure(run) else "interrupted"

    def failure(self, run: runs.Run) -> str | None:
        """The sentence with which the process that trained gave up."""
        try:
            said = (run.path / SAID).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None
        for line in reversed(said.splitlines()):
            try:
                error = json.loads(line).get("error", {})
            except (ValueError, AttributeError):
                continue
            return None if error.get("code", "").startswith("interrupted") else error.get("message")
        return said.splitlines()[-1][:200] if said else None  # it died without a sentence of its own

    def line(self, run: runs.Run) -> dict[str, Any]:
        """What the list of runs says of one; a folder that can't be read is ``damaged``."""
        named = {"id": id_of(run.path), "name": run.name}
        nothing = dict.fromkeys(("parameters", "started", "seconds", "valid", "test"))
        try:
            recipe, log = run.recipe, self.log(run)
            facts = run.facts if (run.path / "environment.json").exists() else None
            report = run.report
            status = self.status(run, log)
        except TizaError:
            return named | nothing | {
                "status": "damaged", "data": "", "model": "", "epochs": 0, "planned": 0, "spark": [],
            }  # fmt: skip
        last = log.measured[-1]["valid"] if log.measured else None
        seconds = log.ended["seconds"] if log.ended else log.stepped[-1][2] if log.stepped else None
        return named | nothing | {
            "status": status, "data": recipe.data.title, "model": recipe.model.name,
            "parameters": facts and facts.parameters, "epochs": log.measured[-1]["epoch"] if log.measured else 0,
            "planned": recipe.plan.epochs, "started": facts and facts.started, "seconds": seconds,
            "valid": last and _interval(last["n"], last["accuracy"][0]),
            "test": report and report["test"] and {k: report["test"][k] for k in ("accuracy", "n", "interval")},
            "spark": [event["valid"]["accuracy"][0] for event in log.measured],
        }  # fmt: skip

    def findings(self, run: runs.Run) -> list[Finding]:
        """The diagnosis, made once for each report; none of a run without one."""
        if not (report := run.path / "report.json").exists():
            return []
        at = report.stat().st_mtime_ns
        if self.found.get(run.path, (0, []))[0] != at:
            self.found[run.path] = at, diagnose(run, samples.data_for(run))
        return self.found[run.path][1]

    def start(self, recipe: Recipe) -> runs.Run:
        """Lay the recipe into a new folder and train it in a process that outlives this one."""
        path = runs.new_folder(recipe)
        file = path / "recipe.json"
        storage.write(file, storage.to_json(recipe.model_dump(mode="json"), indent=1))
        return self._train(path, "--recipe", str(file), "--run", str(path))

    def resume(self, run: runs.Run) -> runs.Run:
        """Take up a run that was cut off."""
        if self.status(run, self.log(run)) not in ("interrupted", "failed"):
            raise RequestError("page-not-cut", where=run.name)
        return self._train(run.path, "--resume", str(run.path))

    def _train(self, path: Path, *options: str) -> runs.Run:
        command = [sys.executable, "-m", "tiza.cli", "--lang", language(), "train", *options, "--json"]
        with (path / SAID).open("ab") as said:
            self.processes[path] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, start_new_session=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1"}, cwd=path.parent,
            )  # fmt: skip
        return runs.Run(path)

    def delete(self, run: runs.Run) -> None:
        """Put the folder aside, from where ``restore()`` has it back; raises while the run is being trained."""
        if self.status(run, self.log(run)) in ("starting", "running", "paused"):
            raise TizaError("run-in-use", where=run.name)
        aside = _aside() / id_of(run.path)
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        storage.write(aside / "from.json", storage.to_json({"path": str(run.path)}))
        shutil.move(run.path, aside / "run")
        self.logs.pop(run.path, None)

    def restore(self, id: str) -> runs.Run:
        """Undo ``delete()``."""
        aside = _aside() / id
        if not id.isalnum() or not (aside / "run").is_dir():
            raise RequestError("page-no-run")
        path = Path(runs.read_json(aside / "from.json")["path"])
        if path.exists():
            raise RequestError("run-exists", where=str(path))
        shutil.move(aside / "run", path)
        shutil.rmtree(aside)
        return runs.Run(path)


def id_of(path: Path) -> str:
    """A run's id: it tells nothing of the folder, and no folder can be asked for by it."""
    return hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:16]


def empty_the_bin() -> None:
    """Remove for good what was deleted more than a day ago."""
    for aside in _aside().glob("*"):
        if time.time() - aside.stat().st_mtime > KEPT:
            shutil.rmtree(aside, ignore_errors=True)


def _aside() -> Path:
    return storage.home() / "deleted"


def _interval(n: int, accuracy: float) -> dict[str, Any]:
    return {"accuracy": accuracy, "n": n, "interval": list(wilson(round(accuracy * n), n))}
