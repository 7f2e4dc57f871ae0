"""The convolutional networks that have a name: LeNet, AlexNet, VGG, network in network.

Each takes images of any size. From 64 pixels a side on it is the original; below, its first layers keep more of the few
pixels, and it is as narrow as two CPU cores can train. ``width``: channels of the first convolution, to which all
others are in proportion. Pooling stands before the ReLU: the same function on fewer values.
"""

import math

from pydantic import PositiveInt
from torch import nn

from tiza.config import Fraction
from tiza.models.conv import check_images, cnn
from tiza.models.dense import hidden_layers
from tiza.models.initial import Init, initialise
from tiza.models.layers import Dropout, stack
from tiza.registry import register

LARGE = 64  # pixels a side, from where on the original fits
Layers = list[tuple[str, nn.Module | None]]


def is_large(shape: tuple[int, ...]) -> bool:
    """Whether images C×H×W are large enough for networks made for 224×224."""
    return min(shape[1:]) >= LARGE


@register("model", "lenet")
def lenet(shape: tuple[int, ...], classes: int, *, batch_norm: bool = True, init: Init = "kaiming") -> nn.Module:
    """LeNet-5 (Y. LeCun et al. 1998): 6 and 16 kernels of 5×5, then 120 and 84 units.

    With ReLU and max pooling for the tanh and the averages of 1998; without batch norm 61,706 parameters on 28×28.
    """
    check_images("lenet", shape, smallest=12)
    return cnn(
        shape, classes, channels=(6, 16), kernels=(5,), strides=(1,), padding=(2, 0), pools=(2,), hidden=(120, 84),
        batch_norm=batch_norm, init=init,
    )  # fmt: skip


@register("model", "alexnet")
def alexnet(
    shape: tuple[int, ...],
    classes: int,
    *,
    width: PositiveInt | None = None,
    dropout: Fraction = 0.5,
    batch_norm: bool = True,
    init: Init = "kaiming",
) -> nn.Module:
    """AlexNet on one device (A. Krizhevsky, arXiv:1404.5997): five convolutions, overlapping pools, two dense layers.

    ``width``: 64; 16 for small images, whose first convolution is 5×5 without a stride. The original has no batch norm.
    """
    check_images("alexnet", shape, smallest=15)
    large = is_large(shape)
    width = width or (64 if large else 16)
    first = (11, 4, 2) if large else (5, 1, 2)  # kernel, stride, padding
    before, layers = shape[0], Layers()
    for i, (times, kernel) in enumerate(((1, first[0]), (3, 5), (6, 3), (4, 3), (4, 3)), 1):
        stride, padding = first[1:] if i == 1 else (1, kernel // 2)
        conv = nn.Conv2d(before, times * width, kernel, stride, padding)
        layers += _followed(str(i), conv, batch_norm, nn.MaxPool2d(3, 2) if i in (1, 2, 5) else None)
        before = times * width
    sides = [(side + 2 * first[2] - first[0]) // first[1] + 1 for side in shape[1:]]
    for _ in range(3):
        sides = [(side - 3) // 2 + 1 for side in sides]
    return initialise(_with_dense(layers, before, sides, 6, 64 * width, classes, dropout), init)


@register("model", "vgg")
def vgg(
    shape: tuple[int, ...],
    classes: int,
    *,
    blocks: tuple[PositiveInt, ...] | None = None,
    width: PositiveInt | None = None,
    dropout: Fraction = 0.5,
    batch_norm: bool = True,
    init: Init = "kaiming",
) -> nn.Module:
    """VGG (K. Simonyan, A. Zisserman, arXiv:1409.1556): blocks of 3×3 convolutions, each followed by pooling.

    ``blocks``: convolutions in each, every block twice as wide as the one before it, up to 8 × ``width``; then two
    dense layers. VGG-16: blocks of 2, 2, 3, 3, 3 and a ``width`` of 64; small images: 2, 2, 2 and 16.
    """
    check_images("vgg", shape)
    large = is_large(shape)
    blocks = blocks or ((2, 2, 3, 3, 3) if large else (2, 2, 2))
    check_images("vgg", shape, smallest=2 ** len(blocks))
    width = width or (64 if large else 16)
    before, layers = shape[0], Layers()
    for i, depth in enumerate(blocks, 1):
        after = width * min(2 ** (i - 1), 8)
        for j in range(1, depth + 1):
            conv = nn.Conv2d(before, after, 3, padding=1)
            layers += _followed(f"{i}_{j}", conv, batch_norm, nn.MaxPool2d(2) if j == depth else None)
            before = after
    sides = [side // 2 ** len(blocks) for side in shape[1:]]
    return initialise(_with_dense(layers, before, sides, 7, 64 * width, classes, dropout), init)


@register("model", "nin")
def nin(
    shape: tuple[int, ...],
    classes: int,
    *,
    width: PositiveInt | None = None,
    dropout: Fraction = 0.5,
    batch_norm: bool = True,
    init: Init = "kaiming",
) -> nn.Module:
    """Network in network (M. Lin et al., arXiv:1312.4400): each convolution is followed by two of 1×1.

    There is no dense layer: the last convolution makes one map a class, whose mean is its logit. Large images: the four
    blocks made for ImageNet, ``width`` 96; small ones: the three made for CIFAR-10, ``width`` 48 for the 192 there.
    """
    check_images("nin", shape, smallest=7)
    large = is_large(shape)
    if large:
        blocks, kernels = ((96, 96, 96), (256, 256, 256), (384, 384, 384), (1024, 1024)), (11, 5, 3, 3)
    else:
        blocks, kernels = ((192, 160, 96), (192, 192, 192), (192, 192)), (5, 5, 3)
    width = width or (96 if large else 48)
    before, layers = shape[0], Layers()
    for i, (block, kernel) in enumerate(zip(blocks, kernels, strict=True), 1):
        for j, channels in enumerate(block, 1):
            after = max(1, channels * width // blocks[0][0])
            size = kernel if j == 1 else 1
            conv = nn.Conv2d(before, after, size, stride=4 if large and i == j == 1 else 1, padding=size // 2)
            layers += _followed(f"{i}_{j}", conv, batch_norm, nn.MaxPool2d(3, 2) if j == 3 else None)
            before = after
        layers.append((f"dropout{i}", Dropout(dropout) if dropout and i < len(blocks) else None))
    last = nn.Conv2d(before, classes, 1)
    layers += [(f"conv{len(blocks)}_3", last), ("mean", nn.AdaptiveAvgPool2d(1)), ("logits", nn.Flatten())]
    return initialise(stack(layers), init)


def _followed(name: str, conv: nn.Conv2d, batch_norm: bool, pool: nn.Module | None) -> Layers:
    """convolution – batch norm – pooling – ReLU; the convolution keeps its bias, as in the originals."""
    norm = nn.BatchNorm2d(conv.out_channels) if batch_norm else None
    return [(f"conv{name}", conv), (f"norm{name}", norm), (f"pool{name}", pool), (f"relu{name}", nn.ReLU())]


def _with_dense(
    layers: Layers, channels: int, sides: list[int], most: int, hidden: int, classes: int, dropout: float
) -> nn.Sequential:
    """The layers, two dense ones after them and the logits; maps of more than ``most`` a side are averaged to that."""
    final = (min(sides[0], most), min(sides[1], most))
    if list(final) != sides:
        layers.append(("mean", nn.AdaptiveAvgPool2d(final)))
    layers.append(("flatten", nn.Flatten()))
    dense = hidden_layers(channels * math.prod(final), (hidden, hidden), "relu", dropout, batch_norm=False)
    layers += [(f"dense_{name}", layer) for name, layer in dense]
    return stack([*layers, ("logits", nn.Linear(hidden, classes))])
