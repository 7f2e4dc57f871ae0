"""``tiza open``: the page; and beside ``tiza train --open``, the page of the run that begins."""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiza.i18n import language, t

if TYPE_CHECKING:
    from tiza.training.events import Event


def open_page(names: list[str], port: int | None, browser: bool) -> None:
    """Serve the page until Ctrl-C."""
    from tiza import runs
    from tiza.web.serving import serve

    folders = [runs.find(name).path for name in names]
    try:
        serve(folders, port=port, told=_say, browser=browser)
    except KeyboardInterrupt:  # the way to end it
        print(t("open.closed"))


def _say(address: str) -> None:
    print(t("open.at", address=address), flush=True)
    print(t("open.end"), flush=True)


class Beside:
    """A reader that opens the page of a run when it begins; the page is a process of its own and slows nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.process: subprocess.Popen[bytes] | None = None

    def __call__(self, event: "Event", learner: Any) -> None:
        """Read one event."""
        if self.process is None:
            command = [sys.executable, "-m", "tiza.cli", "--lang", language(), "open", str(self.path)]
            self.process = subprocess.Popen(command, stdout=sys.stderr)

    def close(self) -> None:
        """Serve no longer."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()

    def stay(self) -> None:
        """Go on serving until Ctrl-C."""
        if self.process is not None:
            try:
                self.process.wait()
            except KeyboardInterrupt:
                self.process.wait()
