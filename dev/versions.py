# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""`python3 -m dev versions`: the tests under each Python that we state, one after
another.

They are pyenv's, or what uv finds or gets. What does not install with the pins of
`dev/requirements/` fails here.
"""

import os
import subprocess
from pathlib import Path

from .console import Stop, say, table
from .process import ROOT, call
from .venv import NEWEST, OLDEST, uv

HEADER = ("Python", "Suite", "Result")


def main(arguments):
    """1 if a suite fails under one of them, or one of them is not to be had."""
    program = uv()
    if not program:
        raise Stop("uv could not be installed: it finds the interpreters")
    wanted = [f"3.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1)]
    rows, failed = [], False
    for version in arguments.python or wanted:
        python = _find(program, version)
        if not python:
            rows.append((version, "", "not here, and uv could not get it"))
            failed = True
            continue
        for suite in arguments.suites.split(","):
            say(f"\n══ Python {version}: {suite}")
            code = call([python, "-m", "dev", "test", suite], cwd=ROOT)
            rows.append((version, suite, "failed" if code else "ok"))
            failed = failed or bool(code)
    say("\n" + "\n".join(table(HEADER, rows)))
    return 1 if failed else 0


def _find(program, version):
    """The path of that Python, '' where there is none."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for python in sorted(root.glob(f"versions/{version}.*/bin/python")):
        return str(python)
    command = [program, "python", "find", version]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        install = [program, "python", "install", version]
        subprocess.run(install, capture_output=True, check=False)
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip()
