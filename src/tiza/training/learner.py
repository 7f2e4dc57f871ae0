"""What the loop trains: the protocol, and the learner of one nn.Module.

Shapes: T trials, B samples of a batch, C classes. One model is T = 1.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from tiza.config import Plan
from tiza.errors import TizaError
from tiza.models.building import in_passes
from tiza.training.losses import LOSSES
from tiza.training.optim import Optimizer


class Learner(Protocol):
    """What ``stream()`` needs; nothing here waits for the device."""

    trials: int
    device: torch.device

    def train_batch(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """One update on B samples: the loss minimised, (T,), and the logits it came from, (T, B, C), detached."""
        ...

    def logits(self, x: Tensor) -> Tensor:
        """Answers in eval mode, (T, N, C)."""
        ...

    def state(self) -> dict[str, Tensor]:
        """Everything that training changes: weights under ``model.``, the optimizer's under ``optimizer.``."""
        ...

    def load(self, state: dict[str, Tensor]) -> None:
        """Go back to a ``state()``; one that holds ``model.`` only leaves the optimizer alone."""
        ...

    def set(self, lr: Sequence[float], weight_decay: Sequence[float]) -> None:
        """The rate and weight decay of the next updates, one per trial."""
        ...

    def drop(self, trials: Sequence[int]) -> None:
        """These trials train no further."""
        ...

    def parameters(self) -> dict[str, Tensor]:
        """What is learnt, by name, each (T, …)."""
        ...


class ModuleLearner:
    """The learner of one ``nn.Module`` that maps raw samples to logits.

    ``class_weights`` (C) multiply the training loss of each class; measuring ignores them.
    """

    trials = 1

    def __init__(
        self, model: nn.Module, plan: Plan, *, class_weights: Tensor | None = None, device: str | torch.device = "cpu"
    ) -> None:
        if not any(parameter.requires_grad for parameter in model.parameters()):
            raise TizaError("nothing-to-learn", where="model")
        self.device = torch.device(device)
        convolutional = any(isinstance(module, nn.Conv2d) for module in model.modules())
        self.model = model.to(self.device)
        if convolutional:  # the CPU's convolutions are faster so
            self.model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.model.train()
        self.plan = plan
        self.class_weights = class_weights.to(self.device) if class_weights is not None else None
        self.optimizer = Optimizer(model, plan)

    def train_batch(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """One update; see the protocol."""
        self._mode(training=True)
        loss, logits = self.backward(x, y)
        if self.plan.clip is not None:
            nn.utils.clip_grad_norm_(self.optimizer.learnt, self.plan.clip)
        self.optimizer.step()
        return loss[None], logits[None]

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, C) in training mode."""
        return self.model(x)

    def backward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The loss on B samples and their logits (B, C), both detached; leaves the gradients at the parameters."""
        logits = self.forward(x)
        loss = LOSSES[self.plan.loss](logits, y, self.class_weights, self.plan.label_smoothing)
        self.optimizer.zero_grad()
        loss.backward()
        return loss.detach(), logits.detach()

    def logits(self, x: Tensor) -> Tensor:
        """Answers in eval mode, (1, N, C)."""
        self._mode(training=False)
        with torch.inference_mode():
            return torch.cat([self.model(some.to(self.device)) for some in in_passes(self.model, x, len(x))])[None]

    def _mode(self, *, training: bool) -> None:
        if self.model.training is not training:  # walking all modules at every step would cost more than a small step
            self.model.train(training)

    def state(self) -> dict[str, Tensor]:
        """Weights and optimizer state, as they are (not copies)."""
        state = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        return state | {f"optimizer.{name}": value for name, value in self.optimizer.tensors().items()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go back to a ``state()``."""
        model = {name.removeprefix("model."): v for name, v in state.items() if name.startswith("model.")}
        self.model.load_state_dict(model)
        optimizer = {name.removeprefix("optimizer."): v for name, v in state.items() if name.startswith("optimizer.")}
        if optimizer:
            self.optimizer.load(optimizer)

    def set(self, lr: Sequence[float], weight_decay: Sequence[float]) -> None:
        """Rate and weight decay of the next updates."""
        self.optimizer.set(lr[0], weight_decay[0])

    def drop(self, trials: Sequence[int]) -> None:
        """The only trial can't leave: end the run with ``Stop`` instead."""
        if trials:
            raise TizaError("drop-last", where="Drop")

    def parameters(self) -> dict[str, Tensor]:
        """What is learnt, by name, each (1, …)."""
        return {name: p.detach()[None] for name, p in self.model.named_parameters() if p.requires_grad}
