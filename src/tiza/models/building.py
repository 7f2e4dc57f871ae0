"""From a name, or a module of the user's own, to a model that takes a data set's raw samples and gives logits."""

import math
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from tiza.config import Model, make
from tiza.data.dataset import Dataset
from tiza.data.rows import Rows
from tiza.errors import RequestError, TizaError
from tiza.models.keras import adopted
from tiza.models.layers import Normalise, Prepared
from tiza.models.own import own_line
from tiza.registry import lookup

ROOM = 2**21  # numbers that enter a model at once on a CPU: of more, finding memory takes longer than computing


class Built(nn.Sequential):
    """``normalise``, then ``body``: raw samples in, logits out. ``config`` names the body, or says ``external``."""

    def __init__(self, normalise: Normalise, body: nn.Module, config: Model) -> None:
        super().__init__(OrderedDict(normalise=normalise, body=body))
        self.config = config


def build(model: str | Model | nn.Module, data: Dataset, *, seed: int = 0, begin: bool = True, **options: Any) -> Built:
    """``normalise`` (from the train split of ``data``) followed by ``body``, the model named or given.

    ``options`` are those of the model: ``build("mlp", data, hidden=(64,))``. Weights are drawn from ``seed``; the
    random state of the caller is left alone. A model that begins with weights from elsewhere (``begin`` of its entry)
    gets them (``begin=False``: a checkpoint will bring them); one that ``scales`` by itself gets raw samples. Raises
    :class:`TizaError` when the model can't take the samples or does not give one logit per class. What ``build`` made
    is given back as it is.
    """
    if options and not isinstance(model, str):
        raise TypeError(f"options go with a model's name; this is a {type(model).__name__}: {', '.join(options)}")
    if isinstance(model, Built):
        whole = model
    else:
        if isinstance(model, str):
            model = make(Model, {"name": model, **options}, "model")
        config = model if isinstance(model, Model) else Model(name="external")
        named = isinstance(model, Model)
        body = body_of(model, data.shape, len(data.classes), seed) if named else adopted(model, data.shape)
        facts = {} if config.name == "external" else lookup("model", config.name).facts
        if begin and "begin" in facts:
            config = facts["begin"](body, config)
        mean, deviation = data.scaling("raw" if facts.get("scales") else data.config.scale)
        whole = Built(Normalise(mean, deviation, dimensions=len(data.shape)), body, config)
    check_outputs(whole, data.train.x[:2], len(data.classes))
    return whole


def body_of(model: str | Model, shape: tuple[int, ...], classes: int, seed: int = 0, **options: Any) -> nn.Module:
    """The named model alone, for samples of ``shape``; its weights are drawn from ``seed``."""
    config = make(Model, {"name": model, **options}, "model") if isinstance(model, str) else model
    with torch.random.fork_rng(devices=devices_in_use()):
        torch.manual_seed(seed)
        return lookup("model", config.name).function(shape, classes, **config.options)


def check_outputs(model: nn.Module, x: Tensor, classes: int) -> None:
    """Raise the one sentence for a model that can't take ``x`` (N×…) or does not give N×``classes`` logits.

    Probabilities are no logits: the loss applies softmax itself, and through two of them it can't fall under
    log(1 + (C − 1) / e). A registered model may say ``softmax=True`` to have it so, as a document does.
    """
    logits = answers_of(model, x)
    if not isinstance(logits, Tensor) or tuple(logits.shape) != (len(x), classes):
        shape = "×".join(map(str, logits.shape)) if isinstance(logits, Tensor) else type(logits).__name__
        raise TizaError("outputs", where="model", shape=shape, n=len(x), classes=classes)
    named = model.config.name if isinstance(model, Built) else "external"
    meant = named != "external" and lookup("model", named).facts.get("softmax", False)
    if not meant and bool((logits >= 0).all() and ((logits.sum(1) - 1).abs() < 1e-4).all()):
        layer = next((name for name, layer in model.named_modules() if isinstance(layer, nn.Softmax)), "forward")
        raise RequestError("softmax-at-end", where=layer, classes=classes, floor=math.log(1 + (classes - 1) / math.e))


def answers_of(model: nn.Module, x: Tensor) -> Any:
    """What the model gives for ``x`` in eval mode, leaving no trace; raises with the layer and the line that fail."""
    entered = ["–"]
    hooks = [
        module.register_forward_pre_hook(lambda _m, _i, name=name: entered.append(name))
        for name, module in model.named_modules()
        if name
    ]
    training = model.training
    try:
        with torch.no_grad():
            return model.eval()(x)
    except Exception as error:  # the module is the user's: whatever it raises is told once, with layer and shape
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        if line := own_line(error):
            reason = f"{reason}; {': '.join(line)}"
        shape = "×".join(map(str, x.shape[1:]))
        raise TizaError("model-input", where=entered[-1], layer=entered[-1], shape=shape, reason=reason) from error
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()


def in_passes(model: nn.Module, x: Tensor | Rows, most: int) -> Iterable[Tensor]:
    """The samples ``x`` (N×…) in parts of at most ``most``, of fewer where the model makes large pictures of them."""
    size = max([math.prod(x.shape[1:]), *(3 * m.size**2 for m in model.modules() if isinstance(m, Prepared))])
    room = ROOM if device_of(model).type == "cpu" else 16 * ROOM
    return x.split(max(1, min(most, room // size)))


def devices_in_use() -> list[int]:
    """The GPUs whose random state there is to leave alone: none where CUDA was not touched yet, which costs seconds."""
    return list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []


def device_of(model: nn.Module) -> torch.device:
    """Where the model's numbers are; the CPU for one that has none."""
    return next((value.device for value in (*model.parameters(), *model.buffers())), torch.device("cpu"))


def parameters_of(model: nn.Module) -> int:
    """How many numbers the model learns."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
