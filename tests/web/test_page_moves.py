"""What moves on the page, in a real browser: the past played back, tiles, fingers and pens; and what stops moving."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, expect

import tiza
from tiza.config import Recipe, changed, make
from tiza.i18n import catalogue
from tiza.web.running import id_of

Until = Callable[..., Any]
Open = Callable[..., Page]
TEXT = catalogue("en")
LONG = {"data": {"name": "digits"}, "model": {"name": "mlp", "hidden": [16]}, "plan": {"epochs": 100_000, "probe": 0.1}}
INK = """(canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let sum = 0;
    for (let i = 3; i < data.length; i += 4) sum += data[i];
    return sum / 255;
}"""


def to(page: Page, view: str) -> None:
    page.goto(page.url.partition("#")[0] + f"#/{view}")


@pytest.fixture
def trained(open_page: Open, home: Path) -> Iterator[tuple[Page, tiza.runs.Run]]:
    """A page that looks at a training which goes on until the test is over."""
    page = open_page("en")
    page.evaluate(
        """(recipe) => fetch("/api/runs", {
            method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ recipe }),
        })""",
        LONG,
    )
    (run,) = tiza.runs.list_runs()
    try:
        to(page, f"run/{id_of(run.path)}")
        expect(page.locator(".l-status")).to_have_text("running", timeout=90_000)
        yield page, run
    finally:
        kill(run)


def kill(run: tiza.runs.Run) -> None:
    """What no process can hear coming."""
    for process in Path("/proc").iterdir():
        try:
            command = (process / "cmdline").read_bytes() if process.name.isdigit() else b""
        except OSError:
            continue
        if str(run.path).encode() in command:
            os.kill(int(process.name), signal.SIGKILL)


def test_the_past_is_played_and_the_play_ends(open_page: Open, done: tiza.runs.Run, until: Until):
    page = open_page("en")
    to(page, f"run/{id_of(done.path)}")
    slider = page.get_by_role("slider", name=TEXT["page.learn.scrub"], exact=True)
    at: Callable[[], int] = lambda: int(slider.get_attribute("aria-valuenow") or -1)  # noqa: E731
    end = until(lambda: at() > 0 and at())
    slider.press("Home")
    for _ in range(2):  # the last of three epochs takes seven seconds
        slider.press("PageUp")
    begun = at()
    assert 0 < begun < end
    page.get_by_role("button", name=TEXT["page.learn.play"], exact=True).click()
    stop = page.get_by_role("button", name=TEXT["page.learn.play.stop"], exact=True)
    expect(stop).to_be_visible()
    until(lambda: begun < at() < end)
    expect(stop).not_to_be_visible(timeout=20_000)
    assert at() == end
    expect(page.locator(".l-moment")).to_have_text("")


def test_a_lost_server_is_told_until_one_serves_again(trained: tuple[Page, tiza.runs.Run], open_page: Open):
    page, _ = trained
    (server,) = open_page.servers  # type: ignore[attr-defined]
    server.process.kill()
    server.process.communicate()
    lost = page.locator(".l-lost")
    expect(lost).to_have_text(TEXT["page.learn.lost"])
    other = open_page.again(page, str(urlsplit(server.address).port))  # type: ignore[attr-defined]
    expect(lost).to_have_count(0, timeout=15_000)
    expect(page.locator(".l-status")).to_have_text("running")
    before = page.locator(".l-step").inner_text()
    expect(page.locator(".l-step")).not_to_have_text(before)
    other.close()


def test_a_training_that_is_killed_is_told_within_five_seconds(trained: tuple[Page, tiza.runs.Run]):
    page, run = trained
    page.get_by_role("button", name=TEXT["page.learn.pause"], exact=True).click()  # its silence says nothing then
    expect(page.locator(".l-status")).to_have_text("paused")
    page.wait_for_timeout(2500)
    expect(page.locator(".l-status")).to_have_text("paused")
    kill(run)
    expect(page.locator(".l-status")).to_have_text("interrupted", timeout=5_000)


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_tiles_fly_unless_motion_is_not_wanted(open_page: Open, done: tiza.runs.Run, until: Until, motion: str):
    page = open_page("en", reduced_motion=motion)
    to(page, f"run/{id_of(done.path)}")
    canvas = page.locator(".l-validation canvas")
    until(lambda: canvas.count() and canvas.first.evaluate(INK) > 1000)
    page.wait_for_timeout(800)  # the frames spread over the past are at hand
    page.evaluate(f"""() => {{
        const canvas = document.querySelectorAll(".l-validation canvas")[1], ink = {INK};
        window.flown = 0;
        const look = () => {{ if (canvas.width && ink(canvas) > 0) window.flown++; requestAnimationFrame(look); }};
        look();
    }}""")
    slider = page.get_by_role("slider", name=TEXT["page.learn.scrub"], exact=True)
    before = canvas.first.screenshot()
    for key in ("Home", "End", "Home"):
        slider.press(key)
        page.wait_for_timeout(500)
    assert canvas.first.screenshot() != before
    assert (page.evaluate("window.flown") > 0) == (motion == "no-preference")


ZIGZAG = [(0.3, 0.2), (0.65, 0.2), (0.45, 0.45), (0.68, 0.62), (0.3, 0.8)]


def path_over(page: Page) -> list[tuple[float, float]]:
    """Points of a 3 on the sheet, in the window's pixels."""
    box = page.locator(".t-board canvas").bounding_box()
    assert box is not None
    corners = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in ZIGZAG]
    return [
        ((a[0] * (8 - i) + b[0] * i) / 8, (a[1] * (8 - i) + b[1] * i) / 8)
        for a, b in pairwise(corners) for i in range(9)
    ]  # fmt: skip


def test_a_finger_draws_and_the_page_does_not_scroll(open_page: Open, done: tiza.runs.Run):
    page = open_page("en", viewport={"width": 390, "height": 500}, has_touch=True, is_mobile=True)
    to(page, f"run/{id_of(done.path)}/try")
    expect(page.locator(".t-board")).to_be_visible()
    page.locator(".t-board").scroll_into_view_if_needed()
    before, points, touch = page.evaluate("scrollY"), path_over(page), page.context.new_cdp_session(page)
    for i, (x, y) in enumerate(points):
        kind = "touchMove" if i else "touchStart"
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.locator(".t-word strong")).to_have_text(re.compile(r"^\d$"))
    assert page.evaluate("scrollY") == before
    drawn = page.locator(".t-board canvas")
    assert drawn.evaluate(INK) > 0.03 * drawn.evaluate("(canvas) => canvas.width * canvas.height")
    expect(drawn).to_have_attribute("aria-label", TEXT["page.try.board"].format(n=1))


def test_a_pen_draws_the_thicker_the_harder_it_is_pressed(open_page: Open, done: tiza.runs.Run):
    page = open_page("en")
    to(page, f"run/{id_of(done.path)}/try")
    expect(page.locator(".t-board")).to_be_visible()
    points, pen, ink = path_over(page), page.context.new_cdp_session(page), {}
    for force in (0.2, 0.9):
        for i, (x, y) in enumerate(points):
            pen.send("Input.dispatchMouseEvent", {
                "type": "mouseMoved" if i else "mousePressed", "x": x, "y": y, "button": "left", "buttons": 1,
                "clickCount": 0 if i else 1, "pointerType": "pen", "force": force,
            })  # fmt: skip
        x, y = points[-1]
        pen.send("Input.dispatchMouseEvent", {
            "type": "mouseReleased", "x": x, "y": y, "button": "left", "clickCount": 1, "pointerType": "pen",
        })  # fmt: skip
        expect(page.locator(".t-word strong")).to_have_text(re.compile(r"^\d$"))
        ink[force] = page.locator(".t-board canvas").evaluate(INK)
        page.get_by_role("button", name=TEXT["page.try.clear"], exact=True).click()
    assert ink[0.9] > 1.3 * ink[0.2] > 0


def test_two_runs_are_laid_over_each_other_on_a_phone(open_page: Open, done: tiza.runs.Run):
    recipe = make(Recipe, {"data": {"name": "digits"}, "model": {"name": "mlp", "hidden": [4]}})
    other = tiza.fit(changed(recipe, ["plan.epochs=2"]))
    page = open_page("es", viewport={"width": 390, "height": 844})
    to(page, f"compare/{id_of(done.path)}/{id_of(other.path)}")
    for name in ("loss", "accuracy"):
        panel = page.locator(f".l-{name}")
        panel.scroll_into_view_if_needed()
        labels = panel.locator(".l-end:not([hidden])")
        expect(labels).to_have_count(4)
        assert {text[0] for text in labels.all_inner_texts()} == {"A", "B"}
        boxes = [box for label in labels.all() if (box := label.bounding_box())]
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)
        for i, one in enumerate(boxes):
            for two in boxes[i + 1 :]:
                apart = (
                    one["x"] + one["width"] <= two["x"] or two["x"] + two["width"] <= one["x"]
                    or one["y"] + one["height"] <= two["y"] + 1 or two["y"] + two["height"] <= one["y"] + 1
                )  # fmt: skip
                assert apart, (one, two)
        assert panel.locator(".u-wrap canvas").evaluate(INK) > 1000
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_pictures_that_do_not_fit_are_asked_for_one_by_one_and_no_tile_stays_empty(
    open_page: Open, home: Path, tmp_path: Path, until: Until
):
    y = np.arange(8_000) % 3
    x = np.zeros((len(y), 48, 48, 3), np.uint8)
    x[np.arange(len(y)), :, :, y] = 200 + (np.arange(len(y)) % 50)[:, None, None]  # red, green, blue: 55 MB
    np.savez_compressed(tmp_path / "colours.npz", x_train=x, y_train=y, x_test=x[:60], y_test=y[:60])
    data = tiza.load(str(tmp_path / "colours.npz")).config
    run = tiza.fit(tiza.Recipe(data=data, model={"name": "softmax"}, plan={"epochs": 10, "probe": 0.02}))  # type: ignore[arg-type]
    page = open_page("en")
    asked: list[int] = []
    page.on("response", lambda answer: asked.append(int(answer.headers.get("content-length", 0)))
            if "/train?" in answer.url else None)  # fmt: skip
    to(page, f"run/{id_of(run.path)}")
    slider = page.get_by_role("slider", name=TEXT["page.learn.scrub"], exact=True)
    assert (run.path / "events.jsonl").read_text().count('"kind": "probed"') > 5

    def whole() -> bool:
        share = page.locator(".l-batch canvas").first.evaluate("""(canvas) => {
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let bright = 0, drawn = 0;
            for (let i = 0; i < data.length; i += 4) {
                if (data[i + 3] < 20) continue;
                drawn++;
                const [r, g, b] = [data[i], data[i + 1], data[i + 2]].map((value) => value > 190);
                if (r + g + b === 1) bright++;
            }
            return drawn ? bright / drawn : 0;
        }""")
        return share > 0.9

    for key in ("Home", "PageUp", "ArrowLeft", "ArrowLeft", "End"):
        slider.press(key)
        until(whole, 20)
        time.sleep(0.1)
    assert 0 < sum(asked) < 20e6
