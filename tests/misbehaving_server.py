# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""`python -m tests.misbehaving_server --list`: the program of the addon's own tests.

It lives there because the addon must be able to be tested alone.
"""

import runpy
import sys
from pathlib import Path

PROGRAM = (
    Path(__file__).resolve().parent.parent
    / "l10n_cl_dte_ai"
    / "tests"
    / "misbehaving_server.py"
)

if __name__ == "__main__":
    sys.path.insert(0, str(PROGRAM.parent))
    runpy.run_path(str(PROGRAM), run_name="__main__")
