"""``tiza train``: the recipe that the command line asks for, training with a narrator, and what came of it."""

import sys
import textwrap
import time
import warnings
from contextlib import nullcontext, redirect_stdout, suppress
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from tiza.cli.choosing import data_changes, loaded, own_model, told
from tiza.cli.opening import Beside
from tiza.cli.speech import Interrupted
from tiza.errors import RequestError
from tiza.i18n import number, t

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from tiza.checks import Finding
    from tiza.config import Recipe
    from tiza.data.dataset import Dataset
    from tiza.readers import Reader
    from tiza.reference import Reference
    from tiza.reports import Report
    from tiza.runs import Run
    from tiza.training.profile import Profile

LIVE = ["plan.probe=0.1"]  # who watches wants to see it move


def train(
    source: str | None, recipe: str | None, model: str | None, choices: list[str], seed: int | None,
    folder: Path | None, resume: str | None, sealed: bool, profile: bool, opened: bool, track: list[str],
    as_json: bool,
) -> None:  # fmt: skip
    """Train, or go on; evaluate; say what came of it."""
    from tiza import reports, runs
    from tiza.checks import diagnose
    from tiza.config import Model
    from tiza.reference import reference
    from tiza.storage import to_json
    from tiza.tracking import tracker
    from tiza.training.profile import Profile

    trackers = [tracker(text) for text in track]
    began = time.perf_counter()
    name, chosen, spent = None, None, Profile() if profile else None
    own, model = _own(model, choices)
    choices = [*LIVE, *choices] if opened and resume is None else choices
    if resume is not None:
        if source or recipe or model or choices or seed is not None or folder:
            raise RequestError("resume-alone", where="--resume")
        path = runs.find(resume).path
        data = loaded(runs.Run(path).recipe, told=not as_json)
        module = own_model(own, data)
    else:
        name, chosen = asked_recipe(source, recipe, model, choices, seed, "tiza train")
        if sealed and chosen.data.valid == "test":
            raise RequestError("sealed-as-written", where="--sealed")
        chosen, data = _with_data(name, chosen, recipe, [*_changes(model, seed), *choices], told=not as_json)
        if (module := own_model(own, data, chosen.plan.seed)) is not None:
            name, chosen = None, chosen.model_copy(update={"model": Model(name="external")})
        path = folder or runs.new_folder(chosen)
    page = Beside(path) if opened else None
    with redirect_stdout(sys.stderr) if own else nullcontext():  # what the user's code prints is no answer of tiza's
        try:
            run = _fit(chosen, module, data, path, spent, [page, *trackers] if page else trackers, told=not as_json)
        except BaseException:
            if page is not None:
                page.close()
            raise
        finally:
            if not folder and not resume:
                with suppress(OSError):  # a folder that stayed empty is none
                    path.rmdir()
        report = reports.evaluate(run, data, sealed=sealed, model=module)
        found = diagnose(run, data, module)
    beside = reference(report, data) if own else None
    if as_json:
        result = _result(run, report, data, name, spent, time.perf_counter() - began)
        plain = {"reference": beside and asdict(beside), "diagnosis": [finding.to_dict() for finding in found]}
        print(to_json(result | plain))
    else:
        _say(run, report, beside, found, spent, quote(str(path)) if folder or resume else "last", own)
    if page is not None:
        page.stay()


def lr_find(
    source: str | None, recipe: str | None, model: str | None, choices: list[str], save: Path | None, as_json: bool
) -> None:
    """``tiza lr-find``."""
    from tiza import rates, terminal
    from tiza.cli.saving import say_saved
    from tiza.storage import to_json

    own, model = _own(model, choices)
    name, chosen = asked_recipe(source, recipe, model, choices, None, "tiza lr-find")
    chosen, data = _with_data(name, chosen, recipe, [*_changes(model, None), *choices], told=not as_json)
    module = own_model(own, data, chosen.plan.seed)
    found = rates.lr_find(chosen if module is None else module, data, chosen.plan)
    saved: list[Path] = []
    if save is not None:
        from tiza import figures

        saved = figures.save(figures.rates(found), save / "rates")
    if as_json:
        tried = {"rates": found.rates, "losses": found.losses}
        print(to_json({"suggestion": found.suggestion, **tried, "saved": list(map(str, saved)), **told(data)}))
        return
    terminal.console().print(t("lr-find", rate=found.suggestion, written=f"{found.suggestion:.1e}"))
    say_saved(saved)


def _with_data(
    name: str | None, chosen: "Recipe", recipe: str | None, choices: list[str], *, told: bool
) -> "tuple[Recipe, Dataset]":
    """The data, read once; data that no recipe was made for gets one that suits it."""
    from tiza.catalogue import suited
    from tiza.config import changed

    data = loaded(chosen, told=told)
    return (changed(suited(data, chosen.model.name), choices) if name is None and recipe is None else chosen), data


def asked_recipe(
    source: str | None, recipe: str | None, model: str | None, choices: list[str], seed: int | None, command: str
) -> "tuple[str | None, Recipe]":
    """The recipe that the command line asks for, and its name where it has one."""
    from tiza.catalogue import default_for, is_transfer, recipes
    from tiza.config import Recipe, changed, make
    from tiza.runs import read_json

    name: str | None = None
    if recipe is None and source is None:
        raise RequestError("missing-argument", where="DATA", name=t("meta.data"), command=command)
    if recipe is None:
        base = default_for(str(source))
        named = next((known for known in recipes if recipes[known] == base), None)
        name = None if model is not None and is_transfer(model) else named
    elif recipe.endswith(".json") or Path(recipe).is_file():
        base = make(Recipe, read_json(Path(recipe)))
    else:
        base, name = recipes[recipe], recipe
    other = recipe is not None and source is not None and source != base.data.name
    return name, changed(base, [*(data_changes(str(source)) if other else []), *_changes(model, seed), *choices])


def _own(model: str | None, choices: list[str]) -> tuple[str | None, str | None]:
    """What --model says, as FILE.py:NAME or as the name of a model."""
    from tiza.models.own import is_own

    if model is None or not is_own(model):
        return None, model
    for choice in choices:
        if choice.startswith("model."):
            raise RequestError("own-options", where=choice, text=choice)
    return model, None


def _changes(model: str | None, seed: int | None) -> list[str]:
    return [f"model.name={model}"] * (model is not None) + [f"plan.seed={seed}"] * (seed is not None)


def _fit(
    recipe: "Recipe | None", module: "nn.Module | None", data: "Dataset", path: Path, spent: "Profile | None",
    others: "Sequence[Reader]", *, told: bool,
) -> "Run":  # fmt: skip
    """Train ``recipe``, or the module by its plan, in the folder ``path``; without a recipe, what is there already.

    Divergence and Ctrl-C are errors here.
    """
    from tiza import fitting, runs, terminal
    from tiza.storage import DivergedWarning

    narrator = terminal.Narrator(runs.Run(path))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DivergedWarning)  # told below, as an error
            readers = [narrator, *others] if told else others
            what, plan = recipe if module is None else module, recipe and recipe.plan
            run = fitting.fit(what, data, plan, run=path, resume=recipe is None, readers=readers, profile=spent)
    except KeyboardInterrupt:
        saved = (path / "checkpoint.safetensors").exists()
        raise Interrupted("interrupted-saved" if saved else "interrupted", where=quote(str(path))) from None
    finally:
        narrator.progress.stop()
    if (ended := run.ended) and ended.reason == "diverged":
        raise fitting.diverged(ended)
    return run


def _result(
    run: "Run", report: "Report", data: "Dataset", recipe: str | None, spent: "Profile | None", seconds: float
) -> dict[str, Any]:
    """The one object of --json."""
    from tiza.reports import SPLITS
    from tiza.runs import brief

    history, facts, ended, rate = run.history(), run.facts, run.ended, run.samples_per_second
    return {
        "run": str(run.path), "recipe": recipe, "model": run.recipe.model.name, "parameters": facts.parameters,
        "epochs": history[-1].epoch if history else 0,
        "seconds": round(ended.seconds if ended else 0.0, 3), "seconds_total": round(seconds, 3),
        "samples_per_second": None if rate is None else round(rate, 1),
        "device": facts.device, "threads": facts.threads, "engine": facts.engine,
        "profile": spent and {part: round(spent.seconds[part], 3) for part in spent.seconds},
        **{split: brief(report.splits[split]) for split in SPLITS},
        "test_opening": report.opening, "test_reason": report.reason,
        **told(data),
    }  # fmt: skip


def _say(
    run: "Run", report: "Report", beside: "Reference | None", found: "list[Finding]", spent: "Profile | None",
    label: str, own: str | None,
) -> None:  # fmt: skip
    """The report, what it is worth, what is wrong with the run, and what can be asked next of the run ``label``."""
    from tiza import terminal

    ended = run.ended
    out = terminal.console()
    out.print()
    out.print(terminal.report(report))
    out.print(report.openings(), style=terminal.QUIET)
    if beside is not None:
        _say_reference(beside, ended.seconds if ended else 0.0)
    for paragraph in terminal.findings(found):
        out.print(paragraph)
    if spent is not None:
        out.print()
        out.print(terminal.profile(spent.seconds))
    out.print()
    print(t("train.run", path=run.path, seconds=terminal.seconds(ended.seconds if ended else 0.0)))
    if own is not None:
        print(t("train.next-own", run=label, model=quote(own)))
        return
    kind = run.facts.form.get("form")
    print(t({"table": "train.next-rows", None: "train.next-table"}.get(kind, "train.next"), run=label))


def _say_reference(beside: "Reference", spent: float) -> None:
    """Whether the user's module learns; beside the claim of a recipe for the same data, where there is one."""
    from tiza import terminal

    out = terminal.console()
    shares = {"accuracy": beside.accuracy, "majority": beside.majority, "recipe": beside.recipe}
    out.print()
    out.print(textwrap.fill(t(f"reference.{beside.verdict}", **shares), 80))
    if beside.claim is not None:
        low, high = beside.claim
        rows = [
            (t("reference.own"), terminal.accuracy(asdict(beside)), terminal.seconds(spent)),
            (str(beside.recipe), f"{number(low, '.1%')} – {number(high, '.1%')}",
             "–" if beside.seconds is None else terminal.seconds(beside.seconds)),
            (t("reference.majority"), number(beside.majority, ".1%"), "–"),
        ]  # fmt: skip
        out.print(terminal.plain_table(("", t("reference.accuracy"), t("col.time")), rows))
