"""The samples behind the page: their pixels, once and in chunks; what a run's model answers for them."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from tiza import explain, runs
from tiza.config import Data, make
from tiza.data import intake
from tiza.data.dataset import Dataset
from tiza.data.seal import Sealed
from tiza.data.sources import read
from tiza.errors import RequestError
from tiza.i18n import t
from tiza.metrics import tally
from tiza.models.building import in_passes
from tiza.prediction import Predictor

CHUNK = 1_000  # samples that travel together
SIDE = 48  # pixels; larger pictures are shown smaller


def data_of(config: Data) -> Dataset:
    """The data set of a recipe, at hand when it was asked for before."""
    return _read(config.model_dump_json())


def data_for(run: runs.Run) -> Dataset:
    """The data set that a run was trained on; raises :class:`TizaError` where its source has changed since."""
    data = data_of(run.recipe.data)
    runs.check_data(run, data)
    return data


@lru_cache(10)
def _read(config: str) -> Dataset:
    return read(make(Data, json.loads(config)))


def form(data: Dataset) -> dict[str, Any]:
    """How a sample looks on the page: pictures, points of a plane, or rows of a table."""
    if len(data.shape) == 3:
        channels, height, width = data.shape
        most = max(height, width, SIDE)
        size = {"height": max(1, height * SIDE // most), "width": max(1, width * SIDE // most)}
        return {"kind": "images", "channels": 3 if channels >= 3 else 1, **size}
    return {"kind": "plane" if data.shape == (2,) else "table", "channels": 0, "height": 0, "width": 0}


def chunk_of(data: Dataset, split: str, number: int) -> range:
    """The samples that travel together as the ``number``-th chunk."""
    return range(number * CHUNK, max(number * CHUNK + 1, min((number + 1) * CHUNK, len(data.look(split)))))


def pixels(data: Dataset, split: str, index: Sequence[int], *, labelled: bool = False) -> bytes:
    """Samples of a split, one after the other: uint8 channels×height×width each, or float32 features.

    ``labelled``: points of a plane carry their label as a third number.
    """
    part = data.look(split)
    if not index or not 0 <= min(index) <= max(index) < len(part):
        raise RequestError("page-no-samples", where=f"{split} {max(index, default='')}")
    x, y = part.gather(torch.tensor(index))
    of = form(data)
    if of["kind"] == "images":
        x = x[:, : of["channels"]]
        if x.shape[2:] != (of["height"], of["width"]):
            x = F.interpolate(x.float(), (of["height"], of["width"]), mode="area").round().to(torch.uint8)
    elif of["kind"] == "plane" and labelled:
        x = torch.cat([x, y[:, None].to(x.dtype)], 1)
    return np.ascontiguousarray(x.numpy()).tobytes()


def answers(run: runs.Run, data: Dataset) -> dict[str, Any]:
    """What the run's model answers for each validation sample, and the confusion counts of it."""
    if isinstance(data.valid, Sealed):
        raise RequestError("page-valid-is-test", where="data.valid")
    model = runs.restore(run).model
    x, y = data.valid.gather(torch.arange(len(data.valid)))
    with torch.inference_mode():
        logits = torch.cat([model(part) for part in in_passes(model, x, 250)])
    probability, answer = logits.softmax(-1).max(-1)
    return {
        "index": list(range(len(y))), "label": y.tolist(), "answer": answer.tolist(),
        "probability": [round(p, 6) for p in probability.nan_to_num().tolist()],
        "confusion": tally(logits, y).confusion.tolist(),
    }  # fmt: skip


def steps(run: runs.Run, data: Dataset, split: str, index: int) -> dict[str, Any]:
    """The worked numbers of a sample, as a sheet with its answers."""
    if split == "valid" and isinstance(data.valid, Sealed):
        raise RequestError("page-valid-is-test", where="data.valid")
    return explain.sheet(explain.trace(run, index, split=split, data=data)).to_dict()


def predict(run: runs.Run, picture: bytes) -> dict[str, Any]:
    """The answer for a picture file's content, all probabilities, and the image that the model was shown."""
    predictor = Predictor(run)
    image = prepared(run, predictor.manifest.form, picture)
    if image is None:
        nothing = dict.fromkeys(("label", "class", "probability", "probabilities", "image"))
        return nothing | {"reason": t("page.try.nothing")}
    answer = predictor(image).to_dict()
    del answer["file"]
    return answer | {"image": {"shape": list(image.shape), "pixels": image.ravel().tolist()}, "reason": None}


def prepared(run: runs.Run, form: Mapping[str, Any], picture: bytes) -> np.ndarray | None:
    """A picture file's content as the run's model takes it, uint8 C×H×W; None where no digit was found."""
    if form.get("form") in (None, "table"):
        raise RequestError("predict-table", where=run.name)
    with intake.quiet():
        array = intake.decode(BytesIO(picture), t("page.try.picture"))
    return intake.prepare(array, form)
