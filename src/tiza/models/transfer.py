"""Transfer: the body of a trained network, frozen or not, with a new end (J. Yosinski et al., arXiv:1411.1792)."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from tiza import storage
from tiza.config import Config, Model, make
from tiza.errors import RequestError, TizaError, unknown
from tiza.models.building import body_of
from tiza.models.conv import check_images
from tiza.models.cutting import head_for, outputs_of, plain, split
from tiza.models.layers import Frozen, Normalise, stack
from tiza.models.pretrained import first_layer, weights_of
from tiza.registry import lookup, register, table

if TYPE_CHECKING:
    from tiza.runs import Run

RUN, RECIPE = "run:", "recipe:"


class Origin(Config):
    """What is recorded of a body: the hash of its ``weights``; of a run's, its ``run`` and what its network was.

    The run by its name, where TIZA_HOME has it, else by its folder: a bundle tells nobody where things lie here.
    """

    weights: str
    run: str | None = None
    model: dict[str, Any] | None = None
    shape: tuple[PositiveInt, ...] = ()
    classes: PositiveInt = 1


def begun(model: nn.Module, config: Model) -> Model:
    """Copy the weights of the body into ``model``, fresh from :func:`transfer`; the config, with where they are from.

    Raises :class:`TizaError` where they can't be had, or are not those that the config recorded.
    """
    body, before = config.options["body"], config.options["origin"]
    tensors, origin = _weights(body, before)
    if before is not None and before.model_copy(update={"run": origin.run}) != origin:
        raise RequestError("body-other", where="model.body", body=body)
    with torch.no_grad():
        for key, value in model.state_dict().items():
            part, _, name = key.partition(".")
            if part in ("frozen", "tuned"):
                value.copy_(tensors[f"body.{name}"])
            elif f"normalise.{name}" in tensors and part == "prepare":
                value.copy_(tensors[f"normalise.{name}"])
    return make(Model, {**config.model_dump(), "origin": origin}, "model")


@register("model", "transfer", begin=begun, scales=True)
def transfer(
    shape: tuple[int, ...],
    classes: int,
    *,
    body: str = "resnet18",
    at: str | None = None,
    frozen: bool = True,
    unfreeze: str | None = None,
    origin: Origin | None = None,
) -> nn.Module:
    """The layers of a trained body up to ``at`` (all but the last), and a new end.

    ``body``: ``resnet18``, ``alexnet``, ``vgg16``, ``efficientnet-lite0`` (trained on ImageNet; pictures of any size
    are brought to theirs), ``run:NAME`` (a run of yours, by name or folder), ``recipe:ID`` (trained once, then kept).
    ``frozen``: the body stays as it is, batch norm and dropout too; false: all of it learns. ``unfreeze``: the first
    layer of it that learns, with all that follow; see ``plan.layer_decay``. ``data.scale`` has no say: the body brings
    its own. ``origin``: where the weights came from, recorded when training begins.
    """
    first, layers = _network(body, origin, shape)
    kept, _ = split(layers, at)
    kept.requires_grad_(True)  # where it is from, it may have been frozen
    still, tuned = (kept, nn.Sequential()) if unfreeze is None else split(kept, unfreeze, before=True)
    if not frozen:
        still, tuned = nn.Sequential(), kept
    size = outputs_of(nn.Sequential(first, kept), shape)
    return stack([
        ("prepare", first), ("frozen", Frozen(still) if len(still) else None),
        ("tuned", tuned if len(tuned) else None), ("head", head_for(size, classes)),
    ])  # fmt: skip


def folder_of(body: str) -> Path:
    """Where the run of a ``recipe:ID`` is kept; another recipe is kept elsewhere."""
    id = body.removeprefix(RECIPE)
    recipe = lookup("recipe", id, where="model.body").function()
    digest = hashlib.blake2b(recipe.model_dump_json().encode(), digest_size=4).hexdigest()
    return storage.home() / "bodies" / f"{id}-{digest}"


def is_there(body: str) -> bool:
    """Whether the run of a ``recipe:ID`` has been trained."""
    return (folder_of(body) / "model" / "manifest.json").exists()


def _run_of(body: str, origin: Origin | None) -> "Run":
    """The run that a body is from: the one named; ``last``, or a folder's name from elsewhere, is the one recorded."""
    from tiza.runs.shelf import find

    if body.startswith(RUN):
        named, recorded = body.removeprefix(RUN), origin.run if origin else None
        meant = recorded and (named == "last" or Path(named).name == Path(recorded).name)
        return find(recorded if recorded and meant else named)
    if not is_there(body):
        raise RequestError("body-untrained", where="model.body", id=body.removeprefix(RECIPE))
    return find(folder_of(body))


def _called(run: "Run") -> str:
    from tiza.runs.shelf import runs_home

    path = run.path.resolve()
    return path.name if path.parent == runs_home().resolve() else str(path)


def _weights(body: str, origin: Origin | None) -> tuple[dict[str, Tensor], Origin]:
    """The weights of a body, as ``normalise.…`` and ``body.…``, and what is recorded of it."""
    from tiza.runs.model import restore

    if not body.startswith((RUN, RECIPE)):
        tensors, sha256 = weights_of(body)
        return {f"body.{name}": value for name, value in tensors.items()}, Origin(weights=sha256)
    run = _run_of(body, origin)
    restored = restore(run)
    manifest = restored.manifest
    if not manifest.weights:  # those of a checkpoint, which will be others
        raise RequestError("body-unfinished", where="model.body", body=body)
    origin = Origin(
        weights=manifest.weights, run=_called(run) if body.startswith(RUN) else None, model=manifest.model,
        shape=manifest.shape, classes=len(manifest.classes),
    )  # fmt: skip
    return dict(restored.model.state_dict()), origin


def _network(body: str, origin: Origin | None, shape: tuple[int, ...]) -> tuple[Normalise, nn.Sequential]:
    """The first layer and the whole network of a body, for samples of ``shape``; with any weights."""
    if not body.startswith((RUN, RECIPE)):
        if body not in table("body"):
            raise unknown("body", body, [*table("body"), f"{RUN}NAME"], where="model.body")
        check_images("transfer", shape)
        if shape[0] not in (1, 3):
            raise RequestError("body-channels", where="model.body", body=body, channels=shape[0])
        return first_layer(body), lookup("body", body).function()
    if origin is None or origin.model is None:
        with torch.device("cpu"):  # a file's numbers are needed even where only sizes are asked for
            _, origin = _weights(body, None)
    if origin.shape != shape:
        found, wanted = ("×".join(map(str, sizes)) for sizes in (shape, origin.shape))
        raise RequestError("body-shape", where="model.body", body=body, found=found, wanted=wanted)
    blank = torch.zeros(shape[0])
    network = body_of(make(Model, origin.model, "model"), shape, origin.classes)
    if not isinstance(network, nn.Sequential):
        raise TizaError("body-layers", where="model.body", body=body)
    return Normalise(blank, blank + 1, len(shape)), plain(network)
