"""EfficientNet-Lite0: EfficientNet-B0 without squeeze and excitation, its swish replaced by ReLU6.

M. Tan, Q. Le, arXiv:1905.11946; the lite variant is that of the authors' repository (tensorflow/tpu, 2020).
"""

from torch import Tensor, nn

from tiza.models.layers import stack

# Of each stage: how much wider its blocks are inside, channels, blocks, stride of the first, kernel.
STAGES = (
    (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)  # fmt: skip
EPSILON, MOMENTUM = 1e-3, 0.01  # of batch norm, as in TensorFlow


class SamePad(nn.Module):
    """Zeros around N×C×H×W as TensorFlow's ``SAME`` adds them: what is odd comes after, below and at the right."""

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        """N×C×H'×W', so that a convolution gives ⌈H/stride⌉×⌈W/stride⌉."""
        pads = []
        for side in (x.shape[3], x.shape[2]):
            needed = max((-(-side // self.stride) - 1) * self.stride + self.kernel - side, 0)
            pads += [needed // 2, needed - needed // 2]
        return nn.functional.pad(x, pads)

    def extra_repr(self) -> str:
        """For which convolution."""
        return f"kernel={self.kernel}, stride={self.stride}"


class MBConv(nn.Module):
    """An inverted bottleneck: wider by 1×1, a convolution channel by channel, narrower by 1×1; plus its input."""

    def __init__(self, before: int, after: int, wider: int, kernel: int, stride: int) -> None:
        super().__init__()
        inside = before * wider
        if wider > 1:
            self.expand_conv = nn.Conv2d(before, inside, 1, bias=False)
            self.bn0 = _norm(inside)
            self.relu0 = nn.ReLU6()
        self.pad = SamePad(kernel, stride)
        self.depthwise_conv = nn.Conv2d(inside, inside, kernel, stride, groups=inside, bias=False)
        self.bn1 = _norm(inside)
        self.relu1 = nn.ReLU6()
        self.project_conv = nn.Conv2d(inside, after, 1, bias=False)
        self.bn2 = _norm(after)
        self.adds = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        """N×before×H×W to N×after×⌈H/stride⌉×⌈W/stride⌉."""
        h = x
        for layer in self.children():
            h = layer(h)
        return h + x if self.adds else h


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, EPSILON, MOMENTUM)


def efficientnet_lite0(classes: int = 1000) -> nn.Sequential:
    """For pictures 3×224×224; the names of its layers are those of the file that its weights come in."""
    blocks = nn.Sequential()
    before = 32
    for wider, after, n, stride, kernel in STAGES:
        for i in range(n):
            blocks.add_module(str(len(blocks)), MBConv(before, after, wider, kernel, stride if i == 0 else 1))
            before = after
    return stack([
        ("pad_stem", SamePad(3, 2)), ("conv_stem", nn.Conv2d(3, 32, 3, 2, bias=False)), ("bn0", _norm(32)),
        ("relu0", nn.ReLU6()), ("blocks", blocks), ("conv_head", nn.Conv2d(before, 1280, 1, bias=False)),
        ("bn1", _norm(1280)), ("relu1", nn.ReLU6()), ("mean", nn.AdaptiveAvgPool2d(1)), ("flatten", nn.Flatten()),
        ("fc", nn.Linear(1280, classes)),
    ])  # fmt: skip
