"""A Keras model on its torch backend as a module like any other."""

import sys
from typing import Any, Self

import torch
from torch import Tensor, nn

from tiza.errors import RequestError


def is_keras(value: Any) -> bool:
    """Whether ``value`` is a Keras model, on whatever backend; nothing is imported to find out."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(value, keras.Model)


def check_backend(value: Any) -> None:
    """Raise :class:`TizaError` for a Keras model that is not made of torch."""
    if is_keras(value) and not isinstance(value, nn.Module):
        raise RequestError("keras-backend", where=value.name, backend=sys.modules["keras"].config.backend())


def adopted(model: nn.Module, shape: tuple[int, ...]) -> nn.Module:
    """``model`` itself, or for a Keras model what makes it a module: see :class:`Adopted`.

    Raises :class:`TizaError` for one that ends in a softmax: the loss takes logits.
    """
    if not is_keras(model):
        return model
    layers: Any = model.layers
    last: Any = layers[-1] if layers else None
    if type(last).__name__ == "Softmax" or getattr(getattr(last, "activation", None), "__name__", "") == "softmax":
        raise RequestError("keras-softmax", where=last.name)
    return Adopted(model, shape)


class Adopted(nn.Module):
    """A Keras model that knows when it is trained, takes C×H×W and has each weight once.

    A Keras model does not look at ``train()`` and ``eval()``: dropout and batch norm follow the argument ``training``
    of its call. It lists its variables under two names, with numbers that count the models of the process; here each is
    called by its place. Its images may be H×W×C, H×W, C×H×W or flat.
    """

    def __init__(self, model: Any, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape
        self.held = (model,)  # in a tuple, where torch does not see its parts a second time
        if not model.built:
            model.build((None, *shape[1:], shape[0]) if len(shape) == 3 else (None, *shape))
        for i, variable in enumerate(model.variables):
            self.register_parameter(f"{i}_{variable.name}", variable.value)

    def forward(self, x: Tensor) -> Tensor:
        """What the Keras model answers for N samples."""
        model: Any = self.held[0]
        return model(_laid(x, tuple(model.input_shape[1:])), training=self.training)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        model: Any = self.held[0]
        clone = sys.modules["keras"].models.clone_model(model)
        made = type(self)(clone, self.shape)
        with torch.no_grad():
            for own, other in zip(made.parameters(), self.parameters(), strict=True):
                own.data = other.data.clone()
        return made.train(self.training)


def _laid(x: Tensor, wanted: tuple[int | None, ...]) -> Tensor:
    """N samples in the layout that a Keras input asks for; as they are, where none fits."""
    if x.ndim == 4:
        ways = [x.permute(0, 2, 3, 1), x, *([x[:, 0]] if x.shape[1] == 1 else []), x.flatten(1)]
        for laid in ways:
            found = laid.shape[1:]
            if len(found) == len(wanted) and all(w in (None, n) for w, n in zip(wanted, found, strict=True)):
                return laid
    return x
