"""``tiza recipes``: the list, one of them in full, and a recipe against its variants."""

import json
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tiza.errors import RequestError
from tiza.i18n import number, t

if TYPE_CHECKING:
    from tiza.catalogue.comparing import Comparison, Difference, Trained
    from tiza.catalogue.gaining import Mean, Phases
    from tiza.catalogue.systems import System


def recipes(words: Sequence[str], seeds: int | None, save: Path | None, as_json: bool) -> None:
    """``tiza recipes``, ``tiza recipes ID`` and ``tiza recipes compare ID``."""
    if words[:1] != ["compare"] and (seeds is not None or save is not None):
        raise RequestError("recipes-compare", where="--seeds" if seeds is not None else "--save")
    match list(words):
        case []:
            _list(as_json)
        case ["compare"]:
            raise RequestError("missing-argument", where="ID", name="ID", command="tiza recipes compare")
        case ["compare", id]:
            _compare(id, seeds, save, as_json)
        case [id]:
            _one(id, as_json)
        case [_, *_]:
            raise RequestError("recipes-words", where=" ".join(words))


def _list(as_json: bool) -> None:
    from tiza import terminal
    from tiza.catalogue import systems
    from tiza.storage import to_json

    found = systems()
    if as_json:
        print(to_json({"recipes": [system.to_dict() for system in found]}))
        return
    out = terminal.console()
    rows = [
        (one.id, one.shows, _band(one),
         "" if one.seconds is None else terminal.seconds(one.seconds))
        for one in found
    ]  # fmt: skip
    out.print(terminal.plain_table((t("col.id"), t("col.shows"), t("col.accuracy"), t("col.time")), rows, left=2))
    out.print()
    print(t("recipes.next"))


def _one(id: str, as_json: bool) -> None:
    from tiza import terminal
    from tiza.catalogue import recipes, system
    from tiza.storage import to_json

    found = system(id)
    recipe = recipes[id].model_dump(mode="json", exclude_unset=True) if found.trained else None
    if as_json:
        print(to_json({**found.to_dict(), "values": recipe}))
        return
    out = terminal.console()
    out.print(found.id, style="bold")
    print(found.shows)
    for line in _claims(found):
        out.print(line, style=terminal.QUIET)
    if recipe:
        print()
        for part, values in recipe.items():
            print(f"{part:6}" + "  ".join(f"{name}={json.dumps(value)}" for name, value in values.items()))
    print()
    print(found.command)
    if found.variants:
        print(t("recipes.compare", id=id, variants=", ".join(found.variants)))


def _band(found: "System") -> str:
    if found.claim is None:
        return ""
    low, high = found.claim
    return f"{number(100 * low, '.0f')}–{number(high, '.0%')}"


def _claims(found: "System") -> list[str]:
    if found.claim is None:
        return []
    low, high = (number(end, ".1%") for end in found.claim)
    return [t("recipes.claim", low=low, high=high, seconds=found.seconds or 0.0)]


def _compare(id: str, seeds: int | None, save: Path | None, as_json: bool) -> None:
    from tiza import terminal
    from tiza.catalogue.comparing import SEEDS, compare
    from tiza.cli.saving import say_saved
    from tiza.storage import to_json

    def said(recipe: str, seed: int) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[K{t('compare.training', recipe=recipe, seed=seed)}", end="", file=sys.stderr, flush=True)

    found = compare(id, SEEDS if seeds is None else seeds, said, curves=save is not None)
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    saved: list[Path] = []
    if save is not None:
        from tiza import figures

        drawn = figures.comparison({one.id: one.curves for one in (found.recipe, *found.variants)})
        saved = figures.save(drawn, save / f"compare-{id}")
    if as_json:
        print(to_json({**found.to_dict(), "saved": [str(path) for path in saved]}))
        return
    out = terminal.console()
    out.print(terminal.plain_table(_heads(), [_row(trained) for trained in (found.recipe, *found.variants)]))
    out.print()
    for sentence in _sentences(found):
        print(sentence)
    if gains := found.gains():
        _say_gains(gains, len(found.recipe.seeds))
    say_saved(saved)


def _heads() -> tuple[str, ...]:
    return (t("col.recipe"), t("col.train"), t("col.valid"), t("col.lowest-highest"), t("col.f1"), t("col.loss"))


def _row(trained: "Trained") -> tuple[str, ...]:
    from statistics import median

    valid = trained.valid["accuracy"]
    return (
        trained.id, number(median(trained.train["accuracy"]), ".1%"), number(median(valid), ".1%"),
        f"{number(100 * min(valid), '.1f')}–{number(100 * max(valid), '.1f')}",
        number(median(trained.valid["f1_macro"]), ".3f"), number(median(trained.valid["loss"]), ".3f"),
    )  # fmt: skip


def _say_gains(gains: "list[Phases]", n: int) -> None:
    """Start, slope and asymptote of each recipe, and what differs."""
    from tiza import terminal
    from tiza.catalogue.gaining import PHASES

    def cell(mean: "Mean") -> str:
        return f"{number(100 * mean.mean, '.1f')} ± {number(50 * (mean.high - mean.low), '.1f')}"

    heads = (t("col.recipe"), *(t(f"col.{name}") for name in PHASES))
    print()
    terminal.console().print(
        terminal.plain_table(heads, [(one.id, *(cell(one.of[name]) for name in PHASES)) for one in gains])
    )
    print()
    print(textwrap.fill(t("compare.phases"), 80))
    for one in gains[1:]:
        points = {
            name: t("compare.phase", name=t(f"col.{name}"), mean=100 * of.mean, low=100 * of.low, high=100 * of.high)
            for name, of in one.more.items() if of.shown
        }  # fmt: skip
        hidden = [t(f"col.{name}") for name in one.more if name not in points]
        print(f"{one.id}: {_told(list(points.values()), hidden, n)}.")


def _sentences(found: "Comparison") -> list[str]:
    """What each variant costs or brings, in words and numbers."""
    n = len(found.recipe.seeds)
    by_variant: dict[str, list[Difference]] = {}
    for difference in found.differences():
        by_variant.setdefault(difference.id, []).append(difference)
    said = [t("compare.against", id=found.recipe.id, n=n)]
    for id, (accuracy, f1, loss) in by_variant.items():
        parts = [
            t("compare.accuracy", mean=100 * accuracy.mean, low=100 * accuracy.low, high=100 * accuracy.high),
            t("compare.f1", mean=f1.mean, low=f1.low, high=f1.high),
            t("compare.loss", mean=loss.mean, low=loss.low, high=loss.high),
        ]
        shown = [part for part, of in zip(parts, (accuracy, f1, loss), strict=True) if of.shown]
        hidden = [t(f"compare.{of.metric}.name") for of in (accuracy, f1, loss) if not of.shown]
        said.append(f"{id}: {_told(shown, hidden, n)}.")
    return said


def _told(shown: list[str], hidden: list[str], n: int) -> str:
    """The differences that ``n`` seeds show, and in what they show none."""
    if not hidden:
        return "; ".join(shown)
    what = t("fig.and", one=", ".join(hidden[:-1]), other=hidden[-1]) if len(hidden) > 1 else hidden[0]
    return "; ".join([*shown, t("compare.none", what=what, n=n)])
