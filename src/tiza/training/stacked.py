"""T dense networks trained as one: the same updates as T times one, in few large matrix products.

Shapes: T trials, S lanes (see :mod:`tiza.training.feed`), B samples, D inputs, H units of a layer, C classes. Between
the layers values lie as (T, H, B), so that each trial's are in one piece.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn

from tiza.config import Plan
from tiza.models.layers import below, bits
from tiza.training.dense import ACTIVATIONS, layers_of
from tiza.training.optim import moments, update

aten = torch.ops.aten


@dataclass(frozen=True)
class Trial:
    """One network of the stack: its model, as built for it alone, and what is its own of the plan."""

    model: nn.Module
    lr: float
    weight_decay: float
    seed: int
    lane: int = 0


class StackedLearner:
    """The learner of T dense networks of one shape; see :class:`tiza.training.learner.Learner`.

    The trials of a lane stand together. All share ``plan`` but for what :class:`Trial` holds. Trials of one seed and
    lane see the same random numbers, those that they would see alone: a dropout of 0.2 silences among a layer's units
    some of those that one of 0.5 does.
    """

    def __init__(self, trials: Sequence[Trial], plan: Plan) -> None:
        assert [t.lane for t in trials] == sorted(t.lane for t in trials)
        self.trials = len(trials)
        self.device = torch.device("cpu")
        every = [layers for trial in trials if (layers := layers_of(trial.model)) is not None]
        assert len(every) == len(trials)
        self.layers = every[0]
        firsts: list[Any] = [next(group).model for _, group in groupby(trials, lambda trial: trial.lane)]
        # Each lane's own scaling, (S, 1, …): all of them at once.
        self.mean, self.deviation = (
            torch.stack([getattr(model.normalise, name) for model in firsts])[:, None] for name in ("mean", "deviation")
        )
        self._stand([trial.lane for trial in trials])
        self.dropouts = [[layer.dropout for layer in layers] for layers in every]  # of each trial, one per layer
        self.seeds = [trial.seed for trial in trials]
        self.generators = {seed: torch.Generator().manual_seed(seed) for seed in self.seeds}
        self.values: dict[str, Tensor] = {}
        self.running: dict[str, Tensor] = {}
        for i, layer in enumerate(self.layers):
            linears, norms = [layers[i].linear for layers in every], [layers[i].norm for layers in every]
            self._gather(self.values, f"{i}.weight", [linear.weight for linear in linears])
            if layer.norm is None:
                self._gather(self.values, f"{i}.bias", [linear.bias for linear in linears])
                continue
            for name in ("weight", "bias"):
                self._gather(self.values, f"{i}.norm.{name}", [getattr(norm, name) for norm in norms])
            for name in ("running_mean", "running_var"):
                self._gather(self.running, f"{i}.norm.{name}", [getattr(norm, name) for norm in norms])
        self.names = [name for name, _ in trials[0].model.named_parameters()]
        self.gradients = {name: torch.zeros_like(value) for name, value in self.values.items()}
        self.plan = plan
        self.kept = {name: {key: torch.zeros_like(v) for key, v in self.values.items()} for name in moments(plan)}
        self.steps = torch.zeros(())
        self.pieces: dict[tuple[Any, ...], list[list[Tensor]]] = {}
        self.decays = {name: plan.decay_on == "all" or value.ndim > 2 for name, value in self.values.items()}
        self.set([trial.lr for trial in trials], [trial.weight_decay for trial in trials])

    @staticmethod
    def _gather(into: dict[str, Tensor], name: str, values: Sequence[Tensor]) -> None:
        into[name] = torch.stack([value.detach() for value in values])

    def train_batch(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """One update of every trial on B samples: x (S, B, …), y (T, B)."""
        inputs = self._inputs(x)
        logits, passed = self._forward(inputs, training=True)
        log_p = torch.log_softmax(logits, 1)
        labels = y[:, None]
        loss = -log_p.gather(1, labels)[:, 0].mean(-1)
        gradient = log_p.exp_()
        gradient.scatter_add_(1, labels, gradient.new_full((), -1).expand(labels.shape)).div_(y.shape[1])
        self._backward(inputs, passed, gradient)
        self._update()
        return loss, logits.transpose(1, 2)

    def logits(self, x: Tensor) -> Tensor:
        """Answers in eval mode, (T, N, C), for x (S, N, …)."""
        with torch.inference_mode():
            return self._forward(self._inputs(x), training=False)[0].transpose(1, 2)

    def _inputs(self, x: Tensor) -> Tensor:
        """The normalised samples of each lane, (S, B, D)."""
        numbers = x.to(self.mean.dtype)
        if numbers is x:
            return ((x - self.mean) / self.deviation).flatten(2)
        return numbers.sub_(self.mean).div_(self.deviation).flatten(2)

    def _stand(self, lanes: Sequence[int]) -> None:
        """Note each trial's lane, each lane's ``slices``, and whether all are ``even``: one product makes them then."""
        self.lanes = torch.tensor(lanes)
        counts, first = torch.bincount(self.lanes, minlength=len(self.mean)).tolist(), 0
        self.slices: list[tuple[int, slice]] = []
        for lane, n in enumerate(counts):
            if n:
                self.slices.append((lane, slice(first, first + n)))
            first += n
        self.even = len(counts) > 1 and len(set(counts)) == 1

    def _first(self, weight: Tensor, bias: Tensor | None, inputs: Tensor) -> Tensor:
        """What the first layer makes of each lane's samples, (T, H, B)."""
        trials, units, _ = weight.shape
        lanes, n, _ = inputs.shape
        if self.even:
            rows, columns = weight.view(lanes, -1, weight.shape[2]), inputs.transpose(1, 2)
            out = torch.bmm(rows, columns) if bias is None else torch.baddbmm(bias.view(lanes, -1, 1), rows, columns)
            return out.view(trials, units, n)
        out = weight.new_empty(trials, units, n)
        for lane, part in self.slices:
            rows, into = weight[part].flatten(0, 1), out[part].flatten(0, 1)
            if bias is None:
                torch.mm(rows, inputs[lane].t(), out=into)
            else:
                torch.addmm(bias[part].reshape(-1, 1), rows, inputs[lane].t(), out=into)
        return out

    def _forward(self, inputs: Tensor, *, training: bool) -> tuple[Tensor, list[tuple[Tensor | None, ...]]]:
        """Logits (T, C, B); and of each layer its input, the norm's input and sums, the output, the dropout factor."""
        passed: list[tuple[Tensor | None, ...]] = []
        h: Tensor | None = None
        for i, layer in enumerate(self.layers):
            weight, bias = self.values[f"{i}.weight"], self.values.get(f"{i}.bias")
            if h is None:
                out = self._first(weight, bias, inputs)
            else:
                out = torch.bmm(weight, h) if bias is None else torch.baddbmm(bias[..., None], weight, h)
            before, sums = out, (None, None)
            if layer.norm is not None:
                out, *sums = self._norm(i, layer.norm, out, training)
            if layer.activation:
                out = ACTIVATIONS[layer.activation][0](out)
            factor = self._factor(i, out) if training else None
            passed.append((h, before, *sums, out, factor))
            h = out if factor is None else out * factor
        assert h is not None
        return h, passed

    def _norm(self, i: int, norm: nn.BatchNorm1d, x: Tensor, training: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Batch norm of each unit of each trial over the batch."""
        weight, bias = (self.values[f"{i}.norm.{name}"].flatten() for name in ("weight", "bias"))
        mean, variance = (self.running[f"{i}.norm.{name}"].view(-1) for name in ("running_mean", "running_var"))
        flat = x.reshape(1, -1, x.shape[-1])
        out, *sums = aten.native_batch_norm(flat, weight, bias, mean, variance, training, norm.momentum, norm.eps)
        return out.view(x.shape), *sums

    def _factor(self, i: int, x: Tensor) -> Tensor | None:
        """What dropout multiplies the layer's output by; see :func:`tiza.models.layers.kept`."""
        chances = [dropouts[i] for dropouts in self.dropouts]
        if not any(chances):
            return None
        factor = torch.ones_like(x)
        trials, units, n = x.shape
        for seed, generator in self.generators.items():
            places = [t for t in range(trials) if self.seeds[t] == seed and chances[t]]
            if places:
                drawn = bits((n, units), generator).t().contiguous()
                limits = torch.tensor([below(chances[t]) for t in places], dtype=torch.int16)
                scale = torch.tensor([1 / (1 - chances[t]) for t in places], dtype=x.dtype)
                factor[places] = (drawn < limits[:, None, None]).to(x.dtype).mul_(scale[:, None, None])
        return factor

    def _backward(self, inputs: Tensor, passed: list[tuple[Tensor | None, ...]], gradient: Tensor) -> None:
        """The gradients of all values from that at the logits (T, C, B)."""
        for i, layer in reversed(list(enumerate(self.layers))):
            h, before, mean, deviation, out, factor = passed[i]
            if factor is not None:
                gradient = gradient * factor
            if layer.activation:
                gradient = ACTIVATIONS[layer.activation][1](gradient, out)
            if layer.norm is not None:
                gradient = self._norm_backward(i, layer.norm.eps, gradient, before, mean, deviation)
            else:
                torch.sum(gradient, 2, out=self.gradients[f"{i}.bias"])
            weight = self.gradients[f"{i}.weight"]
            if h is None and self.even:
                lanes = len(inputs)
                torch.bmm(
                    gradient.view(lanes, -1, gradient.shape[2]), inputs, out=weight.view(lanes, -1, weight.shape[2])
                )
            elif h is None:
                for lane, part in self.slices:
                    torch.mm(gradient[part].flatten(0, 1), inputs[lane], out=weight[part].flatten(0, 1))
            else:
                torch.bmm(gradient, h.transpose(1, 2), out=weight)
                gradient = torch.bmm(self.values[f"{i}.weight"].transpose(1, 2), gradient)

    def _norm_backward(
        self, i: int, eps: float, gradient: Tensor, before: Tensor | None, mean: Tensor | None, deviation: Tensor | None
    ) -> Tensor:
        assert before is not None
        weight = self.values[f"{i}.norm.weight"].flatten()
        running = (self.running[f"{i}.norm.{name}"].view(-1) for name in ("running_mean", "running_var"))
        flat = (1, -1, before.shape[-1])
        found, slope, offset = aten.native_batch_norm_backward(
            gradient.reshape(flat), before.reshape(flat), weight, *running, mean, deviation, True, eps,
            [True, True, True],
        )  # fmt: skip
        for name, value in (("weight", slope), ("bias", offset)):
            into = self.gradients[f"{i}.norm.{name}"]
            into.copy_(value.view(into.shape))
        return found.view(before.shape)

    def _update(self) -> None:
        """One call of torch's fused kernel for each rate and decay, over the trials that have them."""
        self.steps += 1
        for (lr, weight_decay), parts in self.groups.items():
            for decays in (True, False):
                names = tuple(name for name, d in self.decays.items() if d is decays or not weight_decay)
                if names and (decays or weight_decay):
                    learnt, slopes, *kept = self._parts(parts, names)
                    decay = weight_decay if decays else 0.0
                    update(self.plan, learnt, slopes, kept, self.steps, lr=lr, weight_decay=decay)

    def _parts(self, parts: list[slice], names: tuple[str, ...]) -> list[list[Tensor]]:
        """Of values, gradients and moments the pieces of some trials; to make them costs as much as a small step."""
        key = (*((part.start, part.stop) for part in parts), *names)
        if key not in self.pieces:
            groups = (self.values, self.gradients, *self.kept.values())
            self.pieces[key] = [[group[name][part] for name in names for part in parts] for group in groups]
        return self.pieces[key]

    def set(self, lr: Sequence[float], weight_decay: Sequence[float]) -> None:
        """Rate and weight decay of the next updates, one per trial."""
        self.groups: dict[tuple[float, float], list[slice]] = {}
        first = 0
        for own, group in groupby(zip(lr, weight_decay, strict=True)):
            n = len(list(group))
            self.groups.setdefault(own, []).append(slice(first, first + n))
            first += n

    def drop(self, trials: Sequence[int]) -> None:
        """Take trials out, by their places; what stays moves together."""
        stay = torch.tensor([t for t in range(len(self.lanes)) if t not in set(trials)])
        for group in (self.values, self.running, self.gradients, *self.kept.values()):
            for name, value in group.items():
                group[name] = value.index_select(0, stay)
        self.pieces.clear()
        self._stand(self.lanes[stay].tolist())
        self.dropouts, self.seeds = ([own[t] for t in stay.tolist()] for own in (self.dropouts, self.seeds))

    def state(self) -> dict[str, Tensor]:
        """See the protocol; the first axis is the trial."""
        model = {f"model.{name}": value for name, value in (self.values | self.running).items()}
        kept = {f"optimizer.{name}.{key}": v for name, values in self.kept.items() for key, v in values.items()}
        return model | kept | {"optimizer.steps": self.steps}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go back to a ``state()``."""
        for name, mine in self.state().items():
            if name in state:
                mine.copy_(state[name])

    def parameters(self) -> dict[str, Tensor]:
        """What is learnt, by the name in one trial's model, each (T, …)."""
        return dict(zip(self.names, self.values.values(), strict=True))
