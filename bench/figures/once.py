# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Nothing is asked twice, even if a worker is killed."""

from .. import exactly, shown
from ..context import run_inside

TITLE = "two workers, and a kill -9 of one in the middle"
INVOICES = 300


def measure(bench):
    odoo = bench.database(waiting=INVOICES)
    bench.stub.reset(delay=0.1)
    found = run_inside(odoo, "queue", "drain_with_a_kill", after=2)
    bench.drop(odoo)
    asked = bench.stub.counts()["keys"]
    again = {key for key, times in asked.items() if times > 1}
    resent = sum(asked[key] - 1 for key in again & set(found["under_way"]))
    ratio = (sum(asked.values()) - resent) / len(asked)
    yield exactly(
        "requests / documents, but for those in flight", f"{ratio:.2f}", "1.00"
    )
    yield shown("asked again: in flight when the worker was killed", resent)
    yield exactly("documents lost by the kill", found["unanswered"], 0)
