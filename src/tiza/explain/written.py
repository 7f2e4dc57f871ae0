"""Numbers as a worked sheet writes them, and the lines, tables and sections that it is made of."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tiza.i18n import number

DECIMALS, SHOWN = 5, 10  # of numbers that are not small; at most, as a pocket calculator shows them
SIGNS = "+−·/^"  # behind which a negative number stands in brackets
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Number:
    """A number as it is written: ``value`` is exactly what ``text`` says.

    ``of``: which line it is the result of, by that line's name; empty for what is given. ``fill``: it stands where it
    comes out, so a sheet with blanks leaves it to be filled in. ``id``: its own name, where it stands; ``came``: those
    of the numbers that it came from. ``place``: of the sample's value that it is, by itself or normalised.
    """

    text: str
    value: float
    of: str = ""
    fill: bool = False
    id: str = ""
    came: tuple[str, ...] = ()
    place: tuple[int, ...] = ()

    def standing(self, id: str, *came: "Number") -> "Number":
        """The number where it stands: a result that came from others, or one that is used there."""
        sources = tuple(number.id for number in came)
        return replace(self, id=id, came=sources if self.fill or not self.of else (self.of,))


def written(value: float, decimals: int = DECIMALS, *, near_one: bool = False, trim: bool = False) -> Number:
    """``value`` with so many decimals, more where it is small: as many digits that count; in powers of ten below 10⁻⁵.

    ``near_one``: as many digits that count of what is missing to 1, too. ``trim``: without zeros at the end.
    """
    near_one = near_one and value > 0.5
    if value == 0 or (near_one and value == 1):
        return Number(number(int(value)), value)
    if abs(value) < 10.0**-DECIMALS:
        return _number(value, decimals - 1, math.floor(math.log10(abs(value))), trim)
    places = max(decimals, places_of(value, decimals), places_of(1 - value, decimals) if near_one else 0)
    return _number(value, min(places, SHOWN), 0, trim)


def places_of(value: float, digits: int = DECIMALS) -> int:
    """Decimals that ``digits`` digits that count need."""
    return digits - 1 - math.floor(math.log10(abs(value))) if 0 < abs(value) < 1 else 0


def _number(value: float, places: int, power: int, trim: bool) -> Number:
    """With so many decimals, of the mantissa by 10^``power``; halves are rounded up, as calculators do."""
    exact = Decimal(f"{value:.12g}").scaleb(-power)
    rounded = exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    text = _trimmed(number(float(rounded), f".{places}f"), trim)
    raised = f"·10{str(power).translate(RAISED)}" if power else ""
    return Number(text + raised, float(rounded.scaleb(power)))


def _trimmed(text: str, trim: bool) -> str:
    """With a true minus; and, where it has decimals, without zeros at the end."""
    text = text.replace("-", "−")
    return text.rstrip("0").rstrip(".,") if trim and any(sign in text for sign in ".,") else text


def decimals_of(of: Number) -> int:
    """How many decimals a number has."""
    exponent = Decimal(repr(of.value)).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


Parts = tuple[str | Number, ...]


def in_brackets(parts: Parts) -> list[tuple[str | Number, bool]]:
    """Each part, and whether it is a negative number behind a sign and so stands in brackets."""
    before = ["", *(part.rstrip()[-1:] if isinstance(part, str) else "" for part in parts)]
    return [
        (part, isinstance(part, Number) and part.value < 0 and sign != "" and sign in SIGNS)
        for part, sign in zip(parts, before, strict=False)
    ]


@dataclass(frozen=True)
class Line:
    """``left`` = ``parts`` = ``result``; its ``name`` is how later lines refer to it."""

    name: str
    left: str
    parts: Parts
    result: Number

    @property
    def text(self) -> str:
        """As it is read."""
        parts = [part if isinstance(part, str) else part.text for part in self.parts]
        bracketed = [
            f"({text})" if is_in else text for text, (_, is_in) in zip(parts, in_brackets(self.parts), strict=True)
        ]
        return f"({self.name}) {self.left} = {''.join(bracketed)} = {self.result.text}"


@dataclass(frozen=True)
class Table:
    """Rows of texts and numbers under ``heads``; a ``grid`` has none and stands beside the others of its section."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[Parts, ...]
    grid: bool = False


@dataclass(frozen=True)
class Section:
    """What belongs to one layer or to one step: sentences, tables and lines as they follow."""

    title: str
    blocks: tuple[str | Table | Line, ...]


class Pad:
    """Where lines are written one after the other, each result as the next line sees it: rounded."""

    def __init__(self) -> None:
        self.lines = 0
        self.blocks: list[str | Table | Line] = []

    @property
    def next(self) -> str:
        """The name of the line that comes next."""
        return str(self.lines + 1)

    def say(self, text: str) -> None:
        """A sentence."""
        self.blocks.append(text)

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str | Number]]) -> None:
        """A table."""
        self.blocks.append(Table("", tuple(heads), tuple(map(tuple, rows))))

    def grid(self, caption: str, rows: Sequence[Sequence[Number]]) -> None:
        """Numbers as they lie in a map."""
        self.blocks.append(Table(caption, (), tuple(map(tuple, rows)), grid=True))

    def line(
        self, left: str, parts: Sequence[str | Number], value: float, came: Sequence[Number] = (), **how: Any
    ) -> Number:
        """A line; its result, to be used by others. ``came``: from what, where that does not stand in the line."""
        self.lines += 1
        name = str(self.lines)
        placed = [of if isinstance(of, str) else of.standing(f"{name}.{i}") for i, of in enumerate(parts)]
        result = replace(written(value, **how), of=name)
        from_parts = [of for of in placed if isinstance(of, Number)]
        self.blocks.append(
            Line(name, left, tuple(placed), replace(result, fill=True).standing(name, *came, *from_parts))
        )
        return result

    def section(self, title: str) -> Section:
        """What was written since the last one."""
        blocks, self.blocks = tuple(self.blocks), []
        return Section(title, blocks)
