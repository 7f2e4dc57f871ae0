"""Delimited text (CSV) → a table of texts that knows the line of each row. No torch."""

import codecs
import csv
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from tiza.errors import Note, TizaError, note
from tiza.i18n import t
from tiza.storage import TizaWarning, read_unchanged

if TYPE_CHECKING:
    from pandas import DataFrame

DELIMITERS = (",", ";", "\t", "|")
LOOKED_AT = 50  # records from which the delimiter is told


@dataclass(frozen=True)
class Sheet:
    """A table of texts: ``frame``, the ``lines`` its rows stand in, what was done unasked and what was left out."""

    frame: "DataFrame"
    lines: list[int]
    notes: tuple[Note, ...]
    skipped: tuple[TizaError, ...]


def read_csv(path: str | Path, *, skip_bad: bool = False) -> Sheet:
    """The sheet that the file at ``path`` holds; see :func:`parse_csv`."""
    return parse_csv(read_unchanged(Path(path)), where=str(path), skip_bad=skip_bad)


def parse_csv(content: bytes, *, where: str, skip_bad: bool = False) -> Sheet:
    """The table of a delimited file: comma, semicolon, tab or bar; UTF-8 (with a BOM or not), UTF-16 or Latin-1.

    The first line names the columns. Raises :class:`TizaError`, with its line, for what is no table and for lines with
    too few or too many values; with ``skip_bad`` those lines are left out and listed.
    """
    import pandas as pd

    notes: list[Note] = []
    text = _decoded(content, where, notes)
    records = _records(text, _delimiter(text), where)
    _, head = next(records, (0, []))
    names = [name.strip() for name in head]
    if names and sum(map(_is_number, names)) * 2 > len(names):
        warnings.warn(t("warning.header", where=where, names=", ".join(names[:6])), TizaWarning, stacklevel=2)
    rows: list[list[str]] = []
    lines: list[int] = []
    skipped: list[TizaError] = []
    for line, row in records:
        if len(row) == len(names) + 1 and not row[-1]:  # a delimiter ends each line
            row.pop()
        if len(row) == len(names):
            rows.append(row)
            lines.append(line)
            continue
        ragged = TizaError("ragged", where=t("where.whole-line", where=where, line=line), n=len(row), wanted=len(names))
        if not skip_bad:
            raise ragged
        skipped.append(ragged)
    if not rows:
        raise TizaError("empty-table", where=where)
    used = (i for i, name in enumerate(names) if name or any(row[i].strip() for row in rows))
    width = max(used) + 1  # delimiters may end each line
    frame = pd.DataFrame([row[:width] for row in rows], columns=pd.Index(names[:width], dtype=object), dtype=object)
    return Sheet(frame, lines, tuple(notes), tuple(skipped))


def _decoded(content: bytes, where: str, notes: list[Note]) -> str:
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        if wide or b"\0" in content:
            raise TizaError("no-text", where=where) from None
        text = content.decode("latin-1")
        notes.append(note("latin-1", where=where))
    if "\0" in text:
        raise TizaError("no-text", where=where)
    return text


def _records(text: str, delimiter: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """The line in which each record begins, and its values; empty records are passed over."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise TizaError("csv-line", where=t("where.whole-line", where=where, line=line)) from error
        if row is None:
            return
        if any(map(str.strip, row)):
            yield line, row
        line = reader.line_num + 1


def _delimiter(text: str) -> str:
    """The delimiter by which half of the first lines or more have as many values as the header.

    Of several the one with most values, but the comma last: names and decimal numbers have commas too.
    """
    scores: dict[str, tuple[bool, bool, int]] = {}
    for delimiter in DELIMITERS:
        try:
            head, *rest = [row for _, row in islice(_records(text, delimiter, ""), LOOKED_AT)] or [[]]
        except TizaError:  # the whole file is told about it, later
            head, rest = text.partition("\n")[0].split(delimiter), []
        if len(head) > 1:
            alike = sum(len(row) == len(head) for row in rest)
            scores[delimiter] = (2 * alike >= max(len(rest), 1), delimiter != ",", len(head))
    return max(scores, key=lambda delimiter: scores[delimiter], default=",")


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True
