"""tiza's own recipes: what ``tiza train DATA`` does by default."""

import math
from typing import Any

from tiza.config import Recipe, make
from tiza.data.dataset import Dataset
from tiza.registry import register

SEEN = 100_000  # samples that a network is shown in all, so that small sets get more epochs than large ones


@register("recipe", "mnist-fast", default_for="mnist", claim=(0.985, 0.995), seconds=15)
def mnist_fast() -> Recipe:
    """Three convolutions with batch norm, two epochs of one cycle.

    Claim: test accuracy 99.2 to 99.45 % over seeds 0–9, 7 s of training on two cores (benchmarks/RESULTS.md, written by
    `make bench`). Every choice was made on validation; see LOG.md.
    """
    return _convolutions("mnist", (16, 32, 64), epochs=2, augment={"shift": 1})


@register("recipe", "mnist-best")
def mnist_best() -> Recipe:
    """The same half as wide again, turned a little too, eight epochs with smoothed labels.

    Smoothing gains accuracy and costs calibration: its confidences are too low. Claim: test accuracy 99.5 to 99.7 %
    over seeds 0–4, 55 s.
    """
    augment = {"shift": 1, "rotate": 10}
    return _convolutions("mnist", (24, 48, 96), epochs=8, augment=augment, label_smoothing=0.1)


@register("recipe", "fashion-fast", default_for="fashion-mnist", claim=(0.895, 0.92), seconds=15)
def fashion_fast() -> Recipe:
    """Three convolutions with batch norm, two of them of stride 2, garments mirrored, three epochs.

    Claim: test accuracy 90.6 to 91.2 % over seeds 0–4, 11 s (this and the next two: benchmarks/RESULTS.md).
    """
    return _strided("fashion-mnist", (16, 32, 64), epochs=3)


@register("recipe", "fashion-good")
def fashion_good() -> Recipe:
    """Half as wide again, five epochs in batches of 256 with smoothed labels.

    Claim: test accuracy 92.0 to 92.4 % over seeds 0–4, 33 s.
    """
    return _strided("fashion-mnist", (24, 48, 96), epochs=5, batch_size=256, label_smoothing=0.1)


@register("recipe", "fashion-best")
def fashion_best() -> Recipe:
    """Wider still, ten epochs.

    Claim: test accuracy 92.8 to 93.4 % over seeds 0–4 (median 93.1), 108 s.
    """
    return _strided("fashion-mnist", (40, 80, 128), epochs=10, batch_size=256, label_smoothing=0.1)


def _convolutions(data: str, channels: tuple[int, ...], **plan: Any) -> Recipe:
    """Three convolutions, pooling after the second."""
    return _cycle(data, {"channels": channels, "strides": (2, 1, 1), "padding": 0, "pools": (1, 2, 1)}, plan)


def _strided(data: str, channels: tuple[int, ...], **plan: Any) -> Recipe:
    """Three convolutions, a second stride instead of pooling: more accurate on garments in the same time (LOG.md).

    A garment and its mirror image mean the same: both are asked (``mirrored``), which gains 0.3 points.
    """
    body = {"channels": channels, "strides": (2, 2, 1), "padding": (1, 1, 0), "mirrored": True}
    return _cycle(data, body, {"augment": {"flip": True}, **plan})


def _cycle(data: str, body: dict[str, Any], plan: dict[str, Any]) -> Recipe:
    """A network of three convolutions with batch norm, the first of 4×4, and one cycle of AdamW."""
    network = {"name": "cnn", "kernels": (4, 3, 3), "hidden": (), **body}
    cycle = {
        "batch_size": 128, "optimizer": "adamw", "betas": (0.9, 0.99), "weight_decay": 0.01, "lr": 1e-2,
        "schedule": "one-cycle", **plan,
    }  # fmt: skip
    return make(Recipe, {"data": data, "model": network, "plan": cycle})


def images(data: Dataset) -> Recipe:
    """For pictures that no recipe was made for: convolutions as deep as the pictures allow, shifted a little."""
    n, side = len(data.train), min(data.shape[1:])
    stride = 2 if side >= 48 else 1
    blocks = max(1, min(4 if side >= 96 else 3, int(math.log2(side / stride))))
    model = {
        "name": "cnn", "channels": (16, 32, 64, 64)[:blocks], "kernels": 3, "padding": 1, "pools": 2 if side > 1 else 1,
        "strides": (stride, 1, 1, 1)[:blocks], "hidden": (), "dropout": 0.1,
    }  # fmt: skip
    plan = {
        "epochs": max(4, min(60, SEEN // n)), "batch_size": 32 if n < 5_000 else 128, "lr": 3e-3 if n < 5_000 else 1e-2,
        "weight_decay": 0.01, "schedule": "one-cycle", "augment": {"shift": max(1, side // 16)},
    }  # fmt: skip
    return make(Recipe, {"data": data.config, "model": model, "plan": plan})


def table(data: Dataset) -> Recipe:
    """For tables that no recipe was made for: two hidden layers, the weights of the best validation loss."""
    n = len(data.train)
    plan = {
        "epochs": max(4, min(100, SEEN // n)), "batch_size": 32 if n < 10_000 else 256, "lr": 2e-3,
        "weight_decay": 0.01, "patience": 12,
    }  # fmt: skip
    return make(Recipe, {"data": data.config, "model": {"name": "mlp", "hidden": (64, 32)}, "plan": plan})


def transfer(data: Dataset) -> Recipe:
    """For a frozen body: nothing is augmented, so that the body is asked once for each sample."""
    n = len(data.train)
    plan = {
        "epochs": max(4, min(60, SEEN // n)), "batch_size": 8 if n < 200 else 32, "lr": 3e-3, "weight_decay": 0.01,
        "schedule": "one-cycle",
    }  # fmt: skip
    return make(Recipe, {"data": data.config, "model": "transfer", "plan": plan})
