"""The part of a worked sheet that goes from the logits to the loss, its gradient and one update."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

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
    label, p = int(of.labels[i]), of.probabilities[i]
    likeliest = sorted(range(len(p)), key=lambda c: (c != label and c not in known, -p[c]))
    shown = sorted(likeliest[:CLASSES] if len(p) > MANY else likeliest)
    shown = shown if int(p.argmax()) in shown else sorted([*shown, int(p.argmax())])
    rest = [c for c in range(len(p)) if c not in shown]
    z = {c: known.get(c) or written(of.logits[i, c]) for c in shown}
    most = max(z.values(), key=lambda number: number.value)
    pad.say(t("sheet.softmax", name=names[label]))
    shifted = _filled({c: written(z[c].value - most.value) for c in shown}, "z − max", names)
    raised = _filled({c: written(math.exp(shifted[c].value)) for c in shown}, "e", names)
    others = written(math.fsum(of.exponentials[i, rest]))
    if rest:
        pad.say(t("sheet.others", n=len(rest), value=others.text))
    summed = math.fsum(number.value for number in raised.values()) + (others.value if rest else 0)
    missing = [raised[c] for c in shown if c != label] + ([others] if rest else [])
    sure = math.fsum(number.value for number in missing) / summed < SURE
    places = max(DECIMALS, places_of(summed - 1))  # so that what is not the largest class still shows
    whole = written(summed, places)
    chances = _filled({c: written(raised[c].value / whole.value, near_one=True) for c in shown}, "p", names)
    gradient = _filled({c: written(chances[c].value - (c == label)) for c in shown}, "p − y", names)
    off: dict[int, str | Number] = {**gradient, **({label: "−J"} if sure else {})}
    heads = (t("col.class"), "z", t("steps.shifted"), t("steps.exponential"), "p", "y", "p − y")
    pad.table(heads, [
        (names[c], z[c], shifted[c], raised[c], chances[c], str(int(c == label)), off[c]) for c in shown
    ])  # fmt: skip
    parts = [f"Σ {t('steps.exponential')}", *([" + ", others] if rest else [])]
    total = pad.line("Σ", parts, summed, decimals=places)
    chance = _used(chances[label])
    if chance.value == 0:
        least = _used(shifted[label])
        loss = pad.line("J", ("ln(", total, ") − ", least), math.log(total.value) - least.value)
    elif sure:
        pad.say(t("sheet.sure", name=names[label]))
        parts = [part for number in missing for part in (" + ", _used(number))][1:]
        wrong = pad.line("R", parts, math.fsum(number.value for number in missing))
        loss = pad.line("J", (wrong, " / ", total), wrong.value / total.value)
        gradient[label] = pad.line("p − y", ("−", loss), -loss.value)
    else:
        loss = pad.line("J", ("−ln(", chance, ")"), -math.log(chance.value))
    return pad.section(title), loss, {c: _used(number) for c, number in gradient.items()}


def _filled(numbers: Numbers, name: str, names: Sequence[str]) -> Numbers:
    """Numbers of a column, to be filled in; others refer to them by the column's name and their class."""
    return {c: replace(number, of=f"{name}, {names[c]}", fill=True) for c, number in numbers.items()}


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
