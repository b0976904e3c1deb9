# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a person waits for when she presses *Generate DTE*."""

from statistics import median

from .. import at_most, shown
from ..context import KEY, run_inside

TITLE = "a click beside a bare HTTP request, service at 50 ms"
ROUND_TRIP = 0.0005  # seconds to a database on another host


def measure(bench):
    odoo = bench.database(waiting=0)
    found = _clicks(bench, odoo)
    yield at_most("click: whole action / bare requests.post", _ratio(found), 1.4)
    with bench.far_database(odoo, ROUND_TRIP) as far:
        found_far = _clicks(bench, far)
    bench.drop(odoo)
    added = 1000 * (found_far["statement"] - found["statement"])
    yield shown("far database: added to a statement", f"{added:.2f} ms")
    yield at_most("click, 0.5 ms to the database / bare", _ratio(found_far), 1.7)
    yield shown("click: SQL statements", max(found["statements"]))


def _clicks(bench, odoo):
    bench.stub.reset(delay=0.05)
    return run_inside(odoo, "click", "clicks", url=bench.stub.url, key=KEY)


def _ratio(found):
    return median(found["clicks"]) / median(found["bare"])
