"""Which device and how many threads: chosen once, before training."""

import copy
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from tiza.errors import RequestError, unknown
from tiza.training.learner import ModuleLearner

PROBED_STEPS = 8
SHORT = 2e-3  # seconds; a step as short as this is never faster on more threads by enough to matter
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
    most = torch.get_num_threads()  # what OMP_NUM_THREADS or the user allows
    if learner.device.type != "cpu" or most == 1:
        return most
    candidates = [1, *(n for n in (2, 4, 8, 16, 32, 64) if n <= most)]
    copies = {n: copy.deepcopy(learner) for n in candidates}
    fastest = dict.fromkeys(candidates, math.inf)
    with torch.random.fork_rng(devices=[]):
        for _ in range(PROBED_STEPS):  # in turn, so that a busy moment of the machine meets all of them
            for n in candidates:
                with using_threads(n):
                    began = time.perf_counter()
                    copies[n].train_batch(x, y)
                    fastest[n] = min(fastest[n], time.perf_counter() - began)
            if fastest[1] < SHORT:
                return 1
    best = 1
    for n in candidates:
        if fastest[n] * GAIN < fastest[best]:
            best = n
    return best


@contextmanager
def using_threads(n: int) -> Iterator[None]:
    """torch on ``n`` threads inside, on as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
