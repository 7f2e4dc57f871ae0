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


@dataclass(frozen=True)
class Hunt:
    """A peer trains many networks one after another, tiza searches; ``owed``: how many times faster.

    ``peer``: its script and arguments, which says its ``seconds``. ``search``: what is said to ``tiza search``.
    ``whole``: what is compared is the time of the whole search (plans, probes, validation and all), as the peer's is;
    else that of training alone, as a peer has no validation.
    """

    id: str
    title: str
    against: str
    peer: Sequence[str]
    search: Sequence[str]
    owed: float
    whole: bool = False


Work = Race | Chase | Goal | Hunt


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

# Nine rates and three decays; Adam on pixels from 0 to 1, decay on all, as torch's optimizers do.
TWENTY_SEVEN = [
    "--grid", "plan.lr=0.001,0.002,0.003,0.004,0.005,0.006,0.007,0.008,0.009",
    "--grid", "plan.weight_decay=0.001,0.01,0.1",
]  # fmt: skip
DENSE = ["--recipe", "004-mlp100", "--set", "plan.decay_on=all"]


def many(hidden: int, batch: int) -> list[str]:
    """27 networks for two epochs of 12,800 images."""
    sizes = ["data.limit=13800", "data.valid=1000", "plan.epochs=2"]
    own = [f"model.hidden={hidden}", f"plan.batch_size={batch}", *sizes]
    return [*DENSE, *TWENTY_SEVEN, *(part for one in own for part in ("--set", one))]


def folded(hidden: int) -> list[str]:
    """One network, a hundred epochs on each of five folds."""
    sizes = ["data.limit=600", "data.valid=100", f"model.hidden={hidden}", "plan.batch_size=64", "plan.epochs=100"]
    return [*DENSE, "--folds", "5", *(part for one in [*sizes, "plan.weight_decay=0.01"] for part in ("--set", one))]


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
    Hunt(
        "grid-as-written", "document 004's grid as written: 24,300 epochs", "document 004's loop, a slice of it",
        ["peer_grid.py", "as-written"], ["--recipe", "004-grid-as-written", "--no-reuse"], owed=12, whole=True,
    ),
    Hunt(
        "grid-reuse", "the same, nothing done twice", "document 004's loop, a slice of it",
        ["peer_grid.py", "as-written"], ["--recipe", "004-grid-as-written"], owed=60, whole=True,
    ),
    Hunt(
        "grid", "document 004's grid in real batches", "document 004's loop with its DataLoader, a slice of it",
        ["peer_grid.py", "loader"], ["--recipe", "004-grid"], owed=8, whole=True,
    ),
    Hunt(
        "stack-100", "27 × 784-100-10, batch 256, Adam", "a tight loop, torch's fused Adam",
        ["peer_loop.py", "100", "256", "27", "2", "12800"], many(100, 256), owed=1.8,
    ),
    Hunt(
        "stack-32", "27 × 784-32-10, batch 128, Adam", "a tight loop, torch's fused Adam",
        ["peer_loop.py", "32", "128", "27", "2", "12800"], many(32, 128), owed=4,
    ),
    Hunt(
        "folds-32", "5 folds of 600 images, 784-32-10, batch 64, Adam", "a tight loop, torch's fused Adam",
        ["peer_loop.py", "32", "64", "5", "100", "480"], folded(32), owed=3,
    ),
    Hunt(
        "folds-100", "5 folds of 600 images, 784-100-10, batch 64, Adam", "a tight loop, torch's fused Adam",
        ["peer_loop.py", "100", "64", "5", "100", "480"], folded(100), owed=3,
    ),
    Goal("99", "99 % MNIST", "mnist-fast", 0.99, owed=15, aim=6, seeds=range(10), every=True),
    Goal("99.5", "99.5 % MNIST", "mnist-best", 0.995, owed=80, aim=45),
    Goal("fashion-90", "90 % Fashion-MNIST", "fashion-fast", 0.90, owed=12, aim=8),
    Goal("fashion-92", "92 % Fashion-MNIST", "fashion-good", 0.92, owed=45, aim=25),
    Goal("fashion-93", "93 % Fashion-MNIST", "fashion-best", 0.93, owed=140, aim=90),
]  # fmt: skip
