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

    The parts are stratified and drawn with ``seed``; identical samples are in one of them. What is fitted to train
    (the scaling) is fitted to each fold's own. Raises :class:`TizaError` for more folds than a class has samples.
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
        parts = StratifiedKFold(k, shuffle=True, random_state=seed).split(labels, labels)
    else:
        parts = StratifiedGroupKFold(k, shuffle=True, random_state=seed).split(labels, labels, same)
    return [
        replace(data, train=pool.take(torch.from_numpy(train)), valid=pool.take(torch.from_numpy(valid)), origin={})
        for train, valid in parts
    ]


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
