"""tiza: from a dataset to a classifier that is honestly evaluated, understood and usable, and that you see learning."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tiza import explain, figures, runs, tracking, trials
    from tiza.catalogue import recipes
    from tiza.checks import diagnose
    from tiza.config import Plan, Recipe
    from tiza.data.audit import audit
    from tiza.data.sources import load
    from tiza.errors import TizaError
    from tiza.estimator import Classifier
    from tiza.fitting import fit
    from tiza.models.building import build
    from tiza.prediction import Predictor
    from tiza.rates import lr_find
    from tiza.reports import evaluate
    from tiza.training.loop import stream
    from tiza.trials import search

# Each public name and the module it comes from: `import tiza` costs nothing until one is used (PEP 562).
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


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tiza' has no attribute {name!r}")
    home = _HOMES[name]
    value = import_module(f"tiza.{name}") if home == "tiza" else getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
