"""tiza.data.describe: what the documents print and draw about data, from real sets; looking is no opening."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import tiza
from tiza.data.describe import describe, describe_picture, drawn, numbered
from tiza.errors import TizaError
from tiza.storage import read_lines

WINE = Path(__file__).parents[1] / "files" / "winequality-red.csv"


def test_document_000_one_sample_of_mnist_as_a_tensor_and_back():
    one = describe(tiza.load("mnist", scale="unit"))["sample"]
    assert (one["type"], one["dtype"], one["shape"], one["device"]) == ("torch.Tensor", "uint8", [1, 28, 28], "cpu")
    assert (one["label"], one["min"], one["max"]) == (5, 0, 255)
    assert (one["scaled"]["min"], one["scaled"]["max"]) == (0, 1)
    assert one["restored"]


def test_document_003_one_sample_of_fashion_mnist_between_minus_one_and_one():
    one = describe(tiza.load("fashion-mnist", scale="symmetric"))["sample"]
    assert (one["label"], one["class"]) == (9, "Ankle boot")
    assert (one["scaled"]["min"], one["scaled"]["max"]) == (-1, 1)
    assert one["restored"]


def test_document_003_the_mosaic_of_seed_123_shows_the_documents_nine_images():
    data = tiza.load("fashion-mnist")
    chosen = drawn(data, 9, seed=123)
    assert [n for n, _, _ in chosen] == [3431, 17542, 5713, 50394, 26688, 17468, 7058, 54952, 59060]
    whole = tiza.load("fashion-mnist", valid="test").train  # all 60,000 in the order of their file
    for number, image, name in chosen:
        assert torch.equal(image, whole.x[number])
        assert name == data.classes[whole.y[number]]


@pytest.mark.parametrize("size", [64, 100])
def test_document_003_the_first_batch_has_its_size(size: int):
    data = tiza.load("fashion-mnist")
    batch = describe(data, batch=size)["batch"]
    assert (batch["x"], batch["y"]) == ([size, 1, 28, 28], [size])
    assert batch["classes"] == [data.classes[label] for label in data.train.y[batch["index"]]]
    assert len(batch["index"]) == 9


def test_splits_and_classes_are_counted():
    described = describe(tiza.load("mnist"))
    assert {name: of["n"] for name, of in described["splits"].items()} == {
        "train": 55_000, "valid": 5_000, "test": 10_000,
    }  # fmt: skip
    assert [sum(counts) for counts in described["counts"].values()] == [55_000, 5_000, 10_000]
    assert described["counts"]["test"] == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert described["range"] == [0, 255]


def test_every_sample_of_the_source_is_found_by_its_number_once():
    data = tiza.load("iris")
    where = numbered(data, "train")
    assert sorted(where) == list(range(150))
    whole = tiza.load("iris", valid="test")
    for number, (split, place) in where.items():
        other, there = numbered(whole, "train")[number]
        assert torch.equal(data.look(split).x[place], whole.look(other).x[there])
    assert sorted(numbered(tiza.load("mnist"), "test")) == list(range(10_000))


def test_a_sample_that_is_not_there_is_told():
    with pytest.raises(TizaError) as caught:
        describe(tiza.load("iris"), sample=150)
    assert caught.value.code == "no-sample"
    assert "149" in str(caught.value)


def test_looking_at_test_opens_nothing(home: Path):
    describe(tiza.load("iris"), split="test", batch=8)
    assert list(read_lines(home / "openings.jsonl")) == []


def test_the_wine_is_shown_by_column_and_before_and_after_its_target_was_binarised():
    described = describe(tiza.load(WINE, binarise="quality>=6"))
    alcohol = next(column for column in described["columns"] if column["name"] == "alcohol")
    assert (alcohol["low"], alcohol["high"], alcohol["missing"], alcohol["kind"]) == (8.4, 14.9, 0, "number")
    target = described["target"]
    assert target["before"] == {"3": 10, "4": 53, "5": 681, "6": 638, "7": 199, "8": 18}
    assert target["after"] == {"quality<6": 744, "quality>=6": 855}
    assert described["kind"] == "table"


def picture(mode: str, folder: Path) -> Path:
    """Four columns, from dark to light, in each of the ways a PNG can hold them."""
    grey = np.tile(np.array([0, 80, 160, 255], np.uint8), (3, 1))
    colour = np.stack([grey, grey[:, ::-1], grey // 2], -1)
    alpha = np.full((3, 4, 1), 128, np.uint8)
    images = {
        "L": lambda: Image.fromarray(grey),
        "RGB": lambda: Image.fromarray(colour),
        "RGBA": lambda: Image.fromarray(np.concatenate([colour, alpha], -1)),
        "LA": lambda: Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha[:, :, 0])]),
        "I;16": lambda: Image.fromarray(grey.astype(np.uint16) * 257),
        "P": lambda: Image.fromarray(colour).quantize(16),
    }
    images[mode]().save(folder / "picture.png")
    return folder / "picture.png"


@pytest.mark.parametrize(
    ("mode", "channels", "dtype", "shape"),
    [
        ("L", ["grey"], "uint8", [1, 3, 4]),
        ("RGB", ["red", "green", "blue"], "uint8", [3, 3, 4]),
        ("RGBA", ["red", "green", "blue", "alpha"], "uint8", [3, 3, 4]),
        ("LA", ["grey", "alpha"], "uint8", [1, 3, 4]),
        ("I;16", ["grey"], "uint16", [1, 3, 4]),
        ("P", ["red", "green", "blue"], "uint8", [3, 3, 4]),
    ],
)
def test_document_004_a_picture_is_shown_by_its_channels(
    tmp_path: Path, mode: str, channels: list[str], dtype: str, shape: list[int]
):
    described = describe_picture(picture(mode, tmp_path))
    assert list(described["channels"]) == channels
    assert (described["height"], described["width"], described["dtype"]) == (3, 4, dtype)
    assert described["read"] == {"shape": shape, "dtype": "uint8"}
    top = 65_535 if dtype == "uint16" else 255
    assert (described["channels"][channels[0]]["min"], described["channels"][channels[0]]["max"]) == (0, top)
    if "alpha" in channels:
        assert described["channels"]["alpha"] == {"min": 128, "max": 128, "mean": 128}
