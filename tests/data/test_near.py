"""tiza.data.near: copies that were changed a little are found, and what only looks alike is not."""

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

import tiza
from tiza.data.near import LEVELS, gathered, near_images
from tiza.data.rows import Rows

PLANTS: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "audit.py"))
KINDS, PER_KIND, CLEAN = PLANTS["KINDS"], 60, 3_000


def images(name: str, n: int = CLEAN) -> np.ndarray:
    """N×28×28."""
    return tiza.load(name, limit=n + 100, valid=100).train.x[:, 0].numpy()


def pairs(*parts: np.ndarray) -> dict[tuple[int, int], float]:
    """What is found among images N×H×W or N×C×H×W, by places."""
    samples = [torch.from_numpy(part[:, None] if part.ndim == 3 else part) for part in parts]
    first, second, distance = near_images(samples, np.arange(sum(map(len, parts))))
    return dict(zip(zip(first.tolist(), second.tolist(), strict=True), distance.tolist(), strict=True))


@pytest.fixture(scope="module", params=["mnist", "fashion-mnist"])
def planted(request):
    """Clean images, and which of the planted copies of each kind were found among them."""
    clean = images(request.param)
    copies, sources, of = PLANTS["planted"](clean, PER_KIND, KINDS)
    found = pairs(clean, copies)
    hit = np.array([(int(i), len(clean) + j) in found for j, i in enumerate(sources)])
    return clean, sources, found, {kind: hit[of == k].mean() for k, kind in enumerate(KINDS)}


@pytest.mark.parametrize("kind", list(KINDS))
def test_of_each_kind_of_planted_copy_at_least_95_of_100_are_found(planted, kind: str):
    assert planted[3][kind] >= 0.95


def test_no_other_images_are_taken_for_copies(planted):
    clean, sources, found, _ = planted
    origin = np.concatenate([np.arange(len(clean)), sources])
    assert [pair for pair in found if origin[pair[0]] != origin[pair[1]]] == []
    assert all(distance <= LEVELS for distance in found.values())


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
@pytest.mark.parametrize("n", [12, 20, 50, 100, 130, 200, 300, 500, 1_000])
def test_of_few_images_too_at_least_95_of_100_copies_are_found_and_no_others(name: str, n: int):
    every, per_kind = images(name), max(1, n // 40)
    planted = hit = 0
    for seed in range(max(2, 240 // n)):
        random = np.random.default_rng(seed)
        clean = every[random.choice(len(every), n - per_kind * len(KINDS), replace=False)]
        copies, sources, _ = PLANTS["planted"](clean, per_kind, KINDS, seed)
        found, origin = pairs(clean, copies), np.concatenate([np.arange(len(clean)), sources])
        assert [pair for pair in found if origin[pair[0]] != origin[pair[1]]] == []
        hit += sum((int(i), len(clean) + j) in found for j, i in enumerate(sources))
        planted += len(sources)
    assert hit >= 0.95 * planted


@pytest.mark.parametrize("kind", list(KINDS))
def test_of_two_images_one_can_be_the_copy_of_the_other(kind: str):
    clean = images("mnist", 10)
    for seed, image in enumerate(clean):
        copies, _, _ = PLANTS["planted"](image[None], 1, {kind: KINDS[kind]}, seed)
        assert list(pairs(image[None], copies)) == [(0, 1)]
    assert pairs(clean[:1], clean[1:2]) == {}


def test_a_straight_shift_leaves_nothing_and_the_distance_of_noise_is_its_deviation():
    clean = 50 + images("mnist", 300) // 2  # nothing is cut off
    moved = np.roll(clean[:1], 2, axis=2)  # a digit has an empty border
    noisy = np.rint(clean[1:2] + np.random.default_rng(0).normal(0, 5, (1, 28, 28)))
    found = pairs(clean, moved, noisy.astype(np.uint8))
    assert found[0, 300] == pytest.approx(0, abs=1e-4)
    assert found[1, 301] == pytest.approx(np.sqrt(((noisy - clean[1]) ** 2).mean()), rel=0.02)


def test_a_cut_off_copy_is_no_further_than_its_rounding():
    clean = images("fashion-mnist", 300)
    bright = np.clip(np.rint(clean[:20] * 1.2), 0, 255).astype(np.uint8)
    assert (bright == 255).any()
    found = pairs(clean, bright)
    assert [i for i in range(20) if found.get((i, 300 + i), 99) > 1] == []


def test_neither_a_mirrored_nor_an_inverted_image_is_a_copy():
    clean = images("fashion-mnist", 300)
    boots = clean[np.abs(clean[:, :, ::-1].astype(int) - clean).mean((1, 2)) > 20][:30]
    assert len(boots) == 30
    assert pairs(boots, boots[:, :, ::-1].copy(), 255 - boots) == {}


def test_pale_images_are_not_all_the_same():
    pale = (100 + images("mnist", 200) / 40).astype(np.uint8)
    assert np.ptp(pale) <= LEVELS
    assert pairs(pale) == {}


def test_images_of_one_grey_and_a_single_pixel_are_no_trouble():
    assert pairs(np.arange(10, dtype=np.uint8)[:, None, None].repeat(8, 1).repeat(8, 2)) == {}
    assert pairs(np.arange(10, dtype=np.uint8)[:, None, None]) == {}


@pytest.mark.parametrize(("size", "channels"), [((64, 48), 3), ((28, 28), 3), ((40, 40), 1), ((8, 8), 1)])
def test_images_of_any_size_and_in_colour(size: tuple[int, int], channels: int):
    grey = torch.from_numpy(images("fashion-mnist", 200 * channels).reshape(200, channels, 28, 28)).float()
    clean = interpolate(grey, size, mode="area" if size[0] < 28 else "bilinear").round().byte().numpy()
    step = min(2, size[0] // 8)
    moved = np.zeros_like(clean[:40])
    moved[..., step:] = clean[:40, ..., :-step]
    found = pairs(clean, moved)
    assert len([i for i in range(40) if (i, 200 + i) in found]) >= (38 if size[0] > 8 else 30)
    assert [pair for pair in found if pair[1] - pair[0] != 200] == []


def test_of_many_copies_all_are_linked_though_not_every_pair_is_listed():
    clean = images("mnist", 100)
    random = np.random.default_rng(0)
    many = np.clip(clean[:1] + random.normal(0, 3, (50, 28, 28)), 0, 255).astype(np.uint8)
    linked = {0}
    found = pairs(clean, many)
    assert len(found) < 51 * 50 / 2
    for _ in range(50):
        linked |= {i for pair in found if linked & set(pair) for i in pair}
    assert linked == {0, *range(100, 150)}


def test_progress_is_told_up_to_the_end():
    clean, told = images("mnist", 1_200), []
    near_images([torch.from_numpy(clean[:, None])], np.arange(1_200), lambda *done: told.append(done))
    assert told == [(512, 1_200), (1_024, 1_200), (1_200, 1_200)]


def test_samples_of_several_parts_are_gathered_from_memory_and_from_a_file(tmp_path: Path):
    x = np.random.default_rng(0).integers(0, 256, (30, 1, 4, 5)).astype(np.uint8)
    (tmp_path / "rows").write_bytes(x[10:].tobytes())
    parts = [torch.from_numpy(x[:10]), Rows(tmp_path / "rows", 20, (1, 4, 5), np.dtype(np.uint8))]
    index = np.array([29, 0, 10, 9, 11])
    np.testing.assert_array_equal(gathered(parts, index).numpy(), x[index])
    np.testing.assert_array_equal(gathered(parts[:1], index[1:2]).numpy(), x[:1])
