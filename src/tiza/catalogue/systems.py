"""Every system of the documents by its id: what it shows, and the command that shows it."""

from dataclasses import dataclass
from typing import Any

from tiza.errors import unknown
from tiza.i18n import t
from tiza.registry import Entry, table

# In the documents' order; where no command stands, a recipe of that name is trained.
COMMANDS: dict[str, str] = {
    "000-explore": "tiza data show mnist --save figures",
    "000-flatten": "tiza explain flatten",
    "000-mlp": "",
    "000-width": "",
    "000-predict": "tiza explain answer last 0",
    "000-inference": "tiza predict last examples/pen.png",
    "000-bench": "tiza train mnist --model my_module.py:Net",
    "001-softmax": "",
    "001-keras": "tiza train mnist --model my_keras.py:model",
    "002-neuron": "tiza explain neuron",
    "002-softmax": "",
    "002-layers": "",
    "002-cnn": "",
    "002-live": "tiza open last",
    "002-surface": "tiza explain surface 001-softmax --save figures",
    "002-loss": "",
    "002-minibatch": "",
    "002-troubleshoot": "tiza train --recipe 004-overfit",
    "003-explore": "tiza data show fashion-mnist --set data.scale=symmetric --seed 123 --batch 64 --save figures",
    "003-mlp": "",
    "003-steps": "tiza explain steps last 0",
    "003-epoch-loss": "tiza explain epoch-loss",
    "003-train-metric": "tiza train --recipe 001-softmax",
    "003-one-image": "tiza explain answer last 0 --save figures",
    "004-perceptron": "",
    "004-activations": "tiza explain activations --save figures",
    "004-xor": "",
    "004-wine": "",
    "004-iris": "",
    "004-images": "tiza data show examples/photo.jpg --save figures",
    "004-metrics": "tiza explain metrics last",
    "004-folder": "tiza data export mnist digits.zip --per-class 60/20/10",
    "004-crossing": "tiza data audit mnist",
    "004-mlp100": "",
    "004-underfit": "",
    "004-overfit": "",
    "004-regularised": "",
    "004-dropout": "tiza explain dropout 004-dropout --save figures",
    "004-batch": "",
    "004-kfold": "tiza search --recipe 004-kfold",
    "004-grid": "tiza search --recipe 004-grid --save figures",
    "004-cnn": "",
    "004-structure": "tiza explain structure 004-cnn",
    "004-filter": "tiza explain filter examples/photo.jpg",
    "004-shapes": "tiza explain shapes 004-cnn --input 1x28x28",
    "004-kernels": "tiza explain kernels last",
    "004-maps": "tiza explain maps last 0",
    "004-gpu": "",
    "004-lenet": "",
    "004-alexnet": "",
    "004-vgg": "",
    "004-nin": "",
    "004-resnet18": "",
    "004-augment": "",
    "004-transfer": "tiza train --recipe 004-transfer",
    "004-cut": "tiza explain structure 004-resnet18 --cut stage4",
    "004-transfer-gain": "tiza recipes compare 004-transfer-gain",
    "all-save": "tiza export last --to bundle",
}


@dataclass(frozen=True)
class System:
    """A system of a document, or a variant of one.

    ``claim``: between which accuracies on validation three seeds lie; ``seconds``: that their training does not take;
    None where nothing is trained. docs/recipes.md has what was measured, and on which machine. ``variants``: the
    recipes that ``compare()`` sets against this one.
    """

    id: str
    command: str
    trained: bool
    claim: tuple[float, float] | None
    seconds: float | None
    variants: tuple[str, ...]

    @property
    def document(self) -> str:
        """Its number, or ``all``."""
        return self.id.partition("-")[0]

    @property
    def shows(self) -> str:
        """What it shows, in the user's language."""
        return t(f"system.{self.id}")

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it."""
        return {
            "id": self.id, "document": self.document, "shows": self.shows, "claim": self.claim,
            "seconds": self.seconds, "command": self.command, "recipe": self.trained,
            "variants": list(self.variants),
        }  # fmt: skip


def systems() -> list[System]:
    """The systems of the documents, in their order."""
    return [_system(id) for id in COMMANDS]


def system(id: str) -> System:
    """The system or recipe called ``id``; an unknown one raises with the nearest."""
    known = [*COMMANDS, *(name for name in table("recipe") if name not in COMMANDS)]
    if id not in known:
        raise unknown("recipe", id, known, where=id)
    return _system(id)


def variants(id: str) -> tuple[str, ...]:
    """The recipes that are ``id`` with something changed."""
    return tuple(name for name in table("recipe") if name not in COMMANDS and _parent(name) == id)


def _parent(name: str) -> str | None:
    """The system whose id a recipe's name begins with, the longest."""
    return max((id for id in COMMANDS if name.startswith(f"{id}-")), key=len, default=None)


def _system(id: str) -> System:
    entry: Entry | None = table("recipe").get(id)
    facts = entry.facts if entry else {}
    command = COMMANDS.get(id) or f"tiza train --recipe {id}"
    trained = entry is not None
    return System(id, command, trained, facts.get("claim"), facts.get("seconds"), variants(id) if trained else ())
