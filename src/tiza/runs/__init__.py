"""Runs as plain files: begun, recorded, kept, found, restored."""

from typing import TYPE_CHECKING

from tiza.lazy import lazily

if TYPE_CHECKING:
    from tiza.runs.cards import card
    from tiza.runs.files import Manifest, Stored, bundled, check_data, stored
    from tiza.runs.folder import (
        Facts,
        Run,
        append_event,
        begin,
        brief,
        forget,
        load_checkpoint,
        read_json,
        save_checkpoint,
        tidy,
    )
    from tiza.runs.model import Restored, restore, save_model
    from tiza.runs.shelf import find, list_runs, new_folder, runs_home
    from tiza.runs.tensors import load_weights

_HOMES = {
    "Facts": "tiza.runs.folder",
    "Manifest": "tiza.runs.files",
    "Restored": "tiza.runs.model",
    "Run": "tiza.runs.folder",
    "Stored": "tiza.runs.files",
    "append_event": "tiza.runs.folder",
    "begin": "tiza.runs.folder",
    "brief": "tiza.runs.folder",
    "bundled": "tiza.runs.files",
    "card": "tiza.runs.cards",
    "check_data": "tiza.runs.files",
    "find": "tiza.runs.shelf",
    "forget": "tiza.runs.folder",
    "list_runs": "tiza.runs.shelf",
    "load_checkpoint": "tiza.runs.folder",
    "load_weights": "tiza.runs.tensors",
    "new_folder": "tiza.runs.shelf",
    "read_json": "tiza.runs.folder",
    "restore": "tiza.runs.model",
    "runs_home": "tiza.runs.shelf",
    "save_checkpoint": "tiza.runs.folder",
    "save_model": "tiza.runs.model",
    "stored": "tiza.runs.files",
    "tidy": "tiza.runs.folder",
}
__all__ = [
    "Facts",
    "Manifest",
    "Restored",
    "Run",
    "Stored",
    "append_event",
    "begin",
    "brief",
    "bundled",
    "card",
    "check_data",
    "find",
    "forget",
    "list_runs",
    "load_checkpoint",
    "load_weights",
    "new_folder",
    "read_json",
    "restore",
    "runs_home",
    "save_checkpoint",
    "save_model",
    "stored",
    "tidy",
]

__getattr__, __dir__ = lazily("tiza.runs", _HOMES)
