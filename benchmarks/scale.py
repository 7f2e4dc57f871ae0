"""What 10⁴ and 10⁶ trials of a search cost: measured, the rest calculated; writes docs/scale.md and docs/escala.md.

Measured, each in a process of its own: a stack of 32 on one thread; what a search writes, reads and ranks of T outcomes
(invented ones, through tiza's own functions); what Ray adds to a pack. Seconds are those that the process computes
(Ray's: that pass), so that a busy machine hardly changes them. The sentences of the sheets stand in scale.en.md and
scale.es.md. Needs ``tiza[ray]`` and two minutes.
"""

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

DOCS = Path(__file__).parents[1] / "docs"
EPOCHS = 10
STACK = 32
LONG = 15  # times so many epochs: as long as the longest of document 004
KEPT = ((10_000, "digits"), (1_000, "mnist"))  # trials, and on whose validation samples


def asked(data: dict[str, Any], trials: int) -> Any:
    """A random search over rate and decay of one hidden layer of 32 units."""
    from tiza.config import Recipe, make
    from tiza.trials.space import Search, axis

    model = {"name": "mlp", "hidden": [32], "dropout": 0.0}
    plan = {"epochs": EPOCHS, "batch_size": 64, "threads": 1, "device": "cpu"}
    grid = {field: axis("log(0.0001, 0.1)", field) for field in ("plan.lr", "plan.weight_decay")}
    return Search(recipe=make(Recipe, {"data": data, "model": model, "plan": plan}), grid=grid, trials=trials)


def clock(do: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came of it."""
    began = time.process_time()
    result = do()
    return time.process_time() - began, result


def held() -> int:
    """Bytes that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def training(name: str) -> dict[str, Any]:
    """Seconds of a core for a trial: in a stack, and by itself."""
    from tiza.trials.packs import Datasets, Pack, in_lanes, lines_of
    from tiza.trials.space import trials_of
    from tiza.trials.work import train

    data = {"digits": {"name": "digits"}, "mnist": {"name": "mnist", "limit": 700, "valid": 100}}[name]
    search = asked(data, STACK)
    datasets = Datasets(search)
    lines = lines_of(trials_of(search), search, datasets)

    def trained(pack: Pack) -> None:
        for _ in train(pack, datasets, tell=lambda news: None):
            pass

    together = Pack(tuple(in_lanes(lines)), "stacked", "stacked", 1, 1.0)
    stacked = min(clock(lambda: trained(together))[0] for _ in range(6)) / STACK
    alone = min(clock(lambda line=line: trained(Pack((line,), "alone", "dense", 1, 1.0)))[0] for line in lines[:8])
    base = datasets.base
    return {"train": len(base.train), "inputs": int(np.prod(base.shape)), "stacked": stacked, "alone": alone}


def invented(k: int, trials: int, labels: np.ndarray, rng: np.random.Generator) -> Any:
    """What might have come of trial ``k``."""
    from tiza.trials.outcome import Fit, Outcome

    wrong = rng.random(len(labels)) < 0.05 + 0.2 * k / trials
    share = float(1 - wrong.mean())
    curve: list[float | None] = [round(share * (1 - 0.5 / (i + 1)), 9) for i in range(EPOCHS)]
    answers = np.where(wrong, (labels + 1) % 10, labels)
    figures = 1 - share, share, share, share
    return Outcome(Fit(k, 0, 0), "done", "stacked", True, EPOCHS, 0.0234567, *figures, curve, answers)


def keeping(trials: int, name: str) -> dict[str, Any]:
    """What a search of so many trials costs besides training, in seconds and bytes."""
    from tiza import storage
    from tiza.trials import folder, packs
    from tiza.trials.space import trials_of
    from tiza.trials.standing import EVERY, Monitor
    from tiza.trials.table import Trials

    search = asked({"name": name}, trials)
    datasets = packs.Datasets(search)
    labels = datasets.base.look("valid").y.numpy()
    found: dict[str, Any] = {"trials": trials, "valid": len(labels)}
    found["draw"], every = clock(lambda: trials_of(search))
    found["plan"], _ = clock(lambda: (packs.check(every, datasets), packs.lines_of(every, search, datasets)))
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "search"
        folder.begin(path, search, datasets.base, [datasets.base])
        monitor = Monitor(path, search, every, None)
        monitor.spoke = np.inf  # it only keeps; what saying costs is measured below
        found["keep"] = 0.0
        for k in range(trials):
            outcome = invented(k, trials, labels, rng)
            found["keep"] += clock(lambda outcome=outcome: monitor.tell(outcome))[0]
        found["bytes"] = (path / "trials.jsonl").stat().st_size
        found["say"] = min(clock(lambda: monitor.say("running"))[0] for _ in range(3))
        found["said"] = (path / "progress.json").stat().st_size
        found["every"] = EVERY
        read, before = Trials(path), held()
        found["read"], _ = clock(lambda: (read.trials, read.outcomes))
        found["rank"], _ = clock(lambda: read.rows)
        found["optimism"], _ = clock(lambda: read.optimism)
        found["table"], _ = clock(lambda: read.table)
        found["memory"] = held() - before
        found["json"] = len(storage.to_json(read.to_dict()))
    return found


def on_ray() -> dict[str, Any]:
    """What Ray adds: seconds to start, seconds of this process for a pack of 32, and its bytes."""
    from tiza.trials import cluster, packs
    from tiza.trials.space import trials_of

    search = asked({"name": "digits"}, STACK)
    datasets = packs.Datasets(search)
    labels = datasets.base.look("valid").y.numpy()
    lines = packs.lines_of(trials_of(search), search, datasets)
    pack = packs.Pack(tuple(lines), "stacked", "stacked", 1, 1.0)
    rng = np.random.default_rng(0)
    outcomes = [invented(k, STACK, labels, rng) for k in range(STACK)]
    cluster._outcomes = lambda pack, job, outcomes=outcomes: outcomes  # no training: what is left is Ray's
    began = time.perf_counter()
    with cluster._connected("ray") as ray:
        found = {"pack": len(ray.cloudpickle.dumps(pack)), "outcomes": len(ray.cloudpickle.dumps(outcomes))}
        list(cluster.results("ray", [pack] * 8, datasets))
        found["start"] = time.perf_counter() - began
        began = time.perf_counter()
        list(cluster.results("ray", [pack] * 300, datasets))
        found["each"] = (time.perf_counter() - began) / 300
    return found


def measured(*call: Any) -> Any:
    """One of the functions above, in a process of its own with one thread."""
    command = [sys.executable, __file__, "--only", json.dumps(call)]
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"OMP_NUM_THREADS": "1", "TIZA_HOME": home}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


class Time(float):
    """Seconds that a sheet shows in the unit that suits them."""


def whole(found: dict[str, Any], kept: dict[str, Any], trial: float, trials: int, cores: int) -> Time:
    """Of a whole search with trials of ``trial`` seconds: what one process does before and after, and between them the
    slower of training, which all cores do, and keeping, which that process does alone. It shares its time with saying
    how the search stands, which takes longer the more there is to say.
    """
    around = sum(kept[part] for part in ("draw", "plan", "read", "rank", "optimism", "table")) / kept["trials"]
    saying = 1 + kept["say"] / kept["trials"] * trials / 2 / kept["every"]  # the mean, from nothing to all of it
    keep = (kept["keep"] / kept["trials"] + found["ray"]["each"] / STACK) * saying
    return Time(trials * (around + max(trial / cores, keep)))


def figures(found: dict[str, Any]) -> dict[str, Any]:
    """All that the sheets say, in numbers."""
    many, large = found["keeping"]
    one = {name: found["training"][name]["stacked"] for name in ("digits", "mnist")}
    each = {part: many[part] / many["trials"] for part in many if part not in ("valid", "every")}
    ray = found["ray"]
    feed = each["keep"] + ray["each"] / STACK
    numbers: dict[str, Any] = {
        "system": platform.system(), "machine": platform.machine(), "cores": os.cpu_count(), "tiza": version("tiza"),
        "torch": version("torch"), "ray": version("ray"), "epochs": EPOCHS, "stack": STACK, "start": ray["start"],
        "pack_kb": ray["pack"] / 1e3, "outcomes_kb": ray["outcomes"] / 1e3, "pack_ms": 1e3 * ray["each"],
        "draw_ms": 1e3 * each["draw"], "plan_ms": 1e3 * each["plan"], "keep_ms": 1e3 * each["keep"],
        "feed_ms": 1e3 * feed, "read_ms": 1e3 * each["read"], "rank_ms": 1e3 * (each["rank"] + each["table"]),
        "optimism_ms": 1e3 * each["optimism"], "line": each["bytes"], "json": each["json"],
        "memory_kb": each["memory"] / 1e3, "large_line_kb": large["bytes"] / large["trials"] / 1e3,
        "large_rank_ms": 1e3 * (large["rank"] + large["table"]) / large["trials"],
        "large_optimism_ms": 1e3 * large["optimism"] / large["trials"],
        "large_memory_kb": large["memory"] / large["trials"] / 1e3, "valid": many["valid"], "large": large["valid"],
        "most": round(one["digits"] / feed),
        "most_long": round(LONG * one["mnist"] / feed), "long": LONG * EPOCHS, "say_4": many["say"],
        "say_6": each["say"] * 1e6, "said_6_mb": each["said"],
        "say_share": 100 * each["say"] * 1e6 / (each["say"] * 1e6 + many["every"]),
        "draw_6": Time(each["draw"] * 1e6), "around_4": 1e4 * sum(
            each[part] for part in ("draw", "plan", "read", "rank", "optimism", "table")
        ), "matrix_gb": 8 * large["valid"] / 1e3, "json_6_mb": each["json"], "losses": 26,
    }  # fmt: skip
    for name in ("digits", "mnist"):
        row = found["training"][name]
        numbers |= {
            f"{name}_train": row["train"],
            f"{name}_ms": 1e3 * row["stacked"],
            f"{name}_rate": 1 / row["stacked"],
        }
        numbers |= {f"{name}_gain": row["alone"] / row["stacked"]}
    shapes = {"digits": one["digits"], "mnist": one["mnist"], "long": LONG * one["mnist"]}
    for power in (4, 6):
        for name, trial in shapes.items():
            for cores in (2, 64, 1000):
                numbers[f"{name}_{power}_{cores}"] = whole(found, many, trial, 10**power, cores)
    for power in (4, 6):
        for place, row in (("", many), ("large_", large)):
            for part in ("bytes", "memory"):
                numbers[f"{place}{part}_{power}"] = row[part] / row["trials"] * 10**power / 1e9
    return numbers


def said(code: str, numbers: dict[str, Any]) -> str:
    """The sheet in a language, its numbers as that language writes them."""
    from tiza.i18n import number, set_language

    set_language(code)

    def shown(value: Any) -> str:
        if isinstance(value, Time):
            unit, size = ("s", 1) if value < 120 else ("min", 60) if value < 7200 else ("h", 3600)
            return f"{shown(float(value) / size)} {unit}"
        if not isinstance(value, float):
            return number(value, ",") if isinstance(value, int) else str(value)
        digits = max(0, 1 - math.floor(math.log10(value)))  # two that say something
        return number(value, f",.{digits}f")

    sheet = Path(__file__).with_suffix(f".{code}.md").read_text(encoding="utf-8")
    return sheet.format_map({name: shown(value) for name, value in numbers.items()})


def main() -> None:
    """Measure and write both sheets; ``--from FILE`` writes them again from figures kept with ``--to FILE``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help=argparse.SUPPRESS)
    parser.add_argument("--to", type=Path, metavar="FILE", help="keep the figures")
    parser.add_argument("--from", dest="known", type=Path, metavar="FILE", help="measure nothing")
    chosen = parser.parse_args()
    if chosen.only:
        name, *arguments = json.loads(chosen.only)
        print(json.dumps(globals()[name](*arguments)))
        return
    if chosen.known:
        found = json.loads(chosen.known.read_text())
    else:
        found = {"training": {name: measured("training", name) for name in ("digits", "mnist")}}
        found["keeping"] = [measured("keeping", *call) for call in KEPT]
        found["ray"] = measured("on_ray")
    if chosen.to:
        chosen.to.write_text(json.dumps(found, indent=1))
    numbers = figures(found)
    for code, name in (("en", "scale"), ("es", "escala")):
        (DOCS / f"{name}.md").write_text(said(code, numbers), encoding="utf-8")
    print(json.dumps(numbers, indent=1))


if __name__ == "__main__":
    main()
