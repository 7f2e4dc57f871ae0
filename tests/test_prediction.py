"""Predictor: files and arrays as they are, answers in class names."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import tiza
from tiza import runs
from tiza.config import Recipe, make
from tiza.errors import TizaError


def fitted(folder: Path, data: str, **model) -> Path:
    recipe = {"data": data, "model": {"name": "mlp", **model}, "plan": {"epochs": 10, "threads": 1, "lr": 0.01}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIZA_HOME", str(folder / "home"))
        return tiza.fit(make(Recipe, recipe), run=folder / data).path


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fitted(tmp_path_factory.mktemp("digits"), "digits")


@pytest.fixture(scope="module")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fitted(tmp_path_factory.mktemp("iris"), "iris", batch_norm=True)


def test_answers_are_those_of_the_restored_model(digits: Path):
    x = tiza.load("digits").test.look().x
    with torch.no_grad():
        expected = runs.restore(digits).model(x).double().softmax(1)
    predictions = tiza.Predictor(digits).predict(x.numpy())
    assert [p.label for p in predictions] == expected.argmax(1).tolist()
    assert np.allclose([p.probabilities for p in predictions], expected.numpy())


@pytest.mark.parametrize("kind", ["numpy", "torch", "a list", "one flat image"])
def test_samples_come_in_any_form(digits: Path, kind: str):
    x = tiza.load("digits").test.look().x
    predictor = tiza.Predictor(digits)
    expected = predictor.predict(x[:1].numpy())[0]
    given = {"numpy": x[0].numpy(), "torch": x[0], "a list": x[0].tolist(), "one flat image": x[0, 0].numpy()}[kind]
    assert predictor(given).probabilities == expected.probabilities


def test_a_row_of_a_table_is_answered_with_a_class(iris: Path):
    predictor = tiza.Predictor(iris)
    assert predictor.classes == ("setosa", "versicolor", "virginica")
    assert predictor([5.1, 3.5, 1.4, 0.2]).class_ == "setosa"
    assert predictor.predict(np.array([[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]]))[1].class_ == "virginica"


def test_a_picture_file_is_brought_to_the_models_form(digits: Path, tmp_path: Path):
    test = tiza.load("digits").test.look()
    right = 0
    for i in range(30):
        big = np.pad(np.kron(test.x[i, 0].numpy(), np.ones((20, 20), np.uint8)), 40)
        Image.fromarray(255 - big).convert("RGBA").save(tmp_path / f"dígito {i}.png")
        prediction = tiza.Predictor(digits)(tmp_path / f"dígito {i}.png")
        assert prediction.file == str(tmp_path / f"dígito {i}.png")
        assert prediction.image.shape == (1, 8, 8)
        right += prediction.label == int(test.y[i])
    assert right >= 25


def test_a_page_without_a_digit_is_answered_with_none_and_the_others_are_answered(digits: Path, tmp_path: Path):
    Image.new("L", (90, 60), 200).save(tmp_path / "blank.png")
    Image.fromarray(np.kron(tiza.load("digits").test.look().x[0, 0].numpy(), np.ones((9, 9), np.uint8))).save(
        tmp_path / "digit.png"
    )
    blank, digit = tiza.Predictor(digits).predict([tmp_path / "blank.png", tmp_path / "digit.png"])
    assert blank.to_dict() == {
        "file": str(tmp_path / "blank.png"), "label": None, "class": None, "probability": None, "probabilities": None,
    }  # fmt: skip
    assert digit.label is not None


@pytest.mark.parametrize(
    ("code", "given"),
    [
        ("predict-shape", np.zeros((2, 5, 5), np.uint8)),
        ("predict-shape", np.zeros((2, 3), np.float32)),
        ("not-finite", np.full((1, 1, 8, 8), np.nan, np.float32)),
        ("picture-missing", ["none.png"]),
    ],
)
def test_what_the_model_cannot_take_is_told(digits: Path, code: str, given: object):
    with pytest.raises(TizaError) as caught:
        tiza.Predictor(digits).predict(given)
    assert caught.value.code == code


def test_pictures_for_a_table_are_told(iris: Path):
    with pytest.raises(TizaError) as caught:
        tiza.Predictor(iris).predict([Path(__file__).parents[1] / "examples" / "pen.png"])
    assert caught.value.code == "predict-rows"


@pytest.mark.parametrize("scale", ["0 to 1", "-1 to 1", "0 to 1000", "bytes", "channels last"])
def test_arrays_are_taken_as_the_training_data_was(tmp_path: Path, scale: str):
    look = tiza.load("digits").train
    images, y = look.x.numpy(), look.y.numpy()
    colour = np.repeat(images, 3, 1)
    x = {
        "0 to 1": images / 255, "-1 to 1": images[:, 0] / 127.5 - 1, "0 to 1000": images.astype(np.int32) * 1000 // 255,
        "bytes": images, "channels last": colour.transpose(0, 2, 3, 1),
    }[scale]  # fmt: skip
    run = tiza.fit(
        tiza.build("mlp", data := tiza.load((x, y))),
        data,
        {"epochs": 8, "lr": 0.01, "threads": 1},
        run=tmp_path / "run",
    )
    predictor = tiza.Predictor(run)
    right = np.mean([p.label == label for p, label in zip(predictor.predict(x), y, strict=True)])
    assert right > 0.9
    assert predictor(x[0]).probabilities == pytest.approx(predictor.predict(x[:1])[0].probabilities)
    other = np.asarray(x, float) * 255, np.asarray(x, float) / 255
    for wrong in (other[0], other[0][:1], other[1]):
        with pytest.raises(TizaError) as caught:
            predictor.predict(wrong)
        assert caught.value.code == ("predict-scale" if np.asarray(x).dtype == np.uint8 else "another-scale")


@pytest.mark.parametrize(
    ("code", "given"),
    [
        ("predict-shape", np.zeros((0, 4))),
        ("predict-shape", [[1, 2], [3, 4]]),
        ("predict-shape", {"a": 1}),
        ("predict-type", np.array(["a"] * 4)),
    ],
)
def test_what_is_no_row_of_the_table_is_told(iris: Path, code: str, given: object):
    with pytest.raises(TizaError) as caught:
        tiza.Predictor(iris)(given)
    assert caught.value.code == code


def test_a_frame_and_a_list_of_rows_are_answered(iris: Path):
    import pandas as pd

    rows = [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]]
    predictor = tiza.Predictor(iris)
    assert [p.class_ for p in predictor.predict(rows)] == ["setosa", "virginica"]
    assert [p.class_ for p in predictor.predict(pd.DataFrame(rows))] == ["setosa", "virginica"]
    named = pd.DataFrame(rows, columns=list(tiza.load("iris").features))
    assert [p.class_ for p in predictor.predict(named[named.columns[::-1]])] == ["setosa", "virginica"]
    with pytest.raises(TizaError) as caught:
        predictor.predict(named.rename(columns={named.columns[2]: "petal"}))
    assert caught.value.code == "column-missing"


def test_floats_for_a_model_of_bytes_are_refused(digits: Path):
    with pytest.raises(TizaError) as caught:
        tiza.Predictor(digits).predict(tiza.load("digits").test.look().x.numpy() / 255)
    assert caught.value.code == "predict-scale"


def test_no_files_no_answers(digits: Path):
    assert tiza.Predictor(digits).predict([]) == []
