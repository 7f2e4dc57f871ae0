"""``make growth``: seconds against samples, parameters, batch size and threads; writes docs/growth.md.

Each point trains a network on generated samples (scikit-learn's digits with noise) by ``tiza.fit``, in this process,
and takes the seconds that the run's last event tells. The slope is that of the logarithms: 1 is in proportion.
"""

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import tiza

HERE = Path(__file__).parent
UPDATES = 300  # at least, for each point


def generated(n: int) -> Any:
    """A data set of ``n`` samples to learn from, 8×8 bytes, so that 10⁷ fit in memory; and 1,000 to check with."""
    generator = np.random.default_rng(0)
    digits = tiza.load("digits")
    tiles, labels = digits.train.x[:, 0].numpy(), digits.train.y.numpy()
    index = generator.integers(0, len(tiles), n + 2_000)
    x = np.empty((len(index), 8, 8), np.uint8)
    for first in range(0, len(index), 100_000):
        part = index[first : first + 100_000]
        x[first : first + len(part)] = tiles[part] ^ generator.integers(0, 16, (len(part), 8, 8), np.uint8)
    return tiza.load((x, labels[index]), test=1_000, valid=1_000)


def point(data: Any, hidden: tuple[int, ...], batch: int, threads: int, epochs: int) -> dict[str, float]:
    """Seconds of training and of the whole, for one epoch."""
    model = tiza.build("mlp", data, hidden=hidden, dropout=0.0)
    plan = {"epochs": epochs, "batch_size": batch, "threads": threads, "probe": 0, "device": "cpu"}
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run = tiza.fit(model, data, plan, run=Path(folder) / "run")
        whole = time.perf_counter() - began
        assert run.ended is not None
        return {
            "seconds": run.ended.seconds / epochs,
            "whole": whole / epochs,
            "rate": run.samples_per_second or 0.0,
            "parameters": run.facts.parameters,
        }


def slope(x: Iterable[float], y: Iterable[float]) -> float:
    """Of a line through the logarithms."""
    return float(np.polyfit(np.log(list(x)), np.log(list(y)), 1)[0])


def main() -> None:
    """Measure all four and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=10**7, help="samples")
    asked = parser.parse_args()
    lines = [
        "# Growth",
        "",
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, tiza {version('tiza')}, torch "
        f"{version('torch')}. `make growth` wrote this sheet.",
        "",
        "A multilayer perceptron on 8×8 bytes, AdamW; one thread and batch 128 where nothing else is said.",
        "",
        "| samples | seconds an epoch | with measuring | samples a second |",
        "|---|---|---|---|",
    ]
    sizes = [n for n in (10**3, 10**4, 10**5, 10**6, 10**7) if n <= asked.most]
    points = []
    for n in sizes:
        epochs = max(1, UPDATES * 128 // n)
        points.append(point(generated(n), (128, 64), 128, 1, epochs))
        p = points[-1]
        lines.append(f"| {n:,} | {p['seconds']:.3f} | {p['whole']:.3f} | {p['rate']:,.0f} |")
        print(lines[-1], flush=True)
    by_samples = slope(sizes, [p["seconds"] for p in points])
    data = generated(100_000)

    lines += ["", "| parameters | seconds an epoch | GFLOP/s |", "|---|---|---|"]
    widths, times = [], []
    for width in (32, 128, 512, 1024, 2048):
        p = point(data, (width, width), 128, 1, 1)
        widths.append(p["parameters"])
        times.append(p["seconds"])
        flops = 2 * (3 * (p["parameters"]) - 64 * width) * 100_000
        lines.append(f"| {p['parameters']:,.0f} | {p['seconds']:.2f} | {flops / p['seconds'] / 1e9:.1f} |")
        print(lines[-1], flush=True)
    by_parameters = slope(widths[2:], times[2:])

    lines += ["", "| batch size | samples a second, one thread | two threads |", "|---|---|---|"]
    for batch in (8, 32, 128, 512, 2048):
        rates = [point(data, (512, 512), batch, threads, 1)["rate"] for threads in (1, 2)]
        lines.append(f"| {batch} | {rates[0]:,.0f} | {rates[1]:,.0f} |")
        print(lines[-1], flush=True)
    rate = points[-1]["rate"]
    hours = 1e9 / rate / 3600
    lines += [
        "",
        f"Slope against samples: {by_samples:.2f}. Every sample costs the same and is stored once; what an epoch costs "
        "besides (measuring at most 10,000 samples of train, the checkpoint) weighs on small sets alone.",
        f"Slope against parameters, from {widths[2]:,.0f} on: {by_parameters:.2f}. A step is matrix products, two "
        "operations for each weight and sample, three times; below that size the calls themselves cost more.",
        f"10⁹ samples: {hours:.1f} hours an epoch at {rate:,.0f} samples a second of this network. They stay in their "
        "file (64 GB of bytes here), as any set beyond 512 MB does, so that a faster engine (a GPU, or more cores) "
        "is bounded by what the disk gives.",
        "",
    ]
    text = "\n".join(lines)
    (HERE.parent / "docs" / "growth.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
