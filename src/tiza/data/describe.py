"""What a data set is, as plain data: splits, classes, columns, one sample, one batch. Looking is no opening."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tiza.data.batches import Batches
from tiza.data.dataset import Dataset
from tiza.data.intake import read_channels, read_picture
from tiza.data.rows import pieces
from tiza.errors import RequestError

SPLITS = ("train", "valid", "test")
VALUES = 30  # different values of a target that are counted one by one


def describe(
    data: Dataset, *, split: str = "train", sample: int = 0, batch: int | None = None, seed: int = 0
) -> dict[str, Any]:
    """The data set as plain data: ``data kind shape dtype range fingerprint classes features splits counts sample``.

    ``sample``: its number in the source's own order, in the part of the source that ``split`` comes from. ``batch``:
    also the first batch of that size. Of a table also ``columns`` and ``target``, before and after it became classes.
    ``notes`` and ``skipped``: what was done unasked, and what was left out.
    """
    looks = {name: data.look(name) for name in SPLITS}
    low, high = _range(looks[split].x)
    described: dict[str, Any] = {
        "data": data.name, "kind": "images" if len(data.shape) == 3 else "table", "shape": list(data.shape),
        "dtype": str(data.train.x.dtype).removeprefix("torch."), "range": [low, high],
        "fingerprint": data.fingerprint, "classes": list(data.classes), "features": list(data.features),
        "splits": {name: {"n": len(look), "shape": list(look.x.shape)} for name, look in looks.items()},
        "counts": {name: look.y.bincount(minlength=len(data.classes)).tolist() for name, look in looks.items()},
        "sample": _sample(data, split, sample),
    }  # fmt: skip
    if batch is not None:
        index, x, y = next(Batches(looks[split], batch, seed).epoch(0))
        described["batch"] = {
            "x": list(x.shape), "y": list(y.shape), "index": index[:9].tolist(),
            "classes": [data.classes[label] for label in y[:9].tolist()],
        }  # fmt: skip
    if data.columns:
        described["columns"] = list(data.columns)
    if data.target is not None:
        before = Counter(data.target.values.tolist())
        counts = {_plain(value): n for value, n in sorted(before.items())} if len(before) <= VALUES else None
        once = [of for name, of in described["counts"].items() if name != "valid" or data.config.valid != "test"]
        after = np.sum(once, 0).tolist()
        described["target"] = {
            "name": data.target.name, "before": counts, "after": dict(zip(data.classes, after, strict=True)),
        }  # fmt: skip
    described["notes"] = [str(note) for note in data.notes]
    described["skipped"] = [error.to_dict() for error in data.skipped]
    return described


def numbered(data: Dataset, split: str) -> dict[int, tuple[str, int]]:
    """Where each sample of a part of the source is now: its number there → split and place in it."""
    part = data.origin[split][0]
    return {
        int(number): (name, place)
        for name, (of, numbers) in data.origin.items()
        if of == part
        for place, number in enumerate(numbers)
    }


def drawn(data: Dataset, n: int, *, split: str = "train", seed: int = 0) -> list[tuple[int, Tensor, str]]:
    """Number, sample and class of ``n`` samples that Python's ``random.sample`` draws with the seed from a part."""
    where = numbered(data, split)
    chosen = random.Random(seed).sample(range(len(where)), min(n, len(where)))
    found = [(number, data.look(where[number][0]), where[number][1]) for number in chosen]
    return [(number, look.x[place], data.classes[int(look.y[place])]) for number, look, place in found]


def _sample(data: Dataset, split: str, number: int) -> dict[str, Any]:
    """One sample as a tensor, as the model's first layer scales it, and back."""
    where = numbered(data, split)
    if number not in where:
        raise RequestError("no-sample", where=f"sample={number}", most=len(where) - 1)
    name, place = where[number]
    look = data.look(name)
    x, label = look.x[place], int(look.y[place])
    mean, deviation = (part.reshape(-1, *(1,) * (x.ndim - 1)) for part in data.scaling())
    scaled = (x.float() - mean) / deviation
    back = scaled * deviation + mean
    return {
        "index": number, "split": name, "label": label, "class": data.classes[label], "type": "torch.Tensor",
        "dtype": str(x.dtype).removeprefix("torch."), "shape": list(x.shape), "device": str(x.device),
        **_statistics(x), "values": x.tolist() if x.ndim == 1 else None, "scale": data.config.scale,
        "scaled": _statistics(scaled), "restored": bool(torch.allclose(back, x.float(), rtol=1e-5, atol=1e-3)),
    }  # fmt: skip


def _statistics(x: Tensor) -> dict[str, float]:
    values = x.double()
    return {
        "min": float(values.min()), "max": float(values.max()), "mean": float(values.mean()),
        "std": float(values.std(correction=0)),
    }  # fmt: skip


def _range(x: Any) -> tuple[float, float]:
    ends = [(piece.min(), piece.max()) for piece in pieces(x)]
    low, high = (function(np.array(ends), axis=0)[i] for i, function in enumerate((np.min, np.max)))
    return float(low), float(high)


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def describe_picture(path: str | Path) -> dict[str, Any]:
    """One picture file as it is: its channels with their ranges, and the array that tiza reads it as."""
    channels, read = read_channels(path), read_picture(path)
    height, width = read.shape[:2]
    first = next(iter(channels.values()))
    return {
        "file": str(path), "height": height, "width": width, "dtype": str(first.dtype),
        "channels": {
            name: {"min": int(values.min()), "max": int(values.max()), "mean": float(values.mean())}
            for name, values in channels.items()
        },
        "read": {"shape": [read.shape[2] if read.ndim == 3 else 1, height, width], "dtype": "uint8"},
    }  # fmt: skip
