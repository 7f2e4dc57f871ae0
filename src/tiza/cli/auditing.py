"""``tiza data audit``: call one public function, print what it found, and what a repair makes of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from tiza.cli.choosing import chosen_data, tell, told
from tiza.errors import RequestError, unknown
from tiza.i18n import number, t

if TYPE_CHECKING:
    from tiza.data.audit import Audit, Count, Pair
    from tiza.data.dataset import Dataset

REPAIRS = ("grouped", "drop")
SHOWN = 10  # pairs in the terminal


def audit(
    source: str, choices: Sequence[str], repair: str | None, to: Path | None, save: Path | None, as_json: bool
) -> None:
    """``tiza data audit``."""
    from tiza.data.export import check_free
    from tiza.storage import to_json

    if repair is not None and repair not in REPAIRS:
        raise unknown("repair", repair, REPAIRS, where="--repair")
    if to is not None:
        if repair is None:
            raise RequestError("audit-to", where="--to")
        check_free(to)
    data = chosen_data(source, choices)
    found = _audited(data)
    saved = _drawn(found, data, save) if save is not None else []
    if not as_json:
        tell(data)
        _say(found, source, choices, looked=save is not None)
    plain = {**found.to_dict(), "saved": [str(path) for path in saved], **told(data)}
    if repair is not None:
        plain["repair"] = _repair(data, source, choices, repair, to, as_json)
    if as_json:
        print(to_json(plain))
    elif saved:
        from tiza.cli.saving import say_saved

        say_saved(saved)


def _audited(data: "Dataset") -> "Audit":
    from tiza import terminal
    from tiza.data import audit

    with terminal.reading(t("audit.comparing")) as progress:
        return audit.audit(data, progress)


def _drawn(found: "Audit", data: "Dataset", folder: Path) -> list[Path]:
    from tiza import figures

    made = {"classes": figures.histogram(found.counts, found.classes)}
    if found.pairs:
        made["copies"] = figures.audit(found, data)
    return [path for name, figure in made.items() for path in figures.save(figure, folder / name)]


def _repair(
    data: "Dataset", source: str, choices: Sequence[str], how: str, to: Path | None, as_json: bool
) -> dict[str, Any]:
    """The data repaired, audited again, and written to files where that is asked for."""
    from tiza.data.export import export

    choices = [*(choice for choice in choices if not choice.startswith("data.copies=")), f"data.copies={how}"]
    repaired = chosen_data(source, choices)
    after = _audited(repaired)
    out = _samples(data) - _samples(repaired)
    written = export(repaired, to) if to is not None else None
    if not as_json:
        print()
        print(t(f"audit.repaired.{how}", n=out, **_sizes(after)))
        print()
        _table(after, after.used, t("audit.used"))
        print(
            t("audit.train", command=" ".join(["tiza train", quote(source), *(f"--set {quote(c)}" for c in choices)]))
        )
        if written is not None:
            print(t("data.exported", folder=to, **written))
    folder = None if to is None else str(to)
    return {"how": how, "left_out": out, "audit": after.to_dict(), "folder": folder, "written": written}


def _samples(data: "Dataset") -> int:
    splits = (data.train, data.test) if data.config.valid == "test" else (data.train, data.valid, data.test)
    return sum(map(len, splits))


def _sizes(found: "Audit") -> dict[str, int]:
    return {split: sum(found.counts.get(split, [])) for split in ("train", "valid", "test")}


def _say(found: "Audit", source: str, choices: Sequence[str], *, looked: bool) -> None:
    """What was found, in a table and in sentences."""
    from tiza import terminal

    out = terminal.console()
    out.print(t("audit.head", name=found.data, **_sizes(found)), style="bold")
    print()
    _table(found, found.used, t("audit.used"))
    if found.given != found.used:
        _table(found, found.given, t("audit.given"))
    if found.pairs:
        heads = (t("audit.pair"), t("audit.one"), t("audit.other"), t("col.label"), t("col.distance"))
        out.print(terminal.plain_table(heads, map(_row, found.pairs[:SHOWN]), left=4))
        if (rest := len(found.pairs) - SHOWN) > 0:
            out.print(t("audit.more", n=rest), style=terminal.QUIET)
        print()
    for sentence in _sentences(found):
        print(sentence)
    command = " ".join(["tiza data audit", quote(source), *(f"--set {quote(choice)}" for choice in choices)])
    if found.pairs and not looked:
        print(t("draw.how", command=command))
    if found.pairs:
        print(t("audit.repair", command=command))


def _table(found: "Audit", counts: "Sequence[Count]", title: str) -> None:
    from tiza import terminal

    rows = []
    for count in counts:
        key = "audit.within" if count.of == count.within else "audit.across"
        name = t(key, of=t(f"split.{count.of}"), within=t(f"split.{count.within}"))
        rows.append((name, number(count.identical, ","), number(count.near, ",") if not found.unsearched else "–"))
    out = terminal.console()
    out.print(terminal.plain_table((title, t("audit.identical"), t("audit.near")), rows))
    print()


def _row(pair: "Pair") -> tuple[str, ...]:
    one, other = (f"{t(f'split.{place.split}')} {place.number}" for place in (pair.one, pair.other))
    label = f"{pair.one.label} ≠ {pair.other.label}" if pair.conflicts else pair.one.label
    return t(f"audit.kind.{pair.kind}"), one, other, label, number(round(pair.distance, 4), ".2g")


def _sentences(found: "Audit") -> Iterator[str]:
    """What near means here, and what is to be said of labels and classes."""
    if found.unsearched is not None:
        from tiza.data.copies import AT_MOST, FEATURES

        yield t(f"audit.unsearched.{found.unsearched}", most=AT_MOST, least=FEATURES)
    elif found.images:
        from tiza.data.near import LEVELS

        yield t("audit.near.images", most=LEVELS)
    else:
        yield t("audit.near.rows")
    if found.pairs:
        yield t("audit.conflicts" if found.conflicts else "audit.agree", n=found.conflicts)
    if found.absent:
        yield t("audit.absent", names=", ".join(found.absent))
    for split, names in found.missing.items():
        if names:
            yield t("audit.missing", split=t(f"split.{split}"), names=", ".join(names))
    if not found.absent and not any(found.missing.values()):
        yield t("audit.complete")
    yield t("audit.ratio", ratio=found.ratio)
