"""What a trained model says of one sample: every output, the answer, and whether it was right."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tiza import runs
from tiza.explain.watching import sample_of, trained


@dataclass(frozen=True)
class Answer:
    """The model's ``logits`` and ``probabilities`` of the ``classes`` for one sample, its ``label`` and the ``answer``.

    ``sample``: uint8 C×H×W or F floats.
    """

    split: str
    index: int
    label: str
    answer: str
    classes: tuple[str, ...]
    logits: tuple[float, ...]
    probabilities: tuple[float, ...]
    sample: np.ndarray

    @property
    def right(self) -> bool:
        """Whether the answer is the label."""
        return self.label == self.answer

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it."""
        plain = {name: value for name, value in vars(self).items() if name != "sample"}
        return plain | {"right": self.right}


def answer(
    run: "str | Path | runs.Run", index: int, *, split: str = "valid", data: Any = None, model: nn.Module | None = None
) -> Answer:
    """The answer of a run's model to sample ``index`` of its train or validation split.

    Raises :class:`TizaError` for an index that the split has not.
    """
    run = runs.find(run)
    module, dataset = trained(run, data, model)
    sample, label = sample_of(dataset, split, index, run.name)
    with torch.inference_mode():
        logits = module.eval()(sample[None])[0].double()
    probabilities = logits.softmax(-1)
    return Answer(
        split, index, dataset.classes[label], dataset.classes[int(probabilities.argmax())],
        dataset.classes, tuple(logits.tolist()), tuple(probabilities.tolist()), np.asarray(sample),
    )  # fmt: skip
