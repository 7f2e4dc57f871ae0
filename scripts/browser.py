"""Find the Chromium that the tests drive, or get one: Debian's where this is root, else Playwright's own. Prints it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def found() -> str | None:
    """The path of a Chromium, or None."""
    if there := next(filter(None, map(shutil.which, NAMES)), None):
        return there
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def get() -> str:
    """The path of a Chromium, installed if need be; ends the process with one sentence where there is none."""
    if there := found():
        return there
    attempts = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        attempts[:0] = [
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"],
        ]
    for words in attempts:
        subprocess.run(words, stdout=sys.stderr, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})
        if there := found():
            return there
    sys.exit(
        "the tests of the page need Chromium, and it could not be installed: python -m playwright install chromium"
    )


if __name__ == "__main__":
    print(get())
