"""Runs as plain files: begun, recorded, kept, found, restored."""

from tiza.runs.folder import (
    Facts,
    Run,
    append_event,
    begin,
    brief,
    check_data,
    forget,
    load_checkpoint,
    read_json,
    save_checkpoint,
    tidy,
)
from tiza.runs.model import Manifest, Restored, card, restore, save_model
from tiza.runs.shelf import find, list_runs, new_folder, runs_home
from tiza.runs.tensors import load_weights

__all__ = [
    "Facts",
    "Manifest",
    "Restored",
    "Run",
    "append_event",
    "begin",
    "brief",
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
    "tidy",
]
