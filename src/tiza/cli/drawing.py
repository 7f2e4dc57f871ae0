"""``tiza explain`` regions, perceptron, activations, surface, noise, dropout: numbers in words, and the picture."""

import sys
from pathlib import Path
from typing import Any

from tiza.cli.choosing import run_or_recipe
from tiza.cli.saving import tell
from tiza.i18n import number, t

SHOWN = 4  # draws of which --json names the units


def regions(run: str, save: Path | None, as_json: bool) -> None:
    """``tiza explain regions``."""
    from tiza import explain

    of = explain.regions(run)
    n, wrong, shares = len(of.labels), int(of.wrong.sum()), dict(zip(of.classes, of.shares.tolist(), strict=True))
    told = " · ".join(f"{name} {number(share, '.0%')}" for name, share in shares.items())
    numbers = {"features": of.features, "n": n, "wrong": wrong, "shares": shares}
    tell("regions", [run], of, lambda: print(t("draw.regions", n=n, wrong=wrong, shares=told)), numbers, save, as_json)


def perceptron(save: Path | None, as_json: bool) -> None:
    """``tiza explain perceptron``: the recipe 004-perceptron, its line after every sample."""
    from tiza import explain

    of = explain.perceptron("004-perceptron")
    moved, n, after = of.moved.tolist(), len(of.samples), of.separated
    lines = [dict(zip(("update", "w1", "w2", "b"), (i, *of.weights[i].tolist()), strict=True)) for i in (0, *moved)]
    numbers = {"points": len(of.labels), "updates": n, "separated": after, "lines": lines}
    w1, w2, b = of.weights[-1].tolist()
    key = "draw.perceptron" if after is not None else "draw.perceptron.never"
    said = t(key, n=n, moved=len(moved), after=after, wrong=int(of.wrong(n).sum()), w1=w1, w2=w2, b=b)
    tell("perceptron", [], of, lambda: print(said), numbers, save, as_json)


def activations(save: Path | None, as_json: bool) -> None:
    """``tiza explain activations``."""
    from tiza import explain

    of = explain.activations()
    numbers = {name: {key: values.tolist() for key, values in vars(curve).items()} for name, curve in of.items()}
    steepest = {t(f"fig.activation.{name}"): number(float(curve.slope.max()), ".2f") for name, curve in of.items()}
    said = t("draw.activations", steepest=" · ".join(f"{name} {slope}" for name, slope in steepest.items()))
    tell("activations", [], of, lambda: print(said), numbers, save, as_json)


def surface(target: str, save: Path | None, as_json: bool) -> None:
    """``tiza explain surface``."""
    from tiza import explain

    chosen = run_or_recipe(target)
    if not as_json:
        print(t("draw.again"), file=sys.stderr)
    of = explain.surface(chosen)
    numbers = {key: getattr(of, key).tolist() for key in ("x", "y", "loss", "path", "steps")}
    (x0, y0), (x1, y1) = of.path[[0, -1]].tolist()
    said = t(
        "draw.surface", x=of.names[0], y=of.names[1], x0=x0, y0=y0, x1=x1, y1=y1, steps=int(of.steps[-1]),
        others=of.others, low=float(of.loss.min()), high=float(of.loss.max()),
    )  # fmt: skip
    numbers |= {"names": list(of.names), "samples": of.samples, "held": of.others}
    tell("surface", [target], of, lambda: print(said), numbers, save, as_json)


def noise(target: str, save: Path | None, as_json: bool) -> None:
    """``tiza explain noise``."""
    from statistics import median

    from tiza import explain

    of = explain.noise(run_or_recipe(target))
    numbers = {"samples": of.samples, "fresh": of.fresh, "sizes": []}
    said = [t("draw.noise.fresh" if of.fresh else "draw.noise.trained", n=of.samples)]
    for draws in of.draws:
        cosine, deviation = draws.cosine.tolist(), draws.deviation.tolist()
        numbers["sizes"].append({"size": draws.size, "rate": draws.rate, "cosine": cosine, "deviation": deviation})
        middle = {"cosine": median(cosine), "deviation": median(deviation)}
        said.append(t("draw.noise", size=draws.size, rate=draws.rate, **middle))
    tell("noise", [target], of, lambda: print("\n".join(said)), numbers, save, as_json)


def dropout(target: str, index: int | None, save: Path | None, as_json: bool) -> None:
    """``tiza explain dropout``."""
    from tiza import explain
    from tiza.config import Recipe

    chosen = run_or_recipe(target)
    if isinstance(chosen, Recipe) and not as_json:
        print(t("draw.dropout.first", recipe=target), file=sys.stderr)
    of = explain.dropout(chosen, index)
    off, chances, label = of.off.sum(1), of.probabilities, of.classes[of.label]
    answers = {"eval": of.classes[of.logits.argmax()], "draws": [of.classes[i] for i in of.drawn.argmax(1)]}
    numbers = {
        "index": of.index, "label": label, "layer": of.layer, "p": of.p, "units": of.units.tolist(),
        "off": off.tolist(), "which": [row.nonzero()[0].tolist() for row in of.off[:SHOWN]],
        "probability": of.probability, "probabilities": chances.tolist(), "answers": answers,
    }  # fmt: skip
    said = [
        t("draw.dropout.off", layer=of.layer, p=of.p, n=len(of.units), draws=len(off), fewest=off.min(),
          most=off.max()),
        t("draw.dropout.eval", index=of.index, label=label, answer=answers["eval"], probability=of.probability),
        t("draw.dropout.draws", draws=len(off), low=chances.min(), high=chances.max(), mean=chances.mean(),
          right=answers["draws"].count(label)),
    ]  # fmt: skip
    tell("dropout", [target, str(of.index)], of, lambda: print("\n".join(said)), numbers, save, as_json)


def crossing(recipe: str, seeds: int, save: Path | None, as_json: bool) -> None:
    """``tiza explain crossing``."""
    from tiza import explain, terminal
    from tiza.metrics import student

    def said(share: float, seed: int) -> None:
        if sys.stderr.isatty():
            text = t("draw.crossing.training", share=share, seed=seed)
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    of = explain.crossing(recipe, seeds=seeds, said=said)
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    numbers: dict[str, Any] = {"recipe": of.recipe, "train": of.train, "valid": of.valid, "unseen": of.unseen}
    numbers["shares"], rows = [], []
    for one in of.shares:
        ends = {
            name: [float(value) for value in student(values)]
            for name, values in (("valid", one.valid[:, -1]), ("unseen", one.unseen[:, -1]), ("excess", one.excess))
        }
        curves = {"valid": one.valid.tolist(), "unseen": one.unseen.tolist()}
        numbers["shares"].append({"share": one.share, "n": one.n, "end": ends, "curves": curves})
        excess, low, high = (number(100 * value, ".1f") for value in ends["excess"])
        valid, unseen = (number(ends[name][0], ".1%") for name in ("valid", "unseen"))
        rows.append((number(one.share, ".0%"), valid, unseen, f"{excess} ({low} – {high})"))
    if not as_json:
        print(t("draw.crossing", recipe=of.recipe, n=of.train, m=of.valid, unseen=of.unseen, seeds=seeds))
        heads = (t("col.crossed"), t("split.valid"), t("col.unseen"), t("col.excess"))
        terminal.console().print(terminal.plain_table(heads, rows))
    most = max(of.shares, key=lambda one: one.share)
    share, excess = number(most.share, ".0%"), 100 * float(most.excess.mean())
    most_said = t("draw.crossing.most", share=share, excess=excess)
    tell("crossing", [recipe], of, lambda: print(most_said), numbers, save, as_json)
