# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""`python3 -m dev mutations`: which kinds of defects the rules find, as a table."""

import os
import subprocess

from . import venv
from .process import ROOT

PROGRAM = "import conftest, mutations; print(mutations.table(mutations.run()))"


def main(_arguments):
    return subprocess.call(
        [venv.ensure("oracle"), "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": str(ROOT / "oracle")},
    )
