"""Inside the network while one draws, in a real browser: maps follow the pen, layers can be chosen, nothing jumps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

import tiza
from tiza.config import Recipe, make
from tiza.i18n import catalogue
from tiza.web.running import id_of

INK = """canvas => {
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let ink = 0;
  for (let i = 3; i < data.length; i += 4) ink += data[i];
  return ink;
}"""


def trained(model: dict[str, Any]) -> tiza.runs.Run:
    return tiza.fit(make(Recipe, {"data": "digits", "model": model, "plan": {"epochs": 2, "threads": 1}}))


def trying(open_page: Callable[..., Page], run: tiza.runs.Run, language: str, **options: Any) -> Page:
    page = open_page(language, **options)
    page.goto(page.url.partition("#")[0] + f"#/run/{id_of(run.path)}/try")
    expect(page.locator(".t-inside h2")).to_have_text(catalogue(language)["page.try.inside"])
    return page


def stroke(page: Page, *points: tuple[float, float]) -> None:
    board = page.locator(".t-board canvas")
    board.scroll_into_view_if_needed()
    box = board.bounding_box()
    assert box is not None
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*at[0])
    page.mouse.down()
    for x, y in at[1:]:
        page.mouse.move(x, y, steps=15)
    page.mouse.up()


@pytest.mark.parametrize(("language", "width"), [("en", 1280), ("es", 390)])
def test_maps_follow_the_pen_and_nothing_jumps(
    open_page: Callable[..., Page], until: Callable[..., Any], home: Path, language: str, width: int
):
    run = trained({"name": "cnn", "channels": [6, 30], "kernels": [3], "strides": [1], "hidden": []})
    page = trying(open_page, run, language, viewport={"width": width, "height": 900})
    cells = page.locator(".t-cells li")
    expect(cells).to_have_count(6)
    kernel, last = cells.first.locator("canvas").first, cells.first.locator("canvas").last
    until(lambda: kernel.evaluate(INK) > 0)
    assert last.evaluate(INK) == 0, "nothing is drawn yet"
    before = page.locator(".t-inside").bounding_box()

    flying, most = 0, 0

    def began(request: Request) -> None:
        nonlocal flying, most
        if "/inside" in request.url:
            flying += 1
            most = max(most, flying)

    def ended(request: Request) -> None:
        nonlocal flying
        flying -= "/inside" in request.url

    page.on("request", began)
    page.on("requestfinished", ended)
    stroke(page, (0.3, 0.25), (0.6, 0.25), (0.45, 0.8))
    first = until(lambda: last.evaluate(INK))
    for k in range(4):
        stroke(page, (0.25, 0.3 + 0.1 * k), (0.7, 0.35 + 0.1 * k))
    until(lambda: last.evaluate(INK) != first)
    assert most == 1, "questions that overtake each other"
    assert page.locator(".t-inside").bounding_box() == before
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    chooser = page.get_by_label(catalogue(language)["page.try.layer"])
    chooser.focus()
    chooser.select_option("conv2")
    expect(cells).to_have_count(24)
    expect(page.locator(".t-inside p")).to_contain_text("24")
    until(lambda: cells.nth(3).locator("canvas").evaluate(INK) > 0)
    page.get_by_role("button", name=catalogue(language)["page.try.clear"]).click()
    until(lambda: cells.nth(3).locator("canvas").evaluate(INK) == 0)


def test_of_a_dense_network_the_units_that_answer_most_are_shown_with_their_weights(
    open_page: Callable[..., Page], until: Callable[..., Any], home: Path
):
    page = trying(open_page, trained({"name": "mlp", "hidden": [20, 14]}), "es")
    cells = page.locator(".t-cells li")
    expect(cells).to_have_count(12)
    expect(cells.first.locator("b")).to_have_text("–")
    before = page.locator(".t-inside").bounding_box()
    stroke(page, (0.3, 0.25), (0.6, 0.25), (0.45, 0.8))
    until(lambda: cells.first.locator("canvas").evaluate(INK) > 0)

    def read() -> tuple[list[str], list[float]]:
        told = [text.replace(",", ".") for text in cells.locator(".quiet").all_inner_texts()]
        return cells.locator("b").all_inner_texts(), [float(text) for text in told]

    until(lambda: read() == read())  # the answer to the last of the strokes is there
    units, told = read()
    assert len(set(units)) == 12
    assert told == sorted(told, reverse=True)
    assert page.locator(".t-inside").bounding_box() == before
    page.get_by_label(catalogue("es")["page.try.layer"]).select_option("linear2")
    expect(page.locator(".t-inside canvas")).to_have_count(0)
    until(lambda: cells.first.locator("b").inner_text() != "–")
