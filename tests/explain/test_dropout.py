"""Dropout at work: the draws are torch's own, activations are switched off and no weights, nothing else changes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tiza import explain, fit, load
from tiza.config import Recipe, make
from tiza.errors import TizaError
from tiza.models.layers import Dropout

P = 0.3
DIGITS = load("digits")


def network(dropout: nn.Module, *between: nn.Module) -> nn.Sequential:
    """After dropout the logits follow linearly."""
    torch.manual_seed(0)
    body = [nn.Flatten(), nn.Linear(64, 50), nn.ReLU(), *between, dropout, nn.Linear(50, 10)]
    return nn.Sequential(*body).double()


class Scaled(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.double() / 16


def model(dropout: nn.Module, *between: nn.Module) -> nn.Sequential:
    return nn.Sequential(Scaled(), network(dropout, *between))


def test_the_draws_are_torchs_own():
    net = model(nn.Dropout(P))
    of = explain.dropout(net, 3, DIGITS, draws=40, seed=7)
    x = DIGITS.look("valid").x[3:4]
    torch.manual_seed(7)
    units = net[1][:3](net[0](x)).expand(40, 50)
    dropped = F.dropout(units, P, training=True)
    assert np.array_equal(of.activations, dropped.detach().numpy())
    assert np.array_equal(of.units, units[0].detach().numpy())
    assert of.drawn == pytest.approx(net[1][-1](dropped).detach().numpy())
    assert of.logits == pytest.approx(net.eval()(x)[0].detach().numpy())
    assert of.label == int(DIGITS.look("valid").y[3])
    assert of.layer == "1.3"


@pytest.mark.parametrize("layer", [nn.Dropout, Dropout])
def test_what_is_on_is_divided_by_what_stays_and_the_share_off_is_p(layer: type[nn.Dropout]):
    of = explain.dropout(model(layer(P)), data=DIGITS, draws=400)
    assert sorted(np.unique(of.factors)) == pytest.approx([0, 1 / (1 - P)])
    assert of.off.mean() == pytest.approx(P, abs=5 * (P * (1 - P) / of.off.size) ** 0.5)
    assert of.off.std(0).min() > 0, "a unit that no draw switches off"
    assert (of.units == 0).any(), "units that are 0 anyway are drawn too"
    assert of.off[:, of.units == 0].mean() == pytest.approx(P, abs=0.05)


@pytest.mark.parametrize("layer", [nn.Dropout, Dropout])
def test_of_a_linear_readout_the_mean_of_many_draws_is_eval_mode(layer: type[nn.Dropout]):
    of = explain.dropout(model(layer(P)), data=DIGITS, draws=4_000)
    error = of.drawn.std(0) / len(of.drawn) ** 0.5
    assert (error > 0).all()
    assert (np.abs(of.drawn.mean(0) - of.logits) < 5 * error).all()


def test_in_place_or_not_is_the_same():
    one, other = (explain.dropout(model(nn.Dropout(P, inplace=i)), data=DIGITS, draws=5) for i in (False, True))
    assert np.array_equal(one.factors, other.factors)
    assert np.array_equal(one.units, other.units)
    assert np.array_equal(one.drawn, other.drawn)


def test_only_dropout_is_in_training_mode_and_the_callers_model_and_random_state_are_left_alone():
    norm = nn.BatchNorm1d(50)
    net = model(nn.Dropout(P), norm).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    of = explain.dropout(net, 0, DIGITS, draws=3)
    assert torch.equal(torch.rand(3), expected)
    assert net.training
    assert net[1][-2].training
    assert not any(module._forward_pre_hooks for module in net.modules())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    net.eval()
    assert of.logits == pytest.approx(net(DIGITS.look("valid").x[:1])[0].detach().numpy())
    assert np.unique(np.round(of.drawn[:, 0], 9)).size == 3, "draws of one batch that are all the same"


def test_the_same_seed_gives_the_same_draws_and_another_others():
    one, same, other = (explain.dropout(model(Dropout(P)), data=DIGITS, draws=8, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(one.off, same.off)
    assert not np.array_equal(one.off, other.off)


def test_the_sample_is_by_default_the_one_that_eval_mode_is_least_sure_of():
    net = model(nn.Dropout(P)).eval()
    with torch.no_grad():
        sure = net(DIGITS.look("valid").x).softmax(1).amax(1)
    assert explain.dropout(net, data=DIGITS, draws=2).index == int(sure.argmin())


def test_whole_maps_are_switched_off_where_the_layer_does_so():
    net = nn.Sequential(Scaled(), nn.Conv2d(1, 6, 3).double(), nn.Dropout2d(0.5), nn.Flatten(),
                        nn.Linear(216, 10).double())  # fmt: skip
    maps = explain.dropout(net, data=DIGITS, draws=10).off.reshape(10, 6, 36)
    assert (maps.all(2) | ~maps.any(2)).all()
    assert maps.any()
    assert not maps.all()


def test_the_probability_of_the_right_class_is_the_softmax_of_its_logit():
    of = explain.dropout(model(Dropout(P)), 5, DIGITS, draws=9)
    assert of.probability == pytest.approx(F.softmax(torch.tensor(of.logits), 0)[of.label].item())
    assert of.probabilities == pytest.approx(F.softmax(torch.tensor(of.drawn), 1)[:, of.label].numpy())


def small(dropout: float) -> Recipe:
    plan = {"epochs": 6, "lr": 0.01, "threads": 1}
    return make(Recipe, {"data": "digits", "model": {"name": "mlp", "hidden": [32], "dropout": dropout}, "plan": plan})


def test_a_recipe_is_trained_as_its_run_would_be_and_not_kept(tmp_path: Path, home: Path):
    run = fit(small(0.5), run=tmp_path / "run")
    of, trained = explain.dropout(run, 2), explain.dropout(small(0.5), 2)
    assert (of.layer, of.p, len(of.units)) == ("dropout1", 0.5, 32)
    assert np.array_equal(of.off, trained.off)
    assert of.drawn == pytest.approx(trained.drawn)
    assert not (home / "runs").exists()


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_model_without_dropout_and_a_sample_that_is_not_there_are_told(language: str):
    from tiza.i18n import set_language

    set_language(language)
    for without in (small(0), model(nn.Identity()), model(nn.Dropout(0))):
        with pytest.raises(TizaError) as caught:
            explain.dropout(without, data=DIGITS if isinstance(without, nn.Module) else None)
        assert (caught.value.code, caught.value.exit_code) == ("no-dropout", 2)
        assert "004-dropout" in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(TizaError) as caught:
        explain.dropout(model(nn.Dropout(P)), 10_000, DIGITS)
    assert caught.value.code == "no-answer"


def test_a_mirrored_network_shows_the_units_of_the_picture_itself():
    options = {"name": "cnn", "channels": [4, 4], "hidden": [], "dropout": 0.5, "mirrored": True}
    recipe = make(Recipe, {"data": {"name": "digits", "limit": 200}, "model": options, "plan": {"epochs": 1}})
    of = explain.dropout(recipe, draws=6)
    assert of.factors.shape == (6, len(of.units))
    assert len(np.unique(of.off, axis=0)) == 6
