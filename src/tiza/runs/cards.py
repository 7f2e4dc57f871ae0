"""The model card of a run: what was trained on what, how well it does, and what nobody has tested.

Markdown with the front matter that the Hugging Face Hub reads, after its specification
(https://github.com/huggingface/hub-docs/blob/main/modelcard.md); sections after M. Mitchell et al., "Model Cards for
Model Reporting", 2019. A licence is left out: that of the data and of the model are their owners' to choose.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tiza.config import Plan, Recipe
from tiza.i18n import language, number, t
from tiza.runs.folder import Facts, Run

SPLITS = ("train", "valid", "test")
PLAN = ("epochs", "batch_size", "optimizer", "lr", "schedule", "seed")  # told even where they are the defaults
METRICS = {"accuracy": "accuracy", "f1": "f1_macro"}  # as the Hub calls them, and as a report does
NAMES = 30  # of classes or columns that are listed


def card(run: Run) -> str:
    """The model card, in the user's language; with the measures once there is a report."""
    recipe, facts, report = run.recipe, run.facts, run.report or {}
    ended = run.ended
    trained = (
        [t("card.trained", epochs=ended.epoch, seconds=ended.seconds, status=t(f"status.{run.status}"))]
        if ended
        else []
    )
    versions = ", ".join(f"{name} {of}" for name, of in {"tiza": facts.tiza, **facts.versions}.items())
    made = t("card.made", versions=versions, machine=facts.machine, device=facts.device)
    parts = [
        _front(run.name, recipe, facts, report),
        f"# {run.name}",
        t("card.what", data=facts.data, model=recipe.model.name, parameters=facts.parameters),
        _section("use", _use(facts)),
        _section("data", _data(recipe, facts)),
        _section("training", [*trained, _settings(recipe), made]),
        _section("measured", _measured(report)),
        _section("untested", [_list(_untested(facts, report))]),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


CODE = """```python
import tiza

tiza.Predictor("model.zip").predict(["{file}"])
```"""


def _section(name: str, paragraphs: Iterable[str]) -> str:
    return "\n\n".join([f"## {t(f'card.heading.{name}')}", *paragraphs])


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _front(name: str, recipe: Recipe, facts: Facts, report: dict[str, Any]) -> str:
    """The metadata: YAML, each value as JSON, which YAML takes as it is."""
    kind = "tabular" if len(facts.shape) == 1 else "image"
    task = f"{kind}-classification"
    results = [
        {
            "task": {"type": task},
            "dataset": {"type": facts.data, "name": facts.data, "split": {"valid": "validation"}.get(split, split),
                        "args": {"fingerprint": facts.fingerprint}},
            "metrics": [{"type": metric, "value": round(of[key], 4), "name": t(f"col.{metric}")}
                        for metric, key in METRICS.items() if of[key] is not None],
        }
        for split in ("valid", "test") if (of := report.get(split))
    ]  # fmt: skip
    front: dict[str, Any] = {
        "language": [language()], "library_name": "tiza", "pipeline_tag": task,
        "tags": list(dict.fromkeys([task, "tiza", facts.data, recipe.model.name])), "metrics": list(METRICS),
    }  # fmt: skip
    if results:
        front["model-index"] = [{"name": name, "results": results}]
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in front.items()]
    return "\n".join(["---", *lines, "---"])


def _use(facts: Facts) -> Iterator[str]:
    yield t("card.intended")
    if facts.features:
        columns = [column["name"] for column in facts.form.get("columns", ())] or facts.features
        yield t("card.columns", columns=_names(columns))
    else:
        yield t("card.input", shape="×".join(map(str, facts.shape)))
    yield CODE.format(file="rows.csv" if len(facts.shape) == 1 else "picture.png")


def _names(names: Sequence[str]) -> str:
    """The names, or the first ones and how many more."""
    shown = ", ".join(names[:NAMES])
    return shown if len(names) <= NAMES else t("card.more", names=shown, n=len(names) - NAMES)


def _data(recipe: Recipe, facts: Facts) -> Iterator[str]:
    data, counts = recipe.data, facts.counts
    yield t("card.data", data=facts.data, fingerprint=facts.fingerprint, train=counts["train"])
    yield t("card.classes", n=len(facts.classes), classes=_names(facts.classes))
    if data.valid == "test":
        yield t("card.valid-is-test", n=counts["valid"])
    else:
        for split in ("valid", "test"):
            where = {"train": "carved", split: "own"}.get(facts.origin.get(split, ""), "unknown")
            yield t(f"card.split-{where}", split=t(f"split.{split}"), n=counts[split], seed=data.seed)
        if recipe.plan.keep == "best":
            yield t("card.chosen-by-valid")
    yield t(f"card.copies-{data.copies}")
    chosen = data.model_dump(mode="json", exclude_defaults=True, include={"limit", "imbalance", "classes"})
    if chosen:
        yield t("card.chosen", settings=", ".join(f"`data.{field}={json.dumps(v)}`" for field, v in chosen.items()))


def _settings(recipe: Recipe) -> str:
    """A table of what decides the training: every option of the model, and what the plan says beyond its defaults."""
    plan = recipe.plan.model_dump(mode="json")
    usual = Plan().model_dump(mode="json")
    told = {f"plan.{field}": value for field, value in plan.items()
            if field in PLAN or (value != usual[field] and field not in ("threads", "device", "probe"))}  # fmt: skip
    model = {f"model.{field}": value for field, value in recipe.model.model_dump(mode="json").items()}
    settings = {**model, "data.scale": recipe.data.scale, **told}
    rows = [(f"`{field}`", json.dumps(value)) for field, value in settings.items()]
    return _table((t("card.setting"), t("card.value")), rows)


def _measured(report: dict[str, Any]) -> Iterator[str]:
    rows = [
        (t(f"split.{split}"), number(of["n"], ","), _told(of["accuracy"], ".2%"),
         " – ".join(_told(end, ".2%") for end in of["interval"]),
         _told(of["f1_macro"], ".4f"), _told(of["loss"], ".4f"), _told(of["calibration_error"], ".1%"))
        for split in SPLITS if (of := report.get(split))
    ]  # fmt: skip
    if not rows:
        yield t("card.not-measured")
        return
    heads = ("col.accuracy", "col.interval", "col.f1", "col.loss", "card.calibration")
    yield _table((t("col.split"), "n", *map(t, heads)), rows)
    best = (report.get("test") or report["valid"])["per_class"]
    recalls = [(recall, i) for i, recall in enumerate(best["recall"]) if recall is not None and best["n"][i]]
    if recalls:
        recall, i = min(recalls)
        yield t("card.weakest", name=report["classes"][i], recall=recall, n=best["n"][i])
    opening, reason = report.get("test_opening"), report.get("test_reason")
    yield t("card.opening", n=opening) if opening else t(f"unopened.{reason}")


def _told(value: float | None, spec: str) -> str:
    """A number; a dash where a diverged model has none."""
    return "–" if value is None else number(value, spec)


def _untested(facts: Facts, report: dict[str, Any]) -> Iterator[str]:
    """What no figure of the card speaks of."""
    if not report.get("test"):
        yield t("card.untested.test")
    if len(facts.shape) == 1:
        yield t("card.untested.rows")
        yield t("card.untested.range")
    else:
        yield t("card.untested.digits" if facts.form.get("form") == "digit" else "card.untested.images")
        yield t("card.untested.size", shape="×".join(map(str, facts.shape)))
        yield t("card.untested.robustness")
    yield t("card.untested.none")
    yield t("card.untested.people")
