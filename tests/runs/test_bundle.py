"""Bundles: the same bytes for the same run, the same answers on another machine, and nothing hostile is opened."""

import json
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

import tiza
from tiza import runs
from tiza.config import Recipe, make
from tiza.errors import TizaError
from tiza.exports import session
from tiza.runs import bundle
from tiza.runs.files import digest, manifest_of
from tiza.storage import read_lines


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    """A run on iris with its report and its ONNX."""
    folder = tmp_path_factory.mktemp("run")
    recipe = {"data": "iris", "model": {"name": "mlp", "hidden": [8]}, "plan": {"epochs": 5, "threads": 1, "lr": 0.02}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIZA_HOME", str(folder / "home"))
        made = tiza.fit(make(Recipe, recipe), run=folder / "run")
        tiza.evaluate(made)
        tiza.export(made, "onnx")
    return made


@pytest.fixture(scope="module")
def packed(run: runs.Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiza.export(run, "bundle", tmp_path_factory.mktemp("packed") / "flores.zip")


@pytest.fixture(scope="module")
def members(packed: Path) -> dict[str, bytes]:
    with packed.open("rb") as file:
        return bundle.unpacked(file, "here")


def test_a_bundle_holds_the_model_and_what_is_known_of_it(run: runs.Run, packed: Path, members: dict[str, bytes]):
    names = {"manifest.json", "weights.safetensors", "README.md", "model.onnx", "report.json", "recipe.json"}
    assert members.keys() == names
    for name, beside in {"report.json": "", "recipe.json": "", "README.md": "model", "model.onnx": "model"}.items():
        assert members[name] == (run.path / beside / name).read_bytes()
    manifest = json.loads(members["manifest.json"])
    assert manifest["files"] == {
        name: digest(members[name]) for name in names - {"manifest.json", "weights.safetensors"}
    }
    assert packed.read_bytes()[:4] == b"PK\x03\x04"


def test_the_same_run_gives_the_same_bytes(run: runs.Run, packed: Path, tmp_path: Path):
    again = tiza.export(run, "bundle", tmp_path / "other name.zip")
    assert again.read_bytes() == packed.read_bytes()
    kept = tiza.export(run, "bundle")
    assert kept == run.path / "model.zip"
    assert kept.read_bytes() == packed.read_bytes()
    kept.unlink()


def test_its_answers_are_the_runs(run: runs.Run, packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    x = tiza.load("iris").train.x
    ours = [answer.probabilities for answer in tiza.Predictor(run).predict(x.numpy())]
    assert [answer.probabilities for answer in tiza.Predictor(packed).predict(x.numpy())] == ours
    with torch.inference_mode():
        assert torch.equal(runs.restore(str(packed)).model(x), runs.restore(run).model(x))
    monkeypatch.setattr("tiza.exports.session.find_spec", lambda _: None)  # a machine without onnxruntime
    theirs = [answer.probabilities for answer in tiza.Predictor(packed).predict(x.numpy())]
    assert np.allclose(theirs, ours, atol=1e-6)


def test_it_is_evaluated_as_the_run_was_and_stays_as_it_is(run: runs.Run, packed: Path, home: Path):
    before = packed.read_bytes()
    report = tiza.evaluate(packed)
    assert report.name == "flores"
    assert run.report is not None
    assert report.to_dict()["valid"] == run.report["valid"]
    assert report.opening == 1
    assert [line["by"] for line in read_lines(home / "openings.jsonl")] == ["flores"]
    assert packed.read_bytes() == before
    assert tiza.evaluate(packed, sealed=True).test == run.report["test"]  # seen before it was packed
    with pytest.raises(TizaError) as caught:
        tiza.evaluate(packed, "digits")
    assert caught.value.code == "other-data"


def test_without_a_recipe_it_asks_for_the_data(members: dict[str, bytes], tmp_path: Path):
    path = made(tmp_path, changed(members, without=["recipe.json", "report.json", "model.onnx"]))
    with pytest.raises(TizaError) as caught:
        tiza.evaluate(path)
    assert caught.value.code == "bundle-no-recipe"
    assert tiza.evaluate(path, "iris", sealed=True).test is None


def test_with_onnx_it_answers_without_torch(packed: Path):
    code = f"import sys, tiza\ntiza.Predictor({str(packed)!r})([5.1, 3.5, 1.4, 0.2])\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_module_of_ones_own_travels_as_onnx_or_is_asked_for(tmp_path: Path):
    data = tiza.load("iris")
    run = tiza.fit(nn.Linear(4, 3), data, {"epochs": 2, "threads": 1}, run=tmp_path / "run")
    bare = tiza.export(run, "bundle", tmp_path / "bare.zip")
    for asked in (tiza.Predictor, tiza.evaluate):
        with pytest.raises(TizaError, match=r"bare\.zip.*--model") as caught:
            asked(bare)
        assert caught.value.code == "external-model"
    expected = tiza.Predictor(bare, model=nn.Linear(4, 3)).predict(data.train.x[:9].numpy())
    tiza.export(run, "onnx", model=nn.Linear(4, 3))
    whole = tiza.export(run, "bundle", tmp_path / "whole.zip")
    answers = tiza.Predictor(whole).predict(data.train.x[:9].numpy())
    assert np.allclose([a.probabilities for a in answers], [a.probabilities for a in expected], atol=1e-6)
    one, other = (
        tiza.evaluate(of, sealed=True, **how) for of, how in ((whole, {}), (bare, {"model": nn.Linear(4, 3)}))
    )
    assert one.splits["train"]["confusion"] == other.splits["train"]["confusion"]


def test_where_a_run_is_asked_for_a_bundle_is_told_apart(packed: Path):
    with pytest.raises(TizaError, match=r"flores\.zip") as caught:
        runs.find(packed)
    assert caught.value.code == "run-is-export"
    with pytest.raises(TizaError) as caught:
        tiza.export(packed, "onnx")
    assert caught.value.code == "run-is-export"


# --- what a stranger may send -----------------------------------------------------------------------------------------


def changed(members: dict[str, bytes], without=(), **contents: bytes) -> dict[str, bytes]:
    """The files of a bundle with some left out, whose manifest says so."""
    kept = {name: content for name, content in members.items() if name not in without}
    manifest = json.loads(kept["manifest.json"])
    manifest["files"] = {name: of for name, of in manifest["files"].items() if name in kept}
    return kept | {"manifest.json": json.dumps(manifest).encode()}


def made(folder: Path, members: dict[str, bytes], *more: tuple[str | zipfile.ZipInfo, bytes], **how: int) -> Path:
    """A zip of these files, and of more that may have any name."""
    path = folder / "flores.zip"
    with zipfile.ZipFile(path, "w", **how) as packed:
        for name, content in [*members.items(), *more]:
            packed.writestr(name, content)
    return path


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info


def lies(path: Path, name: str, size: int) -> None:
    """Claim another size for a file, in both of its headers."""
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as packed:
        info = packed.getinfo(name)
    content[info.header_offset + 22 : info.header_offset + 26] = size.to_bytes(4, "little")
    listed = content.rindex(b"PK\x01\x02", 0, content.rindex(name.encode()))
    content[listed + 24 : listed + 28] = size.to_bytes(4, "little")
    path.write_bytes(content)


ATTACKS = {
    "a name that leads out": "zip-escape", "an absolute name": "zip-escape", "a drive": "bundle-name",
    "a name that leads out, backwards": "zip-escape", "a link": "zip-escape", "a folder": "bundle-name",
    "code": "bundle-name", "a file that the manifest does not know": "bundle-name", "a file twice": "zip-twice",
    "a text that is too large": "bundle-large", "a bomb": "bundle-large", "a size that is a lie": "zip-damaged",
    "a smaller size than real": "zip-damaged", "truncated": "zip-damaged", "empty": "zip-damaged",
    "no zip": "zip-damaged", "a lock": "bundle-locked", "without weights": "missing-file",
    "without a manifest": "missing-file", "without what the manifest knows": "missing-file",
    "another's weights": "damaged", "another's card": "damaged", "a manifest that is no JSON": "damaged",
    "a manifest of another format": "bad-value", "an unknown compression": "zip-damaged",
    "a network larger than any memory": "weights-mismatch", "a network larger than any number": "damaged",
    "a pickle for weights": "damaged",
}  # fmt: skip


def attacked(case: str, good: Path, members: dict[str, bytes], folder: Path) -> Path:
    """The bundle with this done to it."""
    one = {
        "a name that leads out": "../evil.json", "an absolute name": "/evil.json", "a drive": "C:evil.json",
        "a name that leads out, backwards": "..\\evil.json", "a link": link("README.md"), "a folder": "model/",
        "code": "model.py",
    }  # fmt: skip
    manifest = json.loads(members["manifest.json"])
    if case in one:
        kept = {n: c for n, c in members.items() if n != "README.md"} if case == "a link" else members
        return made(folder, kept, (one[case], b"/etc/passwd"))
    if case == "a file that the manifest does not know":
        manifest["files"].pop("report.json")
        return made(folder, members | {"manifest.json": json.dumps(manifest).encode()})
    if case == "a file twice":
        with pytest.warns(UserWarning, match="Duplicate name"):
            return made(folder, members, ("README.md", b"other"))
    if case == "a text that is too large":
        return made(folder, members | {"README.md": b" " * (2**24 + 1)}, compression=zipfile.ZIP_DEFLATED)
    if case == "a bomb":
        path = made(folder, members, compression=zipfile.ZIP_DEFLATED)
        lies(path, "weights.safetensors", 2**32 - 2)
        return path
    if case in ("a size that is a lie", "a smaller size than real"):
        path = made(folder, members | {"README.md": b"x" * 5_000}, compression=zipfile.ZIP_DEFLATED)
        lies(path, "README.md", 9_000_000 if case == "a size that is a lie" else 50)
        return path
    if case == "a lock":
        path = folder / "flores.zip"
        content = bytearray(good.read_bytes())
        for at in range(len(content) - 4):  # the flag of every header, as zip -e sets it
            if content[at : at + 4] in (b"PK\x03\x04", b"PK\x01\x02"):
                content[at + (6 if content[at + 2] == 3 else 8)] |= 1
        path.write_bytes(content)
        return path
    if case == "an unknown compression":
        return made(folder, members, compression=zipfile.ZIP_BZIP2)
    if case in ("truncated", "empty", "no zip"):
        content = {"truncated": good.read_bytes()[:-30], "empty": b"", "no zip": b"hello" * 99}[case]
        (folder / "flores.zip").write_bytes(content)
        return folder / "flores.zip"
    if case.startswith("without"):
        gone = {"without weights": "weights.safetensors", "without a manifest": "manifest.json"}.get(
            case, "report.json"
        )
        return made(folder, {name: content for name, content in members.items() if name != gone})
    if case == "a pickle for weights":
        content = b"\x80\x04K\x01."
        manifest["weights"] = digest(content)
        return made(folder, members | {"weights.safetensors": content, "manifest.json": json.dumps(manifest).encode()})
    hidden = {"a network larger than any memory": 10**9, "a network larger than any number": 2**62}
    if case in hidden:
        manifest["model"]["hidden"] = [hidden[case]] * 2
    if case == "a manifest of another format":
        manifest["format"] = 9
    others = {
        "another's weights": {"weights.safetensors": members["weights.safetensors"][:-1] + b"\1"},
        "another's card": {"README.md": b"# The best model"}, "a manifest that is no JSON": {"manifest.json": b"{"},
    }  # fmt: skip
    return made(folder, members | others.get(case, {"manifest.json": json.dumps(manifest).encode()}))


@pytest.mark.parametrize("case", ATTACKS)
def test_what_a_stranger_may_send_is_refused(case: str, packed: Path, members, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("tiza.exports.session.find_spec", lambda _: None)  # so that the weights are read too
    path = attacked(case, packed, members, tmp_path)
    before = sorted(tmp_path.rglob("*"))
    for asked in (tiza.Predictor, tiza.evaluate):
        with pytest.raises(TizaError, match=r"flores\.zip") as caught:
            asked(path)
        assert caught.value.code == ATTACKS[case]
    assert sorted(tmp_path.rglob("*")) == before


FORM = {"form": "table", "columns": [{"name": name, "categories": None} for name in "abcd"]}
DIGIT, IMAGE = ({"form": "digit", "size": 2, "box": 2}, {"form": "image", "channels": 1, "height": 2, "width": 2})
STRANGE = {
    "no side": {"shape": []}, "an empty side": {"shape": [0]}, "a negative side": {"shape": [-4]},
    "a side larger than any number": {"shape": [10**30]}, "a side in words": {"shape": ["4"], "form": []},
    "two sides": {"shape": [2, 2], "form": {}},
    "samples larger than any memory": {"shape": [2**20, 2**20, 3], "form": {}},
    "no class": {"classes": []}, "a class that is a number": {"classes": [1, 2, 3]},
    "a form without a name": {"form": {"x": 1}}, "a form that is none": {"form": {"form": None}},
    "a form of later": {"form": {"form": "sound"}}, "a form that is a list": {"form": ["form"]},
    "a table without columns": {"form": {"form": "table"}}, "columns in words": {"form": FORM | {"columns": "abcd"}},
    "columns without categories": {"form": FORM | {"columns": [{"name": "a"}] * 4}},
    "columns without a name": {"form": FORM | {"columns": [{"categories": None}] * 4}},
    "categories that are a number": {"form": FORM | {"columns": [{"name": "a", "categories": 5}] * 4}},
    "too few columns": {"form": FORM | {"columns": FORM["columns"][:3]}},
    "pictures where rows are learnt": {"form": IMAGE}, "a digit where rows are learnt": {"form": DIGIT},
    "a picture of another size": {"form": IMAGE | {"width": 3}, "shape": [1, 2, 2]},
    "a digit that is larger than its picture": {"form": DIGIT | {"box": 3}, "shape": [1, 2, 2]},
    "a digit of no block": {"form": DIGIT | {"blocks": 0}, "shape": [1, 2, 2]},
    "a digit of large blocks": {"form": DIGIT | {"blocks": 10**9}, "shape": [1, 2, 2]},
    "a side that is a truth": {"form": IMAGE | {"channels": True}, "shape": [1, 2, 2]},
    "a scale that is one number": {"form": IMAGE | {"scale": 1}, "shape": [1, 2, 2]},
    "a layer larger than any number": {"model": {"name": "mlp", "hidden": [10**19]}},
}  # fmt: skip


@pytest.mark.parametrize("case", STRANGE)
def test_a_strange_manifest_is_told_as_damage(case: str, members: dict[str, bytes], tmp_path: Path):
    plain = changed(members, without=["model.onnx"])
    manifest = json.loads(plain["manifest.json"]) | STRANGE[case]
    path = made(tmp_path, plain | {"manifest.json": json.dumps(manifest).encode()})
    (tmp_path / "rows.csv").write_text("a,b,c,d\n1,2,3,4\n")
    for asked in (lambda: tiza.Predictor(path).predict([tmp_path / "rows.csv"]), lambda: tiza.evaluate(path)):
        with pytest.raises(TizaError, match=r"flores\.zip") as caught:
            asked()
        assert caught.value.code == "damaged"


@pytest.mark.parametrize("case", [case for case in STRANGE if not case.startswith("a layer")])
def test_so_it_is_in_an_onnx_file(case: str, members: dict[str, bytes], tmp_path: Path):
    changes = {name: json.dumps(value) for name, value in STRANGE[case].items()}
    (tmp_path / "flores.onnx").write_bytes(retold(members["model.onnx"], changes))
    (tmp_path / "rows.csv").write_text("a,b,c,d\n1,2,3,4\n")
    with pytest.raises(TizaError, match=r"flores\.onnx") as caught:
        tiza.Predictor(tmp_path / "flores.onnx").predict([tmp_path / "rows.csv"])
    assert caught.value.code == "onnx-foreign"


@pytest.mark.parametrize(
    "changes",
    [
        {"classes": '["a", "b"]'}, {"classes": "[" * 10**5}, {"shape": "[5]", "form": "{}"},
        {"shape": "[1, 2, 2]", "form": "{}"},
    ],
)  # fmt: skip
def test_an_onnx_whose_manifest_is_of_another_network_is_refused(changes: dict[str, str], members):
    with pytest.raises(TizaError) as caught:
        session.opened(retold(members["model.onnx"], changes), "here")
    assert caught.value.code == "onnx-foreign"


def retold(content: bytes, changes: dict[str, str]) -> bytes:
    """The ONNX file with other texts in its manifest, and a digest that is right."""
    proto = onnx.load_model_from_string(content)
    told = {entry.key: entry.value for entry in proto.metadata_props if entry.key != "digest"} | changes
    del proto.metadata_props[:]
    onnx.helper.set_model_props(proto, told)
    return session.sealed(proto.SerializeToString())


def test_the_forms_of_all_sources_are_taken(members: dict[str, bytes]):
    plain = json.loads(members["manifest.json"])
    images = np.zeros((20, 7, 5, 3), np.float32) + np.linspace(0, 9, 20).reshape(-1, 1, 1, 1)
    labels = np.arange(20) % 2
    rows = pd.DataFrame({"colour": ["red", "green"] * 10, 7: range(20), "kind": ["x", "y"] * 10})
    sources = ["iris", "digits", "mnist", "fashion-mnist", "points"]
    many = [*map(tiza.load, sources), tiza.load((images, labels)), tiza.load((images[..., 0], labels)),
            tiza.load(rows, target="kind"), tiza.load((np.eye(20), labels))]  # fmt: skip
    for data in many:
        form = json.loads(json.dumps(data.form))
        told = {"shape": data.shape, "classes": data.classes, "features": data.features, "form": form}
        assert manifest_of(plain | told, "here").form == form


def test_a_bundle_packed_again_by_another_program_is_taken(members: dict[str, bytes], tmp_path: Path):
    shuffled = dict(sorted(members.items(), reverse=True))
    path = made(tmp_path, shuffled, compression=zipfile.ZIP_DEFLATED)
    assert tiza.Predictor(path)([5.1, 3.5, 1.4, 0.2]).class_ in ("setosa", "versicolor", "virginica")


@given(place=st.integers(0), byte=st.integers(1, 255))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_changed_byte_is_noticed_or_changes_nothing(packed: Path, members, tmp_path: Path, place: int, byte: int):
    content = bytearray(packed.read_bytes())
    content[place % len(content)] ^= byte
    path = tmp_path / "flores.zip"
    path.write_bytes(content)
    try:
        found = runs.bundled(path)
    except TizaError:
        return
    assert found is not None
    assert found.files == members  # a date, say: of what the files hold nothing has changed


@pytest.mark.parametrize("name", list(bundle.SIZES))
def test_any_changed_byte_of_a_file_is_noticed(packed: Path, members, tmp_path: Path, name: str):
    content = packed.read_bytes()
    start = content.index(members[name])
    places = {start, start + len(members[name]) - 1, *range(start, start + len(members[name]), 97)}
    for place in places:
        wrong = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        (tmp_path / "flores.zip").write_bytes(wrong)
        with pytest.raises(TizaError):
            runs.bundled(tmp_path / "flores.zip")


def test_a_bundle_that_cant_be_written_leaves_nothing(run: runs.Run, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TizaError) as caught:
        tiza.export(run, "bundle", tmp_path / "file" / "flores.zip")
    assert caught.value.code == "cannot-write"
    damaged = tmp_path / "damaged"
    shutil.copytree(run.path, damaged)
    (damaged / "model" / "weights.safetensors").write_bytes(b"")
    with pytest.raises(TizaError) as caught:
        tiza.export(damaged, "bundle", tmp_path / "flores.zip")
    assert caught.value.code == "damaged"
    assert not (tmp_path / "flores.zip").exists()
