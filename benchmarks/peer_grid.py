"""Document 004's grid: 243 networks of one hidden layer on 600 images, 200 for validation; a slice, extrapolated.

    peer_grid.py as-written|loader

``as-written``: the batches are made and never used, each epoch is one update on all images. ``loader``: the updates go
through that DataLoader. Each update, and validation after each epoch, is measured by scikit-learn's macro F1 and
Python's ``sum``, as in the document's ``train_valid``; its drawing of each confusion matrix is left out.
"""

import argparse
import json
import time
from itertools import product

import torch
from peers import arrays
from sklearn.metrics import f1_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

BATCHES, RATES, DECAYS = (256, 512, 1024), (0.001, 0.01, 0.1), (0.001, 0.01, 0.1)
WIDTHS, EPOCHS = (50, 80, 100), (50, 100, 150)
SLICE = 10  # epochs of each network of the slice: one for each batch size and width


def measured(logits: torch.Tensor, labels: torch.Tensor) -> None:
    """What the document computes of answers."""
    answers = logits.argmax(1)
    f1_score(labels, answers, average="macro")
    sum(labels == answers) / len(answers)


def main(loader: bool) -> None:
    """Train the slice and say what all would take."""
    images, labels = arrays("mnist")
    x, y = torch.from_numpy(images[:800]).float().flatten(1) / 255, torch.from_numpy(labels[:800])
    (train_x, valid_x), (train_y, valid_y) = x.split(600), y.split(600)
    loss_of = nn.CrossEntropyLoss()

    def train(batch: int, width: int, epochs: int) -> None:
        batches = DataLoader(TensorDataset(train_x, train_y), batch_size=batch, shuffle=True)
        model = nn.Sequential(nn.Linear(784, width), nn.ReLU(), nn.Linear(width, 10))
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=0.01)
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

    train(256, 50, 2)
    began = time.perf_counter()
    for batch, width in product(BATCHES, WIDTHS):
        train(batch, width, SLICE)
    seconds = time.perf_counter() - began
    all_epochs = len(BATCHES) * len(RATES) * len(DECAYS) * len(WIDTHS) * sum(EPOCHS)
    print(json.dumps({"seconds": seconds * all_epochs / (len(BATCHES) * len(WIDTHS) * SLICE)}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=("as-written", "loader"))
    main(parser.parse_args().way == "loader")
