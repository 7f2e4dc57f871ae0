"""``export()``: a run's model as one file that other programs and other machines use."""

import errno
import os
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tiza import storage
from tiza.data.sources import load
from tiza.errors import RequestError, TizaError, unknown
from tiza.exports.graph import graph_of
from tiza.models.building import Built
from tiza.models.layers import Normalise
from tiza.runs.bundle import CARD, MANIFEST, ONNX, RECIPE, REPORT, WEIGHTS, packed, unpacked
from tiza.runs.files import Stored, digest, stored
from tiza.runs.folder import Run
from tiza.runs.model import restore, write_manifest
from tiza.runs.shelf import find

KINDS = {"onnx": ".onnx", "bundle": ".zip"}  # and the ending by which their files are known
CHECKED = 1_000  # samples on which an ONNX must answer as torch does


@dataclass(frozen=True)
class Written:
    """A file that was written: of which kind, how many bytes.

    ``samples``: on how many samples an ONNX was checked against torch; ``distance``: how far it was from it at most,
    see :func:`tiza.exports.graph.distance`.
    """

    path: Path
    to: str
    size: int
    samples: int | None = None
    distance: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        return asdict(self) | {"path": str(self.path)}


def export(run: str | Path | Run, to: str, path: str | Path | None = None, *, model: nn.Module | None = None) -> Path:
    """Write the trained model of a run as ``to``; where it was written.

    ``onnx``: opset 18, normalisation inside, any batch size, no other file needed; checked against torch on a thousand
    samples. Input ``samples`` as in the data set (uint8 N×C×H×W or float32 N×F), output ``logits``; the metadata holds
    ``classes``, ``shape``, ``form``, ``fingerprint`` as JSON. It is kept in the run, ``model/model.onnx``, from where
    :class:`Predictor` answers without torch; ``path`` is written besides. ``model``: the user's module, for external
    runs.

    ``bundle``: one zip (``path``, else ``model.zip`` in the run) of manifest, weights, model card, recipe and report,
    and of the ONNX where there is one. It holds no pickle and no code, and the same run gives the same bytes;
    ``Predictor``, ``evaluate`` and ``tiza predict`` take it on any machine.

    ``path`` ends in ``.onnx`` or ``.zip``, by which later calls know the file. Raises :class:`TizaError` for another
    ending, for a run without a trained model, for an operation that ONNX does not have, and when nothing can be
    written; nothing is left half written.
    """
    return written(run, to, path, model=model).path


def written(
    run: str | Path | Run, to: str, path: str | Path | None = None, *, model: nn.Module | None = None
) -> Written:
    """What :func:`export` wrote, from the same arguments."""
    if to not in KINDS:
        raise unknown("export", to, [*KINDS], where="to")
    path = Path(path) if path else None
    if path is not None:
        _check_place(path, to)
    found = find(run)
    if (kept := stored(found)) is None:
        code = "export-unfinished" if (found.path / "checkpoint.safetensors").exists() else "nothing-trained"
        raise RequestError(code, where=str(found.path))
    if to == "bundle":
        content, path = _bundle(found, kept), path or found.path / "model.zip"
        storage.write(path, content)
        return Written(path, to, len(content))
    with found.locked():
        done, content = _onnx(found, model)
    if path is not None:
        storage.write(path, content)
        done = replace(done, path=path)
    return done


def _check_place(path: Path, to: str) -> None:
    """Raise for a name by which no later call would know the file, and for a place where none can lie."""
    if path.suffix.lower() != KINDS[to]:
        name = (path.stem or "model") + KINDS[to]
        raise RequestError("export-suffix", where=str(path), to=to, name=name)
    above = next(parent for parent in path.absolute().parents if parent.exists())
    for wrong, code in ((not above.is_dir(), errno.ENOTDIR), (path.is_dir(), errno.EISDIR)):
        if wrong:
            raise storage.cannot_write(path, OSError(code, os.strerror(code)))


def _bundle(run: Run, kept: Stored) -> bytes:
    """The run's model as a bundle, opened once to see that it can be."""
    members = {name: kept.read(name) for name in (WEIGHTS, *kept.manifest.files)}
    beside = {CARD: run.path / "model" / CARD, RECIPE: run.path / RECIPE, REPORT: run.path / REPORT}
    members |= {name: path.read_bytes() for name, path in beside.items() if path.exists()}
    files = {name: digest(content) for name, content in members.items() if name != WEIGHTS}
    manifest = kept.manifest.model_copy(update={"files": dict(sorted(files.items()))})
    members[MANIFEST] = storage.to_json(manifest.model_dump(mode="json"), indent=1).encode()
    content = packed(members)
    unpacked(BytesIO(content), str(run.path))
    return content


def _onnx(run: Run, model: nn.Module | None) -> tuple[Written, bytes]:
    """The run's model as ONNX, kept in the run."""
    restored, folder = restore(run, model=model), run.path / "model"
    manifest = restored.manifest
    samples = samples_of(run, restored.model, manifest.shape)
    content, far = graph_of(restored.model, manifest, samples, str(run.path))
    others = {name: of for name, of in manifest.files.items() if name != ONNX}
    write_manifest(folder, manifest.model_copy(update={"files": others}))  # between the two, none is known
    storage.write(folder / ONNX, content)
    write_manifest(folder, manifest.model_copy(update={"files": others | {ONNX: digest(content)}}))
    return Written(folder / ONNX, "onnx", len(content), len(samples), far), content


def samples_of(run: Run, model: nn.Module, shape: tuple[int, ...]) -> Tensor:
    """Samples that the run was trained on, spread over them all; where its data is gone, some drawn at random."""
    try:
        train = load(run.recipe.data).train
    except TizaError:
        train = None
    if train is not None and tuple(train.x.shape[1:]) == shape:
        return train.gather(torch.linspace(0, len(train) - 1, min(len(train), CHECKED)).long())[0]
    drawn: Any = torch.Generator().manual_seed(0)
    if len(shape) == 3:
        return torch.randint(256, (CHECKED, *shape), dtype=torch.uint8, generator=drawn)
    assert isinstance(model, Built)
    normalise = model.get_submodule("normalise")
    assert isinstance(normalise, Normalise)
    return normalise.mean + normalise.deviation * torch.randn((CHECKED, *shape), generator=drawn)
