"""How a search stands: what was finished, what is under way, how long it will take."""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from tiza.trials import folder
from tiza.trials.outcome import Fit, Outcome
from tiza.trials.packs import Pack
from tiza.trials.space import Search, Trial
from tiza.trials.work import Moment

EVERY = 0.5  # seconds between two words on how it stands …
SHARE = 20  # … and at least so many times what one takes


@dataclass(frozen=True)
class Progress:
    """How a search stands: fits that are done, of how many; seconds left, estimated; the best mean accuracy so far."""

    done: int
    of: int
    share: float
    left: float | None
    best: float | None


class Monitor:
    """Keeps every outcome in the folder, and says how the search stands."""

    def __init__(
        self, path: Path, wanted: Search, every: Sequence[Trial], said: Callable[[Progress], None] | None
    ) -> None:
        self.path, self.said = path, said
        self.outcomes = folder.outcomes(path)
        self.before = folder.spent(path)
        self.ended: float | None = None  # when all were trained; the winner is trained once more afterwards
        self.of = len(every) * wanted.repeats * (wanted.folds or 1)
        self.began = self.planned = time.perf_counter()
        self.spoke, self.pause = -math.inf, EVERY
        self.total = self.finished = self.running = 0.0  # estimated seconds of work
        self.now: dict[Fit, float | None] = {}
        self.spent = False
        self.pack: Pack | None = None

    def start(self, all_packs: Sequence[Pack]) -> None:
        """What is to be done."""
        self.planned = time.perf_counter()
        self.total = sum(map(seconds_of, all_packs))
        self.say("running")

    def tell(self, news: Outcome | Moment) -> None:
        """Take in what a pack says."""
        if isinstance(news, Outcome):
            self.outcomes[news.fit] = news
            folder.keep(self.path, news)
        else:
            self.now = news.accuracy
            if self.pack is not None:
                self.running = seconds_of(self.pack) * news.epochs / max(self.pack.epochs, 1)
        if time.perf_counter() - self.spoke >= self.pause:
            self.say("running")
            self.pause = max(EVERY, SHARE * (time.perf_counter() - self.spoke))

    def over(self, pack: Pack) -> None:
        """A pack is done."""
        self.finished += seconds_of(pack)
        self.running, self.pack, self.now = 0.0, None, {}

    def say(self, status: str) -> None:
        """Write down how it stands, and call who asked to be told."""
        self.spoke = time.perf_counter()
        share = min(1.0, (self.finished + self.running) / self.total) if self.total else 0.0
        left = (self.spoke - self.planned) * (1 - share) / share if share > 0.01 else None
        accuracy = self.accuracy()
        best = max((a for a in accuracy.values() if a is not None), default=None)
        done = len(self.outcomes)
        plain = {"status": status, "done": done, "of": self.of, "share": round(share, 4), "left": left}
        plain["seconds"] = round(self.before + (self.ended or self.spoke) - self.began, 3)
        plain["accuracy"] = {str(k): a and round(a, 5) for k, a in accuracy.items()}
        folder.say(self.path, plain)
        if self.said is not None:
            self.said(Progress(done, self.of, share, left, best))

    def accuracy(self) -> dict[int, float | None]:
        """The mean validation accuracy of each trial, of what is known of it so far."""
        known: dict[int, list[float]] = defaultdict(list)
        for fit, outcome in self.outcomes.items():
            known[fit.trial] += [] if outcome.accuracy is None else [outcome.accuracy]
        for fit, accuracy in self.now.items():
            if fit not in self.outcomes and accuracy is not None:
                known[fit.trial].append(accuracy)
        return {k: fmean(values) if values else None for k, values in known.items()}


def seconds_of(pack: Pack) -> float:
    """How long a pack is likely to take."""
    return pack.seconds * max(line.recipe.plan.epochs for line in pack.lines)
