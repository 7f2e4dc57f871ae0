"""A bundle, a run's model in one zip: written always the same, read as what a stranger may have sent. No torch.

Nothing of it is unpacked to disk, and nothing in it is code.
"""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import BinaryIO

from tiza.errors import TizaError

MANIFEST, WEIGHTS, ONNX, CARD = "manifest.json", "weights.safetensors", "model.onnx", "README.md"
RECIPE, REPORT = "recipe.json", "report.json"
TEXT, HEAVY, MOST = 2**24, 2**30, 2**31  # bytes
SIZES = {MANIFEST: TEXT, CARD: TEXT, RECIPE: TEXT, REPORT: 4 * TEXT, WEIGHTS: HEAVY, ONNX: HEAVY}
NEEDED = (MANIFEST, WEIGHTS, CARD)
BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the other methods unpack more than they are asked for
_FIRST = (1980, 1, 1, 0, 0, 0)  # the first date that a zip can hold
# What zipfile raises for bytes that are no sound zip.
_BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError,
    KeyError, OverflowError,
)  # fmt: skip


def packed(members: Mapping[str, bytes]) -> bytes:
    """The zip of these files, by name: the same bytes for the same files, wherever and whenever it is made."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _FIRST)
            info.create_system, info.external_attr = 3, 0o644 << 16  # else the machine's own
            bundle.writestr(info, members[name])
    return buffer.getvalue()


def unpacked(file: BinaryIO, where: str) -> dict[str, bytes]:
    """The files in a bundle, by name; their checksums are right.

    Raises :class:`TizaError` for a damaged zip, for any name that no bundle has (one that leads out of it among them),
    a name that comes twice, a link, a lock, more than the 16 to 64 MiB of a text or the 1 GiB of weights, claimed or
    real, or more than 2 GiB in all, and where a file is missing.
    """
    try:
        with zipfile.ZipFile(file) as bundle:
            members = bundle.infolist()
            _check(members, where)
            return {info.filename: _content(bundle, info, where) for info in members}
    except _BROKEN as error:
        if isinstance(error, TizaError):
            raise
        raise TizaError("zip-damaged", where=where) from error


def _check(members: list[zipfile.ZipInfo], where: str) -> None:
    """Raise for what the list of files says already; nothing has been unpacked."""
    names = [info.filename for info in members]
    for info in members:
        if stat.S_ISLNK(info.external_attr >> 16) or ".." in info.filename or info.filename.startswith(("/", "\\")):
            raise TizaError("zip-escape", where=f"{where}/{info.filename}")
    for info in members:
        name, place = info.filename, f"{where}/{info.filename}"
        if name not in SIZES:
            raise TizaError("bundle-name", where=where, name=name)
        if names.count(name) > 1:
            raise TizaError("zip-twice", where=place)
        if info.flag_bits & 1:
            raise TizaError("bundle-locked", where=where)
        if info.compress_type not in BOUNDED:
            raise TizaError("zip-damaged", where=where)
        if info.file_size > SIZES[name]:
            raise TizaError("bundle-large", where=place, megabytes=SIZES[name] // 2**20)
    if sum(info.file_size for info in members) > MOST:
        raise TizaError("bundle-large", where=where, megabytes=MOST // 2**20)
    if missing := [name for name in NEEDED if name not in names]:
        raise TizaError("missing-file", where=f"{where}/{missing[0]}")


def _content(bundle: zipfile.ZipFile, info: zipfile.ZipInfo, where: str) -> bytes:
    """One file; what its header claims is not believed."""
    with bundle.open(info) as member:
        content = member.read(info.file_size + 1)  # at its end the checksum is compared
        if len(content) != info.file_size:
            raise TizaError("zip-damaged", where=where)
    return content
