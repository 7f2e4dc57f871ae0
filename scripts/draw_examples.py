"""Draw the pictures of examples/: digits as strokes of a pen, on paper, under a lamp, on a board; none is from MNIST.

``python scripts/draw_examples.py [FOLDER]``. Each digit is a polyline in a unit square, smoothed and drawn with a round
pen that trembles a little; the pictures differ in size, ink, paper and light, as those of users do.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

# fmt: off
STROKES = {
    2: [[(0.2, 0.3), (0.3, 0.12), (0.55, 0.08), (0.74, 0.24), (0.66, 0.46), (0.42, 0.68), (0.18, 0.9), (0.5, 0.88),
         (0.82, 0.9)]],
    3: [[(0.22, 0.18), (0.45, 0.06), (0.72, 0.16), (0.68, 0.38), (0.42, 0.48), (0.72, 0.56), (0.76, 0.8),
         (0.5, 0.95), (0.2, 0.85)]],
    4: [[(0.58, 0.06), (0.4, 0.32), (0.16, 0.6), (0.5, 0.6), (0.86, 0.58)], [(0.64, 0.34), (0.62, 0.62), (0.6, 0.96)]],
    7: [[(0.14, 0.14), (0.45, 0.13), (0.82, 0.12), (0.62, 0.45), (0.46, 0.72), (0.38, 0.96)]],
    8: [[(0.62, 0.1), (0.36, 0.14), (0.32, 0.34), (0.56, 0.5), (0.72, 0.7), (0.56, 0.93), (0.3, 0.86), (0.32, 0.64),
         (0.58, 0.46), (0.74, 0.26), (0.62, 0.1)]],
}
# fmt: on


def smooth(points: list[tuple[float, float]], steps: int = 24) -> np.ndarray:
    """A Catmull-Rom curve through the points."""
    p = np.array([points[0], *points, points[-1]])
    t = np.linspace(0, 1, steps)[:, None]
    pieces = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]
    return np.concatenate(pieces)


def draw(
    digit: int, size: tuple[int, int], box: tuple[float, float, float], pen: float, ink: str, paper: str
) -> Image.Image:
    """One digit: ``box`` is left, top and side, ``pen`` the stroke's width, all as parts of the picture's height."""
    rng = np.random.default_rng(digit)
    image = Image.new("RGB", size, paper)
    canvas = ImageDraw.Draw(image)
    left, top, side = (part * size[1] for part in box)
    for stroke in STROKES[digit]:
        for x, y in smooth(stroke) + rng.normal(0, 0.002, 2):
            radius = pen * size[1] / 2 * rng.uniform(0.9, 1.1)
            x, y = left + x * side, top + y * side
            canvas.ellipse([x - radius, y - radius, x + radius, y + radius], fill=ink)
    return image.filter(ImageFilter.GaussianBlur(size[1] / 400))


def lamp(image: Image.Image, seed: int) -> Image.Image:
    """The same sheet as a photograph: light from one corner, grain."""
    rng = np.random.default_rng(seed)
    pixels = np.asarray(image, float)
    y, x = np.mgrid[0 : 1 : pixels.shape[0] * 1j, 0 : 1 : pixels.shape[1] * 1j]
    light = 0.55 + 0.45 * np.exp(-((x - 0.2) ** 2 + (y - 0.15) ** 2))
    return Image.fromarray(np.clip(pixels * light[..., None] + rng.normal(0, 5, pixels.shape), 0, 255).astype(np.uint8))


def main(folder: Path) -> None:
    """Write the five pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    draw(3, (480, 360), (0.45, 0.2, 0.6), 0.035, "#26418f", "#f4efe2").save(folder / "pen.png")
    lamp(draw(7, (640, 480), (0.3, 0.15, 0.65), 0.03, "#3a3a3a", "#e9e6df"), 7).save(folder / "photo.jpg", quality=80)
    draw(8, (300, 300), (0.2, 0.18, 0.6), 0.07, "#f1efe6", "#1f2a27").save(folder / "chalk.png")
    draw(2, (200, 260), (0.1, 0.25, 0.5), 0.06, "black", "white").save(folder / "marker.png")
    draw(4, (900, 700), (0.5, 0.1, 0.35), 0.012, "#222222", "white").save(folder / "thin pencil.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "examples")
