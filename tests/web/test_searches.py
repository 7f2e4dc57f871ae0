"""The page's searches: the API says what ``Trials`` says; in a real browser the map fills while a real search runs."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Page, expect

import tiza
from tiza.config import Recipe, changed, make
from tiza.i18n import catalogue
from tiza.runs import Run
from tiza.trials import folder
from tiza.trials.table import Trials
from tiza.web.running import id_of

ROOT = Path(__file__).parents[2]
AXE = ROOT / "page" / "node_modules" / "axe-core" / "axe.min.js"
GRID = {"plan.lr": [0.001, 0.01, 1e30], "model.hidden": [8, 16]}
Until = Callable[..., Any]


def recipe(epochs: int = 2) -> Recipe:
    plain = make(Recipe, {"data": {"name": "digits"}, "model": {"name": "mlp", "hidden": [16]}})
    return changed(plain, [f"plan.epochs={epochs}", "data.limit=400"])


@pytest.fixture
def found(home: Path) -> Trials:
    """A finished search of six trials, two of them divergent, whose winner met test."""
    return tiza.search(recipe(), GRID, repeats=2)


@contextmanager
def searching(*options: str) -> Iterator[subprocess.Popen[bytes]]:
    """``tiza search`` in a process of its own."""
    words = [sys.executable, "-m", "tiza.cli", "search", "digits", "--model", "mlp", "--sealed", "--json", *options]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


LONG = ["--set", "plan.epochs=400", "--no-reuse", "--grid", "plan.lr=0.001,0.01,0.1", "--grid", "plan.batch_size=16,32"]


# --- the API


def test_the_list_and_the_details_say_what_trials_says(client: TestClient, found: Trials):
    line = client.get("/api/searches").json()
    details = client.get(f"/api/searches/{id_of(found.path)}").json()
    best = found.rows[0]
    assert [(one["id"], one["status"], one["done"], one["of"]) for one in line] == [(id_of(found.path), "done", 12, 12)]
    assert line[0]["best"] == pytest.approx(best["accuracy"], abs=1e-12)
    assert (line[0]["data"], line[0]["model"], line[0]["name"]) == ("digits", "mlp", found.name)
    assert [one["field"] for one in details["fields"]] == list(GRID)
    assert [one["values"] for one in details["fields"]] == list(GRID.values())
    columns = ("accuracy", "low", "high", "rank", "verdict", "same_as", "status", "values")
    assert [one["number"] for one in details["trials"]] == [row["trial"] for row in found.rows]
    assert [[one[c] for c in columns] for one in details["trials"]] == [[row[c] for c in columns] for row in found.rows]
    ranked = details["ranked"]
    assert (ranked["best"], ranked["ties"]) == (found.best, len(found.ties))
    assert ranked["optimism"] == found.optimism
    assert ranked["effects"] == found.effects
    assert ranked["diverged"] == 2
    assert found.report is not None
    assert found.report.test is not None
    assert ranked["test"]["accuracy"] == found.report.test["accuracy"]
    assert details["samples"] == len(found.labels[0])


def test_a_trial_has_its_curve_its_confusion_and_a_command_that_trains_it(client: TestClient, found: Trials):
    k = found.best
    trial = client.get(f"/api/searches/{id_of(found.path)}/trials/{k}").json()
    assert trial["curve"] == found.curve(k)
    assert trial["confusion"] == found.confusion(k).tolist()
    assert make(Recipe, trial["recipe"]) == found.recipe(k)
    assert trial["code"]["command"].startswith("tiza train ")
    assert (trial["startable"], trial["number"], trial["verdict"]) == (True, k, "best")
    assert client.post("/api/check", json={"recipe": trial["recipe"]}).json()["faults"] == []


def test_a_trial_that_is_none_and_a_search_that_is_not_there_are_told(client: TestClient, found: Trials):
    id = id_of(found.path)
    answer = client.get(f"/api/searches/{id}/trials/99")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "search-no-trial")
    for path in ("/api/searches/0000000000000000", "/api/searches/0000000000000000/trials/0"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "page-no-search")
    assert client.get(f"/api/searches/{id}/trials/-1").status_code == 422


def test_ids_tell_nothing_of_the_folder_and_no_folder_can_be_asked_for(client: TestClient, found: Trials):
    line = client.get("/api/searches").json()[0]
    assert str(found.path.parent) not in json.dumps(line)
    for asked in (found.name, "last", str(found.path).replace("/", "%2F")):
        assert client.get(f"/api/searches/{asked}").status_code == 404


def test_the_newest_comes_first_and_what_is_no_search_is_passed_over(client: TestClient, found: Trials):
    newer = tiza.search(recipe(1), {"plan.lr": [0.01, 0.02]}, sealed=True)
    (found.path.parent / "none").mkdir()
    assert [one["name"] for one in client.get("/api/searches").json()] == [newer.name, found.name]


BROKEN: dict[str, Callable[[Path], Any]] = {
    "search.json cut off": lambda path: (path / "search.json").write_text('{"v": 1'),
    "search.json of another kind": lambda path: (path / "search.json").write_text('{"search": [], "classes": 3}'),
    "search.json a list": lambda path: (path / "search.json").write_text("[]"),
    "no samples.json": lambda path: (path / "samples.json").unlink(),
    "samples.json of others": lambda path: (path / "samples.json").write_text('{"labels": [[1, 2]], "train": [3]}'),
    "samples.json empty": lambda path: (path / "samples.json").write_text('{"labels": [], "train": []}'),
    "trials.jsonl of noise": lambda path: (path / "trials.jsonl").write_bytes(bytes(range(256)) * 9 + b"\n[]\n{}\n"),
    "trials.jsonl a folder": lambda path: ((path / "trials.jsonl").unlink(), (path / "trials.jsonl").mkdir()),
    "no trials.jsonl": lambda path: (path / "trials.jsonl").unlink(),
    "accuracies that are none": lambda path: (path / "trials.jsonl").write_text(
        (path / "trials.jsonl").read_text().replace('"accuracy": 0', '"accuracy": NaN, "x": 0')
    ),
    "progress.json cut off": lambda path: (path / "progress.json").write_text('{"status": "do'),
    "progress.json of noise": lambda path: (path / "progress.json").write_text('{"accuracy": {"a": []}, "left": "x"}'),
    "winner.json of noise": lambda path: (path / "winner.json").write_text('{"trial": 0, "report": []}'),
    "winner.json cut off": lambda path: (path / "winner.json").write_text("{"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_damaged_folder_is_told_and_never_breaks_the_page(client: TestClient, found: Trials, what: str):
    BROKEN[what](found.path)
    id = id_of(found.path)
    line = client.get("/api/searches")
    assert (line.status_code, len(line.json())) == (200, 1)
    details = client.get(f"/api/searches/{id}")
    assert details.status_code == 200
    assert details.json()["status"] in ("done", "interrupted", "damaged")
    assert (details.json()["failure"] is not None) == (details.json()["status"] == "damaged")
    trial = client.get(f"/api/searches/{id}/trials/0")
    assert trial.status_code in (200, 409, 422)
    assert str(found.path.parent) not in details.text + trial.text


def test_progress_that_nobody_makes_is_interrupted_and_says_how_to_go_on(client: TestClient, found: Trials):
    progress = folder.read_json(found.path / "progress.json")
    folder.say(found.path, progress | {"status": "running"})
    details = client.get(f"/api/searches/{id_of(found.path)}").json()
    assert details["status"] == "interrupted"
    assert details["resume"] == f"tiza search --resume {found.name}"
    with Run(found.path).locked():
        details = client.get(f"/api/searches/{id_of(found.path)}").json()
        assert (details["status"], details["ranked"], details["resume"]) == ("running", None, None)
        assert {one["status"] for one in details["trials"]} == {"done", "diverged"}


def test_drawn_values_are_told_apart_from_listed_ones(client: TestClient, home: Path):
    drawn = {"plan.lr": "log(0.001, 0.1)", "model.hidden": "integer(8, 11)", "plan.optimizer": ["adam", "sgd"]}
    found = tiza.search(recipe(1), drawn, trials=20, sealed=True)
    fields = client.get(f"/api/searches/{id_of(found.path)}").json()["fields"]
    assert [(one["drawn"], len(one["values"])) for one in fields] == [(True, 0), (False, 4), (False, 2)]
    assert fields[1]["values"] == [8, 9, 10, 11]


def test_values_that_are_lists_and_folds_without_fields(client: TestClient, home: Path):
    lists = tiza.search(recipe(1), {"model.hidden": [[8], [8, 4]]}, sealed=True)
    details = client.get(f"/api/searches/{id_of(lists.path)}").json()
    assert details["status"] == "done"
    assert sorted(one["value"] for one in details["ranked"]["effects"]) == [[8], [8, 4]]
    folds = tiza.search(recipe(1), {}, folds=3, sealed=True)
    details = client.get(f"/api/searches/{id_of(folds.path)}").json()
    assert (details["fields"], details["folds"], details["of"], details["count"]) == ([], 3, 3, 1)


def test_while_it_runs_accuracies_move_and_nothing_is_ranked(client: TestClient, home: Path, until: Until):
    with searching(*LONG) as process:
        line = until(lambda: client.get("/api/searches").json(), 60)[0]

        def known() -> dict[int, float]:
            trials = client.get(f"/api/searches/{line['id']}").json()["trials"]
            return {one["number"]: one["accuracy"] for one in trials if one["accuracy"] is not None}

        first = until(known, 60)
        until(lambda: known() != first, 60)
        details = client.get(f"/api/searches/{line['id']}").json()
        assert (details["status"], details["ranked"], details["of"]) == ("running", None, 6)
        assert client.get(f"/api/searches/{line['id']}/trials/0").status_code == 200
        process.kill()
        process.wait()
        assert client.get(f"/api/searches/{line['id']}").json()["status"] == "interrupted"


def test_a_poll_of_many_trials_is_quick(client: TestClient, home: Path):
    found = tiza.search(
        recipe(1), {"plan.lr": [0.01, 0.02], "plan.weight_decay": [i / 1e5 for i in range(40)]}, sealed=True
    )
    path = f"/api/searches/{id_of(found.path)}"
    folder.say(found.path, folder.read_json(found.path / "progress.json") | {"status": "running"})
    with Run(found.path).locked():
        assert len(client.get(path).json()["trials"]) == 80
        began = time.perf_counter()
        client.get(path)
        assert time.perf_counter() - began < 0.5


# --- in a browser


def address(page: Page, found: Trials | None = None, id: str = "") -> str:
    return page.url.partition("#")[0] + f"#/search/{id or id_of(found.path)}"  # type: ignore[union-attr]


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_ranking_is_said_and_a_trial_opens(open_page: Callable[..., Page], found: Trials, language: str):
    text = catalogue(language)
    page = open_page(language)
    page.locator(".s-list a").click()
    best = text["page.search.trial"].format(k=found.best)
    expect(page.get_by_role("heading", name=best)).to_be_visible()
    expect(page.locator(".s-said")).to_contain_text(text["search.diverged"].format(n=2))
    expect(page.locator(".s-won.s-cell")).to_have_count(1)
    expect(page.locator(".s-cell.s-diverged")).to_have_count(2)
    expect(page.locator(".s-ranking tbody tr")).to_have_count(6)
    expect(page.locator(".s-effects .p-interval")).to_have_count(4)
    expect(page.locator(".s-confusion table")).to_be_visible()

    first = page.locator(".s-heat [tabindex='0']")
    first.focus()
    first.press("ArrowRight")
    first.press("ArrowDown")
    page.keyboard.press("Enter")
    chosen = page.locator(".s-cell[aria-pressed=true]")
    expect(chosen).to_have_count(1)
    expect(chosen).to_be_focused()
    number = page.locator(".s-ranking tr[data-chosen=true] button").inner_text()
    expect(page.get_by_role("heading", name=text["page.search.trial"].format(k=number))).to_be_visible()

    page.locator(".s-top select").nth(1).select_option("")
    expect(page.locator(".s-dot")).to_have_count(6)
    page.locator(".s-dot[tabindex='0']").focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.locator(".s-dot[aria-pressed=true]")).to_be_focused()

    page.get_by_role("button", name=best, exact=True).click()
    page.get_by_role("link", name=text["page.search.train"]).click()
    rate = page.locator("[id='plan.lr']")
    expect(rate).to_be_visible(timeout=60_000)
    value = str(found.recipe(found.best).plan.lr)
    expect(rate).to_have_value(value.replace(".", ",") if language == "es" else value)
    expect(page.locator(".c-from a")).to_have_attribute("href", f"#/search/{id_of(found.path)}")


def test_the_map_fills_while_a_search_runs(open_page: Callable[..., Page], until: Until):
    """Nothing is asked while the page is hidden, and nothing jumps when the numbers come."""
    page = open_page("en")
    with searching(*LONG) as process:
        page.locator(".s-list a").click(timeout=90_000)
        expect(page.locator(".s-cell")).to_have_count(6)
        values = page.locator(".s-cell.s-value")
        expect(values.first).to_be_visible(timeout=90_000)
        place = page.locator(".s-ranking").bounding_box()
        before = page.locator(".s-heat").inner_text()
        until(lambda: page.locator(".s-heat").inner_text() != before, 60)
        assert page.locator(".s-ranking").bounding_box() == place
        expect(page.locator(".s-status")).to_contain_text(catalogue("en")["page.status.running"])
        expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuemax", "100")
        page.locator(".s-ranking tbody button").first.click()
        expect(page.locator(".s-trial h2")).to_be_visible()
        process.kill()
        process.wait()
        expect(page.locator(".s-cut pre")).to_contain_text("tiza search --resume", timeout=30_000)


def test_a_search_that_ends_is_ranked_before_ones_eyes(open_page: Callable[..., Page]):
    page = open_page("es")
    options = ["--set", "plan.epochs=40", "--grid", "plan.lr=0.001,0.01", "--grid", "model.hidden=8,16"]
    with searching(*options) as process:
        page.locator(".s-list a").click(timeout=90_000)
        expect(page.locator(".s-best")).to_contain_text("ensayo", timeout=120_000)
        expect(page.locator(".s-cell.s-won")).to_have_count(1)
        assert process.wait(60) == 0


def test_nothing_is_asked_while_the_page_is_hidden(open_page: Callable[..., Page], found: Trials):
    page = open_page("en")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/searches/" in request.url else None)
    folder.say(found.path, folder.read_json(found.path / "progress.json") | {"status": "running"})
    with Run(found.path).locked():
        page.goto(address(page, found))
        expect(page.locator(".s-status")).to_contain_text(catalogue("en")["page.status.running"])
        page.wait_for_timeout(2500)
        assert len(asked) > 1
        page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
        page.wait_for_timeout(500)
        asked.clear()
        page.wait_for_timeout(2500)
        assert asked == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_no_search_is_wider_than_the_window_and_axe_finds_nothing_serious(
    open_page: Callable[..., Page], found: Trials, width: int, scheme: str
):
    drawn = tiza.search(recipe(1), {"plan.lr": "log(0.0001, 0.1)", "model.hidden": [8, 9]}, trials=8, sealed=True)
    page = open_page("es", viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
    for of in (found, drawn):
        page.goto(address(page, of))
        expect(page.locator(".s-confusion table")).to_be_visible()
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.add_script_tag(path=str(AXE))
        violations = page.evaluate("axe.run().then((result) => result.violations)")
        assert [(v["id"], v["nodes"][0]["html"]) for v in violations if v["impact"] in ("serious", "critical")] == []


def test_a_damaged_search_and_one_that_is_gone_are_told(open_page: Callable[..., Page], found: Trials):
    page = open_page("en")
    page.goto(address(page, id="0000000000000000"))
    expect(page.get_by_text(catalogue("en")["page.search.gone"])).to_be_visible()
    (found.path / "search.json").write_text("{")
    page.goto(address(page, found))
    expect(page.locator(".s-status")).to_contain_text(catalogue("en")["page.status.damaged"])
    expect(page.get_by_role("alert")).to_contain_text("damaged")
