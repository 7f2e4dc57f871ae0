"""Which device and how many threads: chosen once, before training."""

import copy
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from tiza.errors import RequestError, unknown
from tiza.training.learner import ModuleLearner

PROBED_STEPS = 12
GAIN = 1.15  # more threads must be this much faster: they cost the machine more, and a near tie must not flip


def choose_device(asked: str) -> torch.device:
    """The device asked for; ``auto`` is a CUDA device where there is one, else the CPU."""
    if asked == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind = asked.partition(":")[0]
    if kind not in ("cpu", "cuda", "mps"):
        raise unknown("device", asked, ["auto", "cpu", "cuda", "mps"], where="plan.device")
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there[kind]:
        raise RequestError("no-device", where="plan.device", device=asked)
    return torch.device(asked)


def choose_threads(asked: int | str, learner: ModuleLearner, x: Tensor, y: Tensor) -> int:
    """The number of threads asked for; ``auto`` times a few updates of a copy on one thread and on more.

    Small batches are faster on one: the threads wait for each other longer than they work.
    """
    if not isinstance(asked, str):
        return asked
    if learner.device.type != "cpu":
        return torch.get_num_threads()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    best, fastest = 1, float("inf")
    for threads in [1, *(n for n in (2, 4, 8, 16, 32, 64) if n <= cores)]:
        with using_threads(threads), torch.random.fork_rng(devices=[]):
            seconds = _seconds_per_step(copy.deepcopy(learner), x, y)
        if seconds * GAIN < fastest:
            best, fastest = threads, seconds
    return best


def _seconds_per_step(learner: ModuleLearner, x: Tensor, y: Tensor) -> float:
    learner.train_batch(x, y)
    times = []
    until = time.perf_counter() + 0.5
    while len(times) < PROBED_STEPS and time.perf_counter() < until:
        began = time.perf_counter()
        learner.train_batch(x, y)
        times.append(time.perf_counter() - began)
    return sorted(times)[len(times) // 2]


@contextmanager
def using_threads(n: int) -> Iterator[None]:
    """torch on ``n`` threads inside, on as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
