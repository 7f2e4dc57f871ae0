"""``tiza explain`` confused: where a model fails, as tables, JSON and pictures."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from tiza.cli.choosing import own_model
from tiza.i18n import number, t

if TYPE_CHECKING:
    from torch import nn

    from tiza.explain import Cell, Confused
    from tiza.runs import Run

PAIRS, SAMPLES = 10, 10  # shown in a table


def confused(run: str, cell: str | None, split: str, model: str | None, save: Path | None, as_json: bool) -> None:
    """``tiza explain confused``."""
    from tiza import explain

    found, own = _run(run, model)
    of = explain.confused(found, cell, split=split, model=own)
    more = ["--cell", cell] if cell is not None else []
    words = [run, *more, *(["--split", split] if split != "valid" else []), *(["--model", model] if model else [])]
    _show("confused", words, of, lambda: _say_confused(of, run), of.to_dict(), save, as_json)


def _say_confused(of: "Confused", run: str) -> None:
    from tiza import terminal

    out, n = terminal.console(), int(of.confusion.sum())
    split = t(f"split.{of.split}")
    if not of.pairs:
        print(t("confused.none", n=n, split=split))
    else:
        out.print(t("confused.pairs", split=split, n=n, wrong=of.wrong), style="bold")
        rows = [
            (" ↔ ".join(pair.classes), *(number(count, ",") for count in (*pair.counts, sum(pair.counts))),
             terminal.accuracy({"accuracy": pair.share, "interval": pair.interval}))
            for pair in of.pairs[:PAIRS]
        ]  # fmt: skip
        out.print(terminal.plain_table((t("col.pair"), "→", "←", t("col.both"), t("col.share")), rows))
        if (rest := len(of.pairs) - PAIRS) > 0:
            out.print(t("confused.more", n=rest), style=terminal.QUIET)
    if of.cell is not None:
        print()
        _say_cell(of.cell, run, of.split)


def _say_cell(cell: "Cell", run: str, split: str) -> None:
    from tiza import terminal

    names, out = {"label": cell.label, "answer": cell.answer}, terminal.console()
    if not cell.n:
        print(t("confused.cell.none", **names, of=cell.of))
        return
    low, high = cell.interval
    said = t("confused.cell", **names, n=cell.n, of=cell.of, share=cell.share, low=low, high=high)
    out.print(said, style="bold")
    rows = [
        (str(i), number(p, ".2%"), number(q, ".2%"))
        for i, p, q in zip(cell.index[:SAMPLES], cell.probability, cell.label_probability, strict=False)
    ]
    out.print(terminal.plain_table((t("col.sample"), t("col.of-answer"), t("col.of-label")), rows))
    if (rest := cell.n - SAMPLES) > 0:
        out.print(t("confused.cell.more", n=rest), style=terminal.QUIET)
    print(
        t("confused.next", run=quote(run), index=int(cell.index[0]), split="" if split == "valid" else " --split train")
    )


def _run(name: str, model: str | None) -> "tuple[Run, nn.Module | None]":
    """The run of that name, and the user's own module for it where one is given."""
    from tiza.runs import find

    run = find(name)
    return run, own_model(model, run.facts) if model is not None else None


def _show(
    what: str, words: Sequence[str], of: Any, say: Callable[[], None], numbers: Mapping[str, Any], save: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """What is said, or the numbers as JSON; the picture where it is asked for, else how to get it."""
    from tiza.cli.saving import say_saved
    from tiza.storage import to_json

    saved: list[Path] = []
    if save is not None:
        from tiza import figures

        saved = figures.save(getattr(figures, what)(of), save / what)
    if as_json:
        print(to_json({**numbers, "saved": [str(path) for path in saved]}))
        return
    say()
    if save is None:
        print(t("draw.how", command=" ".join(["tiza explain", what, *map(quote, words)])))
    say_saved(saved)
