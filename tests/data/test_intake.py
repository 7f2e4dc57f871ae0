import lzma
import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import tiza
from tiza.data.intake import prepare, read_picture, to_digit, to_image
from tiza.errors import TizaError

MNIST = Path(tiza.__file__).parent / "data/bundled/mnist/t10k-images-idx3-ubyte.xz"
RAMP = np.linspace(0, 255, 12 * 8).round().astype(np.uint8).reshape(8, 12)  # no two turns of it look the same
COLOURS = np.stack([RAMP, RAMP[::-1], RAMP[:, ::-1]], axis=-1)


@pytest.fixture(scope="module")
def tiles() -> np.ndarray:
    return np.frombuffer(lzma.decompress(MNIST.read_bytes()), np.uint8, offset=16).reshape(-1, 28, 28)


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, bits: int, colour: int, rows: bytes, *others: bytes) -> bytes:
    """A PNG file written by hand, for the headers that Pillow would not write."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(others) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def code_of(path: Path) -> str:
    with pytest.raises(TizaError) as caught:
        read_picture(path)
    assert caught.value.where == str(path)
    return caught.value.code


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────

GREY, RGB = Image.fromarray(RAMP), Image.fromarray(COLOURS)
PALETTE = RGB.quantize(200)
MODES = {
    "1-bit": (encoded(GREY.point(lambda v: 255 * (v > 99), "1")), 255 * (RAMP > 99)),
    "2-bit grey": (png(4, 1, 2, 0, b"\0\x1b"), [[0, 85, 170, 255]]),
    "4-bit grey": (png(4, 1, 4, 0, b"\0\x05\xaf"), [[0, 85, 170, 255]]),
    "8-bit grey": (encoded(GREY), RAMP),
    "16-bit grey": (encoded(Image.fromarray(RAMP.astype(np.uint16) * 257)), RAMP),
    "16-bit grey with a transparent grey": (png(2, 1, 16, 0, b"\0\0\0\x40\0", chunk(b"tRNS", b"\0\0")), [[255, 64]]),
    "16-bit colour": (png(1, 1, 16, 2, b"\0\xff\xff\x80\x80\0\0"), [[[255, 128, 0]]]),
    "grey with a transparent grey": (
        encoded(Image.fromarray(RAMP // 2), transparency=0),
        np.where(RAMP > 1, RAMP // 2, 255),
    ),
    "grey and opaque": (encoded(GREY.convert("LA")), RAMP),
    "palette": (encoded(PALETTE), np.asarray(PALETTE.convert("RGB"))),
    "palette with transparency": (
        encoded(PALETTE, transparency=bytes(200)),
        np.full((8, 12, 3), 255),
    ),
    "colour": (encoded(RGB), COLOURS),
    "colour and opaque": (encoded(RGB.convert("RGBA")), COLOURS),
    "black ink on nothing": (
        encoded(Image.merge("LA", (GREY.point(lambda v: 0), GREY))),
        255 - RAMP,
    ),
    "white ink on nothing": (encoded(Image.merge("LA", (GREY.point(lambda v: 255), GREY))), RAMP),
    "white ink on nothing, RGBA": (
        encoded(Image.merge("RGBA", (*[GREY.point(lambda v: 255)] * 3, GREY))),
        np.stack([RAMP] * 3, -1),
    ),
    "nothing at all": (encoded(Image.new("RGBA", (3, 2))), np.full((2, 3, 3), 255)),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_kind_of_png_is_read(mode, tmp_path):
    content, expected = MODES[mode]
    (tmp_path / "dígito número 3.png").write_bytes(content)
    picture = read_picture(tmp_path / "dígito número 3.png")
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, expected)


@pytest.mark.parametrize(("mode", "shape"), [("L", (60, 90)), ("RGB", (60, 90, 3)), ("CMYK", (60, 90, 3))])
def test_every_kind_of_jpeg_is_read(mode, shape, tmp_path):
    image = RGB.resize((90, 60))
    (tmp_path / "a.jpg").write_bytes(encoded(image.convert(mode), "JPEG", quality=95))
    picture = read_picture(tmp_path / "a.jpg")
    assert picture.shape == shape
    assert abs(picture - np.asarray(image.convert("L" if mode == "L" else "RGB"), float)).mean() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_comes_upright_whichever_way_the_camera_was_held(orientation, tmp_path):
    stored = {
        1: RAMP, 2: RAMP[:, ::-1], 3: RAMP[::-1, ::-1], 4: RAMP[::-1],
        5: RAMP.T, 6: np.rot90(RAMP), 7: RAMP[::-1, ::-1].T, 8: np.rot90(RAMP, -1),
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    (tmp_path / "a.png").write_bytes(encoded(Image.fromarray(stored[orientation].copy()), exif=exif))
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), RAMP)


@pytest.mark.parametrize(
    "note", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\0\x09\x01\x12"]
)
def test_a_broken_exif_note_does_not_spoil_a_good_picture(note, tmp_path):
    (tmp_path / "a.jpg").write_bytes(encoded(GREY, "JPEG", exif=note))
    assert read_picture(tmp_path / "a.jpg").shape == (8, 12)


ROWS = b"\0" * 10
REFUSED = {
    "an empty file": (b"", "picture-empty"),
    "text": ("¿un dígito?".encode(), "picture-unknown"),
    "bytes of no format": (bytes(range(256)), "picture-unknown"),
    "GIF": (encoded(GREY, "GIF"), "picture-other"),
    "BMP": (encoded(GREY, "BMP"), "picture-other"),
    "TIFF": (encoded(GREY, "TIFF"), "picture-other"),
    "WebP": (encoded(RGB, "WEBP"), "picture-other"),
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "picture-other"),
    "AVIF": (b"\0\0\0\x1cftypavif\0\0\0\0", "picture-other"),
    "SVG": (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "picture-other"),
    "PDF": (b"%PDF-1.7\n", "picture-other"),
    "a truncated PNG": (encoded(RGB.resize((200, 200)))[:-400], "picture-damaged"),
    "a truncated JPEG": (encoded(RGB.resize((200, 200)), "JPEG")[:-400], "picture-damaged"),
    "a PNG that stops after its name": (b"\x89PNG\r\n\x1a\n", "picture-damaged"),
    "a picture without width": (png(0, 8, 8, 0, ROWS), "picture-damaged"),
    "20,000² pixels": (png(20_000, 20_000, 8, 0, ROWS), "picture-too-large"),
    "a pixel row too many": (png(5_000, 5_001, 8, 0, ROWS), "picture-too-large"),
    "as many pixels as a PNG can claim": (png(2**31 - 1, 2**31 - 1, 16, 6, ROWS), "picture-too-large"),
}


@pytest.mark.parametrize("content", REFUSED)
def test_what_is_no_picture_is_refused_by_its_own_name(content, tmp_path):
    found, code = REFUSED[content]
    path = tmp_path / "a b ñ.png"
    path.write_bytes(found)
    assert code_of(path) == code


@pytest.mark.parametrize("name", ["GIF", "BMP", "TIFF", "WebP", "HEIC", "AVIF", "SVG", "PDF"])
def test_another_format_under_a_false_name_is_called_what_it_is(name, tmp_path):
    (tmp_path / "a.png").write_bytes(REFUSED[name][0])
    with pytest.raises(TizaError) as caught:
        read_picture(tmp_path / "a.png")
    assert caught.value.fields["found"] == name


def test_a_picture_too_large_says_its_size_and_the_limit(tmp_path):
    (tmp_path / "a.png").write_bytes(REFUSED["20,000² pixels"][0])
    with pytest.raises(TizaError) as caught:
        read_picture(str(tmp_path / "a.png"))
    assert caught.value.fields == {"width": 20_000, "height": 20_000, "limit": 25}


def test_a_path_that_holds_no_file_is_refused(tmp_path):
    assert code_of(tmp_path) == "picture-folder"
    assert code_of(tmp_path / "nada.png") == "picture-missing"
    assert code_of(tmp_path / "nada.png" / "a.png") == "picture-missing"
    assert code_of(tmp_path / ("a" * 300)) == "picture-unreadable"


SEEDS = [content for content, _ in MODES.values()] + [
    encoded(GREY, "JPEG"),
    encoded(RGB, "JPEG", progressive=True),
    encoded(
        RGB.convert("CMYK"), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    ),
]


def with_true_checksums(content: bytes) -> bytes:
    """The PNG with its chunks' checksums set right, so that a change inside a chunk reaches the decoder."""
    content, at = bytearray(content), 8
    while at + 12 <= len(content):
        end = at + 8 + int.from_bytes(content[at : at + 4], "big")
        content[end : end + 4] = struct.pack(">I", zlib.crc32(content[at + 4 : end]))
        at = end + 4
    return bytes(content)


@pytest.fixture(scope="module")
def spot(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "a.png"


@settings(max_examples=10_000, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, len(SEEDS) - 1),
    changes=st.lists(st.tuples(st.integers(8, 400), st.integers(0, 255)), max_size=4),
    kept=st.integers(1, 600),
    mended=st.booleans(),
)
def test_no_bytes_bring_anything_but_a_picture_or_a_sentence(spot, seed, changes, kept, mended):
    content = bytearray(SEEDS[seed])
    for at, value in changes:
        content[at % len(content)] = value
    content = with_true_checksums(content) if mended and content.startswith(b"\x89PNG") else content
    spot.write_bytes(content if mended else content[:kept])
    try:
        picture = read_picture(spot)
    except TizaError:
        return
    assert picture.dtype == np.uint8
    assert picture.size > 0


# ── digits ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_real_tiles_of_mnist_and_their_negatives_come_back_to_the_byte(tiles):
    for tile in tiles[:1000]:
        np.testing.assert_array_equal(to_digit(tile), tile)
        np.testing.assert_array_equal(to_digit(255 - tile), tile)
        np.testing.assert_array_equal(to_digit(np.stack([tile] * 3, -1)), tile)


def drawn(tile: np.ndarray, times: int = 10, margin: tuple[int, int, int, int] = (20, 60, 90, 30)) -> np.ndarray:
    """How much ink, 0 to 1, each pixel of a larger sheet holds: the tile upscaled and put off its centre."""
    large = Image.fromarray(tile).resize((28 * times, 28 * times), Image.Resampling.BICUBIC)
    return np.pad(np.asarray(large) / 255, (margin[:2], margin[2:]))


def pixels(picture: np.ndarray) -> np.ndarray:
    return np.clip(picture.round(), 0, 255).astype(np.uint8)


def photographed(ink: np.ndarray) -> np.ndarray:
    """Grey paper lit from one side, a noisy sensor and a JPEG file."""
    light = np.linspace(90, 210, ink.shape[1]) * np.linspace(1, 0.8, ink.shape[0])[:, None]
    noise = np.random.default_rng(0).normal(0, 7, ink.shape)
    file = BytesIO(encoded(Image.fromarray(pixels(light * (1 - 0.7 * ink) + noise)), "JPEG", quality=70))
    return np.asarray(Image.open(file))


def framed(ink: np.ndarray) -> np.ndarray:
    sheet = 255 - 255 * ink
    sheet[[0, 1, -2, -1]] = sheet[:, [0, 1, -2, -1]] = 0
    return pixels(sheet)


def specked(ink: np.ndarray) -> np.ndarray:
    sheet = 255 - 255 * ink
    sheet[np.random.default_rng(0).random(ink.shape) < 0.003] = 0
    return pixels(sheet)


def shaded(ink: np.ndarray) -> np.ndarray:
    """Half the sheet in somebody's shadow."""
    light = 160 + 60 / (1 + np.exp(-np.linspace(-25, 25, ink.shape[1])))
    return pixels(light * (1 - 0.75 * ink))


SHEETS = {
    "chalk on a board": lambda ink: pixels(30 + 210 * ink),
    "pen on paper": lambda ink: pixels(255 - 255 * ink),
    "blue pen on cream paper": lambda ink: pixels(
        np.array([250, 240, 215]) + ink[..., None] * np.array([-215, -190, -55])
    ),
    "pencil": lambda ink: pixels(230 - 70 * ink),
    "photo": photographed,
    "half in the shade": shaded,
    "a frame": framed,
    "specks": specked,
    "a large sheet": lambda ink: pixels(255 - 255 * np.pad(ink, ((400, 100), (50, 900)))),
}


@pytest.mark.parametrize("sheet", SHEETS)
def test_a_digit_on_any_sheet_comes_out_as_the_tile_it_was_drawn_from(sheet, tiles):
    likeness = []
    for tile in tiles[:25]:
        digit = to_digit(SHEETS[sheet](drawn(tile)))
        assert digit is not None
        assert digit.max() == 255
        likeness.append(np.corrcoef(digit.ravel(), tile.ravel())[0, 1])
    # A shift by one pixel, where the centre of mass lies between two, leaves a thin digit's likeness at 0.75.
    assert np.median(likeness) > 0.93
    assert min(likeness) > 0.7


@pytest.mark.parametrize(("size", "box"), [(28, 20), (32, 24), (16, 12)])
def test_a_digit_fills_the_box_and_its_mass_is_centred(size, box, tiles):
    for tile in tiles[:25]:
        digit = to_digit(pixels(255 * drawn(tile)), size=size, box=box)
        assert digit is not None
        assert digit.shape == (size, size)
        rows, columns = np.nonzero(digit)
        assert box - 1 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= box
        centre = [np.average(axis, weights=digit[rows, columns]) for axis in (rows, columns)]
        np.testing.assert_allclose(centre, size / 2, atol=1.01)


def ring(width: float, side: int = 600) -> np.ndarray:
    y, x = np.mgrid[:side, :side] - side / 2
    return pixels(255 * np.clip(abs(np.hypot(x, y) - side / 3) - width / 2 + 0.5, 0, 1))


@pytest.mark.parametrize("width", [1, 2, 5, 20, 40, 80, 120])
def test_thin_and_thick_lines_come_out_as_wide_as_the_pens_of_mnist(width):
    digit = to_digit(ring(width))
    assert digit is not None
    line = digit[14].astype(float)[:14].sum() / 255
    assert 1.5 <= line <= 4.5
    assert digit[13:15, 13:15].max() < 30, "the hole of a zero stays open"


def still(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    return y, x, np.random.default_rng(0)


def no_digits(shape: tuple[int, int]) -> dict[str, np.ndarray]:
    y, x, chance = still(shape)
    shadow = np.exp(-(x**2 + y**2) / 0.3)
    return {
        "black": 0 * x,
        "grey": 0 * x + 127,
        "white": 0 * x + 255,
        "paper": 200 + chance.normal(0, 5, shape),
        "noise": chance.normal(128, 40, shape),
        "any grey": chance.uniform(0, 255, shape),
        "light from the side": 150 + 90 * x,
        "a photo of nothing": 160 + 50 * x - 30 * y**2 + chance.normal(0, 5, shape),
        "a soft shadow": 220 - 110 * shadow,
        "a soft light": 40 + 150 * shadow,
    }


@pytest.mark.parametrize("shape", [(28, 28), (200, 300), (900, 700)])
@pytest.mark.parametrize("sheet", no_digits((2, 2)))
def test_where_there_is_no_digit_the_answer_is_none(sheet, shape):
    assert to_digit(pixels(no_digits(shape)[sheet])) is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (3, 3), (1, 700), (700, 1), (2, 40), (5, 2000)])
def test_the_smallest_pictures_are_no_digits_and_no_trouble(shape):
    for picture in (np.zeros(shape), np.full(shape, 255), np.random.default_rng(0).integers(0, 256, shape)):
        to_digit(picture.astype(np.uint8))
        assert to_image(picture.astype(np.uint8), height=28, width=28, channels=1).shape == (1, 28, 28)


@pytest.mark.parametrize(
    "picture",
    [np.zeros((28, 28)), np.zeros((0, 5), np.uint8), np.zeros((5, 5, 4), np.uint8), np.zeros(5, np.uint8), [[1]], None],
)
def test_what_is_no_array_of_pixels_is_refused(picture):
    for work in (to_digit, lambda p: to_image(p, height=8, width=8, channels=1)):
        with pytest.raises(TizaError) as caught:
            work(picture)
        assert caught.value.code == "picture-array"


# ── a model's input ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_picture_of_the_right_size_is_not_resampled():
    np.testing.assert_array_equal(to_image(RAMP, height=8, width=12, channels=1), RAMP[None])
    np.testing.assert_array_equal(to_image(COLOURS, height=8, width=12, channels=3), COLOURS.transpose(2, 0, 1))
    np.testing.assert_array_equal(to_image(RAMP, height=8, width=12, channels=3), np.stack([RAMP] * 3))


@pytest.mark.parametrize(("height", "width"), [(32, 32), (32, 64), (64, 16), (5, 5)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_keeps_its_aspect_and_what_is_left_over_has_the_borders_colour(height, width, channels):
    sheet = np.full((120, 80, 3), (240, 200, 40), np.uint8)
    sheet[40:80, 30:50] = (10, 20, 200)
    image = to_image(sheet, height=height, width=width, channels=channels)
    kind = "L" if channels == 1 else "RGB"
    colours = [Image.new("RGB", (1, 1), colour).convert(kind) for colour in ((240, 200, 40), (10, 20, 200))]
    paper, ink = (np.asarray(colour).reshape(channels) for colour in colours)
    assert image.shape == (channels, height, width)
    assert image.dtype == np.uint8
    for corner in (image[:, 0, 0], image[:, -1, -1], image[:, 0, -1], image[:, -1, 0]):
        np.testing.assert_array_equal(corner, paper)
    assert abs(image[:, height // 2, width // 2].astype(int) - ink).max() < 60


def test_prepare_follows_the_form_in_a_models_manifest(tiles):
    form = {"form": "digit", "size": 28, "box": 20}
    np.testing.assert_array_equal(prepare(tiles[0], form), tiles[:1])
    assert prepare(np.zeros((50, 50), np.uint8), form) is None
    image = prepare(COLOURS, {"form": "image", "channels": 3, "height": 32, "width": 24})
    np.testing.assert_array_equal(image, to_image(COLOURS, height=32, width=24, channels=3))


@pytest.mark.parametrize(
    "form", [{}, {"form": "sound"}, {"form": "digit"}, {"form": "image", "channels": 2, "height": 8, "width": 8}]
)
def test_a_form_that_is_not_known_is_refused(form):
    with pytest.raises(TizaError) as caught:
        prepare(RAMP, form)
    assert caught.value.code == "picture-form"


def test_faint_white_ink_is_laid_on_black_and_nothing_at_all_on_white(tmp_path: Path):
    ink = np.zeros((8, 8, 4), np.uint8)
    ink[..., :3] = 255
    Image.fromarray(ink).save(tmp_path / "nothing.png")
    ink[2:6, 2:6, 3] = 120  # no more than half opaque
    Image.fromarray(ink).save(tmp_path / "faint.png")
    assert read_picture(tmp_path / "nothing.png").min() == 255
    faint = read_picture(tmp_path / "faint.png")
    assert (faint[0, 0].max(), faint[3, 3].max()) == (0, 120)
