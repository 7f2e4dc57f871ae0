"""``tiza export``: a run's model as a file for other programs and machines."""

from pathlib import Path

from tiza.cli.choosing import own_of
from tiza.i18n import number, t


def export(run: str, to: str, model: str | None, save: Path | None, as_json: bool) -> None:
    """``tiza export``."""
    from tiza import terminal
    from tiza.exports.writing import written
    from tiza.storage import to_json

    done = written(run, to, save, model=own_of(model, run))
    if as_json:
        print(to_json(done.to_dict()))
        return
    out = terminal.console()
    out.print(t("export.written", path=done.path, size=number(done.size / 1e6, ".2f")))
    if done.distance is not None:
        out.print(t("export.checked", n=done.samples, distance=number(done.distance, ".1e")), style=terminal.QUIET)
