"""tiza: from a dataset to a classifier that is honestly evaluated, understood and usable, and that you see learning."""

from typing import TYPE_CHECKING

from tiza.lazy import lazily

if TYPE_CHECKING:
    from tiza import explain, figures, runs, tracking, trials
    from tiza.catalogue import recipes
    from tiza.checks import diagnose
    from tiza.config import Plan, Recipe
    from tiza.data.audit import audit
    from tiza.data.sources import load
    from tiza.errors import TizaError
    from tiza.estimator import Classifier
    from tiza.exports import export
    from tiza.fitting import fit
    from tiza.models.building import build
    from tiza.prediction import Predictor
    from tiza.rates import lr_find
    from tiza.reports import evaluate
    from tiza.training.loop import stream
    from tiza.trials import search

# Each public name and the module it comes from: `import tiza` costs nothing until one is used.
_HOMES = {
    "Classifier": "tiza.estimator",
    "Plan": "tiza.config",
    "Predictor": "tiza.prediction",
    "Recipe": "tiza.config",
    "TizaError": "tiza.errors",
    "audit": "tiza.data.audit",
    "build": "tiza.models.building",
    "diagnose": "tiza.checks",
    "evaluate": "tiza.reports",
    "explain": "tiza",
    "export": "tiza.exports",
    "figures": "tiza",
    "fit": "tiza.fitting",
    "load": "tiza.data.sources",
    "lr_find": "tiza.rates",
    "recipes": "tiza.catalogue",
    "runs": "tiza",
    "search": "tiza.trials",
    "stream": "tiza.training.loop",
    "tracking": "tiza",
    "trials": "tiza",
}
__all__ = [
    "Classifier",
    "Plan",
    "Predictor",
    "Recipe",
    "TizaError",
    "audit",
    "build",
    "diagnose",
    "evaluate",
    "explain",
    "export",
    "figures",
    "fit",
    "load",
    "lr_find",
    "recipes",
    "runs",
    "search",
    "stream",
    "tracking",
    "trials",
]


__getattr__, __dir__ = lazily("tiza", _HOMES)
