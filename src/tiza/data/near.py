"""Images that are nearly the same: each against all others by its spectrum, then pixel by pixel.

A copy may be shifted by up to two pixels, brighter or darker, encoded as JPEG, a little noisy. The magnitudes of an
image's Fourier transform hardly change with a shift (Oppenheim, Lim, 1981); whitened by the covariance over all images,
so that what all have in common counts for nothing, those of two different images are almost at right angles, and those
of a copy almost parallel. What is alike there is laid one over the other.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, pad

from tiza.data.rows import Rows

LEVELS = 8.0  # grey levels of 255: root of the mean square that may be left between an image and its copy
SHARE = 0.2  # and at most this share of the image's own deviation, so that pale images are not all the same
SHIFT = 2  # pixels
LIKE, NEAREST = 0.4, 10  # least cosine of two descriptors, how many of the nearest are looked at
FEW = 100  # of so many images the nearest are looked at whatever their cosine
MOST = 250_000  # and how many pairs in all, the most alike
SIDE, WAVES, PARTS = 32, 8, 128  # of a descriptor: the image's longer side, waves along it, whitened components
EACH = 8  # images to each component at least
LOOSE, LOOSER = 20.0, 30.0  # grey levels left by the straight fit, beyond which no closer look helps; and when reduced
ROWS, VALUES = 512, 2**22  # of the images at once: rows compared with all others; values laid over each other

Samples = Sequence[Tensor | Rows]


class Pairs(NamedTuple):
    """Pairs of samples by their places, ``first < second``, and how far apart they are; see who returns them."""

    first: np.ndarray
    second: np.ndarray
    distance: np.ndarray

    def some(self, chosen: np.ndarray) -> "Pairs":
        """Those of the pairs that are chosen by a mask or by their places."""
        return Pairs(*(part[chosen] for part in self))


def near_images(samples: Samples, index: np.ndarray, progress: Callable[[int, int], None] | None = None) -> Pairs:
    """The pairs of images, uint8 N×C×H×W in one or several parts, of which one is nearly the other.

    ``index``: the places of those that are compared, in order, counted over all parts. ``distance``: root mean square,
    in grey levels, of what is left between the two when one is shifted by at most two pixels (an eighth of the side
    where that is less), and multiplied and raised by one number each, values beyond 0 and 255 cut off. Only the ten
    nearest by their descriptors are looked at, so that of many copies of one image not every pair is listed, but all
    of them are linked.
    """
    described = torch.cat([_spectra(images) for images in _batches(samples, index)])
    pairs = _alike(_whitened(described), progress)
    del described
    pairs = pairs._replace(first=index[pairs.first], second=index[pairs.second])
    shape = samples[0].shape[1:]
    if max(shape[1:]) > SIDE:
        left, _ = _laid_over(samples, pairs, reduced=True)
        pairs = pairs.some(left <= LOOSER)
    left, shifts = _laid_over(samples, pairs)
    close = left <= LOOSE
    return _measured(samples, pairs.some(close), shifts[close])


def gathered(samples: Samples, index: np.ndarray) -> Tensor:
    """The samples at these places, counted over all parts."""
    ends = np.cumsum([len(part) for part in samples])
    part_of = np.searchsorted(ends, index, side="right")
    if len(samples) == 1:
        return samples[0][torch.from_numpy(index)]
    found = torch.empty(len(index), *samples[0].shape[1:], dtype=samples[0].dtype)
    for i, part in enumerate(samples):
        mine = part_of == i
        if mine.any():
            found[torch.from_numpy(mine)] = part[torch.from_numpy(index[mine] - (ends[i] - len(part)))]
    return found


def _batches(samples: Samples, index: np.ndarray) -> Iterator[Tensor]:
    """The images at these places as float32, some at a time."""
    at_once = max(1, VALUES // int(np.prod(samples[0].shape[1:])))
    for first in range(0, len(index), at_once):
        yield gathered(samples, index[first : first + at_once]).float()


def _reduced(images: Tensor) -> Tensor:
    """Images B×C×H×W brought to a longer side of at most 32 by averaging."""
    height, width = images.shape[2:]
    factor = SIDE / max(height, width)
    if factor >= 1:
        return images
    return adaptive_avg_pool2d(images, (max(1, round(height * factor)), max(1, round(width * factor))))


def _spectra(images: Tensor) -> Tensor:
    """The magnitudes of the longest waves of each image in grey, B×D, of length one.

    A window takes away a little of the border, where a shift pushes something out or in.
    """
    grey = _reduced(images).mean(1)
    sides = grey.shape[1:]
    rows, columns = (torch.sin(torch.pi * (torch.arange(side) + 0.5) / side).sqrt() for side in sides)
    size = [_padded(side) for side in sides]
    magnitudes = torch.fft.rfft2(grey * rows[:, None] * columns, s=size).abs()
    kept = (torch.fft.fftfreq(size[0]) * size[0]).abs() <= WAVES
    found = magnitudes[:, kept, : WAVES + 1].flatten(1)[:, 1:]
    return found / found.norm(dim=1, keepdim=True).clamp(min=1e-6)


def _padded(side: int) -> int:
    """A side with room for the shifts, so that nothing comes in again on the other side."""
    return 2 * ((side + 2 * SHIFT + 1) // 2)


def _whitened(described: Tensor) -> Tensor:
    """Descriptors N×K, uncorrelated over all images, of length one.

    With as many components as images all would be at right angles, copies too: of few images only the strongest count.
    """
    parts = min(PARTS, max(1, len(described) // EACH))
    values, vectors = torch.linalg.eigh(torch.cov(described.T.double()))
    values, vectors = values[-parts:], vectors[:, -parts:]
    white = (described - described.mean(0)) @ (vectors / (values + 1e-4 * values[-1]).clamp(min=1e-12).sqrt()).float()
    return white / white.norm(dim=1, keepdim=True).clamp(min=1e-9)


def _alike(white: Tensor, progress: Callable[[int, int], None] | None) -> Pairs:
    """For each image the nearest of those after it, where their cosine is large enough or the images are few."""
    first, second, alike = [], [], []
    n = len(white)
    least = LIKE if n > FEW else -2
    for start in range(0, n, ROWS):
        block = white[start : start + ROWS]
        cosines = block @ white[start:].T
        cosines[:, : len(block)].masked_fill_(torch.ones(len(block), len(block), dtype=torch.bool).tril(), -2)
        best, places = cosines.topk(min(NEAREST, n - start), dim=1)
        rows, columns = np.nonzero((best > least).numpy())
        first.append(rows + start)
        second.append(places.numpy()[rows, columns] + start)
        alike.append(best.numpy()[rows, columns])
        if progress:
            progress(min(start + ROWS, n), n)
    pairs = Pairs(*map(np.concatenate, (first, second, alike)))
    return pairs.some(np.argsort(-pairs.distance, kind="stable")[:MOST])


def _shifts(sides: Sequence[int]) -> list[tuple[int, int]]:
    """How far down and to the right a copy may have moved."""
    down, right = (min(SHIFT, side // 8) for side in sides)
    return [(y, x) for y in range(-down, down + 1) for x in range(-right, right + 1)]


def _overlap(images: Tensor, down: int, right: int) -> Tensor:
    """The part of images …×H×W that another, shifted by so much, lies on."""
    height, width = images.shape[-2:]
    return images[..., max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)]


def _sums(values: Tensor, shifts: Sequence[tuple[int, int]]) -> Tensor:
    """The sum of values B×H×W over the overlap of each shift, B×S."""
    table = pad(values.double().cumsum(1).cumsum(2), (1, 0, 1, 0))
    height, width = values.shape[1:]
    sums = []
    for down, right in shifts:
        top, bottom, left, end = max(down, 0), height + min(down, 0), max(right, 0), width + min(right, 0)
        sums.append(table[:, bottom, end] - table[:, top, end] - table[:, bottom, left] + table[:, top, left])
    return torch.stack(sums, 1)


def _laid_over(samples: Samples, pairs: Pairs, *, reduced: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """What a straight line leaves between the images of each pair at the best shift, and which shift that is.

    All shifts at once: the products come from one correlation by Fourier transform, the sums from tables of sums.
    """
    left, best = [np.empty(0)], [np.empty(0, np.int64)]
    for a, b in zip(_batches(samples, pairs.first), _batches(samples, pairs.second), strict=True):
        a, b = (_reduced(a), _reduced(b)) if reduced else (a, b)
        sides = a.shape[2:]
        shifts = _shifts(sides)
        back = [(-down, -right) for down, right in shifts]
        size = [_padded(side) for side in sides]
        spectrum = torch.fft.rfft2(a, s=size) * torch.fft.rfft2(b, s=size).conj()
        correlation = torch.fft.irfft2(spectrum.sum(1), s=size)
        products = torch.stack([correlation[:, down % size[0], right % size[1]] for down, right in shifts], 1).double()
        n = torch.tensor([a.shape[1] * (sides[0] - abs(y)) * (sides[1] - abs(x)) for y, x in shifts]).double()
        mean_a, mean_b = _sums(a.sum(1), shifts) / n, _sums(b.sum(1), back) / n
        var_a = (_sums(a.square().sum(1), shifts) / n - mean_a**2).clamp(min=0)
        var_b = (_sums(b.square().sum(1), back) / n - mean_b**2).clamp(min=0)
        slope = (products / n - mean_a * mean_b).clamp(min=0)
        unexplained = 1 - (slope**2 / (var_a * var_b).clamp(min=1e-9)).clamp(max=1)
        square, shift = (torch.maximum(var_a, var_b) * unexplained).min(1)
        left.append(square.sqrt().numpy())
        best.append(shift.numpy())
    return np.concatenate(left), np.concatenate(best)


def _measured(samples: Samples, pairs: Pairs, shifts: np.ndarray) -> Pairs:
    """The pairs that are near enough at their shifts, with their distance."""
    of = _shifts(samples[0].shape[2:])
    found = [pairs.some(np.empty(0, np.int64))]
    for number in np.unique(shifts):
        mine = pairs.some(shifts == number)
        down, right = of[number]
        distance = [np.empty(0)]
        for a, b in zip(_batches(samples, mine.first), _batches(samples, mine.second), strict=True):
            a, b = _overlap(a, down, right).flatten(1).double(), _overlap(b, -down, -right).flatten(1).double()
            rest = torch.stack([_line(a, b), _cut_line(a, b), _cut_line(b, a)]).amin(0)
            deviation = torch.maximum(a.std(1, correction=0), b.std(1, correction=0))
            rest[rest >= SHARE * deviation] = torch.inf  # of one grey are all blank images: that says nothing
            distance.append(rest.numpy())
        distance = np.concatenate(distance)
        found.append(Pairs(mine.first, mine.second, distance).some(distance <= LEVELS))
    together = Pairs(*map(np.concatenate, zip(*found, strict=True)))
    return together.some(np.lexsort((together.second, together.first)))


def _line(a: Tensor, b: Tensor) -> Tensor:
    """What is left of the stronger of two images, B×P each, when the other is multiplied and raised as fits best."""
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    var_a, var_b, slope = a.square().mean(1), b.square().mean(1), (a * b).mean(1).clamp(min=0)
    unexplained = 1 - (slope**2 / (var_a * var_b).clamp(min=1e-9)).clamp(max=1)
    return (torch.maximum(var_a, var_b) * unexplained).sqrt()


def _cut_line(a: Tensor, b: Tensor) -> Tensor:
    """The same where values of ``b`` beyond 0 and 255 were cut off, as a camera or an editor does.

    The line is fitted to what is not cut off; infinite where that is too little, or twice or half as bright.
    """
    whole = ((b > 0) & (b < 255)).double()
    n = whole.sum(1)
    mean_a, mean_b = ((part * whole).sum(1) / n.clamp(min=1) for part in (a, b))
    off_a, off_b = (a - mean_a[:, None]) * whole, (b - mean_b[:, None]) * whole
    gain = (off_a * off_b).sum(1) / off_a.square().sum(1).clamp(min=1e-6)
    rest = (b - (gain[:, None] * (a - mean_a[:, None]) + mean_b[:, None]).clamp(0, 255)).square().mean(1).sqrt()
    rest = rest * (1 / gain.clamp(min=0.5)).clamp(min=1)
    enough = (n >= 10) & (n >= 0.03 * a.shape[1]) & (gain > 0.5) & (gain < 2)
    return torch.where(enough, rest, torch.inf)
