"""The structure of a network: its layers and operations, and which of them feeds which."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import conv, pooling
from torch.nn.modules.dropout import _DropoutNd
from torch.overrides import TorchFunctionMode, resolve_name

from tiza.explain.layers import inside
from tiza.models.building import answers_of, device_of

# What moves or renames numbers and computes none: no node of its own.
_SILENT = {
    "clone", "contiguous", "cpu", "cuda", "detach", "double", "expand", "float", "half", "requires_grad", "to", "type",
}  # fmt: skip


@dataclass(frozen=True)
class Node:
    """The input, a layer, or an operation between layers, at work on one sample.

    ``name``: as :func:`shapes` has it; an operation's is its own behind that of the block that it stands in. ``type``:
    the layer's class or the operation; ``detail``: what is set of it, as ``5×5 /2`` (a kernel and its stride) or the
    share that dropout drops; ``group``: the block, empty for none; ``before`` and ``after``: the sizes of a sample;
    ``parameters``: each is counted once, at the first node that uses it.
    """

    name: str
    type: str
    detail: str
    group: str
    before: tuple[int, ...]
    after: tuple[int, ...]
    parameters: int

    @property
    def own(self) -> str:
        """The name without the block's."""
        return self.name.removeprefix(f"{self.group}.")

    @property
    def is_layer(self) -> bool:
        """Whether it is a module; else it is an operation, or the input."""
        return self.type[:1].isupper()

    @property
    def follows(self) -> bool:
        """Whether it works on each value where it stands, as normalisations, activations and dropout do."""
        keeps = self.before == self.after and not self.type.startswith(("Conv", "Linear"))
        return keeps and "Pool" not in self.type and (not self.parameters or "Norm" in self.type)


@dataclass(frozen=True)
class Structure:
    """The nodes in the order of execution, the input first, and the ``edges``: pairs of places in it, from and to."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[int, int], ...]

    @property
    def parameters(self) -> int:
        """Of all nodes: what takes no part in an answer is not counted."""
        return sum(node.parameters for node in self.nodes)

    @property
    def layers(self) -> int:
        """How many nodes are layers."""
        return sum(node.is_layer for node in self.nodes)

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it."""
        return {"nodes": [asdict(node) for node in self.nodes], "edges": self.edges, "parameters": self.parameters}


def structure(model: nn.Module, shape: Sequence[int]) -> Structure:
    """What a network is made of, found by running it on one sample of ``shape`` (C×H×W or F).

    Layers are modules without children. What the network computes between them, as the sum with a shortcut, are
    operations. An edge goes to a node from each that its inputs come from. Of what ``build`` made, it is the body's.
    Raises :class:`TizaError` when the model can't take such a sample.
    """
    body = inside(model)
    sample = torch.zeros(1, *shape, device=device_of(body))
    record = _Record(sample)
    hooks = [
        hook
        for name, module in body.named_modules()
        for hook in (
            module.register_forward_pre_hook(record.entering(name), with_kwargs=True),
            module.register_forward_hook(record.leaving(name), with_kwargs=True),
        )
    ]
    try:
        with record:
            answers_of(body, sample)
    finally:
        for hook in hooks:
            hook.remove()
    return Structure(tuple(record.nodes), tuple(record.edges))


class _Record(TorchFunctionMode):
    """Notes layers and operations while a network runs, and by the tensors between them which feeds which."""

    def __init__(self, sample: Tensor) -> None:
        super().__init__()
        self.nodes = [Node("input", "", "", "", (), tuple(sample.shape[1:]), 0)]
        self.edges: list[tuple[int, int]] = []
        self.blocks: list[str] = []  # that run now, the outermost first
        self.layers = 0  # that run now, inside which nothing is noted
        self.source = {id(sample): 0}  # the node that a tensor comes from
        self.kept: list[Any] = [sample]  # an id stays a tensor's own while that lives
        self.counted: set[int] = set()  # the parameters, by id

    def entering(self, name: str) -> Callable[..., None]:
        def enter(module: nn.Module, args: Any, kwargs: Any) -> None:
            if _is_layer(module):
                self.layers += 1
            else:
                self.blocks.append(name)

        return enter

    def leaving(self, name: str) -> Callable[..., Any]:
        def leave(module: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
            if not _is_layer(module):
                self.blocks.pop()
                return None
            if args and output is args[0] and not getattr(module, "inplace", False):
                output = output.view_as(output)  # what passes something on as it is gives it a name of its own
            self.layers -= 1
            if not self.layers:
                group, _, own = (name or "model").rpartition(".")
                kind = type(module).__name__, _detail(module)
                self._note(group, own, kind, [*module.parameters()], [args, kwargs], output)
            return output

        return leave

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        name, inputs = _operation(func), [args, kwargs]
        made = list(_tensors(output))
        if self.layers or not made or name == "get":
            return output
        learnt = [x for x in _tensors(inputs) if isinstance(x, nn.Parameter)]
        sources = self._sources(inputs)
        if name in _SILENT and sources:
            self._keep(made, sources[0])
        elif sources or learnt:
            self._note(self.blocks[-1] if self.blocks else "", name, (name, ""), learnt, inputs, output)
        return output

    def _note(
        self, group: str, own: str, kind: tuple[str, str], learnt: list[nn.Parameter], inputs: Any, output: Any
    ) -> None:
        fresh = {id(p): p for p in learnt if id(p) not in self.counted}
        self.counted.update(fresh)
        place, made = len(self.nodes), list(_tensors(output))
        before = next((tuple(x.shape[1:]) for x in _tensors(inputs) if id(x) in self.source), self.nodes[-1].after)
        name, after = f"{group}.{own}" if group else own, tuple(made[0].shape[1:]) if made else ()
        self.nodes.append(Node(name, *kind, group, before, after, sum(p.numel() for p in fresh.values())))
        # What can't be followed, having left torch for a while, comes after what ran before it.
        self.edges += [(source, place) for source in self._sources(inputs) or [place - 1]]
        self._keep(made, place)

    def _sources(self, inputs: Any) -> list[int]:
        """The nodes that the tensors there come from."""
        return sorted({self.source[id(x)] for x in _tensors(inputs) if id(x) in self.source})

    def _keep(self, made: list[Tensor], place: int) -> None:
        self.source.update((id(x), place) for x in made)
        self.kept += made


def _is_layer(module: nn.Module) -> bool:
    return not list(module.children())


def _tensors(value: Any) -> Iterator[Tensor]:
    """The tensors in whatever nests them."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _tensors(part)


def _operation(func: Any) -> str:
    """``add`` for ``torch.add``, ``Tensor.add_`` and ``+``."""
    name = (resolve_name(func) or func.__name__).rpartition(".")[2].strip("_")
    return {"iadd": "add", "radd": "add", "isub": "sub", "imul": "mul", "rmul": "mul"}.get(name, name)


def _detail(layer: nn.Module) -> str:
    """A kernel and its stride, where that is not 1; the share that dropout drops."""
    match layer:
        case conv._ConvNd() | pooling._MaxPoolNd() | pooling._AvgPoolNd():
            kernel, stride = layer.kernel_size, layer.stride
            size = _by(kernel if isinstance(kernel, tuple) else (kernel, kernel))
            steps = dict.fromkeys(stride if isinstance(stride, tuple) else (stride,))
            return size if set(steps) == {1} else f"{size} /{_by(steps)}"
        case _DropoutNd():
            return f"{layer.p:g}"
    return ""


def _by(sides: Any) -> str:
    return "×".join(map(str, sides))
