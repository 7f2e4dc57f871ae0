"""Document 000: MNIST, 784-512-512-10, batch 32, Adam, compiled, with torchvision's data set and a DataLoader.

At every step a PIL picture becomes a tensor 32 times over, the loss and the share of right answers come back to
Python. After each epoch it validates on the 10,000 test images, and ``accuracy`` is what it found last; neither that
nor the compilation, which the warm-up pays for, is timed. ``--compiled 0`` leaves the compilation out.
"""

import time
from itertools import islice

import torch
import torch._dynamo
from peers import asked, say, torchvision_root
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets
from torchvision.transforms import v2


def main(epochs: int, samples: int, compiled: bool) -> None:
    """Train and validate for so many epochs."""
    torch._dynamo.config.suppress_errors = True  # as there: where nothing compiles, the plain model runs
    to_tensor = v2.Compose([v2.ToTensor()])
    with torchvision_root("mnist", "MNIST") as root:
        train_set, valid_set = (datasets.MNIST(root, train=train, transform=to_tensor) for train in (True, False))
    train_set.data, train_set.targets = train_set.data[:samples], train_set.targets[:samples]
    train_loader, valid_loader = DataLoader(train_set, batch_size=32, shuffle=True), DataLoader(valid_set, 32)
    layers = [nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)]
    model = nn.Sequential(nn.Flatten(), *layers)
    answers = torch.compile(model) if compiled else model
    loss_of, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters())

    def share(logits: torch.Tensor, y: torch.Tensor, of: int) -> float:
        answer = logits.argmax(1, keepdim=True)
        return answer.eq(y.view_as(answer)).sum().item() / of

    def train(steps: int | None = None) -> None:
        loss, right = 0.0, 0.0
        model.train()
        for x, y in islice(train_loader, steps):
            logits = answers(x)
            optimizer.zero_grad()
            batch_loss = loss_of(logits, y)
            batch_loss.backward()
            optimizer.step()
            loss += batch_loss.item()
            right += share(logits, y, samples)

    def validate() -> float:
        loss, right = 0.0, 0.0
        model.eval()
        with torch.no_grad():
            for x, y in valid_loader:
                logits = answers(x)
                loss += loss_of(logits, y).item()
                right += share(logits, y, len(valid_set))
        return right

    train(5)
    validate()
    seconds, accuracy = 0.0, 0.0
    for _ in range(epochs):
        began = time.perf_counter()
        train()
        seconds += time.perf_counter() - began
        accuracy = validate()
    say(epochs * samples, seconds, accuracy=accuracy)


if __name__ == "__main__":
    options = asked(compiled=1)
    main(options.epochs, options.samples, bool(options.compiled))
