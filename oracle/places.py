# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Where the code is that is judged, and the SII's schemas."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Importing `cl_sii` takes longer than most tests.
CL_SII = Path(importlib.util.find_spec("cl_sii").origin).parent
SCHEMAS = CL_SII / "data/ref/factura_electronica/schemas-xml"
