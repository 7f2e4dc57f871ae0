"""The printed sheet in a browser: it fits on A4 and US Letter, in both languages, and asks nothing of the network."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

import tiza
from tiza import explain
from tiza.config import Recipe, make
from tiza.i18n import set_language

PAPER = {"A4": 210 - 30, "Letter": 215.9 - 30}  # mm between the margins
NETWORKS = {
    "cnn": ({"name": "mnist", "limit": 300}, {"name": "cnn", "channels": [6, 8], "kernels": [5]}),
    "mlp": ({"name": "mnist", "limit": 300}, {"name": "mlp"}),
    "iris": ({"name": "iris"}, {"name": "mlp", "hidden": [8]}),
    "resnet18": ({"name": "mnist", "limit": 300}, {"name": "resnet18", "width": 4}),
}
WIDER = """() => [...document.querySelectorAll('body *')].filter((e) => {
  const box = e.getBoundingClientRect();
  return box.right > document.documentElement.clientWidth + 1 || box.left < -1;
}).map((e) => e.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.mark.parametrize("name", [*NETWORKS, "logits"])
def test_nothing_is_wider_than_the_paper(browser: Browser, tmp_path: Path, name: str):
    if name == "logits":
        of = explain.steps([[2.0, -0.5, 700.1, -1.2]] * 7, [2, 0, 3, 1, 1, 2, 0])
    else:
        data, model = NETWORKS[name]
        plan = {"epochs": 1, "threads": 1, "probe": 0, "weight_decay": 0.01}
        of = explain.trace(tiza.fit(make(Recipe, {"data": data, "model": model, "plan": plan})), 3)
    for language in ("en", "es"):
        set_language(language)
        for path in explain.save_sheet(explain.sheet(of), tmp_path / language):
            asked: list[str] = []
            page = browser.new_page()
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.goto(path.as_uri())
            page.emulate_media(media="print")
            for paper, width in PAPER.items():
                page.set_viewport_size({"width": int(width / 25.4 * 96), "height": 900})
                assert page.evaluate(WIDER) == [], (language, path.stem, paper)
                assert page.pdf(format=paper).count(b"/Type /Page\n") >= 2
            page.emulate_media(media="screen")
            page.set_viewport_size({"width": 390, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, (language, path.stem, "screen")
            assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
            page.close()
