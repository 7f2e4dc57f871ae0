"""What a reader sees written in a figure, and whether it can be read."""

import re
from itertools import combinations
from typing import Any

from matplotlib.figure import Figure
from matplotlib.text import Text


def texts(figure: Figure) -> list[Text]:
    """The texts of a figure: not the ticks that matplotlib keeps beyond the ends of an axis."""
    figure.draw_without_rendering()
    found = list(figure.texts)
    for axes in figure.axes:
        found += axes.texts
        for axis in (axes.xaxis, axes.yaxis) if axes.axison else ():
            low, high = sorted(axis.get_view_interval())
            room = 1e-9 * (high - low)
            ticks = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True)
            found += [axis.label, *(label for place, label in ticks if low - room <= place <= high + room)]
    return [text for text in found if text.get_text().strip()]


def written(figure: Figure) -> str:
    """All of them, a line each."""
    return "\n".join(text.get_text() for text in texts(figure))


def check_readable(figure: Figure, language: str) -> None:
    """No text is small, outside of the sheet or over another; numbers are written as the language has them."""
    found = texts(figure)
    boxes: list[tuple[str, Any]] = [(text.get_text(), text.get_window_extent()) for text in found]
    assert all(text.get_fontsize() >= 10 for text in found)
    assert figure.get_size_inches()[0] <= 7.5
    for said, box in boxes:
        inside = min(box.x0, box.y0) >= 0 and box.x1 <= figure.bbox.width and box.y1 <= figure.bbox.height
        assert inside, said
    for (one, a), (other, b) in combinations(boxes, 2):
        across, down = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert across <= 1 or down <= 3, f"{one!r} and {other!r}"
    content = written(figure)
    point = r"(?<![\w.])\d+\.\d"  # not that of a name, as in layer1.0
    assert not re.search(point if language == "es" else r"\d,\d(?!\d\d)", content), content
