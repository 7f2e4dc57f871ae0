"""The run folder: recipe, facts, events and checkpoint in plain files, from which any later process goes on."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from tiza import storage
from tiza.config import Config, Recipe, faults_of, make
from tiza.errors import RequestError, TizaError, together
from tiza.i18n import number, t
from tiza.training.events import Event, Measured, RunEnded, RunStarted, from_plain, to_plain

if TYPE_CHECKING:
    from torch import Tensor


_BEGINS = re.compile(r'\{"v": 1, "kind": "([a-z-]+)"')  # of an event's line

Status = Literal["running", "done", "early", "stopped", "interrupted", "diverged"]


class Facts(Config):
    """What is chosen or found once, when a run begins (``environment.json``).

    ``origin``: from which part of the source validation and test come; ``train``: they were carved from it.
    """

    format: Literal[1] = 1
    tiza: str
    versions: dict[str, str]
    machine: str
    device: str
    engine: str = "module"
    threads: int
    started: float
    data: str
    fingerprint: str
    test: str
    counts: dict[str, int]
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    features: tuple[str, ...]
    form: dict[str, Any]
    parameters: int
    origin: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """A run folder. Everything it says is read from the files, at the time it is asked."""

    path: Path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def recipe(self) -> Recipe:
        """What was asked for."""
        return make(Recipe, read_json(self.path / "recipe.json"))

    @property
    def facts(self) -> Facts:
        """What was found and chosen when the run began."""
        return checked_json(Facts, self.path / "environment.json")

    @property
    def report(self) -> dict[str, Any] | None:
        """The last evaluation, or None."""
        path = self.path / "report.json"
        return read_json(path) if path.exists() else None

    def events(self, *kinds: type[Event]) -> Iterator[Event]:
        """The run's events in order, or those of some kinds alone; what a resumed run did again is told once."""
        wanted = {kind.kind for kind in (*kinds, RunStarted)}

        def keep(line: str) -> bool:  # of a long run most lines are others, and parsing them takes seconds
            begins = _BEGINS.match(line)
            return begins is None or begins[1] in wanted

        lines = storage.read_lines(self.path / "events.jsonl", keep if kinds else None)
        told = forget(event for line in lines if (event := from_plain(line)))
        return (event for event in told if not kinds or isinstance(event, kinds))

    def history(self) -> list[Measured]:
        """What was measured after each epoch."""
        return [event for event in self.events(Measured) if isinstance(event, Measured)]

    @property
    def ended(self) -> RunEnded | None:
        """How training ended; None while it runs, and after a crash."""
        last = None
        for event in self.events(RunStarted, RunEnded):
            last = event
        return last if isinstance(last, RunEnded) else None

    @property
    def samples_per_second(self) -> float | None:
        """Train samples that a second of training took in, measuring left out; None before the end."""
        history, ended = self.history(), self.ended
        if ended is None or not ended.seconds:
            return None
        epoch = next(event.steps_per_epoch for event in self.events(RunStarted) if isinstance(event, RunStarted))
        steps = history[-1].step if history else 0
        return steps * self.facts.counts["train"] / epoch / ended.seconds

    @property
    def finished(self) -> bool:
        """Whether training ended and its model was saved: nothing is left to resume."""
        ended = self.ended
        return bool(ended and ended.reason != "interrupted" and (self.path / "model" / "manifest.json").exists())

    @property
    def status(self) -> Status:
        """``running``, how it ended, or ``interrupted`` for a run that nobody is training and that has no end."""
        ended = self.ended
        if ended:
            return ended.reason if ended.reason in ("done", "early", "diverged", "interrupted") else "stopped"  # type: ignore[return-value]
        try:
            with self.locked(wait=0):
                return "interrupted"
        except TizaError as error:
            return "running" if error.code == "run-in-use" else "interrupted"

    @contextmanager
    def locked(self, wait: float = 1.0) -> Iterator[None]:
        """Nobody else writes here meanwhile; raises :class:`TizaError` if somebody still does after ``wait`` s."""
        from filelock import FileLock, Timeout  # who only reads needs none

        lock = FileLock(self.path / ".lock", timeout=wait)
        try:
            lock.acquire()
        except Timeout:
            raise TizaError("run-in-use", where=str(self.path)) from None
        except OSError as error:
            raise storage.cannot_write(self.path, error) from error
        try:
            yield
        finally:
            lock.release()

    def delete(self) -> None:
        """Remove the folder and all in it; raises when the run is being trained."""
        with self.locked():
            pass
        shutil.rmtree(self.path)

    def to_dict(self) -> dict[str, Any]:
        """As a list of runs has it: name, state, and what was measured last; a folder that can't be read is damaged."""
        named = {"name": self.name, "path": str(self.path)}
        try:
            recipe, history, report = self.recipe, self.history(), self.report
        except TizaError:
            unknown = dict.fromkeys(("data", "model", "valid_accuracy", "test"))
            return {**named, "status": "damaged", "epochs": 0, **unknown}
        return {
            **named, "status": self.status, "data": recipe.data.title,
            "model": recipe.model.name, "epochs": history[-1].epoch if history else 0,
            "valid_accuracy": history[-1].valid["accuracy"][0] if history else None,
            "test": brief(report["test"]) if report else None,
        }  # fmt: skip

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{m.epoch}</td>"
            + "".join(f"<td>{number(part['loss'][0], '.4f')}</td><td>{number(part['accuracy'][0], '.2%')}</td>"
                      for part in (m.train, m.valid))
            + "</tr>"
            for m in self.history()
        )  # fmt: skip
        heads = (
            t("col.epoch"),
            t("col.train-loss"),
            t("col.train-accuracy"),
            t("col.valid-loss"),
            t("col.valid-accuracy"),
        )
        head = "".join(f"<th>{text}</th>" for text in heads)
        return f"<p><b>{self.name}</b></p><table><tr>{head}</tr>{rows}</table>"


def brief(measures: dict[str, Any] | None) -> dict[str, Any] | None:
    """Of a report's measures of a split, those that fit in a line; None for a split that was not measured."""
    return {key: measures[key] for key in ("n", "loss", "accuracy", "interval", "f1_macro")} if measures else None


def forget(events: Iterator[Event]) -> list[Event]:
    """The events without those that a later ``RunStarted(resumed_from=…)`` takes back."""
    kept: list[Event] = []
    again = -1
    for event in events:
        if isinstance(event, RunStarted) and event.resumed_from is not None:
            again = event.resumed_from
            kept = [old for old in kept if old.step <= again and not isinstance(old, RunEnded)]
        if isinstance(event, Measured) and event.step == again:  # killed between measuring and keeping
            kept = [old for old in kept if not (isinstance(old, Measured) and old.step == again)]
        kept.append(event)
    return kept


def begin(path: Path, recipe: Recipe, facts: Facts) -> Run:
    """Lay out a new run folder; raises when the folder already holds something."""
    if path.is_file():
        raise RequestError("run-is-file", where=str(path))
    # A recipe, commands and a log may be laid there before; the environment, written last, says that the run has begun.
    before = (".lock", "recipe.json", "control.jsonl", "training.log")
    parts = {"recipe.json": recipe, "environment.json": facts}
    contents = {name: plain_of(part) for name, part in parts.items()}  # what can't be written down makes no folder
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage.cannot_write(path, error) from error
    with Run(path).locked():
        if any(child.name not in before and child.suffix != ".part" for child in path.iterdir()):
            raise RequestError("run-exists", where=str(path))
        for name, content in contents.items():
            storage.write(path / name, content)
    return Run(path)


def plain_of(part: Config) -> bytes:
    """A config as its file in the run folder holds it; raises :class:`TizaError` for a text that is not Unicode."""
    return storage.encoded(storage.to_json(part.model_dump(mode="json"), indent=1))


def tidy(run: Run) -> None:
    """Clear away the files that a crash left half written."""
    for part in (*run.path.glob(".*.part"), *run.path.glob("model/.*.part")):
        part.unlink()


def append_event(run: Run, event: Event) -> None:
    """One more line in ``events.jsonl``."""
    storage.append_line(run.path / "events.jsonl", to_plain(event))


def save_checkpoint(run: Run, tensors: "dict[str, Tensor]", position: dict[str, Any]) -> None:
    """Weights, optimizer, random states; the position as metadata. Whole or not at all."""
    from tiza.runs.tensors import write_tensors

    metadata = {"format": "1", "position": storage.to_json(position)}
    write_tensors(run.path / "checkpoint.safetensors", tensors, metadata)


def load_checkpoint(run: Run) -> "tuple[dict[str, Tensor], dict[str, Any]] | None":
    """What ``save_checkpoint`` kept, or None before the first."""
    from tiza.runs.tensors import read_tensors

    path = run.path / "checkpoint.safetensors"
    if not path.exists():
        return None
    tensors, metadata = read_tensors(path)
    try:
        position = json.loads(metadata["position"])
    except (KeyError, ValueError):
        raise TizaError("damaged", where=str(path)) from None
    return tensors, position


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file of the run folder."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise TizaError("missing-file", where=str(path)) from None
    except OSError:
        raise TizaError("damaged", where=str(path)) from None
    return json_of(content, str(path))


def json_of(content: bytes, where: str) -> dict[str, Any]:
    """The JSON object that a file holds."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        raise TizaError("damaged", where=where) from None
    if not isinstance(value, dict):
        raise TizaError("damaged", where=where)
    return value


def checked_json(schema: type[Any], path: Path) -> Any:
    """A config from a JSON file; raises with every field at fault."""
    return checked(schema, read_json(path), str(path))


def checked(schema: type[Any], plain: dict[str, Any], where: str) -> Any:
    """A config from the plain values of a file; raises with every field at fault."""
    try:
        return schema.model_validate(plain)
    except ValidationError as error:
        raise together(faults_of(error, schema, where)) from None
