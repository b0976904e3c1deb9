# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Stamp, signature and rehearsal: milliseconds of the processor a document."""

import json

from bench import at_most, shown
from dev import venv
from dev.process import ROOT, run

TITLE = "stamp and signature"


def measure(bench):
    # In an environment without Odoo: the tools need none.
    script = ROOT / "bench" / "dte_signing.py"
    printed = run(
        [venv.ensure("oracle"), "-W", "ignore", script],
        "the bench failed",
        log="signing",
    )
    figures = json.loads(printed.splitlines()[-1])
    count = figures["documents"]
    yield at_most(f"ms to stamp and sign one of {count}", figures["sign"] * 1000, 2)
    yield at_most("ms to rehearse a draft, schema too", figures["rehearse"] * 1000, 5)
    yield shown("ms of a bare RSA signature", f"{figures['rsa'] * 1000:.2f}")
