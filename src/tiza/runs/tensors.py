"""Tensors in safetensors files: never unpickled, refused when damaged or foreign."""

from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor, nn

from tiza import storage
from tiza.errors import TizaError


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> bytes:
    """Write the file whole or not at all; its bytes."""
    content = save(_plain_tensors(tensors), metadata)
    storage.write(path, content)
    return content


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file; never unpickles, raises on a truncated or hostile one."""
    try:
        with safe_open(str(path), framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except FileNotFoundError:
        raise TizaError("missing-file", where=str(path)) from None
    except (SafetensorError, OSError, ValueError, RuntimeError, MemoryError):
        raise TizaError("damaged", where=str(path)) from None


def tensors_of(content: bytes, where: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file's content; raises as :func:`read_tensors` does."""
    try:
        return load(content)
    except (SafetensorError, KeyError, ValueError, RuntimeError, MemoryError):
        raise TizaError("damaged", where=where) from None


def load_weights(model: nn.Module, weights: dict[str, Tensor], *, where: str) -> None:
    """Fill a model in; raises with layer and shapes when the weights are those of another architecture."""
    check_weights(model, weights, where=where)
    model.load_state_dict(weights)


def check_weights(model: nn.Module, weights: dict[str, Tensor], *, where: str) -> None:
    """Raise with layer and shapes where the weights are not those of the model."""
    wanted = model.state_dict()
    for name in wanted.keys() | weights.keys():
        found, needed = (_shape(side.get(name)) for side in (weights, wanted))
        if found != needed:
            raise TizaError("weights-mismatch", where=where, layer=name, found=found, wanted=needed)


def _shape(tensor: Tensor | None) -> str:
    return "–" if tensor is None else f"{str(tensor.dtype).removeprefix('torch.')} " + "×".join(map(str, tensor.shape))


def _plain_tensors(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """As safetensors wants them; weights that a model uses twice are written twice."""
    plain: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        tensor = tensor.detach().cpu().contiguous()
        plain[name] = tensor.clone() if tensor.data_ptr() in seen else tensor
        seen.add(tensor.data_ptr())
    return plain
