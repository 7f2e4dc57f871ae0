"""A model as ONNX: raw samples in, logits out, normalisation, classes and form inside; checked against torch."""

import math
import re
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from tiza.errors import TizaError
from tiza.exports.session import INPUT, OUTPUT, Graph, as_metadata, opened, require, sealed
from tiza.models.own import own_line
from tiza.runs.files import Manifest

OPSET = 18  # what torch writes without converting, and every onnxruntime since 1.14 reads
CLOSE = 1e-5
PIECE = 250


def graph_of(model: nn.Module, manifest: Manifest, samples: Tensor, where: str) -> tuple[bytes, float]:
    """The content of an ONNX file for ``model`` (in eval mode, on the CPU), and how far it is from torch's answers.

    Input ``samples``: uint8 N×C×H×W or float32 N×F as in the data set, any N; output ``logits``: float32 N×classes.
    The metadata holds the manifest, JSON by field. The file needs no other. Raises :class:`TizaError` for an operation
    that ONNX does not have, and for answers that are further than 1e-5 from torch's: see :func:`distance`.
    """
    require("onnx", "onnxscript", "onnxruntime")
    proto = _converted(model, samples[:2], where)
    _strip(proto)
    for key, value in as_metadata(manifest).items():
        proto.metadata_props.add(key=key, value=value)
    content = sealed(proto.SerializeToString(deterministic=True))
    far = distance(model, opened(content, where), samples)
    if math.isnan(far):
        raise TizaError("answer-not-finite", where="model")
    if far > CLOSE:
        raise TizaError("onnx-differs", where=where, far=far, limit=CLOSE)
    return content, far


def distance(model: nn.Module, graph: Graph, samples: Tensor) -> float:
    """How far the two are apart at most: in a probability, or in a logit; batches of one and of many are asked.

    A logit's error counts relative to the sample's largest logit z where that is above 1. A probability's does from
    z = 42 on, where two float32 next to each other (z · 2⁻²³) change it by more than 1e-5 / 2.
    """
    gaps: list[Tensor] = []
    for piece in [samples[:1], *samples[1:].split(PIECE)]:
        if len(piece):
            with torch.inference_mode():
                ours = model(piece).double()
            theirs = torch.from_numpy(graph.logits(piece.numpy())).double()
            largest = ours.abs().amax(1, keepdim=True)
            gaps.append(((theirs - ours) / largest.clamp(min=1)).abs().max())
            apart = (theirs.softmax(1) - ours.softmax(1)) / (largest * 2**-22 / CLOSE).clamp(min=1)
            gaps.append(apart.abs().max())
    return float(torch.stack(gaps).max())


def _converted(model: nn.Module, samples: Tensor, where: str) -> Any:
    """torch's ONNX of a model."""
    batch = torch.export.Dim("batch")
    try:
        program = torch.onnx.export(
            model, (samples,), dynamo=True, opset_version=OPSET, input_names=[INPUT], output_names=[OUTPUT],
            dynamic_shapes=({0: batch},), external_data=False, verbose=False,
            custom_translation_table=_translations(),
        )  # fmt: skip
    except torch.onnx.OnnxExporterError as error:
        raise _told(error, where) from error
    assert program is not None
    proto = program.model_proto
    if not proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param:
        raise TizaError("onnx-batch", where=where)
    return proto


def _told(error: BaseException, where: str) -> TizaError:
    """The operation at fault, or what stopped torch from following the model."""
    causes = list(_causes(error))
    for cause in causes:
        if found := re.search(r"No ONNX function found for <OpOverload\(op='([\w.]+)'", str(cause)):
            return TizaError("onnx-operation", where=where, operation=found[1])
    last = causes[-1]
    reason = next(iter(str(last).strip().splitlines()), type(last).__name__)
    if line := own_line(last):
        reason = f"{reason}; {': '.join(line)}"
    return TizaError("onnx-failed", where=where, reason=reason)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _strip(proto: Any) -> None:
    """Take out what tells of this machine and this training: lines of code with their paths."""
    graph = proto.graph
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    del proto.metadata_props[:]


def _translations() -> dict[Any, Any]:
    """Operations that onnxscript lacks."""
    from onnxscript import opset18

    op: Any = opset18  # its annotations are for eager arrays

    def adaptive_max_pool2d(x: Any, sides: list[int]) -> tuple[Any, Any]:
        """The largest value of window i of n: rows ⌊i·H/n⌋ to ⌈(i+1)·H/n⌉, columns likewise, as torch has it."""
        for axis, size, n in zip((2, 3), x.shape[2:], sides, strict=True):
            ends = [(i * size // n, -(-(i + 1) * size // n)) for i in range(n)]
            windows = [op.Slice(x, [first], [last], [axis]) for first, last in ends]
            x = op.Concat(*(op.ReduceMax(window, [axis], keepdims=1) for window in windows), axis=axis)
        return x, x  # where the indices would be, which pooling layers do not ask for

    return {torch.ops.aten.adaptive_max_pool2d.default: adaptive_max_pool2d}
