"""Shuffled batches of resident tensors, and what augmentation does to a batch. No sample is copied on its own."""

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from tiza.config import Augment
from tiza.data.seal import Split

GATHERED = 2**20  # bytes of samples that are copied at once: of small batches several


class Batches:
    """The batches of every epoch: an order drawn from (seed, epoch) alone, so that any of them can be taken up again.

    The last batch holds what is left; a single sample left over joins the batch before it, because batch norm has no
    deviation of one. ``balanced``: as many samples as there are, each class drawn equally often, with repetition.
    """

    def __init__(self, split: Split, size: int | str, seed: int, *, balanced: bool = False) -> None:
        self.split = split
        self.seed = seed
        self.balanced = balanced
        n = len(split)
        size = n if isinstance(size, str) else min(size, n)
        bounds = [*range(0, n, size), n]
        if len(bounds) > 2 and size > 1 and bounds[-1] - bounds[-2] == 1:
            del bounds[-2]
        self.bounds = bounds

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Indices, samples and labels of each batch of an epoch, from batch ``start`` on."""
        for index, x, y, parts in self.chunks(epoch, start):
            for part in parts:
                yield index[part], x[part], y[part]

    def chunks(self, epoch: int, start: int = 0) -> Iterator[tuple[Tensor, Tensor, Tensor, list[slice]]]:
        """The same as it is gathered, several batches at once, and where in it each of them lies."""
        seed = int(np.random.SeedSequence([self.seed, epoch]).generate_state(1)[0])
        generator, n = torch.Generator().manual_seed(seed), len(self.split)
        if self.balanced:
            y = self.split.y.cpu()
            order = torch.multinomial(1 / torch.bincount(y)[y].double(), n, replacement=True, generator=generator)
        else:
            order = torch.randperm(n, generator=generator)
        order = order.to(self.split.y.device)
        bounds = self.bounds[start:]
        batch = self.split.x.nbytes / len(self.split) * self.bounds[1]
        at_once = max(1, int(GATHERED / max(batch, 1)))
        for i in range(0, len(bounds) - 1, at_once):
            these = bounds[i : i + at_once + 1]
            several = order[these[0] : these[-1]]
            yield several, *self.split.gather(several), [slice(a - these[0], b - these[0]) for a, b in pairwise(these)]


def augment(x: Tensor, how: Augment, generator: torch.Generator) -> Tensor:
    """A batch of uint8 images N×C×H×W, each moved, turned, mirrored or partly erased by its own random amount.

    What comes in from outside the picture is black (0). The random numbers are drawn on the CPU from ``generator``.
    """
    n, _, height, width = x.shape
    if how.flip:
        mirrored = torch.rand(n, generator=generator) < 0.5
        x = torch.where(mirrored.to(x.device)[:, None, None, None], x.flip(3), x)
    if how.rotate:
        x = _rotate(x, math.radians(how.rotate) * (2 * torch.rand(n, generator=generator) - 1))
    if how.shift:
        offset = torch.randint(0, 2 * how.shift + 1, (2, n), generator=generator).to(x.device)
        padded = F.pad(x, (how.shift,) * 4)
        windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # a view: N×C×moves×moves×H×W
        x = windows[torch.arange(n, device=x.device), :, offset[0], offset[1]]
    if how.erase:
        side_y, side_x = min(how.erase, height), min(how.erase, width)
        top = torch.randint(0, height - side_y + 1, (n, 1), generator=generator).to(x.device)
        left = torch.randint(0, width - side_x + 1, (n, 1), generator=generator).to(x.device)
        rows, columns = torch.arange(height, device=x.device), torch.arange(width, device=x.device)
        in_rows, in_columns = (rows >= top) & (rows < top + side_y), (columns >= left) & (columns < left + side_x)
        x = x.masked_fill((in_rows[:, :, None] & in_columns[:, None, :])[:, None], 0)
    return x


def _rotate(x: Tensor, angle: Tensor) -> Tensor:
    """Each image turned about its centre, bilinear, back to uint8."""
    height, width = x.shape[2:]
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    ratio = height / width  # affine_grid's coordinates run from −1 to 1 along both sides, whatever their lengths
    rows = [torch.stack([cos, -sin * ratio, zero], 1), torch.stack([sin / ratio, cos, zero], 1)]
    grid = F.affine_grid(torch.stack(rows, 1).to(x.device), list(x.shape), align_corners=False)
    return F.grid_sample(x.float(), grid, align_corners=False).round().to(torch.uint8)
