"""``tiza explain`` structure, kernels, filter, maps, units: what a network is made of, and what it sees."""

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from tiza.cli.choosing import chosen_data, chosen_model, run_and_model, sample_or_picture
from tiza.cli.saving import tell, words_of
from tiza.cli.working import matrix
from tiza.errors import RequestError
from tiza.i18n import number, t

if TYPE_CHECKING:
    import numpy as np

    from tiza.explain import Filtered, Kernels, Maps, Structure, Units

SHOWN = 12  # rows of a table
PADDINGS = ("valid", "same", "full")


def structure(
    target: str, size: str | None, classes: int | None, choices: list[str], at: str | None, save: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """``tiza explain structure``."""
    from tiza import explain
    from tiza.models.cutting import cut

    body, shape = chosen_model(target, size, classes, choices, command="tiza explain structure")
    of = explain.structure(body if at is None else cut(body, at, shape), shape)
    words = words_of([target], {"--input": (size, None), "--classes": (classes, None), "--cut": (at, None)})
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


def kernels(
    run: str, layer: str | None, channel: int | None, model: str | None, save: Path | None, as_json: bool
) -> None:
    """``tiza explain kernels``."""
    from tiza import explain

    found, own = run_and_model(run, model)
    of = explain.kernels(found, layer, channel=channel, model=own)
    words = words_of([run], {"--layer": (layer, None), "--channel": (channel, None), "--model": (model, None)})
    tell("kernels", words, of, lambda: _say_kernels(of), of.to_dict(), save, as_json)


def _say_kernels(of: "Kernels") -> None:
    from tiza import terminal
    from tiza.explain.kernels import strongest

    count, channels, height, width = of.weights.shape
    low, high = float(of.weights.min()), float(of.weights.max())
    out = terminal.console()
    said = t("kernels.said", layer=of.layer, n=count, height=height, width=width, channels=channels, low=low, high=high)
    out.print(said, style="bold")
    heads, rows = [t("col.kernel"), t("col.strength"), t("col.sum")], []
    for k in strongest(of.strength, SHOWN).tolist():
        rows.append([str(k), _cell(of.strength[k]), _cell(of.weights[k].sum())])
        if channels > 1:
            rows[-1].append(str(of.channels[k]))
    if channels > 1:
        heads.append(t("col.channel"))
    out.print(terminal.plain_table(heads, rows))
    if count > SHOWN:
        out.print(t("kernels.more", n=SHOWN), style=terminal.QUIET)
    print(t("kernels.sum"))


def filter(
    picture: str, kernel: str, stride: int, padding: str, sample: int | None, split: str, save: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """``tiza explain filter``."""
    from tiza import explain
    from tiza.registry import table

    given = matrix(kernel, "--kernel") if any(mark.isdigit() for mark in kernel) else kernel
    border = int(padding) if padding.isdecimal() and len(padding) < 6 else padding
    if border not in PADDINGS and not isinstance(border, int):
        raise RequestError("padding", where="--padding", text=padding)
    if sample is None and picture in table("dataset") and not Path(picture).exists():
        sample = 0
    seen, name = (picture, "") if sample is None else _sample(picture, sample, split)
    of = explain.filter(seen, given, stride=stride, padding=border, name=name)
    words = words_of(
        [picture],
        {"--kernel": (kernel, "edges"), "--stride": (stride, 1), "--padding": (padding, "0"),
         "--sample": (sample or None, None), "--split": (split, "train")},
    )  # fmt: skip
    tell("filter", words, of, lambda: _say_filter(of), of.to_dict(), save, as_json)


def _say_filter(of: "Filtered") -> None:
    from tiza import terminal

    out, (height, width) = terminal.console(), of.image.shape
    out.print(t("filter.picture", name=of.name or "–", height=height, width=width), style="bold")
    if of.original != of.image.shape:
        print(t("filter.smaller", height=of.original[0], width=of.original[1]))
    print()
    print(t(f"filter.{of.kind}" if of.kind else "filter.own", size="×".join(map(str, of.kernel.shape))))
    cells = [[_cell(value) for value in row] for row in of.kernel]
    wide = max(len(cell) for row in cells for cell in row)
    for row in cells:
        print("  " + "  ".join(cell.rjust(wide) for cell in row))
    print()
    for key, formula in zip(("filter.height", "filter.width"), of.sizes, strict=True):
        print(t(key, formula=formula))
    low, high = float(of.result.min()), float(of.result.max())
    print(t("filter.range", low=low, high=high))
    print()
    print(t("filter.worked", row=of.place[0], column=of.place[1]))
    print(fill(of.worked, 80, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False))
    print()
    print(t("convolve.cross-correlation"))


def _sample(source: str, index: int, split: str) -> "tuple[np.ndarray, str]":
    """A picture of a data set, and what to call it."""
    from tiza.explain.watching import sample_of

    data = chosen_data(source, [])
    if len(data.shape) != 3:
        raise RequestError("filter-table", where=source)
    x, _ = sample_of(data, split, index, "explain")
    return x.numpy(), f"{source} · {t('look.sample', split=t(f'split.{split}'), index=index)}"


def maps(
    run: str, what: str, layer: str | None, split: str, model: str | None, save: Path | None, as_json: bool
) -> None:
    """``tiza explain maps``."""
    from tiza import explain

    found, own = run_and_model(run, model)
    of = explain.maps(found, sample_or_picture(what), layer, split=split, model=own)
    words = words_of([run, what], {"--layer": (layer, None), "--split": (split, "valid"), "--model": (model, None)})
    tell("maps", words, of, lambda: _say_maps(of), of.to_dict(), save, as_json)


def _say_maps(of: "Maps") -> None:
    from tiza import terminal

    out, count = terminal.console(), len(of.values)
    size = "×".join(map(str, of.values.shape[1:]))
    said = t("fig.maps.title" if of.are_maps else "fig.maps.units", layer=of.layer, n=count, size=size)
    out.print(said, style="bold")
    print(t("maps.answer", name=of.name, answer=of.answer, p=of.probability))
    if of.label is not None:
        print(t("maps.label", label=of.label))
    order = (-of.strength).argsort(kind="stable")[:SHOWN].tolist()
    if of.are_maps:
        heads = t("col.map"), t("col.largest"), t("col.mean"), t("col.place")
        rows = [(str(k), _cell(of.strength[k]), _cell(of.values[k].mean()), _place(of.values[k])) for k in order]
    else:
        heads, rows = (t("col.unit"), t("col.output")), [(str(k), _cell(of.values[k])) for k in order]
    out.print(terminal.plain_table(heads, rows))
    if count > SHOWN:
        out.print(t("maps.more", n=SHOWN, of=count), style=terminal.QUIET)


def _place(values: "np.ndarray") -> str:
    """Where a map is furthest from 0."""
    row, column = divmod(int(abs(values).argmax()), values.shape[1])
    return f"{row}, {column}"


def units(run: str, layer: str | None, model: str | None, save: Path | None, as_json: bool) -> None:
    """``tiza explain units``."""
    from tiza import explain

    found, own = run_and_model(run, model)
    of = explain.units(found, layer, model=own)
    words = words_of([run], {"--layer": (layer, None), "--model": (model, None)})
    tell("units", words, of, lambda: _say_units(of), of.to_dict(), save, as_json)


def _say_units(of: "Units") -> None:
    from tiza import terminal

    out, count = terminal.console(), len(of.importance)
    out.print(t("fig.units.title", layer=of.layer, n=count), style="bold")
    rows = [
        (str(u), number(float(of.shares[u]), ".1%"), " ".join(map(str, of.best[u][:3].tolist())), of.counted(u))
        for u in of.order[:SHOWN].tolist()
    ]
    heads = t("col.unit"), t("col.importance"), t("col.best"), t("col.classes")
    out.print(terminal.plain_table(heads, rows))
    print(t("units.said", samples=of.n, best=of.best.shape[1]))
    if silent := int(of.silent.sum()):
        print(t("units.silent", n=silent, of=count))


def _cell(value: Any) -> str:
    return number(float(f"{float(value):.4g}"), "g").replace("-", "−")
