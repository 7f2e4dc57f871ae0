"""Calibration on the page: its numbers are those of ``tiza.explain.calibration``, by mouse, by keyboard, on a phone."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tiza import explain
from tiza.i18n import catalogue, number, set_language
from tiza.web.running import id_of


def results(page: Page, done: Any) -> Page:
    page.goto(page.url.partition("#")[0] + f"#/run/{id_of(done.path)}/results")
    expect(page.locator(".r-calibration")).to_be_visible(timeout=60_000)  # the model is asked first
    return page


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_numbers_are_those_of_the_library(open_page: Callable[..., Page], done: Any, language: str):
    of, text = explain.calibration(done), catalogue(language)
    page = results(open_page(language), done)
    set_language(language)
    heading = text["page.results.calibration"].format(error=number(of.width.error, ".1%"))
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    some = of.width.n > 0
    expect(page.locator(".r-dot")).to_have_count(int(some.sum()))
    page.locator(".r-calibration summary").click()
    rows = page.locator(".r-calibration tbody tr")
    expect(rows).to_have_count(int(some.sum()))
    for k, (n, sure) in enumerate(zip(of.width.n[some], of.width.confidence[some], strict=True)):
        expect(rows.nth(k).locator("td").nth(1)).to_have_text(number(int(n), ","))
        expect(rows.nth(k).locator("td").nth(2)).to_have_text(number(float(sure), ".1%"))

    outcome, slider = page.locator(".r-outcome span"), page.locator(".r-slider input")
    for one in (of.thresholds[0], of.thresholds[50], of.thresholds[90]):
        slider.fill(str(round(100 * one.at)))
        fields = {"n": number(one.n, ","), "of": number(of.n, ","), "share": number(one.coverage, ".1%")}
        expect(outcome).to_have_text(text["page.results.threshold.answered"].format(**fields))


def test_the_threshold_is_moved_by_keys_and_told(open_page: Callable[..., Page], done: Any):
    text = catalogue("en")
    page = results(open_page("en"), done)
    slider = page.get_by_role("slider", name=text["page.results.threshold"])
    said = page.locator(".r-slider output")
    slider.focus()
    expect(said).to_have_text("0\u00a0%")
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    expect(said).to_have_text("2\u00a0%")
    slider.press("End")
    expect(said).to_have_text("99.9\u00a0%")
    slider.press("Home")
    expect(said).to_have_text("0\u00a0%")
    told = slider.get_attribute("aria-valuetext") or ""
    assert page.locator(".r-outcome span").inner_text() in told
    assert page.locator(".r-outcome b").inner_text() in told


def test_the_share_that_is_wanted_finds_its_threshold(open_page: Callable[..., Page], done: Any):
    page = results(open_page("en"), done)
    thresholds = [one for one in explain.calibration(done).thresholds if one.at < 1]
    lowest = next(one for one in thresholds if one.accuracy is not None and one.accuracy >= 0.95)
    button = page.get_by_role("button", name="95\u00a0%", exact=True)
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".r-slider output")).to_have_text(number(lowest.at, ".0%"))
    expect(page.locator(".r-outcome span")).to_contain_text(f"Answers {lowest.n} of")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_all_of_it_has_room(open_page: Callable[..., Page], done: Any, scheme: str):
    page = results(open_page("es", viewport={"width": 390, "height": 800}, color_scheme=scheme), done)
    page.locator(".r-calibration summary").click()
    page.locator(".r-slider input").fill("99")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for box in [place.bounding_box() for place in page.locator(".r-calibration :is(.r-plot, button, input)").all()]:
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    small = page.evaluate(
        "[...document.querySelectorAll('.r-plot text')].filter((one) => one.getBoundingClientRect().height < 11).length"
    )
    assert small == 0
