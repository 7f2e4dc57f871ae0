"""``Predictor``: a trained model that takes files or arrays as they are and answers in class names.

torch is imported where the answers come from it, and only there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tiza.data import intake
from tiza.data.delimited import read_csv
from tiza.data.samples import array_of, for_model
from tiza.data.tables import Place, encode
from tiza.errors import RequestError, TizaError
from tiza.exports import session
from tiza.runs.files import Manifest, stored
from tiza.storage import read_unchanged

if TYPE_CHECKING:
    from torch import nn

    from tiza.runs import Run


@dataclass(frozen=True)
class Prediction:
    """One answer: ``label`` (index), ``class_``, its ``probability``, and the ``probabilities`` of all classes.

    A picture without a digit has None for all of them. ``image`` is what the model saw, uint8 C×H×W.
    """

    file: str | None
    label: int | None
    class_: str | None
    probability: float | None
    probabilities: tuple[float, ...] | None
    image: np.ndarray | None

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        return {
            "file": self.file,
            "label": self.label,
            "class": self.class_,
            "probability": self.probability,
            "probabilities": list(self.probabilities) if self.probabilities else None,
        }


class Predictor:
    """The model of a run with its classes and the way from a file to its input.

    ``Predictor("last")("three.png")`` reads a picture, ``.predict(["rows.csv"])`` the rows of a table;
    arrays are taken as ``load()`` took the training data: images
    C×H×W, H×W×C or H×W of the same scale, rows of a table. ``model`` is the user's module, for external runs.
    A run that was exported to ONNX answers by that, without torch; so does the file alone, ``Predictor("model.onnx")``.
    ``Predictor("model.zip")`` takes a bundle.
    """

    def __init__(self, run: "str | Path | Run", *, model: "nn.Module | None" = None) -> None:
        self.manifest, self._logits = _answering(run, model)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names that answers come from."""
        return self.manifest.classes

    def __call__(self, what: Any) -> Prediction:
        """The answer for one picture file or one sample."""
        if isinstance(what, (str, Path)):
            return self.predict([what])[0]
        one = array_of(what)
        if one.size == 0:
            raise RequestError(
                "predict-shape", where="inputs", found="0", wanted="×".join(map(str, self.manifest.shape))
            )
        return self.predict(one[None])[0]

    def predict(self, inputs: Any) -> list[Prediction]:
        """One answer per picture file or row of a CSV file (a sequence of paths), or per sample (what numpy takes).

        The columns of a DataFrame are taken by their names, where they have any. Raises :class:`TizaError` for a file
        that is no picture or has not the columns of the training data, and for samples of another shape or scale.
        """
        if not isinstance(inputs, (list, tuple)) or not all(isinstance(item, (str, Path)) for item in inputs):
            if self._is_named(inputs):
                samples = encode(inputs, self.manifest.form, Place(type(inputs).__name__))
            else:
                samples = for_model(inputs, self.manifest.shape, self.manifest.form)
            return self._answers([None] * len(samples), list(samples))
        if not self.manifest.form:
            raise RequestError("predict-table", where=str(inputs[0]) if inputs else "")
        if self.manifest.form["form"] == "table":
            return [answer for path in inputs for answer in self._rows(str(path))]
        images = [intake.prepare(intake.read_picture(Path(path)), self.manifest.form) for path in inputs]
        return self._answers([str(path) for path in inputs], images)

    def _is_named(self, inputs: Any) -> bool:
        """Whether it is a DataFrame whose columns have names, for a model that knows its own; 0, 1, … are none."""
        if self.manifest.form.get("form") != "table" or not hasattr(inputs, "columns"):
            return False
        wanted = {column["name"] for column in self.manifest.form["columns"]}
        return any(isinstance(name, str) for name in inputs.columns) or wanted <= set(map(str, inputs.columns))

    def _rows(self, path: str) -> list[Prediction]:
        """One answer per row of a CSV file, called by its line."""
        try:
            sheet = read_csv(path)
        except TizaError as error:
            if error.code != "no-text":
                raise
            raise RequestError("predict-rows", where=path) from error
        rows = encode(sheet.frame, self.manifest.form, Place(path, sheet.lines))
        return self._answers([f"{path}:{line}" for line in sheet.lines], list(rows))

    def _answers(self, files: Iterable[str | None], samples: list[np.ndarray | None]) -> list[Prediction]:
        there = [sample for sample in samples if sample is not None]
        rows: list[list[float]] = []
        for first in range(0, len(there), 1000):
            rows += _softmax(self._logits(np.stack(there[first : first + 1000]))).tolist()
        if any(not np.isfinite(row).all() for row in rows):
            raise TizaError("answer-not-finite", where="model")
        answers = iter(rows)
        return [
            Prediction(file, None, None, None, None, None)
            if sample is None
            else self._named(file, sample, next(answers))
            for file, sample in zip(files, samples, strict=True)
        ]

    def _named(self, file: str | None, sample: np.ndarray, row: list[float]) -> Prediction:
        label = int(np.argmax(row))
        image = sample if sample.dtype == np.uint8 else None
        return Prediction(file, label, self.classes[label], row[label], tuple(row), image)


def _answering(run: "str | Path | Run", model: "nn.Module | None") -> tuple[Manifest, session.Logits]:
    """What a model is asked, and its way from samples to logits: onnxruntime where it has an ONNX, else torch."""
    if isinstance(run, (str, Path)) and Path(run).suffix.lower() == ".onnx":
        alone = session.opened(read_unchanged(Path(run)), str(run))
        return alone.manifest, alone.logits
    kept = stored(run) if model is None else None
    if kept is not None and (graph := session.of(kept)) is not None:
        return kept.manifest, graph.logits
    import torch

    from tiza.models.building import in_passes
    from tiza.runs import restore

    restored = restore(run, model=model)

    def logits(samples: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            parts = in_passes(restored.model, torch.from_numpy(samples), 1000)
            return torch.cat([restored.model(some) for some in parts]).numpy()

    return restored.manifest, logits


def _softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities, float64, of logits N×C."""
    powers = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)
