"""What the peers share: the embedded files in the form each library reads, what is asked of a peer, what it answers.

Every ``peer_*.py`` is called as ``peer_….py EPOCHS [SAMPLES]``, trains on the first SAMPLES images with its library's
default threads, after a warm-up that is not timed, and prints one JSON line.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tiza.data import idx
from tiza.data.sources import MD5, embedded_file, idx_name


def asked(argv: list[str] | None = None, **more: int) -> argparse.Namespace:
    """``epochs`` and ``samples`` from the command line; ``more`` are further options and their defaults."""
    parser = argparse.ArgumentParser()
    parser.add_argument("epochs", type=int)
    parser.add_argument("samples", type=int, nargs="?", default=60_000)
    for name, default in more.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args(argv)


def say(samples: int, seconds: float, **more: float) -> None:
    """The answer: samples a second of training alone, and what else was measured."""
    print(json.dumps({"samples_per_second": samples / seconds, **more}))


def arrays(name: str, part: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """Images, uint8 N×28×28, and labels, int64, of an embedded set; ``part`` is ``train`` or ``t10k``."""
    images, labels = (
        idx.parse(np.frombuffer(bytearray(embedded_file(name, key, MD5[name][key])), np.uint8), where=key)
        for key in (f"{part}-images", f"{part}-labels")
    )
    return images, labels.astype(np.int64)


@contextmanager
def torchvision_root(name: str, folder: str) -> Iterator[str]:
    """A ``root=`` for torchvision's data set, whose raw files stand under ``folder``; it goes away afterwards."""
    with tempfile.TemporaryDirectory() as root:
        raw = Path(root) / folder / "raw"
        raw.mkdir(parents=True)
        for part, md5 in MD5[name].items():
            (raw / idx_name(part)).write_bytes(embedded_file(name, part, md5))
        yield root
