"""The run folder: everything about a run in plain files, from which any later process goes on."""

import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from filelock import FileLock, Timeout
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from tiza import storage
from tiza.config import Config, Model, Recipe, faults_of, make
from tiza.data.dataset import Dataset
from tiza.errors import RequestError, TizaError, together, unknown
from tiza.i18n import number, t
from tiza.models.building import Built, body_of
from tiza.models.layers import Normalise
from tiza.training.events import Event, Measured, RunEnded, RunStarted, from_plain, to_plain

Status = Literal["running", "done", "early", "stopped", "interrupted", "diverged"]


class Facts(Config):
    """What is chosen or found once, when a run begins (``environment.json``)."""

    format: Literal[1] = 1
    tiza: str
    versions: dict[str, str]
    machine: str
    device: str
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


class Manifest(Config):
    """What ``model/`` holds: enough to rebuild the model and bring a file to its input, and a hash of the weights."""

    format: Literal[1] = 1
    model: dict[str, Any]
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    features: tuple[str, ...]
    form: dict[str, Any]
    fingerprint: str
    weights: str


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
        return _checked(Facts, self.path / "environment.json")

    @property
    def report(self) -> dict[str, Any] | None:
        """The last evaluation, or None."""
        path = self.path / "report.json"
        return read_json(path) if path.exists() else None

    def events(self) -> Iterator[Event]:
        """The run's events in order; what a resumed run did again is told once."""
        return iter(
            forget(event for line in storage.read_lines(self.path / "events.jsonl") if (event := from_plain(line)))
        )

    def history(self) -> list[Measured]:
        """What was measured after each epoch."""
        return [event for event in self.events() if isinstance(event, Measured)]

    @property
    def ended(self) -> RunEnded | None:
        """How training ended; None while it runs, and after a crash."""
        last = None
        for event in self.events():
            last = event
        return last if isinstance(last, RunEnded) else None

    @property
    def samples_per_second(self) -> float | None:
        """Train samples that a second of training took in, measuring left out; None before the end."""
        history, ended = self.history(), self.ended
        if ended is None or not ended.seconds:
            return None
        epoch = next(event.steps_per_epoch for event in self.events() if isinstance(event, RunStarted))
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
            with self.locked():
                return "interrupted"
        except TizaError as error:
            return "running" if error.code == "run-in-use" else "interrupted"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else writes in this folder meanwhile; raises :class:`TizaError` when somebody already does."""
        lock = FileLock(self.path / ".lock", timeout=0)
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
        """As a list of runs has it: name, state, and what was measured last."""
        recipe, history, report = self.recipe, self.history(), self.report
        return {
            "name": self.name, "path": str(self.path), "status": self.status, "data": recipe.data.name,
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
    for event in events:
        if isinstance(event, RunStarted) and event.resumed_from is not None:
            kept = [old for old in kept if old.step <= event.resumed_from and not isinstance(old, RunEnded)]
        if isinstance(event, Measured):  # killed between measuring and keeping: measured again, the same
            kept = [old for old in kept if not (isinstance(old, Measured) and old.step == event.step)]
        kept.append(event)
    return kept


# --- finding, listing -------------------------------------------------------------------------------------------------


def runs_home() -> Path:
    """Where runs go that were given no folder."""
    return storage.home() / "runs"


def new_folder(recipe: Recipe) -> Path:
    """A fresh folder name for a run: date, time, data and model."""
    stem = time.strftime("%Y-%m-%d-%H%M%S") + f"-{recipe.data.name}-{recipe.model.name}"
    path, n = runs_home() / stem, 1
    while path.exists():
        n += 1
        path = runs_home() / f"{stem}-{n}"
    return path


def list_runs() -> list[Run]:
    """The runs in TIZA_HOME, the newest first; folders that are none are passed over."""
    folder = runs_home()
    found = [Run(path) for path in folder.iterdir() if _is_run(path)] if folder.is_dir() else []
    return sorted(found, key=lambda run: (run.path / "recipe.json").stat().st_mtime, reverse=True)


def _is_run(path: Path) -> bool:
    return (path / "recipe.json").is_file() or (path / "model" / "manifest.json").is_file()


def find(run: "str | Path | Run") -> Run:
    """A run by its folder, its name in TIZA_HOME, or ``last``.

    Raises :class:`TizaError` for what is no run: says the nearest name, and what a file really is.
    """
    if isinstance(run, Run):
        return run
    path = Path(run)
    for candidate in (path, runs_home() / path):
        if candidate.is_dir() and _is_run(candidate):
            return Run(candidate)
    if path.is_file():
        with path.open("rb") as file:
            start = file.read(64)
        pickled = start[:1] == b"\x80" or (
            start[:4] == b"PK\x03\x04" and path.suffix in (".pt", ".pth", ".bin", ".ckpt")
        )
        raise RequestError("run-is-pickle" if pickled else "run-is-file", where=str(path))
    if path.is_dir():
        raise RequestError("no-run-inside", where=str(path))
    known = list_runs()
    if str(run) == "last" and known:
        return known[0]
    raise unknown("run", str(run), [k.name for k in known[:20]])


# --- writing ----------------------------------------------------------------------------------------------------------


def begin(path: Path, recipe: Recipe, facts: Facts) -> Run:
    """Lay out a new run folder; raises when the folder already holds something."""
    if path.is_file():
        raise RequestError("run-is-file", where=str(path))
    leftovers = (".lock", "environment.json")  # of a beginning that was cut off: recipe.json makes the run
    if path.exists() and any(c.name not in leftovers and c.suffix != ".part" for c in path.iterdir()):
        with Run(path).locked():
            pass
        raise RequestError("run-exists", where=str(path))
    storage.write(path / "environment.json", storage.to_json(facts.model_dump(mode="json"), indent=1))
    storage.write(path / "recipe.json", storage.to_json(recipe.model_dump(mode="json"), indent=1))
    return Run(path)


def tidy(run: Run) -> None:
    """Clear away the files that a crash left half written."""
    for part in (*run.path.glob(".*.part"), *run.path.glob("model/.*.part")):
        part.unlink()


def append_event(run: Run, event: Event) -> None:
    """One more line in ``events.jsonl``."""
    storage.append_line(run.path / "events.jsonl", to_plain(event))


def save_checkpoint(run: Run, tensors: dict[str, Tensor], position: dict[str, Any]) -> None:
    """Weights, optimizer, random states; the position as metadata. Whole or not at all."""
    content = save(_plain_tensors(tensors), {"format": "1", "position": storage.to_json(position)})
    storage.write(run.path / "checkpoint.safetensors", content)


def load_checkpoint(run: Run) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """What ``save_checkpoint`` kept, or None before the first."""
    path = run.path / "checkpoint.safetensors"
    if not path.exists():
        return None
    tensors, metadata = read_tensors(path)
    try:
        position = json.loads(metadata["position"])
    except (KeyError, ValueError):
        raise TizaError("damaged", where=str(path)) from None
    return tensors, position


def save_model(run: Run, model: nn.Module) -> None:
    """``model/``: weights, a card, and last the manifest that makes them a model."""
    recipe, facts = run.recipe, run.facts
    weights = save(_plain_tensors(dict(model.state_dict())), {"format": "pt"})
    folder = run.path / "model"
    (folder / "manifest.json").unlink(missing_ok=True)
    storage.write(folder / "weights.safetensors", weights)
    storage.write(folder / "README.md", card(run))
    manifest = Manifest(
        model=recipe.model.model_dump(mode="json"),
        shape=facts.shape,
        classes=facts.classes,
        features=facts.features,
        form=facts.form,
        fingerprint=facts.fingerprint,
        weights=hashlib.blake2b(weights, digest_size=16).hexdigest(),
    )
    storage.write(folder / "manifest.json", storage.to_json(manifest.model_dump(mode="json"), indent=1))


def card(run: Run) -> str:
    """The model card, in the user's language; with the measures once there is a report."""
    recipe, facts, report = run.recipe, run.facts, run.report
    lines = [
        f"# {run.name}",
        "",
        t("card.what", data=facts.data, model=recipe.model.name, parameters=facts.parameters),
        t("card.data", fingerprint=facts.fingerprint, train=facts.counts["train"], valid=facts.counts["valid"]),
        t("card.classes", classes=", ".join(facts.classes)),
    ]
    for split in ("train", "valid", "test"):
        if report and report.get(split):
            of = report[split]
            low, high = of["interval"]
            lines.append(t(f"card.{split}", n=of["n"], accuracy=of["accuracy"], low=low, high=high))
    if report and report.get("test_opening"):
        lines.append(t("card.opening", n=report["test_opening"]))
    return "\n\n".join([lines[0], *(line for line in lines[2:])]) + "\n"


def _plain_tensors(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """As safetensors wants them; weights that a model uses twice are written twice."""
    plain: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        tensor = tensor.detach().cpu().contiguous()
        plain[name] = tensor.clone() if tensor.data_ptr() in seen else tensor
        seen.add(tensor.data_ptr())
    return plain


def check_data(run: Run, data: Dataset) -> None:
    """Raise unless ``data`` is what the run was trained on, divided as it was then."""
    if (data.fingerprint, data.test.digest) != (run.facts.fingerprint, run.facts.test):
        raise RequestError("other-data", where=str(run.path))


# --- reading ----------------------------------------------------------------------------------------------------------


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file of the run folder."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TizaError("missing-file", where=str(path)) from None
    except (OSError, ValueError, RecursionError):
        raise TizaError("damaged", where=str(path)) from None
    if not isinstance(value, dict):
        raise TizaError("damaged", where=str(path))
    return value


def _checked(schema: type[Any], path: Path) -> Any:
    try:
        return schema.model_validate(read_json(path))
    except ValidationError as error:
        raise together(faults_of(error, schema, str(path))) from None


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file; never unpickles, raises on a truncated or hostile one."""
    try:
        with safe_open(str(path), framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except FileNotFoundError:
        raise TizaError("missing-file", where=str(path)) from None
    except (SafetensorError, OSError, ValueError, RuntimeError, MemoryError):
        raise TizaError("damaged", where=str(path)) from None


@dataclass(frozen=True)
class Restored:
    """A model ready to answer, and what it needs to be asked."""

    model: nn.Module
    manifest: Manifest


def restore(run: "str | Path | Run", *, model: nn.Module | None = None) -> Restored:
    """The trained model of a run, in eval mode, with its classes and the form of its input.

    From ``model/`` where training ended, else from the last checkpoint. ``model`` is the user's own module, for runs
    recorded as external. Raises :class:`TizaError` for weights that are damaged or belong to another architecture.
    """
    run = find(run)
    folder = run.path / "model"
    if (folder / "manifest.json").exists():
        manifest = _checked(Manifest, folder / "manifest.json")
        path = folder / "weights.safetensors"
        if not path.exists():
            raise TizaError("missing-file", where=str(path))
        if hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest() != manifest.weights:
            raise TizaError("damaged", where=str(path))
        weights, _ = read_tensors(path)
    else:
        path = run.path / "checkpoint.safetensors"
        kept = load_checkpoint(run)
        if kept is None:
            raise TizaError("nothing-trained", where=str(run.path))
        facts = run.facts
        best = {key: v for key, v in kept[0].items() if key.startswith("best.")}
        weights = {
            key.partition(".")[2]: v for key, v in (best or kept[0]).items() if key.startswith(("best.", "model."))
        }
        manifest = Manifest(
            model=run.recipe.model.model_dump(mode="json"), shape=facts.shape, classes=facts.classes,
            features=facts.features, form=facts.form, fingerprint=facts.fingerprint, weights="",
        )  # fmt: skip
    if manifest.model.get("name") == "external" and model is None:
        raise RequestError("external-model", where=str(run.path))
    config = make(Model, manifest.model, "model") if model is None else Model(name="external")
    if isinstance(model, Built):
        whole = model
    else:
        body = body_of(config, manifest.shape, len(manifest.classes)) if model is None else model
        blank = torch.zeros(manifest.shape[0])
        whole = Built(Normalise(blank, blank, dimensions=len(manifest.shape)), body, config)
    load_weights(whole, weights, where=str(path))
    return Restored(whole.eval(), manifest)


def load_weights(model: nn.Module, weights: dict[str, Tensor], *, where: str) -> None:
    """Fill a model in; raises with layer and shapes when the weights are those of another architecture."""
    wanted = model.state_dict()
    for name in wanted.keys() | weights.keys():
        found, needed = (_shape(side.get(name)) for side in (weights, wanted))
        if found != needed:
            raise TizaError("weights-mismatch", where=where, layer=name, found=found, wanted=needed)
    model.load_state_dict(weights)


def _shape(tensor: Tensor | None) -> str:
    return "–" if tensor is None else f"{str(tensor.dtype).removeprefix('torch.')} " + "×".join(map(str, tensor.shape))
