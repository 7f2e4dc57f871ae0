"""A run's ``events.jsonl`` for the page: its past in few points, lines by their number, and what comes, as it comes."""

import asyncio
import re
import threading
from array import array
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from tiza import storage
from tiza.errors import TizaError
from tiza.runs import Run
from tiza.training.events import EVENTS, VERSION

POINTS = 2_000  # of a curve
LOOKS = 1_000  # at the weights of all layers, each a long line: more than a panel has pixels
POLL = 0.05  # seconds between two looks at the file
_ENDED = ("reason", "seconds", "step", "failed_at", "proposed_lr")
BEAT = 15.0  # seconds without an event after which the stream says that it is alive
DOUBT = 2.0  # seconds without an event after which it is asked whether anybody still trains: the killed say nothing
_FRAME = re.compile(rb'\{"v": 1, "kind": "(probed|answered)", "step": (\d+), "epoch": \d+, "time": ([\d.]+)')


class Log:
    """What ``events.jsonl`` says so far; ``read()`` goes on where it stopped. Lines are numbered from 0.

    Lines that are broken, or not yet whole, are passed over. What a resumed run does again is told once.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Know nothing."""
        self.file: tuple[int, int] | None = None  # device and inode: another file under the same name is another run
        self.offsets = array("q")
        self.end = 0
        self.started: dict[str, Any] | None = None
        self.ended: dict[str, Any] | None = None
        self.stepped: list[tuple[Any, ...]] = []  # n, step, seconds, loss, accuracy, lr, rate
        self.measured: list[dict[str, Any]] = []
        self.changed: list[dict[str, Any]] = []
        self.frames: dict[str, list[tuple[int, int, float]]] = {"probed": [], "answered": []}  # n, step, time
        self.looks: tuple[int, list[tuple[int, list[Any]]]] = (0, [])  # of how many; step and quantiles of each layer

    def read(self) -> "Log":
        """Take in what was written since."""
        with self.lock:
            try:
                file, anew, whole = storage.appended(self.path, self.file, self.end)
            except FileNotFoundError:
                self.clear()
                return self
            if anew:
                self.clear()
                self.file = file
            for line in whole.splitlines(keepends=True):
                self.offsets.append(self.end)
                self.end += len(line)
                self.take(len(self.offsets) - 1, line)
        return self

    def take(self, n: int, line: bytes) -> None:
        """One more line."""
        if frame := _FRAME.match(line):
            self.frames[frame[1].decode()].append((n, int(frame[2]), float(frame[3])))
            return
        if (event := parsed(line)) is None:
            return
        event["n"] = n
        match event["kind"]:
            case "run-started":
                self.started, self.ended = event, None
                if (again := event.get("resumed_from")) is not None:
                    self.forget(again)
            case "stepped":
                first = (event[name][0] for name in ("loss", "accuracy", "lr"))
                self.stepped.append((n, event["step"], event["seconds"], *first, event["rate"]))
            case "measured":
                if self.measured and self.measured[-1]["step"] == event["step"]:  # killed between measuring and keeping
                    self.measured.pop()
                self.measured.append(event)
            case "changed":
                self.changed.append(event)
            case "run-ended":
                self.ended = event

    def forget(self, step: int) -> None:
        """What came after ``step`` will be told again."""
        self.stepped = [row for row in self.stepped if row[1] <= step]
        self.measured = [event for event in self.measured if event["step"] <= step]
        self.changed = [event for event in self.changed if event["step"] <= step]
        self.frames = {kind: [row for row in rows if row[1] <= step] for kind, rows in self.frames.items()}

    @property
    def paused(self) -> bool:
        """Whether the last word on it was a pause."""
        said = [event["paused"] for event in self.changed if event.get("paused") is not None]
        return bool(said) and said[-1] and self.ended is None

    def history(self) -> dict[str, Any]:
        """The past, in at most ``POINTS`` points a curve."""
        started = self.started or {"steps_per_epoch": 0, "epochs": 0, "samples": 0}
        columns = list(zip(*thinned(self.stepped), strict=True)) or [()] * 7
        probed, answered = (thinned(self.frames[kind]) for kind in ("probed", "answered"))
        return {
            "last": len(self.offsets) - 1,
            **{name: started[name] for name in ("steps_per_epoch", "epochs", "samples")},
            "stepped": dict(
                zip(("n", "step", "seconds", "loss", "accuracy", "lr", "rate"), map(list, columns), strict=True)
            ),
            "measured": thinned(self.measured),
            "changed": self.changed[-POINTS:],
            "probed": {"n": [row[0] for row in probed], "step": [row[1] for row in probed]},
            "answered": {name: [row[i] for row in answered] for i, name in enumerate(("n", "step", "time"))},
            "ended": self.ended and {name: self.ended.get(name) for name in _ENDED},
        }

    def lines(self, numbers: Iterable[int]) -> list[dict[str, Any]]:
        """The events of these lines; numbers that stand for none are left out."""
        found: list[dict[str, Any]] = []
        there = [n for n in numbers if 0 <= n < len(self.offsets)]
        if not there:  # the file itself may not be there yet
            return found
        with self.path.open("rb") as file:
            for n in there:
                file.seek(self.offsets[n])
                if (event := parsed(file.readline())) is not None:
                    found.append(event | {"n": n})
        return found

    def bands(self, layer: int) -> dict[str, Any]:
        """The quantiles of a layer over the steps, in at most ``LOOKS`` points: seven lists."""
        with self.lock:
            if self.looks[0] != len(self.frames["probed"]):
                lines = self.lines(n for n, *_ in thinned(self.frames["probed"], LOOKS))
                looks = [(line["step"], [one["quantiles"][0] for one in line["layers"]]) for line in lines]
                self.looks = len(self.frames["probed"]), looks
            rows = [(step, layers[layer]) for step, layers in self.looks[1] if layer < len(layers)]
        quantiles = zip(*(row for _, row in rows), strict=True)
        return {"step": [step for step, _ in rows], "quantiles": [list(one) for one in quantiles]}

    def layers(self) -> list[str]:
        """The names of the layers that were looked into."""
        first = self.lines(n for n, *_ in self.frames["probed"][:1])
        return [layer["name"] for layer in first[0]["layers"]] if first else []


def parsed(line: bytes) -> dict[str, Any] | None:
    """The event of a line as plain data, or None where it is none."""
    try:
        event = from_json(line)
    except ValueError:
        return None
    known = isinstance(event, dict) and event.get("v") == VERSION and event.get("kind") in EVENTS
    return event if known and {"step", "epoch", "time"} <= event.keys() else None


def thinned(rows: Sequence[Any], most: int = POINTS) -> list[Any]:
    """At most so many of them at even intervals, the last among them."""
    if len(rows) <= most:
        return list(rows)
    return [*rows[: -1 : -(-(len(rows) - 1) // (most - 1))], rows[-1]]


async def tail(log: Log, after: int) -> AsyncIterator[str]:
    """The lines after number ``after`` as server-sent events, for as long as the run's folder is there.

    ``left`` says that whoever trained the run does so no longer.
    """
    await asyncio.to_thread(log.read)
    n = after + 1
    quiet = doubt = 0.0
    held = await asyncio.to_thread(_held, log.path.parent)
    while True:
        if not log.path.parent.is_dir():
            yield "event: gone\ndata: {}\n\n"
            return
        offset = log.offsets[n] if n < len(log.offsets) else log.end
        new = await asyncio.to_thread(_from, log.path, offset)
        whole = new[: new.rfind(b"\n") + 1]
        out = []
        for line in whole.splitlines():
            if parsed(line) is not None:
                out.append(f"id: {n}\ndata: {line.decode()}\n\n")
            n += 1
        if out:
            quiet, doubt, held = 0.0, 0.0, True
            yield "".join(out)
        else:
            quiet, doubt = quiet + POLL, doubt + POLL
        if doubt >= DOUBT:
            doubt = 0.0
            before, held = held, await asyncio.to_thread(_held, log.path.parent)
            if before and not held:
                quiet = 0.0
                yield "event: left\ndata: {}\n\n"
        if quiet >= BEAT:
            quiet = 0.0
            yield ": alive\n\n"
        await asyncio.sleep(POLL)
        await asyncio.to_thread(log.read)


def _held(folder: Path) -> bool:
    """Whether somebody trains the run."""
    if not (folder / ".lock").exists():
        return False
    try:
        with Run(folder).locked(wait=0):
            return False
    except TizaError as error:
        return error.code == "run-in-use"


def _from(path: Path, offset: int) -> bytes:
    """What the file holds from there on."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read()
    except FileNotFoundError:
        return b""
