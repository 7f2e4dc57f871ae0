"""Every registered model: saved, loaded again with the same answers, exported with the same answers, in both forms."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import tiza
from tiza import runs
from tiza.config import Recipe, make
from tiza.exports import session
from tiza.exports.writing import written
from tiza.registry import table

NARROW = {
    "mlp": {"batch_norm": True}, "alexnet": {"width": 4}, "vgg": {"width": 4}, "nin": {"width": 12},
    "resnet18": {"width": 4}, "cnn": {"mirrored": True, "final_pool": 3, "channels": [4, 8]},
}  # fmt: skip


@pytest.fixture(scope="module", params=sorted(table("model")))
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[runs.Run, nn.Module]:
    """A run of a registered model, trained a little on MNIST, and the model that was trained."""
    folder, name = tmp_path_factory.mktemp(request.param), request.param
    data = {"name": "mnist", "limit": 1_250, "classes": ["3", "8"] if name == "perceptron" else None}
    plan = {"epochs": 1, "threads": 1, "probe": 0, "device": "cpu", "lr": 0.003}
    held: list[nn.Module] = []

    def fitted(place: str, **model: object) -> runs.Run:
        recipe = make(Recipe, {"data": data, "model": model, "plan": plan})
        return tiza.fit(recipe, run=folder / place, readers=[lambda _, learner: held.append(learner.model)])

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIZA_HOME", str(folder / "home"))
        if name == "transfer":  # the bodies with a name have to be fetched
            NARROW["transfer"] = {"body": f"run:{fitted('body', name='lenet').path}"}
        run = fitted("run", name=name, **NARROW.get(name, {}))
    return run, held[-1].eval()


def test_the_answers_stay_the_same_saved_loaded_and_exported(trained: tuple[runs.Run, nn.Module], tmp_path: Path):
    run, model = trained
    x = tiza.load(run.recipe.data).train.x[:1_000]
    with torch.inference_mode():
        ours = model(x)
        assert torch.equal(runs.restore(run.path).model(x), ours)
        bundle = tiza.export(run, "bundle", tmp_path / "model.zip")
        assert torch.equal(runs.restore(bundle).model(x), ours)
    probabilities = ours.double().softmax(1).numpy()

    done = written(run, "onnx")
    assert done.samples == 1_000
    assert done.distance is not None
    assert done.distance <= 1e-5
    theirs = session.opened(done.path.read_bytes(), "here").logits(x.numpy())
    assert np.abs(theirs - ours.numpy()).max() <= 1e-5 * max(1, float(ours.abs().max()))
    answers = tiza.Predictor(run).predict(x.numpy())
    assert np.abs(np.array([answer.probabilities for answer in answers]) - probabilities).max() <= 1e-5
    assert [answer.label for answer in answers] == ours.argmax(1).tolist()
    whole = tiza.export(run, "bundle", tmp_path / "whole.zip")
    assert tiza.Predictor(whole)(x[0]).probabilities == tiza.Predictor(run)(x[0]).probabilities
