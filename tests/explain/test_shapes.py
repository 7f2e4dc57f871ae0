"""tiza.explain.shapes: sizes, formulas and costs layer by layer; a convolution cell by cell."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import correlate2d
from torch import Tensor, nn

import tiza
from tiza.errors import RequestError, TizaError
from tiza.explain import convolve, shapes
from tiza.models.building import body_of

IMAGE, KERNEL = [[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0, 1], [2, 3]]


def test_the_sizes_of_document_004_come_out():
    rows = {row.name: row for row in shapes(body_of(tiza.recipes["004-cnn"].model, (1, 28, 28), 10), (1, 28, 28))}
    sizes = [rows[name] for name in ("conv1", "pool1", "conv2", "pool2")]
    assert [row.values for row in sizes] == [12_544, 3_136, 6_272, 1_568]
    assert [row.after[1:] for row in sizes] == [(28, 28), (14, 14), (14, 14), (7, 7)]
    assert rows["flatten"].formula == "32 · 7 · 7 = 1568"
    assert [row.formula for row in sizes] == [
        "⌊(28 − 5 + 2·2) / 1⌋ + 1 = 28",
        "⌊(28 − 2 + 2·0) / 2⌋ + 1 = 14",
        "⌊(14 − 5 + 2·2) / 1⌋ + 1 = 14",
        "⌊(14 − 2 + 2·0) / 2⌋ + 1 = 7",
    ]
    assert [row.parameters for row in sizes] == [16 * 25 + 16, 0, 32 * 16 * 25 + 32, 0]
    assert [row.multiply_adds for row in sizes] == [28 * 28 * 16 * 25, 0, 14 * 14 * 32 * 16 * 25, 0]
    assert (rows["logits"].before, rows["logits"].multiply_adds) == ((1_568,), 15_680)


@pytest.mark.parametrize("name", ["softmax", "mlp", "cnn", "lenet", "resnet18"])
def test_the_rows_account_for_every_parameter(name: str):
    model = body_of(name, (1, 28, 28), 10)
    rows = shapes(model, (1, 28, 28))
    assert sum(row.parameters for row in rows) == sum(p.numel() for p in model.parameters())
    assert rows[-1].after == (10,)


@pytest.mark.parametrize(
    ("layer", "shape", "formula"),
    [
        (nn.Conv2d(1, 2, 3, 2, 1), (1, 28, 28), "⌊(28 − 3 + 2·1) / 2⌋ + 1 = 14"),
        (nn.Conv2d(1, 2, (3, 5)), (1, 9, 9), "⌊(9 − 3 + 2·0) / 1⌋ + 1 = 7; ⌊(9 − 5 + 2·0) / 1⌋ + 1 = 5"),
        (nn.Conv2d(1, 2, 3), (1, 9, 8), "⌊(9 − 3 + 2·0) / 1⌋ + 1 = 7; ⌊(8 − 3 + 2·0) / 1⌋ + 1 = 6"),
        (nn.Conv2d(1, 2, 3, dilation=2), (1, 9, 9), "⌊(9 − (2·(3 − 1) + 1) + 2·0) / 1⌋ + 1 = 5"),
        (nn.Conv2d(1, 2, 2, padding="same"), (1, 9, 9), "⌊(9 − 2 + 1) / 1⌋ + 1 = 9"),
        (nn.Conv2d(1, 2, (3, 5), padding="same"), (1, 9, 9),
         "⌊(9 − 3 + 2·1) / 1⌋ + 1 = 9; ⌊(9 − 5 + 2·2) / 1⌋ + 1 = 9"),
        (nn.Conv2d(1, 2, 3, padding="valid"), (1, 9, 9), "⌊(9 − 3 + 2·0) / 1⌋ + 1 = 7"),
        (nn.Conv1d(1, 2, 3), (1, 9), "⌊(9 − 3 + 2·0) / 1⌋ + 1 = 7"),
        (nn.MaxPool2d(2), (1, 7, 7), "⌊(7 − 2 + 2·0) / 2⌋ + 1 = 3"),
        (nn.MaxPool2d(2, ceil_mode=True), (1, 7, 7), "⌈(7 − 2 + 2·0) / 2⌉ + 1 = 4"),
        (nn.MaxPool2d(1, 3, ceil_mode=True), (1, 3, 3), "⌈(3 − 1 + 2·0) / 3⌉ + 1 − 1 = 1"),
        (nn.AvgPool2d(3, 2, 1), (1, 8, 8), "⌊(8 − 3 + 2·1) / 2⌋ + 1 = 4"),
        (nn.AdaptiveAvgPool2d(3), (1, 8, 8), ""),
        (nn.ReLU(), (1, 8, 8), ""),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
def test_the_formula_is_filled_in_with_the_layers_numbers(layer: nn.Module, shape: tuple[int, ...], formula: str):
    (row,) = shapes(layer, shape)
    assert row.formula == formula
    assert row.type == type(layer).__name__


@given(st.integers(1, 30), st.integers(1, 6), st.integers(1, 4), st.integers(0, 2), st.integers(1, 2), st.booleans())
def test_the_formula_ends_in_the_size_that_torch_gives(
    side: int, kernel: int, stride: int, padding: int, dilation: int, up: bool
):
    layer = nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=up)
    try:
        (row,) = shapes(layer, (1, side, side))
    except TizaError:  # the kernel does not fit, or the padding is more than half of it
        return
    text, _, result = row.formula.rpartition(" = ")
    counted = eval(text.translate(str.maketrans("−·", "-*")).replace("⌊", "floor(").replace("⌋", ")")
                   .replace("⌈", "ceil(").replace("⌉", ")"), {"floor": np.floor, "ceil": np.ceil})  # fmt: skip
    assert counted == int(result) == row.after[1]


@pytest.mark.parametrize(
    ("layer", "shape", "work"),
    [
        (nn.Linear(12, 5), (12,), 60),
        (nn.Linear(12, 5), (7, 12), 7 * 60),
        (nn.Conv2d(4, 8, 3, groups=2), (4, 6, 6), 16 * 8 * 2 * 9),
        (nn.ConvTranspose2d(3, 2, 2, 2), (3, 5, 5), 25 * 3 * 2 * 4),
        (nn.BatchNorm2d(3), (3, 5, 5), 0),
    ],
)
def test_multiply_adds_are_the_weights_times_their_positions(layer: nn.Module, shape: tuple[int, ...], work: int):
    (row,) = shapes(layer, shape)
    assert row.multiply_adds == work


class Twice(nn.Module):
    """One layer used twice, and a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))
        self.same = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.same(self.same(x * self.scale))


def test_a_layer_used_twice_has_its_parameters_once_and_its_work_twice():
    model = Twice().train()
    rows = shapes(model, (3,))
    assert [(row.name, row.parameters, row.multiply_adds) for row in rows] == [
        ("same", 12, 9), ("same", 0, 9), ("model", 3, 0),
    ]  # fmt: skip
    assert model.training
    assert not any(layer._forward_hooks for layer in model.modules())


def test_looking_at_shapes_leaves_batch_norm_alone():
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)).train()
    shapes(model, (3,))
    assert model[1].num_batches_tracked == 0


def test_a_sample_that_the_model_can_not_take_is_refused_by_its_layer():
    with pytest.raises(TizaError) as caught:
        shapes(body_of("mlp", (1, 28, 28), 10), (1, 8, 8))
    assert (caught.value.code, caught.value.where) == ("model-input", "linear1")


# --- a convolution by hand


def test_the_example_of_document_004_is_worked_cell_by_cell():
    found = convolve(IMAGE, KERNEL)
    assert found.result == [[19, 25], [37, 43]]
    assert found.worked == [
        ["0·0 + 1·1 + 3·2 + 4·3 = 19", "1·0 + 2·1 + 4·2 + 5·3 = 25"],
        ["3·0 + 4·1 + 6·2 + 7·3 = 37", "4·0 + 5·1 + 7·2 + 8·3 = 43"],
    ]


@pytest.mark.parametrize(
    ("how", "size"),
    [({}, 2), ({"padding": "valid"}, 2), ({"padding": "same"}, 3), ({"padding": "full"}, 4), ({"padding": 1}, 4),
     ({"stride": 2}, 1), ({"padding": 1, "stride": 2}, 2)],
)  # fmt: skip
def test_padding_and_stride_decide_the_size(how: dict, size: int):
    found = convolve(IMAGE, KERNEL, **how)
    assert (len(found.result), len(found.result[0])) == (size, size)
    assert [len(row) for row in found.worked] == [size] * size


@pytest.mark.parametrize("mode", ["valid", "same", "full"])
@pytest.mark.parametrize("kernel", [KERNEL, [[1, -2, 3], [0, 1, 0], [2, 2, -1]], [[1, 2, 3]]])
def test_it_is_scipys_cross_correlation(mode: str, kernel: list[list[int]]):
    image = np.arange(30).reshape(5, 6) % 7
    found = convolve(image, kernel, padding=mode)  # type: ignore[arg-type]
    expected = correlate2d(image, kernel, mode)
    if mode == "same" and np.shape(kernel)[0] % 2 == 0:  # scipy adds the odd zero before, torch behind
        expected = correlate2d(image, kernel, "full")[1:, 1:]
    assert found.result == expected.tolist()


@pytest.mark.parametrize(
    ("image", "kernel", "how"),
    [
        (IMAGE, [[1] * 4] * 4, {}), (IMAGE, KERNEL, {"stride": 0}), (IMAGE, KERNEL, {"padding": -1}),
        (IMAGE, KERNEL, {"padding": "reflect"}), ([1, 2, 3], KERNEL, {}), (IMAGE, [1, 2], {}),
        ([["a"]], KERNEL, {}), ([[1, 2], [3]], KERNEL, {}), (IMAGE, [[]], {}), ([], [], {}), (None, KERNEL, {}),
    ],
)  # fmt: skip
def test_what_can_not_be_convolved_is_refused(image: object, kernel: object, how: dict):
    with pytest.raises(RequestError) as caught:
        convolve(image, kernel, **how)
    assert caught.value.code == "convolve"
    assert str(caught.value)
