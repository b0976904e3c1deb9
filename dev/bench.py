# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""`make bench`: the figures that we claim, one file of `bench/` after the other.

Each prints a table and writes `build/bench/<what>.json`; its exit code is 1 where a
target was missed.
"""

from . import venv
from .console import say
from .process import ROOT, call


def main(_arguments):
    python = venv.ensure("service")
    missed = []
    for program in sorted((ROOT / "bench").glob("service_*.py")):
        say(f"── {program.stem} " + "─" * (70 - len(program.stem)))
        if call([python, program], cwd=ROOT):
            missed.append(program.stem)
    if missed:
        say(f"Missed a target: {', '.join(missed)}")
    return 1 if missed else 0
