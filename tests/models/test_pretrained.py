"""tiza.models.pretrained: bodies of ImageNet are fetched, checked by hash, unpickled once, and see as theirs do."""

import hashlib
import io
import threading
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
import torchvision
from torch import nn

import tiza
from tiza.config import Recipe, make
from tiza.errors import RequestError, TizaError
from tiza.i18n import LANGUAGES, set_language
from tiza.models import build
from tiza.models.pretrained import first_layer, weights_of
from tiza.models.transfer import Origin
from tiza.registry import lookup

FILE = "resnet18-f37072fd.pth"


@cache
def network(name: str = "resnet18") -> nn.Module:
    """torchvision's own, with weights and statistics drawn by us."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        made = getattr(torchvision.models, name)(weights=None)
        for module in made.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.running_mean, std=0.1)
                nn.init.uniform_(module.running_var, 0.5, 2)
    return made.eval()


def pickled(state: Any) -> bytes:
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


@cache
def good() -> bytes:
    """The file that torchvision's makers might send: theirs, too, does not count batches."""
    return pickled({k: v for k, v in network().state_dict().items() if not k.endswith("num_batches_tracked")})


class Server:
    """A real one on this machine, which sends ``content`` and notes what it is asked for."""

    url: str
    content: bytes
    asked: list[str]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    found = Server()
    found.content, found.asked = good(), []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(found.content)))
            self.end_headers()
            self.wfile.write(found.content)

        def log_message(self, format: str, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        found.url = f"http://127.0.0.1:{running.server_port}/models"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        facts = lookup("body", "resnet18").facts
        monkeypatch.setitem(facts, "url", found.url)
        monkeypatch.setitem(facts, "sha256", hashlib.sha256(good()).hexdigest()[:8])
        yield found
        running.shutdown()
        thread.join()


def refused(how: Any, *words: str) -> TizaError:
    """The error, whose sentence has the words in every language."""
    with pytest.raises(TizaError) as told:
        how()
    sentences = set()
    for language in LANGUAGES:
        set_language(language)
        assert all(word in str(told.value) for word in words), str(told.value)
        sentences.add(str(told.value))
    set_language(None)
    assert len(sentences) == len(LANGUAGES)
    return told.value


# --- where the weights come from


def test_they_are_fetched_once_and_kept_as_safetensors(server: Server, home: Path):
    first, digest = weights_of("resnet18")
    again, same = weights_of("resnet18")
    assert server.asked == [f"/models/{FILE}"]
    assert digest == same == hashlib.sha256(good()).hexdigest()
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert all(torch.equal(value, first[name]) for name, value in network().state_dict().items())
    assert [path.name for path in (home / "bodies").iterdir()] == ["resnet18.safetensors"]


def test_a_file_put_there_by_hand_asks_nobody(server: Server, home: Path):
    (home / "bodies").mkdir()
    (home / "bodies" / FILE).write_bytes(good())
    weights_of("resnet18")
    assert server.asked == []


@pytest.mark.parametrize("way", ["sent", "by hand"])
@pytest.mark.parametrize("change", [lambda c: c[:-100], lambda c: b"<html>please log in</html>", lambda c: c[::-1]])
def test_another_file_is_refused_and_removed(server: Server, home: Path, way: str, change):
    file = home / "bodies" / FILE
    if way == "sent":
        server.content = change(good())
    else:
        file.parent.mkdir()
        file.write_bytes(change(good()))
    found = hashlib.sha256(change(good())).hexdigest()[:16]
    error = refused(lambda: weights_of("resnet18"), str(file), found, lookup("body", "resnet18").facts["sha256"])
    assert error.code == "weights-hash"
    assert list(file.parent.iterdir()) == []
    server.content = good()
    weights_of("resnet18")


def test_offline_the_sentence_says_which_file_goes_where(monkeypatch: pytest.MonkeyPatch, home: Path):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setitem(lookup("body", "resnet18").facts, "url", "http://127.0.0.1:9")
    error = refused(
        lambda: weights_of("resnet18"), f"http://127.0.0.1:9/{FILE}", "f37072fd", str(home / "bodies" / FILE)
    )
    assert error.code == "weights-offline"
    assert not any((home / "bodies").glob("*")) if (home / "bodies").exists() else True


def test_a_pickle_that_would_run_something_is_not_run(server: Server, home: Path, monkeypatch: pytest.MonkeyPatch):
    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (home / "ran",))

    server.content = pickled({"conv1.weight": Evil()})
    monkeypatch.setitem(lookup("body", "resnet18").facts, "sha256", hashlib.sha256(server.content).hexdigest())
    assert refused(lambda: weights_of("resnet18"), FILE).code == "damaged"
    assert not (home / "ran").exists()
    assert not (home / "bodies" / "resnet18.safetensors").exists()


def test_weights_of_another_body_are_told_with_layer_and_shapes(server: Server, monkeypatch: pytest.MonkeyPatch):
    state = dict(network().state_dict()) | {"layer2.0.conv1.weight": torch.zeros(128, 64, 5, 5)}
    server.content = pickled(state)
    monkeypatch.setitem(lookup("body", "resnet18").facts, "sha256", hashlib.sha256(server.content).hexdigest())
    error = refused(lambda: weights_of("resnet18"), "layer2.0.conv1.weight", "128×64×5×5", "128×64×3×3")
    assert error.code == "weights-mismatch"


def test_every_body_says_where_it_is_from():
    from tiza.registry import table

    for name, entry in table("body").items():
        facts = entry.facts
        assert facts["sha256"].startswith(facts["file"].rpartition("-")[2].partition(".")[0]), name
        assert len(facts["mean"]) == len(facts["deviation"]) == 3
        assert facts["licence"]
        assert ("url" in facts) != ("package" in facts)
    theirs = torchvision.models
    for name, weights in (("resnet18", theirs.ResNet18_Weights), ("alexnet", theirs.AlexNet_Weights),
                          ("vgg16", theirs.VGG16_Weights)):  # fmt: skip
        facts = lookup("body", name).facts
        assert weights.IMAGENET1K_V1.url == f"{facts['url']}/{facts['file']}"
        assert torch.tensor(facts["mean"]) / 255 == pytest.approx(torch.tensor(weights.IMAGENET1K_V1.transforms().mean))
        assert torch.tensor(facts["deviation"]) / 255 == pytest.approx(
            torch.tensor(weights.IMAGENET1K_V1.transforms().std)
        )


# --- what they see


@pytest.mark.parametrize(("shape", "size"), [((3, 60, 80), 224), ((3, 300, 260), 224), ((1, 28, 28), 224)])
def test_pictures_are_brought_to_the_size_as_torchvision_does(shape: tuple[int, ...], size: int):
    from torchvision.transforms import v2

    picture = torch.randint(0, 256, (2, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    theirs = v2.Compose([
        v2.ToDtype(torch.float32, scale=True), v2.Resize((size, size), antialias=True),
        v2.Lambda(lambda x: x.expand(-1, 3, -1, -1)), v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ])  # fmt: skip
    torch.testing.assert_close(first_layer("resnet18")(picture), theirs(picture), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["resnet18", "alexnet"])
def test_layers_in_succession_give_what_torchvisions_network_gives(name: str):
    body = lookup("body", name).function().eval()
    body.load_state_dict(network(name).state_dict())
    x = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(body(x), network(name)(x))


def test_vgg_has_torchvisions_layers():
    with torch.device("meta"):
        ours, theirs = lookup("body", "vgg16").function(), torchvision.models.vgg16(weights=None)
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in theirs.state_dict().items()}


def test_a_transferred_resnet_is_torchvisions_up_to_its_head_and_stays_so(server: Server, home: Path, tmp_path: Path):
    data = tiza.load("digits", limit=40, valid=10)
    plan = {"epochs": 2, "batch_size": 8, "optimizer": "sgd", "lr": 0.01, "threads": 1}
    recipe = make(Recipe, {"data": {"name": "digits", "limit": 40, "valid": 10}, "model": "transfer", "plan": plan})
    run = tiza.fit(recipe, data, run=tmp_path / "run")
    assert run.facts.engine == "features"
    (home / "bodies" / "resnet18.safetensors").unlink()  # the run has all that it needs
    model = tiza.runs.restore(run).model
    assert server.asked == [f"/models/{FILE}"]
    kept = model.get_submodule("body.frozen").state_dict()
    assert kept.keys() == {name for name in network().state_dict() if not name.startswith("fc.")}
    assert all(torch.equal(value, network().state_dict()[name]) for name, value in kept.items())
    bare = nn.Sequential(*list(network().children())[:-1], nn.Flatten()).eval()
    x = data.valid.x
    with torch.inference_mode():
        expected = bare(first_layer("resnet18")(x))
        found = model.get_submodule("body.frozen")(
            model.get_submodule("body.prepare")(model.get_submodule("normalise")(x))
        )
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert run.recipe.model.options["origin"] == Origin(weights=hashlib.sha256(good()).hexdigest())


def test_the_layers_that_learn_are_those_asked_for(server: Server):
    data = tiza.load("digits", limit=40, valid=10)
    model = build("transfer", data, at="layer3", unfreeze="layer3.1")
    learnt = {name for name, p in model.named_parameters() if p.requires_grad}
    assert {name.rsplit(".", 2)[0] for name in learnt} == {"body.tuned.layer3.1", "body.head"}
    assert model.get_submodule("body.head.logits").weight.shape == (10, 256)
    with pytest.raises(RequestError, match=r"layer1\.1"):
        build("transfer", data, at="layer1.1.conv2")


def test_the_size_is_part_of_what_onnx_carries(server: Server, tmp_path: Path):
    data = tiza.load("digits", limit=40, valid=10)
    model = build("transfer", data, at="layer1").eval()
    x = data.valid.x[:2]
    torch.onnx.export(model, (x,), tmp_path / "m.onnx", dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"))
    (found,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    np.testing.assert_allclose(found, model(x).detach().numpy(), atol=1e-3)
