"""Any picture file → uint8 array, H×W (grey) or H×W×3 (RGB) → the form that a model takes. No torch."""

import re
import struct
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from PIL import ExifTags, Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from tiza.data.digit import picture_of, scaled, to_digit
from tiza.errors import TizaError

MAX_PIXELS = 25_000_000

_READERS = {b"\x89PNG\r\n\x1a\n": PngImageFile, b"\xff\xd8\xff": JpegImageFile}
_OTHERS = {
    "GIF": rb"GIF8[79]a",
    "BMP": rb"BM.{4}\0{4}",
    "TIFF": rb"II\*\0|MM\0\*",
    "WebP": rb"RIFF.{4}WEBP",
    "HEIC": rb".{4}ftyp(hei|hev|mif1|msf1)",
    "AVIF": rb".{4}ftypavi",
    "SVG": rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<svg",
    "PDF": rb"%PDF-",
}
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# warnings.catch_warnings changes the whole process: two threads in it at once would leave warnings off for good.
_quiet = threading.Lock()


def read_picture(path: str | Path) -> np.ndarray:
    """The PNG or JPEG file at ``path`` as uint8, H×W if it is grey, else H×W×3 (RGB); upright as its EXIF note says.

    Sixteen bits are scaled to eight. Transparency is laid on white, or on black where the ink itself is white.
    Raises :class:`TizaError`: picture-missing, picture-folder, picture-unreadable, picture-empty, picture-other (a
    format that is known but not read), picture-unknown, picture-too-large (more than 25 megapixels; nothing was
    decoded), picture-damaged.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise TizaError("picture-folder", where=str(path))
        if not path.is_file():
            raise TizaError("picture-missing", where=str(path))
        with path.open("rb") as file, quiet():
            return decode(file, str(path))
    except OSError as error:
        raise TizaError("picture-unreadable", where=str(path), reason=error.strerror or str(error)) from error


@contextmanager
def quiet() -> Iterator[None]:
    """What decoders warn of in broken or odd pictures is not for the user: none of it is heard inside."""
    with _quiet, warnings.catch_warnings(action="ignore"):
        yield


class Header(NamedTuple):
    """What a picture's header says, before anything is decoded; ``height`` and ``width`` as it stands upright."""

    height: int
    width: int
    channels: int  # 1 (grey) or 3, without transparency
    transparent: bool
    palette: bool
    deep: bool  # 16 bits
    turned: bool  # by its EXIF note


def header(file: BinaryIO, where: str) -> Header:
    """The header of a PNG or JPEG file; raises as :func:`read_picture` does for what a header can tell."""
    with _opened(file, where) as image:
        width, height = image.size
        # Not the PNG's own getexif: a note may stand behind the picture, and to look for it there would decode it.
        turn = _turn(image, Image.Image.getexif)
        if turn in (5, 6, 7, 8):
            width, height = height, width
        channels = 1 if image.mode in ("1", "L", "LA") or image.mode.startswith("I") else 3
        transparent = image.has_transparency_data
        deep = image.mode.startswith("I") or any("16" in str(part[3]) for part in getattr(image, "tile", ()))  # RGB;16B
        return Header(height, width, channels, transparent, image.mode == "P", deep, turn is not None)


def read_channels(path: str | Path) -> dict[str, np.ndarray]:
    """The channels of a picture as its file holds them, H×W each, by name: grey, red, green, blue, alpha (opacity).

    uint8, or uint16 where it has sixteen bits; a palette is read as colours. Raises as :func:`read_picture` does.
    """
    path = Path(path)
    try:
        with path.open("rb") as file, quiet(), _opened(file, str(path)) as image:
            image.load()
            image = _upright(image)
            if image.mode.startswith("I"):
                return {"grey": np.asarray(image).astype(np.uint16)}
            colours = "L" if image.mode in ("1", "L", "LA") else "RGB"
            image = image.convert(colours + "A" if image.has_transparency_data else colours)
            names = {"L": "grey", "R": "red", "G": "green", "B": "blue", "A": "alpha"}
            return {names[band]: np.asarray(image.getchannel(band)) for band in image.getbands()}
    except OSError as error:
        raise TizaError("picture-unreadable", where=str(path), reason=error.strerror or str(error)) from error


def decode(file: BinaryIO, where: str) -> np.ndarray:
    """The picture in an open file, as :func:`read_picture` gives it; inside ``quiet()``."""
    with _opened(file, where) as image:
        image.load()
        return np.array(_opaque(_eight_bits(_upright(image))))


@contextmanager
def _opened(file: BinaryIO, where: str) -> Iterator[Image.Image]:
    """The picture in an open file, not yet decoded, when its header is sound; whatever goes wrong inside is told."""
    try:
        head = file.read(512)
        file.seek(0)
    except Exception as error:  # a member of a broken zip raises what zipfile trips over, which is no closed list
        raise TizaError("picture-damaged", where=where) from error
    if not head:
        raise TizaError("picture-empty", where=where)
    # Not Image.open: it holds pictures to a limit of its own, the same for the whole process.
    reader = next((reader for magic, reader in _READERS.items() if head.startswith(magic)), None)
    if reader is None:
        found = next((name for name, magic in _OTHERS.items() if re.match(magic, head, re.DOTALL)), None)
        raise TizaError("picture-other" if found else "picture-unknown", where=where, found=found)
    try:
        with reader(file) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                fields = {"width": width, "height": height, "limit": MAX_PIXELS // 1_000_000}
                raise TizaError("picture-too-large", where=where, **fields)
            yield image
    except TizaError:
        raise
    except Exception as error:  # whatever a decoder trips over in broken bytes
        raise TizaError("picture-damaged", where=where) from error


def _upright(image: Image.Image) -> Image.Image:
    turn = _turn(image, type(image).getexif)
    return image if turn is None else image.transpose(_UPRIGHT[turn])


def _turn(image: Image.Image, getexif: Callable[[Any], Image.Exif]) -> int | None:
    """The turn that the EXIF note asks for; a broken note is no reason to refuse a good picture."""
    with suppress(SyntaxError, ValueError, TypeError, KeyError, OSError, struct.error):
        turn = getexif(image).get(ExifTags.Base.Orientation, 1)
        return turn if turn in _UPRIGHT else None
    return None


def _eight_bits(image: Image.Image) -> Image.Image:
    if not image.mode.startswith("I"):
        return image
    wide = np.asarray(image)
    grey = Image.fromarray(np.clip(np.round(wide / 257), 0, 255).astype(np.uint8))
    if "transparency" in image.info:
        grey.putalpha(Image.fromarray(np.where(wide == image.info["transparency"], 0, 255).astype(np.uint8)))
    return grey


def _opaque(image: Image.Image) -> Image.Image:
    colours = "L" if image.mode in ("1", "L", "LA") else "RGB"
    if not image.has_transparency_data:
        return image.convert(colours)
    image = image.convert(colours + "A")
    alpha = image.getchannel("A")
    pictures = {}
    for paper in ("white", "black"):
        pictures[paper] = Image.new(colours, image.size, paper)
        pictures[paper].paste(image.convert(colours), mask=alpha)
    # On white, is there anything to see? Faint ink is ink too.
    dark, ink = sum(pictures["white"].convert("L").histogram()[:192]), alpha.histogram()
    lost = dark < 0.001 * sum(ink[128:]) or (not dark and any(ink[16:]))
    return pictures["black" if lost else "white"]


def prepare(picture: np.ndarray, form: Mapping[str, Any]) -> np.ndarray | None:
    """A picture as uint8 C×H×W for a model, by the ``form`` its manifest holds; None where no digit was found.

    ``{"form": "digit", "size": 28, "box": 20}`` is :func:`to_digit`; with ``"blocks": 4`` drawn four times as large and
    each block of 4×4 averaged, as the makers of the 8×8 digits did it,
    ``{"form": "image", "channels": 3, "height": 32, "width": 32}`` is :func:`to_image`.
    """
    match form:
        case {"form": "digit", "size": int(size), "box": int(box)}:
            k = int(form.get("blocks", 1))
            if k > 1 and np.shape(picture) == (size, size):  # already one of them
                return np.asarray(picture)[None]
            digit = to_digit(picture, size=k * size, box=k * box)
            return None if digit is None else np.rint(digit.reshape(1, size, k, size, k).mean((2, 4))).astype(np.uint8)
        case {"form": "image", "channels": 1 | 3 as channels, "height": int(height), "width": int(width)}:
            return to_image(picture, height=height, width=width, channels=channels)
    raise TizaError("picture-form", where="form", form=dict(form))


def to_image(picture: np.ndarray, *, height: int, width: int, channels: int) -> np.ndarray:
    """A uint8 picture brought to a model's input: uint8 C×H×W, ``channels`` 1 (grey) or 3 (RGB).

    The aspect is kept: what is left over is filled with the median colour of the picture's border. A picture that
    already has the size is not resampled. Raises :class:`TizaError` picture-array for anything but a picture.
    """
    image = picture_of(picture).convert("L" if channels == 1 else "RGB")
    if image.size != (width, height):
        pixels = np.asarray(image).reshape(image.height, image.width, channels)
        border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        colour = tuple(np.median(border, axis=0).round().astype(int).tolist())
        scale = min(width / image.width, height / image.height)
        image = image.resize(scaled(image.size, scale), Image.Resampling.LANCZOS)
        sheet = Image.new(image.mode, (width, height), colour)
        sheet.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
        image = sheet
    return np.asarray(image).reshape(height, width, channels).transpose(2, 0, 1).copy()
