"""Distortions: none at severity 0, more at each next one, each the formula that it says, on light and dark grounds."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch.nn import functional as F

from tiza import explain, load
from tiza.errors import TizaError
from tiza.explain.distortions import DISTORTIONS, SEVERITIES, background

DIGITS = load("mnist", limit=400).look("train").x[:60].numpy()
PHOTOS = np.random.default_rng(0).integers(40, 200, (6, 3, 30, 44)).astype(np.uint8)
KINDS = list(DISTORTIONS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("images", [DIGITS, PHOTOS, DIGITS[:, :, 9:18, 8:19]])
def test_severity_0_changes_nothing_and_each_next_one_more(kind: str, images: np.ndarray):
    before = images.copy()
    changed = [explain.distort(images, kind, severity) for severity in range(SEVERITIES + 1)]
    assert np.array_equal(changed[0], images)
    assert np.array_equal(images, before), "what was given is left alone"
    away = [np.abs(one.astype(float) - images).mean() for one in changed]
    assert min(away[1:]) > 0
    if images is DIGITS:
        assert all(a < b for a, b in pairwise(away)), away
    for one in changed:
        assert (one.dtype, one.shape) == (np.uint8, images.shape)
    amounts = [DISTORTIONS[kind].amount(severity, images.shape) for severity in range(SEVERITIES + 1)]
    assert amounts == sorted(set(amounts))
    assert amounts[0] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_and_all_severities_go_the_same_way(kind: str):
    one, same, other = (explain.distort(DIGITS, kind, 3, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    drawn = kind in ("shift", "rotation", "noise")
    assert np.array_equal(one, other) is not drawn
    if kind == "noise":
        grey = np.full((1, 1, 50, 50), 128, np.uint8)
        small, large = (explain.distort(grey, kind, severity).astype(float) - 128 for severity in (1, 3))
        assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("severity", [1, 4])
def test_a_shift_is_a_roll_with_the_background_coming_in(severity: int, invert: bool):
    images = 255 - DIGITS if invert else DIGITS
    side = np.random.default_rng(5).integers(4, size=len(images))
    found = explain.distort(images, "shift", severity, seed=5)
    ground = 255 if invert else 0
    for i, image in enumerate(images):
        dy, dx = [(0, -severity), (0, severity), (-severity, 0), (severity, 0)][side[i]]
        rolled = np.roll(image, (dy, dx), (1, 2))
        fresh = np.ones(image.shape, bool)
        fresh[:, max(dy, 0) : 28 + min(dy, 0), max(dx, 0) : 28 + min(dx, 0)] = False
        assert np.array_equal(found[i], np.where(fresh, ground, rolled))
    assert len(set(side.tolist())) == 4


def test_a_rotation_turns_about_the_centre_and_the_background_comes_in():
    """A bar through the centre points to where it was turned, half of them to each side."""
    bar = np.full((40, 1, 29, 29), 30, np.uint8)
    bar[:, :, 2:27, 14] = 220
    for severity, degrees in ((1, 10), (3, 30), (5, 50)):
        turned = explain.distort(bar, "rotation", severity).astype(float)
        assert (turned[:, 0, [0, 0, -1, -1], [0, -1, 0, -1]] == 30).all()
        angles = []
        for image in turned[:, 0]:
            y, x = np.nonzero(image > 125)
            (_, _), axes = np.linalg.eigh(np.cov(x, y))
            angles.append(np.degrees(np.arctan(axes[0, 1] / axes[1, 1])))
        assert np.abs(angles) == pytest.approx(np.full(40, degrees), abs=2)
        assert 5 < sum(angle > 0 for angle in angles) < 35


def test_noise_has_the_deviation_that_it_says_until_it_is_cut_off():
    grey = np.full((4, 3, 60, 60), 128, np.uint8)
    for severity, sigma in ((1, 20), (2, 40)):
        found = explain.distort(grey, "noise", severity).astype(float)
        assert found.std() == pytest.approx(sigma, rel=0.03)
        assert found.mean() == pytest.approx(128, abs=1)
    assert set(np.unique(explain.distort(grey, "noise", 5))) >= {0, 255}


def test_blur_is_a_gaussian_of_its_sigma_and_keeps_the_grey_of_a_plane():
    for severity, sigma in ((1, 0.5), (5, 2.5)):
        found = explain.distort(DIGITS, "blur", severity)
        expected = gaussian_filter(DIGITS[3, 0].astype(float), sigma, mode="nearest")
        assert found[3, 0] == pytest.approx(expected, abs=0.51)
        flat = np.full((2, 3, 12, 9), 77, np.uint8)
        assert np.array_equal(explain.distort(flat, "blur", severity), flat)


@pytest.mark.parametrize(("severity", "pixels"), [(2, 1), (4, 2)])
def test_thickness_is_dilation_of_light_ink_and_erosion_of_dark(severity: int, pixels: int):
    size = 2 * pixels + 1
    wide = F.max_pool2d(torch.from_numpy(DIGITS).float(), size, 1, pixels).numpy()
    assert np.array_equal(explain.distort(DIGITS, "thickness", severity), wide)
    assert np.array_equal(explain.distort(255 - DIGITS, "thickness", severity), 255 - wide)
    mixed = np.concatenate([DIGITS[:5], 255 - DIGITS[:5]])
    found = explain.distort(mixed, "thickness", severity)
    assert np.array_equal(found, np.concatenate([wide[:5], 255 - wide[:5]])), "each image by its own background"


def test_between_whole_pixels_thickness_is_the_mean_of_both():
    less, more = (explain.distort(DIGITS, "thickness", severity).astype(float) for severity in (2, 4))
    assert explain.distort(DIGITS, "thickness", 3) == pytest.approx((less + more) / 2, abs=0.51)


@pytest.mark.parametrize(("severity", "lost"), [(1, 0.2), (5, 0.9)])
def test_contrast_is_pulled_to_the_mean_grey(severity: int, lost: float):
    found = explain.distort(DIGITS, "contrast", severity)
    mean = DIGITS.mean((1, 2, 3), keepdims=True)
    assert found == pytest.approx(DIGITS * (1 - lost) + mean * lost, abs=1.01)
    assert explain.distort(PHOTOS, "contrast", severity).std() == pytest.approx(PHOTOS.std() * (1 - lost), rel=0.05)


def test_pixels_grow_with_the_shorter_side():
    shift = DISTORTIONS["shift"]
    assert [shift.amount(2, (1, side, 2 * side)) for side in (8, 28, 32, 56, 224)] == [2, 2, 2, 4, 16]
    assert DISTORTIONS["rotation"].amount(2, (3, 224, 224)) == 20
    large = np.kron(DIGITS[:3], np.ones((1, 1, 2, 2), np.uint8))
    small = explain.distort(DIGITS[:3], "shift", 3)
    assert np.array_equal(explain.distort(large, "shift", 3), np.kron(small, np.ones((1, 1, 2, 2), np.uint8)))


def test_the_background_is_what_most_of_the_border_shows():
    assert background(DIGITS).shape == (60, 1, 1, 1)
    assert (background(DIGITS) == 0).all()
    assert (background(255 - DIGITS) == 255).all()
    tinted = np.stack([np.full((8, 8), level, np.uint8) for level in (10, 20, 30)])[None]
    assert background(tinted).ravel().tolist() == [10, 20, 30]


@pytest.mark.parametrize(
    ("images", "kind", "severity", "code", "said"),
    [(DIGITS, "shfit", 1, "unknown", "shift"), (DIGITS, "shift", 6, "severity", "5"),
     (DIGITS, "shift", -1, "severity", "-1"), (DIGITS, "shift", 1.5, "severity", "1.5"),
     (DIGITS / 255, "shift", 1, "distort-images", "float64"), (DIGITS[0, 0], "blur", 1, "distort-images", "28×28")],
)  # fmt: skip
def test_what_can_t_be_distorted_is_told(images: np.ndarray, kind: str, severity: int, code: str, said: str):
    with pytest.raises(TizaError) as caught:
        explain.distort(images, kind, severity)
    assert (caught.value.code, caught.value.exit_code) == (code, 2)
    assert said in str(caught.value)
