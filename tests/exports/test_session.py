"""tiza.exports.session: an ONNX file is opened as it was written, or refused; and answers without torch."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tiza
from tiza import runs
from tiza.config import Recipe, make
from tiza.errors import TizaError
from tiza.exports import session


def fitted(folder: Path, seed: int = 0, data: str = "iris") -> runs.Run:
    plan = {"epochs": 2, "threads": 1, "lr": 0.01, "seed": seed}
    recipe = {"data": data, "model": {"name": "mlp", "hidden": [8]}, "plan": plan}
    run = tiza.fit(make(Recipe, recipe), run=folder)
    tiza.export(run, "onnx")
    return run


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    folder = tmp_path_factory.mktemp("exported")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIZA_HOME", str(folder / "home"))
        return fitted(folder / "run")


@pytest.fixture(scope="module")
def content(exported: runs.Run) -> bytes:
    return (exported.path / "model" / "model.onnx").read_bytes()


def changed(content: bytes, change) -> bytes:
    """The file with something else in it, and a digest that is right."""
    proto = onnx.load_model_from_string(content)
    kept = [entry for entry in proto.metadata_props if entry.key != "digest"]
    del proto.metadata_props[:]
    proto.metadata_props.extend(kept)
    change(proto)
    return session.sealed(proto.SerializeToString())


@given(place=st.integers(0), byte=st.integers(1, 255))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_changed_byte_is_noticed(content: bytes, place: int, byte: int):
    wrong = bytearray(content)
    wrong[place % len(wrong)] ^= byte
    with pytest.raises(TizaError) as caught:
        session.opened(bytes(wrong), "here")
    assert caught.value.code == "onnx-foreign"


@pytest.mark.parametrize("what", ["empty", "text", "truncated", "longer", "another's", "without a manifest", "no ONNX"])
def test_a_file_that_tiza_did_not_write_is_refused(content: bytes, what: str):
    given = {
        "empty": b"", "text": b"hello", "truncated": content[:-1], "longer": content + b"\0",
        "another's": onnx.load_model_from_string(content).SerializeToString()[:-60],
        "without a manifest": changed(content, lambda proto: proto.metadata_props.pop()),
        "no ONNX": session.sealed(b"hello"),
    }[what]  # fmt: skip
    with pytest.raises(TizaError, match=r"here.*tiza export") as caught:
        session.opened(given, "here")
    assert caught.value.code == "onnx-foreign"


@pytest.mark.parametrize("location", ["beside.bin", "../beside.bin", "/etc/hostname", "*/_ORT_MEM_ADDR_/*"])
def test_weights_in_other_files_are_refused(content: bytes, location: str, tmp_path: Path, monkeypatch):
    def outside(proto: onnx.ModelProto) -> None:
        tensor = proto.graph.initializer[0]
        (tmp_path / "beside.bin").write_bytes(tensor.raw_data)
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)

    wrong = changed(content, outside)
    monkeypatch.chdir(tmp_path)  # where onnxruntime would look
    (tmp_path / "model.onnx").write_bytes(wrong)
    with pytest.raises(TizaError) as caught:
        tiza.Predictor(tmp_path / "model.onnx")
    assert caught.value.code in ("onnx-external", "onnx-foreign")
    assert (caught.value.code == "onnx-external") is ("ORT_MEM" not in location)


def test_the_onnx_of_another_run_is_refused(exported: runs.Run, tmp_path: Path):
    other, mine = fitted(tmp_path / "other", seed=1), tmp_path / "mine"
    shutil.copytree(exported.path, mine)
    shutil.copy(other.path / "model" / "model.onnx", mine / "model" / "model.onnx")
    with pytest.raises(TizaError) as caught:
        tiza.Predictor(mine)
    assert caught.value.code == "damaged"

    manifest = json.loads((mine / "model" / "manifest.json").read_text())
    manifest["files"] = json.loads((other.path / "model" / "manifest.json").read_text())["files"]
    (mine / "model" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(TizaError, match=r"model\.onnx") as caught:
        tiza.Predictor(mine)
    assert caught.value.code == "onnx-other"


def test_the_file_alone_answers_as_the_run_does(exported: runs.Run, content: bytes, tmp_path: Path):
    (tmp_path / "alone.ONNX").write_bytes(content)
    rows = tiza.load("iris").train.x[:20].numpy()
    alone, run = (tiza.Predictor(of) for of in (tmp_path / "alone.ONNX", exported))
    assert alone.classes == run.classes
    assert [a.probabilities for a in alone.predict(rows)] == [a.probabilities for a in run.predict(rows)]
    with pytest.raises(TizaError) as caught:
        tiza.Predictor(tmp_path / "none.onnx")
    assert caught.value.code == "source-missing"


def test_a_run_trained_again_has_no_onnx_of_its_old_weights(exported: runs.Run, tmp_path: Path):
    again = tmp_path / "again"
    shutil.copytree(exported.path, again)
    restored = runs.restore(again)
    runs.save_model(runs.find(again), restored.model)
    assert not (again / "model" / "model.onnx").exists()
    assert runs.restore(again).manifest.files == {}


def test_without_onnxruntime_torch_answers_and_the_file_alone_says_what_to_install(
    exported: runs.Run, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rows = tiza.load("iris").train.x[:5].numpy()
    by_onnx = [a.probabilities for a in tiza.Predictor(exported).predict(rows)]
    (tmp_path / "alone.onnx").write_bytes(content)
    found = session.find_spec
    monkeypatch.setattr(session, "find_spec", lambda name: None if name.startswith("onnx") else found(name))
    assert np.allclose([a.probabilities for a in tiza.Predictor(exported).predict(rows)], by_onnx, atol=1e-6)
    with pytest.raises(TizaError, match=r"pip install 'tiza\[onnx\]'") as caught:
        tiza.Predictor(tmp_path / "alone.onnx")
    assert caught.value.code == "onnx-missing"
    with pytest.raises(TizaError, match=r"pip install 'tiza\[onnx\]'"):
        tiza.export(exported, "onnx")


HEAVY = {"torch", "torchvision", "matplotlib", "sklearn", "onnx", "onnxscript"}


def modules_after(code: str) -> set[str]:
    """What is imported once ``code`` ran, in a process of its own."""
    lines = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_the_answers_come_without_torch(exported: runs.Run, tmp_path: Path):
    iris = tiza.load("iris")
    header, row = ",".join(iris.features), ",".join(map(str, iris.train.x[0].tolist()))
    (tmp_path / "rows.csv").write_text(f"{header}\n{row}\n")
    asked = f"import tiza\nprint(tiza.Predictor({str(exported.path)!r})({iris.train.x[0].tolist()}).class_)"
    assert not (HEAVY | {"pandas"}) & modules_after(asked)
    for options in ([], ["--json"], ["--save", str(tmp_path / "saved")]):
        words = ["predict", str(exported.path), str(tmp_path / "rows.csv"), *options]
        command = f"from tiza.cli import main\ntry: main({words!r})\nexcept SystemExit as end: assert end.code == 0"
        assert not HEAVY & modules_after(command)


def test_a_picture_of_an_answer_needs_no_torch_either(home: Path, tmp_path: Path):
    digits = fitted(tmp_path / "digits", data="digits")
    pen = Path(__file__).parents[2] / "examples" / "pen.png"
    words = ["predict", str(digits.path), str(pen), "--save", str(tmp_path / "saved")]
    command = f"from tiza.cli import main\ntry: main({words!r})\nexcept SystemExit as end: assert end.code == 0"
    assert not (HEAVY - {"matplotlib"}) & modules_after(command)
    assert (tmp_path / "saved" / "predictions.png").exists()


def test_of_a_run_without_onnx_they_come_from_torch(exported: runs.Run, tmp_path: Path):
    plain = tmp_path / "plain"
    shutil.copytree(exported.path, plain)
    runs.save_model(runs.find(plain), runs.restore(plain).model)
    assert "torch" in modules_after(f"import tiza\ntiza.Predictor({str(plain)!r})")
