"""Worked numbers as a sheet: every line can be worked from what is written in it, to the digits that are written."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from tiza.explain.sheet_layers import Written, layer_sections
from tiza.explain.sheet_loss import loss_section, mean_section, update_section
from tiza.explain.steps import Steps
from tiza.explain.trace import Trace
from tiza.explain.written import Line, Number, Pad, Section, Table, in_brackets, written
from tiza.i18n import t


@dataclass(frozen=True)
class Sheet:
    """A title, ``facts`` and sections in the user's language.

    ``x``: the sample (C×H×W or F), its values' names and texts as ``row`` where it is a table's, and ``place``, the
    value that is followed; nothing for logits alone.
    """

    title: str
    facts: tuple[str, ...]
    sections: tuple[Section, ...]
    x: np.ndarray | None = None
    place: tuple[int, ...] | None = None
    row: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As the page has it; brackets around negative numbers are texts of their own there."""
        sections = [
            {"title": section.title, "blocks": [_plain(block) for block in section.blocks]} for section in self.sections
        ]
        return {"title": self.title, "facts": self.facts, "place": self.place, "sections": sections}


def _plain(block: str | Table | Line) -> str | dict[str, Any]:
    if isinstance(block, str):
        return block
    if isinstance(block, Line):
        bracketed = [("(", part, ")") if negative else (part,) for part, negative in in_brackets(block.parts)]
        block = replace(block, parts=tuple(part for some in bracketed for part in some))
    return asdict(block)


def sheet(of: Trace | Steps) -> Sheet:
    """A sample of a run, or logits and labels, as lines to follow with a pocket calculator.

    Every result is rounded before it goes on, to five decimals, or to five digits where it is smaller or near 1: the
    last digits can differ from those of float64, and the rest of each long sum, which is given, brings it back.
    """
    pad = Pad()
    if isinstance(of, Steps):
        names = [str(c) for c in range(of.logits.shape[1])]
        worked = [loss_section(of, i, names, pad, t("steps.sample", n=i + 1), {}) for i in range(len(of.labels))]
        sections = [section for section, *_ in worked]
        if len(worked) > 1:
            sections.append(mean_section([loss for _, loss, _ in worked], [row for *_, row in worked], names, pad))
        return Sheet(t("sheet.logits.title"), (t("sheet.how"),), tuple(sections))
    sections, done = layer_sections(of, pad)
    facts = [t("sheet.of", run=of.run, label=of.label, answer=of.answer), t("sheet.how")]
    place = of.layers[0].at
    title = t("sheet.title", index=of.index, split=t(f"split.{of.split}"))
    names = of.features or tuple(f"x[{i}]" for i in range(len(of.x)))
    values = of.x.tolist() if of.x.ndim == 1 else []
    row = tuple((name, written(value, trim=True).text) for name, value in zip(names, values, strict=False))
    if len(of.layers) == 1:
        return Sheet(title, tuple(facts), tuple(sections), of.x, row=row)
    last = len(of.layers) - 1
    known = {done[last][0][0]: done[last][1]} if last in done and done[last][1].of else {}
    part, _, gradient = loss_section(of.steps, 0, of.classes, pad, t("sheet.loss"), known)
    sections.append(part)
    if of.update:
        sections.append(update_section(of.update, gradient, _input_of_last(of, done), pad))
    pad.say(t("sheet.after", after=written(of.after.loss).text))
    pad.blocks += [t(f"sheet.otherwise.{name}") for name in of.otherwise]
    sections.append(pad.section(t("sheet.afterwards")))
    return Sheet(title, tuple(facts), tuple(sections), of.x, place, row)


def _input_of_last(of: Trace, done: Written) -> Number | None:
    """The input of the weight that is updated, as it came out of the layer before the last linear one."""
    last = next((layer for layer in of.layers if of.update and layer.name == of.update.layer), None)
    if last is None or last.followed is None or of.layers[-1].type == "Mirrored":  # whose inputs are means of two
        return None
    place, number = done.get(last.source(last.followed), (None, None))
    return number if place == last.places[last.followed] else None
