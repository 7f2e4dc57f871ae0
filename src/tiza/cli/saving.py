"""What --save writes: the figures of a run, of answers and of a data set."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from tiza.i18n import t

if TYPE_CHECKING:
    from tiza.data.dataset import Dataset
    from tiza.prediction import Prediction
    from tiza.reports import Report
    from tiza.runs import Run, Stored
    from tiza.trials import Trials

MOST_CLASSES = 30  # in one figure


def save_run(run: "Run | Stored", report: "Report", folder: Path) -> list[Path]:
    """The confusions and the worst examples; of a run, which has a history, the curves and the overview of them all."""
    from tiza import figures
    from tiza.data.sources import load
    from tiza.runs import Run

    data = load(run.recipe.data)
    drawn = {
        "confusion": figures.confusion(report),
        "confusion-rates": figures.confusion(report, rates=True),
        "worst": figures.worst(report, data),
    }
    if isinstance(run, Run):
        drawn["curves"] = figures.curves(run, metrics=("loss", "accuracy", "f1_macro"))
        drawn["overview"] = figures.overview(run, report, data)
    return [path for name, figure in drawn.items() for path in figures.save(figure, folder / name)]


def save_answers(files: Sequence[Path], answers: "Sequence[Prediction]", folder: Path) -> list[Path]:
    """Every picture over what the model saw of it, with the answer; of rows, a table of the answers."""
    from tiza import storage

    if any(answer.image is None and answer.class_ for answer in answers):
        plain = [answer.to_dict() for answer in answers]
        storage.write(folder / "predictions.json", storage.to_json({"predictions": plain}, indent=1))
        return [folder / "predictions.json"]
    from tiza import figures
    from tiza.data.intake import read_picture
    from tiza.terminal import share

    pairs = []
    for file, answer in zip(files, answers, strict=True):
        caption = f"{answer.class_} · {share(answer)}" if answer.class_ else t("predict.none")
        pairs.append((read_picture(file), answer.image, caption, answer.class_ is not None))
    return figures.save(figures.before_after(pairs), folder / "predictions")


def save_data(
    data: "Dataset", described: Mapping[str, Any], split: str, mosaic: tuple[int, int], seed: int, folder: Path
) -> list[Path]:
    """Some samples of each class, samples drawn at random, one batch; how many each class has; a table's target."""
    import numpy as np

    from tiza import figures
    from tiza.data.describe import drawn, numbered
    from tiza.data.tables import numbers_first

    shown = data.classes[:MOST_CLASSES]
    counts = {name: of[:MOST_CLASSES] for name, of in described["counts"].items()}
    made = {"classes": figures.histogram(counts, shown)}
    if len(data.shape) == 3:
        made["samples"] = figures.mosaic(data.look(split), shown, seed=seed)
        rows, columns = mosaic
        chosen = drawn(data, rows * columns, split=split, seed=seed)
        made["mosaic"] = figures.digits(
            np.stack([x.numpy() for _, x, _ in chosen]), [f"{n} · {name}" for n, _, name in chosen], columns=columns,
            title=t("fig.drawn.title", n=len(chosen), seed=seed),
        )  # fmt: skip
        place, one = numbered(data, split)[described["sample"]["index"]], described["sample"]
        made["sample"] = figures.digits(
            data.look(place[0]).x[place[1]][None],
            [one["class"]],
            columns=1,
            title=t("fig.sample.title", n=one["index"]),
        )
        if "batch" in described:
            batch = described["batch"]
            made["batch"] = figures.digits(
                data.look(split).x[batch["index"]], batch["classes"], columns=3,
                title=t("fig.batch.title", n=len(batch["index"]), batch=batch["x"][0]),
            )  # fmt: skip
    elif data.shape[0] > 1:
        axes = numbers_first(data.form) or (0, 1)
        made["samples"] = figures.scatter(data.look(split), data.classes, data.features, axes=(axes[0], axes[1]))
    if data.target is not None:
        made["target"] = figures.target(data.target.values, described["target"]["after"], data.target.name)
    return [path for name, figure in made.items() for path in figures.save(figure, folder / name)]


def save_picture(path: str, folder: Path) -> list[Path]:
    """The channels of a picture beside each other."""
    from tiza import figures
    from tiza.data.intake import read_channels

    return figures.save(figures.channels(read_channels(path), Path(path).name), folder / "channels")


def save_search(trials: "Trials", folder: Path) -> list[Path]:
    """The accuracy over two fields, the learning curves, what each field changes, and the best one's confusion."""
    from tiza import figures

    drawn = {"heat": figures.heat(trials), "curves": figures.trials_curves(trials), "effects": figures.effects(trials)}
    if trials.rows[0]["rank"] is not None:
        drawn["confusion"] = figures.trial_confusion(trials)
    return [path for name, figure in drawn.items() for path in figures.save(figure, folder / name)]


def say_saved(paths: Sequence[Path]) -> None:
    """Name the pictures that were written, if any."""
    if paths:
        print(t("saved", paths=", ".join(str(path) for path in paths if path.suffix != ".svg")))


def words_of(arguments: Sequence[object], options: Mapping[str, tuple[object, object]]) -> list[object]:
    """A command's words as they were given: its arguments, and of the options (value, default) those that differ."""
    given = [(flag, value) for flag, (value, usual) in options.items() if value != usual]
    return [*arguments, *(word for pair in given for word in pair)]


def tell(
    what: str, words: Sequence[object], of: Any, say: Callable[[], None], numbers: Mapping[str, Any],
    save: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """An explanation ``of`` something: what is said, or its numbers as JSON; its picture, else how to get that.

    ``what``: the command of ``tiza explain`` and the function of :mod:`tiza.figures`; ``words``: what follows it.
    """
    from tiza.storage import to_json

    saved: list[Path] = []
    if save is not None:
        from tiza import figures

        saved = figures.save(getattr(figures, what.replace("-", "_"))(of), save / what)
        if what == "perceptron":
            saved.append(figures.animate(of, save / what))
    if as_json:
        print(to_json({**numbers, "saved": [str(path) for path in saved]}))
        return
    say()
    if save is None:
        print(t("draw.how", command=" ".join(["tiza explain", what, *(quote(str(word)) for word in words)])))
    say_saved(saved)
