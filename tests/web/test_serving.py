"""``tiza open`` and ``tiza train --open`` as commands: their addresses, their ports, their ends."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

import tiza
from tiza.errors import TizaError
from tiza.web import serving
from tiza.web.running import id_of

TIZA = [sys.executable, "-m", "tiza.cli"]
ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/\?token=([\w-]+)#/(\S*)")


@pytest.fixture
def start(home: Path) -> Iterator:
    """Starts commands that end with the test."""
    processes: list[subprocess.Popen[str]] = []

    def one(*words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*TIZA, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
            env=os.environ | {"BROWSER": "true"},
        )  # fmt: skip
        processes.append(process)
        return process

    yield one
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def address_in(stream) -> re.Match[str]:
    for line in stream:
        if found := ADDRESS.search(line):
            return found
    raise AssertionError("no address was printed")


def test_it_prints_an_address_that_answers_and_ctrl_c_ends_it(start):
    process = start("open", "--no-browser")
    port, token, _ = address_in(process.stdout).groups()
    asked = HTTPConnection("127.0.0.1", int(port), timeout=30)
    asked.request("GET", "/", headers={"Host": f"127.0.0.1:{port}", "Cookie": f"tiza-{port}={token}"})
    answer = asked.getresponse()
    assert (answer.status, b'<div id="page">' in answer.read()) == (200, True)
    asked.close()
    process.send_signal(signal.SIGINT)
    said, complaints = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "closed" in said
    assert complaints == ""


def test_two_servers_have_two_ports(start):
    ports = [address_in(start("open", "--no-browser").stdout)[1] for _ in range(2)]
    assert len(set(ports)) == 2


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("port", ["taken", "99999", "-1"])
def test_a_port_that_can_not_be_had_is_told(home: Path, port: str, language: str):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        asked = str(taken.getsockname()[1]) if port == "taken" else port
        done = subprocess.run([*TIZA, "--lang", language, "open", "--port", asked], capture_output=True, text=True)
    assert done.returncode == 2
    assert asked in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_unknown_run_is_told_before_anything_is_served(home: Path):
    done = subprocess.run([*TIZA, "open", "nothing"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing" in done.stderr


def test_where_the_page_was_not_built_it_says_what_to_do(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(serving, "STATIC", tmp_path)
    with pytest.raises(TizaError, match="install tiza again"):
        serving.serve([], port=None, told=print, browser=False)


@pytest.mark.parametrize(("n", "view"), [(1, "run/{0}"), (2, "compare/{0}/{1}")])
def test_runs_that_are_named_are_shown_or_compared(start, done: tiza.runs.Run, n: int, view: str):
    found = address_in(start("--lang", "es", "open", "--no-browser", *[str(done.path)] * n).stdout)
    assert found[3] == view.format(*[id_of(done.path)] * n) + "?lang=es"


def test_a_training_opens_its_page_and_the_page_stays(start, tmp_path: Path):
    folder = tmp_path / "run"
    process = start("train", "digits", "--open", "--sealed", "--run", str(folder), "--set", "plan.epochs=2", "--json")
    found = address_in(process.stderr)
    assert found[3].startswith(f"run/{id_of(folder)}")
    assert '"epochs": 2' in process.stdout.readline()
    assert process.poll() is None  # it goes on showing
    assert tiza.runs.Run(folder).recipe.plan.probe == 0.1
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=120)
    with pytest.raises(ConnectionRefusedError):
        HTTPConnection("127.0.0.1", int(found[1]), timeout=5).connect()
