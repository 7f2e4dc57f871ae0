"""Every test has a TIZA_HOME of its own and speaks English; the unpacked data sets are shared by all of them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("MPLBACKEND", "agg")


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all homes link to as their cache."""
    return tmp_path_factory.mktemp("unpacked")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, unpacked: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh TIZA_HOME."""
    from tiza.i18n import set_language

    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "cache").symlink_to(unpacked)
    monkeypatch.setenv("TIZA_HOME", str(folder))
    monkeypatch.setenv("TIZA_LANG", "en")
    yield folder
    set_language(None)
