# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The AI service: its cache, its speed, and a model that freezes."""

import json

from bench import Row
from dev import venv
from dev.process import BUILD, ROOT, call

TITLE = "the AI service"


def measure(_bench):
    # In the service's own environment, which has no Odoo.
    call([venv.ensure("service"), ROOT / "bench" / "service_figures.py"], cwd=ROOT)
    for row in json.loads((BUILD / "bench" / "service.json").read_text()):
        yield Row(
            row["figure"], str(row["value"]), str(row.get("target") or ""), row["ok"]
        )
