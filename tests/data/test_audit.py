"""tiza.audit: what is found in a data set with planted faults, what in a clean one, and that nothing is opened."""

import json
from pathlib import Path

import numpy as np
import pytest

import tiza
from tiza.data.audit import Audit
from tiza.storage import read_lines, to_json

WINE = Path(__file__).parents[1] / "files" / "winequality-red.csv"


def planted(path: Path) -> Path:
    """MNIST, 300 to learn from and 120 for test: identical, near and conflicting copies within and across."""
    data = tiza.load("mnist", limit=400, valid=100)
    x, y = data.train.x.numpy().copy(), data.train.y.numpy().copy()
    look = data.test.look().take(slice(0, 120))
    test, labels = look.x.numpy().copy(), look.y.numpy().copy()
    x[20], y[20] = x[9], y[9]
    test[0], labels[0] = x[3], (y[3] + 1) % 10
    test[1], labels[1] = np.roll(x[5], 1, 2), y[5]
    test[3], labels[3] = x[9], y[9]
    test[4], labels[4] = x[9], y[9]
    np.savez(path, x_train=x, y_train=y, x_test=test, y_test=labels)
    return path


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """The audit of the planted set, validation carved by the first seed that keeps 3, 5, 9 and 20 in train."""
    path = planted(tmp_path_factory.mktemp("planted") / "planted.npz")
    seed = next(s for s in range(50) if {3, 5, 9, 20} <= set(tiza.load(path, seed=s).origin["train"][1]))
    return tiza.audit(tiza.load(path, seed=seed))


def counted(counts) -> dict[tuple[str, str], tuple[int, int]]:
    return {(count.of, count.within): (count.identical, count.near) for count in counts}


def test_copies_are_counted_within_splits_and_across_them(found: Audit):
    assert counted(found.used) == {
        ("train", "train"): (1, 0), ("valid", "valid"): (0, 0), ("valid", "train"): (0, 0),
        ("test", "test"): (1, 0), ("test", "valid"): (0, 0), ("test", "train"): (3, 1),
    }  # fmt: skip
    assert counted(found.given) == {
        ("train", "train"): (1, 0), ("test", "test"): (1, 0), ("test", "train"): (3, 1),
    }  # fmt: skip


def test_pairs_have_split_number_label_and_distance_those_across_first(found: Audit):
    told = [(p.kind, (p.one.split, p.one.number), (p.other.split, p.other.number)) for p in found.pairs]
    assert told == [
        ("identical", ("train", 3), ("test", 0)),
        ("identical", ("train", 9), ("test", 3)),
        ("near", ("train", 5), ("test", 1)),
        ("identical", ("train", 9), ("train", 20)),
        ("identical", ("test", 3), ("test", 4)),
    ]
    assert [pair.conflicts for pair in found.pairs] == [True, False, False, False, False]
    assert found.conflicts == 1
    assert [round(pair.distance, 3) for pair in found.pairs] == [0] * 5


def test_a_place_leads_to_its_sample(found: Audit, tmp_path: Path):
    data = tiza.load(planted(tmp_path / "again.npz"))
    audit = tiza.audit(data)
    for pair in audit.pairs:
        one, other = (data.look(place.split).x[place.index].numpy() for place in (pair.one, pair.other))
        if pair.kind == "identical":
            np.testing.assert_array_equal(one, other)
        for place in (pair.one, pair.other):
            assert data.origin[place.split][1][place.index] == place.number
            assert data.classes[int(data.look(place.split).y[place.index])] == place.label
    assert {(p.one.part, p.one.number, p.other.number) for p in audit.pairs} == {
        (p.one.part, p.one.number, p.other.number) for p in found.pairs
    }


def test_what_it_says_is_plain_data(found: Audit):
    plain = json.loads(to_json(found.to_dict()))
    assert plain["pairs"][0]["one"] == {
        "split": "train", "index": found.pairs[0].one.index, "part": "train", "number": 3,
        "label": found.pairs[0].one.label,
    }  # fmt: skip
    assert plain["used"][0] == {"of": "train", "within": "train", "identical": 1, "near": 0}
    assert plain["splits"] == {"train": 270, "valid": 30, "test": 120}


def test_the_wine_table_repeats_240_rows_and_tiza_keeps_them_on_one_side():
    found = tiza.audit(tiza.load(WINE, binarise="quality>=6"))
    assert counted(found.given) == {("train", "train"): (240, 0)}
    assert len(found.pairs) == 240
    assert not any(pair.crosses for pair in found.pairs)
    apart = tiza.audit(tiza.load(WINE, binarise="quality>=6", copies="apart"))
    assert counted(apart.used)["test", "train"][0] > 50


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_train_and_test_of_the_embedded_sets_have_no_identical_images(name: str):
    data = tiza.load(name)
    seen = [{image.numpy().tobytes() for image in data.look(split).x} for split in ("train", "valid", "test")]
    assert list(map(len, seen)) == [55_000, 5_000, 10_000]
    assert len(set.union(*seen)) == 70_000


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_a_clean_set_has_no_copies_across(name: str):
    found = tiza.audit(tiza.load(name, limit=2_000))
    assert counted(found.used)["test", "test"][0] == 0
    assert [pair for pair in found.pairs if pair.one.label != "1" and name == "mnist"] == []
    assert len(found.pairs) <= 6  # among 12,000; all of Fashion-MNIST's show the same garment


def test_auditing_opens_nothing(home: Path, tmp_path: Path):
    tiza.audit(tiza.load(planted(tmp_path / "planted.npz")))
    assert list(read_lines(home / "openings.jsonl")) == []


def test_where_validation_is_the_test_split_it_is_counted_once():
    found = tiza.audit(tiza.load("iris", valid="test"))
    assert list(found.counts) == ["train", "test"]
    assert counted(found.given) == {("train", "train"): (1, 0)}


def test_classes_that_lack_are_named(tmp_path: Path):
    x = np.random.default_rng(0).integers(0, 256, (60, 8, 8)).astype(np.uint8)
    y = np.repeat([0, 1, 2], [40, 15, 5])
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y, x_test=255 - x[:10], y_test=np.zeros(10, int))
    found = tiza.audit(tiza.load(tmp_path / "a.npz", valid=12))
    assert found.absent == []
    assert found.missing == {"train": [], "valid": [], "test": ["1", "2"]}
    assert found.ratio == found.counts["train"][0] / found.counts["train"][2] > 5
    spare = tiza.audit(tiza.load("iris", spare=True))
    assert spare.absent == ["–"]
    assert spare.missing == {"train": [], "valid": [], "test": []}


def test_what_has_no_copies_is_said_and_can_not_be_drawn():
    data = tiza.load("points")
    found = tiza.audit(data)
    assert (found.pairs, found.unsearched) == ((), "few")
    with pytest.raises(tiza.TizaError) as told:
        tiza.figures.audit(found, data)
    assert told.value.code == "audit-clean"


@pytest.mark.parametrize("language", ["en", "es"])
def test_pairs_are_drawn_side_by_side_with_their_places(found: Audit, tmp_path: Path, language: str):
    from tiza.i18n import set_language, t

    set_language(language)
    data = tiza.load(planted(tmp_path / "planted.npz"))
    of = tiza.audit(data)
    drawn = tiza.figures.audit(of, data)
    written = [text.get_text() for ax in drawn.axes for text in ax.texts]
    for pair in of.pairs:
        assert str(pair.other.number) in written
        assert t(f"split.{pair.one.split}") in written
    assert sum(word.startswith("✗") for word in written) == 2
    assert sum(len(ax.images) for ax in drawn.axes) == 2 * len(of.pairs)
    rows = tiza.load(WINE, binarise="quality>=6")
    table = tiza.figures.audit(tiza.audit(rows), rows, most=3)
    written = [text.get_text() for ax in table.axes for text in ax.texts]
    assert written.count("quality<6") + written.count("quality>=6") == 6
