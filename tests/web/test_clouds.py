"""The cloud of a run's validation samples: what the route gives, and the view in a real browser."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Page, expect

import tiza
from tiza import explain
from tiza.i18n import catalogue
from tiza.web import clouds
from tiza.web.running import id_of


def route(run: tiza.runs.Run) -> str:
    return f"/api/runs/{id_of(run.path)}/embedding"


@pytest.mark.parametrize("method", ["pca", "t-sne"])
def test_the_cloud_is_the_embedding_in_a_square_of_side_one(client: TestClient, done: tiza.runs.Run, method: str):
    found = client.get(route(done), params={"method": method}).json()
    of = explain.embedding(done, method=method)
    assert (found["layer"], found["units"], found["method"]) == (of.layer, of.units, method)
    assert (found["index"], found["labels"], found["answers"]) == (
        of.index.tolist(),
        of.labels.tolist(),
        of.answers.tolist(),
    )
    points = np.array(found["points"])
    assert np.ptp(points, axis=0).max() == pytest.approx(1, abs=1e-3)
    assert np.abs(points).max() <= 0.5
    for axis in (0, 1):
        assert np.corrcoef(points[:, axis], of.points[:, axis])[0, 1] == pytest.approx(1, abs=1e-3)
    assert found["trustworthiness"] == pytest.approx(of.trustworthiness)
    assert found["layers"] == ["flatten", "linear1", "relu1", "dropout1", "logits"]
    assert client.get(route(done), params={"method": method, "layer": "linear1"}).json()["layer"] == "linear1"


def test_a_cloud_is_made_once_for_the_same_weights(
    client: TestClient, done: tiza.runs.Run, monkeypatch: pytest.MonkeyPatch
):
    made: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        clouds, "embedding", lambda *args, **options: made.append(args) or explain.embedding(*args, **options)
    )
    one = client.get(route(done)).json()
    assert client.get(route(done)).json() == one
    assert len(made) == 1
    client.get(route(done), params={"layer": "linear1"})
    assert len(made) == 2
    weights = done.path / "model" / "weights.safetensors"
    content = weights.read_bytes()
    weights.unlink()
    weights.write_bytes(content)
    assert client.get(route(done)).json() == one
    assert len(made) == 3


def test_what_makes_no_cloud_is_told(client: TestClient, done: tiza.runs.Run):
    said = client.get(route(done), params={"layer": "conv9"})
    assert said.status_code == 422
    assert "linear1" in said.json()["error"]["message"]
    assert client.get(route(done), params={"method": "umap"}).status_code == 422
    assert client.get("/api/runs/0000000000000000/embedding").status_code == 404
    shutil.rmtree(done.path / "model")
    (done.path / "checkpoint.safetensors").unlink()
    assert client.get(route(done)).status_code == 409


def test_where_validation_is_the_test_split_nothing_is_shown_and_nothing_opened(client: TestClient, home: Any):
    recipe = {"data": {"name": "digits", "valid": "test"}, "model": "softmax", "plan": {"epochs": 1}}
    run = tiza.fit(tiza.Recipe.model_validate(recipe))
    before = (home / "openings.jsonl").read_text()
    said = client.get(route(run))
    assert (said.status_code, said.json()["error"]["code"]) == (422, "page-valid-is-test")
    assert (home / "openings.jsonl").read_text() == before


# --- in a browser


AXE = Path(__file__).parents[2] / "page" / "node_modules" / "axe-core" / "axe.min.js"
SHADES = "c => new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size"


def cloud_of(page: Page, run: tiza.runs.Run) -> Any:
    page.goto(page.url.partition("#")[0] + f"#/run/{id_of(run.path)}/results")
    expect(page.locator(".r-calibration")).to_be_visible()  # what comes above pushes the cloud down
    page.locator(".k-cloud").scroll_into_view_if_needed()
    expect(page.locator(".k-legend")).to_be_visible()
    expect(page.locator(".k-wait")).to_have_count(0)
    return page.locator(".k-host")


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_cloud_is_seen_zoomed_walked_and_changed(
    open_page: Callable[..., Page], done: Any, until: Callable[..., Any], language: str
):
    text = catalogue(language)
    page = open_page(language, reduced_motion="reduce")
    stage = cloud_of(page, done)
    expect(page.locator(".k-facts")).to_contain_text(text["page.cloud.honest.pca"])
    expect(page.locator(".k-legend li")).to_have_count(11)
    until(lambda: stage.locator("canvas").evaluate(SHADES) > 200)  # pictures, not an empty canvas

    whole = page.get_by_role("button", name=text["page.cloud.whole"], exact=True)
    expect(whole).to_be_disabled()
    before = stage.screenshot()
    page.get_by_role("button", name=text["page.cloud.closer"], exact=True).click()
    expect(whole).to_be_enabled()
    until(lambda: stage.screenshot() != before)
    whole.click()
    expect(whole).to_be_disabled()

    stage.focus()
    page.keyboard.press("ArrowRight")  # the first sample, or the next to it
    shown = page.locator(".k-host .l-popover")
    expect(shown).to_contain_text(text["page.learn.label"])
    first = shown.text_content()
    page.keyboard.press("ArrowLeft")
    until(lambda: shown.text_content() != first)
    for key in ("+", "+"):
        page.keyboard.press(key)
    expect(whole).to_be_enabled()
    before = stage.screenshot()
    page.keyboard.press("Shift+ArrowRight")
    until(lambda: stage.screenshot() != before)
    page.keyboard.press("0")
    expect(whole).to_be_disabled()
    page.keyboard.press("Escape")
    expect(shown).to_have_count(0)

    page.locator(".k-legend button").nth(3).click()
    expect(page.locator(".k-legend button").nth(3)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("radio", name="t-SNE").check(force=True)
    expect(page.locator(".k-facts")).to_contain_text(text["page.cloud.honest.t-sne"])
    page.locator(".k-layer select").select_option("linear1")
    expect(page.locator(".k-facts")).to_contain_text("linear1")


def test_the_mouse_hovers_pins_drags_and_zooms(open_page: Callable[..., Page], done: Any, until: Callable[..., Any]):
    page = open_page("en", reduced_motion="reduce")
    stage = cloud_of(page, done)
    box = stage.bounding_box()
    shown = page.locator(".k-host .l-popover")

    def over() -> bool:
        """Somewhere in the cloud lies a sample under the mouse."""
        for step in range(60):
            page.mouse.move(box["x"] + box["width"] * (0.2 + 0.01 * step), box["y"] + box["height"] / 2)
            if shown.count():
                return True
        return False

    assert over()
    page.mouse.down()
    page.mouse.up()
    expect(shown).to_have_attribute("data-pinned", "true")
    shown.get_by_role("button", name=catalogue("en")["page.worked"]).click()
    expect(page.locator(".w-dialog")).to_be_visible()
    page.get_by_role("button", name=catalogue("en")["page.worked.close"], exact=True).click()
    expect(page.locator(".w-dialog")).to_have_count(0)
    expect(shown).to_have_attribute("data-pinned", "true")
    page.mouse.move(box["x"] + 4, box["y"] + 4)
    expect(shown).to_be_visible()
    before = stage.screenshot()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    until(lambda: stage.get_attribute("data-zoomed") == "true")
    zoomed = stage.screenshot()
    assert zoomed != before
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 90, box["y"] + box["height"] / 2 + 30, steps=4)
    page.mouse.up()
    until(lambda: stage.screenshot() != zoomed)


def test_a_table_makes_a_cloud_of_dots_and_a_failure_is_told(open_page: Callable[..., Page], home: Any):
    recipe = {"data": "iris", "model": {"name": "mlp", "hidden": [8]}, "plan": {"epochs": 5}}
    run = tiza.fit(tiza.Recipe.model_validate(recipe))
    tiza.evaluate(run, sealed=True)
    page = open_page("en", viewport={"width": 390, "height": 844}, bypass_csp=True)
    stage = cloud_of(page, run)
    assert stage.bounding_box()["width"] <= 390
    expect(page.locator(".k-legend")).to_contain_text("setosa")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("axe.run('.k-cloud').then((result) => result.violations)")
    assert [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")] == []
    (run.path / "model" / "weights.safetensors").write_bytes(b"")
    page.get_by_role("radio", name="t-SNE").check(force=True)
    expect(page.locator(".k-cloud .notice")).to_contain_text("weights.safetensors")
