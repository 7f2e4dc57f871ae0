"""``evaluate()``: what a trained model is worth, on every split, with its uncertainty; the test set opened once."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tiza import runs, storage
from tiza.data.dataset import Dataset
from tiza.data.seal import Sealed, Split
from tiza.data.sources import load
from tiza.errors import RequestError
from tiza.exports import session
from tiza.i18n import number, t
from tiza.metrics import Tally, measure, per_class, summary, wilson
from tiza.models.building import check_outputs, device_of, in_passes
from tiza.training.machine import using_threads

WORST = 25
SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Report:
    """The measures of one model, as plain data.

    ``splits``: for ``train``, ``valid`` and ``test`` a dict with ``n loss accuracy interval f1_macro precision_macro
    recall_macro calibration_error per_class confusion`` (``confusion[label][answer]`` counts; ``interval`` is Wilson's
    95 %), or None. ``opening``: which opening of this test set it was; where ``test`` is None, ``reason`` says why
    (``sealed`` or ``as-written``). ``worst``: the samples of ``worst_split`` with the highest loss.
    """

    name: str
    classes: tuple[str, ...]
    splits: dict[str, dict[str, Any] | None]
    opening: int | None
    reason: str | None
    worst_split: str
    worst: list[dict[str, Any]]

    @property
    def test(self) -> dict[str, Any] | None:
        """The measures on the test split, or None where it stayed sealed."""
        return self.splits["test"]

    @property
    def accuracy(self) -> float | None:
        """On test; None where it stayed sealed."""
        return self.test["accuracy"] if self.test else None

    def to_dict(self) -> dict[str, Any]:
        """As ``report.json`` and ``--json`` hold it."""
        return {
            "v": 1, "name": self.name, "classes": list(self.classes), **{s: self.splits[s] for s in SPLITS},
            "test_opening": self.opening, "test_reason": self.reason,
            "worst_split": self.worst_split, "worst": self.worst,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Report":
        """The report that ``to_dict()`` gave."""
        return cls(
            plain["name"], tuple(plain["classes"]), {split: plain[split] for split in SPLITS}, plain["test_opening"],
            plain["test_reason"], plain["worst_split"], plain["worst"],
        )  # fmt: skip

    def rows(self) -> list[tuple[str, int, float, float, float, float, float]]:
        """Split, n, loss, accuracy, its interval and macro F1, for the splits that were measured."""
        return [
            (name, of["n"], of["loss"], of["accuracy"], *of["interval"], of["f1_macro"])
            for name, of in self.splits.items()
            if of
        ]

    def _repr_html_(self) -> str:
        heads = (t("col.split"), "n", t("col.loss"), t("col.accuracy"), t("col.interval"), "F1")
        body = ""
        for name, n, loss, share, low, high, f1 in self.rows():
            interval = f"{number(low, '.2%')} – {number(high, '.2%')}"
            cells = (t(f"split.{name}"), number(n, ","), number(loss, ".4f"), number(share, ".2%"), interval)
            body += "<tr>" + "".join(f"<td>{cell}</td>" for cell in (*cells, number(f1, ".4f"))) + "</tr>"
        head = "".join(f"<th>{text}</th>" for text in heads)
        return f"<table><tr>{head}</tr>{body}</table><p>{self.openings()}</p>"

    def openings(self) -> str:
        """One sentence about the seal."""
        return t("opening", n=self.opening) if self.opening else t(f"unopened.{self.reason}")


def evaluate(
    run: "str | Path | runs.Run | nn.Module", data: Any = None, *, sealed: bool = False, model: nn.Module | None = None
) -> Report:
    """Measure a run (or any module that maps raw samples to logits) on train, validation and, once, on test.

    Opening the test split writes one line to the ledger; ``sealed=True`` leaves it closed. The report of a run is kept
    in its folder, but for one that is training, whose weights will be others; a bundle, ``evaluate("model.zip")``,
    stays as it is. ``data`` and ``model`` are the user's own, for runs recorded as external; one that was exported to
    ONNX is asked by that. Raises :class:`TizaError` when the data is not what the run was trained on.
    """
    if isinstance(run, nn.Module):
        if data is None:
            raise RequestError("data-missing", where="data")
        dataset = data if isinstance(data, Dataset) else load(data)
        check_outputs(run, dataset.train.x[:2], len(dataset.classes))
        return _report(run, dataset, type(run).__name__, sealed)
    bundle = runs.bundled(run)
    source = runs.find(run) if bundle is None else bundle
    training = isinstance(source, runs.Run) and source.status == "running"
    asked = _asked(run, model)
    dataset = data if isinstance(data, Dataset) else load(source.recipe.data if data is None else data)
    runs.check_data(source, dataset)
    if sealed and isinstance(dataset.valid, Sealed):
        raise RequestError("sealed-as-written", where="data.valid")
    with using_threads(source.facts.threads if isinstance(source, runs.Run) else torch.get_num_threads()):
        report = _report(asked, dataset, source.name, sealed)
    if sealed and (before := source.report) and before["test"]:  # opened earlier, for these weights: that stays known
        report = replace(
            report, splits=report.splits | {"test": before["test"]}, opening=before["test_opening"], reason=None
        )
    if training or not isinstance(source, runs.Run):
        return report
    run = source
    storage.write(run.path / "report.json", storage.to_json(storage.finite(report.to_dict())))
    if (run.path / "model" / "manifest.json").exists():
        storage.write(run.path / "model" / "README.md", runs.card(run))
    return report


class _Graph(nn.Module):
    """A module that asks an ONNX."""

    def __init__(self, logits: session.Logits) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, x: Tensor) -> Tensor:
        return torch.from_numpy(self.logits(x.numpy()))


def _asked(run: "str | Path | runs.Run", model: nn.Module | None) -> nn.Module:
    """The model of a run or a bundle; its ONNX where it is a module of the user's own that was not given."""
    kept = runs.stored(run) if model is None else None
    external = kept is not None and kept.manifest.model.get("name") == "external"
    graph = session.of(kept) if kept is not None and external else None
    return runs.restore(run, model=model).model if graph is None else _Graph(graph.logits)


def _report(model: nn.Module, data: Dataset, name: str, sealed: bool) -> Report:
    training = model.training
    model.eval()
    device = device_of(model)

    def logits(x: Tensor) -> Tensor:
        with torch.inference_mode():
            return torch.cat([model(some.to(device)).cpu() for some in in_passes(model, x, len(x))])

    def measured(split: Split) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        answers: list[Tensor] = []

        def kept(x: Tensor) -> Tensor:
            answers.append(logits(x))
            return answers[-1]

        return _measures(measure(kept, split)), _worst(torch.cat(answers), split.y)

    splits: dict[str, dict[str, Any] | None] = {"train": _measures(measure(logits, data.train))}
    splits["valid"], worst = measured(data.open_valid(name))
    opening, reason, worst_split = None, None, "valid"
    if isinstance(data.valid, Sealed):
        splits["test"], reason = None, "as-written"
    elif sealed:
        splits["test"], reason = None, "sealed"
    else:
        test, opening = data.test.open(data=data.name, by=name, purpose="evaluation")
        worst_split = "test"
        splits["test"], worst = measured(test)
    model.train(training)
    return Report(name, data.classes, splits, opening, reason, worst_split, worst)


def _measures(tally: Tally) -> dict[str, Any]:
    measures = summary(tally)
    right = int(tally.confusion.diagonal().sum())
    classes = {key: values.tolist() for key, values in per_class(tally).items()}
    return measures | {
        "interval": list(wilson(right, tally.n)),
        "per_class": classes | {"n": tally.confusion.sum(1).tolist()},
        "confusion": tally.confusion.tolist(),
    }


def _worst(answers: Tensor, labels: Tensor) -> list[dict[str, Any]]:
    """The samples with the highest loss: index, label, answer, the answer's probability, loss."""
    loss = F.cross_entropy(answers, labels, reduction="none").nan_to_num(nan=float("inf"))
    probability, answer = answers.softmax(-1).max(-1)
    return [
        {
            "index": i,
            "label": int(labels[i]),
            "answer": int(answer[i]),
            "probability": float(probability[i]),
            "loss": float(loss[i]),
        }
        for i in loss.topk(min(WORST, len(labels))).indices.tolist()
    ]
