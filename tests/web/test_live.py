"""A run's events for the page: its past in few points, lines by number, what comes as it comes."""

import asyncio
import json
import math
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiza
from tiza.training.events import Answered, Changed, Measured, Probed, RunEnded, RunStarted, Stepped, to_plain
from tiza.web.live import POINTS, Log, tail, thinned

PART = {"n": 100, "loss": [0.5], "accuracy": [0.75], "f1_macro": [0.7]}


def stamp(step: int) -> dict[str, float]:
    return {"step": step, "epoch": step // 100, "time": 1e9 + step}


def stepped(step: int) -> Stepped:
    return Stepped(**stamp(step), loss=[1 / (step + 1)], accuracy=[0.5], lr=[0.1], rate=1000.0, seconds=step / 10)


def write(path: Path, *events: object) -> None:
    with path.open("a") as file:
        for event in events:
            file.write(event if isinstance(event, str) else json.dumps(to_plain(event)) + "\n")  # pyright: ignore[reportArgumentType]


STARTED = RunStarted(**stamp(0), trials=1, epochs=3, steps_per_epoch=100, samples=1000, parameters=10)
PROBED = Probed(**stamp(2), layers=[{"name": "a", "quantiles": [[0, 1, 2, 3, 4, 5, 6]]}], tiles={"index": [1], "label": [2], "answer": [3]})  # fmt: skip # noqa: E501


def test_the_past_of_a_run_is_what_its_folder_says(done: tiza.runs.Run):
    history = Log(done.path / "events.jsonl").read().history()
    assert [m["step"] for m in history["measured"]] == [m.step for m in done.history()]
    assert history["measured"][-1]["valid"]["accuracy"] == done.history()[-1].valid["accuracy"]
    assert history["ended"]["reason"] == "done"
    assert (history["epochs"], history["samples"]) == (3, done.facts.counts["train"])
    assert history["last"] == len((done.path / "events.jsonl").read_text().splitlines()) - 1


def test_lines_are_given_by_their_number(done: tiza.runs.Run):
    log = Log(done.path / "events.jsonl").read()
    lines = (done.path / "events.jsonl").read_text().splitlines()
    numbers = log.history()["answered"]["n"]
    assert log.lines(numbers) == [json.loads(lines[n]) | {"n": n} for n in numbers]
    assert all(line["kind"] == "answered" for line in log.lines(numbers))
    assert log.lines([10**9, -1]) == []


def test_a_run_that_has_not_said_anything_yet_has_no_layers(tmp_path: Path):
    log = Log(tmp_path / "events.jsonl")
    assert (log.layers(), log.lines([0, 1])) == ([], [])


def test_bands_are_the_quantiles_of_one_layer_over_the_steps(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    write(
        path,
        STARTED,
        PROBED,
        Probed(**stamp(4), layers=[{"name": "a", "quantiles": [[6, 5, 4, 3, 2, 1, 0]]}], tiles={}),
    )
    log = Log(path).read()
    assert log.layers() == ["a"]
    assert log.bands(0) == {"step": [2, 4], "quantiles": [[0, 6], [1, 5], [2, 4], [3, 3], [4, 2], [5, 1], [6, 0]]}
    assert log.bands(7) == {"step": [], "quantiles": []}


def test_only_what_grew_is_read(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    log = Log(path)
    assert log.read().history()["last"] == -1
    write(path, STARTED, stepped(1))
    assert log.read().history()["stepped"]["step"] == [1]
    write(path, stepped(2), json.dumps(to_plain(stepped(3)))[:40])
    assert log.read().history()["stepped"]["step"] == [1, 2]  # a half-written line waits for its end
    write(path, json.dumps(to_plain(stepped(3)))[40:] + "\n")
    assert log.read().history()["stepped"]["step"] == [1, 2, 3]


@pytest.mark.parametrize(
    "broken",
    ["", "nonsense", '{"v": 1}', "[1]", '{"v": 1, "kind": "stepped"}', '{"v": 2, "kind": "stepped"}', "\0\xff"],
)
def test_a_corrupt_line_is_passed_over(tmp_path: Path, broken: str):
    path = tmp_path / "events.jsonl"
    write(path, STARTED, broken + "\n", stepped(1))
    history = Log(path).read().history()
    assert (history["last"], history["stepped"]["n"]) == (2, [2])


@given(st.lists(st.binary(max_size=60)))
def test_no_bytes_make_reading_fail(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]):
    path = tmp_path_factory.mktemp("log") / "events.jsonl"
    path.write_bytes(b"\n".join(lines))
    log = Log(path).read()
    json.dumps(log.history(), allow_nan=False)
    log.lines(range(len(log.offsets)))


def test_what_a_resumed_run_does_again_is_told_once(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    again = RunStarted(
        **stamp(100), trials=1, epochs=3, steps_per_epoch=100, samples=1000, parameters=10, resumed_from=100
    )
    measured = Measured(**stamp(100), train=PART, valid=PART, running={}, seconds=1)
    later = Answered(**stamp(150), answers=[1], seconds=0.1)
    ended = RunEnded(**stamp(160), reason="interrupted", seconds=2)
    write(path, STARTED, stepped(50), measured, stepped(150), later, ended, again, measured, stepped(120))
    log = Log(path).read()
    history = log.history()
    assert history["stepped"]["step"] == [50, 120]
    assert [m["step"] for m in history["measured"]] == [100]
    assert (history["answered"]["step"], history["ended"]) == ([], None)


def test_another_file_under_the_same_name_is_another_run(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    write(path, STARTED, stepped(1), stepped(2))
    log = Log(path).read()
    write(tmp_path / "new", STARTED, stepped(7))
    (tmp_path / "new").replace(path)
    assert log.read().history()["stepped"]["step"] == [7]
    path.unlink()
    assert log.read().history()["last"] == -1


def test_a_pause_is_known_until_it_ends(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    write(path, STARTED, Changed(**stamp(1), paused=True), Changed(**stamp(1), lr=[0.5]))
    assert Log(path).read().paused
    write(path, Changed(**stamp(1), paused=False))
    assert not Log(path).read().paused


@pytest.mark.parametrize("n", [0, 1, POINTS - 1, POINTS, POINTS + 1, 10 * POINTS + 7, 50 * POINTS])
def test_a_curve_has_at_most_so_many_points_and_ends_where_the_run_does(n: int):
    kept = thinned(range(n))
    assert len(kept) <= POINTS
    assert kept[-1:] == list(range(n))[-1:]
    assert kept == sorted(set(kept))


def test_a_hundred_thousand_events_are_read_in_three_seconds_into_two_thousand_points(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    line = json.dumps(to_plain(stepped(1)))
    write(path, STARTED, *(line.replace('"step": 1,', f'"step": {i},') + "\n" for i in range(100_000)))
    began = time.process_time()
    history = Log(path).read().history()
    assert time.process_time() - began < 3
    assert len(history["stepped"]["step"]) <= POINTS
    assert history["stepped"]["step"][-1] == 99_999


def test_a_loss_that_is_no_number_is_null(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    nan = Stepped(**stamp(1), loss=[math.nan], accuracy=[0.5], lr=[0.1], rate=0.0, seconds=0.0)
    write(path, STARTED, nan)
    assert Log(path).read().history()["stepped"]["loss"] == [None]


def heard(path: Path, after: int, then: object = None, n: int = 1) -> list[str]:
    """What the stream says in its first ``n`` parts; ``then`` happens after the first."""

    async def listen() -> list[str]:
        parts = []
        async for part in tail(Log(path), after):
            parts.append(part)
            if len(parts) == 1 and callable(then):
                then()
            if len(parts) == n:
                break
        return parts

    return asyncio.run(asyncio.wait_for(listen(), 20))


def test_the_stream_begins_after_the_line_asked_for_and_follows_the_file(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    write(path, STARTED, stepped(1), stepped(2))
    parts = heard(path, 1, lambda: write(path, "nonsense\n", stepped(3)), n=2)
    assert [part.partition("\n")[0] for part in parts] == ["id: 2", "id: 4"]
    assert json.loads(parts[1].partition("data: ")[2])["step"] == 3


def test_the_stream_waits_for_a_run_that_has_not_begun(tmp_path: Path):
    path = tmp_path / "events.jsonl"

    async def listen() -> str:
        stream = tail(Log(path), -1)
        first = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.2)
        write(path, STARTED)
        return await asyncio.wait_for(first, 20)

    assert asyncio.run(listen()).startswith("id: 0\n")


def test_the_stream_ends_with_the_runs_folder(tmp_path: Path):
    folder = tmp_path / "run"
    folder.mkdir()
    path = folder / "events.jsonl"
    write(path, STARTED)

    def gone() -> None:
        path.unlink()
        folder.rmdir()

    assert heard(path, -1, gone, n=2)[1].startswith("event: gone")


def test_the_stream_says_when_nobody_trains_any_more(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    write(path, STARTED, stepped(1))
    trains = tiza.runs.Run(tmp_path).locked()

    async def listen() -> tuple[str, float]:
        stream = tail(Log(path), 1)
        first = asyncio.ensure_future(anext(stream))
        with trains:
            await asyncio.sleep(2.5)  # paused, say: no events, and yet alive
            assert not first.done()
        begun = time.monotonic()
        return await asyncio.wait_for(first, 20), time.monotonic() - begun

    said, seconds = asyncio.run(listen())
    assert said.startswith("event: left")
    assert seconds < 4
