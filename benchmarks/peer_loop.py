"""Many networks one after another, as tightly as PyTorch allows: tensors in memory, torch's fused Adam, no validation.

peer_loop.py HIDDEN BATCH NETWORKS EPOCHS SAMPLES
"""

import json
import sys
import time

import torch
from peers import arrays
from torch import nn
from torch.nn import functional as F


def main(hidden: int, batch: int, networks: int, epochs: int, samples: int) -> None:
    """Train them all."""
    images, labels = arrays("mnist")
    x, y = torch.from_numpy(images[:samples]).float().flatten(1) / 255, torch.from_numpy(labels[:samples])

    def train(lr: float, epochs: int) -> None:
        model = nn.Sequential(nn.Linear(784, hidden), nn.ReLU(), nn.Linear(hidden, 10))
        optimizer = torch.optim.Adam(model.parameters(), lr=lr, weight_decay=0.01, fused=True)
        for _ in range(epochs):
            for some in torch.randperm(samples).split(batch):
                loss = F.cross_entropy(model(x[some]), y[some])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    train(1e-3, 1)
    began = time.perf_counter()
    for i in range(networks):
        train(1e-3 * (1 + i), epochs)
    print(json.dumps({"seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
