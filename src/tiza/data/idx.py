"""The IDX format of MNIST's makers: a magic number, the sizes, then the bytes."""

import numpy as np

from tiza.errors import TizaError

UINT8 = 0x08


def parse(buffer: np.ndarray, *, where: str) -> np.ndarray:
    """The array that an uncompressed IDX file of unsigned bytes holds, as a view of ``buffer`` (uint8, 1-D).

    Format: http://yann.lecun.com/exdb/mnist/. Nothing is allocated from what the header claims; ``where`` names the
    file in the :class:`TizaError` raised when magic, sizes and length do not agree.
    """
    if len(buffer) < 4 or buffer[0] or buffer[1] or buffer[2] != UINT8 or not 1 <= buffer[3] <= 4:
        raise TizaError("idx-magic", where=where, found=bytes(buffer[:4]).hex(" ") or "–")
    header = 4 + 4 * int(buffer[3])
    if len(buffer) < header:
        raise TizaError("idx-length", where=where, found=len(buffer), wanted=header)
    shape = tuple(int(size) for size in buffer[4:header].view(">u4"))
    wanted = header + int(np.prod(shape, dtype=object))
    if len(buffer) != wanted:
        raise TizaError("idx-length", where=where, found=len(buffer), wanted=wanted)
    try:
        return buffer[header:].reshape(shape)
    except ValueError:  # no bytes, yet sizes that no array can have
        raise TizaError("idx-length", where=where, found=len(buffer), wanted=wanted) from None
