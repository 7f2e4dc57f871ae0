"""A data set divided k times: each part is validation once, and train is the rest."""

from dataclasses import replace

import numpy as np
import torch

from tiza.data.copies import alike, copies
from tiza.data.dataset import Dataset
from tiza.data.rows import Rows
from tiza.data.seal import Sealed, Split
from tiza.errors import RequestError


def folds(data: Dataset, k: int, seed: int = 0) -> list[Dataset]:
    """``data`` with each of ``k`` parts of train and validation together as validation; the test split stays shut.

    What is fitted to train (the scaling) is fitted to each fold's own. Raises as :func:`places_of`.
    """
    pool = pool_of(data)
    return [
        replace(data, train=pool.take(torch.from_numpy(train)), valid=pool.take(torch.from_numpy(valid)), origin={})
        for train, valid in places_of(data, k, seed)
    ]


def places_of(data: Dataset, k: int, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each of ``k`` folds where its train and its validation samples stand in :func:`pool_of`.

    The parts are stratified and drawn with ``seed``; identical samples are in one of them. Raises :class:`TizaError`
    for more folds than a class has samples.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    pool = pool_of(data)
    labels, x = pool.y.numpy(), _array(pool)
    same = alike(x) if data.config.copies in ("together", "apart") else copies([torch.from_numpy(x)]).groups()
    groups = len(np.unique(same))
    for label, n in enumerate(np.bincount(labels[np.unique(same, return_index=True)[1]], minlength=len(data.classes))):
        if 0 < n < k:
            raise RequestError("search-folds", where="folds", folds=k, label=data.classes[label], n=int(n))
    if groups == len(labels):
        return list(StratifiedKFold(k, shuffle=True, random_state=seed).split(labels, labels))
    return list(StratifiedGroupKFold(k, shuffle=True, random_state=seed).split(labels, labels, same))


def pool_of(data: Dataset) -> Split:
    """The samples that the folds divide: train, then validation; train alone where validation is the test split."""
    if isinstance(data.valid, Sealed):
        return data.train
    parts = (data.train, data.valid)
    samples = [part.x for part in parts if not isinstance(part.x, Rows)]
    if len(samples) < len(parts):
        raise RequestError("search-large", where="folds", n=sum(map(len, parts)))
    return Split(torch.cat(samples), torch.cat([part.y for part in parts]))


def _array(split: Split) -> np.ndarray:
    assert not isinstance(split.x, Rows)
    return split.x.numpy()
