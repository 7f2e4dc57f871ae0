"""The part of a worked sheet that goes from the logits to the loss, its gradient and one update."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tiza.explain.steps import Steps, Update
from tiza.explain.written import DECIMALS, Number, Pad, Section, decimals_of, places_of, written
from tiza.i18n import t

CLASSES, MANY = 8, 12  # how many are shown, where there are more than that
SURE = 1e-6  # what is missing to a probability of 1, under which −ln p is that to six digits
COLUMNS = 4  # samples beside each other
EPSILON = 1e-8  # Adam's

Numbers = dict[int, Number]


def loss_section(
    of: Steps, i: int, names: Sequence[str], pad: Pad, title: str, known: Mapping[int, Number]
) -> tuple[Section, Number, Numbers]:
    """Softmax and cross-entropy of sample ``i``, a row for each class, of many for the likeliest; loss and p − y.

    ``known``: logits that were worked before, by class.
    """
    label, shown = int(of.labels[i]), _shown(of.probabilities[i], int(of.labels[i]), known)
    rest = [c for c in range(of.logits.shape[1]) if c not in shown]
    pad.say(t("sheet.softmax", name=names[label]))
    z = {c: (known.get(c) or written(of.logits[i, c])).standing(f"z, {names[c]}") for c in shown}
    most = max(z.values(), key=lambda number: number.value)
    shifted = _column("z − max", names, {c: (z[c].value - most.value, z[c], most) for c in shown})
    raised = _column("e", names, {c: (math.exp(shifted[c].value), shifted[c]) for c in shown})
    others = [written(math.fsum(of.exponentials[i, rest]))] if rest else []
    if rest:
        pad.say(t("sheet.others", n=len(rest), value=others[0].text))
    summed = math.fsum(number.value for number in [*raised.values(), *others])
    places = max(DECIMALS, places_of(summed - 1))  # so that what is not the largest class still shows
    total = replace(written(summed, places), id=pad.next)
    shares = {c: (raised[c].value / total.value, raised[c], total) for c in shown}
    chances = _column("p", names, shares, near_one=True)
    gradient = _column("p − y", names, {c: (chances[c].value - (c == label), chances[c]) for c in shown})
    missing = [*(raised[c] for c in shown if c != label), *others]
    sure = math.fsum(number.value for number in missing) / summed < SURE
    heads = (t("col.class"), "z", t("steps.shifted"), t("steps.exponential"), "p", "y", "p − y")
    rows = [
        (names[c], z[c], shifted[c], raised[c], chances[c], str(int(c == label)),
         "−J" if sure and c == label else gradient[c])
        for c in shown
    ]  # fmt: skip
    pad.table(heads, rows)
    parts = [f"Σ {t('steps.exponential')}", *(part for number in others for part in (" + ", number))]
    total = pad.line("Σ", parts, summed, list(raised.values()), decimals=places)
    if sure and chances[label].value:
        pad.say(t("sheet.sure", name=names[label]))
        parts = [part for number in missing for part in (" + ", _used(number))][1:]
        wrong = pad.line("R", parts, math.fsum(number.value for number in missing))
        loss = pad.line("J", (wrong, " / ", total), wrong.value / total.value)
        gradient[label] = pad.line("p − y", ("−", loss), -loss.value)
    elif chances[label].value:
        loss = pad.line("J", ("−ln(", _used(chances[label]), ")"), -math.log(chances[label].value))
    else:
        least = _used(shifted[label])
        loss = pad.line("J", ("ln(", total, ") − ", least), math.log(total.value) - least.value)
    return pad.section(title), loss, {c: _used(number) for c, number in gradient.items()}


def _shown(p: np.ndarray, label: int, known: Mapping[int, Number]) -> list[int]:
    """The classes that have a row: all, or the right one, those worked before and the likeliest."""
    order = sorted(range(len(p)), key=lambda c: (c != label and c not in known and c != p.argmax(), -p[c]))
    return sorted(order[:CLASSES] if len(p) > MANY else order)


def _column(name: str, names: Sequence[str], of: Mapping[int, tuple[Any, ...]], *, near_one: bool = False) -> Numbers:
    """A number for each class, to be filled in; others refer to it by the column's name and the class.

    ``of``: of each class the value, and the numbers that it comes from.
    """
    found: Numbers = {}
    for c, (value, *came) in of.items():
        number = replace(written(value, near_one=near_one), of=f"{name}, {names[c]}", fill=True)
        found[c] = number.standing(number.of, *came)
    return found


def _used(number: Number) -> Number:
    """A number that was filled in, where another line needs it."""
    return replace(number, fill=False)


def mean_section(losses: Sequence[Number], gradients: Sequence[Numbers], names: Sequence[str], pad: Pad) -> Section:
    """The mean loss of several samples and its gradient, a row for each class."""
    n = len(losses)
    parts: list[str | Number] = [part for loss in losses for part in (" + ", loss)][1:]
    pad.line("J", ("(", *parts, ") / ", Number(str(n), n)), math.fsum(loss.value for loss in losses) / n)
    pad.say(t("steps.mean-gradient", n=n))
    for first in range(0, n, COLUMNS):
        some = range(first, min(first + COLUMNS, n))
        classes = sorted({c for i in some for c in gradients[i]})
        pad.table(
            (t("col.class"), *(t("steps.sample", n=i + 1) for i in some)),
            [(names[c], *(_share(gradients[i].get(c), n) for i in some)) for c in classes],
        )
    return pad.section(t("sheet.mean-loss"))


def _share(gradient: Number | None, n: int) -> str | Number:
    return "" if gradient is None else replace(written(gradient.value / n), fill=True)


def update_section(of: Update, gradient: Numbers, known: Number | None, pad: Pad) -> Section:
    """The weight of the last layer whose slope is the steepest: its gradient, and what one step makes of it.

    ``known``: its input, where that was worked before.
    """
    c, j = of.largest
    given, before = known or written(of.inputs[j], trim=True), of.weights[c, j]
    pad.say(t("sheet.weight", layer=of.layer, name=of.classes[c], j=j))
    slope = pad.line("∂J/∂w", (gradient[c], " · ", given), gradient[c].value * given.value)
    lr, w, decay = written(of.lr, trim=True), _precise(before, of.moved[c, j]), written(of.weight_decay, trim=True)
    pad.say(t("sheet.step", optimizer=of.optimizer, lr=lr.text, decay=decay.text, w=w.text))
    if decay.value and of.optimizer != "adamw":
        slope = pad.line("g", (slope, " + ", decay, " · ", w), slope.value + decay.value * w.value)
    parts: list[str | Number] = ["−", lr, " · ", slope]
    change = -lr.value * slope.value
    if of.optimizer in ("adam", "adamw"):
        small = written(EPSILON, trim=True)
        parts += [" / (|", slope, "| + ", small, ")"]
        change /= abs(slope.value) + small.value
    if decay.value and of.optimizer == "adamw":
        parts += [" − ", lr, " · ", decay, " · ", w]
        change -= lr.value * decay.value * w.value
    change = pad.line("Δw", parts, change)
    pad.line("w′", (w, " + ", change), w.value + change.value, decimals=max(DECIMALS, decimals_of(w)))
    return pad.section(t("sheet.update"))


def _precise(before: float, after: float) -> Number:
    """A weight with so many decimals that three digits of its change can be seen, at most ten."""
    return written(before, min(10, max(DECIMALS, places_of(after - before) - DECIMALS + 3)))
