"""What an exported model saves: ``python benchmarks/export.py [--pairs N]`` prints three ratios and the machine.

A run of ``tiza train mnist`` (one epoch) that was exported to ONNX, against a copy of it without, in turn, each in a
process of its own: the command ``tiza predict RUN examples/pen.png``; ``Predictor(RUN)`` from the start of Python to
its first answer; and one answer of a Predictor that is there, over 300 of MNIST's images. One thread; compiled modules
are kept between the processes, as an installation does.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bench import machine, spread

ROOT = Path(__file__).parents[1]
FIRST = "import sys, numpy, tiza; tiza.Predictor(sys.argv[1])(numpy.zeros((1, 28, 28), numpy.uint8))"
SINGLE = """
import sys, time
from statistics import median
import numpy, tiza
predictor, images = tiza.Predictor(sys.argv[1]), numpy.load(sys.argv[2])
def seconds(image):
    began = time.perf_counter()
    predictor(image)
    return time.perf_counter() - began
for image in images:
    seconds(image)
print(median(seconds(image) for image in images))
"""


def wall(*command: str) -> float:
    """Seconds that a Python process takes."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def single(run: str, images: str) -> float:
    """Seconds of one answer."""
    done = subprocess.run([sys.executable, "-c", SINGLE, run, images], check=True, capture_output=True, text=True)
    return float(done.stdout)


def prepared(folder: Path) -> tuple[str, str, str]:
    """The run with its ONNX, the one without, and images to ask them about."""
    import numpy as np

    import tiza

    recipe = tiza.recipes["mnist-fast"]
    run = tiza.fit(recipe, plan={"epochs": 1, "threads": 1}, run=folder / "exported").path
    shutil.copytree(run, folder / "plain")
    tiza.export(run, "onnx")
    np.save(folder / "images.npy", tiza.load("mnist").train.x[:300].numpy())
    return str(run), str(folder / "plain"), str(folder / "images.npy")


def main() -> None:
    """Measure in pairs and print a table."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--pairs", type=int, default=10)
    pairs, load = asked.parse_args().pairs, os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"TIZA_HOME": folder, "TIZA_LANG": "en", "OMP_NUM_THREADS": "1", "PYTHONPYCACHEPREFIX": folder}
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        *runs, images = prepared(Path(folder))
        picture = str(ROOT / "examples" / "pen.png")
        works = {
            "the command, cold": (lambda run: wall("-m", "tiza.cli", "predict", run, picture), 1 / 3),
            "a Predictor, cold": (lambda run: wall("-c", FIRST, run), 1 / 5),
            "one image": (lambda run: single(run, images), 1 / 2),
        }
        print("| what | with ONNX | torch | ratio (lowest–highest) | owed |\n|---|---|---|---|---|")
        for name, (seconds, owed) in works.items():
            for run in runs:
                seconds(run)
            taken = [[seconds(run) for run in runs] for _ in range(pairs)]
            mine, theirs = (median(column) * 1e3 for column in zip(*taken, strict=True))
            ratios = [a / b for a, b in taken]
            owes = f"≤ {owed:.2f} {'✓' if median(ratios) <= owed else '✗'}"
            print(f"| {name} | {mine:,.2f} ms | {theirs:,.2f} ms | {spread(ratios)} | {owes} |", flush=True)
    print(f"\n{pairs} pairs. {machine(load)}")


if __name__ == "__main__":
    main()
