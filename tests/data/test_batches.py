"""tiza.data.batches: every sample once an epoch, in an order that can be taken up again; augmentation on the batch."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from tiza.config import Augment
from tiza.data.batches import Batches, augment
from tiza.data.seal import Split


def split(n: int) -> Split:
    return Split(torch.arange(n, dtype=torch.float32)[:, None] * 10, torch.arange(n) % 3)


def indices(batches: Batches, epoch: int, start: int = 0) -> list[list[int]]:
    return [index.tolist() for index, _, _ in batches.epoch(epoch, start)]


@pytest.mark.parametrize(
    ("n", "size", "sizes"),
    [
        (10, 5, [5, 5]),
        (10, 4, [4, 4, 2]),
        (9, 4, [4, 5]),
        (5, 4, [5]),
        (3, 2, [3]),
        (10, "full", [10]),
        (10, 10, [10]),
        (10, 64, [10]),
        (4, 1, [1, 1, 1, 1]),
        (1, 8, [1]),
        (2, 1, [1, 1]),
    ],
)
def test_the_last_batch_holds_what_is_left_and_is_never_a_lone_sample(n: int, size: int | str, sizes: list[int]):
    batches = Batches(split(n), size, seed=0)
    assert len(batches) == len(sizes)
    assert [len(index) for index in indices(batches, 0)] == sizes


@pytest.mark.parametrize("size", [1, 7, 32, 100, "full"])
def test_each_epoch_is_a_permutation_with_its_samples_and_labels(size: int | str):
    whole = split(100)
    batches = Batches(whole, size, seed=5)
    for epoch in range(3):
        seen: list[int] = []
        for index, x, y in batches.epoch(epoch):
            seen += index.tolist()
            assert torch.equal(x, whole.x[index])
            assert torch.equal(y, whole.y[index])
        assert sorted(seen) == list(range(100))
        assert seen != list(range(100))


def test_the_order_depends_on_seed_and_epoch_alone():
    def order(seed: int, epoch: int, size: int = 10) -> list[int]:
        return [i for batch in indices(Batches(split(50), size, seed), epoch) for i in batch]

    torch.manual_seed(1)
    one = order(3, 4)
    torch.rand(7)
    assert one == order(3, 4) == order(3, 4, size=7)
    different = {tuple(order(seed, epoch)) for seed in range(5) for epoch in range(5)}
    assert len(different) == 25


def test_batches_leave_the_random_state_of_torch_alone():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    indices(Batches(split(50), 8, 0), 0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("n", [64, 65, 70])
def test_starting_at_a_batch_gives_the_same_rest(n: int):
    batches = Batches(split(n), 8, seed=2)
    whole = indices(batches, 6)
    for start in range(len(batches) + 1):
        assert indices(batches, 6, start) == whole[start:]


# --- augmentation


def images(n: int = 64, channels: int = 2, height: int = 9, width: int = 12) -> Tensor:
    generator = torch.Generator().manual_seed(n)
    return torch.randint(1, 256, (n, channels, height, width), generator=generator, dtype=torch.uint8)


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_nothing_happens_by_default():
    x, generator = images(), draw()
    assert torch.equal(augment(x, Augment(), generator), x)
    assert torch.equal(generator.get_state(), draw().get_state())


HOWS = [
    Augment(shift=2), Augment(rotate=30), Augment(flip=True), Augment(erase=3),
    Augment(shift=1, rotate=10, flip=True, erase=2),
]  # fmt: skip


@pytest.mark.parametrize("how", HOWS)
def test_the_generator_decides_and_the_batch_given_stays_as_it_was(how: Augment):
    x = images()
    before = x.clone()
    torch.manual_seed(0)
    state = torch.get_rng_state()
    one, same, other = augment(x, how, draw(1)), augment(x, how, draw(1)), augment(x, how, draw(2))
    assert torch.equal(x, before)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert (one.shape, one.dtype) == (x.shape, torch.uint8)
    assert torch.equal(torch.get_rng_state(), state)


def moved(image: np.ndarray, down: int, right: int) -> np.ndarray:
    """C×H×W moved by whole pixels, 0 coming in."""
    _, height, width = image.shape
    image = np.roll(image, (down, right), (1, 2))
    rows, columns = np.arange(height), np.arange(width)
    inside = ((rows >= down) & (rows < height + down))[:, None] & ((columns >= right) & (columns < width + right))
    return image * inside


@pytest.mark.parametrize("shift", [1, 2, 5, 15])
def test_a_shift_moves_by_at_most_so_many_pixels_and_fills_with_black(shift: int):
    x = images(200 if shift < 15 else 40)
    after = augment(x, Augment(shift=shift), draw()).numpy()
    moves = [(down, right) for down in range(-shift, shift + 1) for right in range(-shift, shift + 1)]
    seen = set()
    for image, result in zip(x.numpy(), after, strict=True):
        fitting = [move for move in moves if np.array_equal(moved(image, *move), result)]
        assert fitting
        seen.add(fitting[0])
    if shift <= 2:
        assert seen == set(moves)


def test_a_flip_mirrors_about_half_of_the_images_exactly():
    x = images(400)
    after = augment(x, Augment(flip=True), draw()).numpy()
    mirrored = [np.array_equal(result, image[:, :, ::-1]) for image, result in zip(x.numpy(), after, strict=True)]
    left = [np.array_equal(result, image) for image, result in zip(x.numpy(), after, strict=True)]
    assert all(a != b for a, b in zip(mirrored, left, strict=True))
    assert 150 < sum(mirrored) < 250


def rotated(x: Tensor, degrees: float) -> Tensor:
    from tiza.data.batches import _rotate

    return _rotate(x, torch.full((len(x),), math.radians(degrees)))


def test_turning_by_nothing_changes_nothing():
    assert torch.equal(rotated(images(), 0), images())


@pytest.mark.parametrize(("degrees", "turns"), [(90, 1), (180, 2), (-90, -1), (270, 3), (360, 0)])
@pytest.mark.parametrize("side", [8, 9, 28])
def test_turning_by_right_angles_is_rot90(degrees: float, turns: int, side: int):
    x = images(5, 3, side, side)
    result = rotated(x, degrees).int()
    candidates = [torch.rot90(x, sign * turns, (2, 3)).int() for sign in (1, -1)]
    assert min((result - expected).abs().max().item() for expected in candidates) <= 1


@pytest.mark.parametrize("degrees", [5, 17.5, -40, 90, 135])
@pytest.mark.parametrize(("height", "width"), [(24, 24), (20, 31), (31, 20)])
def test_turning_agrees_with_scipy_also_where_height_and_width_differ(degrees: float, height: int, width: int):
    x = torch.zeros(1, 1, height, width, dtype=torch.uint8)
    side = min(height, width) // 3
    top, left = (height - side) // 2, (width - side) // 2
    x[..., top : top + side, left : left + side] = images(1, 1, side, side)
    result = rotated(x, degrees)[0, 0].numpy().astype(int)
    both = [ndimage.rotate(x[0, 0].numpy().astype(float), sign * degrees, reshape=False, order=1) for sign in (1, -1)]
    assert min(np.abs(result - np.rint(expected)).max() for expected in both) <= 1


def test_a_batch_is_turned_to_both_sides_and_never_further_than_asked():
    x = torch.zeros(300, 1, 41, 41, dtype=torch.uint8)
    x[:, :, 20, 20:] = 255
    after = augment(x, Augment(rotate=20), draw()).double()
    rows, columns = (torch.arange(41.0, dtype=torch.float64) - 20).chunk(1)[0], torch.arange(41.0) - 20
    mass = after.sum((1, 2, 3))
    down = (after.sum((1, 3)) @ rows) / mass
    right = (after.sum((1, 2)) @ columns.double()) / mass
    angle = torch.rad2deg(torch.atan2(down, right))
    assert 18 < angle.max().item() <= 20.5
    assert -20.5 <= angle.min().item() < -18
    assert abs(angle.mean().item()) < 2


@pytest.mark.parametrize(("erase", "cells"), [(1, 1), (3, 9), (9, 81), (11, 99), (100, 108)])
def test_an_erased_square_has_exactly_its_side(erase: int, cells: int):
    x = torch.full((200, 2, 9, 12), 255, dtype=torch.uint8)
    after = augment(x, Augment(erase=erase), draw())
    gone = after == 0
    assert torch.equal(gone[:, 0], gone[:, 1])
    assert (gone.sum((1, 2, 3)) == 2 * cells).all()
    assert set(after.unique().tolist()) <= {0, 255}
    height = gone[:, 0].any(2).sum(1)
    assert (height == min(erase, 9)).all()


def test_squares_are_erased_everywhere_to_the_very_edge():
    x = torch.full((500, 1, 6, 6), 9, dtype=torch.uint8)
    gone = (augment(x, Augment(erase=2), draw()) == 0).sum((0, 1))
    assert (gone > 0).all()


def test_balanced_batches_draw_every_class_equally_often_and_the_same_again():
    y = torch.cat([torch.zeros(900), torch.ones(90), torch.full((10,), 2)]).long()
    whole = Split(torch.arange(1_000.0)[:, None], y)
    batches = Batches(whole, 100, seed=0, balanced=True)
    drawn = [i for batch in indices(batches, 0) for i in batch]
    counts = torch.bincount(y[drawn])
    assert len(drawn) == 1_000
    assert all(abs(n - 1_000 / 3) < 60 for n in counts.tolist())  # four deviations of a binomial
    assert indices(batches, 0) == indices(Batches(whole, 100, seed=0, balanced=True), 0)
    assert indices(batches, 0)[3:] == indices(batches, 0, start=3)
