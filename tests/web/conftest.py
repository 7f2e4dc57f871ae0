"""A client that has the token, and runs to look at: the small 8×8 digits, trained once."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import tiza
from tiza.config import changed
from tiza.web.app import create_app

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


@pytest.fixture
def done(home: Path) -> tiza.runs.Run:
    """A finished run with its report."""
    from tiza.config import Recipe, make

    recipe = make(Recipe, {"data": {"name": "digits"}, "model": {"name": "mlp", "hidden": [16]}})
    run = tiza.fit(changed(recipe, ["plan.epochs=3", "plan.probe=0.01"]))
    tiza.evaluate(run)
    return run


@pytest.fixture
def until() -> Callable[..., Any]:
    """Waits for something to become true, and gives it; fails after half a minute."""

    def wait(what: Callable[[], Any], seconds: float = 30) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := what():
                return found
            time.sleep(0.05)
        raise AssertionError("it did not come about")

    return wait
