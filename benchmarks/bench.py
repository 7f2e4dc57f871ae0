"""``make bench``: peers and tiza in turn, each in its own process; prints the sheet and writes benchmarks/RESULTS.md.

    python benchmarks/bench.py [--only WORK,…] [--pairs N] [--quick]

The whole takes about an hour (estimated) and wants a quiet machine. The sheet is written anew after every work, so
that what was measured survives an interruption; a work that fails becomes a row that says why. ``--only`` and
``--quick`` (one pair, one seed, few samples: nothing it prints counts) leave RESULTS.md alone.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from works import WORKS, Chase, Goal, Hunt, Race, Work

HERE = Path(__file__).parent
FEW = 6_400  # samples of --quick
BUSY = 0.5  # load before the start from which the sheet warns
PATIENCE = 1_800  # seconds that one process may take
LIBRARIES = ("tiza", "torch", "torchvision", "numpy", "scikit-learn", "keras", "tensorflow-cpu", "fastai")
HEADS = {
    Race: (
        "work", "peer", "peer, samples/s", "tiza, samples/s", "ratio (lowest–highest)", "owed", "aim", "",
        "tiza's threads", "GFLOP/s", "of the limit",
    ),
    Chase: (
        "work", "peer", "peer, s", "tiza, s", "ratio (lowest–highest)", "owed", "aim", "", "recipe", "peer's accuracy",
    ),
    Hunt: ("work", "peer", "peer, s", "tiza, s", "ratio (lowest–highest)", "owed", "", "how they were trained"),
    Goal: (
        "work", "recipe", "seeds", "test: median", "lowest", "seconds: median", "longest", "owed", "aim", "",
        "whole command, s",
    ),
}  # fmt: skip
TITLES = {
    Race: "Against peers, at the same mathematics",
    Chase: "Against a peer, to the same accuracy",
    Hunt: "Many networks",
    Goal: "To an accuracy",
}


@dataclass(frozen=True)
class Effort:
    """How much is asked of every work."""

    pairs: int
    quick: bool

    def samples(self, full: int) -> int:
        """How many samples to train on where a whole run takes ``full``."""
        return FEW if self.quick else full


class Failed(Exception):
    """A process did not give what was asked of it; says why in a sentence."""


def said_by(*command: str) -> dict[str, Any]:
    """What a Python process prints on its last line, as JSON.

    No GPU, and numpy chooses the kernels of OpenBLAS itself: some machines pin old ones, which would slow a peer.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OPENBLAS_")}
    environment |= {"CUDA_VISIBLE_DEVICES": "", "TIZA_LANG": "en"}
    try:
        done = subprocess.run(
            [sys.executable, *command], capture_output=True, text=True, env=environment, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"still running after {PATIENCE} s") from None
    answer = (done.stdout.strip().splitlines() or [""])[-1]
    said = json.loads(answer) if answer.startswith("{") else {}
    if done.returncode or not said:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise Failed(said.get("error", {}).get("message") or f"{last} (exit status {done.returncode})")
    return said


def peer(script: Sequence[str], epochs: int, samples: int) -> dict[str, Any]:
    """What a peer measured."""
    return said_by(str(HERE / script[0]), *script[1:], str(epochs), str(samples))


def tiza(recipe: str | dict[str, Any], *changes: str) -> dict[str, Any]:
    """``tiza train … --json``, and ``history``: seconds of training and validation accuracy after each epoch."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        if isinstance(recipe, dict):
            path = Path(folder) / "recipe.json"
            path.write_text(json.dumps(recipe))
            recipe = str(path)
        said = said_by("-m", "tiza.cli", "train", "--recipe", recipe, "--json", "--run", str(run), *changes)
        events = map(json.loads, (run / "events.jsonl").read_text().splitlines())
        measured = [event for event in events if event["kind"] == "measured"]
        return said | {"history": [(event["seconds"], event["valid"]["accuracy"][0]) for event in measured]}


def race(work: Race, effort: Effort, limit: dict[str, float]) -> list[str]:
    """One row: samples a second of training alone, in turn."""
    samples = effort.samples(work.samples)
    plan = work.recipe["plan"] | {"epochs": work.epochs[1]}
    data = work.recipe["data"] | {"limit": samples + 1_000, "valid": 1_000}
    theirs, ours = [], []
    for _ in range(effort.pairs):
        theirs.append(peer(work.peer, work.epochs[0], samples)["samples_per_second"])
        ours.append(tiza(work.recipe | {"data": data, "plan": plan}, "--sealed"))
        tell(f"peer {theirs[-1]:,.0f}/s, tiza {ours[-1]['samples_per_second']:,.0f}/s")
    rates = [run["samples_per_second"] for run in ours]
    ratios = [a / b for a, b in zip(rates, theirs, strict=True)]
    gflops = median(rates) * work.flops / 1e9
    threads = {run["threads"] for run in ours}
    most = limit["one" if threads == {1} else "all"]
    owed, aim = ("–" if wanted is None else f"≥ {wanted:g}" for wanted in (work.owed, work.aim))
    return [
        work.title, work.against, f"{median(theirs):,.0f}", f"{median(rates):,.0f}", spread(ratios), owed, aim,
        verdict(*(None if wanted is None else median(ratios) >= wanted for wanted in (work.owed, work.aim))),
        ", ".join(map(str, sorted(threads))), f"{gflops:.1f}", f"{gflops / most:.0%}",
    ]  # fmt: skip


def chase(work: Chase, effort: Effort) -> list[str]:
    """One row: seconds of training until the accuracy is there, in turn with the peer's epochs."""
    samples = effort.samples(60_000)
    changes = quick_changes() if effort.quick else []
    theirs, ours, accuracies = [], [], []
    for _ in range(effort.pairs):
        said = peer(work.peer, work.epochs, samples)
        theirs.append(work.epochs * samples / said["samples_per_second"])
        accuracies.append(said["accuracy"])
        history = tiza(work.recipe, "--sealed", *changes)["history"]
        reached = [seconds for seconds, accuracy in history if accuracy >= work.accuracy or effort.quick]
        if not reached:
            raise Failed(f"{work.recipe} ended at {history[-1][1]:.2%} of validation")
        ours.append(reached[0])
        tell(f"peer {theirs[-1]:.1f} s ({accuracies[-1]:.2%}), tiza {ours[-1]:.1f} s")
    ratios = [a / b for a, b in zip(theirs, ours, strict=True)]
    return [
        work.title, work.against, f"{median(theirs):.1f}", f"{median(ours):.2f}", spread(ratios), f"≥ {work.owed:g}",
        f"≤ {work.aim:g} s", verdict(median(ratios) >= work.owed, median(ours) <= work.aim), f"`{work.recipe}`",
        f"{median(accuracies):.2%}",
    ]  # fmt: skip


def goal(work: Goal, effort: Effort) -> list[str]:
    """One row: accuracy on test and seconds of training over the seeds."""
    seeds = work.seeds[:1] if effort.quick else work.seeds
    changes = ["--sealed", *quick_changes()] if effort.quick else []
    accuracies, seconds, whole = [], [], []
    for seed in seeds:
        run = tiza(work.recipe, "--seed", str(seed), *changes)
        accuracies.append((run["test"] or run["valid"])["accuracy"])
        seconds.append(run["seconds"])
        whole.append(run["seconds_total"])
        tell(f"seed {seed}: {accuracies[-1]:.2%}, {seconds[-1]:.1f} s of training, {whole[-1]:.1f} s in all")
    reached, took = (min(accuracies), max(seconds)) if work.every else (median(accuracies), median(seconds))
    right = reached >= work.accuracy
    return [
        work.title + (", every seed" if work.every else ", median"), f"`{work.recipe}`", f"{seeds[0]}–{seeds[-1]}",
        f"{median(accuracies):.2%}", f"{min(accuracies):.2%}", f"{median(seconds):.1f}", f"{max(seconds):.1f}",
        f"≤ {work.owed:g} s", f"≤ {work.aim:g} s", verdict(right and took <= work.owed, right and took <= work.aim),
        f"{median(whole):.1f}",
    ]  # fmt: skip


def hunt(work: Hunt, effort: Effort) -> list[str]:
    """One row: seconds of many trainings, in turn with the peer's."""
    theirs, ours, ways = [], [], set()
    for _ in range(effort.pairs):
        theirs.append(said_by(str(HERE / work.peer[0]), *work.peer[1:])["seconds"])
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "search")
            found = said_by("-m", "tiza.cli", "search", *work.search, "--sealed", "--json", "--run", path)
        ours.append(found["seconds"] if work.whole else sum(trial["seconds"] for trial in found["trials"]))
        went = [trial["way"] for trial in found["trials"]]
        ways.add(", ".join(f"{went.count(way)} {way}" for way in sorted(set(went))))
        tell(f"peer {theirs[-1]:.1f} s, tiza {ours[-1]:.2f} s ({', '.join(ways)})")
    ratios = [a / b for a, b in zip(theirs, ours, strict=True)]
    return [
        work.title, work.against, f"{median(theirs):.1f}", f"{median(ours):.2f}", spread(ratios), f"≥ {work.owed:g}",
        "met" if median(ratios) >= work.owed else "missed", " / ".join(sorted(ways)),
    ]  # fmt: skip


def quick_changes() -> list[str]:
    """What makes a recipe short enough to try the harness."""
    return ["--set", "plan.epochs=1", "--set", "data.valid=1000", "--set", f"data.limit={FEW + 1_000}"]


def spread(ratios: list[float]) -> str:
    """Median, lowest and highest."""
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def verdict(owed: bool | None, aim: bool | None) -> str:
    """Whether what is owed, and what is aimed at, was met."""
    if owed is None:
        return "–"
    return "missed" if not owed else "met, aim met" if aim else "met, aim missed"


def tell(text: str) -> None:
    """Progress, to stderr."""
    print(f"    {text}", file=sys.stderr, flush=True)


def machine(load: float) -> str:
    """Processor, cores, memory and load, in a line."""
    try:
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        more = f", {found[1].strip() if found else 'unknown processor'}, {memory:.0f} GiB"
    except (OSError, ValueError):
        more = ""
    return f"{platform.system()} {platform.machine()}{more}, {os.cpu_count()} cores, load {load:.1f} before the start"


def versions() -> str:
    """The libraries that take part."""
    said = []
    for name in LIBRARIES:
        try:
            said.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            said.append(f"no {name}")
    return ", ".join([f"Python {platform.python_version()}", *said])


def sheet(head: list[str], rows: dict[str, tuple[Work, list[str]]]) -> str:
    """The tables of what was measured so far."""
    lines = [*head]
    for kind, names in HEADS.items():
        mine = [cells for work, cells in rows.values() if isinstance(work, kind)]
        if mine:
            table = [names, ["---"] * len(names), *(cells + [""] * (len(names) - len(cells)) for cells in mine)]
            lines += ["", f"## {TITLES[kind]}", "", *(f"| {' | '.join(cells)} |" for cells in table)]
    return "\n".join([*lines, ""])


def asked() -> argparse.Namespace:
    """The options, checked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [work.id for work in WORKS]
    parser.add_argument("--only", metavar="WORK,…", help=", ".join(known))
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one pair, one seed, few samples")
    options = parser.parse_args()
    options.only = options.only.split(",") if options.only else known
    if strange := [name for name in options.only if name not in known]:
        parser.error(f"no work called {', '.join(strange)}; there are {', '.join(known)}")
    if options.pairs < 1:
        parser.error("--pairs: at least 1")
    return options


def main() -> None:
    """Measure the limit, then work by work."""
    options = asked()
    effort = Effort(1 if options.quick else options.pairs, options.quick)
    works = [work for work in WORKS if work.id in options.only]
    keeps = len(works) == len(WORKS) and not options.quick
    came, load = time.perf_counter(), os.getloadavg()[0]
    limit = said_by(str(HERE / "limit.py"))
    head = [
        "# Results of `make bench`" + (" --quick: a trial of the harness, no figure counts" if options.quick else ""),
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {machine(load)}. {versions()}.",
        "",
        f"The limit, a float32 product of 2048×2048 matrices: {limit['one']:.0f} GFLOP/s on one thread, "
        f"{limit['all']:.0f} on {limit['threads']:.0f}. `of the limit`: of one thread where tiza chose one.",
        "Rates and seconds are of training alone, after a warm-up, in processes that took turns: medians, and the "
        f"ratios of {effort.pairs} pairs.",
    ]
    if load > BUSY:
        head.append("**The machine was busy: threads that wait for each other slow the peers, which flatters tiza.**")
    rows: dict[str, tuple[Work, list[str]]] = {}
    for work in works:
        print(f"{work.id}: {work.title}", file=sys.stderr, flush=True)
        try:
            match work:
                case Race():
                    cells = race(work, effort, limit)
                case Chase():
                    cells = chase(work, effort)
                case Goal():
                    cells = goal(work, effort)
                case Hunt():
                    cells = hunt(work, effort)
        except Exception as why:  # whatever happens to one work, the others go on, and its row says it
            reason = f"not measured: {why if isinstance(why, Failed) else repr(why)}"
            tell(reason)
            cells = [work.title, reason.replace("|", "/")]
        rows[work.id] = (work, cells)
        if keeps:
            (HERE / "RESULTS.md").write_text(sheet(head, rows))
    print(sheet(head, rows))
    tell(f"{(time.perf_counter() - came) / 60:.0f} minutes")


if __name__ == "__main__":
    main()
