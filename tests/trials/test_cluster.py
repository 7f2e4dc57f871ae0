"""Packs of trials on Ray: answers bit for bit those of this machine, also where a node dies; who may be asked."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import tiza
from tiza import storage
from tiza.config import Recipe, make
from tiza.errors import TizaError
from tiza.trials import cluster
from tiza.trials.outcome import Outcome
from tiza.trials.packs import Datasets, Pack, in_lanes, lines_of
from tiza.trials.space import Search, trials_of
from tiza.trials.work import whole

TOKEN = "7" * 64

# Python runs this as it starts: what Ray's workers train is written down, outside of tiza. The node that will die holds
# its second pack until then; until it does, the other one waits.
COUNTED = """
import sys
if any(arg.endswith("default_worker.py") for arg in sys.orig_argv):
    import json, os, time
    from pathlib import Path
    from tiza.trials import work

    folder = Path(os.environ["COUNTED"])

    def note(what, node, pack):
        line = {"what": what, "node": node, "trials": [fit.trial for line in pack.lines for fit, _ in line.answers]}
        with (folder / "counted").open("a") as file:
            file.write(json.dumps(line) + "\\n")

    def counted(pack, datasets, train=work.train, packs=[], **more):
        import ray
        node = ray.get_runtime_context().get_node_id()
        note("begun", node, pack)
        packs.append(pack)
        latest = time.monotonic() + 60
        if node == (folder / "mortal").read_text():
            if len(packs) == 2:
                (folder / "held").touch()
                time.sleep(60)
        else:
            while not (folder / "held").exists() and time.monotonic() < latest:
                time.sleep(0.02)
        yield from train(pack, datasets, **more)
        note("over", node, pack)

    work.train = counted
"""


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    """The token of every cluster here; Ray reads it once in a process."""
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def recipe(**plan: Any) -> Recipe:
    plan = {"epochs": 2, "batch_size": 64, "threads": 1, "lr": 0.01} | plan
    model = {"name": "mlp", "hidden": [32], "dropout": 0.2}
    return make(Recipe, {"data": {"name": "digits"}, "model": model, "plan": plan})


def plain(outcome: Outcome) -> dict[str, Any]:
    """All that does not depend on the clock."""
    return {name: value for name, value in outcome.to_dict().items() if name != "seconds"}


# --- the work


def test_with_two_nodes_and_one_killed_every_trial_is_answered_once_and_as_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(COUNTED)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.setenv("COUNTED", str(tmp_path))
    cluster._ray()  # imported as a search does, so that it stays quiet
    from ray.cluster_utils import Cluster

    # Only one learner can train smoothed labels, so that both searches train the same way, whatever is faster today.
    asked = recipe(epochs=5, label_smoothing=0.1)
    grid = {"model.hidden": [[n] for n in range(16, 64, 4)]}
    here = tiza.search(asked, grid, sealed=True, run=tmp_path / "here")
    two = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        mortal = two.add_node(num_cpus=1)
        (tmp_path / "mortal").write_text(mortal.node_id)
        killed: list[dict[str, Any]] = []

        def kill() -> None:
            """Once the second node is at its second pack, and what came of its first is kept."""
            kept = tmp_path / "there" / "trials.jsonl"
            while not (tmp_path / "held").exists() or not kept.exists():
                time.sleep(0.02)
            two.remove_node(mortal, allow_graceful=False)
            killed.extend(counted(tmp_path))

        refused_without_its_token(two.address)
        with cluster._connected(f"ray={two.address}") as ray:
            both_awake(ray)
            killer = threading.Thread(target=kill, daemon=True)
            killer.start()
            there = tiza.search(asked, grid, on="ray", sealed=True, run=tmp_path / "there")
            killer.join(10)
            assert ray.is_initialized()
    finally:
        two.shutdown()
    assert killed
    assert "".join(capfd.readouterr()) == ""  # Ray says nothing about it, least of all on stdout
    lines = list(storage.read_lines(tmp_path / "there" / "trials.jsonl"))
    assert sorted(line["trial"] for line in lines) == list(range(12))
    assert {fit: plain(o) for fit, o in there.outcomes.items()} == {fit: plain(o) for fit, o in here.outcomes.items()}
    assert [row["trial"] for row in there.rows] == [row["trial"] for row in here.rows]

    def trials(lines: list[dict[str, Any]], what: str, node: str | None = None) -> list[int]:
        return sorted(
            k for line in lines if line["what"] == what and node in (None, line["node"]) for k in line["trials"]
        )

    begun, over = (trials(killed, what, mortal.node_id) for what in ("begun", "over"))
    (lost,) = set(begun) - set(over)
    assert len(over) == 1
    assert trials(counted(tmp_path), "begun") == sorted([*range(12), lost])
    assert trials(counted(tmp_path), "over") == list(range(12))


def counted(folder: Path) -> list[dict[str, Any]]:
    path = folder / "counted"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def both_awake(ray: Any) -> None:
    """A worker of each of two nodes has started, which takes seconds."""

    def wake() -> str:
        time.sleep(1)
        return ray.get_runtime_context().get_node_id()

    task = ray.remote(num_cpus=1, scheduling_strategy="SPREAD")(wake)
    while len(set(ray.get([task.remote(), task.remote()]))) < 2:
        pass


def test_stacks_folds_and_data_of_the_users_own_give_the_same_bits_and_ray_is_shut_down():
    import ray

    digits = tiza.load("digits").train
    data = tiza.load((digits.x[:600, 0].numpy(), digits.y[:600].numpy()), valid=100, test=100)
    asked = make(Recipe, recipe().model_dump(mode="json") | {"data": data.config})
    search = Search(recipe=asked, grid={"plan.lr": (0.001, 0.01, 0.1)}, folds=3)
    datasets = Datasets(search, data)
    lines = lines_of(trials_of(search), search, datasets)
    together = in_lanes([line for line in lines if line.fold == 0])
    planned = [Pack(tuple(together), "stacked", "stacked", 1, 1.0)]
    planned += [Pack((line,), "alone", "dense", 1, 1.0) for line in lines if line.fold]
    found = dict(cluster.results("ray", planned, datasets))
    assert not ray.is_initialized()
    assert set(found) == set(planned)
    for pack, outcomes in found.items():
        assert list(map(plain, outcomes)) == list(map(plain, whole(pack, search, data)))


# --- who may be asked


@pytest.fixture
def unguarded() -> Iterator[str]:
    """The address of a cluster in another process that asks for no token."""
    code = "from ray.cluster_utils import Cluster; import sys\n"
    code += "c = Cluster(initialize_head=True, head_node_args={'include_dashboard': False})\n"
    code += "print('at', c.address, flush=True); sys.stdin.read(); c.shutdown()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"RAY_AUTH_MODE": "disabled"}, **pipes) as it:
        yield next(line.split()[1] for line in it.stdout if line.startswith("at "))


def test_a_cluster_that_asks_for_no_token_is_used_only_where_the_user_says_so(
    unguarded: str, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(TizaError, match=f"at {unguarded} takes tasks from anybody: .* RAY_AUTH_MODE=disabled here"):
        cluster.check(f"ray={unguarded}")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    cluster.check(f"ray={unguarded}")


def refused_without_its_token(address: str) -> None:
    for name, value in (("RAY_AUTH_TOKEN", "8" * 64), ("RAY_AUTH_MODE", "disabled")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(name, value)
            with pytest.raises(TizaError, match=f"at {address} doesn't take the token of here"):
                cluster.check(f"ray={address}")


def test_an_address_where_no_cluster_answers_is_told_in_seconds(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    with socket.create_server(("127.0.0.1", 0)) as mute:  # takes the connection and says nothing
        for address in (
            "127.0.0.1:1",
            "nowhere.invalid:6379",
            "ray://127.0.0.1:1",
            f"127.0.0.1:{mute.getsockname()[1]}",
        ):
            began = time.perf_counter()
            with pytest.raises(TizaError, match=f"no Ray cluster answers at {address}: check the address"):
                cluster.check(f"ray={address}")
            assert time.perf_counter() - began < 4


@pytest.mark.parametrize("on", ["rat", "ray=", "ray=here", "ray=http://here:80", "xray=here:80"])
def test_what_is_no_place_is_told(on: str):
    with pytest.raises(TizaError, match="is no place to search on: say ray, or ray=ADDRESS"):
        cluster.check(on)


def test_the_address_may_stand_in_the_environment_as_ray_has_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(TizaError, match=r"no Ray cluster answers at 127\.0\.0\.1:1"):
        cluster.check("ray")


def test_without_ray_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(TizaError, match=r"pip install 'tiza\[ray\]'"):
        cluster.check("ray")


# --- what a worker refuses


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"tiza": "0.0.1"}, "the Ray worker has tiza .*, and this machine 0.0.1: install the same version"),
        ({"fingerprint": "another"}, "the Ray worker reads other samples as digits than this machine"),
    ],
)
def test_a_worker_with_another_tiza_or_other_samples_trains_nothing(changed: dict[str, str], sentence: str):
    search = Search(recipe=recipe(), grid={"plan.lr": (0.01,)})
    base = Datasets(search).base
    facts = {"tiza": version("tiza"), "fingerprint": base.fingerprint, "test": base.test.digest}
    with pytest.raises(TizaError, match=sentence):
        cluster._datasets(cluster.Job(search=search, given=None, **(facts | changed)))
