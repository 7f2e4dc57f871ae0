"""``tiza search``: what is searched, a bar while it runs, the ranking, and what can be asked next."""

import re
import sys
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from tiza.cli.speech import Interrupted
from tiza.errors import RequestError, unknown
from tiza.i18n import number, t

if TYPE_CHECKING:
    from tiza.config import Recipe
    from tiza.trials import Trials
    from tiza.trials.space import Search

TOP = 10
_UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}


def search(
    source: str | None, recipe: str | None, model: str | None, choices: list[str], grid: list[str], *,
    trials: int | None, folds: int | None, repeats: int, halving: int | None, budget: str | None, jobs: int,
    on: str | None, reuse: bool, seed: int, sealed: bool, folder: Path | None, resume: str | None, top: int,
    save: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Search, or go on; say what came of it."""
    from tiza import terminal
    from tiza.storage import to_json
    from tiza.trials import folder as folders
    from tiza.trials import search as run_search

    options: dict[str, Any] = {}
    if resume is not None:
        if source or recipe or model or choices or grid or folder:
            raise RequestError("resume-alone", where="--resume")
        path = folders.find(resume)
        options = {"run": path, "resume": True}
    else:
        options = {"recipe": _asked(source, recipe, model, choices), "grid": _grid(grid), "run": folder}
    narrator = terminal.Searching() if not as_json else None
    try:
        found = run_search(
            **options, trials=trials, folds=folds, repeats=repeats, halving=halving, budget=seconds(budget), jobs=jobs,
            on=on, reuse=reuse, seed=seed, sealed=sealed, said=narrator,
        )  # fmt: skip
    except KeyboardInterrupt:
        where = quote(str(resume or folder or "last"))
        raise Interrupted("search-interrupted", where=where) from None
    finally:
        if narrator is not None:
            narrator.progress.stop()
    saved: list[Path] = []
    if save is not None:
        from tiza.cli.saving import save_search

        saved = save_search(found, save)
    if as_json:
        print(to_json(found.to_dict() | {"saved": list(map(str, saved))}))
        return
    _say(found, top, quote(str(folder)) if folder else "last" if resume is None else quote(resume))
    from tiza.cli.saving import say_saved

    say_saved(saved)


def seconds(text: str | None) -> float | None:
    """How many seconds ``90s``, ``20m`` or ``2h`` are."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:[.,]\d+)?)\s*([a-z]*)", text.strip().lower())
    if found is None or found[2] not in _UNITS:
        raise RequestError("search-budget-none", where="--budget")
    return float(found[1].replace(",", ".")) * _UNITS[found[2]]


def _asked(source: str | None, recipe: str | None, model: str | None, choices: list[str]) -> "Recipe | Search":
    """The recipe that the command line asks for, or the search that is kept under that name."""
    from tiza.catalogue import suited
    from tiza.cli.choosing import loaded
    from tiza.cli.training import asked_recipe
    from tiza.config import changed
    from tiza.registry import table

    changes = [f"model.name={model}"] * (model is not None)
    known = [*table("search"), *table("recipe")]
    if recipe is not None and recipe not in known and not Path(recipe).is_file():
        raise unknown("recipe", recipe, known, where="--recipe")
    if recipe is not None and recipe in table("search"):
        kept = table("search")[recipe].function()
        if source is not None:
            changes = [f"data.name={source}", *changes]
        return kept.model_copy(update={"recipe": changed(kept.recipe, [*changes, *choices])})
    name, chosen = asked_recipe(source, recipe, model, choices, None, "tiza search")
    if name is None and recipe is None:  # data that no recipe was made for
        return changed(suited(loaded(chosen, told=False), chosen.model.name), [*changes, *choices])
    return chosen


def _grid(texts: list[str]) -> dict[str, str] | None:
    grid: dict[str, str] = {}
    for text in texts:
        field, equals, values = text.partition("=")
        if not equals:
            raise RequestError("assignment", where=text, text=text)
        grid[field] = f"{grid[field]},{values}" if (field := field.strip()) in grid else values
    return grid or None


def _say(found: "Trials", top: int, label: str) -> None:
    """The ranking, what it is worth, and what can be asked next."""
    from tiza import terminal

    out = terminal.console()
    rows = found.rows
    out.print(terminal.trials(found, top))
    if len(rows) > top:
        out.print(t("search.more", n=len(rows) - top, name=found.path), style=terminal.QUIET)
    out.print()
    if rows[0]["rank"] is not None:
        for sentence in sentences(found):
            print(sentence)
        if (report := found.report) is not None:
            out.print()
            out.print(terminal.report(report))
            out.print(report.openings(), style=terminal.QUIET)
    else:
        print(t("search.nothing"), file=sys.stderr)
    out.print()
    ways = {way: sum(row["way"] == way for row in rows) for way in ("stacked", "alone", "read-off", "mixed")}
    went = ", ".join(t(f"search.way.{way}", n=n) for way, n in ways.items() if n)
    spent = terminal.seconds(sum(row["seconds"] or 0.0 for row in rows))
    print(t("search.run", path=found.path, ways=went, seconds=spent))
    print(t("search.next", search=label))


def sentences(found: "Trials") -> "list[str]":
    """What the ranking says, and what it can't."""
    rows = found.rows
    best = rows[0]
    n = sum(map(len, found.labels))
    distinct = [row["verdict"] for row in rows if row["same_as"] is None]
    of = {verdict: distinct.count(verdict) for verdict in ("tie", "worse")}
    same = len(rows) - len(distinct)
    values = ", ".join(f"{field}={shown(value)}" for field, value in best["values"].items())
    said = [t("search.best", k=best["trial"], values=values or "–", share=number(best["accuracy"], ".1%"))]
    if of["tie"] or of["worse"]:
        said.append(t("search.ties", ties=of["tie"], worse=of["worse"], n=n))
        said.append(t("search.optimism", points=number(100 * found.optimism, ".1f"), n=of["tie"] + of["worse"] + 1))
    if same:
        said.append(t("search.same", n=same))
    counts = {status: sum(row["status"] == status for row in rows) for status in ("diverged", "dropped", "unfinished")}
    return said + [t(f"search.{status}", n=n) for status, n in counts.items() if n]


def shown(value: Any) -> str:
    """A value as one would write it behind --grid."""
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(shown, value)) + "]" if len(value) != 1 else shown(value[0])
    return f"{value:.3g}" if isinstance(value, float) else str(value)
