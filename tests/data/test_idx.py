"""tiza.data.idx: an IDX file is read, or refused with one sentence."""

import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tiza.data import idx
from tiza.errors import TizaError


def file(*sizes: int, body: bytes | None = None) -> bytes:
    """An IDX file whose header announces ``sizes``; by default with the bytes that it announces."""
    content = bytes(i % 251 for i in range(int(np.prod(sizes)))) if body is None else body
    return bytes([0, 0, idx.UINT8, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes) + content


def parse(content: bytes) -> np.ndarray:
    return idx.parse(np.frombuffer(content, np.uint8), where="some-file")


@pytest.mark.parametrize("sizes", [(5,), (2, 3), (3, 4, 5), (2, 3, 4, 5), (0,), (0, 28, 28), (1,)])
def test_what_was_written_is_read(sizes: tuple[int, ...]):
    array = parse(file(*sizes))
    assert array.shape == sizes
    assert array.dtype == np.uint8
    assert array.tobytes() == bytes(i % 251 for i in range(array.size))


def test_the_array_is_a_view_of_the_buffer():
    buffer = np.frombuffer(file(4, 5), np.uint8)
    assert np.shares_memory(idx.parse(buffer, where="f"), buffer)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "idx-magic"),
        (b"\0\0\x08", "idx-magic"),
        (b"\1\0\x08\1\0\0\0\0", "idx-magic"),
        (b"\0\1\x08\1\0\0\0\0", "idx-magic"),
        (b"\0\0\x0a\1\0\0\0\0", "idx-magic"),
        (b"\0\0\x0d\1\0\0\0\1\0\0\0", "idx-length"),
        (b"\0\0\x08\0", "idx-magic"),
        (b"\0\0\x08\5" + bytes(20), "idx-magic"),
        (b"\x1f\x8b\x08\0" + bytes(20), "idx-magic"),
        (b"\0\0\x08\1", "idx-length"),
        (b"\0\0\x08\3\0\0\0\1\0\0\0\1", "idx-length"),
        (file(10)[:-1], "idx-length"),
        (file(10) + b"\0", "idx-length"),
        (file(3, 4, 5) + bytes(7), "idx-length"),
        (file(0) + b"\0", "idx-length"),
        (file(2**32 - 1, body=b"abc"), "idx-length"),
        (file(*[2**32 - 1] * 4, body=b"abc"), "idx-length"),
    ],
)
def test_a_wrong_file_is_refused(content: bytes, code: str):
    with pytest.raises(TizaError) as caught:
        parse(content)
    assert caught.value.code == code
    assert caught.value.where == "some-file"
    assert "some-file" in str(caught.value)


def test_a_length_error_says_found_and_announced():
    with pytest.raises(TizaError) as caught:
        parse(file(60_000, 28, 28, body=bytes(100)))
    assert (caught.value.fields["found"], caught.value.fields["wanted"]) == (116, 16 + 60_000 * 784)


def test_nothing_is_allocated_from_what_a_header_claims():
    content = file(2**31, 28, 28, body=bytes(50))
    tracemalloc.start()
    with pytest.raises(TizaError):
        parse(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


def parses_or_refuses(content: bytes) -> None:
    try:
        array = parse(content)
    except TizaError as error:
        if error.code not in ("idx-magic", "idx-length"):
            raise
    else:
        assert array.ndim == content[3]
        assert 4 + 4 * array.ndim + array.nbytes == len(content)


@settings(max_examples=10_000, deadline=None)
@given(st.one_of(st.binary(max_size=40), st.binary(max_size=40).map(lambda rest: b"\0\0\x08" + rest)))
def test_random_bytes_parse_or_are_refused(content: bytes):
    parses_or_refuses(content)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([0, 1, 2, 3, 2**16, 2**32 - 1]), min_size=1, max_size=4), st.binary(max_size=30))
@example([0, 2**32 - 1, 2**32 - 1, 2**32 - 1], b"")
def test_random_headers_parse_or_are_refused(sizes: list[int], body: bytes):
    parses_or_refuses(file(*sizes, body=body))
