"""Matplotlib figures of data, runs and reports. Every function returns a Figure and never shows it.

Lengths are inches from the top left corner of the sheet. A sheet is at most 7.5 inches wide and its smallest text 10
points, so that no label is under 11 px when it is shown 600 px wide; the overview (8 inches, 8 points) at 800 px.

Nothing here imports torch before a figure asks for it: the pictures of an exported model's answers need none.
"""

from tiza.figures.activations import activations
from tiza.figures.audit import audit
from tiza.figures.calibration import calibration
from tiza.figures.comparison import comparison
from tiza.figures.confused import confused
from tiza.figures.crossing import crossing
from tiza.figures.dropout import dropout
from tiza.figures.embedding import embedding
from tiza.figures.filters import filter
from tiza.figures.heat import heat
from tiza.figures.kernels import kernels
from tiza.figures.label_errors import label_errors
from tiza.figures.learning import curves, rates
from tiza.figures.maps import maps
from tiza.figures.neighbours import neighbours
from tiza.figures.noise import noise
from tiza.figures.overview import overview
from tiza.figures.paper import save
from tiza.figures.perceptron import animate, perceptron
from tiza.figures.regions import regions
from tiza.figures.robustness import robustness
from tiza.figures.saliency import saliency
from tiza.figures.samples import before_after, channels, digits, histogram, mosaic, scatter, target
from tiza.figures.structure import structure
from tiza.figures.surface import surface
from tiza.figures.trials import effects, trial_confusion, trials_curves
from tiza.figures.units import units
from tiza.figures.verdicts import confusion, worst

__all__ = [
    "activations",
    "animate",
    "audit",
    "before_after",
    "calibration",
    "channels",
    "comparison",
    "confused",
    "confusion",
    "crossing",
    "curves",
    "digits",
    "dropout",
    "effects",
    "embedding",
    "filter",
    "heat",
    "histogram",
    "kernels",
    "label_errors",
    "maps",
    "mosaic",
    "neighbours",
    "noise",
    "overview",
    "perceptron",
    "rates",
    "regions",
    "robustness",
    "saliency",
    "save",
    "scatter",
    "structure",
    "surface",
    "target",
    "trial_confusion",
    "trials_curves",
    "units",
    "worst",
]
