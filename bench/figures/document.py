# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Rules and XML: statements in Odoo, and pure Python against lxml by hand."""

import json

from bench import at_most, exactly, shown
from dev import venv
from dev.process import ROOT, run

TITLE = "rules and XML"


def measure(bench):
    # In an environment without Odoo: the tools need none.
    script = ROOT / "bench" / "dte_document.py"
    figures = json.loads(run([venv.ensure("oracle"), script], "the bench failed"))
    yield at_most(
        "rules and XML / lxml by hand, 6 lines",
        figures["ours"] / figures["by_hand"],
        1.5,
    )
    script = (ROOT / "bench" / "dte_queries.py").read_text()
    printed = bench.workspace.with_addon("documents").shell(script, log="bench-odoo")
    figures = json.loads(printed.strip().splitlines()[-1])
    (few, _seconds), (many, seconds) = figures["few"], figures["many"]
    yield exactly(f"SQL for {figures['invoices']} invoices (10: {few})", many, few)
    yield shown("time for each", f"{seconds / figures['invoices'] * 1000:.1f} ms")
