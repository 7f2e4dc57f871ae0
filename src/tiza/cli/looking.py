"""``tiza explain`` saliency, embedding, neighbours: what a model looks at, and what it takes for alike."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tiza.cli.choosing import run_and_model, sample_or_picture
from tiza.cli.saving import tell, words_of
from tiza.i18n import number, t

if TYPE_CHECKING:
    import numpy as np

    from tiza.explain import Embedding, Neighbours, Saliency

METHODS = ("gradient", "integrated", "grad-cam", "occlusion")
MOST_FEATURES = 15  # in a table


def saliency(
    run: str, sample: str, method: str | None, layer: str | None, target: str | None, split: str, model: str | None,
    save: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """``tiza explain saliency``."""
    from tiza import explain

    found, own = run_and_model(run, model)
    chosen, methods = sample_or_picture(sample), [method] if method else None
    of = explain.saliency_maps(found, chosen, methods, layer=layer, target=target, split=split, model=own)
    asked = {"--method": method, "--layer": layer, "--class": target, "--model": model}
    words = words_of([run, sample], {k: (v, None) for k, v in asked.items()} | {"--split": (split, "valid")})
    one = of[0]
    numbers = {
        "sample": one.name, "label": None if one.label is None else one.classes[one.label],
        "answer": one.classes[one.answer], "class": one.classes[one.target], "logit": one.logit,
        "probability": one.probability, "features": list(one.features), "maps": [each.to_dict() for each in of],
    }  # fmt: skip
    tell("saliency", words, of, lambda: _say_saliency(of, all_asked=method is None), numbers, save, as_json)


def _say_saliency(of: "Sequence[Saliency]", *, all_asked: bool) -> None:
    from tiza import terminal

    one, by_method = of[0], {each.method: each for each in of}
    fields = {"answer": one.classes[one.answer], "target": one.classes[one.target], "logit": one.logit}
    fields |= {"name": one.name, "share": terminal.probability(one.probability)}
    if one.label is None:
        _paragraph(t("saliency.what", **fields))
    else:
        _paragraph(t("saliency.labelled", label=one.classes[one.label], **fields))
    print()
    if one.map.ndim == 2:
        _methods(of)
    else:
        _features(of)
    print()
    for text in _remarks(of):
        _paragraph(text)
    if (path := by_method.get("integrated")) is not None and path.rise is not None and path.gap is not None:
        total = path.rise + path.gap
        _paragraph(t("saliency.complete", sum=total, rise=path.rise, gap=path.gap, steps=path.steps))
    if (near := next((each.baseline for each in of if each.baseline is not None), None)) is not None:
        values = ", ".join(number(float(value), "g") for value in near)
        images = one.map.ndim == 2
        _paragraph(t("saliency.background", values=values) if images else t("saliency.background.table"))
    if (cam := by_method.get("grad-cam")) is not None:
        height, width = cam.attributions.shape
        _paragraph(t("saliency.maps", layer=cam.layer, height=height, width=width))
    elif all_asked and "gradient" not in by_method:
        _paragraph(t("saliency.no-gradient"))
    elif all_asked and one.map.ndim == 2:
        _paragraph(t("saliency.no-maps"))


def _methods(of: "Sequence[Saliency]") -> None:
    """Where each method finds most, and what its check says."""
    from tiza import terminal

    rows = []
    for each in of:
        mean = each.sanity.mean
        verdict = {True: "saliency.passed", False: "saliency.failed", None: "saliency.open"}[each.sanity.passed]
        rows.append((
            t(f"saliency.{each.method}"), _place(each.map), _place(-each.map),
            "–" if mean is None else number(mean, ".2f"), t(verdict),
        ))  # fmt: skip
    heads = ("col.method", "saliency.for", "saliency.against", "saliency.alike", "col.check")
    terminal.console().print(terminal.plain_table([t(key) for key in heads], rows, left=3))


def _place(values: "np.ndarray") -> str:
    """Where the largest value is, if any is above 0."""
    row, column = divmod(int(values.argmax()), values.shape[1])
    return f"({row}, {column})" if values.max() > 0 else "–"


def _features(of: "Sequence[Saliency]") -> None:
    """A table's features, those first that the first method finds strongest."""
    from tiza import terminal

    one = of[0]
    order = sorted(range(len(one.map)), key=lambda i: -abs(float(one.map[i])))
    rows = [
        (one.features[i] if one.features else str(i), number(float(one.sample[i]), ".4g"),
         *(number(float(each.map[i]), ".4g") for each in of))
        for i in order[:MOST_FEATURES]
    ]  # fmt: skip
    out, heads = terminal.console(), [t(f"saliency.{each.method}") for each in of]
    out.print(terminal.plain_table((t("col.feature"), t("saliency.value"), *heads), rows))
    if len(order) > MOST_FEATURES:
        out.print(t("fig.saliency.rest", n=len(order) - MOST_FEATURES), style=terminal.QUIET)


def _remarks(of: "Sequence[Saliency]") -> list[str]:
    """What the sanity checks found."""
    from tiza.explain.sanity import FEWEST

    texts, check = [], of[0].sanity
    judged = [each for each in of if each.sanity.passed is not None]
    if judged:
        key = "saliency.check" if of[0].map.ndim == 1 else "saliency.check.places"
        texts.append(t(key, draws=check.draws, threshold=check.threshold))
    texts += [
        t("saliency.fails", method=t(f"saliency.{each.method}"), mean=each.sanity.mean)
        for each in judged
        if not each.sanity.passed
    ]
    if signs := [each for each in judged if each.sanity.by_sign_alone]:
        least = min(each.sanity.mean_sizes or 0 for each in signs)
        texts.append(t("saliency.by-sign", methods=_names(signs), least=least))
    if others := [each for each in of if each.sanity.passed is None]:
        texts.append(t("saliency.unjudged", methods=_names(others), least=FEWEST))
    return texts


def _names(of: "Sequence[Saliency]") -> str:
    return ", ".join(t(f"saliency.{each.method}") for each in of)


def embedding(
    run: str, method: str, layer: str | None, samples: int, split: str, seed: int, perplexity: float | None,
    model: str | None, save: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """``tiza explain embedding``."""
    from tiza import explain

    found, own = run_and_model(run, model)
    of = explain.embedding(
        found, layer, method, samples=samples, split=split, seed=seed, perplexity=perplexity, model=own
    )
    words = words_of(
        [run],
        {"--layer": (layer, None), "--model": (model, None), "--perplexity": (perplexity, None),
         "--method": (method, "pca"), "--split": (split, "valid"), "--samples": (samples, 1000), "--seed": (seed, 0)},
    )  # fmt: skip
    tell("embedding", words, of, lambda: _say_embedding(of), of.to_dict(), save, as_json)


def _say_embedding(of: "Embedding") -> None:
    from tiza import terminal

    n, wrong = len(of.points), int(of.wrong.sum())
    fields = {"n": n, "split": t(f"split.{of.split}"), "layer": of.layer, "units": of.units, "wrong": wrong}
    _paragraph(t("embedding.what", **fields))
    if of.explained is not None:
        across, up = of.explained
        _paragraph(t("embedding.pca", across=across, up=up, rest=max(0.0, 1 - across - up)))
    else:
        _paragraph(t("embedding.t-sne", perplexity=of.perplexity))
    _paragraph(t("embedding.near", near=of.near, trustworthiness=of.trustworthiness))
    print()
    rows = []
    for c, name in enumerate(of.classes):
        mine = of.labels == c
        if count := int(mine.sum()):
            x, y = of.points[mine].mean(0)
            missed = int(of.wrong[mine].sum())
            rows.append((name, number(count, ","), number(missed, ","), number(x, ".2f"), number(y, ".2f")))
    heads = (t("col.class"), "n", t("embedding.wrong"), t("embedding.x"), t("embedding.y"))
    terminal.console().print(terminal.plain_table(heads, rows))
    print()


def neighbours(
    run: str, sample: str, k: int, layer: str | None, metric: str, split: str, model: str | None, save: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """``tiza explain neighbours``."""
    from tiza import explain

    found, own = run_and_model(run, model)
    of = explain.neighbours(found, sample_or_picture(sample), k, layer=layer, metric=metric, split=split, model=own)
    words = words_of(
        [run, sample],
        {"--layer": (layer, None), "--model": (model, None), "--k": (k, 8), "--metric": (metric, "cosine"),
         "--split": (split, "valid")},
    )  # fmt: skip
    tell("neighbours", words, of, lambda: _say_neighbours(of), of.to_dict(), save, as_json)


def _say_neighbours(of: "Neighbours") -> None:
    from tiza import terminal

    answer = of.classes[of.answer]
    fields = {"name": of.name, "answer": answer, "k": len(of.index), "n": of.among, "layer": of.layer}
    key = "neighbours.what" if of.label is None else "neighbours.labelled"
    label = {} if of.label is None else {"label": of.classes[of.label]}
    _paragraph(t(key, **fields, **label))
    print()
    rows = [
        (f"{'  ' if label == of.answer else '≠ '}{of.classes[label]}", number(int(i), ","), number(float(d), ".3g"))
        for label, i, d in zip(of.labels, of.index, of.distances, strict=True)
    ]
    heads = (t("neighbours.label"), t("neighbours.index"), t(f"metric.{of.metric}"))
    terminal.console().print(terminal.plain_table(heads, rows))
    print()
    _paragraph(t("neighbours.agree", agree=of.agree, k=len(of.index), answer=answer))


def _paragraph(text: str) -> None:
    print(textwrap.fill(text, 80, break_on_hyphens=False))
