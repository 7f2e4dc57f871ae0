"""Figures, measured as a reader would: what is written, how large, and that nothing covers anything."""

import io
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image
from torch import nn

from reading import texts, written
from tiza import explain, figures
from tiza.config import Recipe
from tiza.data.dataset import Dataset
from tiza.data.seal import Split
from tiza.data.sources import load
from tiza.errors import TizaError
from tiza.explain.dropout import Dropout
from tiza.explain.embedding import Embedding
from tiza.explain.perceptron import Lines
from tiza.explain.regions import Regions
from tiza.explain.saliency import Saliency
from tiza.explain.surface import Surface
from tiza.figures.learning import spread
from tiza.figures.paper import TRAIN, WRONG
from tiza.figures.perceptron import spaced
from tiza.figures.regions import DEEP, shading
from tiza.figures.samples import CLASSES
from tiza.fitting import fit
from tiza.i18n import set_language
from tiza.models.building import build
from tiza.reports import Report, evaluate
from tiza.runs import Run

GARMENTS = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


@dataclass(frozen=True)
class Told:
    """A run, its report and its data."""

    run: Run
    report: Report
    data: Dataset


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Told]]:
    """Three small runs: images, a table of two classes, and flowers for a single epoch."""
    folder = tmp_path_factory.mktemp("figures")
    asked: dict[str, tuple[Any, int]] = {
        "digits": ("digits", 6), "points": ({"name": "points", "kind": "xor", "noise": 0.1}, 2), "iris": ("iris", 1),
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIZA_HOME", str(folder / "home"))
        told = {}
        for name, (source, epochs) in asked.items():
            plan = {"epochs": epochs, "threads": 1, "batch_size": 32, "lr": 0.01}
            recipe = Recipe.model_validate({"data": source, "model": {"name": "mlp", "hidden": [16]}, "plan": plan})
            run = fit(recipe, run=folder / name)
            told[name] = Told(run, evaluate(run), load(recipe.data))
        yield told


def counts(data: Dataset) -> dict[str, list[int]]:
    splits = {"train": data.train, "valid": data.valid, "test": data.test.look()}
    return {name: np.bincount(split.y, minlength=len(data.classes)).tolist() for name, split in splits.items()}


def long_named(told: Told) -> Report:
    return replace(told.report, classes=GARMENTS)


def pairs(data: Dataset) -> list[tuple[Any, Any, str, bool]]:
    x = data.test.look().x
    photo = np.kron(255 - x[0, 0].numpy(), np.ones((9, 5), np.uint8))
    return [(photo, x[0].numpy(), "3 (98 %)", True), (np.stack([photo] * 3, -1), None, "–", False)] * 4


LONG = ("una clase de nombre muy largo, con su unidad", "otra que se llama casi igual que la primera")


def long_regions(run: Run) -> Regions:
    return replace(explain.regions(run, side=20), classes=LONG, features=LONG)


def one_answer(data: Dataset) -> Regions:
    """A model that says the same everywhere: there is no boundary."""
    model = nn.Linear(2, 2)
    nn.init.zeros_(model.weight)
    return explain.regions(model, data, side=20)


@cache
def lines() -> Lines:
    plan = {"loss": "perceptron", "optimizer": "sgd", "lr": 0.5, "batch_size": 1, "epochs": 6, "threads": 1}
    data = {"name": "points", "n": 60, "scale": "raw"}
    return explain.perceptron(Recipe.model_validate({"data": data, "model": "perceptron", "plan": plan}))


def still(of: Lines) -> Lines:
    return replace(of, weights=np.zeros_like(of.weights))


def flat() -> Surface:
    """A loss that two weights do not change, and a path that stays where it was."""
    ends = np.linspace(-0.35, 0.35, 5)
    return Surface(ends, ends, np.full((5, 5), 0.25), np.zeros((3, 2)), np.arange(3), ("a", "b"), 10, 2)


def dropped(units: int, p: float = 0.5, names: tuple[str, ...] = ("0", "1", "2")) -> Dropout:
    """Twelve draws of a layer of so many units; every third is 0 anyway."""
    rng = np.random.default_rng(0)
    values = rng.random(units) * (np.arange(units) % 3 > 0)
    factors = (rng.random((12, units)) >= p) / (1 - p)
    logits = rng.normal(size=(13, len(names)))
    return Dropout("dropout1", p, values, factors, logits[0], logits[1:], 7, 1, names)


def seeded(names: Sequence[str], points: int = 20, slower: float = 1.4) -> dict[str, list[dict[str, list[float]]]]:
    """Three seeds of each name, the later ones lower and slower."""
    steps = np.arange(1, points + 1) / points
    return {
        name: [
            {"epochs": steps.tolist(), "seconds": (steps * slower**i).tolist(),
             "accuracy": (0.9 - 0.02 * i - 0.4 * np.exp(-6 * steps) + 0.003 * seed).tolist()}
            for seed in range(3)
        ]
        for i, name in enumerate(names)
    }  # fmt: skip


BATCHES = ("004-batch", *(f"004-batch-{name}" for name in ("as-written", "equal", "full", "full-as-written")))


def salient(told: Told, model: str, **options: Any) -> tuple[Saliency, ...]:
    return explain.saliency_maps(build(model, told.data), 1, data=told.data, draws=2 if not options else 0)


def renamed(maps: Sequence[Saliency]) -> list[Saliency]:
    """A sample with a long name and classes with long names; a map that is 0 everywhere."""
    still = [replace(maps[0], map=np.zeros_like(maps[0].map)), *maps[1:]]
    return [
        replace(one, classes=(*LONG, *one.classes[2:]), target=1, answer=0, name="a photo of mine.png") for one in still
    ]


def one_point(run: Run) -> Embedding:
    of = explain.embedding(run)
    return replace(of, points=np.zeros_like(of.points), explained=(0.0, 0.0))


def many(maps: Sequence[Saliency]) -> list[Saliency]:
    names = tuple(f"{LONG[i % 2]} {i}" for i in range(40))
    return [replace(one, sample=np.tile(one.sample, 10), map=np.tile(one.map, 10), features=names) for one in maps]


FIGURES: dict[str, Callable[[dict[str, Told]], Figure]] = {
    "curves": lambda w: figures.curves(w["digits"].run),
    "curves of one epoch": lambda w: figures.curves(w["iris"].run),
    "confusion of ten": lambda w: figures.confusion(w["digits"].report),
    "confusion of ten, rates": lambda w: figures.confusion(w["digits"].report, "train", rates=True),
    "confusion of two": lambda w: figures.confusion(w["points"].report),
    "confusion of three": lambda w: figures.confusion(w["iris"].report, "valid"),
    "confusion with long names": lambda w: figures.confusion(long_named(w["digits"])),
    "worst images": lambda w: figures.worst(w["digits"].report, w["digits"].data),
    "worst images with long names": lambda w: figures.worst(long_named(w["digits"]), w["digits"].data),
    "worst rows": lambda w: figures.worst(w["iris"].report, w["iris"].data),
    "overview": lambda w: figures.overview(w["digits"].run, w["digits"].report, w["digits"].data),
    "overview with long names": lambda w: figures.overview(w["digits"].run, long_named(w["digits"]), w["digits"].data),
    "overview of a table": lambda w: figures.overview(w["iris"].run, w["iris"].report, w["iris"].data),
    "overview of two classes": lambda w: figures.overview(w["points"].run, w["points"].report, w["points"].data),
    "digits": lambda w: figures.digits(w["digits"].data.train.x[:13], ["7"] * 13, [True, False] * 6 + [True]),
    "before and after": lambda w: figures.before_after(pairs(w["digits"].data)),
    "mosaic": lambda w: figures.mosaic(w["digits"].data.train, GARMENTS),
    "scatter": lambda w: figures.scatter(w["iris"].data.train, w["iris"].data.classes, w["iris"].data.features),
    "histogram": lambda w: figures.histogram(counts(w["digits"].data), GARMENTS),
    "curves with F1": lambda w: figures.curves(w["digits"].run, ("loss", "accuracy", "f1_macro")),
    "regions": lambda w: figures.regions(explain.regions(w["points"].run, side=40)),
    "regions with long names": lambda w: figures.regions(long_regions(w["points"].run)),
    "regions of one answer": lambda w: figures.regions(one_answer(w["points"].data)),
    "perceptron": lambda w: figures.perceptron(lines()),
    "perceptron with long names": lambda w: figures.perceptron(replace(lines(), classes=LONG, features=LONG)),
    "perceptron that never moved": lambda w: figures.perceptron(still(lines())),
    "activations": lambda w: figures.activations(explain.activations()),
    "surface": lambda w: figures.surface(explain.surface(w["iris"].run, side=9)),
    "surface of long names": lambda w: figures.surface(replace(flat(), names=(LONG[0] + "[3, 11]", LONG[1] + "[0]"))),
    "noise": lambda w: figures.noise(explain.noise(w["digits"].run, draws=20)),
    "noise before training": lambda w: figures.noise(explain.noise("001-softmax", w["digits"].data, draws=20)),
    "dropout": lambda w: figures.dropout(dropped(400)),
    "dropout of many units with long names": lambda w: figures.dropout(dropped(3_000, 0.25, LONG)),
    "dropout of few units": lambda w: figures.dropout(dropped(10, 0.2)),
    "saliency": lambda w: figures.saliency(salient(w["digits"], "cnn")),
    "saliency by two methods": lambda w: figures.saliency(salient(w["digits"], "cnn")[1:3]),
    "saliency with long names, unchecked": lambda w: figures.saliency(renamed(salient(w["digits"], "mlp", draws=0))),
    "saliency of a table": lambda w: figures.saliency(explain.saliency_maps(w["iris"].run, 0)),
    "saliency of many features": lambda w: figures.saliency(many(explain.saliency_maps(w["iris"].run, 0, draws=0))),
    "embedding": lambda w: figures.embedding(explain.embedding(w["digits"].run, samples=80)),
    "embedding with long names": lambda w: figures.embedding(
        replace(explain.embedding(w["digits"].run, method="t-sne", samples=40), classes=GARMENTS)
    ),
    "embedding of a table": lambda w: figures.embedding(explain.embedding(w["iris"].run)),
    "embedding of one point": lambda w: figures.embedding(one_point(w["iris"].run)),
    "neighbours": lambda w: figures.neighbours(explain.neighbours(w["digits"].run, 3, 11)),
    "neighbours with long names": lambda w: figures.neighbours(
        replace(explain.neighbours(w["digits"].run, 3, 2), classes=GARMENTS, answer=1, label=9)
    ),
    "neighbours of a row": lambda w: figures.neighbours(explain.neighbours(w["iris"].run, 3)),
    "neighbours of a row with long names": lambda w: figures.neighbours(
        replace(explain.neighbours(w["points"].run, 3, 3), classes=LONG, features=LONG)
    ),
    "comparison": lambda w: figures.comparison(seeded(BATCHES)),
    "comparison of two, one far slower": lambda w: figures.comparison(seeded(BATCHES[:2], slower=60)),
    "comparison of single points": lambda w: figures.comparison(seeded(BATCHES[:3], points=1)),
}


@pytest.fixture(params=["en", "es"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    set_language(request.param)
    yield request.param
    set_language(None)


@pytest.fixture(scope="session")
def gallery() -> dict[tuple[str, str], Figure]:
    """What has been drawn, by name and language: looking at a figure does not change it."""
    return {}


@pytest.fixture(params=list(FIGURES))
def drawn(
    request: pytest.FixtureRequest, language: str, world: dict[str, Told], gallery: dict[tuple[str, str], Figure]
) -> Figure:
    key = request.param, language
    if key not in gallery:
        gallery[key] = FIGURES[request.param](world)
    return gallery[key]


def test_every_text_has_eleven_pixels_where_the_figure_is_shown_small(drawn: Figure) -> None:
    width = drawn.get_size_inches()[0]
    shown = 800 if width == 8 else 600 * width / 7.5
    for text in texts(drawn):
        assert text.get_fontsize() / 72 * shown / width >= 11, text.get_text()


def test_every_text_is_inside_the_figure(drawn: Figure) -> None:
    for text in texts(drawn):
        box = text.get_window_extent()
        assert box.x0 >= 0, text.get_text()
        assert box.y0 >= 0, text.get_text()
        assert box.x1 <= drawn.bbox.width, text.get_text()
        assert box.y1 <= drawn.bbox.height, text.get_text()


def test_no_text_covers_another(drawn: Figure) -> None:
    level = [(text, text.get_window_extent()) for text in texts(drawn) if text.get_rotation() in (0, 90)]
    for (one, a), (other, b) in combinations(level, 2):
        across, down = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert across <= 1 or down <= 3, f"{one.get_text()!r} and {other.get_text()!r}"


def test_spanish_writes_a_decimal_comma_and_english_a_point(drawn: Figure, language: str) -> None:
    content = written(drawn)
    assert not re.search(r"\d\.\d" if language == "es" else r"\d,\d(?!\d\d)", content), content


def test_figures_open_nothing_in_pyplot(drawn: Figure) -> None:
    from matplotlib import pyplot

    assert pyplot.get_fignums() == []


def test_numbers_of_the_curves_are_those_of_the_run(world: dict[str, Told], language: str) -> None:
    content = written(figures.curves(world["digits"].run))
    last = world["digits"].run.history()[-1]
    for part in (last.train, last.valid, last.running):
        number = f"{part['accuracy'][0]:.1%}".replace("%", "\u00a0%")
        assert (number.replace(".", ",") if language == "es" else number) in content
    for word in ("train", "running", "validation") if language == "en" else ("entrenamiento", "en curso", "validación"):
        assert content.count(f"\n{word}\n") == 2


def test_labels_at_the_lines_ends_do_not_overlap(world: dict[str, Told], language: str) -> None:
    for told in world.values():
        figure = figures.curves(told.run)
        ends = [text.get_window_extent() for text in texts(figure) if text.get_gid() == "end"]
        assert len(ends) == 12
        assert not any(a.shrunk(0.95, 0.9).overlaps(b.shrunk(0.95, 0.9)) for a, b in combinations(ends, 2))


@given(
    st.lists(st.floats(0, 10), min_size=1, max_size=5),
    st.floats(0.1, 2),
)
def test_spread_keeps_order_distance_and_bounds(wanted: list[float], gap: float) -> None:
    placed = spread(wanted, gap, 0, 10)
    ordered = sorted(placed)
    assert all(b - a >= gap - 1e-9 for a, b in pairwise(ordered))
    assert ordered[0] >= -1e-9
    assert ordered[-1] <= 10 + 1e-9
    assert [placed[i] for i in np.argsort(wanted, kind="stable")] == ordered


def test_spread_leaves_alone_what_is_far_enough_apart() -> None:
    assert spread([9.0, 1.0, 5.0], 2, 0, 10) == pytest.approx([9, 1, 5])
    assert spread([5.0, 5.0], 2, 0, 10) == pytest.approx([4, 6])


def test_epochs_are_whole_numbers_and_a_zoomed_accuracy_says_so(world: dict[str, Told]) -> None:
    for name in ("digits", "iris"):
        figure = figures.curves(world[name].run)
        for axes in figure.axes[1:]:
            shown = [label.get_text() for label in axes.get_xticklabels()]
            assert shown
            assert all(text.isdigit() for text in shown)
        low, high = figure.axes[2].get_yticks()[[0, -1]]
        assert (f"axis {low * 100:.4g}–{high * 100:.4g}\u00a0%" in written(figure)) == ((low, high) != (0, 1))


def test_a_run_that_measured_nothing_yet_says_so(world: dict[str, Told], tmp_path: Path) -> None:
    source = world["iris"].run.path
    for name in ("recipe.json", "environment.json"):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    assert "nothing measured yet" in written(figures.curves(Run(tmp_path)))


def test_a_diverged_run_is_drawn_up_to_its_last_number(world: dict[str, Told], tmp_path: Path) -> None:
    source = world["digits"].run.path
    for name in ("recipe.json", "environment.json"):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    lines = (source / "events.jsonl").read_text().splitlines()
    last = max(i for i, line in enumerate(lines) if '"measured"' in line)
    lines[last] = re.sub(r'"loss": \[[^]]*\]', '"loss": [null]', lines[last])
    (tmp_path / "events.jsonl").write_text("\n".join(lines) + "\n")
    assert "nan" not in written(figures.curves(Run(tmp_path)))


def test_confusion_writes_every_count_and_names_those_of_two_classes(world: dict[str, Told], language: str) -> None:
    report = world["points"].report
    content = written(figures.confusion(report))
    assert report.test
    for row in report.test["confusion"]:
        for count in row:
            assert f"\n{count}\n" in content
    for word in ("TN", "FP", "FN", "TP") if language == "en" else ("VN", "FP", "FN", "VP"):
        assert f"({word})" in content


def test_errors_are_darker_than_right_answers(world: dict[str, Told]) -> None:
    report = world["digits"].report
    assert report.test
    matrix = np.array(report.test["confusion"])
    cells = figures.confusion(report).axes[1].collections[0].get_facecolor()  # type: ignore[attr-defined]
    darkness = 1 - np.asarray(cells)[:, :3].mean(1).reshape(matrix.shape)
    wrong = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)
    assert darkness.argmax() == wrong.argmax()
    assert np.unique(darkness.diagonal().round(6)).size == 1


def test_confusion_of_a_split_that_was_not_measured_says_so(world: dict[str, Told]) -> None:
    sealed = replace(world["iris"].report, splits=world["iris"].report.splits | {"test": None}, worst_split="valid")
    with pytest.raises(TizaError) as caught:
        figures.confusion(sealed, "test")
    assert caught.value.code == "unmeasured"
    assert "Confusion (validation)" in written(figures.confusion(sealed))
    assert "validation accuracy" in written(figures.overview(world["iris"].run, sealed, world["iris"].data))


def test_a_hundred_classes_still_fit_on_the_sheet(world: dict[str, Told]) -> None:
    report = world["digits"].report
    matrix = np.full((100, 100), 12) + np.eye(100, dtype=int) * 900
    of = {"n": int(matrix.sum()), "confusion": matrix.tolist()}
    many = replace(report, classes=tuple(f"class {i}" for i in range(100)), splits=report.splits | {"test": of})
    figure = figures.confusion(many)
    test_every_text_is_inside_the_figure(figure)
    assert "12" not in written(figure).splitlines()
    assert "most frequent error: 12" in written(figure)


def test_a_wrong_answer_is_told_by_more_than_its_colour(world: dict[str, Told]) -> None:
    told = world["digits"]
    shown = texts(figures.worst(told.report, told.data))
    vermilion = [text for text in shown if text.get_color() == WRONG]
    wrong = [sample for sample in told.report.worst if sample["label"] != sample["answer"]]
    assert len(vermilion) == len(wrong)
    assert all(text.get_fontweight() == "bold" for text in vermilion)
    captions = [text.get_text() for text in texts(figures.digits(told.data.train.x[:2], ["1", "2"], [True, False]))]
    assert captions == ["✗ 1", "2"]


def test_mosaic_is_the_same_for_the_same_seed_and_names_an_absent_class(world: dict[str, Told], tmp_path: Path) -> None:
    data = world["digits"].data
    some = Split(data.train.x[data.train.y != 3], data.train.y[data.train.y != 3])
    content = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        figure = figures.mosaic(some, data.classes, per_class=4, seed=seed)
        content[name] = figures.save(figure, tmp_path / name)[0].read_bytes()
        assert written(figure).count("no image of this class") == 1
    assert content["a"] == content["b"] != content["c"]


def test_figures_of_the_wrong_kind_of_data_are_refused(world: dict[str, Told]) -> None:
    image, table = world["digits"].data, world["iris"].data
    with pytest.raises(TizaError, match="table"):
        figures.mosaic(table.train, table.classes)
    with pytest.raises(TizaError, match="table"):
        figures.scatter(image.train, image.classes, ())


@pytest.mark.parametrize("language", ["es"], indirect=True)
def test_saved_files_are_png_and_svg_and_the_same_each_time(drawn: Figure, tmp_path: Path) -> None:
    first, second = figures.save(drawn, tmp_path / "a.png"), figures.save(drawn, tmp_path / "deep" / "b")
    assert [path.name for path in first] == ["a.png", "a.svg"]
    assert [path.name for path in second] == ["b.png", "b.svg"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    with Image.open(first[0]) as image:
        assert image.format == "PNG"
        assert image.size == tuple(int(side + 1e-6) for side in drawn.bbox.size)
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    assert ET.parse(first[1]).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    assert b"<dc:date>" not in first[1].read_bytes()


def test_a_figure_that_cannot_be_written_is_a_sentence(world: dict[str, Told], tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    with pytest.raises(TizaError):
        figures.save(figures.digits(world["digits"].data.train.x[0, 0]), tmp_path / "a")


def test_the_overview_has_1600_by_900_pixels(world: dict[str, Told]) -> None:
    told = world["digits"]
    figure = figures.overview(told.run, told.report, told.data)
    assert tuple(figure.bbox.size) == (1600, 900)
    assert told.report.test
    low, high = told.report.test["interval"]
    assert f"({100 * low:.1f}–{100 * high:.1f})" in written(figure)


def test_the_users_own_style_neither_shows_nor_changes(world: dict[str, Told], tmp_path: Path) -> None:
    def drawn() -> bytes:
        return figures.save(figures.curves(world["digits"].run), tmp_path / "a")[0].read_bytes()

    plain = drawn()
    with matplotlib.rc_context({"figure.facecolor": "black", "font.size": 30, "axes.grid": False, "savefig.dpi": 30}):
        before = dict(matplotlib.rcParams)
        assert drawn() == plain
        assert dict(matplotlib.rcParams) == before


def test_a_notebook_shows_a_figure_without_pyplot(world: dict[str, Told]) -> None:
    figure: Any = figures.curves(world["iris"].run)
    content, size = figure._repr_png_()
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (2 * size["width"], 2 * size["height"])


def test_f1_is_drawn_when_asked_for_and_has_no_running_mean(world: dict[str, Told], language: str) -> None:
    run = world["digits"].run
    figure = figures.curves(run, ("accuracy", "f1_macro"))
    content, last = written(figure), run.history()[-1]
    for part in (last.train, last.valid):
        number = f"{part['f1_macro'][0]:.1%}".replace("%", "\u00a0%")
        assert (number.replace(".", ",") if language == "es" else number) in content
    assert content.count("running" if language == "en" else "en curso\n") <= 2
    with pytest.raises(TizaError, match="f1_macro"):
        figures.curves(run, ("f1-macro",))


def test_a_region_has_the_colour_of_its_answer_and_is_white_where_nothing_is_sure() -> None:
    shades = shading(np.array([[[1, 0, 0], [0, 1, 0], [1 / 3, 1 / 3, 1 / 3]]]))
    for shade, name in zip(shades[0, :2], CLASSES[:2], strict=True):
        assert shade == pytest.approx(1 - DEEP * (1 - np.array(to_rgb(name))))
    assert shades[0, 2] == pytest.approx([1, 1, 1])


def test_the_boundary_is_where_the_answer_changes_and_the_wrong_are_ringed(world: dict[str, Told]) -> None:
    of = explain.regions(world["points"].run, side=60)
    axes = figures.regions(of).axes[1]
    (boundary, *scatters) = sorted(
        axes.collections, key=lambda c: len(c.get_offsets()) if "Path" in type(c).__name__ else 0
    )
    rings = [c for c in scatters if np.allclose(c.get_edgecolor()[:1, :3], to_rgb(WRONG))]
    assert sum(len(ring.get_offsets()) for ring in rings) == of.wrong.sum() > 0
    vertices = boundary.get_paths()[0].vertices
    z = of.logits[..., 0] - of.logits[..., 1]
    near = [np.abs(z[np.abs(of.y - y).argmin(), np.abs(of.x - x).argmin()]) for x, y in vertices]
    assert max(near) < np.abs(z).max() / 5


def test_each_class_has_a_shape_of_its_own(world: dict[str, Told]) -> None:
    axes = figures.regions(explain.regions(world["points"].run, side=20)).axes[0]
    markers = {line.get_marker() for line in axes.lines}
    assert len(markers) == 2  # one class is a circle, as the ring around the wrong ones


def test_the_moments_of_a_perceptron_are_its_first_and_last_and_those_between() -> None:
    assert spaced(list(range(5)), 6) == [0, 1, 2, 3, 4]
    chosen = spaced(list(range(0, 3000, 3)), 6)
    assert (chosen[0], chosen[-1], len(chosen)) == (0, 2997, 6)
    assert chosen == sorted(chosen)
    assert chosen[1] - chosen[0] < chosen[-1] - chosen[-2]


def test_the_moving_picture_has_a_frame_for_each_line(tmp_path: Path) -> None:
    of = lines()
    path = figures.animate(of, tmp_path / "perceptron")
    assert path == tmp_path / "perceptron.gif"
    with Image.open(path) as moving:
        assert moving.n_frames == 1 + len(of.moved)  # type: ignore[attr-defined]
        assert moving.info["loop"] == 0
    assert figures.animate(of, tmp_path / "again.gif").read_bytes() == path.read_bytes()


def test_a_long_training_is_thinned_and_the_moving_picture_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["tiza.figures.perceptron"], "FRAMES", 4)
    with Image.open(figures.animate(lines(), tmp_path / "a.gif")) as moving:
        assert moving.n_frames <= 4  # type: ignore[attr-defined]


def test_before_there_is_a_line_none_is_drawn() -> None:
    figure = figures.perceptron(still(lines()))
    assert len(figure.axes) == 2
    assert "no line yet" in written(figure)
    assert figures.perceptron(lines()).axes[1].collections[0].get_paths()[0].vertices.shape[1] == 2


def test_the_path_is_blue_and_goes_from_start_to_end(world: dict[str, Told]) -> None:
    of = explain.surface(world["iris"].run, side=5)
    axes = figures.surface(of).axes[1]
    path = max(axes.lines, key=lambda line: len(line.get_xdata()))
    assert path.get_color() == TRAIN
    assert np.allclose(path.get_xydata(), of.path)
    places = {text.get_text(): text.xy for text in axes.texts}  # type: ignore[attr-defined]
    assert places == {"start": tuple(of.path[0]), "end": tuple(of.path[-1])}


def test_noise_tells_the_median_of_each_size(world: dict[str, Told]) -> None:
    of = explain.noise(world["digits"].run, draws=21)
    content = written(figures.noise(of))
    for draws in of.draws:
        assert f"batch {draws.size}\n" in content
        assert f"median {float(f'{np.median(draws.cosine):.3g}'):g}" in content


def test_units_that_are_off_are_crossed_and_blank_and_the_others_shaded_on_one_scale() -> None:
    of = dropped(100)
    figure = figures.dropout(of)
    panels = figure.axes[1:6]
    for i, (panel, values) in enumerate(zip(panels, [of.units, *of.activations[:4]], strict=True)):
        off = of.off[i - 1] if i else np.zeros(100, bool)
        (crosses,) = [line for line in panel.lines if line.get_marker() == "x"]
        places = crosses.get_xydata().astype(int)
        assert sorted(places[:, 1] * 10 + places[:, 0]) == np.flatnonzero(off).tolist()
        shown = panel.images[0].get_array().ravel()
        assert np.ma.getmaskarray(shown).tolist() == off.tolist()
        assert shown[~off].data == pytest.approx(values[~off])
    assert len({panel.images[0].get_clim() for panel in panels}) == 1
    content = written(figure)
    for off, chance in zip(of.off[:4], of.probabilities, strict=False):
        assert f"off: {off.sum()}\n" in content
        assert f"P(1) = {chance:.0%}".replace("%", "\u00a0%") in content
    assert f"{of.probability:.1%}".replace("%", "\u00a0%") in content
    assert f"{of.probabilities.mean():.1%}".replace("%", "\u00a0%") in content


def test_a_comparison_tells_recipes_apart_by_colour_and_dash_and_writes_the_mean_of_each() -> None:
    of = seeded(BATCHES)
    figure = figures.comparison(of)
    for axes in figure.axes[1:]:
        thick = [line for line in axes.lines if line.get_linewidth() > 2]
        assert len(thick) == len(BATCHES)
        assert len(axes.lines) == 4 * len(BATCHES)
        dashes = {str(line._dash_pattern) for line in thick}  # type: ignore[attr-defined]
        assert len(dashes) == len({(line.get_color(), str(line._dash_pattern)) for line in thick}) == len(BATCHES)  # type: ignore[attr-defined]
        for line, curves in zip(thick, of.values(), strict=True):
            assert line.get_ydata() == pytest.approx(np.mean([curve["accuracy"] for curve in curves], 0))
    content = written(figure)
    for name, curves in of.items():
        assert content.count(f"\n{name}\n") == 2
        assert f"{np.mean([curve['accuracy'][-1] for curve in curves]):.1%}".replace("%", "\u00a0%") in content


def test_seconds_that_lie_far_apart_are_drawn_by_factors() -> None:
    scales = [
        [axes.get_xscale() for axes in figures.comparison(seeded(BATCHES[:2], slower=slower)).axes[1:]]
        for slower in (1.4, 60)
    ]
    assert scales == [["linear", "linear"], ["linear", "log"]]


def test_seeds_that_stopped_early_are_drawn_to_their_end_and_the_mean_as_far_as_all_went() -> None:
    of = seeded(("a", "b"))
    of["a"][1] = {key: values[:8] for key, values in of["a"][1].items()}
    lines = figures.comparison(of).axes[1].lines
    assert [len(line.get_xdata()) for line in lines] == [20, 8, 20, 8, 20, 20, 20, 20]


def test_three_plots_leave_no_hole(world: dict[str, Told]) -> None:
    boxes = [axes.get_position() for axes in figures.curves(world["digits"].run, ("loss", "accuracy", "f1_macro")).axes]
    wide, left, right = boxes[1:]
    assert (wide.x0, wide.x1) == pytest.approx((left.x0, right.x1))
    assert left.y0 == pytest.approx(right.y0)
    assert wide.y0 > left.y1
