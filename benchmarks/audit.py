"""What ``tiza data audit`` finds, what it takes for a copy that is none, how long it takes; writes benchmarks/AUDIT.md.

    OMP_NUM_THREADS=1 python benchmarks/audit.py

Copies are planted among the 10,000 test images of MNIST and of Fashion-MNIST: changed train images, of every kind
``--per-kind``. The clean sets are audited by the command, in a process of its own with an empty TIZA_HOME.
"""

import argparse
import io
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

import tiza

HERE = Path(__file__).parent
Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def shifted(image: np.ndarray, random: np.random.Generator, least: int, most: int) -> np.ndarray:
    """Moved by ``least`` to ``most`` pixels, straight or aslant; what comes in is black."""
    while True:
        down, right = random.integers(-most, most + 1, 2)
        if max(abs(down), abs(right)) >= least:
            break
    height, width = image.shape
    moved = np.zeros_like(image)
    moved[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = image[
        max(-down, 0) : height + min(-down, 0), max(-right, 0) : width + min(-right, 0)
    ]
    return moved


def encoded(image: np.ndarray, quality: int) -> np.ndarray:
    """Written as a JPEG and read again."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    with Image.open(file) as read:
        return np.asarray(read)


def as_bytes(values: np.ndarray) -> np.ndarray:
    """Rounded; what is beyond 0 and 255 is cut off."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def scaled(image: np.ndarray, gain: float) -> np.ndarray:
    """Brighter or darker by a factor."""
    return as_bytes(image * gain)


def noisy(image: np.ndarray, random: np.random.Generator, deviation: float) -> np.ndarray:
    """With noise of so many grey levels at every pixel."""
    return as_bytes(image + random.normal(0, deviation, image.shape))


KINDS: dict[str, Change] = {
    "shifted by 1": lambda x, r: shifted(x, r, 1, 1),
    "shifted by 2": lambda x, r: shifted(x, r, 2, 2),
    "JPEG, quality 75": lambda x, r: encoded(x, 75),
    "JPEG, quality 90": lambda x, r: encoded(x, 90),
    "brightness −20 %": lambda x, r: scaled(x, 0.8),
    "brightness +20 %": lambda x, r: scaled(x, 1.2),
    "noise, deviation 4": lambda x, r: noisy(x, r, 4),
    "noise, deviation 8": lambda x, r: noisy(x, r, 8),
}
TOGETHER: dict[str, Change] = {
    "+30 levels": lambda x, r: as_bytes(x + 30.0),
    "−30 levels": lambda x, r: as_bytes(x - 30.0),
    "shifted by 1–2, JPEG 75": lambda x, r: encoded(shifted(x, r, 1, 2), 75),
    "shifted by 1–2, −20 %": lambda x, r: scaled(shifted(x, r, 1, 2), 0.8),
    "shifted by 1–2, +20 %, JPEG 85": lambda x, r: encoded(scaled(shifted(x, r, 1, 2), 1.2), 85),
}


def planted(
    images: np.ndarray, per_kind: int, kinds: dict[str, Change], seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Changed copies of images N×H×W: they, of which images, and the numbers of their kinds."""
    random = np.random.default_rng(seed)
    sources = np.concatenate([random.choice(len(images), per_kind, replace=False) for _ in kinds])
    of = np.repeat(np.arange(len(kinds)), per_kind)
    changes = list(kinds.values())
    return np.stack([changes[k](images[i], random) for i, k in zip(sources, of, strict=True)]), sources, of


def recall(name: str, per_kind: int) -> dict[str, float]:
    """The share of the planted copies of each kind that the audit pairs with their originals."""
    kinds = KINDS | TOGETHER
    data = tiza.load(name, valid=10)
    train, test = data.train, data.test.look()
    x, y = train.x[:, 0].numpy(), train.y.numpy()
    copies, sources, of = planted(x, per_kind, kinds)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "planted.npz"
        both = np.concatenate([test.x[:, 0].numpy(), copies])
        np.savez(path, x_train=x, y_train=y, x_test=both, y_test=np.concatenate([test.y.numpy(), y[sources]]))
        found = tiza.audit(tiza.load(path, valid=10))
    pairs = {frozenset([(p.one.part, p.one.number), (p.other.part, p.other.number)]) for p in found.pairs}
    hit = [frozenset([("train", int(i)), ("test", len(test) + j)]) in pairs for j, i in enumerate(sources)]
    return {kind: float(np.mean(np.array(hit)[of == k])) for k, kind in enumerate(kinds)}


def clean(name: str) -> dict[str, float]:
    """The command on a set as it is: seconds, seconds of all cores, megabytes, and the copies that it names."""
    with tempfile.TemporaryDirectory() as home:
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        command = [sys.executable, "-m", "tiza.cli", "data", "audit", name, "--json"]
        ended = subprocess.run(command, env={**os.environ, "TIZA_HOME": home}, capture_output=True, check=True)
        seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    given = {(count["of"], count["within"]): count for count in json.loads(ended.stdout)["given"]}
    return {
        "seconds": seconds, "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "megabytes": after.ru_maxrss / 1024, "identical": sum(count["identical"] for count in given.values()),
        "pairs": sum(pair["kind"] == "near" for pair in json.loads(ended.stdout)["pairs"]),
        "crossing": given["test", "train"]["near"],
    }  # fmt: skip


def main() -> None:
    """Measure both sets and write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--per-kind", type=int, default=500)
    asked = parser.parse_args()
    names = ("mnist", "fashion-mnist")
    measured, shares = {name: clean(name) for name in names}, {name: recall(name, asked.per_kind) for name in names}
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    lines = [
        "# What the audit finds", "",
        f"Written by benchmarks/audit.py, {platform.machine()}, {os.cpu_count()} cores, threads: {threads}, a load of "
        f"{os.getloadavg()[0]:.0f} (seconds are those of a quiet machine only where that is about 1);",
        f"{asked.per_kind} planted copies of each kind in 70,000 images.", "",
        "| the clean set | " + " | ".join(names) + " |", "|---|" + "---|" * len(names),
    ]  # fmt: skip
    for key, said in (
        ("seconds", "seconds, with start and reading"), ("cpu", "processor seconds"),
        ("megabytes", "megabytes at most"), ("identical", "identical samples"), ("pairs", "near pairs, of 2.4 · 10⁹"),
        ("crossing", "test images with a near one in train"),
    ):  # fmt: skip
        lines.append(f"| {said} | " + " | ".join(f"{measured[name][key]:,.0f}" for name in names) + " |")
    lines += ["", "| planted copies found | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for kind in KINDS | TOGETHER:
        lines.append(f"| {kind} | " + " | ".join(f"{shares[name][kind]:.1%}" for name in names) + " |")
    (HERE / "AUDIT.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
