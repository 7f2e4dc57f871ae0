"""Document 003: Fashion-MNIST, 784-128-64-10, batch 100, SGD 1e-3, dropout 0.2, with a DataLoader.

torchvision's data set, pixels brought to [-1, 1] one picture at a time; at every step the loss and the number of right
answers come back to Python.
"""

import time
from itertools import islice

import torch
from peers import asked, say, torchvision_root
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms


def main(epochs: int, samples: int) -> None:
    """Train, without any validation."""
    to_tensor = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
    with torchvision_root("fashion-mnist", "FashionMNIST") as root:
        data = datasets.FashionMNIST(root, train=True, transform=to_tensor)
    data.data, data.targets = data.data[:samples], data.targets[:samples]
    loader = DataLoader(data, batch_size=100, shuffle=True)
    hidden = [
        layer for a, b in ((784, 128), (128, 64)) for layer in (nn.Linear(a, b), nn.ReLU(), nn.Dropout(0.2))
    ]  # fmt: skip
    model = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(64, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    loss_of = nn.CrossEntropyLoss()

    def train(steps: int | None = None) -> None:
        model.train()
        loss_sum, right, seen = 0.0, 0, 0
        for x, y in islice(loader, steps):
            optimizer.zero_grad()
            logits = model(x)
            loss = loss_of(logits, y)
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(x)
            right += (logits.max(1).indices == y).sum().item()
            seen += len(y)

    train(5)
    began = time.perf_counter()
    for _ in range(epochs):
        train()
    say(epochs * samples, time.perf_counter() - began)


if __name__ == "__main__":
    options = asked()
    main(options.epochs, options.samples)
