"""What a model computes of one sample, call by call: layers and the functions between them, in order of execution."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from tiza.models.layers import Mirrored


class Add(nn.Module):
    """x + y: what joins the two ways of a residual block."""


# Functions of torch that do a layer's work; those of PLAIN take nothing that would change it.
LAYERS: dict[str, type[nn.Module]] = {
    "add": Add, "relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "leaky_relu": nn.LeakyReLU,
    "flatten": nn.Flatten, "view": nn.Flatten, "reshape": nn.Flatten, "dropout": nn.Dropout,
    "max_pool2d": nn.MaxPool2d, "avg_pool2d": nn.AvgPool2d,
    "adaptive_avg_pool2d": nn.AdaptiveAvgPool2d, "adaptive_max_pool2d": nn.AdaptiveMaxPool2d,
}  # fmt: skip
PLAIN = {"add", "relu", "dropout", "flatten", "view", "reshape"}


@dataclass(frozen=True)
class Call:
    """A layer or a function at work, from ``inputs`` to ``output``: tensors of one sample, without the batch.

    ``layer``: what it does, as a module; None for functions that are no layer's. ``sources``: of each input, the
    number of the call that made it, or None for what came otherwise. Call 0 is the sample: it has only an output. A
    layer that works twice is there twice, the second time as ``NAME 2``.
    """

    name: str
    layer: nn.Module | None
    inputs: tuple[Tensor, ...]
    sources: tuple[int | None, ...]
    output: Tensor


def calls_of(model: nn.Module, x: Tensor) -> list[Call]:
    """Every call of ``model`` for the one sample ``x`` (1×…): layers of torch's and tiza's, and functions beside them.

    A mirrored network is followed through the picture itself; its last call averages both answers.
    """
    whole = [layer for layer in model.modules() if isinstance(layer, Mirrored) and not layer.training]
    try:
        for layer in whole:
            layer.training = True  # of itself, not of its layers: it then looks at the picture alone
        found = _record(model, x)
        if whole:
            last, turned = len(found) - 1, model(x.flip(-1))[0]
            mean = (found[-1].output + turned) / 2
            found.append(Call("mirrored", whole[0], (found[-1].output, turned), (last, None), mean))
    finally:
        for layer in whole:
            layer.training = False
    return found


def _record(model: nn.Module, x: Tensor) -> list[Call]:
    recorder, hooks = _Recorder(x), []
    for name, layer in model.named_modules():
        name = "" if name == "body" else name.removeprefix("body.")
        if not list(layer.children()) or list(layer.parameters(recurse=False)):
            hooks.append(layer.register_forward_pre_hook(lambda _m, inputs: recorder.enter(inputs)))
            hooks.append(layer.register_forward_hook(lambda m, i, out, name=name: recorder.leave(name, m, i, out)))
        elif name:
            hooks.append(layer.register_forward_pre_hook(lambda _m, _i, name=name: recorder.blocks.append(name)))
            hooks.append(layer.register_forward_hook(lambda _m, _i, _o: recorder.blocks.pop() and None))
    try:
        with recorder:
            model(x)
    finally:
        for hook in hooks:
            hook.remove()
    return recorder.calls


class _Recorder(TorchFunctionMode):
    """Sees layers through hooks, and torch's functions, of which it notes those that no layer calls."""

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        self.calls = [Call("sample", None, (), (), x[0].clone())]
        self.made = {id(x): 0}  # which call a tensor comes from
        self.alive = [x]  # so that no other tensor gets its id
        self.entered: list[tuple[Tensor, ...]] = []  # of the layers at work, what they were given
        self.blocks: list[str] = []  # the modules around them

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        """Run the function, and note it where it takes what another call made."""
        spread = [one for value in args[:2] for one in (value if isinstance(value, (list, tuple)) else [value])]
        given = [] if self.entered else [value for value in spread if isinstance(value, Tensor)]
        sources = tuple(self.made.get(id(value)) for value in given)
        known = any(source is not None for source in sources)
        before = tuple(value[0].clone() for value in given) if known else ()
        out = func(*args, **(kwargs or {}))
        if known and isinstance(out, Tensor) and out.ndim and len(out) == 1:
            name = func.__name__.strip("_")
            layer = _layer_of(name, args, kwargs or {})
            self._note(Call(".".join([*self.blocks[-1:], name]), layer, before, sources, out[0].clone()), out)
        return out

    def enter(self, inputs: Sequence[Any]) -> None:
        """A layer is about to work; it may change its input."""
        self.entered.append(())  # first, so that what is done here is no call
        self.entered[-1] = tuple(value[0].clone() for value in inputs if isinstance(value, Tensor))

    def leave(self, name: str, layer: nn.Module, inputs: Sequence[Any], output: Any) -> None:
        """A layer has worked; what one does inside another is that one's affair."""
        if len(self.entered) == 1 and isinstance(output, Tensor):
            sources = tuple(self.made.get(id(value)) for value in inputs if isinstance(value, Tensor))
            self._note(Call(name or "model", layer, self.entered[0], sources, output[0].clone()), output)
        self.entered.pop()

    def _note(self, call: Call, output: Tensor) -> None:
        before = sum(of.name.partition(" ")[0] == call.name for of in self.calls)
        named = replace(call, name=f"{call.name} {before + 1}") if before else call
        self.made[id(output)] = len(self.calls)
        self.alive.append(output)
        self.calls.append(named)


def _layer_of(name: str, args: Sequence[Any], options: dict[str, Any]) -> nn.Module | None:
    """The layer that does what a function does with these arguments, if there is one."""
    if name == "add" and (options or not all(isinstance(value, Tensor) for value in args)):
        return None
    made = LAYERS.get(name)
    return made and (made() if name in PLAIN else made(*args[1:], **options))
