"""Runs begun, steered, put aside and taken up again from the page: processes of their own that outlive the server."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import tiza
from tiza import storage
from tiza.training.events import Changed
from tiza.web.running import id_of

Until = Callable[..., Any]
LONG = {"data": {"name": "digits"}, "model": {"name": "mlp", "hidden": [16]}, "plan": {"epochs": 100_000, "probe": 0.1}}


def status_of(client: TestClient, id: str) -> str:
    return client.get(f"/api/runs/{id}").json()["status"]


def test_a_run_begins_and_ends_as_the_same_recipe_in_python_does(client: TestClient, small: dict, until: Until):
    id = client.post("/api/runs", json={"recipe": small}).json()["id"]
    assert status_of(client, id) in ("starting", "running")
    until(lambda: status_of(client, id) == "done" and client.get(f"/api/runs/{id}").json()["report"], 60)
    (run,) = tiza.runs.list_runs()
    other = tiza.fit(tiza.Recipe(**small), run=run.path.parent / "other")
    assert run.history()[-1].valid == other.history()[-1].valid
    run.delete()


def test_it_is_steered_and_outlives_the_server(client: TestClient, client_of: Callable[..., TestClient], until: Until):
    id = client.post("/api/runs", json={"recipe": LONG}).json()["id"]
    (run,) = tiza.runs.list_runs()
    try:
        until(lambda: status_of(client, id) == "running", 60)
        steer = client_of()  # another server: the first might be gone
        for command, done in (
            (
                {"command": "set", "lr": 0.125},
                lambda: any(isinstance(e, Changed) and e.lr == [0.125] for e in run.events()),
            ),
            ({"command": "pause"}, lambda: status_of(steer, id) == "paused"),
            ({"command": "step", "steps": 1}, lambda: True),
            ({"command": "resume"}, lambda: status_of(steer, id) == "running"),
        ):
            steer.post(f"/api/runs/{id}/control", json=command)
            until(done)
        answer = steer.delete(f"/api/runs/{id}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "run-in-use")
    finally:
        client.post(f"/api/runs/{id}/control", json={"command": "stop"})
    until(lambda: status_of(client, id) == "stopped", 60)


def test_a_training_that_is_killed_can_be_taken_up_again(client: TestClient, home: Path, until: Until):
    id = client.post("/api/runs", json={"recipe": LONG}).json()["id"]
    (run,) = tiza.runs.list_runs()
    until(lambda: (run.path / "checkpoint.safetensors").exists(), 60)
    pid = next(
        int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and str(run.path).encode() in _command(p)
    )
    os.kill(pid, signal.SIGKILL)
    until(lambda: status_of(client, id) == "interrupted")
    client.post(f"/api/runs/{id}/resume")
    try:
        until(lambda: status_of(client, id) == "running", 60)
        answer = client.post(f"/api/runs/{id}/resume")
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "page-not-cut")
    finally:
        client.post(f"/api/runs/{id}/control", json={"command": "stop"})
    until(lambda: status_of(client, id) == "stopped", 60)


def _command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def test_a_training_that_can_not_begin_says_why(client: TestClient, small: dict, until: Until):
    small["plan"]["batch_size"] = 1
    small["model"] = {"name": "mlp", "hidden": [4], "batch_norm": True}
    id = client.post("/api/runs", json={"recipe": small}).json()["id"]
    until(lambda: status_of(client, id) == "failed", 60)
    assert "batch" in client.get(f"/api/runs/{id}").json()["failure"]


def test_a_full_disk_is_told_and_nothing_begins(client: TestClient, small: dict, monkeypatch: pytest.MonkeyPatch):
    def full(path: Path, content: object) -> None:
        raise storage.cannot_write(path, OSError(28, "No space left on device"))

    monkeypatch.setattr(storage, "write", full)
    answer = client.post("/api/runs", json={"recipe": small})
    assert (answer.status_code, answer.json()["error"]["code"]) == (507, "disk-full")


def test_what_is_deleted_can_be_had_back(client: TestClient, done: tiza.runs.Run):
    id, before = id_of(done.path), {p.name: p.read_bytes() for p in done.path.iterdir() if p.is_file()}
    assert client.delete(f"/api/runs/{id}").json() == {"ok": True}
    assert client.get("/api/runs").json() == []
    assert client.get(f"/api/runs/{id}").status_code == 404
    assert client.post(f"/api/runs/{id}/restore").json()["id"] == id
    assert {p.name: p.read_bytes() for p in done.path.iterdir() if p.is_file()} == before
    assert client.post(f"/api/runs/{id}/restore").status_code == 404


def test_what_was_deleted_yesterday_is_gone(client: TestClient, done: tiza.runs.Run, home: Path):
    from tiza.web.running import empty_the_bin

    id = id_of(done.path)
    client.delete(f"/api/runs/{id}")
    empty_the_bin()
    assert (home / "deleted" / id).exists()
    os.utime(home / "deleted" / id, (0, 0))
    empty_the_bin()
    assert client.post(f"/api/runs/{id}/restore").status_code == 404


@pytest.mark.parametrize(
    ("changes", "code", "where"),
    [
        ({"model": {"name": "mpl"}}, "unknown", "model.name"),
        ({"plan": {"lr": -1}}, "bad-value", "plan.lr"),
        ({"data": {"name": "folder", "path": "/etc"}}, "page-data", "data.name"),
        ({"data": {"name": "mnits"}}, "unknown", "data.name"),
        ({"plan": 7}, None, "plan"),
    ],
)
def test_a_recipe_that_can_not_be_begins_nothing(client: TestClient, small: dict, changes: dict, code: str, where: str):
    error = client.post("/api/runs", json={"recipe": small | changes}).json()["error"]
    assert error["faults"][0]["where"] == where
    assert code is None or error["code"] == code
    assert tiza.runs.list_runs() == []
