# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Ten thousand invoices in one go."""

from .. import at_most, exactly
from ..context import run_inside

TITLE = "memory of a worker that asks about 10,000 invoices"
INVOICES = 10_000


def measure(bench):
    odoo = bench.database(waiting=INVOICES)
    bench.stub.reset(delay=0)
    found = run_inside(odoo, "queue", "drain_and_weigh")
    bench.drop(odoo)
    extra = found["extra_kb"] / 1024
    yield at_most("10,000 invoices: extra peak memory (MB)", extra, 20, "{:.1f}")
    asked = bench.stub.counts()["requests"]
    yield exactly("10,000 invoices: requests", asked, INVOICES)
