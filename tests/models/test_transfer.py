"""tiza.models.transfer: a trained body with a new end; what is frozen stays, and what it gives is computed once."""

import json
import shutil
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import tiza
from tiza import runs
from tiza.config import Recipe, make
from tiza.data.dataset import Dataset
from tiza.errors import RequestError, TizaError
from tiza.fitting import prepare
from tiza.models import build
from tiza.training.features import FeaturesLearner, can_be_kept, still_of
from tiza.training.learner import ModuleLearner
from tiza.training.loop import stream

PLAN = {"epochs": 3, "batch_size": 32, "optimizer": "sgd", "lr": 0.05, "weight_decay": 0.1, "threads": 1}
CNN = {"name": "cnn", "channels": [8, 16], "kernels": [4, 3], "hidden": [32], "dropout": 0.2}
BODIES = {"cnn": CNN, "resnet18": {"name": "resnet18", "width": 4}, "mirrored": {**CNN, "mirrored": True}}


@pytest.fixture(scope="module")
def bodies(tmp_path_factory: pytest.TempPathFactory, unpacked: Path) -> dict[str, str]:
    """Runs on Fashion-MNIST whose bodies are taken."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIZA_HOME", str(tmp_path_factory.mktemp("home")))
        for name, model in BODIES.items():
            plan = {"epochs": 1, "lr": 0.01, "threads": 1}
            recipe = {"data": {"name": "fashion-mnist", "limit": 1500}, "model": model, "plan": plan}
            run = tiza.fit(make(Recipe, recipe), run=tmp_path_factory.mktemp("runs") / name)
            found[name] = f"run:{run.path}"
    return found


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return tiza.load("mnist", limit=300, valid=100)


def recipe(body: str, plan: dict[str, Any] | None = None, **model: Any) -> Recipe:
    data = {"name": "mnist", "limit": 300, "valid": 100}
    return make(
        Recipe, {"data": data, "model": {"name": "transfer", "body": body, **model}, "plan": PLAN | (plan or {})}
    )


def source(body: str) -> dict[str, torch.Tensor]:
    """The weights of the run that a body is from."""
    return dict(runs.restore(body.removeprefix("run:")).model.state_dict())


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("augment", [{}, {"shift": 1}], ids=["features", "whole"])
def test_training_leaves_every_number_of_a_frozen_body_as_it_was(bodies, digits, tmp_path, name: str, augment):
    run = tiza.fit(recipe(bodies[name], {"augment": augment}), digits, run=tmp_path / "run")
    assert run.facts.engine == ("module" if augment else "features")
    trained, before = dict(runs.restore(run).model.state_dict()), source(bodies[name])
    kept = {key.replace("body.frozen.", "body."): value for key, value in trained.items() if ".frozen." in key}
    assert any(key.endswith("running_var") for key in kept)
    assert all(torch.equal(value, before[key]) for key, value in kept.items())
    assert torch.equal(trained["body.prepare.mean"], before["normalise.mean"])
    fresh = build(run.recipe.model, digits, seed=run.recipe.plan.seed).state_dict()
    assert not torch.equal(trained["body.head.logits.weight"], fresh["body.head.logits.weight"])


def test_a_frozen_body_stays_in_eval_mode_while_the_model_trains(bodies, digits):
    model = build("transfer", digits, body=bodies["cnn"]).train()
    frozen = model.get_submodule("body.frozen")
    assert model.training
    assert not any(module.training for module in frozen.modules())
    x = digits.train.x[:9]
    assert torch.equal(model(x), model(x)), "dropout of the body is at work"
    assert any(isinstance(module, nn.Dropout) for module in frozen.modules())
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 32 * 10 + 10


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("more", [{}, {"at": "norm2"}, {"unfreeze": "dense_linear1"}], ids=str)
def test_training_on_features_is_training_the_whole_with_a_frozen_body(bodies, digits, more, optimizer: str):
    states, measured = [], []
    chosen = recipe(bodies["cnn"], {"optimizer": optimizer, "lr": 0.01}, **more)
    for made in (FeaturesLearner, ModuleLearner):
        learner = made(build(chosen.model, digits, seed=0), chosen.plan)
        events = list(stream(learner, digits, chosen.plan))
        states.append(learner.model.state_dict())
        measured.append([e.valid["loss"][0] for e in events if e.kind == "measured"])
    assert measured[0] == pytest.approx(measured[1], abs=1e-5)
    for key, value in states[0].items():
        torch.testing.assert_close(value, states[1][key], rtol=0, atol=1e-5)


def test_the_body_is_asked_once_for_each_sample_however_many_epochs(bodies, digits, tmp_path):
    ready = prepare(recipe(bodies["cnn"], {"epochs": 6}), digits, None)
    asked = []
    ready.learner.model.get_submodule("body.frozen").register_forward_hook(lambda _m, x, _y: asked.append(len(x[0])))
    events = list(stream(ready.learner, digits, ready.recipe.plan))
    assert sum(asked) == len(digits.train) + len(digits.valid)
    assert [e.epoch for e in events if e.kind == "measured"] == [1, 2, 3, 4, 5, 6]


def test_the_pass_through_the_body_counts_as_training(bodies, digits):
    ready = prepare(recipe(bodies["cnn"]), digits, None)
    frozen = ready.learner.model.get_submodule("body.frozen")
    frozen.register_forward_hook(lambda *_: time.sleep(0.5))
    *_, ended = stream(ready.learner, digits, ready.recipe.plan)
    assert ended.seconds > 2 * 0.5


def test_a_saved_run_holds_the_whole_model_and_needs_its_body_no_more(bodies, digits, tmp_path):
    shutil.copytree(bodies["cnn"].removeprefix("run:"), tmp_path / "body")
    plan = {"optimizer": "adamw", "lr": 0.01, "epochs": 10}
    run = tiza.fit(recipe(f"run:{tmp_path / 'body'}", plan, at="flatten"), digits, run=tmp_path / "run")
    last = run.history()[-1].valid["accuracy"][0]
    shutil.rmtree(tmp_path / "body")
    report = tiza.evaluate(run, digits, sealed=True)
    assert report.splits["valid"]["accuracy"] == pytest.approx(last)
    assert last > 0.6
    answers = tiza.Predictor(run).predict(digits.valid.x.numpy())
    assert all(answer.image.dtype == np.uint8 for answer in answers)
    right = np.mean([answer.label == int(y) for answer, y in zip(answers, digits.valid.y, strict=True)])
    assert right == pytest.approx(last)


def test_killed_and_resumed_it_ends_with_the_same_weights(bodies, digits, tmp_path):
    from tiza.training.events import Measured, Stop

    shutil.copytree(bodies["cnn"].removeprefix("run:"), tmp_path / "body")
    chosen = recipe(f"run:{tmp_path / 'body'}", {"optimizer": "adam"}, unfreeze="dense_linear1")
    whole = tiza.fit(chosen, digits, run=tmp_path / "whole")
    cut_off = [lambda event, learner: Stop("interrupted") if isinstance(event, Measured) and event.epoch == 1 else None]
    with pytest.raises(KeyboardInterrupt):
        tiza.fit(chosen, digits, run=tmp_path / "cut", readers=cut_off)
    shutil.rmtree(tmp_path / "body")  # its weights are in the checkpoint
    again = tiza.fit(run=tmp_path / "cut", data=digits, resume=True)
    one, other = (runs.restore(run).model.state_dict() for run in (whole, again))
    assert all(torch.equal(value, other[key]) for key, value in one.items())


def test_what_is_recorded_says_where_the_weights_are_from(bodies, digits, tmp_path):
    run = tiza.fit(recipe(bodies["cnn"]), digits, run=tmp_path / "run")
    origin = run.recipe.model.options["origin"]
    assert origin.weights == runs.restore(bodies["cnn"].removeprefix("run:")).manifest.weights
    assert origin.model["channels"] == [8, 16]
    again = tiza.fit(run.recipe, digits, run=tmp_path / "again")
    assert (again.path / "recipe.json").read_text() == (run.path / "recipe.json").read_text()


def test_a_body_in_tiza_home_is_called_by_its_name_so_that_a_bundle_names_no_folder(bodies, digits, home, tmp_path):
    kept = home / "runs" / "body"
    shutil.copytree(bodies["cnn"].removeprefix("run:"), kept)
    run = tiza.fit(recipe("run:last"), digits)
    assert run.recipe.model.options["origin"].run == "body"
    again = tiza.fit(run.recipe, digits, run=tmp_path / "again")  # no longer the last
    assert again.recipe.model.options["origin"].run == "body"
    with zipfile.ZipFile(tiza.export(again, "bundle", tmp_path / "model.zip")) as bundle:
        assert [name for name in bundle.namelist() if str(tmp_path).encode() in bundle.read(name)] == []


def test_a_body_can_be_taken_from_a_transfer_again(bodies, digits, tmp_path):
    first = tiza.fit(recipe(bodies["cnn"]), digits, run=tmp_path / "first")
    model = build("transfer", digits, body=f"run:{first.path}", at="frozen.relu2", unfreeze="frozen.conv2")
    learnt = {name for name, p in model.named_parameters() if p.requires_grad}
    assert {"body.tuned.frozen.conv2.weight", "body.head.logits.weight"} <= learnt
    assert "body.frozen.frozen.conv1.weight" not in learnt
    model.train()
    assert model.get_submodule("body.tuned.frozen.norm2").training


# --- what learns, and how fast


@pytest.mark.parametrize(
    ("options", "still"),
    [({}, {"conv1", "norm1", "conv2", "norm2", "dense_linear1", "dense_norm1"}),
     ({"unfreeze": "dense_linear1"}, {"conv1", "norm1", "conv2", "norm2"}),
     ({"unfreeze": "norm1"}, {"conv1"}), ({"unfreeze": "conv1"}, set()), ({"frozen": False}, set())],
    ids=["all", "dense", "norm1", "conv1", "not-frozen"],
)  # fmt: skip
def test_unfreezing_lets_a_layer_learn_with_all_that_follow(bodies, digits, options, still: set[str]):
    model = build("transfer", digits, body=bodies["cnn"], **options)
    found = {name.split(".")[2] for name, p in model.named_parameters() if not p.requires_grad}
    assert found == still
    before = source(bodies["cnn"])
    for key, value in model.state_dict().items():
        part, _, name = key.removeprefix("body.").partition(".")
        if part in ("frozen", "tuned"):
            assert torch.equal(value, before[f"body.{name}"])
    assert (still_of(model) is not None) == bool(still)


def test_deeper_layers_move_less_when_the_rate_falls_with_depth(bodies, digits):
    moved = {}
    for decay in (1, 0.1):
        chosen = recipe(
            bodies["cnn"], {"optimizer": "adam", "lr": 1e-3, "layer_decay": decay, "epochs": 1}, frozen=False
        )
        ready = prepare(chosen, digits, None)
        before = {name: p.detach().clone() for name, p in ready.learner.model.named_parameters()}
        list(stream(ready.learner, digits, chosen.plan))
        moved[decay] = {
            name.split(".")[2]: float((p.detach() - before[name]).abs().mean())
            for name, p in ready.learner.model.named_parameters() if name.endswith("weight") and p.ndim > 1
        }  # fmt: skip
    ratio = {name: moved[0.1][name] / moved[1][name] for name in moved[1]}
    assert 0.5 < ratio["logits"] < 2
    assert ratio["dense_linear1"] == pytest.approx(0.1, rel=0.5)
    assert ratio["conv2"] == pytest.approx(0.01, rel=0.5)
    assert ratio["conv1"] == pytest.approx(0.001, rel=0.5)


def test_a_body_helps_a_few_digits(bodies, digits, tmp_path):
    """Features of garments, half trained, against the same features before any training."""
    trained = tiza.fit(recipe(bodies["cnn"], {"epochs": 10}), digits, run=tmp_path / "a")
    model = build("transfer", digits, body=bodies["cnn"])
    for layer in model.get_submodule("body.frozen").modules():
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
    fresh = tiza.fit(model, digits, PLAN | {"epochs": 10}, run=tmp_path / "b")
    one, other = (run.history()[-1].valid["loss"][0] for run in (trained, fresh))
    assert one < other - 0.1


@pytest.mark.parametrize("way", ["augmented", "test", "large"])
def test_features_are_kept_only_where_they_can_stand_for_the_samples(bodies, digits, way: str, monkeypatch):
    chosen = recipe(bodies["cnn"])
    model = build(chosen.model, digits)
    assert can_be_kept(model, chosen.plan, digits)
    if way == "augmented":
        plan = make(type(chosen.plan), {**chosen.plan.model_dump(), "augment": {"flip": True}})
        assert not can_be_kept(model, plan, digits)
    elif way == "test":
        assert not can_be_kept(model, chosen.plan, tiza.load("mnist", limit=300, valid="test"))
    else:
        monkeypatch.setattr("tiza.training.features.RESIDENT", 32 * 4 * (len(digits.train) + len(digits.valid)) - 1)
        assert not can_be_kept(model, chosen.plan, digits)


def test_a_table_has_bodies_too(tmp_path):
    iris = tiza.load("iris")
    body = tiza.fit(make(Recipe, {"data": "iris", "model": "mlp", "plan": {"epochs": 3}}), iris, run=tmp_path / "body")
    run = tiza.fit(
        build("transfer", iris, body=f"run:{body.path}", at="relu1"), iris, {"epochs": 2}, run=tmp_path / "run"
    )
    assert run.facts.engine == "features"
    assert run.facts.parameters == 128 * 3 + 3


# --- what can't be


def refused(how: Any, *words: str) -> TizaError:
    with pytest.raises(TizaError) as told:
        how()
    assert all(word in str(told.value) for word in words), str(told.value)
    return told.value


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [({"body": "resnet81"}, "unknown", ["resnet18"]), ({"body": "run:nowhere"}, "unknown", ["nowhere"]),
     ({"body": "recipe:fashion-fats"}, "unknown", ["fashion-fast"]),
     ({"body": "recipe:fashion-fast"}, "body-untrained", ["fashion-fast"]),
     ({"at": "conv9"}, "cut-unknown", ["conv9", "conv2"]), ({"unfreeze": "logits"}, "cut-unknown", ["dense_relu1"]),
     ({"unfreeze": "logits", "frozen": False}, "cut-unknown", ["dense_relu1"]),
     ({"frozen": "perhaps"}, "bad-value", ["model.frozen"])],
    ids=str,
)  # fmt: skip
def test_a_body_that_is_not_there_is_told(bodies, digits, options, code: str, words):
    error = refused(lambda: build("transfer", digits, **{"body": bodies["cnn"], **options}), *words)
    assert error.code == code
    assert isinstance(error, RequestError)


def test_samples_of_another_shape_are_told_with_both(bodies):
    wide = tiza.load((np.zeros((20, 28, 30), np.uint8) + np.arange(20, dtype=np.uint8)[:, None, None], [0, 1] * 10))
    assert refused(lambda: build("transfer", wide, body=bodies["cnn"]), "1×28×28", "1×28×30").code == "body-shape"
    iris = tiza.load("iris")
    assert refused(lambda: build("transfer", iris, body=bodies["cnn"]), "1×28×28", "4").code == "body-shape"
    assert refused(lambda: build("transfer", iris, body="resnet18"), "4").code == "needs-images"
    rgba = tiza.load((np.random.default_rng(0).integers(0, 255, (20, 4, 9, 9), np.uint8), [0, 1] * 10))
    assert refused(lambda: build("transfer", rgba, body="resnet18"), "4").code == "body-channels"


def test_other_weights_than_those_recorded_are_refused(bodies, digits, tmp_path):
    shutil.copytree(bodies["cnn"].removeprefix("run:"), tmp_path / "body")
    config = build("transfer", digits, body=f"run:{tmp_path / 'body'}").config
    other = tiza.fit(make(Recipe, {"data": {"name": "mnist", "limit": 300}, "model": CNN, "plan": {"epochs": 1}}))
    shutil.rmtree(tmp_path / "body")
    shutil.copytree(other.path, tmp_path / "body")
    assert refused(lambda: build(config, digits), "model.origin").code == "body-other"
    plain = json.loads(config.model_dump_json())
    build(make(type(config), plain | {"origin": None}), digits)
    elsewhere = make(type(config), plain | {"body": f"run:{other.path}"})  # another than the one recorded
    assert refused(lambda: build(elsewhere, digits), "model.origin").code == "body-other"


def test_a_body_that_is_still_training_is_refused(digits, tmp_path):
    from tiza.training.events import Measured, Stop

    cut_off = [lambda event, learner: Stop("interrupted") if isinstance(event, Measured) else None]
    with pytest.raises(KeyboardInterrupt):
        tiza.fit(
            make(Recipe, {"data": "mnist", "model": CNN, "plan": PLAN}), digits, run=tmp_path / "cut", readers=cut_off
        )
    begun = refused(
        lambda: build("transfer", digits, body=f"run:{tmp_path / 'cut'}"), str(tmp_path / "cut"), "--resume"
    )
    assert begun.code == "body-unfinished"


def test_a_run_of_a_users_own_module_is_no_body(digits, tmp_path):
    own = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    run = tiza.fit(own, digits, {"epochs": 1}, run=tmp_path / "own")
    assert refused(lambda: build("transfer", digits, body=f"run:{run.path}")).code == "external-model"
