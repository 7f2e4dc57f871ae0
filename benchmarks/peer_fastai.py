"""fastai's Learner: 784-512-512-10 on MNIST in [0, 1], batch 32, its Adam without weight decay.

Data as its book begins: a list of (image, label) in a DataLoader. The clock runs from the first batch to the last one,
its recorder included, validation and progress bar left out.
"""

import time

import torch
from fastai.callback.core import Callback
from fastai.data.core import DataLoaders
from fastai.data.load import DataLoader
from fastai.learner import Learner
from fastai.metrics import accuracy
from fastai.optimizer import Adam
from peers import arrays, asked, say
from torch import nn


class Clock(Callback):
    """Adds up the seconds between the first batch of an epoch and its last."""

    seconds = 0.0

    def before_train(self) -> None:
        """An epoch begins."""
        self.began = time.perf_counter()

    def after_train(self) -> None:
        """Its last update is done."""
        self.seconds += time.perf_counter() - self.began


def main(epochs: int, samples: int) -> None:
    """Train with ``fit``; the validation set is a handful, for fastai wants one."""
    images, labels = arrays("mnist")
    x = torch.from_numpy(images).flatten(1).float() / 255
    data = list(zip(x, torch.from_numpy(labels), strict=True))
    layers = [nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)]

    def learner(n: int) -> Learner:
        loaders = DataLoaders(DataLoader(data[:n], batch_size=32, shuffle=True), DataLoader(data[:32], batch_size=32))
        return Learner(
            loaders, nn.Sequential(*layers), loss_func=nn.CrossEntropyLoss(), opt_func=Adam, lr=1e-3, wd=0.0,
            metrics=accuracy,
        )  # fmt: skip

    clock = Clock()
    for learn, rounds, callbacks in ((learner(160), 1, []), (learner(samples), epochs, [clock])):
        with learn.no_logging():
            learn.fit(rounds, cbs=callbacks)
    say(epochs * samples, clock.seconds)


if __name__ == "__main__":
    options = asked()
    main(options.epochs, options.samples)
