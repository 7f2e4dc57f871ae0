"""A client that has the token, a browser that has it, and runs to look at: the small 8×8 digits, trained once."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Page, sync_playwright

import tiza
from tiza.config import changed
from tiza.web.app import create_app

ROOT = Path(__file__).parents[2]
PORT = 8999
ORIGIN = f"http://127.0.0.1:{PORT}"
TOKEN = "a-token-for-the-tests"


@pytest.fixture
def client_of(home: Path) -> Callable[..., TestClient]:
    """Makes a browser of ours: the right Host, Origin and cookie."""

    def make(*named: Path) -> TestClient:
        client = TestClient(create_app(token=TOKEN, port=PORT, named=named), base_url=ORIGIN)
        client.headers["Origin"] = ORIGIN
        client.cookies.set(f"tiza-{PORT}", TOKEN)
        return client

    return make


@pytest.fixture
def client(client_of: Callable[..., TestClient]) -> TestClient:
    return client_of()


@pytest.fixture
def small() -> dict[str, Any]:
    """A recipe that trains in a moment."""
    return {"data": {"name": "digits"}, "model": {"name": "mlp", "hidden": [16]}, "plan": {"epochs": 2, "probe": 0.05}}


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, unpacked: Path) -> tiza.runs.Run:
    """A run with its report, in a TIZA_HOME of its own."""
    from tiza.config import Recipe, make

    home = tmp_path_factory.mktemp("finished")
    (home / "cache").symlink_to(unpacked)
    recipe = make(Recipe, {"data": {"name": "digits"}, "model": {"name": "mlp", "hidden": [16]}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIZA_HOME", str(home))
        run = tiza.fit(changed(recipe, ["plan.epochs=3", "plan.probe=0.01"]))
        tiza.evaluate(run)
    return run


@pytest.fixture
def done(home: Path, finished: tiza.runs.Run) -> tiza.runs.Run:
    """A copy of that run, and of the openings of its home."""
    path = home / "runs" / finished.name
    shutil.copytree(finished.path, path)
    shutil.copy(finished.path.parents[1] / "openings.jsonl", home)
    return tiza.runs.find(path)


@pytest.fixture
def until() -> Callable[..., Any]:
    """Waits for something to become true, and gives it; fails after a minute."""

    def wait(what: Callable[[], Any], seconds: float = 60) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := what():
                return found
            time.sleep(0.05)
        raise AssertionError("it did not come about")

    return wait


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser that scripts/browser.py finds, or gets."""
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "browser.py")], capture_output=True, text=True, check=True
    ).stdout.strip()


class Server:
    """``tiza open`` in a process of its own."""

    def __init__(self, language: str, port: str = "0") -> None:
        command = [sys.executable, "-m", "tiza.cli", "--lang", language, "open", "--no-browser", "--port", port]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address = next(w for w in self.process.stdout.readline().split() if w.startswith("http"))

    def end(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=20)


@pytest.fixture
def open_page(chromium: str, home: Path) -> Iterator[Callable[..., Page]]:
    """Opens a page; afterwards nothing was asked of the network, nothing complained, and all is closed."""
    servers: list[Server] = []
    foreign: list[str] = []
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )

        def again(page: Page, port: str) -> Page:
            """A new server, whose address the same browser opens in a further tab."""
            servers.append(Server("en", port))
            tab = page.context.new_page()
            tab.goto(servers[-1].address)
            return tab

        def open_one(language: str = "en", port: str = "0", **options: Any) -> Page:
            server = Server(language, port)
            servers.append(server)
            page = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options}).new_page()
            page.set_default_timeout(60_000)
            own = server.address.partition("/?")[0]
            page.on(
                "request", lambda r: foreign.append(r.url) if not r.url.startswith((own, "data:", "blob:")) else None
            )
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda m: complaints.append(m.text) if "Content Security" in m.text else None)
            page.goto(server.address)
            return page

        open_one.servers, open_one.again = servers, again  # type: ignore[attr-defined]
        yield open_one
        browser.close()
    for server in servers:
        server.end()
    assert foreign == []
    assert complaints == []
