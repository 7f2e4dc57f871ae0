"""Samples as points: what one layer makes of them, brought to two dimensions by PCA or t-SNE."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tiza.data.dataset import stratified
from tiza.errors import RequestError, TizaError, unknown
from tiza.explain.hidden import hidden
from tiza.explain.layers import answers
from tiza.explain.watching import check_split, split_of, trained
from tiza.runs import Run, find

METHODS = ("pca", "t-sne")
PERPLEXITY = 30.0
FEWEST = 5  # samples that a cloud needs
NEAR = 10  # neighbours that trustworthiness looks at


@dataclass(frozen=True)
class Embedding:
    """N samples of a split as ``points`` (N, 2), from the D ``units`` of ``layer``, in the order of the split.

    ``index`` (N): their places in the split; ``labels`` and ``answers`` (N): numbers of classes; ``x``: the samples
    themselves. ``explained``: the shares of the variance along both axes, for PCA. ``perplexity``: of t-SNE.
    ``trustworthiness``: 1 where the ``near`` nearest points of every point are its nearest samples too, lower the
    more strangers are among them (J. Venna and S. Kaski, 2001); that of points thrown at random is about 0.5.
    """

    method: str
    layer: str
    units: int
    split: str
    seed: int
    classes: tuple[str, ...]
    points: np.ndarray
    index: np.ndarray
    labels: np.ndarray
    answers: np.ndarray
    x: np.ndarray
    trustworthiness: float
    near: int
    explained: tuple[float, float] | None = None
    perplexity: float | None = None

    @property
    def wrong(self) -> np.ndarray:
        """Which samples are answered with another class than their own, (N)."""
        return self.answers != self.labels

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` has it: without the samples themselves."""
        plain = {name: value for name, value in vars(self).items() if name != "x"}
        return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in plain.items()}


def embedding(
    of: str | Path | Run | nn.Module, layer: str | None = None, method: str = "pca", *, samples: int = 1000,
    split: str = "valid", seed: int = 0, perplexity: float | None = None, data: Any = None,
    model: nn.Module | None = None,
) -> Embedding:  # fmt: skip
    """The outputs of a layer (by default the last hidden one) for samples of a split, in two dimensions.

    ``pca``: the two directions of largest variance (K. Pearson, 1901). ``t-sne``: points whose neighbours are the
    samples' neighbours (L. van der Maaten and G. Hinton, JMLR 9, 2008), begun from PCA; distances between groups and
    the sizes of groups mean nothing there. Both by scikit-learn, the same for the same ``seed``, which also draws at
    most ``samples`` of the train or validation split, each class with its share. ``perplexity``: how many neighbours
    t-SNE has in mind; by default 30, or a third of the samples where they are fewer than 91.

    ``of``: a run, or a module with its ``data``; ``model``: the user's module, for runs recorded as external. Raises
    :class:`TizaError` for an unknown method or layer, a layer of one unit, fewer than 5 samples, and a perplexity that
    is not below their number.
    """
    from sklearn.manifold import trustworthiness

    if method not in METHODS:
        raise unknown("method", method, METHODS, where="--method")
    check_split(split)
    if samples < FEWEST:
        raise RequestError("embedding-few", where="--samples", n=samples, least=FEWEST)
    if not isinstance(of, nn.Module):
        of = find(of)
    network, dataset = trained(of, data, model)
    whole = split_of(dataset, split, of.name if isinstance(of, Run) else "explain")
    index = np.sort(stratified(whole.y.numpy(), samples, seed))
    if (n := len(index)) < FEWEST:
        raise TizaError("embedding-few", where=split, n=n, least=FEWEST)
    if perplexity is not None and not 0 < perplexity < n:
        raise RequestError("embedding-perplexity", where="--perplexity", perplexity=perplexity, n=n)
    x, labels = whole.gather(torch.from_numpy(index))
    name, values = hidden(network, x, layer)
    if (units := values.shape[1]) < 2:
        raise RequestError("embedding-units", where="--layer", layer=name)
    if not np.isfinite(values).all():
        raise TizaError("answer-not-finite", where="model")
    near = min(NEAR, (n - 1) // 2)
    told: dict[str, Any] = {}
    if method == "pca":
        points, told["explained"] = _pca(values)
    else:
        told["perplexity"] = perplexity or min(PERPLEXITY, (n - 1) / 3)
        points = _tsne(values, told["perplexity"], seed)
    return Embedding(
        method, name, units, split, seed, dataset.classes, points, index, labels.numpy(),
        answers(network, x).argmax(1).numpy(), x.numpy(),
        float(trustworthiness(values, points, n_neighbors=near)), near, **told,
    )  # fmt: skip


def _pca(values: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """N×D to N×2, and the shares of the variance along both axes (0 where nothing varies)."""
    from sklearn.decomposition import PCA

    if np.ptp(values, axis=0).max() == 0:
        return np.zeros((len(values), 2)), (0.0, 0.0)
    found = PCA(2, svd_solver="full").fit(values.astype(np.float64))
    one, other = found.explained_variance_ratio_.tolist()
    return found.transform(values.astype(np.float64)), (one, other)


def _tsne(values: np.ndarray, perplexity: float, seed: int) -> np.ndarray:
    """N×D to N×2."""
    from sklearn.manifold import TSNE

    return TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(values).astype(np.float64)
