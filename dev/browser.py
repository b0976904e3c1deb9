# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The browser of the tests: the machine's own Chromium."""

import os
import shutil

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
MISSING = "browser tests need Chromium: apt-get install chromium"
FLAGS = [  # no request that we didn't ask for
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
    "--disable-quic",
]


def program():
    """The path of the first one on PATH, or None."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def flags():
    """As root Chromium starts only without its sandbox."""
    return [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
