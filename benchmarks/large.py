"""Sets larger than memory: time and peak memory of reading and training them, as they grow.

    python benchmarks/large.py [--pictures 10000,100000,1000000] [--gigabytes 1,5,20] [--into DIR]

Pictures: PNG files of 32×32 in ten class folders. Arrays: an uncompressed ``.npz`` of uint8 images 64×64×3, as
``np.savez`` writes it. Both are made from MNIST's digits with noise, so that no two samples are alike. Each measurement
is a process of its own: it reads the set for the first time, trains one epoch of a softmax in batches of 128
to 512, and reads the set again. Peak: VmHWM, what the process held in memory at most; the last column is what its
Python and torch take before any data.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np

SIDE = 64


def peak() -> float:
    """The peak of this process so far, in MB of 10⁶ bytes."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024 / 1e6


def noisy(first: int, n: int, digits: np.ndarray) -> np.ndarray:
    """n images 32×32 of MNIST's digits, each with noise of its own."""
    tiles = np.zeros((n, 32, 32), np.uint8)
    tiles[:, 2:30, 2:30] = digits[np.arange(first, first + n) % len(digits)]
    return tiles | np.random.default_rng(first).integers(0, 64, tiles.shape, np.uint8)


def make_pictures(n: int, folder: Path) -> None:
    """``n`` PNG files in ten class folders."""
    from PIL import Image

    import tiza

    train = tiza.load("mnist").train
    digits, labels = train.x[:, 0].numpy(), train.y.numpy()
    for label in range(10):
        (folder / str(label)).mkdir(parents=True)
    for first in range(0, n, 1_000):
        for i, tile in enumerate(noisy(first, min(1_000, n - first), digits), first):
            Image.fromarray(tile).save(folder / str(labels[i % len(labels)]) / f"{i:07d}.png", compress_level=1)


def make_arrays(gigabytes: float, path: Path) -> None:
    """An ``.npz`` of so many gigabytes, written piece by piece."""
    import tiza

    train = tiza.load("mnist").train
    digits, labels = train.x[:, 0].numpy(), train.y.numpy()
    n = int(gigabytes * 1e9 / (SIDE * SIDE * 3))
    y = labels[np.arange(n) % len(labels)]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:
        with packed.open("x_train.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array_header_2_0(
                member, {"descr": "|u1", "fortran_order": False, "shape": (n, SIDE, SIDE, 3)}
            )
            for first in range(0, n, 1_000):
                tiles = noisy(first, min(1_000, n - first), digits).repeat(2, 1).repeat(2, 2)
                member.write(np.stack([tiles] * 3, -1).tobytes())
        with packed.open("y_train.npy", "w") as member:
            np.lib.format.write_array(member, y)


def measure(source: str) -> None:
    """Read, train, read again; one JSON object on stdout. This is the process that is measured."""
    from tiza import build, fit, load  # all that training takes is imported by now
    from tiza.data.rows import Rows

    start = peak()
    began = time.perf_counter()
    data = load(source)
    first = time.perf_counter() - began
    loaded = peak()
    batch = max(128, len(data.train) // 2_000)
    plan = {"epochs": 1, "batch_size": min(batch, 512), "threads": 1, "probe": 0}
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        run = fit(build("softmax", data), data, plan, run=Path(folder) / "run")
        trained = time.perf_counter() - began
        accuracy = run.history()[-1].valid["accuracy"][0]
    after = peak()
    began = time.perf_counter()
    again = load(source)
    assert again.fingerprint == data.fingerprint
    said = {
        "n": len(data.train) + len(data.valid) + len(data.test), "on_disk": isinstance(data.train.x, Rows),
        "megabytes": data.train.x.nbytes / 1e6 * (len(data.train) + len(data.valid) + len(data.test)) / len(data.train),
        "start": start, "loaded": loaded, "peak": max(after, peak()), "read": first, "train": trained,
        "again": time.perf_counter() - began, "accuracy": accuracy,
    }  # fmt: skip
    print(json.dumps(said))


def row(kind: str, source: Path, home: Path) -> str:
    """One line of the table."""
    done = subprocess.run(
        [sys.executable, __file__, "--measure", str(source)],
        env={**os.environ, "TIZA_HOME": str(home)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    m = json.loads(done.stdout.splitlines()[-1])
    where = "file" if m["on_disk"] else "memory"
    return (
        f"| {kind} | {m['n']:,} | {m['megabytes']:,.0f} MB | {where} | {m['read']:.0f} s | {m['train']:.0f} s | "
        f"{m['again']:.0f} s | {m['peak']:,.0f} MB | {m['start']:,.0f} MB |"
    )


def main() -> None:
    """Make the sets one after another, measure each, and throw it away."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", default="10000,100000,1000000")
    parser.add_argument("--gigabytes", default="1,5,20")
    parser.add_argument("--into", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        measure(asked.measure)
        return
    print("| set | samples | as bytes | kept in | first read | one epoch | read again | peak | of it at start |")
    print("|---|---|---|---|---|---|---|---|---|")
    jobs = [("pictures", float(n)) for n in asked.pictures.split(",") if n]
    jobs += [("arrays", float(n)) for n in asked.gigabytes.split(",") if n]
    for kind, size in jobs:
        with tempfile.TemporaryDirectory(dir=asked.into) as folder:
            place = Path(folder)
            os.environ["TIZA_HOME"] = str(place / "home")
            source = place / ("pictures" if kind == "pictures" else "arrays.npz")
            if kind == "pictures":
                make_pictures(int(size), source)
            else:
                make_arrays(size, source)
            print(row(kind, source, place / "home"), flush=True)


if __name__ == "__main__":
    main()
