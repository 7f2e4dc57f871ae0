"""Document 004: its convolutional network, batch 256, Adam 1e-3 with weight decay 0.1, pixels 0 to 255 in memory.

A TensorDataset and a DataLoader; at every step scikit-learn's macro F1 of the batch, and its accuracy with Python's
``sum``. The live drawing of every tenth step (hiddenlayer) is left out. The document has 600 images, here are more of
the same set, so that every batch is full.
"""

import time
from itertools import islice

import torch
from peers import arrays, asked, say
from sklearn.metrics import f1_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def main(epochs: int, samples: int) -> None:
    """Train, without any validation."""
    images, labels = arrays("mnist")
    data = TensorDataset(torch.from_numpy(images[:samples]).float(), torch.from_numpy(labels[:samples]))
    loader = DataLoader(data, batch_size=256, shuffle=True)
    blocks = [
        layer
        for a, b in ((1, 16), (16, 32))
        for layer in (nn.Conv2d(a, b, kernel_size=5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.2))
    ]
    model = nn.Sequential(*blocks, nn.Flatten(), nn.Linear(7 * 7 * 32, 10))
    loss_of = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=0.1)

    def train(steps: int | None = None) -> None:
        for x, y in islice(loader, steps):
            model.train()
            logits = model(x.unsqueeze(1))
            loss = loss_of(logits, y)
            answer = logits.argmax(1)
            f1_score(y, answer, average="macro")
            sum(y == answer) / len(answer)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    train(2)
    began = time.perf_counter()
    for _ in range(epochs):
        train()
    say(epochs * samples, time.perf_counter() - began)


if __name__ == "__main__":
    options = asked()
    main(options.epochs, options.samples)
