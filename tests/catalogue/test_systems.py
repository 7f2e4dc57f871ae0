"""The systems of the documents: all are listed, their recipes stand, their claims hold, their commands can be said."""

import json
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import typer

import tiza
from tiza.catalogue import recipes, system, systems
from tiza.catalogue.comparing import trained
from tiza.catalogue.systems import COMMANDS
from tiza.cli.app import commands
from tiza.errors import TizaError
from tiza.i18n import catalogue

RECORDS = json.loads((Path(__file__).parents[2] / "docs" / "recipes.json").read_text())
PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text()
TRAINED = [id for row in systems() for id in (row.id, *row.variants) if system(id).trained]
DOWNLOADED = ["004-transfer"]  # its body is fetched: nothing is claimed or on record
CLAIMED = [id for id in TRAINED if id not in DOWNLOADED]
WINE = Path(__file__).parents[1] / "files" / "winequality-red.csv"
SHORT = 6  # seconds that a recipe claims, up to which it is trained again here


def test_every_system_of_every_document_is_listed():
    assert Counter(row.document for row in systems()) == {"000": 7, "001": 2, "002": 9, "003": 6, "004": 33, "all": 1}


def test_a_system_is_trained_by_its_recipe_or_shown_by_a_command():
    untrained = [row for row in systems() if not row.trained]
    assert [row.id for row in untrained if row.command == f"tiza train --recipe {row.id}"] == []
    assert [row.id for row in systems()] == list(COMMANDS)


def test_every_recipe_of_a_document_belongs_to_a_system():
    assert {name for name in recipes if name[:3].isdecimal()} == set(TRAINED)


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_system_and_variant_says_what_it_shows(language: str):
    told = {key.removeprefix("system.") for key in catalogue(language) if key.startswith("system.")}
    assert told == {id for row in systems() for id in (row.id, *row.variants)}


@pytest.mark.parametrize("id", [row.id for row in systems()])
def test_the_command_of_a_system_can_be_said(id: str):
    words = shlex.split(system(id).command)
    assert words.pop(0) == "tiza"
    here: Any = typer.main.get_command(commands())
    context = typer.Context(here)
    while hasattr(here, "commands"):
        name = words.pop(0)
        here = here.commands[name]
        context = typer.Context(here, parent=context, info_name=name)
    here.parse_args(context, words)  # raises where an option or argument is none of its


def test_an_unknown_system_is_told_with_the_nearest():
    with pytest.raises(TizaError, match="004-iris"):
        system("004-irs")


def test_what_needs_a_download_claims_nothing():
    assert [id for id in TRAINED if system(id).claim is None] == DOWNLOADED
    assert set(RECORDS).isdisjoint(DOWNLOADED)


@pytest.mark.parametrize("id", CLAIMED)
def test_the_record_is_of_the_recipe_as_it_stands_and_inside_its_claim(id: str):
    record, claim = RECORDS[id], system(id)
    assert record["recipe"] == json.loads(json.dumps(recipes[id].model_dump(mode="json", exclude_unset=True)))
    assert claim.claim is not None
    assert claim.seconds is not None
    low, high = claim.claim
    assert [value for value in record["valid"]["accuracy"] if not low <= value <= high] == []
    assert max(record["seconds"]) <= claim.seconds
    assert high - low <= 0.45, "a claim that nothing could break"
    assert f"| {id} |" in PAGE


@pytest.mark.parametrize("id", [id for id in CLAIMED if (system(id).seconds or 0) <= SHORT])
def test_a_short_recipe_trained_again_keeps_its_claim(id: str, home: Path):
    if recipes[id].data.name == "wine-quality":
        cached = tiza.runs.runs_home().parent / "cache" / "wine-quality" / "winequality-red.csv"
        cached.parent.mkdir(parents=True, exist_ok=True)
        cached.write_bytes(WINE.read_bytes())
    low, high = system(id).claim or (1, 0)
    (accuracy,) = trained(id, [0]).valid["accuracy"]
    assert low <= accuracy <= high
