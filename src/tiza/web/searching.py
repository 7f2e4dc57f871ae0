"""The searches of the page: each behind an opaque id, how it stands while it runs, and its ranking once it is over."""

import json
import math
import os
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import Any

from tiza import runs, storage
from tiza.config import Recipe
from tiza.errors import RequestError, TizaError
from tiza.trials import folder
from tiza.trials.outcome import standing
from tiza.trials.space import Range, Search, Trial, trials_of
from tiza.trials.table import Trials
from tiza.web import choosing
from tiza.web.running import id_of

MOST = 5_000  # trials that the page is told of: the best
FEW = 12  # different values that a field drawn from a range may have to be shown as a list
_ENDS = ("done", "budget", "interrupted")
_BEGINS = re.compile(rb'\{"v": 1, "trial": ')
_BROKEN = (TizaError, OSError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)


class Searches:
    """Every search in TIZA_HOME; what was read of each stays at hand."""

    def __init__(self) -> None:
        self.known: dict[Path, Known] = {}

    def all(self) -> list["Known"]:
        """The newest first."""
        try:
            paths = folder.list_searches()
        except OSError:  # one was taken away meanwhile
            paths = []
        return [self.known.setdefault(path, Known(path)) for path in paths]

    def find(self, id: str) -> "Known":
        """The search of an id; raises :class:`TizaError` for one that is not (or no longer) there."""
        for known in self.all():
            if id_of(known.path) == id:
                return known
        raise RequestError("page-no-search")


class Known:
    """One search. Its trials and its ranking are made anew only when their files have changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.Lock()
        self.fits = Fits(path / "trials.jsonl")
        self.asked: tuple[Any, tuple[Search, dict[str, Any], list[Trial]]] | None = None
        self.found: tuple[Any, Trials] | None = None

    def line(self) -> dict[str, Any]:
        """What the list of searches says; of a folder that can't be read, that it is ``damaged``."""
        try:
            search, facts = folder.asked(self.path)
            progress = self.progress()
            status = self.status(progress)
            return storage.finite({
                "id": id_of(self.path), "name": self.path.name, "status": status, "data": search.recipe.data.title,
                "model": search.recipe.model.name, "done": _count(progress.get("done")),
                "of": _count(progress.get("of")), "best": self._best(search, status, progress),
                "started": float(facts["started"]),
            })  # fmt: skip
        except _BROKEN:
            return self._damaged()

    def _damaged(self) -> dict[str, Any]:
        return {
            "id": id_of(self.path), "name": self.path.name, "status": "damaged", "data": "", "model": "", "done": 0,
            "of": 0, "best": None, "started": None,
        }  # fmt: skip

    def _best(self, search: Search, status: str, progress: dict[str, Any]) -> float | None:
        """The best mean accuracy: so far, or of the trials that were finished."""
        if status in ("starting", "running"):
            return max((value for value in _accuracies(progress).values() if value is not None), default=None)
        stands = self.fits.read().stands(search.repeats * (search.folds or 1))
        return max((mean for status, mean in stands.values() if status == "done" and mean is not None), default=None)

    def progress(self) -> dict[str, Any]:
        """What ``progress.json`` says."""
        try:
            plain: Any = runs.read_json(self.path / "progress.json")
        except TizaError:  # not there yet, or broken: the outcomes are kept elsewhere
            return {}
        return plain if isinstance(plain, dict) else {}

    def status(self, progress: dict[str, Any]) -> str:
        """``starting``, ``running``, or how it ended; ``interrupted`` where nobody works on what has no end."""
        said = progress.get("status")
        try:
            with runs.Run(self.path).locked(wait=0):
                pass
        except TizaError as error:
            if error.code == "run-in-use":
                return "running" if "status" in progress else "starting"
        return said if said in _ENDS else "interrupted"

    def details(self) -> dict[str, Any]:
        """Everything of a search but the single trials' curves; of a damaged one the sentence that says so."""
        line = self.line()
        nothing: dict[str, Any] = {
            "fields": [], "trials": [], "count": 0, "classes": [], "samples": 0, "share": None, "left": None,
            "folds": None, "repeats": 1, "ranked": None, "resume": None, "failure": None,
        }  # fmt: skip
        try:
            search, facts, every = self._asked()
            progress = self.progress()
            over = line["status"] in _ENDS
            rows = self._rows(over, progress)
            return storage.finite(line | nothing | {
                "fields": _fields(search, every), "trials": [_told(row) for row in rows[:MOST]], "count": len(every),
                "classes": [str(name) for name in facts["classes"]], "share": _number(progress.get("share")),
                "samples": sum(map(len, folder.samples(self.path)[0])),
                "left": None if over else _number(progress.get("left")), "folds": search.folds,
                "repeats": search.repeats, "ranked": _ranking(self._found()) if over else None,
                "resume": f"tiza search --resume {quote(self.path.name)}" if over else None,
                "of": len(every) * search.repeats * (search.folds or 1),
            })  # fmt: skip
        except _BROKEN as error:
            said = error if isinstance(error, TizaError) else TizaError("damaged", where=str(self.path))
            return self._damaged() | nothing | {"failure": str(said).replace(f"{self.path.parent}{os.sep}", "")}

    def trial(self, k: int, may_start: Callable[[Recipe], bool]) -> dict[str, Any]:
        """One trial: its curve, what it answered, its recipe, and the code that trains it by itself."""
        try:
            every, found, progress = self._asked()[2], self._found(), self.progress()
            found.of(k)  # raises for a number that is none
            rows = self._rows(self.status(progress) in _ENDS, progress)
            row = next(row for row in rows if row["trial"] == k)
            return storage.finite(_told(row) | {
                "curve": found.curve(k), "confusion": found.confusion(k).tolist(),
                "recipe": choosing.plain(every[k].recipe), "code": choosing.code(every[k].recipe),
                "startable": may_start(every[k].recipe),
            })  # fmt: skip
        except RequestError:
            raise
        except _BROKEN:
            raise TizaError("damaged", where=self.path.name) from None

    def _asked(self) -> tuple[Search, dict[str, Any], list[Trial]]:
        with self.lock:
            at = _stamp(self.path / "search.json")
            if self.asked is None or self.asked[0] != at:
                search, facts = folder.asked(self.path)
                self.asked = at, (search, facts, trials_of(search))
            return self.asked[1]

    def _found(self) -> Trials:
        """The search as it was last read: what it has worked out stands for as long as its files do."""
        every = self._asked()[2]
        with self.lock:
            at = [_stamp(self.path / name) for name in ("search.json", "samples.json", "trials.jsonl", "winner.json")]
            if self.found is None or self.found[0] != at:
                found = Trials(self.path)
                vars(found)["trials"] = every  # made already
                self.found = at, found
            return self.found[1]

    def _rows(self, over: bool, progress: dict[str, Any]) -> list[dict[str, Any]]:
        """The trials, the best first: ranked once it is over, before by what is known so far."""
        if not over:
            search, _, every = self._asked()
            return self._so_far(search, every, progress)
        found = self._found()
        with self.lock:  # of two who ask one works it out
            return found.rows

    def _so_far(self, search: Search, every: list[Trial], progress: dict[str, Any]) -> list[dict[str, Any]]:
        """The trials by what is known of them while it runs, the best first."""
        means = _accuracies(progress)
        stands = self.fits.read().stands(search.repeats * (search.folds or 1))
        rows = []
        for trial in every:
            status, _ = stands.get(trial.number, ("", None))
            mean = means.get(trial.number)
            if not status or status == "unfinished":
                status = "waiting" if mean is None else "running"
            rows.append({"trial": trial.number, "values": trial.values, "status": status, "accuracy": mean})
        return sorted(rows, key=lambda row: (row["status"] not in ("done", "running"), -(row["accuracy"] or 0)))


class Fits:
    """What ``trials.jsonl`` says of each fit, its answers apart; ``read()`` goes on where it stopped."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Know nothing."""
        self.file: tuple[int, int] | None = None
        self.end = 0
        self.of: dict[int, dict[tuple[Any, Any], tuple[str, float | None]]] = defaultdict(dict)

    def read(self) -> "Fits":
        """Take in what was written since."""
        with self.lock:
            try:
                file, anew, whole = storage.appended(self.path, self.file, self.end)
            except FileNotFoundError:
                self.clear()
                return self
            if anew:
                self.clear()
                self.file = file
            self.end += len(whole)
            for line in whole.splitlines():
                if _BEGINS.match(line):
                    self._take(line)
        return self

    def _take(self, line: bytes) -> None:
        try:
            fit = json.loads(line)
            place, mean = (int(fit["repeat"]), int(fit["fold"])), fit["accuracy"]
            self.of[int(fit["trial"])].setdefault(place, (str(fit["status"]), None if mean is None else float(mean)))
        except (LookupError, TypeError, ValueError, RecursionError):
            return  # as those who read the whole line do

    def stands(self, fits: int) -> dict[int, tuple[str, float | None]]:
        """Status and mean accuracy of each trial of ``fits`` fits that one is known of."""
        found: dict[int, tuple[str, float | None]] = {}
        for trial, of in list(self.of.items()):
            means = [mean for _, mean in of.values() if mean is not None]
            status = standing([status for status, _ in of.values()], fits)
            found[trial] = status, sum(means) / len(means) if means else None
        return found


def _ranking(found: Trials) -> dict[str, Any] | None:
    """What the ranking says beyond its rows; None where no trial has finished."""
    rows = found.rows
    if not rows or rows[0]["rank"] is None:
        return None
    verdicts = Counter(row["verdict"] for row in rows if row["same_as"] is None)
    statuses = Counter(row["status"] for row in rows)
    test = found.report.test if found.report else None
    return {
        "best": found.best, "ties": verdicts["tie"], "worse": verdicts["worse"],
        "same": sum(row["same_as"] is not None for row in rows), "optimism": found.optimism,
        "effects": found.effects, **{name: statuses[name] for name in ("diverged", "dropped", "unfinished")},
        "test": {name: test[name] for name in ("accuracy", "n", "interval")} if test else None,
    }  # fmt: skip


def _told(row: dict[str, Any]) -> dict[str, Any]:
    named = ("status", "accuracy", "low", "high", "rank", "verdict", "same_as")
    return {"number": row["trial"], "values": row["values"]} | {name: row.get(name) for name in named}


def _fields(search: Search, every: list[Trial]) -> list[dict[str, Any]]:
    """The fields with their values: as asked for, or in order where few were drawn; of many drawn ones none."""
    found = []
    for field, asked in search.grid.items():
        drawn = isinstance(asked, Range)
        values = sorted({trial.values[field] for trial in every}) if drawn else list(_once(asked))
        many = drawn and len(values) > FEW
        found.append({"field": field, "values": [] if many else values, "drawn": many})
    return found


def _once(values: Any) -> list[Any]:
    """Without those that are there already; values may be lists."""
    return list({storage.to_json(value): value for value in values}.values())


def _accuracies(progress: dict[str, Any]) -> dict[int, float | None]:
    plain = progress.get("accuracy")
    pairs = plain.items() if isinstance(plain, dict) else ()
    return {int(k): _number(value) for k, value in pairs if str(k).isdecimal()}


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _count(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
