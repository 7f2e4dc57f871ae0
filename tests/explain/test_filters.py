"""A filter is the convolution that torch and SciPy compute, over the picture in grey."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.signal import correlate2d
from torch.nn import functional as F

import tiza
from tiza import explain
from tiza.errors import TizaError
from tiza.explain.filters import MOST

KERNELS = [*explain.KERNELS, [[1, 0, -1], [2, 0, -2], [1, 0, -1]], [[0.5, 0.25]], [[1.0] * 5] * 4]


@pytest.fixture(scope="module")
def digit() -> np.ndarray:
    return tiza.load("mnist", limit=100).train.x[3].numpy()


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_it_is_scipys_correlation_and_torchs_convolution(digit: np.ndarray, kernel):
    weights = np.array(explain.KERNELS.get(kernel, kernel) if isinstance(kernel, str) else kernel, float)
    for padding in ("valid", "same", "full"):
        of = explain.filter(digit, kernel, padding=padding)
        assert np.array_equal(of.image, digit[0])
        expected = correlate2d(digit[0].astype(float), weights, "full" if padding == "same" else padding)
        if padding == "same":  # SciPy puts the odd zero of an even kernel before, torch behind
            top, left = (len(weights) // 2, weights.shape[1] // 2)
            expected = expected[top : top + 28, left : left + 28]
        assert of.result == pytest.approx(expected)
    for stride, padding in ((1, 0), (2, 1), (3, 2)):
        found = explain.filter(digit, kernel, stride=stride, padding=padding).result
        x, w = torch.from_numpy(digit[None].astype(float)), torch.from_numpy(weights)[None, None]
        assert found == pytest.approx(F.conv2d(x, w, stride=stride, padding=padding)[0, 0].numpy())


def test_it_agrees_with_the_convolution_worked_cell_by_cell(digit: np.ndarray):
    small = digit[:, 8:14, 8:15]
    for padding in (0, 1, "same", "full"):
        of, worked = (
            explain.filter(small, "sobel-x", stride=2, padding=padding),
            explain.convolve(small[0], explain.KERNELS["sobel-x"], stride=2, padding=padding),
        )
        assert of.result == pytest.approx(np.array(worked.result))
        assert of.worked == worked.worked[of.place[0]][of.place[1]]


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), (3, "full"), (1, "same")])
def test_the_place_that_is_worked_is_the_furthest_from_0_on_the_picture_itself(digit: np.ndarray, stride, padding):
    of = explain.filter(digit, "edges", stride=stride, padding=padding)
    (i, j), (row, column) = of.place, of.corner
    assert np.array_equal(of.window, of.image[row : row + 3, column : column + 3])
    assert (of.window * of.kernel).sum() == of.result[i, j]
    assert of.worked.endswith(f"= {of.result[i, j]:g}")
    inside = explain.filter(digit, "edges").result[row % stride :: stride, column % stride :: stride]
    assert abs(of.result[i, j]) == np.abs(inside).max()


def test_a_kernel_that_hangs_over_the_border_everywhere_is_worked_all_the_same():
    of = explain.filter(np.full((2, 2), 9, np.uint8), [[1] * 4] * 4, padding=2)
    assert of.result[of.place] == of.result.max() == 36


def test_what_each_kernel_is_for(digit: np.ndarray):
    even = np.full((9, 9), 77, np.uint8)
    step = np.repeat(np.array([[0] * 5 + [200] * 5], np.uint8), 10, 0)
    for name in ("edges", "sobel-x", "sobel-y"):
        assert not explain.filter(even, name).result.any()
        assert explain.filter(even, name).signed
    for name in ("blur", "sharpen", "emboss"):
        assert np.allclose(explain.filter(even, name).result, 77)
        assert not explain.filter(even, name).signed
    assert explain.filter(step, "sobel-x").result.max() == 800, "brighter to the right"
    assert not explain.filter(step, "sobel-y").result.any()
    assert explain.filter(step.T, "sobel-y").result.max() == 800
    blurred, sharpened = (explain.filter(digit, name).result for name in ("blur", "sharpen"))
    assert np.abs(np.diff(blurred)).sum() < np.abs(np.diff(digit[0].astype(float))).sum()
    assert np.abs(np.diff(sharpened)).sum() > np.abs(np.diff(digit[0].astype(float))).sum()


def test_a_picture_is_read_in_grey_and_a_large_one_made_smaller(tmp_path: Path):
    colours = np.random.default_rng(0).integers(0, 256, (60, 40, 3)).astype(np.uint8)
    Image.fromarray(colours).save(tmp_path / "small.png")
    of = explain.filter(tmp_path / "small.png", "blur")
    assert np.array_equal(of.image, np.asarray(Image.fromarray(colours).convert("L")))
    assert (of.name, of.original) == ("small.png", (60, 40))
    assert np.array_equal(explain.filter(colours.transpose(2, 0, 1)).image, of.image)
    of = explain.filter(Path("examples/photo.jpg"))
    assert (of.original, of.image.shape, of.result.shape) == ((480, 640), (192, MOST), (190, 254))
    assert of.sizes == ("⌊(192 − 3 + 2·0) / 1⌋ + 1 = 190", "⌊(256 − 3 + 2·0) / 1⌋ + 1 = 254")


def test_what_can_not_be_filtered_says_so(digit: np.ndarray, tmp_path: Path):
    (tmp_path / "half.png").write_bytes(Path("examples/pen.png").read_bytes()[:300])
    for picture, options, code in (
        (digit, {"kernel": "edgse"}, "unknown"),
        (digit, {"kernel": [[1, 2], [3]]}, "kernel-table"),
        (digit, {"kernel": [1, 2]}, "kernel-table"),
        (digit, {"kernel": [["a"]]}, "kernel-table"),
        (digit, {"kernel": [[np.nan]]}, "kernel-table"),
        (digit, {"kernel": []}, "kernel-table"),
        (digit, {"kernel": np.ones((29, 3))}, "convolve"),
        (digit, {"stride": 0}, "convolve"),
        (digit, {"padding": -1}, "convolve"),
        (digit[0] / 255, {}, "picture-array"),
        (tmp_path / "none.png", {}, "picture-missing"),
        (tmp_path / "half.png", {}, "picture-damaged"),
        (tmp_path, {}, "picture-folder"),
    ):
        with pytest.raises(TizaError) as caught:
            explain.filter(picture, **options)
        assert caught.value.code == code
        assert "\n" not in str(caught.value)
