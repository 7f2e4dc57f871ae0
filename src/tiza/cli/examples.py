"""``tiza explain flatten``, ``epoch-loss`` and ``answer``: small things of the documents, worked."""

from pathlib import Path

from tiza.errors import RequestError
from tiza.i18n import number, t

MEANS, SIZES = "0.4,0.5,0.6", "100,100,100"


def flatten(as_json: bool) -> None:
    """``tiza explain flatten``."""
    from tiza import explain, terminal
    from tiza.storage import to_json

    ways = explain.flatten()
    if as_json:
        print(to_json({"ways": [vars(way) for way in ways]}))
        return
    out = terminal.console()
    heads = (t("col.call"), t("col.before"), t("col.after"), t("col.values"))
    rows = [
        (f"nn.Flatten()({way.call})", str(way.before), str(way.after), str(way.values).replace(".0", ""))
        for way in ways
    ]
    out.print(terminal.plain_table(heads, rows, left=4))
    out.print()
    print(t("flatten"))


def epoch_loss(means: str, sizes: str, as_json: bool) -> None:
    """``tiza explain epoch-loss``."""
    from tiza import explain
    from tiza.storage import to_json

    values, counts = _numbers(means, "--means"), [int(n) for n in _numbers(sizes, "--sizes")]
    if len(values) != len(counts):
        raise RequestError("unequal-lists", where="--sizes", means=len(values), sizes=len(counts))
    if min(counts) < 1:
        raise RequestError("number-list", where="--sizes", text=sizes)
    exact, average = explain.epoch_loss(values, counts)
    if as_json:
        print(to_json({"means": values, "sizes": counts, "loss": exact, "average_of_means": average}))
        return
    terms = " + ".join(f"{number(value)}·{n}" for value, n in zip(values, counts, strict=True))
    total = sum(value * n for value, n in zip(values, counts, strict=True))
    print(t("epoch-loss", terms=terms, total=round(total, 6), n=sum(counts), loss=exact))
    print(t("epoch-loss.same" if abs(exact - average) < 1e-9 else "epoch-loss.other", average=average))


def answer(run: str, index: int, split: str, save: Path | None, as_json: bool) -> None:
    """``tiza explain answer``."""
    from tiza import explain, figures, terminal
    from tiza.cli.saving import say_saved
    from tiza.storage import to_json

    found = explain.answer(run, index, split=split)
    saved: list[Path] = []
    if save is not None:
        if found.sample.ndim != 3:
            raise RequestError("needs-images", where=run, name="--save", shape="×".join(map(str, found.sample.shape)))
        caption = found.answer if found.right else f"{found.answer} ({found.label})"
        title = t("fig.sample.title", n=index)
        drawn = figures.digits(found.sample[None], [caption], [not found.right], columns=1, title=title)
        saved = figures.save(drawn, save / "answer")
    if as_json:
        print(to_json({**found.to_dict(), "saved": list(map(str, saved))}))
        return
    out = terminal.console()
    rows = [
        (name, number(z, ".3f"), number(p, ".2%"))
        for name, z, p in zip(found.classes, found.logits, found.probabilities, strict=True)
    ]
    out.print(terminal.plain_table((t("col.class"), t("col.output"), t("col.probability")), rows))
    out.print()
    print(t("answer.right" if found.right else "answer.wrong", answer=found.answer, label=found.label))
    say_saved(saved)


def _numbers(text: str, where: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise RequestError("number-list", where=where, text=text) from None
