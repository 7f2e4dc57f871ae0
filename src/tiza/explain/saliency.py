"""Saliency: which parts of one sample speak for or against a class, by four methods, each checked for sanity."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tiza.data.dataset import Dataset
from tiza.errors import RequestError, TizaError, unknown
from tiza.explain import attributions
from tiza.explain.sanity import FEWEST, Method, Sanity, compared
from tiza.explain.watching import look
from tiza.runs import Run

METHODS = ("gradient", "integrated", "grad-cam", "occlusion")
BORDER_OF = 1_000  # train samples that tell the background
PIECES, COARSE = 7, 6  # windows of occlusion along a side without overlap; of its sanity check
STEPS = 10  # of integrated gradients in the sanity check


@dataclass(frozen=True)
class Saliency:
    """How the parts of one ``sample`` (C×H×W uint8, or F floats) act on the logit of the class ``target``.

    ``attributions``: signed, per raw unit for the gradient (a grey level, or the feature's own unit), in logits for the
    others; of the shape of the sample, but for Grad-CAM (h×w, the maps of ``layer``). ``map``: what is drawn, H×W (the
    sum over the channels; for Grad-CAM what is positive, enlarged; for occlusion one channel, as all are covered
    together), or F.

    ``baseline``: what is taken for "nothing there", per channel or feature, by integrated gradients and occlusion
    (else None): see :func:`background`. Of integrated gradients ``rise``: the logit minus that of the baseline, and
    ``gap``: the sum of the attributions minus the rise, the error of the quadrature over ``steps`` points. Of
    occlusion ``window`` and ``stride``. ``label``: the number of the sample's class, if it comes
    from a data set.
    """

    method: str
    sample: np.ndarray
    name: str
    classes: tuple[str, ...]
    features: tuple[str, ...]
    label: int | None
    answer: int
    target: int
    logit: float
    probability: float
    attributions: np.ndarray
    map: np.ndarray
    sanity: Sanity
    layer: str | None = None
    baseline: np.ndarray | None = None
    rise: float | None = None
    gap: float | None = None
    steps: int | None = None
    window: int | None = None
    stride: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it: without the sample and what all methods share."""
        plain = {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in vars(self).items()}
        shared = ("sample", "name", "classes", "features", "label", "answer", "target", "logit", "probability")
        return {key: value for key, value in plain.items() if key not in shared} | {"sanity": self.sanity.to_dict()}


def saliency(
    of: "str | Path | Run | nn.Module", sample: Any, method: str = "gradient", *, layer: str | None = None,
    target: int | str | None = None, split: str = "valid", data: Any = None, model: nn.Module | None = None,
    draws: int = 10, seed: int = 0, **settings: int,
) -> Saliency:  # fmt: skip
    """The saliency map of one sample by one of ``gradient``, ``integrated``, ``grad-cam`` and ``occlusion``.

    ``of``: a run, or a module with its ``data``; ``sample``: a number of its train or validation ``split``, a picture
    file, an array. Explained is the logit of ``target`` (a class's name or number; by default the answer) as a
    function of the *raw* sample, which goes through the model's ``normalise`` as floats. What the methods are and where
    they come from: :mod:`tiza.explain.attributions`.

    ``layer`` is for Grad-CAM, by default the last whose maps have at least 5×5 pixels. ``settings``: ``steps`` of
    integrated gradients, 50; ``window`` and ``stride`` of occlusion, by default a seventh of the side and half of that
    (one feature of a table). The sanity check draws the weights ``draws`` times with ``seed``; 0 leaves it out.

    Raises :class:`TizaError` for what is no run, sample, method, layer or class, and for a method that the model can't
    have: Grad-CAM without convolutions, gradients of what has none.
    """
    return saliency_maps(
        of, sample, [method], layer=layer, target=target, split=split, data=data, model=model, draws=draws, seed=seed,
        **settings,
    )[0]  # fmt: skip


def saliency_maps(
    of: "str | Path | Run | nn.Module", sample: Any, methods: Sequence[str] | None = None, *, layer: str | None = None,
    target: int | str | None = None, split: str = "valid", data: Any = None, model: nn.Module | None = None,
    draws: int = 10, seed: int = 0, **settings: int,
) -> tuple[Saliency, ...]:  # fmt: skip
    """As :func:`saliency`, by several ``methods``; without them, by all that the model can have."""
    for method in methods or ():
        if method not in METHODS:
            raise unknown("method", method, METHODS, where="--method")
    if layer is not None and methods and "grad-cam" not in methods:
        raise RequestError("saliency-layer-for", where="--layer", layer=layer)
    seen = look(of, sample, split=split, data=data, model=model)
    x, network = seen.x.float(), seen.model.float()
    layers = attributions.map_layers(network, x) if x.ndim == 3 else {}
    if not layers and (layer or "grad-cam" in (methods or ())):
        raise RequestError("saliency-maps", where="--method")
    z = _logits(network, x)
    answer, baseline = int(z.argmax()), background(seen.data)
    chosen = answer if target is None else _class(target, seen.data.classes)
    told = Saliency(
        "", np.asarray(seen.x), seen.name, seen.data.classes, seen.data.features, seen.label, answer, chosen,
        float(z[chosen]), float(z.softmax(0)[chosen]), np.empty(0), np.empty(0), Sanity(0, None, None),
    )  # fmt: skip
    near = baseline.reshape(-1, *[1] * (x.ndim - 1)).expand(x.shape)
    fine = [name for name, pixels in layers.items() if pixels >= FEWEST] or [*layers]
    ways = _ways(x, near, layer or (fine[-1] if fine else ""), **settings)
    made = []
    for method in methods or possible(network, x):
        way = ways[method]
        found = way.attribute(network, x, chosen).detach()
        fields = {**way.facts, "attributions": found.numpy(), "map": _drawn(method, found, x).numpy()}
        if method in ("integrated", "occlusion"):
            fields["baseline"] = baseline.numpy()
        if method == "integrated":
            fields["rise"] = float(z[chosen] - _logits(network, near)[chosen])
            fields["gap"] = float(found.double().sum()) - fields["rise"]
        check = compared(way.check, network, x, chosen, draws=draws, seed=seed)
        made.append(replace(told, method=method, sanity=check, **fields))
    return tuple(made)


def possible(model: nn.Module, x: Tensor) -> list[str]:
    """The methods that the model can have for a sample like ``x`` (floats): what has no gradient is occluded alone."""
    try:
        attributions.gradient(model, x[None], 0)
    except RequestError:
        return ["occlusion"]
    return [name for name in METHODS if name != "grad-cam" or (x.ndim == 3 and attributions.map_layers(model, x))]


@dataclass(frozen=True)
class Way:
    """A method with its settings: ``attribute``; ``check``, as the sanity check takes it, with fewer passes."""

    attribute: Method
    check: Method
    facts: dict[str, Any]


def _ways(
    x: Tensor, near: Tensor, layer: str, *, steps: int = 50, window: int | None = None, stride: int | None = None
) -> dict[str, Way]:
    """The methods for a sample like ``x``; ``near`` is its baseline."""
    side = min(x.shape[1:]) if x.ndim == 3 else 1
    window = window or min(side, max(2, side // PIECES))
    stride = stride or max(1, window // 2)
    coarse = max(window, side // COARSE)

    def slopes(model: nn.Module, x: Tensor, target: int) -> Tensor:
        return attributions.gradient(model, x[None], target)[0]

    def along(steps: int) -> Method:
        return partial(attributions.integrated, baseline=near, steps=steps)

    def cover(window: int, stride: int) -> Method:
        return partial(attributions.occlusion, baseline=near, window=window, stride=stride)

    cam = partial(attributions.grad_cam, layer=layer)
    return {
        "gradient": Way(slopes, slopes, {}),
        "integrated": Way(along(steps), along(min(steps, STEPS)), {"steps": steps}),
        "grad-cam": Way(cam, cam, {"layer": layer}),
        "occlusion": Way(cover(window, stride), cover(coarse, coarse), {"window": window, "stride": stride}),
    }


def sanity(
    of: "str | Path | Run | nn.Module", sample: Any, method: str | Method = "gradient", *,
    target: int | str | None = None, split: str = "valid", data: Any = None, model: nn.Module | None = None,
    draws: int = 10, seed: int = 0,
) -> Sanity:  # fmt: skip
    """Whether a saliency map changes when the weights are drawn anew: the randomisation test of Adebayo et al.

    ``method``: one of tiza's by name, or a function of your own that gives signed attributions from a model, a sample
    (floats, C×H×W or F) and the number of a class. Else as :func:`saliency`.
    """
    if isinstance(method, str):
        return saliency(
            of, sample, method, target=target, split=split, data=data, model=model, draws=draws, seed=seed
        ).sanity
    seen = look(of, sample, split=split, data=data, model=model)
    x, network = seen.x.float(), seen.model.float()
    chosen = int(_logits(network, x).argmax()) if target is None else _class(target, seen.data.classes)
    return compared(method, network, x, chosen, draws=draws, seed=seed)


def background(data: Dataset) -> Tensor:
    """What a sample of this data shows where nothing is: raw values, one for each channel (C) or feature (F).

    Of images the median grey level on the edge of 1,000 train images; of a table the mean of each feature over the
    train split.
    """
    if len(data.shape) == 1:
        return torch.as_tensor(data.train.x[:]).double().mean(0).float()
    x = torch.as_tensor(data.train.x[: min(BORDER_OF, len(data.train))]).float()
    edge = torch.cat([x[..., 0, :], x[..., -1, :], x[..., 0], x[..., -1]], dim=-1)
    return edge.transpose(0, 1).flatten(1).median(1).values


def _logits(model: nn.Module, x: Tensor) -> Tensor:
    """Those of one sample (C, float64); raises where they are no numbers."""
    with torch.no_grad():
        z = model(x[None])[0].double()
    if not torch.isfinite(z).all():
        raise TizaError("answer-not-finite", where="model")
    return z


def _class(target: int | str, classes: tuple[str, ...]) -> int:
    """The number of a class that is named or numbered."""
    if isinstance(target, str) and target in classes:
        return classes.index(target)
    if not isinstance(target, str) and 0 <= target < len(classes):
        return int(target)
    raise unknown("class", target, classes, where="--class")


def _drawn(method: str, found: Tensor, x: Tensor) -> Tensor:
    """What is drawn of the attributions, H×W or F."""
    if x.ndim == 1:
        return found
    if method == "grad-cam":
        return attributions.enlarged(found, *x.shape[1:])
    return found[0] if method == "occlusion" else found.sum(0)
