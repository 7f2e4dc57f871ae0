"""``tiza explain label-errors``: labels that are probably wrong, as a table, JSON and pictures."""

import sys
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from tiza.cli.choosing import run_or_recipe
from tiza.cli.saving import tell, words_of
from tiza.i18n import number, t

if TYPE_CHECKING:
    from tiza.config import Recipe
    from tiza.explain import LabelErrors
    from tiza.runs import Run

NOISY = 3  # pairs of label and class that are told
SAMPLES = 15  # shown in the table


def label_errors(target: str, folds: int, by: str, save: Path | None, as_json: bool) -> None:
    """``tiza explain label-errors``."""
    from tiza import explain, terminal
    from tiza.cli.speech import Interrupted
    from tiza.runs import Run

    chosen = run_or_recipe(target)
    narrator = terminal.Searching() if not as_json else None
    if narrator is not None:
        print(_foreseen(chosen, folds), file=sys.stderr)
    try:
        of = explain.label_errors(chosen, folds, by=by, said=narrator)
    except KeyboardInterrupt:
        if not isinstance(chosen, Run):
            raise
        raise Interrupted("label-errors-interrupted", where=quote(target)) from None
    finally:
        if narrator is not None:
            narrator.progress.stop()
    words = words_of([target], {"--folds": (folds, 5), "--by": (by, "margin")})
    tell("label-errors", words, of, lambda: _say_errors(of), of.to_dict(), save, as_json)


def _foreseen(chosen: "Run | Recipe", folds: int) -> str:
    """What will be trained, and about how long that takes where it is known."""
    from tiza import explain, terminal
    from tiza.config import Recipe

    seconds = None if isinstance(chosen, Recipe) else explain.label_errors_seconds(chosen, folds)
    if seconds is None:
        return t("label-errors.trains", folds=folds)
    return t("label-errors.takes", folds=folds, time=terminal.seconds(seconds)) if seconds else t("label-errors.kept")


def _say_errors(of: "LabelErrors") -> None:
    """How many labels are wrong by estimate, which most probably, and which classes are labelled as which."""
    from tiza import terminal

    out, k = terminal.console(), len(of.index)
    print(t("label-errors.answers", n=of.n, folds=of.folds, accuracy=of.accuracy))
    print(t("label-errors.estimate", share=of.found.share, n=round(of.n * of.found.share)))
    noise = of.found.noise
    pairs = [(float(noise[i, j]), i, j) for i in range(len(noise)) for j in range(len(noise)) if i != j]
    for share, i, j in sorted(pairs, reverse=True)[:NOISY]:
        if share:
            print("  " + t("label-errors.pair", label=of.classes[i], other=of.classes[j], share=share))
    out.print()
    if not k:
        print(t("label-errors.none"))
        return
    out.print(t("label-errors.head", errors=k), style="bold")
    rows = [
        (t(f"short.{split}"), str(i), of.classes[label], number(p, ".1%"), of.classes[other], number(q, ".1%"))
        for split, i, label, other, (p, q) in zip(
            of.split[:SAMPLES], of.index, of.label, of.suggested, of.probabilities, strict=False)
    ]  # fmt: skip
    heads = (t("col.split"), t("col.sample"), t("col.given-label"), "P", t("col.likelier"), "P")
    out.print(terminal.plain_table(heads, rows))
    if (rest := k - SAMPLES) > 0:
        out.print(t("label-errors.more", n=rest), style=terminal.QUIET)
    print(t("label-errors.look"))
