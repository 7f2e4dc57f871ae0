"""What happens inside a model, as worked numbers: a namespace of functions that return plain data."""

from tiza.explain.activations import Curve, activations
from tiza.explain.answers import Answer, answer
from tiza.explain.calibration import Bins, Calibration, Temperature, Threshold, calibration
from tiza.explain.confident import Confident, confident
from tiza.explain.confused import Cell, Confused, Pair, confused
from tiza.explain.crossing import Crossed, Crossing, crossing
from tiza.explain.distortions import distort
from tiza.explain.dropout import Dropout, dropout
from tiza.explain.embedding import Embedding, embedding
from tiza.explain.filters import KERNELS, Filtered, filter
from tiza.explain.kernels import Kernels, kernels
from tiza.explain.label_errors import LabelErrors, label_errors, label_errors_seconds
from tiza.explain.maps import Maps, maps
from tiza.explain.metrics import Metric, metrics
from tiza.explain.neighbours import Neighbours, neighbours
from tiza.explain.noise import Draws, Noise, noise
from tiza.explain.perceptron import Lines, perceptron
from tiza.explain.regions import Regions, regions
from tiza.explain.robustness import Robustness, robustness
from tiza.explain.saliency import Saliency, saliency, saliency_maps, sanity
from tiza.explain.sanity import Sanity
from tiza.explain.shapes import Convolution, Row, convolve, shapes, size_formula
from tiza.explain.sheet import Sheet, sheet
from tiza.explain.sheet_html import save_sheet
from tiza.explain.steps import Neuron, Steps, Update, neuron, steps, update
from tiza.explain.structure import Node, Structure, structure
from tiza.explain.surface import Surface, surface
from tiza.explain.trace import Trace, trace
from tiza.explain.units import Units, units
from tiza.explain.worked import Flattened, epoch_loss, flatten
from tiza.explain.worked_layers import Worked
from tiza.explain.written import Line, Number, Section, Table, written

__all__ = [
    "KERNELS",
    "Answer",
    "Bins",
    "Calibration",
    "Cell",
    "Confident",
    "Confused",
    "Convolution",
    "Crossed",
    "Crossing",
    "Curve",
    "Draws",
    "Dropout",
    "Embedding",
    "Filtered",
    "Flattened",
    "Kernels",
    "LabelErrors",
    "Line",
    "Lines",
    "Maps",
    "Metric",
    "Neighbours",
    "Neuron",
    "Node",
    "Noise",
    "Number",
    "Pair",
    "Regions",
    "Robustness",
    "Row",
    "Saliency",
    "Sanity",
    "Section",
    "Sheet",
    "Steps",
    "Structure",
    "Surface",
    "Table",
    "Temperature",
    "Threshold",
    "Trace",
    "Units",
    "Update",
    "Worked",
    "activations",
    "answer",
    "calibration",
    "confident",
    "confused",
    "convolve",
    "crossing",
    "distort",
    "dropout",
    "embedding",
    "epoch_loss",
    "filter",
    "flatten",
    "kernels",
    "label_errors",
    "label_errors_seconds",
    "maps",
    "metrics",
    "neighbours",
    "neuron",
    "noise",
    "perceptron",
    "regions",
    "robustness",
    "saliency",
    "saliency_maps",
    "sanity",
    "save_sheet",
    "shapes",
    "sheet",
    "size_formula",
    "steps",
    "structure",
    "surface",
    "trace",
    "units",
    "update",
    "written",
]
