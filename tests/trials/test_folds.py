"""Folds: stratified, without a sample on both sides, everything fitted to their own train."""

import numpy as np
import pytest
import torch

import tiza
from tiza.data.dataset import Dataset
from tiza.data.folds import folds, pool_of
from tiza.errors import TizaError


def with_copies() -> Dataset:
    split = tiza.load("iris").train
    times = np.arange(len(split)) % 4 + 1
    return tiza.load((np.repeat(np.asarray(split.x), times, 0), np.repeat(split.y.numpy(), times)))


@pytest.mark.parametrize("name", ["iris", "digits", "copies"])
def test_every_sample_is_validation_once(name: str):
    data = with_copies() if name == "copies" else tiza.load(name)
    parts = folds(data, 5)
    assert sum(len(part.valid) for part in parts) == len(pool_of(data))
    shares = np.bincount(pool_of(data).y, minlength=len(data.classes)) / len(pool_of(data))
    for part in parts:
        assert len(part.train) + len(part.valid) == len(pool_of(data))
        seen = {row.tobytes() for row in part.train.x.numpy()}  # type: ignore[union-attr]
        assert not any(row.tobytes() in seen for row in part.valid.x.numpy())  # type: ignore[union-attr]
        own = np.bincount(part.look("valid").y, minlength=len(data.classes)) / len(part.valid)
        np.testing.assert_allclose(own, shares, atol=0.03)
        assert part.test is data.test


def test_the_scaling_is_that_of_each_folds_own_train():
    first, second, *_ = folds(tiza.load("iris"), 4)
    for part in (first, second):
        torch.testing.assert_close(part.scaling()[0], part.train.x.double().mean(0).float())  # type: ignore[union-attr]
    assert not torch.equal(first.scaling()[0], second.scaling()[0])


def test_folds_are_the_seeds():
    data = tiza.load("iris")
    indices = [folds(data, 3, seed)[0].look("valid").digest() for seed in (0, 0, 1)]
    assert indices[0] == indices[1] != indices[2]


def test_more_folds_than_a_class_has_samples_is_told():
    data = tiza.load("iris", limit=40)
    with pytest.raises(TizaError, match="ask for at most"):
        folds(data, 39)


def test_where_validation_is_the_test_set_only_train_is_divided():
    data = tiza.load("iris", valid="test")
    assert len(pool_of(data)) == len(data.train)
