"""Residual networks (K. He et al., arXiv:1512.03385)."""

from pydantic import PositiveInt
from torch import Tensor, nn

from tiza.models.classic import is_large
from tiza.models.conv import check_images
from tiza.models.initial import Init, initialise
from tiza.models.layers import stack
from tiza.registry import register


class Residual(nn.Module):
    """relu(f(x) + x), f being two 3×3 convolutions with batch norm.

    Where f changes channels or size, x goes through a 1×1 convolution with batch norm instead of passing as it is.
    """

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(after)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)
        self.shortcut = nn.Identity()
        if before != after or stride > 1:
            conv = nn.Conv2d(before, after, 1, stride, bias=False)
            self.shortcut = stack([("conv", conv), ("norm", nn.BatchNorm2d(after))])
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """N×before×H×W to N×after×⌈H/stride⌉×⌈W/stride⌉."""
        f = self.norm2(self.conv2(self.relu1(self.norm1(self.conv1(x)))))
        return self.relu2(f + self.shortcut(x))


@register("model", "resnet18")
def resnet18(
    shape: tuple[int, ...], classes: int, *, width: PositiveInt | None = None, init: Init = "kaiming"
) -> nn.Module:
    """ResNet-18: four stages of two residual blocks, each twice as wide as the one before it, on half the side.

    ``width``: channels of the first stage, 64; 16 for images of less than 64 pixels a side, which enter by a 3×3
    convolution without stride and pooling, as is usual for CIFAR-10.
    """
    check_images("resnet18", shape)
    large = is_large(shape)
    width = width or (64 if large else 16)
    kernel, stride = (7, 2) if large else (3, 1)
    layers: list[tuple[str, nn.Module | None]] = [
        ("conv1", nn.Conv2d(shape[0], width, kernel, stride, kernel // 2, bias=False)),
        ("norm1", nn.BatchNorm2d(width)),
        ("relu1", nn.ReLU()),
        ("pool1", nn.MaxPool2d(3, 2, padding=1) if large else None),
    ]
    before = width
    for stage in range(1, 5):
        after = width * 2 ** (stage - 1)
        first = Residual(before, after, stride=1 if stage == 1 else 2)
        layers.append((f"stage{stage}", stack([("block1", first), ("block2", Residual(after, after))])))
        before = after
    layers += [("mean", nn.AdaptiveAvgPool2d(1)), ("flatten", nn.Flatten()), ("logits", nn.Linear(before, classes))]
    return initialise(stack(layers), init)
