"""Which device, which learner and how many threads: chosen once, before training."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from tiza.errors import RequestError, unknown
from tiza.training.learner import ModuleLearner

PROBED_STEPS = 8
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


def choose_engine(
    makers: Mapping[str, Callable[[], ModuleLearner]], threads: int | str, x: Tensor, y: Tensor
) -> tuple[str, int]:
    """The learner, by name, and the number of threads that train fastest; all learners make the same updates.

    ``threads``: a number, or ``auto``. What is open is timed on a few updates, in turn. The first learner and one
    thread are kept unless others are clearly faster: on small batches, threads wait for each other more than they work.
    """
    most = torch.get_num_threads()  # what OMP_NUM_THREADS or the user allows
    counts = [1, *(n for n in (2, 4, 8, 16, 32, 64) if n <= most)]
    if not isinstance(threads, str):
        counts = [threads]
    elif x.device.type != "cpu":
        counts = [most]
    fastest = {(name, n): math.inf for n in counts for name in makers}
    if len(fastest) == 1:
        return next(iter(fastest))
    learners = {name: make() for name, make in makers.items()}
    with torch.random.fork_rng(devices=[]):
        for _ in range(PROBED_STEPS):  # in turn, so that a busy moment of the machine meets all of them
            for name, n in fastest:
                with using_threads(n):
                    began = time.perf_counter()
                    learners[name].train_batch(x, y)
                    fastest[name, n] = min(fastest[name, n], time.perf_counter() - began)
    best = next(iter(fastest))
    for found, seconds in fastest.items():
        if seconds * GAIN < fastest[best]:
            best = found
    return best


@contextmanager
def using_threads(n: int) -> Iterator[None]:
    """torch on ``n`` threads inside, on as many as before afterwards; a GPU takes the same sums in the same order."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=True):
            yield
    finally:
        torch.set_num_threads(before)
