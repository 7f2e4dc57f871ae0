"""Document 004's grid: 243 networks of one hidden layer on 600 images, 200 for validation; a slice, extrapolated.

    peer_grid.py as-written|loader

``as-written``: the batches are made and never used, each epoch is one update on all images. ``loader``: the updates go
through that DataLoader. Each update, and validation after each epoch, is measured by scikit-learn's macro F1 and
Python's ``sum``, and each training ends with a drawing of its confusion matrix, as in the document's ``train_valid``;
``undrawn`` are the seconds without those drawings.
"""

import argparse
import json
import time
from io import BytesIO
from itertools import product

import matplotlib as mpl
import numpy as np
import torch
from matplotlib import pyplot as plt
from peers import arrays
from sklearn.metrics import confusion_matrix, f1_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

BATCHES, RATES, DECAYS = (256, 512, 1024), (0.001, 0.01, 0.1), (0.001, 0.01, 0.1)
WIDTHS, EPOCHS = (50, 80, 100), (50, 100, 150)
SLICE = 50  # epochs of each network of the slice: one for each width and each rate with its decay, batches in turn
DRAWN = 5  # confusion matrices that are drawn and timed


def measured(logits: torch.Tensor, labels: torch.Tensor) -> None:
    """What the document computes of answers."""
    answers = logits.argmax(1)
    f1_score(labels, answers, average="macro")
    sum(labels == answers) / len(answers)


def drawing(labels: torch.Tensor, answers: torch.Tensor) -> None:
    """The document's ``CM``, rendered as a notebook does."""
    figure = plt.figure(figsize=(5, 5))
    shares = confusion_matrix(labels, answers).astype("float")
    shares /= shares.sum(axis=1)[:, np.newaxis]
    axes = figure.add_subplot(1, 1, 1)
    image = axes.imshow(shares, interpolation="nearest", cmap=mpl.colormaps["Blues"])
    figure.colorbar(image, ax=axes, pad=0.01, shrink=0.86)
    axes.set(xticks=range(10), yticks=range(10), xlabel="Predicted", ylabel="True", ylim=(9.5, -0.5))
    for i, j in product(range(10), repeat=2):
        colour = "white" if shares[i, j] > shares.max() / 2 else "black"
        axes.text(j, i, f"{shares[i, j]:.2f}", ha="center", va="center", size=10, color=colour)
    figure.savefig(BytesIO(), format="png", dpi=72, bbox_inches="tight")
    plt.close(figure)


def main(loader: bool) -> None:
    """Train the slice and say what all would take."""
    images, labels = arrays("mnist")
    x, y = torch.from_numpy(images[:800]).float().flatten(1), torch.from_numpy(labels[:800])  # 0 to 255, as there
    (train_x, valid_x), (train_y, valid_y) = x.split(600), y.split(600)
    loss_of = nn.CrossEntropyLoss()

    def train(batch: int, width: int, lr: float, decay: float, epochs: int) -> None:
        batches = DataLoader(TensorDataset(train_x, train_y), batch_size=batch, shuffle=True)
        model = nn.Sequential(nn.Linear(784, width), nn.ReLU(), nn.Linear(width, 10))
        optimizer = torch.optim.Adam(model.parameters(), lr=lr, weight_decay=decay)
        for _ in range(epochs):
            model.train()
            for some_x, some_y in batches if loader else [(train_x, train_y)]:
                logits = model(some_x)
                loss = loss_of(logits, some_y)
                loss.item()
                measured(logits, some_y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            model.eval()
            logits = model(valid_x)
            loss_of(logits, valid_y).item()
            measured(logits, valid_y)

    train(256, 50, 0.01, 0.01, 2)
    drawing(valid_y, valid_y)
    began = time.perf_counter()
    for width, (batch, lr, decay) in product(WIDTHS, zip(BATCHES, RATES, DECAYS, strict=True)):
        train(batch, width, lr, decay, SLICE)
    seconds = time.perf_counter() - began
    began = time.perf_counter()
    for _ in range(DRAWN):
        drawing(valid_y, valid_y.flip(0))
    drawn = (time.perf_counter() - began) / DRAWN
    networks = len(BATCHES) * len(RATES) * len(DECAYS) * len(WIDTHS)
    undrawn = seconds * networks * sum(EPOCHS) / (len(BATCHES) * len(WIDTHS) * SLICE)
    print(json.dumps({"seconds": undrawn + drawn * networks * len(EPOCHS), "undrawn": undrawn}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=("as-written", "loader"))
    main(parser.parse_args().way == "loader")
