"""An ONNX file that tiza wrote, asked by onnxruntime. No torch.

Its last bytes are a digest of all others, itself a ``metadata_props`` entry: a protobuf message followed by a piece of
another one is their union (https://protobuf.dev/programming-guides/encoding, "last one wins"), so that the file stays
plain ONNX, and who reads it knows without a parser whether it is as it was written.
"""

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from tiza.errors import RequestError, TizaError
from tiza.runs.bundle import ONNX
from tiza.runs.files import Manifest, Stored, digest, manifest_of

INPUT, OUTPUT = "samples", "logits"
_KEY = b"digest"
# "Could not find an implementation for Det(11) node …", "Type 'tensor(bfloat16)' of input … of operator (Conv) …"
_LACKS = re.compile(r"implementation for (\w+)|operator \((\w+)\)")


Logits = Callable[[np.ndarray], np.ndarray]  # samples to logits


@dataclass(frozen=True)
class Graph:
    """``logits`` maps samples (uint8 N×C×H×W or float32 N×F) to float32 N×classes; ``manifest`` says which."""

    manifest: Manifest
    logits: Logits
    metadata: dict[str, str]


def require(*libraries: str) -> None:
    """Raise the one sentence for a missing library, with the command that installs it."""
    for library in libraries:
        if find_spec(library) is None:
            raise RequestError("onnx-missing", where=library, library=library)


def of(kept: Stored) -> Graph | None:
    """The graph that lies beside the weights of a run or a bundle; None where there is none, or no onnxruntime.

    Raises :class:`TizaError` where it belongs to other weights, or is damaged.
    """
    if ONNX not in kept.manifest.files or find_spec("onnxruntime") is None:
        return None
    graph = opened(kept.read(ONNX), where := f"{kept.where}/{ONNX}")
    if not graph.manifest.is_of(kept.manifest):
        raise TizaError("onnx-other", where=where)
    return graph


def sealed(content: bytes) -> bytes:
    """The content of a file, with its digest."""
    return content + _seal(content)


def opened(content: bytes, where: str) -> Graph:
    """The graph in the content of a file that :func:`tiza.export` wrote.

    Raises :class:`TizaError` for a file that is not as it was written, or by others, and for one whose weights lie in
    other files: onnxruntime would read them from wherever it runs, and nothing says what they are.
    """
    require("onnxruntime")
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as raised  # pyright: ignore[reportAttributeAccessIssue]

    length = len(_seal(b""))
    if content[-length:] != _seal(content[:-length]):
        raise TizaError("onnx-foreign", where=where)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is told once, by us
    # Where the weights of other files would be looked for: nothing can lie there.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        metadata = session.get_modelmeta().custom_metadata_map
    except (
        raised.Fail, raised.InvalidArgument, raised.InvalidGraph, raised.InvalidProtobuf, raised.NotImplemented
    ) as error:  # fmt: skip
        if operation := _LACKS.search(str(error)):
            raise TizaError("onnx-operation", where=where, operation=operation[1] or operation[2]) from None
        code = "onnx-external" if "External data" in str(error) else "onnx-foreign"
        raise TizaError(code, where=where) from None

    def logits(samples: np.ndarray) -> np.ndarray:
        return session.run([OUTPUT], {INPUT: samples})[0]  # type: ignore[return-value]

    manifest = _manifest(metadata, where)
    ends = [(end.name, *end.shape[1:]) for end in (*session.get_inputs(), *session.get_outputs())]
    if ends != [(INPUT, *manifest.shape), (OUTPUT, len(manifest.classes))]:  # it would fail when it is asked
        raise TizaError("onnx-foreign", where=where)
    return Graph(manifest, logits, metadata)


def as_metadata(manifest: Manifest) -> dict[str, str]:
    """A manifest as texts: JSON, one for each field."""
    plain: dict[str, Any] = manifest.model_dump(mode="json", exclude={"files"})
    return {name: json.dumps(value, ensure_ascii=False) for name, value in plain.items()}


def _manifest(metadata: dict[str, str], where: str) -> Manifest:
    try:
        plain = {name: json.loads(metadata[name]) for name in Manifest.model_fields if name != "files"}
    except (KeyError, ValueError, RecursionError):
        raise TizaError("onnx-foreign", where=where) from None
    return manifest_of(plain, where, "onnx-foreign")


def _seal(content: bytes) -> bytes:
    """``metadata_props { key: "digest" value: … }`` as bytes of a ModelProto, whose field 14 it is."""
    value = digest(content).encode()
    entry = b"\x0a" + bytes([len(_KEY)]) + _KEY + b"\x12" + bytes([len(value)]) + value
    return b"\x72" + bytes([len(entry)]) + entry
