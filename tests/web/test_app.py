"""The routes: each of the page's questions, its answer, and the one sentence for what can't be."""

import io
import json
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from schemathesis.core import NotSet

import tiza
from tiza.i18n import catalogue
from tiza.registry import table
from tiza.web.running import Runs, id_of

DRAWN = Path(__file__).parents[2] / "examples" / "pen.png"


def test_the_list_of_runs_says_what_the_folders_say(client: TestClient, done: tiza.runs.Run):
    (line,) = client.get("/api/runs").json()
    last = done.history()[-1]
    assert line["id"] == id_of(done.path)
    assert (line["status"], line["data"], line["model"], line["epochs"]) == ("done", "digits", "mlp", 3)
    assert line["valid"]["accuracy"] == last.valid["accuracy"][0]
    low, high = line["valid"]["interval"]
    assert low < line["valid"]["accuracy"] < high
    assert line["test"]["accuracy"] == done.report["test"]["accuracy"]
    assert line["spark"] == [m.valid["accuracy"][0] for m in done.history()]


def test_no_path_of_this_machine_is_told(client: TestClient, done: tiza.runs.Run):
    for path in ("/api/runs", f"/api/runs/{id_of(done.path)}", "/api/recipes", "/api/data"):
        assert str(done.path.parent) not in client.get(path).text


def test_a_run_is_told_whole(client: TestClient, done: tiza.runs.Run):
    run = client.get(f"/api/runs/{id_of(done.path)}").json()
    assert run["facts"]["classes"] == list("0123456789")
    assert run["form"] == {"kind": "images", "channels": 1, "height": 8, "width": 8}
    assert run["panels"] == ["batch", "validation", "loss", "accuracy", "weights", "biases"]
    assert run["layers"] == [name for name, _ in tiza.runs.restore(done).model.named_parameters()]
    data = tiza.load("digits")
    assert run["board"]["label"] == data.valid.y[run["board"]["index"]].tolist()
    assert run["report"]["test"]["accuracy"] == done.report["test"]["accuracy"]
    assert run["report"]["openings"].startswith("Opening 1 of this test set")


def test_the_answers_are_those_of_the_model(client: TestClient, done: tiza.runs.Run):
    answers = client.get(f"/api/runs/{id_of(done.path)}/answers").json()
    assert answers["confusion"] == done.report["valid"]["confusion"]
    right = np.mean(np.array(answers["label"]) == np.array(answers["answer"]))
    assert right == pytest.approx(done.report["valid"]["accuracy"])


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_pixels_are_the_samples_themselves(client: TestClient, done: tiza.runs.Run, split: str):
    data = tiza.load("digits")
    raw = client.get(f"/api/pixels/run/{id_of(done.path)}/{split}/0").content
    there = data.look(split).x[:1000].numpy()
    assert np.array_equal(np.frombuffer(raw, np.uint8).reshape(there.shape), there)


def test_pixels_are_showing_and_no_opening(client: TestClient, done: tiza.runs.Run):
    before = (done.path.parents[1] / "openings.jsonl").read_text()
    client.get(f"/api/pixels/run/{id_of(done.path)}/test/0")
    client.get(f"/api/runs/{id_of(done.path)}")
    client.get(f"/api/runs/{id_of(done.path)}/answers")
    assert (done.path.parents[1] / "openings.jsonl").read_text() == before


def test_larger_pictures_are_shown_smaller(client: TestClient, home: Path, tmp_path: Path):
    rng = np.random.default_rng(0)
    for name in "ab":
        (tmp_path / "set" / name).mkdir(parents=True)
        for i in range(12):
            Image.fromarray(rng.integers(0, 255, (96, 128, 3), np.uint8)).save(tmp_path / "set" / name / f"{i}.png")
    run = tiza.fit(
        tiza.Recipe(data=tiza.load(str(tmp_path / "set")).config, model={"name": "softmax"}, plan={"epochs": 1})
    )
    details = client.get(f"/api/runs/{id_of(run.path)}").json()
    assert details["failure"] is None
    form = details["form"]
    assert (form["channels"], max(form["height"], form["width"])) == (3, 48)
    raw = client.get(f"/api/pixels/run/{id_of(run.path)}/train/0").content
    assert len(raw) == run.facts.counts["train"] * 3 * form["height"] * form["width"]


def test_pixels_of_a_split_too_large_to_be_held_are_had_one_by_one(client: TestClient, done: tiza.runs.Run):
    there, places = tiza.load("digits").train.x.numpy(), [7, 1200, 7, 0]
    path = f"/api/pixels/run/{id_of(done.path)}/train"
    raw = client.get(path, params={"n": places}).content
    assert np.array_equal(np.frombuffer(raw, np.uint8).reshape(-1, *there.shape[1:]), there[places])
    assert client.get(path, params={"n": [0, len(there)]}).status_code == 404
    assert client.get(path, params={"n": [0] * 101}).status_code == 422
    assert client.get(path).status_code == 422


def test_a_picture_is_answered_with_the_image_that_the_model_sees(client: TestClient, done: tiza.runs.Run):
    answer = client.post(
        f"/api/runs/{id_of(done.path)}/predict", content=DRAWN.read_bytes(), headers={"Content-Type": "image/png"}
    ).json()
    ours = tiza.Predictor(done)(DRAWN)
    assert (answer["label"], answer["class"]) == (ours.label, ours.class_)
    assert answer["probabilities"] == pytest.approx(ours.probabilities)
    assert answer["image"]["pixels"] == ours.image.ravel().tolist()


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def bomb() -> bytes:
    """The header of a PNG of a hundred megapixels."""
    whole = bytearray(png(Image.new("L", (1, 1))))
    whole[16:24] = struct.pack(">II", 10_000, 10_000)
    whole[29:33] = struct.pack(">I", zlib.crc32(whole[12:29]))
    return bytes(whole)


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize(
    ("picture", "code"),
    [(b"", "picture-empty"), (b"nonsense", "picture-unknown"), (png(Image.new("L", (9, 9)))[:40], "picture-damaged"),
     (bomb(), "picture-too-large"), (b"GIF89a" + b"\0" * 20, "picture-other")],
    ids=["empty", "nonsense", "cut off", "100 megapixels", "a GIF"],
)  # fmt: skip
def test_a_bad_picture_is_told_in_one_sentence(
    client: TestClient, done: tiza.runs.Run, picture: bytes, code: str, language: str
):
    answer = client.post(
        f"/api/runs/{id_of(done.path)}/predict", content=picture,
        headers={"Content-Type": "image/png", "Accept-Language": language},
    )  # fmt: skip
    assert answer.status_code in (409, 422)
    assert answer.json()["error"]["code"] == code
    assert len(answer.json()["error"]["message"].splitlines()) == 1


def test_an_empty_drawing_is_no_digit(client: TestClient, done: tiza.runs.Run):
    answer = client.post(
        f"/api/runs/{id_of(done.path)}/predict", content=png(Image.new("L", (280, 280), 255)),
        headers={"Content-Type": "image/png"},
    ).json()  # fmt: skip
    assert (answer["label"], answer["reason"]) == (None, catalogue("en")["page.try.nothing"])


def test_commands_are_laid_into_the_folder(client: TestClient, done: tiza.runs.Run):
    for command in ({"command": "pause"}, {"command": "set", "lr": 0.5}):
        assert client.post(f"/api/runs/{id_of(done.path)}/control", json=command).status_code == 200
    lines = (done.path / "control.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"command": "pause"}, {"command": "set", "lr": 0.5}]


@pytest.mark.parametrize(
    "command", [{}, {"command": "explode"}, {"command": "stop", "reason": "done"}, {"command": "set", "lr": -1}]
)
def test_what_is_no_command_is_not_laid_there(client: TestClient, done: tiza.runs.Run, command: dict):
    answer = client.post(f"/api/runs/{id_of(done.path)}/control", json=command)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "page-command")
    assert not (done.path / "control.jsonl").exists()


@pytest.mark.parametrize(
    "path",
    ["", "/history", "/frames?n=1", "/bands?layer=0", "/live", "/answers", "/steps?index=0"],
)
@pytest.mark.parametrize("id", ["0000000000000000", "..", "%2e%2e%2fopenings.jsonl"])
def test_a_run_that_is_not_there_is_told(client: TestClient, done: tiza.runs.Run, id: str, path: str):
    assert client.get(f"/api/runs/{id}{path}").status_code == 404


def test_a_run_deleted_while_open_is_told(client: TestClient, done: tiza.runs.Run):
    client.get(f"/api/runs/{id_of(done.path)}")
    shutil.rmtree(done.path)
    answer = client.get(f"/api/runs/{id_of(done.path)}/history")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "page-no-run")


@pytest.mark.parametrize("file", ["recipe.json", "environment.json", "report.json"])
def test_a_damaged_run_is_listed_as_such_and_says_which_file(client: TestClient, done: tiza.runs.Run, file: str):
    (done.path / file).write_text("{")
    (line,) = client.get("/api/runs").json()
    assert line["status"] == "damaged"
    assert file in client.get(f"/api/runs/{line['id']}").json()["failure"]


def test_runs_named_to_the_command_come_first(
    client_of: Callable[..., TestClient], done: tiza.runs.Run, tmp_path: Path
):
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(done.path, elsewhere)
    names = [line["name"] for line in client_of(elsewhere).get("/api/runs").json()]
    assert names == ["elsewhere", done.name]


def test_data_of_ones_own_can_be_trained_on_again_but_no_path_comes_from_the_page(
    client: TestClient, home: Path, tmp_path: Path
):
    csv = tmp_path / "own.csv"
    csv.write_text("a,b,kind\n" + "".join(f"{i},{i % 7},{'xy'[i % 2]}\n" for i in range(60)))
    recipe = {"data": tiza.load(str(csv), target="kind").config.model_dump(mode="json"), "model": {"name": "softmax"}}
    assert client.post("/api/check", json={"recipe": recipe}).json()["faults"][0]["code"] == "page-data"
    tiza.fit(tiza.Recipe(**recipe, plan={"epochs": 1}))
    assert client.post("/api/check", json={"recipe": recipe}).json()["faults"] == []
    recipe["data"] |= {"limit": 40, "seed": 3, "scale": "unit"}
    checked = client.post("/api/check", json={"recipe": recipe}).json()
    assert (checked["faults"], sum(checked["counts"].values())) == ([], 40)
    shutil.copy(csv, tmp_path / "other.csv")
    for change in ({"path": str(tmp_path / "other.csv")}, {"target": "a"}):
        other = recipe | {"data": recipe["data"] | change}
        assert client.post("/api/check", json={"recipe": other}).json()["faults"][0]["code"] == "page-data"


def test_a_body_is_called_by_its_name_and_no_path_comes_from_the_page(client: TestClient, home: Path, tmp_path: Path):
    run = tiza.fit(tiza.Recipe(data={"name": "digits"}, model={"name": "mlp"}, plan={"epochs": 1}))

    def codes(**model: object) -> list[str]:
        recipe = {"data": {"name": "digits"}, "model": {"name": "transfer", **model}}
        return [fault["code"] for fault in client.post("/api/check", json={"recipe": recipe}).json()["faults"]]

    assert codes(body=f"run:{run.name}") == codes(body="alexnet") == []
    elsewhere = shutil.copytree(run.path, tmp_path / "elsewhere")
    assert codes(body=f"run:{elsewhere}") == codes(body=f"run:{run.path}") == ["page-body"]
    origin = {"weights": "0", "model": {"name": "mlp"}, "shape": [1, 8, 8], "classes": 10}
    assert codes(body="run:x", origin=origin | {"run": str(elsewhere)}) == ["page-body"]
    assert codes(body=f"run:{run.name}", origin=origin | {"run": str(run.path.resolve())}) == []
    assert codes(body=f"run:{run.name}", origin=origin | {"run": run.name}) == []
    assert codes(body=f"run:{run.name}", origin={"model": 3}) != []


def test_samples_of_a_file_that_changed_are_not_shown_as_the_runs(client: TestClient, home: Path, tmp_path: Path):
    csv = tmp_path / "own.csv"
    csv.write_text("a,b,kind\n" + "".join(f"{i},{i % 7},{'xy'[i % 2]}\n" for i in range(60)))
    data = tiza.load(str(csv), target="kind").config
    run = tiza.fit(tiza.Recipe(data=data, model={"name": "softmax"}, plan={"epochs": 1}))
    csv.write_text("a,b,kind\n" + "".join(f"{i},{i % 5},{'yx'[i % 2]}\n" for i in range(60)))
    answer = client.get(f"/api/pixels/run/{id_of(run.path)}/train/0")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "other-data")
    assert client.get(f"/api/runs/{id_of(run.path)}").json()["failure"]


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_severity_of_a_check_has_its_word(language: str):
    for entry in table("check").values():
        assert f"page.results.severity.{entry.facts['severity']}" in catalogue(language)


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_pages_texts_are_those_of_the_catalogue(client: TestClient, language: str):
    texts = client.get(f"/api/texts/{language}").json()
    assert texts["page.new"] == catalogue(language)["page.new"]


def test_what_is_not_there_is_told(client: TestClient):
    for method, path in (("GET", "/api/nothing"), ("PUT", "/api/runs"), ("GET", "/nothing.js")):
        answer = client.request(method, path)
        assert answer.status_code in (404, 405)
        assert answer.json()["error"]["code"] == "page-nothing"


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders of the runs that would have been trained."""
    begun: list[Path] = []
    monkeypatch.setattr(Runs, "_train", lambda shelf, path, *options: begun.append(path) or tiza.runs.Run(path))
    return begun


def test_whatever_fits_the_routes_own_schema_is_answered_and_never_with_a_server_error(
    client: TestClient, done: tiza.runs.Run, untrained: list[Path]
):
    schema = schemathesis.openapi.from_dict(client.app.openapi())  # pyright: ignore[reportAttributeAccessIssue]
    asked = set()
    for found in schema.get_all_operations():
        operation = found.ok()
        endless = operation.path.endswith("/live")  # for a run that is there (test_live)

        @settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(), there=st.booleans() if not endless else st.just(False))
        def answered(case: schemathesis.Case, there: bool) -> None:
            path = case.path.replace("{id}", id_of(done.path)) if there else case.path
            for name, value in case.path_parameters.items():
                path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
            body = {} if isinstance(case.body, NotSet) else {"json": case.body}
            answer = client.request(case.method, path, params=case.query, **body)
            assert answer.status_code < 500, (case.method, path, case.query, body, answer.text)
            asked.add((case.method, case.path))

        answered()
    assert {("GET", "/api/runs/{id}/live"), ("POST", "/api/runs")} < asked
    assert len(asked) >= 18
    assert untrained == []


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def part(names: list[str], fields: list[str]) -> st.SearchStrategy[object]:
    """What might be sent as a part of a recipe: a name that is there, fields that are there, any values."""
    return st.builds(lambda name, more: {"name": name} | more, st.sampled_from(names), some(fields))


def some(fields: list[str]) -> st.SearchStrategy[dict[str, object]]:
    return st.dictionaries(st.sampled_from(fields), ANY, max_size=3)


@given(
    recipe=st.fixed_dictionaries({
        "data": part(["digits", "points", "iris", "csv", "folder", "npz"],
                     ["seed", "limit", "scale", "valid", "test", "classes", "imbalance", "kind", "n", "path"]),
        "model": part(["mlp", "softmax", "cnn"], ["hidden", "channels", "dropout", "activation", "kernels", "padding"]),
        "plan": some(["epochs", "lr", "batch_size", "augment", "betas", "schedule", "clip", "loss", "patience"]),
    })
)  # fmt: skip
@settings(max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_recipe_says_is_answered_and_none_leaves_a_process(
    client: TestClient, untrained: list[Path], recipe: dict
):
    checked = client.post("/api/check", json={"recipe": recipe})
    assert checked.status_code == 200, checked.text
    begun = len(untrained)
    started = client.post("/api/runs", json={"recipe": recipe})
    assert started.status_code in (200, 422), started.text
    assert len(untrained) - begun == (started.status_code == 200)
    if recipe["data"]["name"] in ("csv", "folder", "npz"):
        assert started.status_code == 422
