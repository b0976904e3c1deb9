# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""`python -m tests.misbehaving_server --list`: the program of the addon's own tests."""

import sys
from pathlib import Path

ADDON = Path(__file__).resolve().parent.parent / "l10n_cl_dte_ai"
sys.path.insert(0, str(ADDON / "tests"))

import loopback  # noqa: E402
from loopback import Loopback, opinion, reply  # noqa: E402

__all__ = ["Loopback", "loopback", "opinion", "reply"]

if __name__ == "__main__":
    import runpy

    runpy.run_path(str(ADDON / "tests" / "misbehaving_server.py"), run_name="__main__")
