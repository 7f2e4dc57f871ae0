"""``model/``: weights, a card and a manifest; and the trained model back from them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from tiza import storage
from tiza.config import Config, Model, make
from tiza.errors import RequestError, TizaError
from tiza.i18n import t
from tiza.models.building import Built, body_of
from tiza.models.keras import adopted
from tiza.models.layers import Normalise
from tiza.runs.folder import Run, checked_json, load_checkpoint
from tiza.runs.shelf import find
from tiza.runs.tensors import load_weights, read_tensors, write_tensors


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


def save_model(run: Run, model: nn.Module) -> None:
    """``model/``: weights, a card, and last the manifest that makes them a model."""
    recipe, facts = run.recipe, run.facts
    folder = run.path / "model"
    (folder / "manifest.json").unlink(missing_ok=True)
    weights = write_tensors(folder / "weights.safetensors", dict(model.state_dict()), {"format": "pt"})
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


@dataclass(frozen=True)
class Restored:
    """A model ready to answer, and what it needs to be asked."""

    model: nn.Module
    manifest: Manifest


def restore(run: str | Path | Run, *, model: nn.Module | None = None) -> Restored:
    """The trained model of a run, in eval mode, with its classes and the form of its input.

    From ``model/`` where training ended, else from the last checkpoint. ``model`` is the user's own module, for runs
    recorded as external. Raises :class:`TizaError` for weights that are damaged or belong to another architecture.
    """
    run = find(run)
    folder = run.path / "model"
    if (folder / "manifest.json").exists():
        manifest = checked_json(Manifest, folder / "manifest.json")
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
        body = (
            body_of(config, manifest.shape, len(manifest.classes)) if model is None else adopted(model, manifest.shape)
        )
        blank = torch.zeros(manifest.shape[0])
        whole = Built(Normalise(blank, blank, dimensions=len(manifest.shape)), body, config)
    load_weights(whole, weights, where=str(path))
    return Restored(whole.eval(), manifest)
