"""A sample's worked numbers on the page: what the route gives, and a browser in which a number shows whence it came."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Page, expect

import tiza
from tiza import explain
from tiza.config import changed
from tiza.i18n import catalogue, set_language
from tiza.web.running import id_of

AXE = Path(__file__).parents[2] / "page" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_route_gives_the_sheet_with_its_answers(client: TestClient, done: tiza.runs.Run, language: str):
    answer = client.get(
        f"/api/runs/{id_of(done.path)}/steps?split=train&index=4", headers={"Accept-Language": language}
    )
    set_language(language)
    sheet = explain.sheet(explain.trace(done, 4, split="train"))
    assert answer.json()["title"] == sheet.title
    found = [block for section in answer.json()["sections"] for block in section["blocks"] if "result" in block]
    lines = [block for section in sheet.sections for block in section.blocks if isinstance(block, explain.Line)]
    assert [f"({of['name']}) {of['left']} = {text(of['parts'])} = {of['result']['text']}" for of in found] == [
        line.text for line in lines
    ]


def text(parts: list[Any]) -> str:
    return "".join(part if isinstance(part, str) else part["text"] for part in parts)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("index=99999", "no-answer"),
        ("index=-1", "page-request"),
        ("index=x", "page-request"),
        ("", "page-request"),
        ("index=0&split=test", "page-request"),
    ],
)
def test_a_sample_that_is_not_there_is_told(client: TestClient, done: tiza.runs.Run, query: str, code: str):
    answer = client.get(f"/api/runs/{id_of(done.path)}/steps?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)


def test_where_validation_is_the_test_split_it_stays_shut(
    client: TestClient, small: dict[str, Any], home: Path, tmp_path: Path
):
    from tiza.config import Recipe, make

    run = tiza.fit(changed(make(Recipe, small), ["plan.epochs=1", "data.valid=test"]))
    before = (home / "openings.jsonl").read_text()
    answer = client.get(f"/api/runs/{id_of(run.path)}/steps?index=0")
    assert answer.json()["error"]["code"] == "page-valid-is-test"
    assert client.get(f"/api/runs/{id_of(run.path)}/steps?index=0&split=train").status_code == 200
    assert (home / "openings.jsonl").read_text() == before


def lit(page: Page) -> list[str]:
    return page.locator(".w-lit").all_inner_texts()


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_tile_opens_its_worked_numbers_and_a_number_lights_up_what_it_came_from(
    open_page: Callable[..., Page], done: tiza.runs.Run, language: str
):
    words = catalogue(language)
    page = open_page(language)
    page.goto(page.url.partition("#")[0] + f"#/run/{id_of(done.path)}/results")
    page.locator(".r-right button").first.click()
    tile = page.locator(".r-examples .r-open").first
    tile.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".w-sections section").nth(3)).to_be_visible()
    expect(dialog.locator(".w-sample i")).to_have_count(1)

    product = dialog.locator(".w-rows").first.locator("tbody tr").nth(1)
    product.locator(".w-made").hover()
    assert lit(page) == product.locator(".w-n:not(.w-made)").all_inner_texts()
    expect(dialog.locator(".w-from")).to_contain_text("←")
    first = dialog.locator(".w-line .w-n").first  # the value of the sample itself
    first.hover()
    expect(dialog.locator(".w-sample i")).to_have_count(1)
    assert lit(page) == []

    page.mouse.move(2, 2)
    first.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    made = dialog.locator(".w-line .w-made").first
    expect(made).to_be_focused()
    assert lit(page) == dialog.locator(".w-line").first.locator(".w-n:not(.w-made)").all_inner_texts()
    used = dialog.locator(".w-line", has_text="relu1[").first.locator(".w-n").first
    used.focus()
    assert lit(page) == [used.inner_text()]
    page.keyboard.press("Enter")
    origin = dialog.locator(".w-line", has_text="linear1[").first.locator(".w-made")
    expect(origin).to_be_focused()

    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(tile).to_be_focused()
    assert words["page.worked"] in str(tile.get_attribute("aria-label"))


def test_a_pinned_tile_of_the_board_has_the_way_to_it(open_page: Callable[..., Page], done: tiza.runs.Run):
    page = open_page("en")
    page.goto(page.url.partition("#")[0] + f"#/run/{id_of(done.path)}")
    board = page.locator(".l-validation .l-board")
    expect(page.locator(".l-scale[data-ready]")).to_be_visible()
    board.focus()
    expect(page.locator(".l-work")).to_have_count(0)
    page.keyboard.press("Enter")
    button = page.locator(".l-work")
    index = page.locator(".l-popover .small").inner_text().split()[1].rstrip(",")
    page.keyboard.press("Tab")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("heading", level=2)).to_contain_text(f"sample {index} of")
    page.get_by_role("button", name=catalogue("en")["page.worked.close"]).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator('.l-popover[data-pinned="true"]')).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_is_no_wider_than_the_window_and_axe_finds_nothing_serious(
    open_page: Callable[..., Page], done: tiza.runs.Run, width: int, scheme: str
):
    page = open_page("es", viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
    page.goto(page.url.partition("#")[0] + f"#/run/{id_of(done.path)}/results")
    page.locator(".r-right button").first.click()
    page.locator(".r-examples .r-open").first.click()
    expect(page.locator(".w-sections section").last).to_be_attached()
    body = page.locator(".w-body")
    assert body.evaluate("(e) => e.scrollWidth <= e.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    overlap = """() => {
        const [a, b] = ['.w-aside', '.w-sections'].map((name) => document.querySelector(name).getBoundingClientRect());
        return a.right > b.left + 1 && a.bottom > b.top + 1 && b.bottom > a.top + 1 && b.right > a.left + 1; }"""
    assert not page.evaluate(overlap)
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("axe.run().then((result) => result.violations)")
    assert [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")] == []
