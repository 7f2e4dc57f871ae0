"""The printed sheet: whoever follows it with a calculator comes out at what the answer sheet prints, line by line."""

import json
import math
import re
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import tiza
from tiza import explain
from tiza.cli import working
from tiza.config import Recipe, make
from tiza.explain.sheet_html import sheet_html
from tiza.i18n import set_language

SURE = ([[20.0, 1.0, 3.5], [0.0, 30.0, 2.0]], [0, 1])
DOCUMENT = ([[2.0, 0.5, 0.1, -1.2], [0.2, 1.5, -0.5, 0.0], [-1.0, 0.0, 0.2, 2.0]], [2, 0, 3])
NETWORKS: dict[str, tuple[Any, Any, Any]] = {
    "mlp": ("mnist", {"name": "mlp", "hidden": [16, 8]}, {"optimizer": "adamw", "weight_decay": 0.01}),
    "cnn": ("mnist", {"name": "cnn", "channels": [4, 6], "hidden": [16]}, {"optimizer": "sgd"}),
    "iris": ("iris", {"name": "mlp", "hidden": [6]}, {"optimizer": "adam", "epochs": 60, "weight_decay": 0.1}),
    "sure": ("iris", "softmax", {"optimizer": "sgd", "lr": 1.0, "epochs": 300}),
    "tanh": ("digits", {"name": "mlp", "hidden": [12], "activation": "tanh"}, {"optimizer": "momentum"}),
    "sigmoid": ("digits", {"name": "cnn", "activation": "sigmoid", "pools": [2], "strides": [1]}, {}),
    "leaky": ("digits", {"name": "mlp", "hidden": [12], "activation": "leaky-relu", "batch_norm": True}, {}),
    "resnet18": ("mnist", {"name": "resnet18", "width": 2}, {}),
    "mirrored": ("fashion-mnist", {"name": "cnn", "channels": [4], "kernels": [4], "strides": [2], "hidden": [8],
                                   "mirrored": True}, {}),
    "nin": ("mnist", {"name": "nin", "width": 4}, {}),
}  # fmt: skip


@pytest.fixture(scope="module")
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tiza.runs.Run]:
    """A network of each kind, trained for a moment."""
    folder = tmp_path_factory.mktemp("runs")

    @cache
    def trained(name: str) -> tiza.runs.Run:
        source, model, plan = NETWORKS[name]
        data = {"name": source} if source in ("iris", "digits") else {"name": source, "limit": 400}
        plan = {"epochs": 2, "lr": 0.01, "threads": 1, "probe": 0} | plan
        return tiza.fit(make(Recipe, {"data": data, "model": model, "plan": plan}), run=folder / name)

    return trained


# --- a reader of the printed page, who knows nothing of how it was made

LOWERED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
NUMBER = re.compile(
    r'<span class="n( fill)?">([^<]*)(?:<sub>[^<]*</sub>)?</span>|<span class="ref">\(([^<]*)\)</span>'
    r'|<span class="(box)">([^<]*)</span>'
)


class Cell(NamedTuple):
    """What stands in the place of a number: the number, an empty box with its dots, or a reference to a result."""

    text: str
    fill: bool = False
    refers: str = ""

    @property
    def digits(self) -> tuple[int, bool]:
        """How many decimals there are, and whether a power of ten follows."""
        mantissa, ten, _ = self.text.replace(",", ".").partition("·10")
        return len(mantissa.strip().partition(".")[2]), bool(ten)

    @property
    def value(self) -> float:
        mantissa, _, power = self.text.replace("−", "-").replace(",", ".").partition("·10")
        return float(mantissa + (f"e{power.translate(LOWERED)}" if power else ""))

    def rounded(self, value: float) -> float:
        """As many digits of the value as there are here."""
        decimals, powers = self.digits
        exact = Decimal(f"{value:.12g}")
        power = exact.adjusted() if powers else 0
        return float(exact.quantize(Decimal(1).scaleb(power - decimals), ROUND_HALF_UP))


def parts_of(html: str) -> list[str | Cell]:
    """The texts and numbers of a line, or of a cell of a table."""
    found: list[str | Cell] = []
    at = 0
    for match in NUMBER.finditer(html):
        filled, number, reference, box, dots = match.groups()
        text = number or (f"0{dots}" if box else "")
        found += [unescape(html[at : match.start()]), Cell(text, bool(filled or box), unescape(reference or ""))]
        at = match.end()
    return [part for part in [*found, unescape(html[at:])] if part != ""]


def blocks_of(html: str) -> Iterator[tuple[str, Any]]:
    """Lines, as (name, left side, parts), and the rows of tables, as they follow."""
    for line, kind, table in re.findall(
        r'<p class="line">(.*?)</p>|<table class="(\w+)">(.*?)</table>', html, re.DOTALL
    ):
        if line:
            name, left, rest = re.fullmatch(r'<b>\((\d+)\)</b> <span class="left">(.*?)</span> = (.*)', line).groups()
            yield "line", (name, left, parts_of(rest))
        else:
            rows = [re.findall(r"<t[hd]>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", table)]
            yield kind, [[(parts_of(cell) or [""])[0] for cell in row] for row in rows]


class Reader:
    """Works a page from top to bottom: what is to be filled in, and what comes out there."""

    def __init__(self, html: str) -> None:
        self.known: dict[str, float] = {}  # results by the name that a blank page refers to them by
        self.filled: list[tuple[Cell, float]] = []
        self.column: list[float] = []  # what the next sum adds
        self.samples: list[dict[str, float | None]] = []  # p − y by class
        grids: list[list[list[Cell]]] = []
        blocks = list(blocks_of(html))
        for k, (kind, block) in enumerate(blocks):
            if kind == "line":
                if k == 0 or not is_softmax(blocks[k - 1]):  # else it is worked with its table
                    self.line(*block)
            elif kind == "grid":
                grids.append(block)
                if len(grids) == 3:
                    window, kernel, products = ([cell for row in rows for cell in row] for rows in grids)
                    self.products(list(zip(window, kernel, products, strict=True)))
                    grids = []
            elif is_softmax((kind, block)):
                self.softmax(block[1:], blocks[k + 1][1])
            elif block[0][1] == "x":
                self.products([row[1:] for row in block[1:]])
            elif block[0][0] in ("class", "clase"):
                for name, *shares in block[1:]:
                    for sample, share in zip(self.samples, shares, strict=True):
                        self.fill(share, sample[name] / len(self.samples))

    def of(self, cell: Cell) -> float:
        """A number that stands there, or that came out before."""
        return self.known[cell.refers] if cell.refers else cell.value

    def fill(self, cell: Cell, value: float, name: str = "") -> float:
        """Write what comes out, rounded as the page has it."""
        assert cell.fill
        self.filled.append((cell, value))
        self.known[name] = cell.rounded(value)
        return self.known[name]

    def products(self, rows: list[Any]) -> None:
        self.column += [self.fill(product, self.of(x) * self.of(w)) for x, w, product in rows]

    def softmax(self, rows: list[list[Any]], total: tuple[str, str, list[Any]]) -> None:
        """The table of a sample; what its right half needs is the sum of its left one, which stands below."""
        most = max(self.of(row[1]) for row in rows)
        raised = {}
        for name, z, shifted, e, *_ in rows:
            moved = self.fill(shifted, self.of(z) - most, f"z − max, {name}")
            raised[name] = self.fill(e, math.exp(moved), f"e, {name}")
        self.column = list(raised.values())
        self.line(*total)
        self.samples.append({})
        for name, _, _, _, p, y, gradient in rows:
            chance = self.fill(p, raised[name] / self.known[total[0]], f"p, {name}")
            there = isinstance(gradient, Cell)
            self.samples[-1][name] = self.fill(gradient, chance - int(y), f"p − y, {name}") if there else None

    def line(self, name: str, left: str, parts: list[Any]) -> None:
        """Whatever stands left of the last =, as one would type it."""
        *asked, equals, result = parts
        assert equals.endswith(" = ")
        said = "".join(part if isinstance(part, str) else f"({self.of(part)!r})" for part in [*asked, equals[:-3]])
        if said.startswith("Σ"):
            more = [self.of(part) for part in asked if isinstance(part, Cell)]
            value, self.column = math.fsum([*self.column, *more]), []
        else:
            said = re.sub(r"\|(.*?)\|", r"abs(\1)", said)
            for sign, typed in (("−", "-"), ("·", "*"), ("e^(", "exp("), ("ln(", "log("), ("√(", "sqrt("), (";", ",")):
                said = said.replace(sign, typed)
            value = eval(said, {"__builtins__": {}}, {"max": max, "min": min, "abs": abs, **vars(math)})
        self.fill(result, value, name)
        if left == "p − y":  # of a class so near to 1 that its row only says where to look
            self.samples[-1] |= {of: self.known[name] for of, gradient in self.samples[-1].items() if gradient is None}


def is_softmax(block: tuple[str, Any]) -> bool:
    return block[0] == "rows" and len(block[1][0]) == 7


# --- what it finds


def sheet_of(name: str, run_of: Callable[[str], tiza.runs.Run]) -> explain.Sheet:
    logits = {"document": DOCUMENT, "very sure": SURE}.get(name)
    return explain.sheet(explain.steps(*logits) if logits else explain.trace(run_of(name), 7))


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("name", [*NETWORKS, "document", "very sure"])
def test_every_line_of_the_answer_sheet_comes_out_as_it_is_printed(
    run_of: Callable[[str], tiza.runs.Run], name: str, language: str
):
    set_language(language)
    html = sheet_html(sheet_of(name, run_of), answers=True)
    found = Reader(html).filled
    assert len(found) == html.count('<span class="n fill">') > 20
    for cell, value in found:
        decimals, powers = cell.digits
        grain = 0.5 * 10.0**-decimals * (10.0 ** math.floor(math.log10(abs(value))) if powers else 1)
        assert abs(value - cell.value) <= grain * (1 + 1e-6), cell
    assert any(("," if language == "es" else ".") in cell.text for cell, _ in found)


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("name", [*NETWORKS, "document", "very sure"])
def test_who_fills_in_the_blank_sheet_has_the_answers(run_of: Callable[[str], tiza.runs.Run], name: str, language: str):
    set_language(language)
    of = sheet_of(name, run_of)
    blank, answers = (sheet_html(of, answers=answers) for answers in (False, True))
    mine, printed = Reader(blank).filled, Reader(answers).filled
    assert len(mine) == len(printed) == blank.count('<span class="box">')
    for (box, value), (cell, _) in zip(mine, printed, strict=True):
        assert box.rounded(value) == pytest.approx(cell.value, rel=1e-12, abs=1e-15), cell


@pytest.mark.parametrize("name", NETWORKS)
def test_what_comes_out_on_the_sheet_is_the_networks_own_to_four_digits(
    run_of: Callable[[str], tiza.runs.Run], name: str
):
    of = explain.trace(run_of(name), 7)
    sheet = explain.sheet(of)
    lines = {b.left: b.result for section in sheet.sections for b in section.blocks if isinstance(b, explain.Line)}
    worked = [layer for layer in of.layers if layer.kind not in ("shape", "same", "sample")]
    for layer in worked:
        result = next(value for left, value in lines.items() if left.startswith(f"{layer.name}["))
        assert result.value == pytest.approx(layer.value, rel=1e-4, abs=2e-5), layer.name
    assert lines["J"].value == pytest.approx(of.steps.loss, rel=2e-4)
    if of.update:
        c, j = of.update.largest
        assert lines["∂J/∂w"].value == pytest.approx(of.update.slopes[c, j], rel=2e-4)
        change = of.update.moved[c, j] - of.update.weights[c, j]
        assert lines["Δw"].value == pytest.approx(change, rel=2e-4)
        assert lines["w′"].value == pytest.approx(of.update.moved[c, j], rel=1e-3)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_result_says_which_numbers_on_the_sheet_it_came_from(run_of: Callable[[str], tiza.runs.Run], name: str):
    of = explain.trace(run_of(name), 7)
    there: dict[str, explain.Number] = {}
    for section in explain.sheet(of).sections:
        for block in section.blocks:
            if isinstance(block, str):
                continue
            parts = [*block.parts, block.result] if isinstance(block, explain.Line) else sum(block.rows, ())
            found = [part for part in parts if isinstance(part, explain.Number)]
            assert all(number.id and number.id not in there for number in found)
            there |= {number.id: number for number in found}
    for number in there.values():
        assert set(number.came) <= set(there)
        assert bool(number.came) is bool(number.of or number.fill), number
        if number.place:
            raw, scaled = float(of.x[number.place]), of.layers[1].constants
            assert (
                number.value in (raw, pytest.approx(raw))
                or of.x.ndim == 1
                or number.fill
                or (number.value == pytest.approx((raw - scaled["mean"]) / scaled["deviation"], abs=1e-5))
            )


def test_a_sure_answer_still_has_digits(run_of: Callable[[str], tiza.runs.Run]):
    of = explain.trace(run_of("sure"), 7)
    assert 0 < of.steps.loss < 1e-3
    html = sheet_html(explain.sheet(of), answers=True)
    (loss,) = [block[2][-1].value for kind, block in blocks_of(html) if kind == "line" and block[1] == "J"]
    assert loss == pytest.approx(of.steps.loss, rel=1e-3)


@pytest.mark.parametrize(
    ("logits", "label", "line"),
    [
        ([30.0, 0.0], 0, "J = 9.3576·10⁻¹⁴ / 1.0000000000 = 9.3576·10⁻¹⁴"),
        ([20.0, 0.0], 0, "p − y = −2.0612·10⁻⁹ = −2.0612·10⁻⁹"),
        ([8.0, 0.0], 0, "J = −ln(0.99966465) = 0.00033541"),
        ([900.0, 0.0], 1, "J = ln(1.00000) − (−900.00000) = 900.00000"),
        ([900.0, 0.0], 0, "J = 0 / 1.00000 = 0"),
        ([2.0, 0.0], 1, "J = −ln(0.11921) = 2.12687"),
    ],
)
def test_the_loss_is_written_so_that_it_can_be_worked(logits: list[float], label: int, line: str):
    (section,) = explain.sheet(explain.steps(logits, [label])).sections
    assert line in [block.text.partition(") ")[2] for block in section.blocks if isinstance(block, explain.Line)]


def test_of_many_classes_the_likeliest_are_worked():
    logits = np.random.default_rng(0).normal(0, 2, 100)
    sheet = explain.sheet(explain.steps(logits, [4]))
    html = sheet_html(sheet, answers=True)
    (table,) = [block for kind, block in blocks_of(html) if kind == "rows"]
    assert len(table) == 9
    assert "4" in [row[0] for row in table]
    for cell, value in Reader(html).filled:
        assert abs(value - cell.value) <= 0.5 * 10.0 ** -cell.digits[0] * (1 + 1e-6)
    (loss,) = [b.result.value for b in sheet.sections[0].blocks if isinstance(b, explain.Line) and b.left == "J"]
    assert loss == pytest.approx(explain.steps(logits, [4]).loss, rel=1e-4)


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_pages_need_nothing_from_elsewhere(run_of: Callable[[str], tiza.runs.Run], tmp_path: Path, language: str):
    set_language(language)
    paths = explain.save_sheet(sheet_of("cnn", run_of), tmp_path)
    assert [path.name for path in paths] == ["sheet.html", "answers.html"]
    for path in paths:
        html = path.read_text("utf-8")
        assert f'<html lang="{language}">' in html
        assert "<script" not in html
        assert not re.search(r"https?://|url\(|@import|<link", html)
        assert "data:image/png;base64," in html
    blank = paths[0].read_text("utf-8")
    for cell, _ in Reader(paths[1].read_text("utf-8")).filled[-5:]:
        assert f">{cell.text}<" not in blank


def test_the_command_writes_both_and_says_so(
    run_of: Callable[[str], tiza.runs.Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run = str(run_of("iris").path)
    given = (run, 7, None, None, "valid", None, None, None, tmp_path)
    set_language("es")
    working.steps(*given, as_json=False)
    said = capsys.readouterr().out
    assert "answers.html" in said
    assert max(len(line) for line in said.splitlines() if str(tmp_path) not in line) <= 80
    assert "petal" in said
    working.steps(*given, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["saved"] == [str(tmp_path / "sheet.html"), str(tmp_path / "answers.html")]
    assert [layer["kind"] for layer in told["layers"]] == [
        "sample", "normalise", "same", "dense", "relu", "same", "dense"
    ]  # fmt: skip
    dense = told["layers"][3]
    total = sum(w * x for w, x in zip(dense["weights"], dense["inputs"], strict=True)) + dense["constants"]["bias"]
    assert dense["value"] == pytest.approx(total, abs=1e-12)
