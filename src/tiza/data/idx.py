"""The IDX format of MNIST's makers: a magic number that names type and dimensions, the sizes, then the values."""

import math

import numpy as np

from tiza.errors import TizaError

UINT8 = 0x08
TYPES = {UINT8: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
LONGEST = 4 + 4 * 4  # bytes of a header


def header(head: bytes, *, where: str) -> tuple[np.dtype, tuple[int, ...], int]:
    """Type, sizes and length of the header that a file begins with; ``where`` names the file when it is none."""
    if len(head) < 4 or head[0] or head[1] or head[2] not in TYPES or not 1 <= head[3] <= 4:
        raise TizaError("idx-magic", where=where, found=head[:4].hex(" ") or "–")
    length = 4 + 4 * head[3]
    if len(head) < length:
        raise TizaError("idx-length", where=where, found=len(head), wanted=length)
    shape = tuple(int.from_bytes(head[i : i + 4], "big") for i in range(4, length, 4))
    return np.dtype(TYPES[head[2]]), shape, length


def parse(buffer: np.ndarray, *, where: str) -> np.ndarray:
    """The array that an uncompressed IDX file holds, as a view of ``buffer`` (uint8, 1-D).

    Format: http://yann.lecun.com/exdb/mnist/. Nothing is allocated from what the header claims; ``where`` names the
    file in the :class:`TizaError` raised when magic, sizes and length do not agree.
    """
    dtype, shape, length = header(buffer[:LONGEST].tobytes(), where=where)
    wanted = length + math.prod(shape) * dtype.itemsize
    if len(buffer) != wanted:
        raise TizaError("idx-length", where=where, found=len(buffer), wanted=wanted)
    try:
        return buffer[length:].view(dtype).reshape(shape)
    except ValueError:  # no bytes, yet sizes that no array can have
        raise TizaError("idx-length", where=where, found=len(buffer), wanted=wanted) from None
