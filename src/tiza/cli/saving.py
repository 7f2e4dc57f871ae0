"""What --save writes: the figures of a run, of answers and of a data set."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tiza.i18n import t

if TYPE_CHECKING:
    from tiza.data.dataset import Dataset
    from tiza.prediction import Prediction
    from tiza.reports import Report
    from tiza.runs import Run


def save_run(run: "Run", report: "Report", folder: Path) -> list[Path]:
    """The curves, the confusions, the worst examples, and the overview of them all."""
    from tiza import figures
    from tiza.data.sources import load

    data = load(run.recipe.data)
    drawn = {
        "curves": figures.curves(run),
        "confusion": figures.confusion(report),
        "confusion-rates": figures.confusion(report, rates=True),
        "worst": figures.worst(report, data),
        "overview": figures.overview(run, report, data),
    }
    return [path for name, figure in drawn.items() for path in figures.save(figure, folder / name)]


def save_answers(files: Sequence[Path], answers: "Sequence[Prediction]", folder: Path) -> list[Path]:
    """Every picture over what the model saw of it, with the answer."""
    from tiza import figures
    from tiza.data.intake import read_picture
    from tiza.terminal import share

    pairs = []
    for file, answer in zip(files, answers, strict=True):
        caption = f"{answer.class_} · {share(answer)}" if answer.class_ else t("predict.none")
        pairs.append((read_picture(file), answer.image, caption, answer.class_ is not None))
    return figures.save(figures.before_after(pairs), folder / "predictions")


def save_data(data: "Dataset", counts: Mapping[str, Sequence[int]], folder: Path) -> list[Path]:
    """Some samples, and how many each class has."""
    from tiza import figures

    if len(data.shape) == 3:
        samples = figures.mosaic(data.train, data.classes)
    else:
        samples = figures.scatter(data.train, data.classes, data.features)
    histogram = figures.histogram(counts, data.classes)
    return [*figures.save(samples, folder / "samples"), *figures.save(histogram, folder / "classes")]


def say_saved(paths: Sequence[Path]) -> None:
    """Name the pictures that were written, if any."""
    if paths:
        print(t("saved", paths=", ".join(str(path) for path in paths if path.suffix == ".png")))
