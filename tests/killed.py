"""A process that trains in children and has them killed; run by test_fitting.py, once, to import torch once.

``python killed.py MODE ARGUMENTS``; prints one JSON object. The kills are real (SIGKILL): at random moments, or at
every file that the trainer opens to write or renames, counted by an audit hook.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # a forked child can't use the GPU of its parent
import torch

torch.set_num_threads(1)

from tiza import fitting, readers, reports, runs  # noqa: E402
from tiza.config import Recipe, make  # noqa: E402
from tiza.errors import TizaError  # noqa: E402
from tiza.training import loop  # noqa: E402

EPOCHS = 60
PLAN = {"threads": 1, "device": "cpu", "seed": 3, "schedule": "one-cycle", "lr": 0.01, "keep": "best"}
RECIPES = {
    "mlp": {
        "data": "digits",
        "model": {"name": "mlp", "hidden": [32], "dropout": 0.3, "batch_norm": True},
        "plan": {**PLAN, "epochs": 2, "batch_size": 700},
    },
    "cnn": {
        "data": "digits",
        "model": {"name": "cnn", "channels": [4, 8], "kernels": [3], "strides": [1], "pools": [2], "dropout": 0.2},
        "plan": {**PLAN, "epochs": 2, "batch_size": 700, "augment": {"shift": 1, "rotate": 10, "erase": 2}},
    },
}


def start(run: Path, recipe: Recipe, *, kill_at: int | None = None) -> int:
    """Train (or go on) in a child; its process id."""
    pid = os.fork()
    if pid:
        return pid
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    writes = 0

    def count(event: str, arguments: tuple) -> None:
        nonlocal writes
        if event == "open":
            path, mode, _ = arguments
            counts = isinstance(path, (str, Path)) and str(path).startswith(str(run)) and mode and mode[0] in "wa"
        else:
            counts = event == "os.rename"
        if counts:
            writes += 1
            if writes == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    if kill_at is not None:
        sys.addaudithook(count)
    try:
        if not (run / "environment.json").exists():
            fitting.fit(recipe, run=run)
        elif not runs.Run(run).finished:
            fitting.fit(run=run, resume=True)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        os._exit(1)
    os._exit(0)


def end(pid: int) -> int:
    """The exit code of a child, negative for the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def weights(run: Path) -> str:
    """The hash of the finished model's weights."""
    return json.loads((run / "model" / "manifest.json").read_text())["weights"]


def loads(run: Path) -> bool:
    """Whether whatever a kill left behind loads, or says in one sentence that nothing is there yet."""
    try:
        runs.restore(run)
        list(runs.Run(run).events())
    except TizaError as error:
        return error.code in ("nothing-trained", "no-run-inside", "unknown")
    return True


def every_write_point(folder: Path, name: str) -> dict:
    loop.TICK, readers.KEEP_EVERY, readers.KEEP_SHARE = 0.0, 0.0, 0.0  # every update is a tick and a checkpoint
    recipe = make(Recipe, RECIPES[name])
    whole = folder / "whole"
    assert end(start(whole, recipe)) == 0
    points, ends, loaded = 0, set(), 0
    while True:
        run = folder / f"killed-{points + 1}"
        code = end(start(run, recipe, kill_at=points + 1))
        if code == 0:
            return {"points": points, "loaded": loaded, "same": ends == {weights(whole)}}
        assert code == -signal.SIGKILL, code
        points += 1
        loaded += loads(run)
        assert end(start(run, recipe)) == 0
        ends.add(weights(run))


def random_moments(folder: Path, name: str, kills: int) -> dict:
    """One run killed again and again until it is done, against one that never was."""
    loop.TICK, readers.KEEP_EVERY, readers.KEEP_SHARE = 0.01, 0.02, 1.0
    recipe = make(Recipe, RECIPES[name])
    plan = recipe.plan.model_copy(update={"epochs": EPOCHS, "batch_size": 32})
    recipe = recipe.model_copy(update={"plan": plan})
    whole, run = folder / "whole", folder / "killed"
    began = time.perf_counter()
    assert end(start(whole, recipe)) == 0
    takes = time.perf_counter() - began
    rng, killed, loaded = random.Random(0), 0, 0
    while killed < kills and not (run / "model" / "manifest.json").exists():
        pid = start(run, recipe)
        time.sleep(rng.uniform(0.3, 1.0) * takes / kills)
        os.kill(pid, signal.SIGKILL)
        killed += end(pid) == -signal.SIGKILL
        loaded += loads(run)
    assert end(start(run, recipe)) == 0
    seen = [event.epoch for event in runs.Run(run).history()]
    report = reports.evaluate(run, sealed=True)
    return {
        "killed": killed, "loaded": loaded, "same": weights(run) == weights(whole),
        "epochs": seen == list(range(1, EPOCHS + 1)), "accuracy": report.splits["valid"]["accuracy"],
    }  # fmt: skip


if __name__ == "__main__":
    mode, folder, *rest = sys.argv[1:]
    fitting.fit(make(Recipe, RECIPES["mlp"]), run=Path(folder) / "warm")  # all imports happen here, not in every child
    where, name = Path(folder), rest[0]
    print(json.dumps(every_write_point(where, name) if mode == "write" else random_moments(where, name, int(rest[1]))))
