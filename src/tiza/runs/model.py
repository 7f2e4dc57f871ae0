"""``model/``: weights, a card and a manifest; and the trained model back from them."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from tiza import storage
from tiza.config import Model, make
from tiza.errors import RequestError, TizaError
from tiza.models.building import Built, body_of
from tiza.models.keras import adopted
from tiza.models.layers import Normalise
from tiza.runs.bundle import CARD, MANIFEST, ONNX, WEIGHTS
from tiza.runs.cards import card
from tiza.runs.files import Manifest, digest, manifest_of, stored
from tiza.runs.folder import Run, load_checkpoint
from tiza.runs.shelf import find
from tiza.runs.tensors import check_weights, load_weights, tensors_of, write_tensors


def save_model(run: Run, model: nn.Module) -> None:
    """``model/``: weights, a card, and last the manifest that makes them a model."""
    folder = run.path / "model"
    for name in (MANIFEST, ONNX):
        (folder / name).unlink(missing_ok=True)
    weights = write_tensors(folder / WEIGHTS, dict(model.state_dict()), {"format": "pt"})
    storage.write(folder / CARD, card(run))
    write_manifest(folder, _manifest(run, digest(weights)))


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """``manifest.json``, after the files that it speaks of."""
    storage.write(folder / MANIFEST, storage.to_json(manifest.model_dump(mode="json"), indent=1))


def _manifest(run: Run, weights: str) -> Manifest:
    """The manifest of what a run trains, with the hash of its weights."""
    facts = run.facts
    plain = {
        "model": run.recipe.model.model_dump(mode="json"), "shape": facts.shape, "classes": facts.classes,
        "features": facts.features, "form": facts.form, "fingerprint": facts.fingerprint, "weights": weights,
    }  # fmt: skip
    return manifest_of(plain, str(run.path / "environment.json"))


@dataclass(frozen=True)
class Restored:
    """A model ready to answer, and what it needs to be asked."""

    model: nn.Module
    manifest: Manifest


def restore(run: str | Path | Run, *, model: nn.Module | None = None) -> Restored:
    """The trained model of a run or a bundle, in eval mode, with its classes and the form of its input.

    From ``model/`` where training ended, else from the last checkpoint. ``model`` is the user's own module, for runs
    recorded as external. Raises :class:`TizaError` for weights that are damaged or belong to another architecture.
    """
    if (kept := stored(run)) is not None:
        manifest, where = kept.manifest, f"{kept.where}/{WEIGHTS}"
        weights = tensors_of(kept.read(WEIGHTS), where)
    else:
        run = find(run)
        manifest, weights = _of_checkpoint(run)
        where = str(run.path / "checkpoint.safetensors")
    if manifest.model.get("name") == "external" and model is None:
        raise RequestError("external-model", where=str(run.path if isinstance(run, Run) else run))
    if model is None:
        try:
            with torch.device("meta"):  # what a manifest asks for may be larger than any memory: its sizes first
                check_weights(_blank(manifest, None), weights, where=where)
        except (RuntimeError, OverflowError, TypeError):  # or than any number, which torch calls another type
            raise TizaError("damaged", where=where) from None
    whole = model if isinstance(model, Built) else _blank(manifest, model)
    load_weights(whole, weights, where=where)
    return Restored(whole.eval(), manifest)


def _of_checkpoint(run: Run) -> tuple[Manifest, dict[str, Tensor]]:
    """What there is of a model whose training has not ended: the best weights so far, else the last."""
    if (checkpoint := load_checkpoint(run)) is None:
        raise TizaError("nothing-trained", where=str(run.path))
    tensors, _ = checkpoint
    best = {key: v for key, v in tensors.items() if key.startswith("best.")}
    weights = {key.partition(".")[2]: v for key, v in (best or tensors).items() if key.startswith(("best.", "model."))}
    return _manifest(run, ""), weights


def _blank(manifest: Manifest, model: nn.Module | None) -> Built:
    """The model that a manifest asks for, or the user's own, before it gets its weights."""
    if model is None:
        config = make(Model, manifest.model, "model")
        body = body_of(config, manifest.shape, len(manifest.classes))
    else:
        config, body = Model(name="external"), adopted(model, manifest.shape)
    blank = torch.zeros(manifest.shape[0])
    return Built(Normalise(blank, blank, dimensions=len(manifest.shape)), body, config)
