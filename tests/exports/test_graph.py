"""tiza.exports.graph: what ONNX has, as torch has it; what it does not have, by its name."""

import json

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tiza.errors import TizaError
from tiza.exports import session
from tiza.exports.graph import CLOSE, distance, graph_of
from tiza.i18n import set_language
from tiza.runs.files import Manifest

SHAPE = (2, 7, 5)
PICTURES = torch.randint(256, (300, *SHAPE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def manifest(classes: int) -> Manifest:
    names = tuple(f"clase {i}" for i in range(classes))
    return Manifest(
        model={"name": "external"}, shape=SHAPE, classes=names, features=(), form={}, fingerprint="f", weights="w"
    )


class Does(nn.Module):
    """What a function does with pictures as floats."""

    def __init__(self, function) -> None:
        super().__init__()
        self.function = function
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x.float() / 255)


@pytest.mark.parametrize("sides", [1, 2, 3, 4, 5])
def test_adaptive_max_pooling_is_torchs_for_sides_that_do_not_divide(sides: int):
    layer = nn.AdaptiveMaxPool2d(sides)
    content, far = graph_of(Does(lambda x: layer(x).flatten(1)), manifest(2 * sides**2), PICTURES, "here")
    assert far == 0
    graph = session.opened(content, "here")
    assert graph.logits(PICTURES[:9].numpy()).tolist() == layer(PICTURES[:9] / 255).flatten(1).tolist()


def test_what_the_manifest_says_comes_back():
    content, _ = graph_of(Does(lambda x: x.mean((2, 3))), manifest(2), PICTURES, "here")
    graph = session.opened(content, "here")
    assert graph.manifest == manifest(2)
    assert json.loads(graph.metadata["classes"]) == ["clase 0", "clase 1"]


def decides(x: Tensor) -> Tensor:
    return x.mean((2, 3)) if x.sum() > 0 else x.amax((2, 3))


KERNEL = torch.ones(5, 2, 7, 5, dtype=torch.bfloat16)
REFUSED = {
    "an operation that ONNX lacks": (torch.linalg.svdvals, "onnx-operation", "linalg_svd"),
    "one onnxruntime lacks": (lambda x: F.conv2d(x.bfloat16(), KERNEL).flatten(1).float(), "onnx-operation", "Conv"),
    "a decision by values": (decides, "onnx-failed", "here"),
    "one size of batch": (lambda x: x.flatten(1).reshape(len(x), -1).chunk(2)[0].repeat(2, 1), "onnx-batch", "here"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cant_be_written_is_told(case: str):
    function, code, named = REFUSED[case]
    with pytest.raises(TizaError) as caught:
        graph_of(Does(function), manifest(5), PICTURES, "here")
    assert caught.value.code == code
    for language in ("en", "es"):
        set_language(language)
        assert named in str(caught.value)


def test_answers_that_are_no_numbers_are_told():
    with pytest.raises(TizaError) as caught:
        graph_of(Does(lambda x: x.mean((2, 3)) * float("nan")), manifest(2), PICTURES, "here")
    assert caught.value.code == "answer-not-finite"


class Slips(nn.Module):
    """Answers otherwise once it was followed: what a wrong conversion would do."""

    def forward(self, x: Tensor) -> Tensor:
        logits = x.float().mean((2, 3)) / 255
        return logits if torch.compiler.is_exporting() else logits + 3e-5


def test_a_graph_that_answers_otherwise_is_refused():
    with pytest.raises(TizaError) as caught:
        graph_of(Slips().eval(), manifest(2), PICTURES, "here")
    assert caught.value.code == "onnx-differs"
    assert caught.value.fields["far"] == pytest.approx(3e-5, rel=0.1)


def test_the_distance_is_that_of_the_worst_answer():
    content, _ = graph_of(Does(lambda x: x.mean((2, 3)) * 9), manifest(2), PICTURES, "here")
    graph, moved = session.opened(content, "here"), 4e-4

    class Moved(Does):
        def forward(self, x: Tensor) -> Tensor:
            logits = super().forward(x)
            return logits + moved * (x.flatten(1).sum(1, keepdim=True) == x[0].sum() if len(x) > 1 else 0)

    model = Moved(lambda x: x.mean((2, 3)) * 9)
    largest = float(model(PICTURES[1:251])[0].abs().max())
    assert distance(model, graph, PICTURES) == pytest.approx(moved / largest, rel=0.01)
    assert moved / largest > CLOSE
