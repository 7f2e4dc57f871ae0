"""Every test has a TIZA_HOME of its own and speaks English; the unpacked data sets are shared by all of them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from said import Said

os.environ.setdefault("MPLBACKEND", "agg")


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """``tiza …`` in this process."""
    from tiza.cli import main

    def run(*arguments: object) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Said(int(stopped.value.code or 0), said.out, said.err)

    return run


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
