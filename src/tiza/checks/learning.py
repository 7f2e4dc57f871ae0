"""Checks of how training went: its curves, its end, and how far it came."""

import math
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from tiza.checks.case import Case, Fields, check
from tiza.data.seal import Sealed
from tiza.metrics import majority, wilson
from tiza.training.optim import factor

GAP = 0.05  # between train and validation accuracy, at least, by its interval
RISE, SLIGHT_GAP = 1.25, 0.02  # where the validation loss has risen, to so many times its minimum, this is enough
WINDOW = 5  # the last fifth of the epochs is asked whether the loss still falls
FALL = 0.08  # by this share of itself
SATURATED = 0.95  # a train accuracy that may be this high leaves little to learn
ANNEALED = 0.05  # of its peak: a rate that has come to its planned end
BLOWN = 2.0  # times the loss of the fresh model
JUMP = 0.02  # of the fresh model's loss: a rise from one epoch to the next
MOVED = 0.1  # the share of its fall, or of the weights, that is hardly any
UNEXPLAINED = 1 / 3  # of the entropy of the classes
NEIGHBOURS, SIDE = 5, 28  # that vote; side of the pictures on which they are sought


@check("diverged", "problem")
def diverged(case: Case) -> Fields | None:
    """The loss stopped being a number."""
    if case.ended is None or case.ended.reason != "diverged":
        return None
    return {"step": case.ended.failed_at, "lower": f"{case.ended.proposed_lr:g}"}


@check("rate-high", "warning", unless=("diverged",))
def rate_high(case: Case) -> Fields | None:
    """Training made the loss far higher than it was before the first update, or throws it up again and again."""
    if case.start is None or not case.history or not case.minimised:
        return None
    first = case.history[0].running["loss"][0]
    highest = max(loss for loss in (first, *case.train) if math.isfinite(loss))
    half = case.train[len(case.train) // 2 :]
    changes = [after - before for before, after in pairwise(half)]
    rises = [change for change in changes if change > JUMP * case.start]
    blown = highest > BLOWN * case.start
    thrown = len(changes) >= 4 and len(rises) >= len(changes) / 4
    if not (blown or thrown):
        return None
    return {
        "start": case.start, "highest": highest, "loss": case.train[-1], "rises": len(rises), "changes": len(changes),
        "lr": case.plan.lr, "lower": f"{case.plan.lr / 10:g}",
    }  # fmt: skip


@check("rate-low", "warning", unless=("diverged", "dead-units", "rate-high"))
def rate_low(case: Case) -> Fields | None:
    """Neither the loss nor the weights have moved much from where the fresh model stood."""
    if case.start is None or case.fresh is None or case.model is None or not (case.history and case.minimised):
        return None
    before, after = ({k: v.detach() for k, v in m.named_parameters()} for m in (case.fresh, case.model))
    size = math.sqrt(sum(float(value.square().sum()) for value in before.values())) or 1.0
    way = math.sqrt(sum(float((after[name] - value).square().sum()) for name, value in before.items()))
    loss = case.kept.train["loss"][0]
    if case.start - loss > MOVED * case.start or way > MOVED * size:
        return None
    return {
        "start": case.start, "loss": loss, "moved": way / size, "epochs": case.history[-1].epoch,
        "lr": case.plan.lr, "higher": f"{10 * case.plan.lr:g}",
    }  # fmt: skip


@check("majority", "problem")
def no_better(case: Case) -> Fields | None:
    """Validation accuracy's interval reaches down to what always answering train's most frequent class gets."""
    if case.data is None or not case.history:
        return None
    labels = case.data.look("valid").y  # counted, not compared with answers: no opening where validation is test
    common, share = majority(case.data.train.y, labels)
    accuracy, low, high = _interval(case.kept.valid)
    if low > share:
        return None
    name = case.data.classes[common]
    return {"accuracy": accuracy, "low": low, "high": high, "n": len(labels), "share": share, "name": name}


@check("overfit", "warning", unless=("diverged", "majority"))
def overfit(case: Case) -> Fields | None:
    """Train is answered clearly better than validation, by much; or by less, and the validation loss has risen."""
    if not case.history:
        return None
    train, train_low, train_high = _interval(case.kept.train)
    valid, valid_low, valid_high = _interval(case.kept.valid)
    # Newcombe's interval of a difference of two shares (Statistics in Medicine 17, 1998, method 10)
    low = train - valid - math.hypot(train - train_low, valid_high - valid)
    high = train - valid + math.hypot(train_high - train, valid - valid_low)
    loss, lowest = case.kept.valid["loss"][0], case.valid[case.best]
    if not (low > GAP or (low > SLIGHT_GAP and case.minimised and loss > RISE * lowest)):
        return None
    return {
        "train": train, "valid": valid, "low": low, "high": high, "loss": loss, "lowest": lowest,
        "epoch": case.history[case.best].epoch, "epochs": case.history[-1].epoch,
    }  # fmt: skip


@check("underfit", "warning", unless=("diverged", "double-softmax", "majority", "rate-low", "overfit"))
def underfit(case: Case) -> Fields | None:
    """Train is not answered well either: much of the uncertainty about its classes is left, and its loss still falls.

    What is left is the loss on train against the entropy of the classes there, the loss of their shares as an answer.
    """
    if case.data is None or not (case.history and case.minimised and _may_learn(case)):
        return None
    shares = case.data.train.y.bincount().double() / len(case.data.train)
    left = case.kept.train["loss"][0] / float(-shares.xlogy(shares).sum())
    fall, epochs = _fall(case.train)
    if left < UNEXPLAINED or fall < FALL:
        return None
    train, valid = case.kept.train["accuracy"][0], case.kept.valid["accuracy"][0]
    return {"train": train, "valid": valid, "left": left, "fall": fall, "window": epochs}


@check("neighbours", "warning", unless=("diverged", "majority", "rate-low", "overfit", "underfit"))
def neighbours(case: Case) -> Fields | None:
    """Under-fitting without a hint in the curves: nearest neighbours do better on validation than the model.

    Of the samples that only one of both answers rightly, more are the neighbours', beyond chance (McNemar's question,
    by the interval of their share). Where validation is the test split nobody looks.
    """
    if case.data is None or case.sample is None or case.model is None or isinstance(case.data.valid, Sealed):
        return None
    if not case.history or not _may_learn(case):
        return None
    known, labels = case.sample
    n = len(case.data.valid)
    x, y = case.data.valid.gather(torch.linspace(0, n - 1, min(n, len(known))).long())
    voted = labels[_nearest(known, x)].mode(1).values == y
    with torch.inference_mode():
        right = torch.cat([case.model(part).argmax(1) for part in x.split(250)]) == y
    better, worse = int((voted & ~right).sum()), int((right & ~voted).sum())
    if wilson(better, better + worse)[0] <= 0.5:
        return None
    figures = {"neighbours": float(voted.double().mean()), "n": len(known), "asked": len(y)}
    return {"train": case.kept.train["accuracy"][0], "valid": float(right.double().mean()), **figures}


@check("stopped-early", "note", unless=("diverged", "majority", "rate-low", "overfit"))
def stopped_early(case: Case) -> Fields | None:
    """The validation loss was still falling at the end, and there was something left to learn."""
    if not (case.history and case.minimised and _may_learn(case)) or (case.ended and case.ended.reason == "early"):
        return None
    fall, epochs = _fall(case.valid)
    last = case.history[-1]
    per_epoch = last.step // max(last.epoch, 1)
    if fall <= FALL or factor(case.plan, last.step - 1, case.plan.epochs * per_epoch, per_epoch) < ANNEALED:
        return None
    return {"fall": fall, "window": epochs, "epochs": last.epoch, "loss": case.valid[-1]}


def _interval(of: dict) -> tuple[float, float, float]:
    """The accuracy of a measured split, and its interval."""
    accuracy = of["accuracy"][0]
    return accuracy, *wilson(round(accuracy * of["n"]), of["n"])


def _may_learn(case: Case) -> bool:
    return _interval(case.kept.train)[2] < SATURATED


def _fall(losses: list[float]) -> tuple[float, int]:
    """By which share of itself a loss fell in the last fifth of the epochs, and how many those are; 0 if unsteadily.

    Steady: the last value is the lowest of all, and no more than one change in five goes up.
    """
    window = max(3, len(losses) // WINDOW)
    if len(losses) <= window or losses[-1] > min(losses):
        return 0.0, window
    last = losses[-1 - window :]
    rises = sum(after > before for before, after in pairwise(last))
    return (1 - last[-1] / last[0] if rises <= window / 5 else 0.0), window


def _nearest(known: Tensor, asked: Tensor) -> Tensor:
    """The places of the five nearest of the known samples: by columns of one deviation, or by small pictures."""
    here, there = known.float(), asked.float()
    if here.ndim == 2:
        deviation = here.std(0)
        scale = torch.where(deviation > 0, deviation, 1)
        here, there = here / scale, there / scale
    else:
        height, width = (min(SIDE, length) for length in here.shape[2:])
        here, there = (F.adaptive_avg_pool2d(x, (height, width)).flatten(1) for x in (here, there))
    return torch.cdist(there, here).topk(min(NEIGHBOURS, len(here)), largest=False).indices
