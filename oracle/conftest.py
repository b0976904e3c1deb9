# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Makes the addon's plain Python importable as `tools`, without Odoo."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [
    str(ROOT),
    str(ROOT / "l10n_cl_dte_ai"),
    str(Path(__file__).parent),
]

import cl_sii  # noqa: E402
from tools.dte.schema import load_schema  # noqa: E402

SCHEMAS = Path(cl_sii.__file__).parent / "data/ref/factura_electronica/schemas-xml"


@pytest.fixture(scope="session")
def schema():
    return load_schema(lambda name: (SCHEMAS / name).read_bytes())
