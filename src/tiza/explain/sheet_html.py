"""A worked sheet as a page to print, with blanks and with the answers: self-contained, without scripts."""

import base64
import io
from html import escape
from importlib.resources import files
from itertools import groupby
from pathlib import Path

import numpy as np
from PIL import Image

from tiza import storage
from tiza.explain.sheet import Sheet
from tiza.explain.written import Line, Number, Section, Table, in_brackets
from tiza.i18n import language, t

BOARD = (31, 42, 39)  # of LOOK.md: chalk on a dark board


def save_sheet(of: Sheet, folder: str | Path) -> list[Path]:
    """Write ``sheet.html``, with blanks to fill in, and ``answers.html`` into the folder; the two paths.

    Raises :class:`TizaError` where they can't be written.
    """
    written = [Path(folder) / "sheet.html", Path(folder) / "answers.html"]
    for path, answers in zip(written, (False, True), strict=True):
        storage.write(path, sheet_html(of, answers=answers))
    return written


def sheet_html(of: Sheet, *, answers: bool) -> str:
    """The page in the user's language: what is to be filled in as empty boxes, or with the ``answers``."""
    kind = t("sheet.answers" if answers else "sheet.blank")
    css = (files("tiza.explain") / "sheet.css").read_text("utf-8")
    facts = "".join(f'<p class="facts">{escape(fact)}</p>' for fact in of.facts)
    if not answers:
        facts += f'<p class="facts">{escape(t("sheet.fill"))}</p><p class="name">{escape(t("sheet.name"))}: <i></i></p>'
    sections = "\n".join(_section(section, answers) for section in of.sections)
    return (
        f'<!doctype html>\n<html lang="{language()}">\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(of.title)} · {escape(kind)}</title>\n<style>\n{css}</style>\n"
        f"<header><div><h1>{escape(of.title)}</h1><p>{escape(kind)}</p>{facts}</div>{_sample(of)}</header>\n"
        f"{sections}\n</html>\n"
    )


def _section(of: Section, answers: bool) -> str:
    name, *more = of.title.split(" · ")
    small = f" <small>{escape(' · '.join(more))}</small>" if more else ""
    parts = [f"<section>\n<h2>{escape(name)}{small}</h2>"]
    for is_grid, blocks in groupby(of.blocks, lambda block: isinstance(block, Table) and block.grid):
        inside = "\n".join(_block(block, answers) for block in blocks)
        parts.append(f'<div class="grids">\n{inside}\n</div>' if is_grid else inside)
    return "\n".join([*parts, "</section>"])


def _block(block: str | Table | Line, answers: bool) -> str:
    if isinstance(block, str):
        return f'<p class="said">{escape(block)}</p>'
    if isinstance(block, Line):
        result = _number(block.result, answers)
        return (
            f'<p class="line"><b>({block.name})</b> <span class="left">{escape(block.left)}</span> = '
            f"{_expression(block, answers)} = {result}</p>"
        )
    heads = "".join(f"<th>{escape(head)}</th>" for head in block.heads)
    cells = (
        "".join(f"<td>{_number(c, answers) if isinstance(c, Number) else escape(c)}</td>" for c in row)
        for row in block.rows
    )
    rows = "\n".join(f"<tr>{row}</tr>" for row in cells)
    caption = f"<caption>{escape(block.caption)}</caption>" if block.caption else ""
    head = f"<tr>{heads}</tr>\n" if heads else ""
    return f'<table class="{"grid" if block.grid else "rows"}">{caption}\n{head}{rows}\n</table>'


def _expression(of: Line, answers: bool) -> str:
    """The parts of a line; what its blanks ask for shows no sign."""
    written = ""
    for part, negative in in_brackets(of.parts):
        inside = _number(part, answers) if isinstance(part, Number) else escape(part)
        hidden = isinstance(part, Number) and part.of and not answers
        written += f"({inside})" if negative and not hidden else inside
    return written


def _number(number: Number, answers: bool) -> str:
    """What is to be filled in as a box; a result of an earlier line by that line's name, or with it."""
    if answers:
        source = f"<sub>{escape(number.of)}</sub>" if number.of and not number.fill else ""
        return f'<span class="n{" fill" if number.fill else ""}">{escape(number.text)}{source}</span>'
    if number.fill:
        return f'<span class="box">{_decimals(number.text)}</span>'
    return (
        f'<span class="ref">({escape(number.of)})</span>'
        if number.of
        else f'<span class="n">{escape(number.text)}</span>'
    )


def _decimals(text: str) -> str:
    """How many decimals are asked for, as dots to write on; the power of ten is left open."""
    mantissa, power, _ = text.partition("·10")
    mark = next((sign for sign in ",." if sign in mantissa), "")
    return mark + "·" * len(mantissa.partition(mark)[2]) + (" ·10" if power else "") if mark else ""


def _sample(of: Sheet) -> str:
    """The picture with a frame around the value that is followed; of a row, its values by name."""
    if of.x is None:
        return ""
    caption = f"<figcaption>{escape(t('sheet.digit'))}</figcaption>"
    if of.x.ndim != 3:
        rows = "".join(
            f"<tr{' class=followed' if of.place == (i,) else ''}><td>{escape(name)}</td><td>{escape(value)}</td></tr>"
            for i, (name, value) in enumerate(of.row)
        )
        return f'<figure><table class="rows">{rows}</table></figure>'
    height, width = of.x.shape[1:]
    frame = ""
    if of.place:
        _, row, column = of.place
        left, top, across, down = (100 * n for n in (column / width, row / height, 1 / width, 1 / height))
        frame = f'<i style="left:{left:.3f}%;top:{top:.3f}%;width:{across:.3f}%;height:{down:.3f}%"></i>'
    image = base64.b64encode(_png(of.x)).decode()
    return (
        f'<figure><div class="picture"><img src="data:image/png;base64,{image}" alt="">{frame}</div>{caption}</figure>'
    )


def _png(x: np.ndarray) -> bytes:
    """The sample (uint8, C×H×W): one channel in chalk on the board, three in their colours."""
    if len(x) == 3:
        pixels = x.transpose(1, 2, 0)
    else:
        board = np.array(BOARD)
        pixels = (board + x[0][..., None] / 255 * (255 - board)).round().astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG")
    return buffer.getvalue()
