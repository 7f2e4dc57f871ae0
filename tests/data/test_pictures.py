"""tiza.data.pictures and growing: a folder of pictures becomes one array, and stays in the cache whatever happens."""

import ctypes
import io
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

import tiza
from tiza.data import pictures, tree
from tiza.data.dataset import Dataset, stratified
from tiza.data.intake import Header, decode, header, prepare, quiet, read_picture
from tiza.data.rows import Rows
from tiza.errors import TizaError
from tiza.i18n import set_language

SPLITS = ("train", "valid", "test")


@cache
def tiles() -> list[np.ndarray]:
    """The real digits of 8×8 pixels, by class; no two of a class are the same."""
    data = tiza.load("digits")
    x, y = (np.concatenate([getattr(data.look(name), part).numpy() for name in SPLITS]) for part in ("x", "y"))
    return [np.unique(x[y == digit, 0], axis=0) for digit in range(10)]


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def grey(digit: int, i: int) -> Image.Image:
    return Image.fromarray(tiles()[digit][i])


def colour(digit: int, i: int) -> Image.Image:
    """Three digits, one a channel."""
    return Image.merge("RGB", [grey(digit, i + k) for k in (0, 50, 100)])


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def plant(root: Path, *classes: str, n: int = 6, first: int = 0) -> Path:
    """``n`` grey pictures for each class: class k shows the digit k."""
    for digit, name in enumerate(classes):
        for i in range(first, first + n):
            put(root / name / f"{i:02}.png", encoded(grey(digit, i)))
    return root


def zipped(folder: Path) -> Path:
    path = folder.with_name(folder.name + ".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for found in sorted(folder.rglob("*")):
            file.write(found, found.relative_to(folder))
    return path


def fields(data: Dataset) -> dict[str, Any]:
    """All of a data set that must not depend on where, when or how it was read."""
    return {
        "fingerprint": data.fingerprint,
        "test": data.test.digest,
        "counts": [len(data.look(name)) for name in SPLITS],
        "classes": data.classes,
        "form": data.form,
        "notes": data.notes,
        "skipped": [fault.code for fault in data.skipped],
    }


def code_of(path: Path, **options: Any) -> str:
    with pytest.raises(TizaError) as caught:
        tiza.load(path, **options)
    return caught.value.code


# --- every kind of picture becomes what the predictor will see


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, bits: int, kind: int, rows: bytes, *after: bytes) -> bytes:
    """A PNG file written by hand, for what Pillow would not write."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + b"".join(after) + chunk(b"IEND", b"")


def wide(digit: int, i: int, bands: int) -> bytes:
    """A PNG of 16 bits for each of ``bands`` channels."""
    tile = np.stack([tiles()[digit][i].astype(">u2") * 257] * bands, -1)
    rows = b"".join(b"\0" + row.tobytes() for row in tile)
    return png(8, 8, 16, {1: 0, 2: 4, 3: 2, 4: 6}[bands], rows)


def turned(digit: int, i: int) -> bytes:
    """A photo 12 high and 8 wide, held so that it stands upright as 8×12."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(colour(digit, i).resize((8, 12)), "JPEG", exif=exif, quality=95)


KINDS: dict[str, Callable[[int, int], bytes]] = {
    "grey": lambda digit, i: encoded(grey(digit, i)),
    "large grey": lambda digit, i: encoded(grey(digit, i).resize((100, 60))),
    "1-bit": lambda digit, i: encoded(grey(digit, i).convert("1")),
    "16-bit": lambda digit, i: wide(digit, i, 1),
    "16-bit with opacity": lambda digit, i: wide(digit, i, 2),  # which Pillow gives as RGBA
    "16-bit colour": lambda digit, i: wide(digit, i, 3),
    "16-bit RGBA": lambda digit, i: wide(digit, i, 4),
    "LA": lambda digit, i: encoded(Image.merge("LA", (grey(digit, i), grey(digit, i + 50)))),
    "colour": lambda digit, i: encoded(colour(digit, i)),
    "RGBA": lambda digit, i: encoded(Image.merge("RGBA", (*colour(digit, i).split(), grey(digit, i + 20)))),
    "palette": lambda digit, i: encoded(colour(digit, i).quantize(16)),
    "palette with a hole": lambda digit, i: encoded(colour(digit, i).quantize(16), transparency=0),
    "grey JPEG": lambda digit, i: encoded(grey(digit, i), "JPEG"),
    "colour JPEG": lambda digit, i: encoded(colour(digit, i), "JPEG"),
    "CMYK JPEG": lambda digit, i: encoded(colour(digit, i).convert("CMYK"), "JPEG"),
    "turned JPEG": turned,
}


class Mix(NamedTuple):
    """Each class of each split holds one picture of each of ``kinds``: six of each in all."""

    kinds: tuple[str, ...]
    form: tuple[int, int, int]
    notes: dict[str, int]
    options: dict[str, Any] = {}  # noqa: RUF012


MIXES = [
    Mix(("grey",), (1, 8, 8), {}),
    Mix(("colour",), (3, 8, 8), {}),
    Mix(("1-bit",), (1, 8, 8), {}),
    Mix(("16-bit",), (1, 8, 8), {"deep": 6}),
    Mix(("16-bit with opacity",), (3, 8, 8), {"deep": 6, "transparent": 6}),
    Mix(("16-bit colour",), (3, 8, 8), {"deep": 6}),
    Mix(("16-bit RGBA",), (3, 8, 8), {"deep": 6, "transparent": 6}),
    Mix(("LA",), (1, 8, 8), {"transparent": 6}),
    Mix(("RGBA",), (3, 8, 8), {"transparent": 6}),
    Mix(("palette",), (3, 8, 8), {"palette": 6}),
    Mix(("palette with a hole", "palette"), (3, 8, 8), {"palette": 12, "transparent": 6}),
    Mix(("grey JPEG",), (1, 8, 8), {}),
    Mix(("colour JPEG", "CMYK JPEG"), (3, 8, 8), {}),
    Mix(("turned JPEG",), (3, 8, 12), {"turned": 6}),
    Mix(("grey", "colour", "1-bit"), (3, 8, 8), {"to-colour": 12}),
    Mix(("grey", "16-bit", "LA"), (1, 8, 8), {"deep": 6, "transparent": 6}),
    Mix(("grey", "colour", "palette"), (1, 8, 8), {"to-grey": 12, "palette": 6}, {"channels": 1}),
    Mix(("grey",), (3, 8, 8), {"to-colour": 6}, {"channels": 3}),
    Mix(("grey",), (1, 64, 64), {"resized": 6}, {"size": 64}),
    Mix(("grey",), (1, 8, 8), {}, {"size": 8}),
    Mix(("grey",), (1, 48, 64), {"resized": 6}, {"size": (48, 64)}),
    Mix(("grey",), (1, 48, 64), {"resized": 6}, {"size": "48x64"}),
    Mix(("grey",), (1, 48, 64), {"resized": 6}, {"size": " 48 × 64 "}),
    Mix(("grey", "turned JPEG"), (3, 8, 12), {"resized": 6, "to-colour": 6, "turned": 6}, {"size": (8, 12)}),
    Mix(("grey", "turned JPEG"), (3, 12, 8), {"resized": 12, "to-colour": 6, "turned": 6}, {"size": (12, 8)}),
    Mix(
        tuple(KINDS),
        (1, 20, 16),
        {"resized": 96, "to-grey": 60, "palette": 12, "transparent": 30, "deep": 24, "turned": 6},
        {"size": (20, 16), "channels": 1},
    ),
]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("mix", MIXES, ids=lambda mix: f"{', '.join(mix.kinds)[:40]} {mix.options or ''}".strip())
def test_each_picture_comes_as_the_predictor_will_see_it(mix: Mix, packed: bool, tmp_path: Path):
    root = tmp_path / "set"
    for s, split in enumerate(SPLITS):
        for digit, name in enumerate(("a", "b")):
            for k, kind in enumerate(mix.kinds):
                put(root / split / name / f"{k:02}", KINDS[kind](digit, 3 * k + s))
    data = tiza.load(zipped(root) if packed else root, **mix.options)
    channels, height, width = mix.form
    assert data.form == {"form": "image", "channels": channels, "height": height, "width": width}
    for split in SPLITS:
        files = sorted((root / split).rglob("*/*"))
        assert len(files) == len(data.look(split)) == 2 * len(mix.kinds)
        for file, x in zip(files, data.look(split).x, strict=True):
            np.testing.assert_array_equal(x, prepare(read_picture(file), data.form), err_msg=str(file))
    assert {note.code: note.fields["n"] for note in data.notes} == mix.notes
    assert len(data.notes) == len(mix.notes)
    for note in data.notes:
        for language in ("en", "es"):
            set_language(language)
            assert f": {note.fields['n']}" in str(note)
            assert not set("{}\n") & set(str(note))


def test_the_note_on_sizes_says_from_what_to_what(tmp_path: Path):
    root = plant(tmp_path / "set", "a", "b")
    for i, size in enumerate([(30, 10), (20, 20), (9, 7)]):
        put(root / f"a/x{i}.png", encoded(grey(0, 20 + i).resize(size)))
    data = tiza.load(root, size=(7, 9))
    note = data.notes[0]
    assert note.fields == {"n": 14, "small": "7×9", "large": "20×20", "size": "7×9"}
    for text in ("14", "7×9", "20×20"):
        assert text in str(note)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(8, 8)], (8, 8)),
        ([(3, 5)], (3, 5)),
        ([(40, 100)], (40, 100)),
        ([(256, 256)], (256, 256)),
        ([(256, 10)], (256, 10)),
        ([(257, 257)], (64, 64)),
        ([(10, 300)], (64, 64)),
        ([(300, 300), (301, 301)], (64, 64)),
        ([(100, 60), (60, 100)], (64, 64)),
        ([(64, 64), (64, 65)], (64, 64)),
        ([(28, 28), (28, 20)], (28, 28)),
        ([(20, 20), (20, 30)], (25, 25)),
        ([(2, 2), (3, 4)], (8, 8)),
    ],
)
def test_the_size_is_their_own_where_it_is_one_and_small_and_else_64_or_less(
    sizes: list[tuple[int, int]], expected: tuple[int, int], tmp_path: Path
):
    for digit, name in enumerate(("a", "b")):
        for i in range(6):
            height, width = sizes[i % len(sizes)]
            put(tmp_path / "set" / name / f"{i}.png", encoded(grey(digit, i).resize((width, height))))
    data = tiza.load(tmp_path / "set")
    assert data.shape == (1, *expected)
    changed = sum(12 // len(sizes) for size in sizes if size != expected)
    assert [note.fields["n"] for note in data.notes] == [changed] * bool(changed)
    files = sorted((tmp_path / "set").rglob("*.png"))
    for split in SPLITS:
        for place, x in zip(data.origin[split][1], data.look(split).x, strict=True):
            np.testing.assert_array_equal(x, prepare(read_picture(files[place]), data.form))


@pytest.mark.parametrize(
    "options",
    [
        {"size": 3}, {"size": 2000}, {"size": "large"}, {"size": (8, 8, 8)}, {"size": True}, {"size": "8x"},
        {"size": 8.5}, {"channels": 2}, {"channels": "grey"}, {"skip_bad": "perhaps"},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("language", ["en", "es"])
def test_an_option_that_can_not_be_is_refused_by_its_name(options: dict[str, Any], language: str, tmp_path: Path):
    plant(tmp_path / "set", "a", "b")
    set_language(language)
    with pytest.raises(TizaError) as caught:
        tiza.load(tmp_path / "set", **options)
    assert caught.value.code == "bad-value"
    assert f"data.{next(iter(options))}" in str(caught.value)


# --- headers


def spoken(key: str, value: str) -> bytes:
    """A grey PNG of 12×8 with a text before its pixels."""
    info = PngImagePlugin.PngInfo()
    info.add_itxt(key, value) if key.startswith("XML") else info.add_text(key, value, zip=True)
    return encoded(grey(0, 0).resize((12, 8)), pnginfo=info)


TURN = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # a quarter, in its shortest form
PROFILE = "\nexif\n" + f"{len(TURN):8}\n" + TURN.hex()


@pytest.mark.parametrize(
    "content",
    [
        encoded(Image.new("L", (12, 8)), exif=TURN),
        encoded(Image.new("L", (12, 8)), "JPEG", exif=TURN),
        encoded(Image.new("L", (12, 8)), "JPEG", exif=b"Exif\0\0"),
        encoded(Image.new("L", (12, 8)), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"),
        encoded(Image.new("L", (12, 8)), "JPEG", exif=b"Exif\0\0no TIFF at all"),
        encoded(Image.new("L", (12, 8)), "JPEG", exif=TURN.replace(b"\x01\x12\0\x03", b"\x01\x12\0\x02")),
        encoded(Image.new("L", (12, 8)), exif=b"Exif\0\0II*\0\xff\xff\xff\xff"),
        encoded(Image.new("L", (12, 8)), exif=b"Exif\0\0no TIFF at all"),
    ],
    ids=["PNG", "JPEG", "empty", "cut off", "no TIFF", "as a text", "PNG cut off", "PNG no TIFF"],
)
def test_a_header_tells_the_size_that_the_picture_will_have_whatever_its_exif_note(content: bytes, tmp_path: Path):
    (tmp_path / "a").write_bytes(content)
    picture = read_picture(tmp_path / "a")
    with quiet():
        found = header(io.BytesIO(content), "a")
    assert (found.height, found.width) == picture.shape
    for name in ("a", "b"):
        for i in range(4):
            put(tmp_path / "set" / name / f"{i}.png", encoded(grey(ord(name) - 97, i).resize(picture.shape[::-1])))
    put(tmp_path / "set/a/x", content)
    data = tiza.load(tmp_path / "set")
    assert data.shape == (1, *picture.shape)
    assert {note.code for note in data.notes} <= {"turned"}


@pytest.mark.parametrize(
    ("key", "value"),
    [("Raw profile type exif", PROFILE), ("XML:com.adobe.xmp", '<rdf:Description tiff:Orientation="6"/>')],
    ids=["as ImageMagick writes it", "XMP"],
)
def test_a_header_knows_the_other_places_where_a_png_says_how_it_was_held(key: str, value: str, tmp_path: Path):
    (tmp_path / "a").write_bytes(spoken(key, value))
    assert read_picture(tmp_path / "a").shape == (12, 8)
    with quiet():
        found = header(io.BytesIO(spoken(key, value)), "a")
    assert (found.height, found.width, found.turned) == (12, 8, True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_header_says_of_each_kind_what_it_is(kind: str):
    content = KINDS[kind](0, 0)
    with quiet():
        found = header(io.BytesIO(content), kind)
        picture = decode(io.BytesIO(content), kind)
    assert picture.shape == (found.height, found.width, 3)[: 2 + (found.channels == 3)]
    assert found.palette == kind.startswith("palette")
    assert found.transparent == (kind in ("LA", "RGBA", "palette with a hole", "16-bit RGBA", "16-bit with opacity"))
    assert found.deep == kind.startswith("16-bit")
    assert found.turned == (kind == "turned JPEG")


def with_true_checksums(content: bytes) -> bytes:
    """The PNG with its chunks' checksums set right, so that a change inside a chunk reaches the decoder."""
    mended, at = bytearray(content), 8
    while at + 12 <= len(mended):
        end = at + 8 + int.from_bytes(mended[at : at + 4], "big")
        mended[end : end + 4] = struct.pack(">I", zlib.crc32(mended[at + 4 : end]))
        at = end + 4
    return bytes(mended)


SEEDS: list[bytes] = []


@settings(max_examples=10_000, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, len(KINDS) + 1),
    changes=st.lists(st.tuples(st.integers(8, 400), st.integers(0, 255)), max_size=4),
    kept=st.integers(1, 600),
    mended=st.booleans(),
)
def test_a_header_agrees_with_its_picture_or_there_is_a_sentence(
    seed: int, changes: list[tuple[int, int]], kept: int, mended: bool
):
    if not SEEDS:
        exif = [encoded(grey(0, 0).resize((12, 8)), exif=TURN), encoded(colour(0, 0), "JPEG", exif=TURN)]
        SEEDS.extend([*exif, *(make(0, 0) for make in KINDS.values())])
    content = bytearray(SEEDS[seed])
    for at, value in changes:
        content[at % len(content)] = value
    is_png = content.startswith(b"\x89PNG")
    content = with_true_checksums(content) if mended and is_png else bytes(content if mended else content[:kept])
    with quiet():
        try:
            found: Any = header(io.BytesIO(content), "a")
        except TizaError as error:
            found = error
        try:
            picture = decode(io.BytesIO(content), "a")
        except TizaError:
            return
    assert isinstance(found, Header), found
    if is_png and content.rfind(b"eXIf") > content.find(b"IDAT"):
        return  # behind the pixels, where a header does not look
    assert picture.shape == (found.height, found.width, 3)[: 2 + (found.channels == 3)]


# --- which pictures are read, and who hears of it


def test_classes_are_chosen_before_anything_else_is_read(tmp_path: Path):
    root = plant(tmp_path / "set", "0", "1", "2", "3", n=10)
    for path in (root / "2").iterdir():
        path.write_bytes(b"no picture")
    put(root / "3/large.png", encoded(grey(3, 50).resize((90, 90))))
    data = tiza.load(root, classes=("1", "0"))
    assert data.classes == ("1", "0")
    assert data.shape == (1, 8, 8)
    assert not data.notes
    swapped = tiza.load(plant(tmp_path / "two", "0", "1", n=10))
    for one, other in ((0, 1), (1, 0)):
        assert {x.numpy().tobytes() for s in SPLITS for x in data.look(s).x[data.look(s).y == one]} == {
            x.numpy().tobytes() for s in SPLITS for x in swapped.look(s).x[swapped.look(s).y == other]
        }


@pytest.mark.parametrize("seed", [0, 1])
def test_a_limit_is_drawn_by_class_and_nothing_else_is_read(seed: int, tmp_path: Path):
    root = tmp_path / "set"
    plant(root / "train", "a", "b", n=30)
    plant(root / "train", "a", n=40)
    for i, split in enumerate(("valid", "test")):
        plant(root / split, "a", "b", n=5, first=40 + 5 * i)
    train = sorted((root / "train").rglob("*.png"))
    labels = np.array([path.parent.name == "b" for path in train])
    chosen = np.sort(stratified(labels.astype(int), 14, seed))
    expected = [np.asarray(Image.open(train[i])) for i in chosen]
    for i in set(range(70)) - set(chosen.tolist()):
        train[i].write_bytes(b"no picture")
    seen: list[tuple[int, int]] = []
    data = tiza.load(root, limit=14, seed=seed, progress=lambda done, total: seen.append((done, total)))
    assert [len(data.look(name)) for name in SPLITS] == [14, 10, 10]
    assert data.train.y.bincount().tolist() == [8, 6]
    np.testing.assert_array_equal(data.train.x[:, 0], expected)
    assert seen[-1] == (34, 34)


@pytest.mark.parametrize("packed", [False, True])
def test_progress_is_told_from_nothing_to_all(packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pictures, "AT_ONCE", 16)
    root = plant(tmp_path / "set", "a", "b", n=30)
    seen: list[tuple[int, int]] = []
    tiza.load(zipped(root) if packed else root, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 60) for done in (0, 16, 32, 48, 60)]


def test_what_a_progress_bar_raises_ends_the_reading_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pictures, "AT_ONCE", 16)
    root = plant(tmp_path / "set", "a", "b", n=30)

    def interrupt(done: int, total: int) -> None:
        if done == 32:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiza.load(root, progress=interrupt)
    seen: list[int] = []
    data = tiza.load(root, progress=lambda done, total: seen.append(done))
    assert seen == [48, 60]
    assert fields(data) == fields(tiza.load(shutil.copytree(root, tmp_path / "copy")))


SHOWN = """
import sys
import tiza
from tiza.data.intake import read_picture
seen = []
tiza.load(sys.argv[1], progress=lambda done, total: seen.append(read_picture(sys.argv[2]).shape))
print(*set(seen))
"""


def test_a_progress_bar_may_read_a_picture_itself(tmp_path: Path):
    root = plant(tmp_path / "set", "a", "b")
    said = run(SHOWN, root, root / "a/00.png", limit=15)
    assert said == "(8, 8)\n"


# --- pictures that can't be read


def of_size(width: int, height: int) -> bytes:
    return png(width, height, 8, 0, b"\0" * 10)


class Bad(NamedTuple):
    content: bytes
    code: str
    name: str = "x.png"
    words: tuple[str, ...] = ()


def large() -> bytes:
    """Grey noise, whose PNG is long enough to be cut."""
    return encoded(Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)))


BAD = {
    "a truncated PNG": Bad(large()[:-40], "picture-damaged"),
    "a PNG of another's pixels": Bad(large()[:41] + b"\0" * 40 + large()[81:], "picture-damaged"),
    "a truncated JPEG": Bad(encoded(Image.new("L", (64, 64)), "JPEG")[:-300], "picture-damaged", "x.jpg"),
    "only a signature": Bad(b"\x89PNG\r\n\x1a\n", "picture-damaged"),
    "text": Bad(b"this is text", "picture-unknown"),
    "text without an ending": Bad(b"Copyright", "picture-unknown", "LICENCE"),
    "an empty file": Bad(b"", "picture-empty"),
    "20,000 × 20,000 pixels": Bad(of_size(20_000, 20_000), "picture-too-large", words=("20", "25")),
    "just over 25 megapixels": Bad(of_size(5_000, 5_001), "picture-too-large", words=("25",)),
    "a GIF named .png": Bad(encoded(Image.new("L", (8, 8)), "GIF"), "picture-other", words=("GIF",)),
    "a GIF": Bad(encoded(Image.new("L", (8, 8)), "GIF"), "picture-other", "x.gif", ("GIF",)),
    "a BMP": Bad(encoded(Image.new("L", (8, 8)), "BMP"), "picture-other", "x.bmp", ("BMP",)),
    "an SVG": Bad(b'<svg xmlns="http://www.w3.org/2000/svg"/>', "picture-other", "x.svg", ("SVG",)),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("case", BAD)
def test_a_picture_that_can_not_be_read_is_refused_in_one_sentence(
    case: str, language: str, packed: bool, tmp_path: Path
):
    root = plant(tmp_path / "set", "a", "b")
    bad = BAD[case]
    put(root / "b/more" / bad.name, bad.content)
    set_language(language)
    path = zipped(root) if packed else root
    for _ in range(2):  # the second time from what the cache remembers
        with pytest.raises(TizaError) as caught:
            tiza.load(path)
        assert caught.value.code == bad.code
        assert caught.value.where == f"{path}/b/more/{bad.name}"
        sentence = str(caught.value)
        for word in (f"b/more/{bad.name}", *bad.words):
            assert word in sentence
        assert not set("\n{}") & set(sentence)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("case", BAD)
def test_skip_bad_leaves_that_picture_out_and_no_other(case: str, packed: bool, tmp_path: Path):
    root = plant(tmp_path / "set", "a", "b")
    sound = fields(tiza.load(root))
    bad = BAD[case]
    put(root / "b/more" / bad.name, bad.content)
    path = zipped(root) if packed else root
    for _ in range(2):
        data = tiza.load(path, skip_bad=True)
        assert fields(data) == sound | {"skipped": [bad.code]}
        assert data.skipped[0].where == f"{path}/b/more/{bad.name}"
        assert data.skipped[0].fields == (
            {"found": bad.words[0]} if bad.code == "picture-other" else data.skipped[0].fields
        )
    assert code_of(path) == bad.code


def test_skip_bad_leaves_out_all_of_them_whatever_their_split(tmp_path: Path):
    root = tmp_path / "set"
    for i, split in enumerate(SPLITS):
        plant(root / split, "a", "b", first=6 * i)
    sound = fields(tiza.load(root))
    expected = []
    for i, split in enumerate(SPLITS):
        for k, (case, bad) in enumerate(BAD.items()):
            path = root / split / "ab"[(i + k) % 2] / f"{k:02}{case}{Path(bad.name).suffix}"
            put(path, bad.content)
            expected.append((bad.code, str(path)))
    data = tiza.load(root, skip_bad=True)
    assert fields(data) == sound | {"skipped": [fault.code for fault in data.skipped]}
    assert sorted((fault.code, str(fault.where)) for fault in data.skipped) == sorted(expected)


def test_a_bad_picture_decides_nothing_for_the_others(tmp_path: Path):
    root = plant(tmp_path / "set", "a", "b")
    sound = fields(tiza.load(root))
    exif = Image.Exif()
    exif[0x0112] = 3
    put(root / "b/x.jpg", encoded(colour(1, 0).resize((90, 70)), "JPEG", exif=exif)[:-400])
    assert fields(tiza.load(root, skip_bad=True)) == sound | {"skipped": ["picture-damaged"]}


@pytest.mark.parametrize("skip_bad", [False, True])
def test_nothing_but_bad_pictures_is_refused(skip_bad: bool, tmp_path: Path):
    put(tmp_path / "set/a/1.png", b"no picture")
    put(tmp_path / "set/b/2.png", b"no picture")
    assert code_of(tmp_path / "set", skip_bad=skip_bad) in ("no-pictures", "picture-unknown")


@pytest.mark.parametrize("skip_bad", [False, True])
def test_a_train_split_of_bad_pictures_is_refused(skip_bad: bool, tmp_path: Path):
    root = tmp_path / "set"
    plant(root / "test", "a", "b")
    for name in ("a", "b"):
        put(root / "train" / name / "1.png", large()[:-40])
    assert code_of(root, skip_bad=skip_bad) == "picture-damaged"


UNPRIVILEGED = """
import ctypes, struct, sys
import tiza, torch
from tiza.data import dataset, files, pictures, seal, sources, tree
from tiza.errors import TizaError
# Even root can't read such a file then.
assert ctypes.CDLL(None, use_errno=True).capset(struct.pack("Ii", 0x20080522, 0), bytes(24)) == 0
try:
    tiza.load(sys.argv[1])
except TizaError as error:
    print(error.code, error.where)
data = tiza.load(sys.argv[1], skip_bad=True)
print([fault.where for fault in data.skipped], data.fingerprint)
"""


@pytest.mark.skipif(sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "capset"), reason="as Linux does it")
def test_a_picture_that_may_not_be_read_is_told_as_that(tmp_path: Path):
    root = plant(tmp_path / "set", "a", "b")
    fingerprint = tiza.load(root).fingerprint
    put(root / "b/x.png", encoded(grey(1, 50)))
    (root / "b/x.png").chmod(0)
    said = run(UNPRIVILEGED, root).splitlines()
    assert said[0] in (f"picture-unreadable {root}/b/x.png", f"source-unreadable {root}/b/x.png")
    assert said[1] == f"['{root}/b/x.png'] {fingerprint}"


# --- the cache


def run(code: str, *arguments: object, home: Path | None = None, fails: int = 0, limit: float = 120) -> str:
    """What a fresh process prints."""
    environment = os.environ | ({"TIZA_HOME": str(home)} if home else {}) | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=environment, capture_output=True, text=True, timeout=limit, check=False,
    )  # fmt: skip
    assert done.returncode == fails, done.stderr[-1000:]
    return done.stdout


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A TIZA_HOME with a cache that no other test uses; pictures are decoded sixteen at a time."""
    monkeypatch.setenv("TIZA_HOME", str(tmp_path / "own"))
    monkeypatch.setattr(pictures, "AT_ONCE", 16)
    return tmp_path / "own"


def kept(home: Path) -> Path:
    """The one folder of pictures in that cache."""
    (folder,) = (home / "cache/pictures").iterdir()
    return folder


def garble(*paths: Path) -> None:
    """Other content of the same size under the same time: whoever reads it again is found out."""
    for path in paths:
        status = path.stat()
        path.write_bytes(b"\xee" * status.st_size)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("packed", [False, True])
def test_a_second_load_decodes_nothing(packed: bool, own: Path, tmp_path: Path):
    root = plant(tmp_path / "set", "a", "b", n=30)
    put(root / "a/note.txt", b"text")
    put(root / "b/x.png", large()[:-40])
    put(root / "b/y.png", b"no picture")
    put(root / "a/z.png", encoded(colour(0, 0).resize((20, 20))))
    path = zipped(root) if packed else root
    first = fields(tiza.load(path, skip_bad=True))
    if packed:  # its directory, from which the list of members comes, stays
        status, content = path.stat(), bytearray(path.read_bytes())
        start = content.index(b"PK\1\2")
        content[:start] = b"\xee" * start
        path.write_bytes(content)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    else:
        garble(*root.rglob("*.png"))
    seen: list[int] = []
    again = tiza.load(path, skip_bad=True, progress=lambda done, total: seen.append(done))
    assert fields(again) == first
    assert seen == []
    assert code_of(path, skip_bad=True, size=9).startswith("picture-")  # another size is another reading


CHANGES: dict[str, Callable[[Path], object]] = {
    "other pixels": lambda root: put(root / "a/03.png", encoded(grey(7, 7))),
    "another time": lambda root: os.utime(root / "a/03.png", ns=(10**18, 10**18)),
    "a picture more": lambda root: put(root / "b/99.png", encoded(grey(1, 60))),
    "the first of all": lambda root: put(root / "a/-.png", encoded(grey(0, 60))),
    "a picture less": lambda root: (root / "b/05.png").unlink(),
    "another name": lambda root: (root / "a/00.png").rename(root / "a/zz.png"),
    "another class": lambda root: (root / "a/00.png").rename(root / "b/zz.png"),
    "two names exchanged": lambda root: [
        (root / "a/00.png").rename(root / "a/x"), (root / "a/01.png").rename(root / "a/00.png"),
        (root / "a/x").rename(root / "a/01.png"),
    ],
    "a larger picture": lambda root: put(root / "a/03.png", encoded(grey(0, 3).resize((20, 20)))),
    "a class more": lambda root: plant(root, "a", "b", "c"),
}  # fmt: skip


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(change: str, packed: bool, own: Path, tmp_path: Path):
    root = plant(tmp_path / "set", "a", "b", n=20)
    before = tiza.load(zipped(root) if packed else root)
    CHANGES[change](root)
    after = tiza.load(zipped(root) if packed else root)
    assert fields(after) == fields(tiza.load(shutil.copytree(root, tmp_path / "copy")))
    assert (after.fingerprint == before.fingerprint) == (change == "another time")


def test_a_change_back_is_seen_too(own: Path, tmp_path: Path):
    root = plant(tmp_path / "set", "a", "b", n=20)
    first = fields(tiza.load(root))
    put(root / "a/99.png", encoded(grey(0, 60)))
    assert tiza.load(root).fingerprint != first["fingerprint"]
    (root / "a/99.png").unlink()
    assert fields(tiza.load(root)) == first


KILLED = """
import os, signal, sys
import tiza
from tiza.data import pictures
pictures.AT_ONCE = 16
def kill(done, total):
    if done == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
tiza.load(sys.argv[1], skip_bad=True, progress=kill)
"""


@pytest.mark.parametrize("at", [0, 16, 48, 62])
def test_after_a_kill_the_next_load_goes_on_where_it_was(
    at: int, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    root = plant(tmp_path / "set", "a", "b", n=30)
    put(root / "a/00x.png", large()[:-40])
    put(root / "b/zz.png", b"no picture")
    whole = fields(tiza.load(shutil.copytree(root, tmp_path / "copy"), skip_bad=True))
    run(KILLED, root, at, home=tmp_path / "killed", fails=-signal.SIGKILL)
    monkeypatch.setenv("TIZA_HOME", str(tmp_path / "killed"))
    folder = kept(tmp_path / "killed")
    if at:
        assert json.loads((folder / "progress.json").read_text())["done"] == at
        garble(*sorted((root / "a").iterdir(), key=lambda path: path.name)[: min(at, 31)])
    seen: list[int] = []
    data = tiza.load(root, skip_bad=True, progress=lambda done, total: seen.append(done))
    assert fields(data) == whole
    assert seen == [done for done in (0, 16, 32, 48, 62) if done > at or done == at == 0]
    assert [Path(str(fault.where)).name for fault in data.skipped] == ["00x.png", "zz.png"]


def test_what_a_killed_process_wrote_in_another_form_is_written_anew(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A damaged picture with colours makes all of them coloured until it is known to be damaged."""
    root = plant(tmp_path / "set", "a", "b", n=30)
    put(root / "a/00x.png", encoded(colour(0, 0).resize((64, 64)))[:-40])
    whole = fields(tiza.load(shutil.copytree(root, tmp_path / "copy"), skip_bad=True))
    run(KILLED, root, 32, home=tmp_path / "killed", fails=-signal.SIGKILL)
    monkeypatch.setenv("TIZA_HOME", str(tmp_path / "killed"))
    assert fields(tiza.load(root, skip_bad=True)) == whole


def test_a_class_of_which_every_picture_is_bad_is_told(own: Path, tmp_path: Path):
    root = plant(tmp_path / "set", "a", "b", "c", n=12)
    for path in (root / "c").iterdir():
        path.write_bytes(b"no picture")
    assert code_of(root, skip_bad=True) == "picture-unknown"
    assert tiza.load(root, skip_bad=True, classes=("a", "b")).classes == ("a", "b")


def test_what_was_written_after_the_last_entry_in_the_book_is_not_believed(own: Path, tmp_path: Path):
    root = plant(tmp_path / "set", "a", "b", n=30)
    whole = fields(tiza.load(root))
    book = json.loads((kept(own) / "progress.json").read_text())
    (kept(own) / "progress.json").write_text(json.dumps(book | {"done": 16}))
    rows = bytearray((kept(own) / "rows").read_bytes())
    rows[16 * 64 :] = b"\xee" * (len(rows) - 16 * 64 + 100)
    (kept(own) / "rows").write_bytes(rows)
    assert fields(tiza.load(root)) == whole
    assert (kept(own) / "rows").stat().st_size == 60 * 64


LOADS = """
import sys, time
from pathlib import Path
import tiza, torch
from tiza.data import dataset, files, pictures, seal, sources, tree
pictures.AT_ONCE = 16
print("ready", flush=True)
sys.stdin.readline()
for path in sys.argv[1:]:
    data = tiza.load(path)
    print(data.fingerprint, data.test.digest, data.train.x.sum().item(), flush=True)
"""


def test_two_processes_at_once_both_get_the_right_data(own: Path, tmp_path: Path):
    roots = [plant(tmp_path / f"set{i}", "a", "b", "c", n=100 + 10 * i) for i in range(3)]
    racing = [
        subprocess.Popen(
            [sys.executable, "-c", LOADS, *map(str, roots)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in racing:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in racing:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=120)[0].splitlines() for process in racing]
    alone = [tiza.load(shutil.copytree(root, tmp_path / "alone" / root.name)) for root in roots]
    assert answers == [[f"{d.fingerprint} {d.test.digest} {d.train.x.sum().item()}" for d in alone]] * 2


def damaged(name: str, change: Callable[[bytes], bytes | None]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        content = change((folder / name).read_bytes())
        (folder / name).unlink() if content is None else (folder / name).write_bytes(content)

    return damage


def array(value: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, value)
    return file.getvalue()


DAMAGES = {
    f"{name}: {what}": damaged(name, change)
    for name in ("progress.json", "heads.npy", "rows")
    for what, change in {
        "missing": lambda content: None,
        "empty": lambda content: b"",
        "zeros": lambda content: bytes(len(content)) if content[:1] in b"{\x93" else content[:100],
        "half": lambda content: content[: len(content) // 2],
        "a byte less": lambda content: content[:-1],
        "too long": lambda content: content + b"\xee" * 1000,
    }.items()
} | {
    "progress.json: null": damaged("progress.json", lambda content: b"null"),
    "progress.json: a list": damaged("progress.json", lambda content: b"[]"),
    "progress.json: an object": damaged("progress.json", lambda content: b"{}"),
    "progress.json: no UTF-8": damaged("progress.json", lambda content: b"\xff\xfe" + content),
    "progress.json: more than all": damaged(
        "progress.json", lambda content: json.dumps(json.loads(content) | {"done": 10**9}).encode()
    ),
    "heads.npy: text": damaged("heads.npy", lambda content: b"no array"),
    "heads.npy: a zip": damaged("heads.npy", lambda content: b"PK\3\4" + content),
    "heads.npy: a header cut": damaged("heads.npy", lambda content: content[:40]),
    "heads.npy: fewer": damaged("heads.npy", lambda content: array(np.load(io.BytesIO(content))[:-1])),
    "heads.npy: other numbers": damaged("heads.npy", lambda content: array(np.zeros(60))),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_is_mended(damage: str, own: Path, tmp_path: Path):
    root = plant(tmp_path / "set", "a", "b", n=30)
    whole = fields(tiza.load(root))
    DAMAGES[damage](kept(own))
    for _ in range(2):
        assert fields(tiza.load(root)) == whole
    garble(*root.rglob("*.png"))
    assert fields(tiza.load(root)) == whole


FULL = """
import resource, sys
import tiza, torch
from tiza.data import dataset, files, pictures, seal, sources, tree
from tiza.errors import TizaError
pictures.AT_ONCE = 16
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
try:
    tiza.load(sys.argv[1])
except TizaError as error:
    print(error.code)
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a limit on sizes stands in for the full disk")
@pytest.mark.parametrize("limit", [0, 600, 2_000, 20_000])
def test_a_full_disk_says_so_and_nothing_half_written_is_believed(limit: int, own: Path, tmp_path: Path):
    root = plant(tmp_path / "set", "a", "b", n=30)
    size = 24 if limit == 20_000 else 8  # larger than what Python writes at once
    for path in root.rglob("*.png"):
        Image.open(path).resize((size, size)).save(path)
    code, sentence = run(FULL, root, limit).splitlines()
    assert code == "disk-full"
    assert str(own) in sentence
    written = {path.name: path.stat().st_size for path in kept(own).iterdir()}
    assert not [name for name in written if name.endswith(".part")]
    assert written.get("rows", 0) == 0  # its room is given back
    assert fields(tiza.load(root)) == fields(tiza.load(shutil.copytree(root, tmp_path / "copy")))


# --- a source that changes while it is read


OTHER = encoded(grey(7, 7)) + bytes(99)  # of another size, for the clock of a file system ticks slowly


def at(when: int, action: Callable[[], object]) -> Callable[[int, int], None]:
    """A progress bar that does something, once."""
    left = [action]

    def progress(done: int, total: int) -> None:
        if done == when and left:
            left.pop()()

    return progress


@pytest.mark.parametrize("when", [0, 16, 60])
@pytest.mark.parametrize("skip_bad", [False, True])
@pytest.mark.parametrize(
    "change",
    {
        "the first is rewritten": lambda root: put(root / "a/00.png", OTHER),
        "the last is rewritten": lambda root: put(root / "b/29.png", OTHER),
        "the last is emptied": lambda root: put(root / "b/29.png", b""),
        "one is added": lambda root: put(root / "a/99.png", encoded(grey(0, 60))),
        "a class is added": lambda root: plant(root, "a", "b", "c", n=30),
        "the first is removed": lambda root: (root / "a/00.png").unlink(),
        "the last is removed": lambda root: (root / "b/29.png").unlink(),
    }.items(),
    ids=lambda pair: pair[0],
)
def test_a_change_while_it_is_read_is_noticed(
    change: tuple[str, Callable[[Path], object]], skip_bad: bool, when: int, own: Path, tmp_path: Path
):
    root = plant(tmp_path / "set", "a", "b", n=30)
    assert code_of(root, skip_bad=skip_bad, progress=at(when, lambda: change[1](root))) == "source-changed"
    copy = shutil.copytree(root, tmp_path / "copy")
    assert fields(tiza.load(root, skip_bad=True)) == fields(tiza.load(copy, skip_bad=True))


@pytest.mark.parametrize("when", [0, 16, 60])
@pytest.mark.parametrize("skip_bad", [False, True])
@pytest.mark.parametrize("change", ["rewritten", "cut off", "emptied"])
def test_a_zip_that_changes_while_it_is_read_is_noticed(
    change: str, skip_bad: bool, when: int, own: Path, tmp_path: Path
):
    root = plant(tmp_path / "set", "a", "b", n=30)
    path = zipped(root)
    plant(root, "a", "b", n=30, first=1)
    other = zipped(shutil.copytree(root, tmp_path / "other")).read_bytes()
    content = {"rewritten": other, "cut off": path.read_bytes()[:1000], "emptied": b""}[change]
    assert code_of(path, skip_bad=skip_bad, progress=at(when, lambda: path.write_bytes(content))) == "source-changed"
    path.write_bytes(other)
    assert fields(tiza.load(path)) == fields(tiza.load(tmp_path / "other"))


def test_a_zip_put_in_place_of_another_meanwhile_is_read_as_it_was(own: Path, tmp_path: Path):
    path = zipped(plant(tmp_path / "set", "a", "b", n=30))
    whole = fields(tiza.load(tmp_path / "set"))
    plant(tmp_path / "set", "a", "b", n=32)
    other = zipped(tmp_path / "set").rename(tmp_path / "other.zip")
    path = zipped(plant(tmp_path / "again", "a", "b", n=30))
    data = tiza.load(path, progress=at(16, lambda: other.replace(path)))
    assert fields(data) == whole
    assert sum(fields(tiza.load(path))["counts"]) == 64


# --- larger than memory


@pytest.fixture
def streamed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Dataset]:
    def load(*arguments: Any, **options: Any) -> Dataset:
        with monkeypatch.context() as patch:
            patch.setattr(pictures, "RESIDENT", 1)
            data = tiza.load(*arguments, **options)
        assert isinstance(data.train.x, Rows)
        return data

    return load


@pytest.mark.parametrize("divided", [False, True])
@pytest.mark.parametrize("scale", ["standard", "unit"])
def test_pictures_larger_than_memory_are_the_same_data_set(
    scale: str, divided: bool, streamed: Callable[..., Dataset], tmp_path: Path
):
    root = tmp_path / "set"
    for i, split in enumerate(SPLITS if divided else [""]):
        plant(root / split, "a", "b", "c", n=15, first=15 * i)
    put(root / ("train" if divided else "") / "a/x.png", b"no picture")
    put(root / ("train" if divided else "") / "b/more/x.png", KINDS["colour"](1, 60))
    resident, rows = tiza.load(root, skip_bad=True, scale=scale), streamed(root, skip_bad=True, scale=scale)
    assert fields(rows) == fields(resident)
    assert rows.shape == resident.shape == (3, 8, 8)
    for split in SPLITS:
        np.testing.assert_array_equal(rows.look(split).x[:], resident.look(split).x)
        assert rows.look(split).y.tolist() == resident.look(split).y.tolist()
        assert rows.look(split).digest() == resident.look(split).digest()
    for one, other in zip(rows.scaling(), resident.scaling(), strict=True):
        assert one.numpy().tobytes() == other.numpy().tobytes()


@pytest.mark.parametrize("model", ["softmax", {"name": "mlp", "hidden": [16]}])
def test_pictures_larger_than_memory_teach_the_same_model_to_the_byte(
    model: Any, streamed: Callable[..., Dataset], tmp_path: Path
):
    root = plant(tmp_path / "set", "a", "b", "c", n=60)
    plan = {"epochs": 2, "batch_size": 32, "threads": 1, "device": "cpu", "probe": 0}
    reports, weights = [], []
    for name, data in {"resident": tiza.load(root), "rows": streamed(root)}.items():
        recipe = tiza.Recipe.model_validate({"data": data.config, "model": model, "plan": plan})
        trained = tiza.fit(recipe, data, run=tmp_path / name)
        weights.append((trained.path / "model/weights.safetensors").read_bytes())
        report = tiza.evaluate(trained, data).to_dict()
        reports.append({key: value for key, value in report.items() if key not in ("name", "test_opening")})
    assert weights[0] == weights[1]
    assert reports[0] == reports[1]


def test_loading_once_more_leaves_what_is_in_use_as_it_was(streamed: Callable[..., Dataset], tmp_path: Path):
    root = plant(tmp_path / "set", "a", "b", n=20)
    data = streamed(root)
    whole = data.train.x[:]
    time.sleep(0.05)  # longer than the clock of any file system ticks
    again = streamed(root)
    np.testing.assert_array_equal(data.train.x[:], whole)
    np.testing.assert_array_equal(again.train.x[:], whole)


def test_pictures_that_change_in_the_cache_are_not_learnt_from(
    own: Path, streamed: Callable[..., Dataset], tmp_path: Path
):
    root = plant(tmp_path / "set", "a", "b", n=20)
    data = streamed(root)
    time.sleep(0.05)
    put(root / "a/00.png", encoded(grey(7, 7)))
    changed = streamed(root)
    with pytest.raises(TizaError) as caught:
        data.train.x[:3]
    assert caught.value.code == "source-changed"
    assert changed.fingerprint == tiza.load(shutil.copytree(root, tmp_path / "copy")).fingerprint


def test_the_tree_and_the_pictures_run_in_step(tmp_path: Path):
    root = plant(tmp_path / "set/train", "10", "9", n=12).parent
    plant(root / "test", "10", "9", n=3, first=12)
    found = tree.arrange(tree.Folder(root))
    x, form, bad, notes = pictures.read(found, None, None, key="step", skip_bad=False, progress=None)
    assert (bad, notes) == ({}, [])
    for i, name in enumerate(found.names):
        np.testing.assert_array_equal(x[i], prepare(read_picture(root / name), form))
        assert name.split("/")[1] == found.classes[found.labels[i]]
