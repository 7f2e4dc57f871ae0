"""``make bench``: tiza and a peer in turn, and the default recipe over ten seeds; writes benchmarks/RESULTS.md."""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
PAIRS = 5
SEEDS = range(10)
DOCUMENT_003 = [
    "fashion-mnist", "--model", "mlp", "--set", "model.hidden=128,64", "--set", "model.dropout=0.2",
    "--set", "data.scale=symmetric", "--set", "plan.optimizer=sgd", "--set", "plan.lr=1e-3",
    "--set", "plan.batch_size=100", "--set", "plan.epochs=3", "--sealed",
]  # fmt: skip


def said_by(command: list[str]) -> dict:
    """What a command prints on its last line, as JSON."""
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def train(arguments: list[str]) -> dict:
    """``tiza train … --json`` in a folder that goes away."""
    with tempfile.TemporaryDirectory() as folder:
        return said_by(["-m", "tiza.cli", "train", *arguments, "--json", "--run", str(Path(folder) / "run")])


def pairs() -> list[str]:
    """Samples a second of the peer and of tiza, in turn, and the ratio pair by pair."""
    theirs, ours = [], []
    for i in range(PAIRS):
        theirs.append(said_by([str(HERE / "peer_003.py"), "1"])["samples_per_second"])
        ours.append(train(DOCUMENT_003)["samples_per_second"])
        print(f"pair {i + 1}: peer {theirs[-1]:,.0f}/s, tiza {ours[-1]:,.0f}/s", file=sys.stderr)
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    return [
        "## 784-128-64-10, batch 100, SGD, Fashion-MNIST",
        "",
        "Peer: torchvision's data set and a DataLoader (`benchmarks/peer_003.py`). Training alone, in turn.",
        "",
        "| | samples a second (median) |",
        "|---|---|",
        f"| peer | {statistics.median(theirs):,.0f} |",
        f"| tiza | {statistics.median(ours):,.0f} |",
        f"| ratio, {PAIRS} pairs | {statistics.median(ratios):.1f} ({ratios[0]:.1f}–{ratios[-1]:.1f}) |",
        "",
    ]


def seeds() -> list[str]:
    """The default recipe of ``tiza train mnist``: accuracy on test and seconds of training, by seed."""
    runs = []
    for seed in SEEDS:
        runs.append(train(["mnist", "--seed", str(seed)]))
        print(f"seed {seed}: test {runs[-1]['test']['accuracy']:.2%}, {runs[-1]['seconds']} s", file=sys.stderr)
    accuracies = [run["test"]["accuracy"] for run in runs]
    times = [run["seconds"] for run in runs]
    return [
        "## `tiza train mnist`, ten seeds",
        "",
        "| seed | validation | test | seconds of training | threads |",
        "|---|---|---|---|---|",
        *(
            f"| {seed} | {run['valid']['accuracy']:.2%} | {run['test']['accuracy']:.2%} | {run['seconds']:.1f} "
            f"| {run['threads']} |"
            for seed, run in zip(SEEDS, runs, strict=True)
        ),
        "",
        f"Test: median {statistics.median(accuracies):.2%}, lowest {min(accuracies):.2%}. "
        f"Seconds: median {statistics.median(times):.1f}.",
        "",
    ]


def main() -> None:
    """Run all and write the sheet."""
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    versions = ", ".join(f"{name} {version(name)}" for name in ("tiza", "torch", "torchvision", "numpy"))
    head = [
        "# Results of `make bench`",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {machine}, Python {platform.python_version()}, {versions}.",
        "",
    ]
    text = "\n".join([*head, *pairs(), *seeds()])
    (HERE / "RESULTS.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
