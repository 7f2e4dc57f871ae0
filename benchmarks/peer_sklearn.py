"""scikit-learn's MLPClassifier: 784-512-512-10 on MNIST in [0, 1], float32, Adam, no penalty, epochs one by one."""

import time

import numpy as np
from peers import arrays, asked, say
from sklearn.neural_network import MLPClassifier


def main(epochs: int, samples: int, batch: int) -> None:
    """Train with ``partial_fit``, which is one epoch in shuffled batches, without any early stopping."""
    images, labels = arrays("mnist")
    x, y = images[:samples].reshape(samples, -1).astype(np.float32) / 255, labels[:samples]
    model = MLPClassifier((512, 512), solver="adam", alpha=0, batch_size=batch, random_state=0)
    model.partial_fit(x[: 5 * batch], y[: 5 * batch], classes=range(10))
    began = time.perf_counter()
    for _ in range(epochs):
        model.partial_fit(x, y)
    say(epochs * samples, time.perf_counter() - began)


if __name__ == "__main__":
    options = asked(batch=32)
    main(options.epochs, options.samples, options.batch)
