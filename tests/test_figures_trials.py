"""Figures of a search: of real ones, and of outcomes written down as a search would; measured as a reader would."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import tiza
from reading import texts, written
from tiza import figures
from tiza.cli.saving import save_search
from tiza.config import Recipe, make
from tiza.data.sources import load
from tiza.errors import TizaError
from tiza.figures.paper import VALID
from tiza.i18n import set_language
from tiza.trials import folder
from tiza.trials.outcome import Fit, Outcome
from tiza.trials.space import Search, axis, trials_of
from tiza.trials.table import Trials

PLAN = {"epochs": 6, "threads": 1, "batch_size": 32, "lr": 0.01}
IRIS = Recipe.model_validate({"data": "iris", "model": {"name": "mlp", "hidden": [8]}, "plan": PLAN})
DIGITS = Recipe.model_validate({"data": {"name": "digits", "limit": 300}, "model": IRIS.model, "plan": PLAN})

Share = Callable[[Mapping[str, Any]], float | str | None]


def written_down(path: Path, grid: Mapping[str, Any], share: Share, trials: int | None = None, **more: Any) -> Trials:
    """A search of iris as its folder keeps it, in which ``share`` of the answers of each trial is right.

    It may also be ``diverged`` or ``dropped``, or None for a trial that has not run.
    """
    asked = {"recipe": IRIS, "grid": {field: axis(values, field) for field, values in grid.items()}, "trials": trials}
    search, data = make(Search, asked | more), load(IRIS.data)
    folder.begin(path, search, data, [data])
    labels = data.look("valid").y.numpy()
    for trial in trials_of(search):
        for repeat in range(search.repeats):
            fit, part = Fit(trial.number, repeat, 0), share(trial.values)
            if isinstance(part, str):
                curve = [0.3, 0.4 if part == "dropped" else None]
                last, none = curve[1], np.zeros(0, int)
                folder.keep(path, Outcome(fit, part, "stacked", True, 2, 0.1, None, last, None, None, curve, none))
            elif part is not None:
                right = round(part * len(labels))
                answers = np.where(np.arange(len(labels)) < right, labels, (labels + 1) % 3)
                got = right / len(labels)
                curve = [*(got * (1 - math.exp(-epoch / 2)) for epoch in range(1, 6)), got]
                folder.keep(path, Outcome(fit, "done", "stacked", True, 6, 0.1, 1 - got, got, got, got, curve, answers))
    return Trials(path)


def peak(values: Mapping[str, Any]) -> float | str:
    """Best at a rate of 0.01; far too high a rate diverges."""
    away = abs(math.log10(values["plan.lr"]) + 2)
    return "diverged" if values["plan.lr"] > 5 else max(0.1, 0.95 - 0.25 * away)


def hidden(values: Mapping[str, Any]) -> float:
    return 0.5 + 0.02 * np.sum(values["model.hidden"]) ** 0.5


RATES, DECAYS = (0.0001, 0.001, 0.01, 0.1, 10.0), (0.0, 0.01, 0.1)
CROSSED = {"plan.lr": RATES, "plan.weight_decay": DECAYS}
WORDS = {
    "plan.schedule": ["constant", "one-cycle", "exponential", "cosine"],
    "plan.optimizer": ["adam", "sgd", "adamw"],
}

SEARCHES: dict[str, Callable[[Path], Trials]] = {
    "digits": lambda path: tiza.search(
        DIGITS, {"plan.lr": [0.001, 0.01, 0.1, 1e30], "model.hidden": [8, 16], "plan.epochs": [3, 6]},
        repeats=2, sealed=True, run=path,
    ),
    "folds": lambda path: tiza.search(IRIS, {"plan.lr": [0.001, 0.01, 0.1]}, folds=3, sealed=True, run=path),
    "halved": lambda path: tiza.search(
        IRIS, {"plan.lr": [0.001, 0.01, 0.1, 1.0], "plan.batch_size": [8, 16]}, halving=2, sealed=True, run=path
    ),
    "recipe": lambda path: tiza.search(IRIS, repeats=2, sealed=True, run=path),
    "crossed": lambda path: written_down(path, CROSSED, peak),
    "drawn": lambda path: written_down(
        path, {"plan.lr": "log(0.0001, 10)", "model.dropout": "uniform(0, 0.6)"}, peak, 30
    ),
    "drawn, one field": lambda path: written_down(path, {"plan.lr": "log(0.0001, 10)"}, peak, 30, repeats=2),
    "drawn and listed": lambda path: written_down(
        path, {"plan.batch_size": "integer(1, 4)", "plan.lr": "uniform(0.01, 0.02)", "plan.optimizer": ["sgd", "adam"]},
        lambda v: 0.5 + v["plan.batch_size"] / 10, 24,
    ),
    "some of a grid": lambda path: written_down(path, CROSSED, peak, 7),
    "many": lambda path: written_down(
        path, {"plan.lr": np.geomspace(1e-4, 1, 24), "plan.weight_decay": np.linspace(0, 0.2, 20)}, peak
    ),
    "words": lambda path: written_down(
        path, WORDS,
        lambda v: None if v["plan.optimizer"] == "sgd" else "dropped" if v["plan.schedule"] == "cosine" else 0.8,
    ),
    "layers": lambda path: written_down(
        path, {"model.hidden": [8, [80, 40], [20, 20, 20]], "plan.batch_size": [8, "full"]}, hidden
    ),
    "none finished": lambda path: written_down(path, CROSSED, lambda v: "diverged" if v["plan.lr"] > 1 else None),
}  # fmt: skip
FIGURES: dict[str, Callable[[Trials], Figure]] = {
    "heat": figures.heat, "curves": figures.trials_curves, "effects": figures.effects,
    "confusion": figures.trial_confusion,
}  # fmt: skip


@pytest.fixture(scope="session")
def searches(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Trials]:
    """A search by its name, made once."""
    home, made = tmp_path_factory.mktemp("searches"), {}

    def search(name: str) -> Trials:
        if name not in made:
            made[name] = SEARCHES[name](home / str(len(made)))
        return made[name]

    return search


@pytest.fixture(params=["en", "es"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    set_language(request.param)
    yield request.param
    set_language(None)


def percent(share: float, language: str = "en") -> str:
    text = f"{share:.1%}".replace("%", "\u00a0%")
    return text.replace(".", ",") if language == "es" else text


def boxes(figure: Figure, *, hatched: bool = False, framed: bool = False) -> list[Rectangle]:
    """Of the cells those that are hatched, or the frames in them, or the shaded ones."""
    cells = [patch for patch in figure.axes[1].patches if isinstance(patch, Rectangle)]
    frames = [cell for cell in cells if cell.get_facecolor()[3] == 0]  # type: ignore[index]
    return frames if framed else [c for c in cells if c not in frames and bool(c.get_hatch()) == hatched]


def cell(box: Rectangle) -> tuple[int, int]:
    return round(box.get_x() + box.get_width() / 2), round(box.get_y() + box.get_height() / 2)


@pytest.mark.parametrize("kind", FIGURES)
@pytest.mark.parametrize("name", SEARCHES)
def test_a_figure_of_a_search_can_be_read(
    name: str, kind: str, language: str, searches: Callable[[str], Trials]
) -> None:
    trials = searches(name)
    if name == "none finished" and kind == "confusion":
        with pytest.raises(TizaError, match=r"no best one|uno mejor"):
            FIGURES[kind](trials)
        return
    figure = FIGURES[kind](trials)
    width = figure.get_size_inches()[0]
    assert width <= 7.5 or kind == "confusion"
    found = texts(figure)
    extents = [text.get_window_extent() for text in found]
    for text, box in zip(found, extents, strict=True):
        assert text.get_fontsize() >= 10, text.get_text()
        assert box.x0 >= 0, text.get_text()
        assert box.y0 >= 0, text.get_text()
        assert box.x1 <= figure.bbox.width, text.get_text()
        assert box.y1 <= figure.bbox.height, text.get_text()
    level = [(text, box) for text, box in zip(found, extents, strict=True) if text.get_rotation() in (0, 90)]
    for (one, a), (other, b) in combinations(level, 2):
        across, down = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert across <= 1 or down <= 3, f"{one.get_text()!r} and {other.get_text()!r}"
    content = written(figure)
    assert not re.search(r"\d\.\d" if language == "es" else r"\d,\d(?!\d\d)", content), content
    assert "nan" not in content
    assert "…" not in found[0].get_text()


# --- heat


def test_a_cell_has_the_best_accuracy_over_the_other_fields_and_the_note_says_so(
    searches: Callable[[str], Trials], language: str
) -> None:
    trials = searches("digits")
    figure = figures.heat(trials, "plan.lr", "model.hidden")
    told = {(round(text.get_position()[0]), round(text.get_position()[1])): text for text in figure.axes[1].texts}
    for i, rate in enumerate([0.001, 0.01, 0.1]):
        for j, units in enumerate([8, 16]):
            own = [
                row["accuracy"]
                for row in trials.rows
                if (row["values"]["plan.lr"], row["values"]["model.hidden"]) == (rate, units)
            ]
            assert len(own) == 2
            assert told[i, j].get_text() == percent(max(own), language)
    content = written(figure)
    assert ("over plan.epochs" if language == "en" else "entre los valores de plan.epochs") in content
    assert ("mean of 2 repeats" if language == "en" else "media de 2 repeticiones") in content


def test_the_best_cell_is_framed_thickly_and_bold_and_named(searches: Callable[[str], Trials]) -> None:
    trials = searches("crossed")
    figure = figures.heat(trials)
    frames = boxes(figure, framed=True)
    (best,) = [frame for frame in frames if frame.get_linewidth() > 2]
    values = trials.rows[0]["values"]
    assert cell(best) == (RATES.index(values["plan.lr"]), DECAYS.index(values["plan.weight_decay"]))
    (bold,) = [text for text in figure.axes[1].texts if text.get_weight() == "bold"]
    assert bold.get_text() == percent(trials.rows[0]["accuracy"])
    assert tuple(bold.get_position()) == cell(best)
    assert f"best: trial {trials.best} · lr 0.01 · weight_decay 0" in written(figure)
    ties = {cell(frame) for frame in frames if frame is not best}
    assert len(ties) == sum(row["verdict"] in ("tie", "same") for row in trials.rows)


def test_trials_that_diverged_are_hatched_and_say_so(searches: Callable[[str], Trials], language: str) -> None:
    figure = figures.heat(searches("crossed"))
    assert {cell(box) for box in boxes(figure, hatched=True)} == {(4, 0), (4, 1), (4, 2)}
    assert written(figure).count("diverged" if language == "en" else "divergió") == 3


def test_trials_that_left_or_did_not_finish_have_hatches_of_their_own(searches: Callable[[str], Trials]) -> None:
    figure = figures.heat(searches("words"))
    hatches = {cell(box): box.get_hatch() for box in boxes(figure, hatched=True)}
    assert len(hatches) == 4 + 2
    assert len(set(hatches.values())) == 2
    for word in ("not finished", "left early"):
        assert word in written(figure)


def test_stronger_cells_are_more_accurate(searches: Callable[[str], Trials]) -> None:
    trials = searches("crossed")
    accuracies = {}
    for row in trials.rows:
        at = RATES.index(row["values"]["plan.lr"]), DECAYS.index(row["values"]["plan.weight_decay"])
        accuracies[at] = row["accuracy"]
    shades = {cell(box): sum(box.get_facecolor()[:3]) for box in boxes(figures.heat(trials))}
    assert len(shades) == 12
    for one, other in combinations(shades, 2):
        if accuracies[one] > accuracies[other]:
            assert shades[one] <= shades[other]
    assert np.allclose(min(shades.values()), sum(to_rgb(VALID)), atol=0.02)


def test_cells_without_room_for_numbers_have_a_scale_instead(searches: Callable[[str], Trials]) -> None:
    figure = figures.heat(searches("many"))
    assert len(boxes(figure)) == 24 * 20
    assert not figure.axes[1].texts
    assert len(figure.axes) == 3
    assert len(figures.heat(searches("crossed")).axes) == 2


def test_settings_that_no_trial_has_stay_blank(searches: Callable[[str], Trials]) -> None:
    figure = figures.heat(searches("some of a grid"))
    assert len(boxes(figure)) + len(boxes(figure, hatched=True)) == 7


def test_the_two_numbers_that_matter_most_are_shown_unless_others_are_named(searches: Callable[[str], Trials]) -> None:
    trials = searches("drawn and listed")
    assert "by plan.batch_size and plan.lr" in written(figures.heat(trials))
    assert "by plan.optimizer and plan.batch_size" in written(figures.heat(trials, x="plan.optimizer"))
    assert "by plan.batch_size and plan.optimizer" in written(figures.heat(trials, y="plan.optimizer"))
    assert "by plan.lr:" in written(figures.heat(trials, "plan.lr", "plan.lr"))
    with pytest.raises(TizaError, match=r"plan\.lr"):
        figures.heat(trials, x="plan.rl")


def test_drawn_values_are_dots_on_their_scales(searches: Callable[[str], Trials]) -> None:
    trials = searches("drawn")
    figure = figures.heat(trials)
    axes = figure.axes[1]
    scales = {axes.get_xscale(), axes.get_yscale()}
    assert scales == {"log", "linear"}
    dots = {tuple(line.get_xydata()[0]) for line in axes.lines}
    across, up = re.findall(r"by (\S+) and (\S+):", written(figure))[0]
    assert dots == {(row["values"][across], row["values"][up]) for row in trials.rows}
    (best,) = [line for line in axes.lines if line.get_markeredgewidth() > 2]
    first = trials.rows[0]["values"]
    assert tuple(best.get_xydata()[0]) == (first[across], first[up])
    crosses = [line for line in axes.lines if line.get_marker() == "x"]
    assert len(crosses) == sum(row["status"] == "diverged" for row in trials.rows) > 0


@pytest.mark.parametrize("name", ["folds", "drawn, one field", "recipe"])
def test_one_field_is_drawn_with_intervals(name: str, searches: Callable[[str], Trials]) -> None:
    trials = searches(name)
    axes = figures.heat(trials).axes[1]
    drawn = sorted(tuple(line.get_ydata()) for line in axes.lines if len(line.get_xdata()) == 2)
    finished = [row for row in trials.rows if row["rank"] is not None and row["same_as"] is None]
    assert np.allclose(drawn, sorted((row["low"], row["high"]) for row in finished))
    assert axes.get_xscale() == ("log" if name == "drawn, one field" else "linear")


# --- learning curves


def test_the_best_trial_is_in_colour_and_its_end_has_name_and_value(
    searches: Callable[[str], Trials], language: str
) -> None:
    trials = searches("digits")
    figure = figures.trials_curves(trials)
    (best,) = [line for line in figure.axes[1].lines if line.get_color() == VALID]
    assert best.get_ydata() == pytest.approx(trials.curve(trials.best))
    content = written(figure)
    assert f"\n{'trial' if language == 'en' else 'ensayo'} {trials.best}\n" in content
    assert f"\n{percent(trials.curve(trials.best)[-1] or 0, language)}" in content


def test_ties_are_darker_than_what_is_worse_and_each_is_counted(searches: Callable[[str], Trials]) -> None:
    trials = searches("crossed")
    figure = figures.trials_curves(trials)
    brightness = {line.get_color(): sum(to_rgb(line.get_color())) for line in figure.axes[1].lines}
    (tie, worse) = sorted((b for colour, b in brightness.items() if colour != VALID and b > 1))[:2]
    assert tie < worse
    verdicts = [row["verdict"] for row in trials.rows]
    assert f"can't be told from it: {verdicts.count('tie')}\n" in written(figure)
    assert f"worse: {verdicts.count('worse')}\n" in written(figure)
    assert f"diverged: {sum(row['status'] == 'diverged' for row in trials.rows)}" in written(figure)


def test_a_trial_that_diverged_ends_in_a_cross(searches: Callable[[str], Trials]) -> None:
    trials = searches("crossed")
    axes = figures.trials_curves(trials).axes[1]
    crosses = [line.get_xydata()[0] for line in axes.lines if line.get_marker() == "x"]
    assert len(crosses) == 3
    low, high = axes.get_ylim()
    for x, y in crosses:
        assert x == 1  # the last epoch with an accuracy
        assert low < y < high


def test_curves_that_do_the_same_are_drawn_once(searches: Callable[[str], Trials], tmp_path: Path) -> None:
    twice = written_down(tmp_path / "twice", {"plan.batch_size": [16, 16, 32]}, lambda v: 0.8)
    figure = figures.trials_curves(twice)
    assert len(figure.axes[1].lines) == 2
    assert "the same as another: 1" in written(figure)


def test_of_many_hundreds_some_curves_are_drawn_and_that_is_told(searches: Callable[[str], Trials]) -> None:
    figure = figures.trials_curves(searches("many"))
    assert len(figure.axes[1].lines) == 400
    assert "400 of them drawn" in written(figure)
    assert "How 480 trials learn" in written(figure)


def test_an_axis_that_is_zoomed_says_so_and_counts_what_is_below(tmp_path: Path) -> None:
    trials = written_down(
        tmp_path / "low", {"plan.batch_size": list(range(2, 22))}, lambda v: 0.1 if v["plan.batch_size"] == 2 else 0.95
    )
    for draw in (figures.trials_curves, figures.heat):
        figure = draw(trials)
        low, high = figure.axes[1].get_yticks()[[0, -1]]
        assert low > 0.1
        assert f"axis {100 * low:g}–{100 * high:g}\u00a0%" in written(figure)
        assert "under the axis: 1" in written(figure)


# --- effects


def test_every_field_has_a_panel_with_the_mean_of_each_value(searches: Callable[[str], Trials], language: str) -> None:
    trials = searches("digits")
    figure = figures.effects(trials)
    content = written(figure)
    for effect in trials.effects:
        mean = f"{100 * effect['accuracy']:.1f}"
        assert f"\n{mean.replace('.', ',') if language == 'es' else mean}\n" in content
    panels = figure.axes[1:]
    assert [[tick.get_text() for tick in panel.get_xticklabels()][-1] for panel in panels][1:] == ["16", "6"]
    assert len(panels) == 3
    assert len({panel.get_ylim() for panel in panels}) == 1
    for field in ("plan.lr", "model.hidden", "plan.epochs"):
        assert f"\n{field}" in content


def test_intervals_of_the_effects_are_those_of_the_search_and_a_single_trial_is_hollow(
    searches: Callable[[str], Trials],
) -> None:
    trials = searches("crossed")
    panel = figures.effects(trials).axes[1]
    drawn = [tuple(line.get_ydata()) for line in panel.lines if len(line.get_xdata()) == 2]
    asked = sorted((e for e in trials.effects if e["field"] == "plan.lr"), key=lambda e: e["value"])
    assert np.allclose(drawn, [(max(0, e["low"]), min(1, e["high"])) for e in asked])
    alone = figures.effects(searches("folds"))
    assert all(line.get_markerfacecolor() == "white" for line in alone.axes[1].lines)
    assert "hollow: one trial" in written(alone)


def test_parts_of_a_range_are_written_in_the_language(searches: Callable[[str], Trials], language: str) -> None:
    content = written(figures.effects(searches("drawn")))
    found = re.findall(r"^(0[.,]\d+)\n–(0[.,]\d+)$", content, re.MULTILINE)
    assert len(found) >= 8
    assert all(("," in low) == (language == "es") for low, _ in found)


def test_without_two_values_that_finished_the_effects_say_so(searches: Callable[[str], Trials]) -> None:
    for name in ("recipe", "none finished"):
        assert "no field has two values" in written(figures.effects(searches(name)))


# --- confusion, and files


def test_confusion_of_a_trial_counts_its_answers_on_validation(
    searches: Callable[[str], Trials], language: str
) -> None:
    trials = searches("digits")
    matrix = trials.confusion(3)
    content = written(figures.trial_confusion(trials, 3))
    for count in matrix.ravel():
        assert f"\n{count}\n" in content
    n, wrong = matrix.sum(), matrix.sum() - np.trace(matrix)
    said = f"{wrong} of {n} wrong" if language == "en" else f"{wrong} de {n} con error"
    assert said in content
    assert ("all 2 repeats" if language == "en" else "las 2 repeticiones") in content
    assert str(trials.best) in written(figures.trial_confusion(trials)).splitlines()[0]


def test_a_trial_that_diverged_has_no_answers_and_a_number_that_is_none_is_told(
    searches: Callable[[str], Trials],
) -> None:
    trials = searches("crossed")
    assert f"Trial {trials.rows[-1]['trial']} has no answers" in written(
        figures.trial_confusion(trials, trials.rows[-1]["trial"])
    )
    with pytest.raises(TizaError, match="99"):
        figures.trial_confusion(trials, 99)
    with pytest.raises(TizaError):
        figures.trial_confusion(searches("none finished"))


def test_a_search_is_saved_as_four_pictures_or_as_many_as_there_are(
    searches: Callable[[str], Trials], tmp_path: Path
) -> None:
    saved = save_search(searches("folds"), tmp_path)
    assert {path.name for path in saved} == {
        f"{name}.{kind}" for name in ("heat", "curves", "effects", "confusion") for kind in ("png", "svg")
    }
    assert all(path.stat().st_size > 1000 for path in saved)
    assert len(save_search(searches("none finished"), tmp_path)) == 6


def test_figures_of_a_search_open_nothing_in_pyplot(searches: Callable[[str], Trials]) -> None:
    from matplotlib import pyplot

    for draw in FIGURES.values():
        draw(searches("crossed"))
    assert pyplot.get_fignums() == []
