"""The gradient of a dense network, written out: what autograd does, without recording what there is to do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tiza.config import Plan
from tiza.models.layers import Dropout, kept
from tiza.training.learner import ModuleLearner

aten = torch.ops.aten
SLOPE = 0.01  # of a leaky ReLU, where nobody said otherwise
MEAN, IGNORED = 1, -100  # what the kernels of the loss call a mean, and a label that counts for nothing

# Of each activation: what it does in place, and the gradient at its input from that at its output and the output.
ACTIVATIONS: dict[type[nn.Module], tuple[Callable[..., Tensor], Callable[..., Tensor]]] = {
    nn.ReLU: (torch.relu_, lambda gradient, out: aten.threshold_backward(gradient, out, 0)),
    nn.Tanh: (torch.tanh_, aten.tanh_backward),
    nn.Sigmoid: (torch.sigmoid_, aten.sigmoid_backward),
    nn.LeakyReLU: (F.leaky_relu_, lambda gradient, out: aten.leaky_relu_backward(gradient, out, SLOPE, True)),
}


@dataclass
class Layer:
    """A linear layer with what follows it: batch norm, an activation, dropout, or nothing."""

    linear: nn.Linear
    norm: nn.BatchNorm1d | None = None
    activation: type[nn.Module] | None = None
    dropout: float = 0.0


def layers_of(model: nn.Module) -> list[Layer] | None:
    """The layers of ``normalise`` and a dense ``body`` (see :func:`tiza.build`); None where it is anything else.

    Dense: flatten, then linear layers, each followed by at most batch norm, an activation and dropout in this order;
    the last by nothing. A linear layer has a bias where no batch norm follows. All of it learns.
    """
    body = getattr(model, "body", None)
    if type(body) is not nn.Sequential or not all(p.requires_grad for p in model.parameters()):
        return None
    first, *rest = body
    if type(first) is not nn.Flatten or (first.start_dim, first.end_dim) != (1, -1):
        return None
    layers: list[Layer] = []
    for module in rest:
        if type(module) is nn.Linear:
            layers.append(Layer(module))
        elif not layers or not _joined(layers[-1], module):
            return None
    own = [id(p) for layer in layers for part in (layer.linear, layer.norm) if part for p in part.parameters()]
    whole = sorted(own) == sorted(map(id, model.parameters()))  # none twice, none from elsewhere
    hooked = any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    biased = all((layer.linear.bias is None) is (layer.norm is not None) for layer in layers)
    plain = bool(layers) and layers[-1] == Layer(layers[-1].linear)
    return layers if whole and biased and plain and not hooked else None


def plain_layers_of(model: nn.Module) -> list[Layer] | None:
    """The layers of a dense network without batch norm; None where it is anything else."""
    layers = layers_of(model)
    return layers if layers and not any(layer.norm for layer in layers) else None


def _joined(layer: Layer, module: nn.Module) -> bool:
    """Take in what follows a linear layer; False for what can't stand there."""
    if type(module) is nn.BatchNorm1d and layer == Layer(layer.linear):
        layer.norm = module
        return module.affine and module.track_running_stats and module.momentum is not None
    if type(module) in ACTIVATIONS and not (layer.activation or layer.dropout):
        layer.activation = type(module)
        return getattr(module, "negative_slope", SLOPE) == SLOPE
    if type(module) is Dropout and not layer.dropout:
        layer.dropout = module.p
        return module.p < 1
    return False


class DenseLearner(ModuleLearner):
    """The learner of a dense network without batch norm, for cross-entropy without label smoothing.

    The same update as :class:`ModuleLearner`'s, with the same random numbers.
    """

    def __init__(self, model: nn.Module, plan: Plan, layers: Sequence[Layer], **more: Any) -> None:
        super().__init__(model, plan, **more)
        self.layers = layers
        for parameter in self.optimizer.learnt:
            parameter.grad = torch.zeros_like(parameter)
        # The same memory, of which autograd takes no note.
        self.weights = [layer.linear.weight.detach() for layer in layers]
        self.biases = [layer.linear.bias.detach() for layer in layers]

    def forward(self, x: Tensor) -> Tensor:
        """See :meth:`ModuleLearner.forward`; notes of each layer its input, its output and the dropout mask."""
        h = self.model.normalise(x).flatten(1)  # pyright: ignore[reportCallIssue]
        self.passed: list[tuple[Tensor, Tensor, Tensor | None]] = []
        for layer, weight, bias in zip(self.layers, self.weights, self.biases, strict=True):
            out = torch.addmm(bias, h, weight.t())
            if layer.activation:
                out = ACTIVATIONS[layer.activation][0](out)
            mask = kept(out, layer.dropout) if layer.dropout else None
            self.passed.append((h, out, mask))
            h = out if mask is None else out * mask
        return h

    def backward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """See :meth:`ModuleLearner.backward`."""
        logits = self.forward(x)
        log_p = torch.log_softmax(logits, 1)
        loss, total = aten.nll_loss_forward(log_p, y, self.class_weights, MEAN, IGNORED)
        gradient = aten.nll_loss_backward(torch.ones_like(loss), log_p, y, self.class_weights, MEAN, IGNORED, total)
        gradient = aten._log_softmax_backward_data(gradient, log_p, 1, log_p.dtype)
        for i, layer in reversed(list(enumerate(self.layers))):
            x_in, out, mask = self.passed[i]
            if mask is not None:
                gradient *= mask
            if layer.activation:
                gradient = ACTIVATIONS[layer.activation][1](gradient, out)
            torch.sum(gradient, 0, out=layer.linear.bias.grad)
            torch.mm(gradient.t(), x_in, out=layer.linear.weight.grad)
            if i:
                gradient = gradient @ self.weights[i]
        return loss, logits
