# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How good the embedded opinion is: invented companies, and mistakes that people
make.
"""

import json
import subprocess

from bench import Row, at_most
from dev import venv
from dev.process import ROOT

TITLE = "the service's opinion"


def measure(_bench):
    asked = subprocess.run(
        [venv.ensure("service"), "-m", "ai_service.evaluation", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    figures = json.loads(asked.stdout)
    for name, share in figures["clean"].items():
        yield _row(f"asked to look at: {name}", share, "≤")
    for name, row in figures["mistakes"].items():
        yield _row(f"caught: {name}", row["caught"], "≥")
    yield at_most(
        "calibration error of the confidence",
        figures["calibration_error"],
        figures["calibration_target"],
        "{:.3f}",
    )
    yield at_most("milliseconds for a document", figures["milliseconds"], 5, "{:.1f}")


def _row(figure, share, sign):
    low, high = (100 * each for each in share["interval"])
    value = f"{share['hits']} of {share['count']} ({low:.0f} to {high:.0f} %)"
    if share["target"] is None:
        return Row(figure, value)
    return Row(figure, value, f"{sign} {share['target']:.0%}", share["ok"])
