"""The cloud behind the page: what a layer of a run makes of a thousand validation samples, in the plane."""

from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np

from tiza import runs
from tiza.data.seal import Sealed
from tiza.errors import RequestError
from tiza.explain.embedding import embedding
from tiza.explain.layers import layers_of
from tiza.web import samples

KEPT = 16  # clouds at hand
_one = Lock()  # t-SNE takes all processors for seconds: what two ask for at once is computed once


def cloud(run: runs.Run, method: str, layer: str | None) -> dict[str, Any]:
    """The points of a run's validation samples, at hand when they were asked for before with the same weights.

    t-SNE of 1,000 samples takes some seconds. Raises :class:`TizaError` for an unknown method or layer, and where
    validation is the test split: to show which of its samples are wrong would be an opening.
    """
    if isinstance(samples.data_for(run).valid, Sealed):
        raise RequestError("page-valid-is-test", where="data.valid")
    weights = run.path / "model" / "weights.safetensors"
    kept = weights if weights.exists() else run.path / "checkpoint.safetensors"
    with _one:
        return _made(run, kept.stat().st_mtime_ns if kept.exists() else 0, method, layer)


@lru_cache(KEPT)
def _made(run: runs.Run, stamp: int, method: str, layer: str | None) -> dict[str, Any]:
    model = runs.restore(run).model
    of = embedding(model, layer, method, data=samples.data_for(run))
    leaves = [name for name, part in layers_of(model).items() if not list(part.children())]
    spread = float(np.ptp(of.points, axis=0).max()) or 1.0
    middle = (of.points.max(0) + of.points.min(0)) / 2
    told = {name: value for name, value in of.to_dict().items() if name not in ("split", "seed", "classes")}
    return told | {"layers": leaves, "points": ((of.points - middle) / spread).round(4).tolist()}
