# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Makes the addon's plain Python importable as `tools`, without Odoo."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "l10n_cl_dte_ai"), str(HERE)]

from places import SCHEMAS  # noqa: E402
from tools.dte.schema import Schema  # noqa: E402


@pytest.fixture(scope="session")
def schema():
    return Schema({path.name: path.read_bytes() for path in SCHEMAS.glob("*.xsd")})
