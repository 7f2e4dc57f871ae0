"""Where training stands: with the learner's state, all that a later process needs to go on bit for bit."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from tiza.config import Plan


@dataclass
class Position:
    """``lr`` and ``weight_decay`` are the base values and the sums are of the epoch under way, one per trial.

    ``alive``: the trials that still train. ``measured``: epochs measured. ``resumed``: taken up from a run that was cut
    off. ``random``: the states of torch's generators (dropout) and of the augmentation's. ``good``: the weights to go
    back to on divergence, those of the last epoch measured.
    """

    step: int = 0
    measured: int = 0
    seconds: float = 0.0
    lr: list[float] = field(default_factory=list)
    weight_decay: list[float] = field(default_factory=list)
    alive: list[int] = field(default_factory=list)
    seen: int = 0
    loss_sum: list[float] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    resumed: bool = False
    random: dict[str, Tensor] = field(default_factory=dict)
    good: dict[str, Tensor] = field(default_factory=dict)

    @classmethod
    def start(cls, plan: Plan, trials: int) -> "Position":
        """The beginning of a run."""
        fresh = torch.Generator().manual_seed(plan.seed).get_state()
        return cls(
            lr=[plan.lr] * trials,
            weight_decay=[plan.weight_decay] * trials,
            alive=list(range(trials)),
            loss_sum=[0.0] * trials,
            right=[0] * trials,
            random={"torch": fresh, "augment": fresh.clone()},
        )

    def begin_epoch(self) -> None:
        """Forget the sums of the epoch that was measured."""
        self.seen = 0
        self.loss_sum, self.right = [0.0] * len(self.alive), [0] * len(self.alive)

    def drop(self, gone: list[int]) -> list[int]:
        """Take trials out; where they stood among those alive."""
        places = [self.alive.index(trial) for trial in gone]
        stay = [i for i in range(len(self.alive)) if i not in places]
        self.alive = [self.alive[i] for i in stay]
        self.loss_sum = [self.loss_sum[i] for i in stay]
        self.right = [self.right[i] for i in stay]
        return places


class Randomness:
    """Ours inside the loop, the caller's outside: dropout draws from torch's global generator, and so may a reader."""

    def __init__(self, position: Position, device: torch.device) -> None:
        self.position, self.device = position, device
        self.augment = torch.Generator()
        self.augment.set_state(position.random["augment"])
        self.outside: dict[str, Tensor] = {}

    def _state(self) -> dict[str, Tensor]:
        state = {"torch": torch.get_rng_state()}
        if self.device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(self.device)
        return state

    def _set(self, state: dict[str, Tensor]) -> None:
        torch.set_rng_state(state["torch"])
        if "cuda" in state:
            torch.cuda.set_rng_state(state["cuda"], self.device)

    def enter(self) -> None:
        """Put the caller's state aside and take up ours."""
        self.outside = self._state()
        self._set(self.position.random)
        if self.device.type == "cuda" and "cuda" not in self.position.random:
            torch.cuda.manual_seed(torch.initial_seed())

    def leave(self) -> None:
        """Note ours in the position and give the caller's back."""
        if self.outside:
            self.position.random = self._state() | {"augment": self.augment.get_state()}
            self._set(self.outside)
            self.outside = {}
