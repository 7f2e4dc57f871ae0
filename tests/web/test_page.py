"""The page in a real browser, headless Chromium: from the first visit to a digit that is read, in both languages."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tiza.i18n import catalogue
from tiza.web.app import STATIC
from tiza.web.running import id_of

ROOT = Path(__file__).parents[2]
AXE = ROOT / "page" / "node_modules" / "axe-core" / "axe.min.js"
Until = Callable[..., Any]


def test_the_built_page_is_small_and_names_no_other_server():
    scripts = [path.read_bytes() for path in STATIC.rglob("*.js")]
    assert 0 < sum(len(gzip.compress(script)) for script in scripts) <= 120_000
    whole = b"".join(
        [*scripts, *(path.read_bytes() for pattern in ("*.css", "*.html") for path in STATIC.rglob(pattern))]
    )
    assert set(re.findall(rb"https?://[\w.-]+", whole)) <= {b"http://www.w3.org"}
    assert b"<script>" not in (STATIC / "index.html").read_bytes()


def draw_a_three(page: Page) -> None:
    """With the mouse, as a hand would: two bows."""
    box = page.locator(".t-board canvas").bounding_box()
    assert box is not None
    points = [(0.3, 0.24), (0.45, 0.18), (0.62, 0.24), (0.62, 0.4), (0.46, 0.48), (0.64, 0.56), (0.64, 0.74), (0.46, 0.82), (0.3, 0.76)]  # fmt: skip # noqa: E501
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*at[0])
    page.mouse.down()
    for x, y in at[1:]:
        page.mouse.move(x, y, steps=6)
    page.mouse.up()


@pytest.mark.parametrize("language", ["en", "es"])
def test_from_a_first_visit_to_a_digit_that_is_read(open_page: Callable[..., Page], until: Until, language: str):
    """First visit, a run, pause, six panels that move, scrub, results, a 3 drawn; after a restart the run is there."""
    text = catalogue(language)
    page = open_page(language)
    page.get_by_role("button", name=text["page.first.start"]).click()

    panels = [page.locator(f".l-{name}") for name in ("batch", "validation", "loss", "accuracy", "weights", "biases")]
    pause = page.get_by_role("button", name=text["page.learn.pause"], exact=True)
    expect(pause).to_be_enabled(timeout=90_000)
    pause.click()
    go_on = page.get_by_role("button", name=text["page.learn.go-on"], exact=True)
    expect(go_on).to_be_visible()
    before = [panel.screenshot() for panel in panels]
    go_on.click()
    until(lambda: all(panel.screenshot() != old for panel, old in zip(panels, before, strict=True)), 120)

    slider = page.get_by_role("slider", name=text["page.learn.scrub"], exact=True)
    there = [panel.screenshot() for panel in panels[:2]]
    slider.focus()
    slider.press("Home")
    expect(slider).to_have_attribute("aria-valuenow", "0")
    until(lambda: all(panel.screenshot() != now for panel, now in zip(panels[:2], there, strict=True)), 60)
    slider.press("End")

    done = page.locator(".p-facts", has_text=text["page.status.done"])
    expect(done).to_be_visible(timeout=240_000)
    page.get_by_role("link", name=text["page.run.results"], exact=True).click()
    cell = page.locator(".r-wrong button").first
    expect(cell).to_be_visible(timeout=120_000)
    cell.click()
    expect(page.locator(".r-columns canvas").first).to_be_visible()

    page.get_by_role("link", name=text["page.run.try"], exact=True).click()
    draw_a_three(page)
    expect(page.locator(".t-word strong")).to_have_text("3")
    expect(page.locator(".t-bars li")).to_have_count(10)

    open_page.servers[0].end()  # type: ignore[attr-defined]
    again = open_page(language)
    again.locator(".h-run a").first.click()
    expect(again.locator(".p-facts", has_text=text["page.status.done"])).to_be_visible()


def test_the_language_changes_at_the_top(open_page: Callable[..., Page]):
    page = open_page("en")
    expect(page.get_by_role("button", name=catalogue("en")["page.first.start"])).to_be_visible()
    page.get_by_role("button", name="Español").click()
    expect(page.get_by_role("button", name=catalogue("es")["page.first.start"])).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "es"


@pytest.mark.parametrize("width", [360, 768, 1280, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_view_is_wider_than_the_window_and_axe_finds_nothing_serious(
    open_page: Callable[..., Page], done: Any, width: int, scheme: str
):
    page = open_page("es", viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
    run = f"#/run/{id_of(done.path)}"
    for view in (
        "#/",
        "#/new",
        run,
        f"{run}/results",
        f"{run}/try",
        f"#/compare/{id_of(done.path)}/{id_of(done.path)}",
    ):
        page.goto(page.url.partition("#")[0] + view)
        page.wait_for_timeout(700)
        expect(page.locator(".p-loading")).to_have_count(0, timeout=60_000)  # while it appears it is pale
        assert page.evaluate("document.documentElement.scrollWidth") <= width, view
        page.add_script_tag(path=str(AXE))
        found = page.evaluate("axe.run().then((result) => result.violations)")
        serious = [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")]
        assert serious == [], view


def test_pictures_are_dropped_and_bad_ones_told(open_page: Callable[..., Page], done: Any, tmp_path: Path):
    page = open_page("en")
    page.goto(page.url.partition("#")[0] + f"#/run/{id_of(done.path)}/try")
    chosen = page.locator("input[type=file]")
    chosen.set_input_files(ROOT / "examples" / "pen.png")
    expect(page.locator(".t-word strong")).to_have_text(re.compile(r"\d"))
    broken = tmp_path / "broken.png"
    broken.write_bytes((ROOT / "examples" / "pen.png").read_bytes()[:200])
    chosen.set_input_files(broken)
    expect(page.locator(".t-said")).to_contain_text("damaged")


def test_a_run_deleted_while_it_is_open_is_told(open_page: Callable[..., Page], done: Any):
    page = open_page("en")
    page.goto(page.url.partition("#")[0] + f"#/run/{id_of(done.path)}")
    expect(page.locator(".l-loss")).to_be_visible()
    done.delete()
    page.get_by_role("link", name="Results", exact=True).click()
    page.reload()
    expect(page.get_by_text(catalogue("en")["page.run.gone"])).to_be_visible()


def test_deleting_has_an_undo(open_page: Callable[..., Page], done: Any):
    page = open_page("en")
    page.goto(page.url.partition("#")[0] + "#/")
    page.locator(".h-run button").click()
    expect(page.locator(".h-run")).to_have_count(0)
    page.get_by_role("button", name=catalogue("en")["page.undo"]).click()
    expect(page.locator(".h-run")).to_have_count(1)
    assert done.path.exists()


def test_a_new_run_is_checked_as_one_types_and_shows_its_code(open_page: Callable[..., Page]):
    page = open_page("en")
    page.goto(page.url.partition("#")[0] + "#/new")
    rate = page.get_by_label(re.compile("learning rate"))
    expect(rate).to_be_visible(timeout=60_000)
    rate.fill("-1")
    expect(page.locator(".fault").first).to_be_visible()
    expect(page.get_by_role("button", name=catalogue("en")["page.create.start"])).to_be_disabled()
    rate.fill("0.02")
    expect(page.locator("pre", has_text="plan.lr=0.02")).to_be_visible()
    page.get_by_text(catalogue("en")["page.create.data.more"]).click()
    limit = page.get_by_label(catalogue("en")["page.field.data.limit"])
    limit.fill("3")
    expect(page.locator(".c-field", has=limit).locator(".fault")).to_be_visible()
    limit.fill("600")
    divided = catalogue("en")["page.create.divided"].format(train="540", valid="60", test="10,000")
    expect(page.get_by_text(divided)).to_be_visible()
    expect(page.locator("pre", has_text="data.limit=600")).to_be_visible()
    expect(page.get_by_role("button", name=catalogue("en")["page.create.start"])).to_be_enabled()
