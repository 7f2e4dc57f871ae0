"""The peer: 784-128-64-10 as courses write it, with torchvision's data set and a DataLoader.

``python benchmarks/peer_003.py EPOCHS``, batch 100, SGD 1e-3, dropout 0.2, pixels in [-1, 1], loss and right answers
added up at every step, prints samples a second as JSON.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms

from tiza.data.sources import MD5, embedded_file, idx_name


def main(epochs: int) -> None:
    """Train on the first 55,000 images, without any measuring, and print what it took."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "FashionMNIST" / "raw"
        raw.mkdir(parents=True)
        for part, md5 in MD5["fashion-mnist"].items():
            (raw / idx_name(part)).write_bytes(embedded_file("fashion-mnist", part, md5))
        to_tensor = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
        data = Subset(datasets.FashionMNIST(folder, train=True, transform=to_tensor), range(55_000))
    loader = DataLoader(data, batch_size=100, shuffle=True)
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 64), nn.ReLU(), nn.Dropout(0.2),
        nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    loss_of = nn.CrossEntropyLoss()
    began = time.perf_counter()
    for _ in range(epochs):
        total, right = 0.0, 0
        for x, y in loader:
            optimizer.zero_grad()
            logits = model(x)
            loss = loss_of(logits, y)
            loss.backward()
            optimizer.step()
            total += loss.item()
            right += (logits.argmax(1) == y).sum().item()
    took = time.perf_counter() - began
    print(json.dumps({"samples_per_second": epochs * len(data) / took}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
