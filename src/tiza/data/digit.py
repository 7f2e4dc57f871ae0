"""A drawn, scanned or photographed digit brought to the form of MNIST's makers. No torch."""

import numpy as np
from PIL import Image

from tiza.errors import TizaError

# Widths of MNIST's strokes, 2 to 3.6 of its pixels, as parts of its box of 20.
THIN, THICK = 0.1, 0.18


def to_digit(picture: np.ndarray, *, size: int = 28, box: int = 20) -> np.ndarray | None:
    """A drawn or photographed digit in MNIST's form: uint8 size×size, light ink on black. None if there is no digit.

    As MNIST's makers did it (http://yann.lecun.com/exdb/mnist): scaled, aspect kept, so that the longer side fills
    ``box``, grey levels by anti-aliasing, then placed with the centre of mass at the centre. Before that: dark ink on
    light is told from light on dark, uneven light is evened out, specks and page edges go, and a line too thin or
    too thick for the scale gets a pen's width. What already has the form, or its negative, comes back to the byte.
    Raises :class:`TizaError` picture-array for anything but a picture.
    """
    grey = np.asarray(picture_of(picture).convert("L"))
    for tile in (grey, 255 - grey):
        if _has_form(tile, size, box):
            return tile.copy()
    ink = _ink(_shrunk(grey, 24 * box), box)
    return None if ink is None else _placed(ink, size, box)


def picture_of(picture: np.ndarray) -> Image.Image:
    """A uint8 array H×W or H×W×3 for Pillow; raises :class:`TizaError` picture-array for anything else."""
    shape = getattr(picture, "shape", ())
    if getattr(picture, "dtype", None) != np.uint8 or 0 in shape or not (len(shape) == 2 or shape[2:] == (3,)):
        found = f"{getattr(picture, 'dtype', type(picture).__name__)} {'×'.join(map(str, shape))}".strip()
        raise TizaError("picture-array", where="picture", found=found)
    return Image.fromarray(picture)


def scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """Width and height times ``scale``, in whole pixels, at least one each."""
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _shrunk(grey: np.ndarray, longest: int) -> np.ndarray:
    scale = longest / max(grey.shape)
    if scale >= 1:
        return grey
    image = Image.fromarray(grey)
    return np.asarray(image.resize(scaled(image.size, scale), Image.Resampling.BOX))


def _centre(ink: np.ndarray) -> np.ndarray:
    """Row and column of the centre of mass, as indices."""
    weights = ink / ink.sum()
    return np.array([weights.sum(1) @ np.arange(ink.shape[0]), weights.sum(0) @ np.arange(ink.shape[1])])


def _cropped(ink: np.ndarray, level: float) -> np.ndarray:
    return ink[_bounds(ink > level)]


def _bounds(mask: np.ndarray, around: int = 0) -> tuple[slice, slice]:
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    return (
        slice(max(0, rows[0] - around), rows[-1] + around + 1),
        slice(max(0, columns[0] - around), columns[-1] + around + 1),
    )


def _has_form(tile: np.ndarray, size: int, box: int) -> bool:
    """True of all 70,000 tiles of MNIST: the longer side is 19 or 20, the centre of mass within half a pixel."""
    if tile.shape != (size, size) or tile.max() < 250:
        return False
    return box - 1 <= max(_cropped(tile, 0).shape) <= box and bool(np.all(abs(_centre(tile) - size / 2) < 0.55))


def _ink(grey: np.ndarray, box: int) -> np.ndarray | None:
    """How much ink each pixel holds, 0 to 1, nothing but the digit's strokes; None if there are none."""
    from scipy import ndimage

    longest = max(grey.shape)
    background, dark_ink = _background(_shrunk(grey, 96))
    background = np.asarray(Image.fromarray(background).resize(grey.shape[::-1], Image.Resampling.BILINEAR))
    ink = grey - background
    if dark_ink:  # in the shade ink is as dark, by the measure of the paper around it
        ink *= -255 / np.maximum(background, 85)
    ink -= np.percentile(ink, 30)
    apart = 1 + longest // 80
    noise = np.median(abs(ink[apart:, apart:] - ink[:-apart, :-apart])) if min(ink.shape) > apart else 0
    clear = np.where(ink < max(24, 5 * noise), 0, ink)
    if not clear.any():
        return None
    strokes = clear > _otsu(clear)

    labels = np.zeros(ink.shape, np.int32)
    ndimage.label(strokes, np.ones((3, 3)), labels)
    areas = np.bincount(labels.ravel())[1:]
    extents = np.array([max(side.stop - side.start for side in piece) for piece in ndimage.find_objects(labels)])
    # The page's edge or a corner in the shade lies along the border; a stroke only runs into it.
    border = np.concatenate([labels[0], labels[-1], labels[1:-1, 0], labels[1:-1, -1]])
    page = np.bincount(border, minlength=len(areas) + 1)[1:] ** 2 > areas
    if extents[~page].max(initial=0) > longest / 10 or areas.sum() < 0.1 * ink.size:
        areas[page] = 0
    if not areas.any() or extents[areas.argmax()] < max(5, longest / 32):
        return None
    kept = np.concatenate([[False], areas > areas.max() / 25])[labels]
    if not _sharp(ink, kept, box):
        return None
    clear *= ndimage.binary_dilation(kept, iterations=1 + longest // 100)
    return _pen(np.clip(clear / np.percentile(clear[kept], 60), 0, 1), kept)


def _sharp(ink: np.ndarray, strokes: np.ndarray, box: int) -> bool:
    """Whether the strokes have edges: a shadow rises too slowly to be a line even at the scale of the box."""
    small = _shrunk(ink[_bounds(strokes, max(_cropped(strokes, 0).shape) // 8)], box)
    steps = max(abs(np.diff(small, axis=axis)).max(initial=0) for axis in (0, 1))
    return bool(steps > 0.45 * np.ptp(small))


def _background(grey: np.ndarray) -> tuple[np.ndarray, bool]:
    """The picture without its ink, as float32, and whether the ink is darker than that."""
    from scipy import ndimage

    # A curved sheet of light that most pixels lie on, those of the border above all: least absolute deviations.
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in grey.shape), indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1).reshape(-1, 6)
    trust = np.where(np.maximum(abs(x), abs(y)) > 0.85, 3.0, 1.0).ravel()
    sheet = np.full(grey.size, np.median(grey))
    for _ in range(12):
        weighted = terms.T * (trust / np.maximum(abs(grey.ravel() - sheet), 1))
        sheet = terms @ np.linalg.lstsq(weighted @ terms, weighted @ grey.ravel(), rcond=None)[0]
    sheet = sheet.reshape(grey.shape)
    dark_ink = bool(((grey - sheet) ** 3).sum() < 0)
    # What no pen could have drawn survives an opening by a third of the picture. Steep light leaves false ink along the
    # border, taking off the sheet first leaves it along hard shadows: real ink is what both ways agree on.
    sign, reach = -1 if dark_ink else 1, [1 + max(grey.shape) // 3] * 2
    plain = ndimage.grey_opening(sign * grey.astype(float), reach, mode="nearest")
    light = np.maximum(plain, ndimage.grey_opening(sign * (grey - sheet), reach, mode="nearest") + sign * sheet)
    return ndimage.gaussian_filter(sign * light, max(grey.shape) / 48).astype(np.float32), dark_ink


def _otsu(ink: np.ndarray) -> float:
    """Otsu's threshold (IEEE Trans. SMC 9, 1979): the cut with the most variance between its two sides."""
    counts, edges = np.histogram(ink, 256)
    middles = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    mass = np.cumsum(counts * middles)
    between = below * above * (mass[:-1] / below - (mass[-1] - mass[:-1]) / np.maximum(above, 1)) ** 2
    return float(edges[1 + between.argmax()])


def _pen(ink: np.ndarray, strokes: np.ndarray) -> np.ndarray:
    """Strokes that would come out thinner or thicker than MNIST's pens are drawn again, wider or narrower."""
    from scipy import ndimage

    length = max(_cropped(strokes, 0).shape)
    strokes = np.pad(strokes, 1)
    depth = np.asarray(ndimage.distance_transform_edt(strokes))
    # Over a line of width w the distance to the nearest edge is w/4 on average, measured from the pixels' middles.
    width = 4 * (depth[strokes].mean() - 0.5)
    if THIN <= width / length <= THICK:
        return ink
    target = np.clip(width / length, THIN, THICK)
    wider = max((target * length - width) / (1 - target), -width / 2)
    margin = max(0, int(np.ceil(wider)))
    outside = ndimage.distance_transform_edt(np.pad(~strokes, margin, constant_values=True))
    inside = np.pad(depth, margin) - np.asarray(outside)
    return np.clip(inside - np.sign(inside) / 2 + wider / 2 + 0.5, 0, 1).astype(np.float32)


def _placed(ink: np.ndarray, size: int, box: int) -> np.ndarray:
    ink = _cropped(ink, 0.2)
    image = Image.fromarray(ink.astype(np.float32))
    scale = box / max(ink.shape)
    small = np.clip(np.asarray(image.resize(scaled(image.size, scale), Image.Resampling.LANCZOS)), 0, 1)
    small /= small.max()
    corner = np.clip(np.round(size / 2 - _centre(small)), 0, size - np.array(small.shape)).astype(int)
    digit = np.zeros((size, size), np.uint8)
    digit[corner[0] : corner[0] + small.shape[0], corner[1] : corner[1] + small.shape[1]] = np.round(255 * small)
    return digit
