"""Who may ask: every route refuses a foreign Host or Origin and who has no token, before it does anything."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from starlette.routing import Mount, Route

from tiza.web.app import create_app
from tiza.web.guard import MOST

PORT, TOKEN = 8999, "a-token-for-the-tests"
ORIGIN = f"http://127.0.0.1:{PORT}"
ROUTES = [
    (method, re.sub(r"\{(\w+)(:path)?\}", "0", route.path) if isinstance(route, Route) else "/index.html")
    for route in create_app(token=TOKEN, port=PORT).routes
    if isinstance(route, (Route, Mount))
    for method in sorted((getattr(route, "methods", None) or {"GET"}) - {"HEAD"})
]


def asked(method: str, path: str, *, token: bool = True, **headers: str | None) -> int:
    """The status of the answer to one request."""
    client = TestClient(create_app(token=TOKEN, port=PORT), base_url=ORIGIN, follow_redirects=False)
    if token:
        client.cookies.set(f"tiza-{PORT}", TOKEN)
    given = {"origin": ORIGIN, **headers}
    with client.stream(
        method, path, headers={name: value for name, value in given.items() if value is not None}
    ) as answer:
        return answer.status_code


def test_all_routes_are_asked():
    assert ("GET", "/api/runs/0/live") in ROUTES
    assert ("POST", "/api/runs/0/control") in ROUTES
    assert ("DELETE", "/api/runs/0") in ROUTES
    assert len(ROUTES) >= 20


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "headers",
    [
        {"host": f"evil.example:{PORT}"},
        {"host": "127.0.0.1:1"},
        {"host": "127.0.0.1"},
        {"host": f"127.0.0.1.evil.example:{PORT}"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": f"https://127.0.0.1:{PORT}"},
        {"origin": f"http://127.0.0.1:{PORT}1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=lambda headers: "=".join(*headers.items()),
)
def test_foreign_hosts_and_origins_are_refused(home: Path, method: str, path: str, headers: dict[str, str]):
    assert asked(method, path, **headers) == 403


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_who_has_no_token_is_refused(home: Path, method: str, path: str):
    assert asked(method, path, token=False) == 401


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[0] != "GET"])
def test_what_changes_something_needs_an_origin(home: Path, method: str, path: str):
    assert asked(method, path, origin=None) == 403


def test_the_token_becomes_a_cookie_that_no_script_and_no_other_site_can_use(home: Path):
    client = TestClient(create_app(token=TOKEN, port=PORT), base_url=ORIGIN, follow_redirects=False)
    answer = client.get("/", params={"token": TOKEN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert re.fullmatch(rf"tiza-{PORT}={TOKEN}; HttpOnly; Path=/; SameSite=strict", answer.headers["set-cookie"])
    assert client.get("/api/runs").status_code == 200


@pytest.mark.parametrize("given", ["", "x", TOKEN + "x", "ñ"])
def test_another_token_opens_nothing(home: Path, given: str):
    client = TestClient(create_app(token=TOKEN, port=PORT), base_url=ORIGIN, follow_redirects=False)
    assert client.get("/", params={"token": given}).status_code == 401
    client.cookies.set(f"tiza-{PORT}", given.encode("latin-1").decode("ascii", "ignore"))
    assert client.get("/api/runs").status_code == 401


def test_the_token_counts_at_the_first_address_alone(home: Path):
    client = TestClient(create_app(token=TOKEN, port=PORT), base_url=ORIGIN)
    assert client.get("/api/runs", params={"token": TOKEN}).status_code == 401


def test_every_answer_forbids_scripts_from_elsewhere(client: TestClient):
    for path in ("/api/runs", "/api/runs/none", "/nothing"):
        policy = client.get(path).headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_refusal_is_a_sentence_in_the_browsers_language(home: Path, language: str):
    client = TestClient(create_app(token=TOKEN, port=PORT), base_url=ORIGIN)
    error = client.get("/api/runs", headers={"Accept-Language": language}).json()["error"]
    assert error["code"] == "page-token"
    assert ("clave" if language == "es" else "token") in error["message"]


def test_a_body_that_is_too_large_is_not_read(client: TestClient):
    answer = client.post("/api/check", content=b" " * (MOST + 1), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "page-too-much")


def test_a_body_that_hides_its_size_is_cut_off(client: TestClient):
    def endless():
        for _ in range(20):
            yield b" " * 10_000

    answer = client.post("/api/check", content=endless(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
