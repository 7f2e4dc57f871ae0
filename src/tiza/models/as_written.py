"""Networks with a mistake of the documents in them, for their recipes as written."""

from pydantic import PositiveInt
from torch import nn

from tiza.models.dense import mlp
from tiza.registry import register


@register("model", "mlp-softmax", softmax=True)
def mlp_softmax(shape: tuple[int, ...], classes: int, *, hidden: tuple[PositiveInt, ...] = (50, 50)) -> nn.Module:
    """A multilayer perceptron that ends in a softmax, before a loss that applies another one (document 004)."""
    model = mlp(shape, classes, hidden=hidden, dropout=0)
    model.add_module("softmax", nn.Softmax(1))
    return model
