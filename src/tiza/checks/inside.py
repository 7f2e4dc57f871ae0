"""Checks of the model itself, on about a thousand train samples."""

import math

import torch
from torch import nn

from tiza.checks.case import Case, Fields, check
from tiza.models.layers import Normalise

LARGE, SPREAD = 10.0, 100.0  # a feature this large; deviations this unlike
DEAD = 0.4  # the share of a layer's units


@check("double-softmax", "problem")
def double_softmax(case: Case) -> Fields | None:
    """The outputs are probabilities already, so that the loss takes a softmax of a softmax.

    At best a sample's outputs are 1 for its class and 0 for the K − 1 others: the loss is log(1 + (K − 1)/e).
    """
    if case.answers is None or not case.history:
        return None
    outputs, _ = case.answers
    if (outputs < 0).any() or not torch.allclose(outputs.sum(1), torch.ones(len(outputs)), atol=1e-4):
        return None
    outputs_n = outputs.shape[1]
    return {
        "floor": math.log1p((outputs_n - 1) / math.e),
        "loss": case.kept.train["loss"][0],
        "outputs": outputs_n,
    }


@check("unscaled", "warning")
def unscaled(case: Case) -> Fields | None:
    """What leaves the model's own normalisation is far from 1 or of very unlike scales, feature by feature.

    A channel counts as one feature: its pixels share a scale. A body that begins with a normalisation that learns
    scales for itself.
    """
    if case.sample is None or case.model is None:
        return None
    body = case.model.get_submodule("body")
    first = next((m for m in body.modules() if any(True for _ in m.parameters(recurse=False))), None)
    if isinstance(first, (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)):
        return None
    own = next(
        (part for part in body.children() if isinstance(part, Normalise)), nn.Identity()
    )  # a body's, that has one
    with torch.inference_mode():
        x = own(case.model.get_submodule("normalise")(case.sample[0])).transpose(0, 1).flatten(1).double()
    deviation = x.std(1, correction=0)
    changing = deviation > 0
    if not changing.any():
        return None
    size = x[changing].square().mean(1).sqrt()
    largest, ratio = float(size.max()), float(deviation[changing].max() / deviation[changing].min())
    if 1 / LARGE <= largest <= LARGE and ratio <= SPREAD:
        return None
    return {"largest": largest, "smallest": float(size.min()), "ratio": ratio}


@check("dead-units", "warning")
def dead_units(case: Case) -> Fields | None:
    """ReLU units (in convolutions: channels) that are zero for every sample: no gradient reaches them any more."""
    if case.answers is None or case.sample is None:
        return None
    _, active = case.answers
    shares = {layer: float((~units).double().mean()) for layer, units in active.items()}
    if not shares or max(shares.values()) < DEAD:
        return None
    worst = max(shares, key=shares.__getitem__)
    return {
        "dead": sum(int((~units).sum()) for units in active.values()),
        "units": sum(len(units) for units in active.values()),
        "n": len(case.sample[0]),
        "layer": worst,
        "share": shares[worst],
        "layers": shares,
    }
