"""``Trials``: what came of a search, ranked."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from tiza import runs, storage
from tiza.config import Recipe
from tiza.data.dataset import Dataset
from tiza.errors import RequestError, TizaError
from tiza.i18n import t
from tiza.reports import Report
from tiza.runs.folder import read_json
from tiza.trials import folder, judging
from tiza.trials.equal import work_of
from tiza.trials.outcome import Fit, Outcome, standing
from tiza.trials.space import Search, Trial, trials_of

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "rank", "verdict", "accuracy", "low", "high", "loss", "f1_macro", "train_accuracy", "p", "status", "way", "same_as",
    "epochs", "seconds",
)  # fmt: skip


@dataclass(frozen=True)
class Trials:
    """A search, read from its folder.

    ``table`` is a DataFrame, the best trial first; ``best`` its number, ``recipe(k)`` and ``run(k)`` what trial k is
    and becomes by itself, ``confusion(k)`` and ``curve(k)`` what it answered and how it learnt on validation. ``data``
    is the user's own, where no recipe names it.
    """

    path: Path
    data: Dataset | None = None

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @cached_property
    def search(self) -> Search:
        """What was searched."""
        return folder.asked(self.path)[0]

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The classes of the data."""
        return tuple(folder.asked(self.path)[1]["classes"])

    @cached_property
    def trials(self) -> list[Trial]:
        """Every trial, by its number."""
        return trials_of(self.search)

    @cached_property
    def outcomes(self) -> dict[Fit, Outcome]:
        """What came of each fit."""
        return folder.outcomes(self.path)

    @cached_property
    def labels(self) -> list[np.ndarray]:
        """The labels of the validation samples of each fold."""
        return folder.samples(self.path)[0]

    def of(self, k: int) -> list[Outcome]:
        """The outcomes of trial ``k``, by repeat and fold; raises for a number that is none."""
        if not 0 <= k < len(self.trials):
            raise RequestError("search-no-trial", where=str(k), k=k, last=len(self.trials) - 1)
        wanted = [Fit(k, r, f) for r in range(self.search.repeats) for f in range(self.search.folds or 1)]
        return [self.outcomes[fit] for fit in wanted if fit in self.outcomes]

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """One for each trial, the best first: ``trial``, ``values`` and what ``COLUMNS`` name."""
        rows = [self._row(trial) for trial in self.trials]
        finished = [row for row in rows if row["status"] == "done"]
        finished.sort(key=lambda row: (-row["accuracy"], row["loss"], row["trial"]))
        self._judge(finished)
        others = [row for row in rows if row["rank"] is None]
        order = {"dropped": 0, "diverged": 1, "unfinished": 2}
        others.sort(key=lambda row: (order[row["status"]], -(row["accuracy"] or 0), row["trial"]))
        return finished + others

    def _row(self, trial: Trial) -> dict[str, Any]:
        of = self.of(trial.number)
        status = standing([outcome.status for outcome in of], self.search.repeats * (self.search.folds or 1))
        row: dict[str, Any] = {"trial": trial.number, "values": trial.values} | dict.fromkeys(COLUMNS)
        row |= {"status": status, "epochs": max((o.epochs for o in of), default=0)}
        row["seconds"] = sum(outcome.seconds for outcome in of if outcome.own)
        if of:
            ways = {outcome.way if outcome.own else "read-off" for outcome in of}
            row["way"] = ways.pop() if len(ways) == 1 else "mixed"
        if status == "done":
            accuracies = [outcome.accuracy for outcome in of if outcome.accuracy is not None]
            low, high = judging.interval(accuracies, sum(map(len, self.labels)))
            row |= {"accuracy": fmean(accuracies), "low": low, "high": high}
            for name in ("loss", "f1_macro", "train_accuracy"):
                row[name] = fmean(value for outcome in of if (value := getattr(outcome, name)) is not None)
        elif status == "dropped":
            row["accuracy"] = fmean([o.accuracy for o in of if o.accuracy is not None] or [0.0])
        return row

    def _judge(self, finished: list[dict[str, Any]]) -> None:
        """Ranks, and which trials can't be told from the best."""
        if not finished:
            return
        samples = self.samples
        works = {row["trial"]: work_of(self.recipe(row["trial"]), samples) for row in finished}
        best, first = finished[0], self.right(finished[0]["trial"])
        seen: dict[str, int] = {}
        distinct = []
        for rank, row in enumerate(finished, 1):
            row["rank"] = rank
            work = works[row["trial"]]
            if work in seen:
                row["same_as"] = seen[work]
            else:
                seen[work] = row["trial"]
                distinct.append(row)
        for row, p in zip(
            distinct[1:],
            judging.holm([judging.mcnemar(first, self.right(row["trial"])) for row in distinct[1:]]),
            strict=True,
        ):
            row["p"], row["verdict"] = p, "tie" if p > judging.LEVEL else "worse"
        best["verdict"] = "best"
        by_number = {row["trial"]: row for row in finished}
        for row in finished:
            if row["same_as"] is not None:
                twin = by_number[row["same_as"]]
                row["p"], row["verdict"] = twin["p"], "same" if twin is best else twin["verdict"]

    @property
    def samples(self) -> int:
        """How many samples a trial learns from, of the first fold."""
        return folder.samples(self.path)[1][0]

    def right(self, k: int) -> np.ndarray:
        """Which validation samples trial ``k`` answers right: (repeats, samples of all folds)."""
        of = {(o.fit.repeat, o.fit.fold): o for o in self.of(k)}
        return np.array(
            [
                np.concatenate([of[r, f].answers == labels for f, labels in enumerate(self.labels)])
                for r in range(self.search.repeats)
            ]
        )

    @cached_property
    def table(self) -> "pd.DataFrame":
        """One row for each trial, indexed by its number, the best first; a column for each field searched."""
        import pandas as pd

        rows = [{"trial": row["trial"]} | row["values"] | {name: row[name] for name in COLUMNS} for row in self.rows]
        frame = pd.DataFrame(rows, columns=["trial", *self.search.grid, *COLUMNS]).set_index("trial")
        return frame.astype({"rank": "Int64", "same_as": "Int64"})

    @property
    def best(self) -> int:
        """The number of the best trial; raises where none has finished."""
        if self.rows[0]["rank"] is None:
            raise TizaError("search-none", where=str(self.path))
        return self.rows[0]["trial"]

    @property
    def ties(self) -> list[int]:
        """The trials that these validation samples can't tell from the best, without those that are the same."""
        return [row["trial"] for row in self.rows if row["verdict"] == "tie" and row["same_as"] is None]

    @cached_property
    def optimism(self) -> float:
        """By how much the best trial's accuracy is likely too high because it is the best; see ``judging``."""
        distinct = [row["trial"] for row in self.rows if row["rank"] is not None and row["same_as"] is None]
        return judging.optimism(np.array([self.right(k).mean(0) for k in distinct])) if distinct else math.nan

    @cached_property
    def effects(self) -> list[dict[str, Any]]:
        """For each value of each field the mean accuracy of the trials that have it, with its interval."""
        return judging.effects([(row["values"], row["accuracy"]) for row in self.rows if row["rank"] is not None])

    def recipe(self, k: int) -> Recipe:
        """What trial ``k`` is."""
        self.of(k)
        return self.trials[k].recipe

    def curve(self, k: int) -> list[float | None]:
        """Validation accuracy of trial ``k`` after each epoch, the mean over repeats and folds."""
        curves = [outcome.curve for outcome in self.of(k)]
        points = zip(*curves, strict=False)
        return [None if None in values else fmean(v for v in values if v is not None) for values in points]

    def confusion(self, k: int) -> np.ndarray:
        """How often trial ``k`` gave each class (column) to the validation samples of each (row), over all repeats."""
        size = len(self.classes)
        counts = np.zeros((size, size), np.int64)
        for outcome in self.of(k):
            if len(outcome.answers):
                np.add.at(counts, (self.labels[outcome.fit.fold], outcome.answers), 1)
        return counts

    def run(self, k: int) -> runs.Run:
        """Trial ``k`` trained by itself on the whole train split, in a run folder inside the search's; trained once."""
        from tiza.fitting import fit

        path = self.path / "runs" / f"{k:06}"
        run = runs.Run(path)
        recipe = self.recipe(k)
        data = self.data and replace(self.data, config=recipe.data)
        if (path / "environment.json").exists():
            return run if run.finished else fit(None, data, run=path, resume=True)
        return fit(recipe, data, run=path)

    @cached_property
    def report(self) -> Report | None:
        """The best trial's run, measured on test; None where that stayed sealed."""
        path = self.path / "winner.json"
        if not path.exists():
            return None
        plain = read_json(path)
        return Report.from_dict(plain["report"]) if plain["trial"] == self.best else None

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it: ``trials``, one object each, ranked."""
        ranked = self.rows and self.rows[0]["rank"] is not None
        return {
            "search": str(self.path), "seconds": folder.spent(self.path),
            "best": self.best if ranked else None, "ties": self.ties,
            "optimism": self.optimism if ranked else None, "folds": self.search.folds, "repeats": self.search.repeats,
            "trials": self.rows, "effects": self.effects, "report": self.report.to_dict() if self.report else None,
        }  # fmt: skip

    def _repr_html_(self) -> str:
        return f"<p><b>{self.name}</b>: {t('search.summary', n=len(self.rows))}</p>{self.table.head(20).to_html()}"


def read(search: str | Path) -> Trials:
    """The search in a folder, by its name, or the ``last`` one."""
    return Trials(folder.find(search))


def write_winner(trials: Trials, report: Report) -> None:
    """Keep the winner's report."""
    plain = {"v": 1, "trial": trials.best, "report": report.to_dict()}
    storage.write(trials.path / "winner.json", storage.to_json(plain))
