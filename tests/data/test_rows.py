"""tiza.data.rows: samples in a file are those of the array that was written there, until the file changes."""

import os
import sys
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tiza.data import rows
from tiza.data.rows import Rows, pieces
from tiza.errors import TizaError
from tiza.i18n import LANGUAGES, set_language

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def spot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that samples are read from."""
    return tmp_path_factory.mktemp("spot") / "rows"


def stored(path: Path, array: np.ndarray, offset: int = 0, order: tuple[int, ...] | None = None) -> Rows:
    """The array's samples at ``offset`` of a file."""
    path.write_bytes(RNG.bytes(offset) + array.tobytes() + RNG.bytes(7))
    return Rows(path, len(array), array.shape[1:], array.dtype, offset, order)


ARRAYS = st.builds(
    lambda n, shape, kind: RNG.integers(0, 200, (n, *shape)).astype(kind),
    st.integers(0, 7),
    st.sampled_from([(1,), (3,), (2, 3), (1, 2, 2), (4, 3, 2), (2, 0, 3), (0,)]),
    st.sampled_from([np.uint8, np.float32, np.int64]),
)
TAKEN: list[Callable[[list[int]], Any]] = [
    list,
    lambda places: np.array(places, int),
    lambda places: np.array(places, np.int32),
    lambda places: torch.tensor(places, dtype=torch.long),
]
MASKS: list[Callable[[list[bool]], Any]] = [
    list,
    lambda mask: np.array(mask, bool),
    lambda mask: torch.tensor(mask, dtype=torch.bool),
]


def indices(n: int) -> st.SearchStrategy[tuple[Any, Any]]:
    """What may be asked of n samples, and the same for NumPy."""
    places = st.lists(st.integers(-n, n - 1), max_size=9) if n else st.just([])
    several = st.builds(lambda make, found: (make(found), np.array(found, int)), st.sampled_from(TAKEN), places)
    mask = st.builds(
        lambda make, found: (make(found), np.array(found, bool)),
        st.sampled_from(MASKS if n else MASKS[1:]), st.lists(st.booleans(), min_size=n, max_size=n),
    )  # fmt: skip
    return st.one_of(st.slices(n).map(lambda part: (part, part)), several, mask)


@settings(max_examples=1_000, deadline=None)
@given(data=st.data(), array=ARRAYS, offset=st.integers(0, 9))
def test_samples_of_a_file_are_those_of_the_array(spot: Path, data: st.DataObject, array: np.ndarray, offset: int):
    order = data.draw(st.sampled_from([None, *permutations(range(array.ndim - 1))]))
    samples = stored(spot, array, offset, order)
    wanted = array.transpose(0, *(1 + axis for axis in order)) if order else array
    for _ in range(data.draw(st.integers(0, 3))):
        index, same = data.draw(indices(len(wanted)))
        samples, wanted = samples.take(index), wanted[same]
        assert isinstance(samples, Rows)
    assert len(samples) == len(wanted)
    assert (samples.ndim, samples.shape, samples.nbytes) == (wanted.ndim, torch.Size(wanted.shape), wanted.nbytes)
    assert samples.dtype == torch.from_numpy(wanted.copy()).dtype
    np.testing.assert_array_equal(samples[:].numpy(), wanted, strict=True)
    index, same = data.draw(indices(len(wanted)))
    np.testing.assert_array_equal(samples[index].numpy(), wanted[same], strict=True)
    assert samples[index].is_contiguous()
    n = data.draw(st.integers(1, 9))
    parts = list(samples.split(n))
    assert [len(part) for part in parts] == [len(wanted[i : i + n]) for i in range(0, len(wanted), n)]
    np.testing.assert_array_equal(np.concatenate([wanted[:0], *parts]), wanted)


@pytest.mark.parametrize("make", [int, np.int64, torch.tensor])
@pytest.mark.parametrize("place", [0, 3, -1, -5])
def test_a_number_is_one_sample(make: Callable[[int], Any], place: int, spot: Path):
    array = RNG.random((5, 2, 3)).astype(np.float32)
    one = stored(spot, array)[make(place)]
    assert one.shape == (2, 3)
    np.testing.assert_array_equal(one.numpy(), array[place])


@pytest.mark.parametrize("index", [slice(2, 2), [], np.array([], int), [False] * 5, torch.tensor([], dtype=torch.long)])
@pytest.mark.parametrize("shape", [(3,), (2, 4), (0,)])
def test_no_samples_may_be_asked_for(index: Any, shape: tuple[int, ...], spot: Path):
    samples = stored(spot, np.ones((5, *shape), np.float32))
    assert samples[index].shape == samples.take(index)[:].shape == (0, *shape)
    assert samples[index].dtype == torch.float32
    assert list(samples.take(index).split(3)) == []


@pytest.mark.parametrize("index", [[2], np.array([2]), torch.tensor([2]), torch.arange(5) == 2, np.arange(5) == 2])
def test_one_sample_may_be_taken(index: Any, spot: Path):
    samples = stored(spot, np.arange(5, dtype=np.uint8)[:, None]).take(index)
    assert samples.shape == (1, 1)
    assert samples[:].tolist() == [[2]]


@pytest.mark.parametrize("index", [5, -6, [0, 5], np.array([-6]), torch.tensor([9]), [True] * 4, np.ones(6, bool)])
def test_a_sample_that_is_not_there_is_no_sample(index: Any, spot: Path):
    samples = stored(spot, np.zeros((5, 2), np.uint8))
    with pytest.raises(IndexError):
        samples[index]
    if not isinstance(index, int):
        with pytest.raises(IndexError):
            samples.take(index)


def test_images_stored_with_channels_last_come_with_channels_first(spot: Path):
    images = RNG.integers(0, 256, (9, 4, 5, 3)).astype(np.uint8)
    samples = stored(spot, images, 11, (2, 0, 1))
    assert samples.shape == (9, 3, 4, 5)
    np.testing.assert_array_equal(samples[[2, 7]].numpy(), images[[2, 7]].transpose(0, 3, 1, 2))


def test_what_was_taken_leaves_the_others_as_they_were(spot: Path):
    array = np.arange(10, dtype=np.uint8)[:, None]
    samples = stored(spot, array)
    odd, elsewhere = samples.take(slice(1, None, 2)), samples.to(torch.device("meta"))
    assert odd[:].ravel().tolist() == [1, 3, 5, 7, 9]
    assert odd.take([4, 0])[:].ravel().tolist() == [9, 1]
    assert elsewhere[:3].device.type == elsewhere.take([1])[:].device.type == "meta"
    assert samples[:].ravel().tolist() == list(range(10))
    assert samples[:].device.type == "cpu"


def test_a_sample_that_was_read_may_be_written_to(spot: Path):
    samples = stored(spot, np.ones((4, 3), np.uint8))
    samples[:].zero_()
    assert samples[:].sum() == 12


def test_only_what_is_asked_for_is_read(spot: Path):
    with spot.open("wb") as file:
        file.truncate(2**33)  # a hole: eight gigabytes that take no room
    samples = Rows(spot, 2**23, (1024,), np.dtype(np.uint8))
    tracemalloc.start()
    assert samples[[2**23 - 1, 0]].sum() == 0
    assert samples.take(slice(0, 100)).shape == (100, 1024)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    spot.unlink()
    assert peak < 100_000


@pytest.mark.parametrize("positioned", [True, False])
def test_samples_may_be_read_in_any_way_that_the_system_has(
    positioned: bool, spot: Path, monkeypatch: pytest.MonkeyPatch
):
    if not positioned:
        monkeypatch.delattr(os, "preadv", raising=False)
    array = RNG.random((50, 7)).astype(np.float32)
    samples = stored(spot, array, 3)
    for index in ([4, 4, 49, 0], slice(None), slice(40, 2, -3)):
        np.testing.assert_array_equal(samples[index].numpy(), array[index])


@pytest.mark.skipif(not hasattr(os, "preadv"), reason="readers share one position where the system has no other way")
def test_threads_may_read_at_once(spot: Path):
    array = RNG.integers(0, 256, (500, 100)).astype(np.uint8)
    samples = stored(spot, array)
    orders = [np.random.default_rng(seed).permutation(500) for seed in range(40)]
    with ThreadPoolExecutor(8) as pool:
        for order, read in zip(orders, pool.map(samples.__getitem__, orders), strict=True):
            np.testing.assert_array_equal(read.numpy(), array[order])


# --- a file that changes


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 20)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"other")
    os.utime(path, ns=(0, 10**18))  # as a clock with a fine grain would have it


@pytest.mark.parametrize("change", [cut, grow, overwrite, lambda path: os.truncate(path, 0)])
@pytest.mark.parametrize(
    "read",
    [
        lambda samples: samples[0],
        lambda samples: samples[:],
        lambda samples: samples[[]],
        lambda samples: samples.take([1, 2])[0],
        lambda samples: next(samples.to(torch.device("cpu")).split(2)),
        lambda samples: next(pieces(samples)),
    ],
)
def test_a_file_that_changes_while_it_is_open_is_told(
    change: Callable[[Path], None], read: Callable[[Rows], object], tmp_path: Path
):
    samples = stored(tmp_path / "mine", np.ones((10, 3), np.float32))
    samples[0]
    change(tmp_path / "mine")
    with pytest.raises(TizaError) as caught:
        read(samples)
    assert (caught.value.code, caught.value.where) == ("source-changed", str(tmp_path / "mine"))
    for language in LANGUAGES:
        set_language(language)
        assert str(tmp_path / "mine") in str(caught.value)


def test_a_file_that_is_too_short_is_told(tmp_path: Path):
    (tmp_path / "mine").write_bytes(bytes(19))
    samples = Rows(tmp_path / "mine", 2, (10,), np.dtype(np.uint8))
    assert samples[0].tolist() == [0] * 10
    with pytest.raises(TizaError) as caught:
        samples[:]
    assert caught.value.code == "source-changed"


@pytest.mark.skipif(os.name == "nt", reason="an open file can't be replaced there")
@pytest.mark.parametrize(
    "replace", [Path.unlink, lambda path: (path.with_name("new").write_bytes(b""), path.with_name("new").replace(path))]
)
def test_a_file_that_is_removed_or_replaced_is_read_on(replace: Callable[[Path], object], tmp_path: Path):
    array = RNG.random((10, 3)).astype(np.float32)
    samples = stored(tmp_path / "mine", array)
    replace(tmp_path / "mine")
    np.testing.assert_array_equal(samples[:].numpy(), array)


def times_open(path: Path) -> int:
    return sum(link.is_symlink() and link.readlink() == path for link in Path("/proc/self/fd").iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux which files are open")
def test_no_file_stays_open_when_its_samples_are_gone(spot: Path):
    samples = stored(spot, np.ones((3, 2), np.uint8))
    taken = samples.take([0, 2])
    del samples
    assert taken[:].shape == (2, 2)
    assert times_open(spot) == 1
    del taken
    assert times_open(spot) == 0


# --- piece by piece


@settings(max_examples=300, deadline=None)
@given(array=ARRAYS, largest=st.integers(1, 300))
def test_pieces_in_a_row_are_the_whole(spot: Path, array: np.ndarray, largest: int):
    before = rows.PIECE
    rows.PIECE = largest
    try:
        for x in (array, np.asfortranarray(array), torch.from_numpy(array), stored(spot, array)):
            found = list(pieces(x))
            assert all(isinstance(piece, np.ndarray) and piece.flags.c_contiguous for piece in found)
            sample = prod(array.shape[1:]) * array.itemsize
            assert all(len(piece) == 1 or piece.nbytes <= largest for piece in found)
            assert all(len(piece) == max(1, largest // max(sample, 1)) or not sample for piece in found[:-1])
            np.testing.assert_array_equal(np.concatenate([array[:0], *found]), array, strict=True)
    finally:
        rows.PIECE = before


def test_pieces_of_samples_in_another_order_are_in_that_order(spot: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rows, "PIECE", 6)
    array = np.arange(20, dtype=np.uint8).reshape(10, 2)
    order = RNG.permutation(10)[:7]
    found = list(pieces(stored(spot, array).take(order)))
    assert [len(piece) for piece in found] == [3, 3, 1]
    np.testing.assert_array_equal(np.concatenate(found), array[order])
