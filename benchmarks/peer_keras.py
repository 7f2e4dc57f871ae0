"""Document 001 on Keras 3 and TensorFlow: softmax regression of MNIST, Adam, batch 32, pixels in [0, 1].

Loss and accuracy as there; the progress bar is off, which only helps it. The warm-up builds the graph.
"""

import os
import time

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
from peers import arrays, asked, say


def main(epochs: int, samples: int) -> None:
    """Train with ``fit``, without any validation."""
    images, labels = arrays("mnist")
    x, y = images[:samples] / 255.0, labels[:samples]
    layers = [keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")]
    model = keras.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x[:640], y[:640], verbose=0)
    began = time.perf_counter()
    model.fit(x, y, epochs=epochs, verbose=0)
    say(epochs * samples, time.perf_counter() - began)


if __name__ == "__main__":
    options = asked()
    main(options.epochs, options.samples)
