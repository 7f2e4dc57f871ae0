"""data list, show, export: call one public function and print what it returns."""

import re
from collections.abc import Sequence
from pathlib import Path

from tiza.cli.choosing import chosen_data, tell, told
from tiza.errors import RequestError, TizaError, unknown
from tiza.i18n import number, t


def show_list(as_json: bool) -> None:
    """``tiza data list``."""
    from tiza.registry import table
    from tiza.storage import to_json

    every = table("dataset").values()
    entries = [{"name": entry.name, **entry.facts} for entry in every if "own" not in entry.facts]
    if as_json:
        print(to_json({"datasets": entries}))
        return
    width = max(len(entry["name"]) for entry in entries)
    for entry in entries:
        n = number(entry["train"], ",") + (f" + {number(entry['test'], ',')}" if entry["test"] else "")
        line = t(f"data.{entry['name']}")
        print(f"{entry['name']:<{width}}  {n:>15}  {entry['shape']:>7}  {entry['classes']:>2}  {line}")
    print()
    print(t("data.own"))
    for entry in every:
        if "own" in entry.facts:
            print(f"{entry.name:<{width}}  {t(f'data.{entry.name}')}")


def show(
    source: str, choices: Sequence[str], split: str, sample: int, batch: int | None, mosaic: str, seed: int,
    save: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """``tiza data show``: its test split is looked at, not opened. One picture is shown by its channels."""
    from tiza import terminal
    from tiza.cli.saving import save_data, save_picture, say_saved
    from tiza.data.describe import SPLITS, describe, describe_picture
    from tiza.storage import to_json

    if split not in SPLITS:
        raise unknown("split", split, SPLITS, where="--split")
    if not (grid := re.fullmatch(r"([1-9]\d?)[x×]([1-9]\d?)", mosaic)):
        raise RequestError("mosaic", where="--mosaic", text=mosaic)
    if batch is not None and batch < 1:
        raise RequestError("bad-argument", where="--batch", name="--batch", command="tiza data show")
    if _is_picture(source):
        picture = describe_picture(source)
        saved = save_picture(source, save) if save is not None else []
        if as_json:
            print(to_json(picture | {"saved": [str(path) for path in saved]}))
        else:
            terminal.console().print(terminal.picture(picture))
            say_saved(saved)
        return
    data = chosen_data(source, choices)
    described = describe(data, split=split, sample=sample, batch=batch, seed=seed)
    rows, columns = map(int, grid.groups())
    saved = save_data(data, described, split, (rows, columns), seed, save) if save is not None else []
    if as_json:
        print(to_json(described | {"saved": [str(path) for path in saved]}))
        return
    out = terminal.console()
    for part in terminal.description(described):
        out.print(part)
    tell(data)
    say_saved(saved)


def export(source: str, choices: Sequence[str], folder: Path, per_class: str | None, seed: int, as_json: bool) -> None:
    """``tiza data export``."""
    from tiza.data.export import export as write
    from tiza.storage import to_json

    counts = None
    if per_class is not None:
        if not (found := re.fullmatch(r"(\d+)/(\d+)/(\d+)", per_class)) or int(found[1]) < 1:
            raise RequestError("per-class", where="--per-class", text=per_class)
        counts = tuple(map(int, found.groups()))
    data = chosen_data(source, choices)
    written = write(data, folder, per_class=counts, seed=seed)
    if as_json:
        print(to_json({"folder": str(folder), "written": written, **told(data)}))
        return
    tell(data)
    print(t("data.exported", folder=folder, **written))


def _is_picture(source: str) -> bool:
    from tiza.data.sources import named

    try:
        named(source)
    except TizaError as error:
        return error.code == "source-picture"
    return False
