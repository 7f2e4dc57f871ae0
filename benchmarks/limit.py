"""The machine's limit: GFLOP/s of a large float32 matrix product, on one thread and on all that torch takes."""

import json
import time

import torch

SIDE, TIMES = 2048, 8


def gflops(threads: int) -> float:
    """The best of several products; the first one is thrown away."""
    torch.set_num_threads(threads)
    a, b = torch.rand(2, SIDE, SIDE)
    best = float("inf")
    for i in range(TIMES + 1):
        began = time.perf_counter()
        a @ b
        if i:
            best = min(best, time.perf_counter() - began)
    return 2 * SIDE**3 / best / 1e9


if __name__ == "__main__":
    most = torch.get_num_threads()
    print(json.dumps({"threads": most, "one": gflops(1), "all": gflops(most)}))
