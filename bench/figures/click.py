# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a person waits for when she presses *Generate DTE*."""

from statistics import median

from .. import at_most
from ..context import KEY, run_inside

TITLE = "a click beside a bare HTTP request, service at 50 ms"


def measure(bench):
    odoo = bench.database(waiting=0)
    bench.stub.reset(delay=0.05)
    found = run_inside(odoo, "click", "clicks", url=bench.stub.url, key=KEY)
    bench.drop(odoo)
    ratio = median(found["clicks"]) / median(found["bare"])
    yield at_most("click: whole action / bare requests.post", ratio, 1.6)
    yield at_most("click: SQL statements", max(found["statements"]), 15, "{}")
