# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Eight workers before a service with a limit of 20 a minute, ten times as fast."""

from concurrent.futures import ThreadPoolExecutor

from .. import at_least, at_most, exactly, shown
from ..context import run_inside

TITLE = "20 requests per 6 s (for 20 a minute), 8 processes"
LIMIT, WINDOW = 20, 6.0
RATE = round(60 * LIMIT / WINDOW)
SECONDS, PROCESSES, INVOICES = 18, 8, 400


def measure(bench):
    counts = _ours(bench, databases=1)
    yield exactly("limit: requests over it (429s)", counts["limited"], 0)
    used = 100 * _used(counts)
    yield at_least("limit: used (%)", used, 95, "{:.1f}")
    counts = _ours(bench, databases=2)
    goodput = 100 * _used(counts)
    yield at_least("limit, two databases: goodput (%)", goodput, 60, "{:.1f}")
    # A window's refusals: those that were under way when the first came back.
    windows = SECONDS / WINDOW
    bound = 2
    refused = counts["limited"] / windows / LIMIT
    yield at_most("limit, two databases: 429s / limit", refused, bound)
    counts = _naive(bench)
    yield shown("naive client, one database: 429s", counts["limited"])
    refused = counts["limited"] / windows / LIMIT
    yield shown("naive client, one database: 429s / limit", f"{refused:.2f}")
    yield shown("naive client, one database: used (%)", f"{100 * _used(counts):.1f}")


def _used(counts):
    """Of what the limit allows in the whole windows after the first request."""
    first, *later = counts["arrivals"]
    windows = max(int((later[-1] - first) / WINDOW), 1)
    admitted = [at for at in later if at <= first + windows * WINDOW]
    return len(admitted) / windows / LIMIT


def _ours(bench, databases):
    odoos = [bench.database(INVOICES, rate=RATE) for _number in range(databases)]
    bench.stub.reset(delay=0.05, limit=LIMIT, window=WINDOW)

    def run(odoo):
        run_inside(
            odoo, "queue", "drain_together", processes=PROCESSES, seconds=SECONDS
        )

    with ThreadPoolExecutor() as pool:
        list(pool.map(run, odoos))
    for odoo in odoos:
        bench.drop(odoo)
    return bench.stub.counts()


def _naive(bench):
    odoo = bench.database(INVOICES)
    bench.stub.reset(delay=0.05, limit=LIMIT, window=WINDOW)
    run_inside(
        odoo,
        "naive",
        "bulk_together",
        processes=PROCESSES,
        seconds=SECONDS,
        url=bench.stub.url,
    )
    bench.drop(odoo)
    return bench.stub.counts()
