"""``Classifier``: a network as scikit-learn knows estimators, for pipelines, cross-validation and grid searches."""

import copy
import math
from collections.abc import Mapping
from typing import Annotated, Any, Self

import numpy as np
import torch
from pydantic import Field, PositiveInt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, check_random_state, validate_data
from torch import Tensor

from tiza.config import Data, Recipe, make
from tiza.data.arrays import Part, from_arrays
from tiza.data.dataset import undivided
from tiza.data.samples import for_model
from tiza.errors import RequestError, TizaError
from tiza.fitting import diverged, engines, prepare
from tiza.models.building import build, in_passes
from tiza.readers import Reader, drive, early_stopping
from tiza.training.events import Event, Measured, RunEnded
from tiza.training.feed import Feed
from tiza.training.learner import Learner
from tiza.training.loop import stream
from tiza.training.machine import choose_device, using_threads


# A field may be narrower here than in its parent, since configs are frozen; pyright can't see that in a model_config.
class _Data(Data):
    """As in a recipe, but measured on samples of its own alone."""

    valid: PositiveInt | Annotated[float, Field(gt=0, lt=1)] | None = None  # pyright: ignore[reportIncompatibleVariableOverride]


class _Asked(Recipe):
    """A recipe, and the parameters that are no part of one."""

    data: _Data  # pyright: ignore[reportIncompatibleVariableOverride]
    options: dict[str, Any] | None
    shape: tuple[PositiveInt, ...] | None


class Classifier(ClassifierMixin, BaseEstimator):
    """A network that ``fit(X, y)`` trains, by scikit-learn's estimator protocol.

    ``model``: the name of a registered model, ``options``: its own (``{"hidden": (64,)}``). ``epochs``, ``batch_size``,
    ``lr``, ``optimizer`` and ``weight_decay`` are those of :class:`tiza.Plan`; ``plan`` sets its other fields.
    ``scale``: how the input is normalised. ``shape``: that of one image (C×H×W) where the rows of X are flattened
    images; X may also be images, N×H×W, N×C×H×W or N×H×W×C. ``valid``: a count or share of the samples that is
    measured after each epoch instead of being trained on; ``plan={"patience": 5}`` then stops by it and keeps the best
    weights. ``random_state`` decides the weights, the order and that share. ``threads``: of torch; one, since who
    searches runs several at once.

    Fitted: ``classes_``, ``n_features_in_``, ``feature_names_in_`` (of a DataFrame), ``model_`` (an ``nn.Module`` in
    float64, so that an answer does not depend on the samples beside it), ``n_iter_`` and ``history_`` (of each epoch
    the loss and accuracy during it, and of ``valid`` where there is one).
    """

    def __init__(
        self, model: str = "mlp", *, options: Mapping[str, Any] | None = None, epochs: int = 30, batch_size: int = 32,
        lr: float = 3e-3, optimizer: str = "adamw", weight_decay: float = 0.0, plan: Mapping[str, Any] | None = None,
        scale: str = "standard", shape: tuple[int, ...] | None = None, valid: float | int | None = None,
        random_state: Any = None, threads: int = 1,
    ) -> None:  # fmt: skip
        self.model = model
        self.options = options
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.optimizer = optimizer
        self.weight_decay = weight_decay
        self.plan = plan
        self.scale = scale
        self.shape = shape
        self.valid = valid
        self.random_state = random_state
        self.threads = threads

    def fit(self, X: Any, y: Any) -> Self:
        """Train on the samples X and their labels y (N).

        Raises :class:`TizaError`, which is a ValueError, for parameters that can't be right (all of them at once), for
        samples or labels that can't be learnt from, and where training diverges.
        """
        X, y = validate_data(self, X, y, allow_nd=True)
        check_classification_targets(y)
        recipe = self._recipe()
        self.classes_, numbers = np.unique(y, return_inverse=True)
        raw = from_arrays({"train": Part(self._shaped(X), numbers)}, [str(name) for name in self.classes_])
        data = undivided(raw, recipe.data)
        self._sample, self._form = data.shape, data.form
        module, plan = build(recipe.model, data, seed=recipe.plan.seed), recipe.plan
        engine = engines(module, plan, choose_device(plan.device))[0]
        ready = prepare(module, data, plan, chosen=(engine, self.threads))
        self.history_: list[dict[str, float]] = []
        best: dict[str, Tensor] = {}
        feed = Feed(data, plan, ready.learner.device, train=False)
        readers = [self._noting(best if plan.keep == "best" else None), early_stopping(plan)]
        with using_threads(self.threads):
            ended = drive(stream(ready.learner, feed, plan, name="estimator"), ready.learner, readers)
        if isinstance(ended, RunEnded) and ended.reason == "diverged":
            raise diverged(ended)
        if best:
            ready.learner.load(best)
        self.n_iter_ = len(self.history_)
        self.model_ = copy.deepcopy(module).cpu().eval().double()
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class of ``classes_``, (N, C)."""
        check_is_fitted(self)
        X = validate_data(self, X, allow_nd=True, reset=False)
        samples = torch.from_numpy(for_model(self._shaped(X), self._sample, self._form))
        with torch.inference_mode():
            parts = [self.model_(some).softmax(-1) for some in in_passes(self.model_, samples, 1000)]
        probabilities = torch.cat(parts).numpy()
        if not np.isfinite(probabilities).all():
            raise TizaError("answer-not-finite", where="model")
        return probabilities

    def predict(self, X: Any) -> np.ndarray:
        """The class of each sample, (N)."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(1)]

    def _recipe(self) -> Recipe:
        """The parameters as a checked recipe."""
        seed = int(check_random_state(self.random_state).randint(2**31))
        own = {name: getattr(self, name) for name in ("epochs", "batch_size", "lr", "optimizer", "weight_decay")}
        own |= {"seed": seed, "threads": self.threads, "probe": 0}
        return make(
            _Asked,
            {
                "data": {"name": "external", "scale": self.scale, "valid": self.valid, "seed": seed},
                "model": {"name": self.model, **(self.options if isinstance(self.options, Mapping) else {})},
                "plan": own | dict(plan) if isinstance(plan := self.plan or {}, Mapping) else plan,
                "options": self.options, "shape": self.shape,
            },
        )  # fmt: skip

    def _shaped(self, X: np.ndarray) -> np.ndarray:
        """Rows as the images that they are, where ``shape`` says so."""
        if self.shape is None or X.ndim != 2:
            return X
        shape = tuple(map(int, self.shape))
        if math.prod(shape) != X.shape[1]:
            raise RequestError("estimator-shape", where="shape", shape="×".join(map(str, shape)), n=X.shape[1])
        return X.reshape(len(X), *shape)

    def _noting(self, best: dict[str, Tensor] | None) -> Reader:
        """Keeps the history, and in ``best`` the weights with the lowest validation loss."""
        lowest = np.inf

        def read(event: Event, learner: Learner) -> None:
            nonlocal lowest
            if not isinstance(event, Measured):
                return
            measured = {name: values[0] for name, values in event.running.items()}
            if self.valid is not None:
                measured |= {f"valid_{name}": event.valid[name][0] for name in ("loss", "accuracy")}
            self.history_.append(measured)
            if best is not None and event.valid["loss"][0] < lowest:
                lowest = event.valid["loss"][0]
                best.update({k: v.clone() for k, v in learner.state().items() if k.startswith("model.")})

        return read
