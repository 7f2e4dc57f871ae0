"""``make screenshots``: the page in every view and state, light and dark, from 390 to 1920 pixels, into out/page.

    python scripts/screenshots.py [--only WORD] [--into FOLDER] [--widths 390,1280]

Trains a few small networks in a home of its own first, about a minute.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from browser import get
from playwright.sync_api import Page, sync_playwright

WIDTHS = {390: 844, 768: 1024, 1280: 800, 1920: 1080}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SETTLED = "() => document.querySelector('main > *') && !document.querySelector('.p-loading, [data-loading=true]')"
TIZA = [sys.executable, "-m", "tiza.cli"]


@contextmanager
def served(home: Path) -> Iterator[str]:
    """The address of a page that shows the runs of ``home``."""
    server = subprocess.Popen(
        [*TIZA, "open", "--no-browser", "--port", "0"], stdout=subprocess.PIPE, text=True, env=environment(home)
    )
    assert server.stdout is not None
    try:
        yield next(word for word in server.stdout.readline().split() if word.startswith("http"))
    finally:
        server.terminate()
        server.wait()


def environment(home: Path) -> dict[str, str]:
    """Where runs are kept and in which language the command speaks."""
    return os.environ | {"TIZA_HOME": str(home), "TIZA_LANG": "en"}


def trained(home: Path, *options: str) -> None:
    """One run in ``home``; it may fail."""
    subprocess.run([*TIZA, "train", *options], env=environment(home), capture_output=True)


def searched(home: Path) -> None:
    """A search with trials that tie, that are worse and that diverge."""
    grid = ["--grid", "plan.lr=0.001,0.003,0.01,0.03,1e30", "--grid", "model.hidden=8,16,32,64", "--repeats", "2"]
    options = ["digits", "--model", "mlp", "--set", "plan.epochs=20", *grid]
    subprocess.run([*TIZA, "search", *options], env=environment(home), capture_output=True)


def begun(home: Path) -> subprocess.Popen[bytes]:
    """A run that goes on for as long as nobody ends it."""
    options = ["--model", "mlp", "--set", "plan.epochs=1000000", "--set", "plan.probe=0.1", "--json"]
    going = subprocess.Popen([*TIZA, "train", "digits", *options], env=environment(home), stdout=subprocess.DEVNULL)
    time.sleep(8)
    return going


def failed(folder: Path) -> None:
    """A run that the page began and that could not be."""
    folder.mkdir()
    options = ["--set", "plan.batch_size=1", "--set", "model.batch_norm=true"]
    with (folder / "training.log").open("w") as said:
        subprocess.run([*TIZA, "train", "iris", *options, "--json"], env=environment(folder.parents[1]), stdout=said)
    made = subprocess.run(
        [sys.executable, "-c", "import tiza; print(tiza.recipes['004-iris'].model_dump_json())"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    (folder / "recipe.json").write_text(made.stdout)


def views(address: str) -> dict[str, Callable[[Page], None]]:
    """What is done on the page before each picture, by the picture's name."""

    def to(route: str, then: Callable[[Page], None] = lambda page: None) -> Callable[[Page], None]:
        def go(page: Page) -> None:
            page.goto(f"{address.partition('#')[0]}#/{route}")
            page.wait_for_function(SETTLED)
            page.wait_for_timeout(900)
            then(page)

        return go

    ids = {line["data"] + "-" + line["status"]: line["id"] for line in listed(address, "runs")}
    found: dict[str, Callable[[Page], None]] = {"home": to(""), "new": to("new"), "gone": to("run/0000000000000000")}

    def unanswered(what: str, route: str) -> Callable[[Page], None]:
        def go(page: Page) -> None:
            page.route(what, lambda route: None)
            page.goto(f"{address.partition('#')[0]}#/{route}")
            page.wait_for_timeout(1500)

        return go

    found |= {"loading": unanswered("**/api/runs**", ""), "faulty": to("new", faulty)}
    if "iris-done" in ids:
        found["waiting"] = unanswered("**/findings", f"run/{ids['iris-done']}/results")
    for name, id in ids.items():
        found[f"learn-{name}"] = to(f"run/{id}")
        found[f"results-{name}"] = to(f"run/{id}/results")
        found[f"try-{name}"] = to(f"run/{id}/try", drawn)
        if name.endswith("-running"):
            found[f"paused-{name}"] = to(f"run/{id}", pause)
    for line in listed(address, "searches"):
        found[f"search-{line['status']}"] = to(f"search/{line['id']}")
    if len(ids) > 1:
        found["compare"] = to("compare/" + "/".join(list(ids.values())[:2]))
    return found


def faulty(page: Page) -> None:
    """Fields that can't be, in each part of the form."""
    page.locator(".c-more summary").first.click()
    for place, text in (("data.limit", "3"), ("model.channels", "16, x"), ("plan.lr", "-1")):
        page.locator(f"[id='{place}']").fill(text)
    page.wait_for_timeout(900)


def pause(page: Page) -> None:
    """Press the button that pauses, or goes on."""
    page.locator(".l-buttons button.main").click()
    page.wait_for_timeout(900)


def drawn(page: Page) -> None:
    """A three, drawn on the sheet if there is one."""
    sheet = page.locator("canvas").first
    box = sheet.bounding_box() if sheet.count() else None
    if box is None:
        return
    points = [(0.3, 0.22), (0.62, 0.22), (0.64, 0.4), (0.45, 0.48), (0.66, 0.56), (0.64, 0.76), (0.3, 0.78)]
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*at[0])
    page.mouse.down()
    for x, y in at[1:]:
        page.mouse.move(x, y, steps=8)
    page.mouse.up()
    page.wait_for_timeout(900)


def listed(address: str, what: str) -> list[dict[str, str]]:
    """The ``runs`` or ``searches`` that the server lists."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=get(), args=FLAGS)
        page = browser.new_page()
        page.goto(address)
        page.wait_for_timeout(1500)
        lines = page.evaluate(f"fetch('/api/{what}').then((answer) => answer.json())")
        browser.close()
    return lines


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description="Pictures of the page in every view and state.")
    parser.add_argument("--only", default="", help="only views whose name holds this word")
    parser.add_argument("--into", type=Path, default=Path("out/page"))
    parser.add_argument("--widths", default=",".join(map(str, WIDTHS)))
    parser.add_argument("--home", type=Path, help="show the runs of this TIZA_HOME, and train none")
    parser.add_argument("--readme", action="store_true", help="only docs/page.png and docs/page.es.png")
    asked = parser.parse_args()
    if asked.readme:
        readme()
        return
    asked.into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = asked.home or Path(folder)
        if not asked.home:
            pictures(home, asked, "empty")
            trained(home, "iris", "--set", "plan.lr=1e-5", "--set", "plan.epochs=3")  # of which much is to be said
            trained(home, "points", "--set", "data.kind=circles", "--set", "plan.epochs=30", "--set", "plan.probe=0.1")
            trained(home, "fashion-mnist", "--set", "plan.lr=1e9", "--set", "plan.optimizer=sgd")
            trained(home, "mnist", "--set", "plan.probe=0.1")
            failed(home / "runs" / "failed")
            searched(home)
            cut = begun(home)
            cut.kill()
            cut.wait()
        going = None if asked.home else begun(home)
        try:
            pictures(home, asked)
        finally:
            if going is not None:
                going.terminate()
                going.wait()


def readme() -> None:
    """The pictures of the READMEs: MNIST in its third epoch, in English by day and in Spanish at the board."""
    docs = Path(__file__).parents[1] / "docs"
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=get(), args=FLAGS)
        options = ["mnist", "--sealed", "--set", "plan.epochs=8", "--set", "plan.probe=0.1", "--json"]
        training = subprocess.Popen(
            [*TIZA, "train", *options], env=environment(Path(folder)), stdout=subprocess.DEVNULL
        )
        pages = []
        for scheme, language in (("light", "en"), ("dark", "es")):
            page = browser.new_page(
                viewport={"width": 1280, "height": 860}, color_scheme=scheme, device_scale_factor=1.5
            )
            page.goto(address.replace("lang=en", f"lang={language}"))
            page.locator(".h-run a").first.click(timeout=60_000)
            pages.append((page, "page.png" if language == "en" else f"page.{language}.png"))
        for page, name in pages:
            page.wait_for_function(
                "() => /[3-9] (of|de) 8/.test(document.querySelector('.l-panel')?.ownerDocument.body.textContent)",
                timeout=120_000,
            )
            page.wait_for_timeout(2000)
            page.screenshot(path=docs / name)
        training.terminate()
        training.wait()
        browser.close()


def picture(page: Page, path: Path) -> None:
    """What is in sight; where that is not all, everything: only what is in sight is painted, so a window grows."""
    page.screenshot(path=path)
    window = page.viewport_size
    height = page.evaluate("document.documentElement.scrollHeight")
    if window is None or height <= window["height"]:
        return
    page.set_viewport_size({"width": window["width"], "height": height})
    page.wait_for_timeout(500)
    page.screenshot(path=path.with_stem(f"{path.stem}-whole"))
    page.set_viewport_size(window)


def pictures(home: Path, asked: argparse.Namespace, name: str = "") -> None:
    """All views of one home; ``name`` for its home view alone."""
    with served(home) as address:
        todo = {name: views(address)["home"]} if name else views(address)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=get(), args=FLAGS)
            for width in map(int, asked.widths.split(",")):
                for scheme, language in (("light", "en"), ("dark", "es")):
                    page = browser.new_page(
                        viewport={"width": width, "height": WIDTHS.get(width, 900)}, color_scheme=scheme,
                        locale="es-ES" if language == "es" else "en-GB",
                    )  # fmt: skip
                    page.goto(address.replace("lang=en", f"lang={language}"))
                    page.wait_for_timeout(600)
                    for view, go in todo.items():
                        if asked.only in view:
                            go(page)
                            picture(page, asked.into / f"{view}-{width}-{scheme}-{language}.png")
                            page.unroute_all(behavior="ignoreErrors")
                            if view.startswith("paused"):
                                pause(page)
                    page.close()
            browser.close()


if __name__ == "__main__":
    main()
