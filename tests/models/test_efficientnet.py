"""tiza.models.efficientnet: the layers of TensorFlow's, real weights that know what is in a photo, and pass it on."""

from pathlib import Path

import matplotlib.cbook
import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import nn
from torch.nn import functional as F
from torchvision.models import ResNet18_Weights

import tiza
from tiza.catalogue import suited
from tiza.errors import RequestError
from tiza.models import build
from tiza.models.efficientnet import SamePad, efficientnet_lite0
from tiza.models.pretrained import first_layer, weights_of
from tiza.registry import lookup

NAME = "efficientnet-lite0"
PICTURES = ("china", "flower", "hopper")


def photo(name: str) -> Image.Image:
    if name == "hopper":
        with Image.open(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)) as picture:
            return picture.convert("RGB")
    return Image.fromarray(load_sample_image(f"{name}.jpg"))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("side", [7, 8, 14, 56])
def test_padding_is_tensorflows_same(side: int, kernel: int, stride: int):
    """⌈side / stride⌉ come out, an odd zero stands at the end; at stride 1 it is torch's ``same``."""
    x = torch.randn(1, 1, side, side, generator=torch.Generator().manual_seed(0))
    weight = torch.randn(1, 1, kernel, kernel, generator=torch.Generator().manual_seed(1))
    found = F.conv2d(SamePad(kernel, stride)(x), weight, stride=stride)
    assert found.shape[2:] == (-(-side // stride),) * 2
    if stride == 1:
        torch.testing.assert_close(found, F.conv2d(x, weight, padding="same"))
    before = (SamePad(kernel, stride)(torch.ones(1, 1, side, side))[0, 0, :, side // 2] == 0).int()
    assert before[: len(before) // 2].sum() == max((-(-side // stride) - 1) * stride + kernel - side, 0) // 2


def test_it_has_as_many_parameters_as_the_paper_of_its_makers_says():
    assert sum(p.numel() for p in efficientnet_lite0().parameters()) == 4_652_008


def test_its_weights_fit_each_layer_and_come_from_the_package_alone(home: Path):
    weights, digest = weights_of(NAME)
    network = lookup("body", NAME).function()
    network.load_state_dict(weights, strict=True)
    assert digest == lookup("body", NAME).facts["sha256"]
    assert [path.name for path in (home / "bodies").iterdir()] == [f"{NAME}.safetensors"]


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(lookup("body", NAME).facts, "package", "no_such_package_of_weights")
    with pytest.raises(RequestError, match=r"tiza\[pretrained\]"):
        build("transfer", tiza.load("digits", limit=40, valid=10), body=NAME)


def test_it_knows_what_is_in_a_photo():
    network = lookup("body", NAME).function().eval()
    network.load_state_dict(weights_of(NAME)[0])
    names, prepare = ResNet18_Weights.IMAGENET1K_V1.meta["categories"], first_layer(NAME)
    seen = {}
    for name in PICTURES:
        with torch.inference_mode():
            x = torch.from_numpy(np.array(photo(name))).permute(2, 0, 1)[None]
            seen[name] = [names[i] for i in network(prepare(x))[0].topk(5).indices]
    assert seen["hopper"][0] == "military uniform"
    assert seen["flower"][0] == "daisy"
    assert {"lakeside", "palace"} <= {*seen["china"]}


def cuttings(folder: Path, *, each: dict[str, int], seed: int = 0) -> Path:
    """Grey squares cut from three photos at random: train and validation from the left half, test from the right."""
    rng = np.random.default_rng(seed)
    for name in PICTURES:
        grey = photo(name).convert("L")
        width, height = grey.size
        for split, n in each.items():
            (folder / split / name).mkdir(parents=True)
            low, high = (width // 2, width) if split == "test" else (0, width // 2)
            for i in range(n):
                side = int(rng.integers(90, 160))
                x, y = int(rng.integers(low, high - side)), int(rng.integers(0, height - side))
                grey.crop((x, y, x + side, y + side)).resize((64, 64)).save(folder / split / name / f"{i}.png")
    return folder


def test_six_photos_of_a_class_are_enough_for_it_and_too_few_from_scratch(tmp_path: Path):
    data = tiza.load(cuttings(tmp_path / "photos", each={"train": 6, "valid": 4, "test": 10}), size=64)
    plan = {"epochs": 20, "batch_size": 8, "lr": 3e-3, "threads": 1}
    run = tiza.fit(build("transfer", data, body=NAME), data, plan, run=tmp_path / "run")
    report = tiza.evaluate(run, data)
    scratch = tiza.fit(suited(data), data, {"threads": 1}, run=tmp_path / "scratch")
    assert report.accuracy >= 0.9
    assert report.accuracy > tiza.evaluate(scratch, data).accuracy + 0.1
    assert run.facts.engine == "features"
    answer = tiza.Predictor(run)(next((tmp_path / "photos" / "test" / "hopper").glob("*.png")))
    assert answer.image.shape == (1, 64, 64)
    assert answer.class_ in PICTURES


def test_its_blocks_are_where_it_can_be_cut():
    data = tiza.load("digits", limit=40, valid=10)
    model = build("transfer", data, body=NAME, at="blocks.4", unfreeze="blocks.3")
    learnt = {name.rsplit(".", 2)[0] for name, p in model.named_parameters() if p.requires_grad}
    assert learnt == {"body.tuned.blocks.3", "body.tuned.blocks.4", "body.head"}
    assert isinstance(model.get_submodule("body.head.logits"), nn.Linear)
    with pytest.raises(RequestError, match=r"blocks\.15"):
        build("transfer", data, body=NAME, at="blocks.4.bn1")
