"""tiza.data.export: a data set as files, which load() reads again as the same samples."""

import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tiza
from tiza.data.dataset import Dataset
from tiza.data.export import export, file_names
from tiza.errors import TizaError
from tiza.storage import read_lines


def pixels(data: Dataset, split: str) -> Counter[tuple[bytes, str]]:
    look = data.look(split)
    return Counter((x.numpy().tobytes(), data.classes[y]) for x, y in zip(look.x, look.y.tolist(), strict=True))


def test_document_004_the_tree_of_600_200_and_100_images(tmp_path: Path):
    data = tiza.load("mnist", valid=5_000)
    assert export(data, tmp_path / "mnist", per_class=(60, 20, 10)) == {"train": 600, "valid": 200, "test": 100}
    for split, n in (("train", 60), ("valid", 20), ("test", 10)):
        for label in range(10):
            assert len(list((tmp_path / "mnist" / split / str(label)).glob("*.png"))) == n
    again = tiza.load(tmp_path / "mnist")
    assert again.classes == data.classes
    for split in ("train", "valid", "test"):
        assert pixels(again, split) <= pixels(data, split)


@pytest.mark.parametrize("name", ["tree", "tree.zip"])
def test_what_is_exported_is_read_again_as_the_same_samples(tmp_path: Path, name: str):
    data = tiza.load("digits")
    export(data, tmp_path / name)
    again = tiza.load(tmp_path / name)
    assert zipfile.is_zipfile(tmp_path / name) == (name == "tree.zip")
    for split in ("train", "valid", "test"):
        assert pixels(again, split) == pixels(data, split)


def test_colours_stay(tmp_path: Path):
    x = np.random.default_rng(0).integers(0, 256, (40, 3, 9, 7)).astype(np.uint8)
    data = tiza.load((x, np.array(["a/b", "c:d"])[np.arange(40) % 2]))
    export(data, tmp_path / "out")
    again = tiza.load(tmp_path / "out")
    assert again.classes == ("a-b", "c-d")
    assert again.shape == (3, 9, 7)
    assert {image for image, _ in pixels(again, "train")} == {image for image, _ in pixels(data, "train")}


def test_a_table_becomes_one_csv_per_split(tmp_path: Path):
    data = tiza.load("iris")
    assert export(data, tmp_path / "iris") == {"train": 96, "valid": 24, "test": 30}
    again = tiza.load(tmp_path / "iris" / "train.csv", target="species")
    assert again.features == data.features
    read = np.concatenate([again.look(split).x.numpy() for split in ("train", "valid", "test")])
    assert sorted(map(tuple, read.tolist())) == sorted(map(tuple, data.train.x.numpy().tolist()))


def test_the_number_in_a_files_name_is_its_place_in_the_source(tmp_path: Path):
    export(tiza.load("mnist"), tmp_path / "out", per_class=(2, 1, 1), seed=5)
    test = tiza.load("mnist").test.look()
    for file in (tmp_path / "out" / "test").rglob("*.png"):
        with Image.open(file) as image:
            np.testing.assert_array_equal(np.asarray(image), test.x[int(file.stem), 0].numpy())
        assert int(test.y[int(file.stem)]) == int(file.parent.name)


def test_the_seed_decides_what_is_exported(tmp_path: Path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        export(tiza.load("digits"), tmp_path / name, per_class=(3, 1, 1), seed=seed)
    a, b, c = ({str(file.relative_to(tmp_path / name)) for file in (tmp_path / name).rglob("*.png")} for name in "abc")
    assert a == b != c


def test_exporting_opens_nothing(home: Path, tmp_path: Path):
    export(tiza.load("iris"), tmp_path / "out")
    assert list(read_lines(home / "openings.jsonl")) == []


def test_more_than_there_are_can_not_be_exported_and_nothing_is_written(tmp_path: Path):
    with pytest.raises(TizaError) as caught:
        export(tiza.load("digits"), tmp_path / "out", per_class=(60, 20, 1_000))
    assert caught.value.code == "export-few"
    assert list(tmp_path.iterdir()) == [tmp_path / "home"]


def test_what_stands_there_is_kept(tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    for place in (tmp_path / "out", tmp_path / "out" / "mine.txt"):
        with pytest.raises(TizaError) as caught:
            export(tiza.load("digits"), place)
        assert caught.value.code == "export-exists"
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


def test_an_empty_folder_is_filled(tmp_path: Path):
    (tmp_path / "out").mkdir()
    export(tiza.load("digits"), tmp_path / "out", per_class=(1, 1, 1))
    assert len(list((tmp_path / "out").rglob("*.png"))) == 30


def test_folders_of_classes_have_names_that_every_system_takes():
    names = file_names(("T-shirt/top", "a:b", "a?b", "A-B", " . ", "..", "ñandú"))
    assert names[0] == "T-shirt-top"
    assert names[-1] == "ñandú"
    assert len({name.casefold() for name in names}) == len(names)
    assert not any(set('<>:"/\\|?*') & set(name) or name in ("", ".", "..") for name in names)
