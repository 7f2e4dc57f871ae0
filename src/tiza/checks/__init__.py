"""The diagnosis in words: what went wrong in a run, with the figures that say so and what to try.

A check is a function from a :class:`Case` to figures, or None where nothing is wrong (:func:`tiza.checks.case.check`).
The curves are those measured again after each epoch; of the running means only the first epoch's is asked, where a
first update blows up. What the number of samples allows to say is said by it: intervals of accuracies (Wilson) and of
their difference (Newcombe), and for the neighbours a paired comparison.

The other bounds are conventions, set where measured runs leave the most room (one thread; seeds 0–4, ``004-overfit``
and wine 0–11, of the recipes on all of MNIST and Fashion-MNIST 0 and 1, ``003-mlp`` 0):

- A gap of 5 points (lower end): 9.0 to 25 on ``004-overfit``, ``-regularised`` and theirs as written, 6.8 to 13 on
  ``004-underfit-as-written``; healthy recipes 1.3 at most, ``004-batch`` 4.3. A loss risen by a quarter: 1.7 to 2.4
  times its minimum on ``004-overfit`` and as written; ``000-mlp`` reaches 1.24 with a gap of 1.3 points and the 8 × 8
  digits 1.4 with 0.3 points, hence the two points that it takes too.
- A loss still falling, by 8 % in the last fifth: 10 to 11 % on ``004-underfit``, 37 to 44 on ``004-cnn``, 5 on
  ``003-mlp``, 2 on ``001-softmax``; ``004-iris`` (23 to 34 %) answers 96 % of train already, which is why
  saturation counts.
- A third of the entropy: 51 to 54 % is left on ``004-underfit``, 10 on ``001-softmax``.
- Two fifths of a layer dead: 22 to 33 % in the worst layer of ``004-overfit``, at most 26 in healthy ones, half or
  all of ``004-wine``'s two units, 53 to 70 % where L2 has silenced ``004-regularised-l2``.
- A loss twice the fresh model's: 12 times and more with Adam at 0.1, under 1 with 0.01 on the 600 images of 004; a
  tenth of the way gone: 5 % with Adam at 1e-5, 54 % at 1e-4. Leaps by 2 %: a softmax on the digits has three in nine
  epochs with gradient descent at 3, none at 1; ``004-wine`` two in fourteen.
- Sizes within 0.1 to 10 and deviations within a factor of 100: raw pixels 86, raw wine 0.1 to 58 and a factor of
  18,000; unit, symmetric and standard scales 0.3 to 1, raw Iris 1.4 to 6.
"""

from pathlib import Path
from typing import Any

from torch import nn

from tiza import runs
from tiza.checks import inside, learning  # noqa: F401  (their functions enter the registry)
from tiza.checks.case import Case, Finding
from tiza.data.dataset import Dataset
from tiza.data.sources import load
from tiza.errors import TizaError
from tiza.registry import table

__all__ = ["Finding", "diagnose"]


def diagnose(run: str | Path | runs.Run, data: Any = None, model: nn.Module | None = None) -> list[Finding]:
    """What is wrong with a run, the causes before what follows from them; nothing where it is healthy.

    ``data`` and ``model`` are the user's own, for runs recorded as external. Where data or model can't be had any more,
    the curves alone are judged, and a run that may still go on is not judged at all. The test split stays shut. Raises
    :class:`TizaError` for data that is given and is not what the run was trained on.
    """
    run = runs.find(run)
    if (ended := run.ended) is None or ended.reason == "interrupted":
        return []
    case = Case(run, _data(run, data), _model(run, model))
    found: dict[str, Finding] = {}
    for code, entry in table("check").items():
        if not found.keys() & set(entry.facts["unless"]) and (fields := entry.function(case)):
            found[code] = Finding(code, entry.facts["severity"], fields)
    return list(found.values())


def _data(run: runs.Run, data: Any) -> Dataset | None:
    if data is not None:
        given = data if isinstance(data, Dataset) else load(data)
        runs.check_data(run, given)
        return given
    try:
        again = load(run.recipe.data)
        runs.check_data(run, again)
    except TizaError:  # moved, changed, or an array of the user's: the curves still speak
        return None
    return again


def _model(run: runs.Run, model: nn.Module | None) -> nn.Module | None:
    if model is None and run.recipe.model.name == "external":
        return None
    try:
        return runs.restore(run, model=model).model
    except TizaError:  # nothing saved yet, or damaged: who restores it is told
        return None
