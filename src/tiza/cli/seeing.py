"""``tiza explain`` structure, kernels, filter, maps, units: what a network is made of, and what it sees."""

from pathlib import Path
from typing import TYPE_CHECKING

from tiza.cli.choosing import chosen_model
from tiza.cli.saving import tell
from tiza.i18n import number, t

if TYPE_CHECKING:
    from tiza.explain import Structure


def structure(
    target: str, size: str | None, classes: int | None, choices: list[str], save: Path | None, as_json: bool
) -> None:
    """``tiza explain structure``."""
    from tiza import explain

    body, shape = chosen_model(target, size, classes, choices, command="tiza explain structure")
    of = explain.structure(body, shape)
    words = [target, *(["--input", size] if size else []), *(["--classes", classes] if classes else [])]
    words += [word for choice in choices for word in ("--set", choice)]
    tell("structure", words, of, lambda: _say_structure(of), {"target": target, **of.to_dict()}, save, as_json)


def _say_structure(of: "Structure") -> None:
    """A line for each layer and operation; at its left which feeds which."""
    from tiza import terminal
    from tiza.explain.lanes import kind

    rows = [
        (drawn, t("structure.input") if i == 0 else node.name, kind(node),
         "×".join(map(str, node.after)), number(node.parameters, ",") if node.parameters else "")
        for i, (drawn, node) in enumerate(zip(_lines(of), of.nodes, strict=True))
    ]  # fmt: skip
    heads = ("", t("col.layer"), t("col.type"), t("col.out"), t("col.parameters"))
    out = terminal.console()
    out.print(terminal.plain_table(heads, rows, left=3))
    print()
    print(t("structure.all", n=of.layers, parameters=of.parameters))


def _lines(of: "Structure") -> list[str]:
    """The lanes beside each node: ● itself, │ what passes it, ╮ what leaves it for another lane, ╯ what comes to it."""
    from tiza.explain.lanes import lanes

    at, along = lanes(of)
    lines = []
    for i, own in enumerate(at):
        line = [" "] * (2 * max(at + along) + 1)
        leaving, coming = set[int](), set[int]()
        for (source, target), lane in zip(of.edges, along, strict=True):
            if source < i < target:
                line[2 * lane] = "│"
            elif i in (source, target) and lane != own:
                (leaving if i == source else coming).add(lane)
        for lane in leaving | coming:
            first, last = sorted((2 * own, 2 * lane))
            line[first:last] = [mark.replace(" ", "─") for mark in line[first:last]]
            marks = "┤╮╯" if lane > own else "├╭╰"
            line[2 * lane] = marks[0 if lane in leaving & coming else 1 if lane in leaving else 2]
        line[2 * own] = "●"
        lines.append("".join(line))
    return lines
