# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""No transaction waits for the service."""

from .. import at_most
from ..context import run_inside

TITLE = "transactions while the service thinks for a second"


def measure(bench):
    odoo = bench.database(waiting=80)
    bench.stub.reset(delay=1.0)
    found = run_inside(odoo, "queue", "drain_and_watch", moves=4)
    bench.drop(odoo)
    longest = round(1000 * found["longest"])
    yield at_most("longest idle in transaction (ms)", longest, 250, "{}")
