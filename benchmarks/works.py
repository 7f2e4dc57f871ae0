"""What is measured: the works, as data, with what issue 4 owes for each and what it aims at."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

SAMPLES = 57_600  # full batches of 32, 100, 200 and 256


@dataclass(frozen=True)
class Race:
    """A peer and tiza take turns at the same training; ``owed`` and ``aim`` are how many times faster tiza is.

    ``peer``: its script, and what it is told besides epochs and samples. ``forward``: floating-point operations of
    each layer with weights, forward and for one sample. ``epochs``: the peer's and tiza's, so that both take a few
    seconds.
    """

    id: str
    title: str
    against: str
    peer: Sequence[str]
    forward: Sequence[int]
    recipe: dict[str, Any]
    owed: float | None = None
    aim: float | None = None
    epochs: tuple[int, int] = (1, 2)
    samples: int = SAMPLES

    @property
    def flops(self) -> int:
        """Of training on one sample: forward, gradient of the weights, and of the input but for the first layer."""
        return 3 * sum(self.forward) - self.forward[0]


@dataclass(frozen=True)
class Chase:
    """Seconds of training until ``recipe`` reaches ``accuracy`` on validation, against a peer's ``epochs``.

    ``owed``: how many times faster; ``aim``: seconds.
    """

    id: str
    title: str
    against: str
    peer: Sequence[str]
    epochs: int
    recipe: str
    accuracy: float
    owed: float
    aim: float


@dataclass(frozen=True)
class Goal:
    """A recipe and the test accuracy it owes, within so many seconds of training, over seeds.

    ``every``: each seed has to reach it in time; otherwise the medians do.
    """

    id: str
    title: str
    recipe: str
    accuracy: float
    owed: float
    aim: float
    seeds: Sequence[int] = range(5)
    every: bool = False


Work = Race | Chase | Goal


def dense(*widths: int) -> list[int]:
    """Forward operations of a chain of dense layers."""
    return [2 * before * after for before, after in pairwise(widths)]


def convolution(before: int, after: int, kernel: int, side: int) -> int:
    """Forward operations of a convolution whose maps have ``side``×``side`` values."""
    return dense(kernel * kernel * before, after)[0] * side * side


def mlp(hidden: Sequence[int], dropout: float = 0) -> dict[str, Any]:
    """A multilayer perceptron, as a recipe names it."""
    return {"name": "mlp", "hidden": hidden, "dropout": dropout}


ADAM_32 = {"optimizer": "adam", "lr": 1e-3, "batch_size": 32}
MNIST = {"name": "mnist", "scale": "unit"}
WIDE = {"data": MNIST, "model": mlp((512, 512)), "plan": ADAM_32}
WIDE_200 = WIDE | {"plan": ADAM_32 | {"batch_size": 200}}
CNN = {
    "name": "cnn", "channels": (16, 32), "kernels": 5, "strides": 1, "padding": 2, "pools": 2, "hidden": (),
    "batch_norm": False, "dropout": 0.2,
}  # fmt: skip

WORKS: list[Work] = [
    Race(
        "003", "784-128-64-10, batch 100, SGD", "document 003: torchvision, DataLoader", ["peer_003.py"],
        dense(784, 128, 64, 10),
        {
            "data": {"name": "fashion-mnist", "scale": "symmetric"}, "model": mlp((128, 64), 0.2),
            "plan": {"optimizer": "sgd", "lr": 1e-3, "batch_size": 100},
        },
        owed=11, aim=15, epochs=(1, 5),
    ),
    Race(
        "000", "784-512-512-10, batch 32, Adam", "document 000: torchvision, DataLoader, compiled", ["peer_000.py"],
        dense(784, 512, 512, 10), WIDE, owed=1.8, aim=4,
    ),
    Race(
        "001", "softmax, batch 32, Adam", "Keras 3 on TensorFlow", ["peer_keras.py"], dense(784, 10),
        {"data": MNIST, "model": "softmax", "plan": ADAM_32}, owed=2.5, aim=8, epochs=(2, 5),
    ),
    Race(
        "004", "document 004's CNN, batch 256, Adam", "document 004: DataLoader, F1 at each step", ["peer_004.py"],
        [convolution(1, 16, 5, 28), convolution(16, 32, 5, 14), *dense(1568, 10)],
        {
            "data": {"name": "mnist", "scale": "raw"}, "model": CNN,
            "plan": {"optimizer": "adam", "lr": 1e-3, "weight_decay": 0.1, "decay_on": "all", "batch_size": 256},
        },
        owed=1.2, aim=1.8, epochs=(1, 1), samples=25_600,
    ),
    Race(
        "sklearn-32", "784-512-512-10, batch 32, Adam", "scikit-learn: MLPClassifier", ["peer_sklearn.py"],
        dense(784, 512, 512, 10), WIDE, owed=1.5, aim=3, samples=25_600,
    ),
    Race(
        "sklearn-200", "784-512-512-10, batch 200, Adam", "scikit-learn: MLPClassifier",
        ["peer_sklearn.py", "--batch=200"], dense(784, 512, 512, 10), WIDE_200, owed=1.5, aim=3,
    ),
    Race(
        "fastai", "784-512-512-10, batch 32, Adam", "fastai: Learner", ["peer_fastai.py"], dense(784, 512, 512, 10),
        WIDE, samples=25_600,
    ),
    Chase(
        "98", "98 % MNIST (validation)", "document 000's five epochs", ["peer_000.py"], 5, "mnist-fast", 0.98,
        owed=15, aim=4,
    ),
    Goal("99", "99 % MNIST", "mnist-fast", 0.99, owed=15, aim=6, seeds=range(10), every=True),
    Goal("99.5", "99.5 % MNIST", "mnist-best", 0.995, owed=80, aim=45),
    Goal("fashion-90", "90 % Fashion-MNIST", "fashion-fast", 0.90, owed=12, aim=8),
    Goal("fashion-92", "92 % Fashion-MNIST", "fashion-good", 0.92, owed=45, aim=25),
    Goal("fashion-93", "93 % Fashion-MNIST", "fashion-best", 0.93, owed=140, aim=90),
]  # fmt: skip
