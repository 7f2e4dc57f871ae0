"""``make recipes``: train every recipe of the documents over three seeds; writes docs/recipes.json and docs/recipes.md.

    python scripts/recipes.py [--again] [ID …]

A recipe whose record is of the recipe as it stands is not trained again, unless ``--again`` or its id asks for it, so
an interrupted run goes on where it was.
"""

import argparse
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from tiza.catalogue import recipes, system, systems
from tiza.catalogue.comparing import trained
from tiza.i18n import set_language

DOCS = Path(__file__).parents[1] / "docs"
RECORDS = DOCS / "recipes.json"
SEEDS = range(3)
HEAD = """# The systems of the documents

Written by `make recipes`. Accuracies are of the validation split, measured again after training, the lowest and highest
of three seeds; seconds are of training alone, the slowest of the three. *Claim*: the band that the recipe states, which
a test checks. Nothing here opens a test set, but for the recipes as written that validate on it.
"""


def main() -> None:
    """Train what is asked for, and write both files after each recipe."""
    parser = argparse.ArgumentParser(description="Train every recipe of the documents and write docs/recipes.md.")
    parser.add_argument("ids", nargs="*", metavar="ID")
    parser.add_argument("--again", action="store_true", help="train also what is on record already")
    asked = parser.parse_args()
    set_language("en")
    records: dict[str, Any] = json.loads(RECORDS.read_text()) if RECORDS.exists() else {}
    here = [name for name in everything() if system(name).trained and system(name).claim]  # the rest is downloaded
    names = [name for name in everything() if name in (*here, *asked.ids)]
    for name in names:
        values = recipes[name].model_dump(mode="json", exclude_unset=True)
        if name in asked.ids or (not asked.ids and (asked.again or records.get(name, {}).get("recipe") != values)):
            found = trained(name, SEEDS)
            print(f"{name}: {band(found.valid['accuracy'])}, {max(found.seconds):.1f} s", flush=True)
            records[name] = {
                "recipe": values, "seeds": list(found.seeds), "valid": found.valid, "train": found.train,
                "seconds": found.seconds, "machine": machine(),
            }  # fmt: skip
        records = {name: records[name] for name in names if name in records}
        RECORDS.write_text(json.dumps(records, indent=1) + "\n")
        (DOCS / "recipes.md").write_text(page(records))


def everything() -> list[str]:
    """Every id of the documents, each followed by its variants."""
    return [id for row in systems() for id in (row.id, *row.variants)]


def page(records: dict[str, Any]) -> str:
    """The page in Markdown."""
    lines = [
        HEAD,
        "| id | what it shows | accuracy | claim | seconds | command |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for id in everything():
        row, record = system(id), records.get(id)
        accuracy = band(record["valid"]["accuracy"]) if record else ""
        seconds = f"{max(record['seconds']):.1f}" if record else ""
        claim = band(row.claim) if row.claim else ""
        lines.append(f"| {id} | {row.shows} | {accuracy} | {claim} | {seconds} | `{row.command}` |".replace("  ", " "))
    measured: dict[str, list[str]] = {}
    for id, record in records.items():
        measured.setdefault(record["machine"], []).append(id)
    return "\n".join([*lines, "", *(f"- Measured on {name}: {', '.join(ids)}." for name, ids in measured.items()), ""])


def band(values: Any) -> str:
    """The lowest and highest of them, in per cent."""
    low, high = (f"{100 * end:.1f}" for end in (min(values), max(values)))
    return f"{low} %" if low == high else f"{low}–{high} %"


def machine() -> str:
    """The machine, in words."""
    cpu = next((line.partition(":")[2].strip() for line in cpu_info() if line.startswith("model name")), "")
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    parts = [platform.system(), platform.machine(), cpu, f"{os.cpu_count()} cores", f"torch {version('torch')}", gpu]
    return ", ".join(filter(None, parts))


def cpu_info() -> list[str]:
    """The lines of /proc/cpuinfo, where there is one."""
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


if __name__ == "__main__":
    main()
