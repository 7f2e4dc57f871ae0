"""Activation functions: autograd's derivatives against those in the books."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import norm

from tiza import explain
from tiza.models.layers import ACTIVATIONS


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


BOOK: dict[str, tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]] = {
    "relu": (lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0),
    "leaky-relu": (lambda x: np.maximum(x, 0.01 * x), lambda x: np.where(x > 0, 1, 0.01)),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x))),
    "step": (lambda x: (x > 0) * 1.0, lambda x: 0 * x),
    "softplus": (lambda x: np.log1p(np.exp(x)), sigmoid),
    "gelu": (lambda x: x * norm.cdf(x), lambda x: norm.cdf(x) + x * norm.pdf(x)),
}


@pytest.mark.parametrize("name", list(BOOK))
def test_values_and_slopes_are_those_of_the_books(name: str):
    curve = explain.activations()[name]
    function, slope = BOOK[name]
    assert curve.y == pytest.approx(function(curve.x), abs=1e-9)
    assert curve.slope == pytest.approx(slope(curve.x), abs=1e-9)


def test_every_activation_that_a_recipe_can_name_is_shown():
    assert {*ACTIVATIONS} <= explain.activations().keys() == BOOK.keys()
