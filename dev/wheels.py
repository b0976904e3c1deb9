# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""`python3 -m dev wheels`: each addon as OCA's are built, into `build/wheels/`."""

import shutil

from . import venv
from .console import say
from .odoo import our_addons
from .process import BUILD, ROOT, run, shown

WHEELS = BUILD / "wheels"
# What pip calls, without the environment that it would download for it.
BUILD_ONE = "import sys, whool.buildapi as api; print(api.build_wheel(sys.argv[1]))"


def main(_arguments):
    for wheel in build():
        say(f"{shown(wheel)}")
    return 0


def build(target=WHEELS):
    """Build them into the folder `target`, which is emptied; their paths."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    python = venv.ensure("lint")
    for addon in our_addons():
        run(
            [python, "-c", BUILD_ONE, target],
            f"{addon} could not be built",
            log=f"wheel-{addon}",
            cwd=ROOT / addon,
        )
    return sorted(target.glob("*.whl"))
