# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A thousand invoices, by one worker, to a service without a limit."""

from statistics import median

from .. import at_most, exactly, shown
from ..context import run_inside

TITLE = "1,000 invoices, service at 50 ms without a limit, one worker"
DELAY, CONCURRENCY = 0.05, 8
INVOICES, NAIVE_INVOICES, RUNS = 1000, 50, 3
IDEAL = DELAY / CONCURRENCY  # seconds for each invoice


def measure(bench):
    runs = [_run(bench) for _number in range(RUNS)]
    wall = median(run["seconds"] for run in runs)
    yield at_most("bulk: wall / ideal (median of 3)", wall / (INVOICES * IDEAL), 1.25)
    statements = max(run["statements"] for run in runs)
    yield at_most("bulk: SQL statements per invoice", statements / INVOICES, 1.0)
    # A run of the cron lasts ten seconds; connections are not kept from one to the
    # next.
    connections = max(run["connections"] / run["runs"] for run in runs)
    title = "bulk: TCP connections for each run of the cron"
    yield at_most(title, connections, CONCURRENCY, "{:g}")
    asked = {run["requests"] for run in runs}
    yield exactly("bulk: requests", max(asked), INVOICES)
    odoo = bench.database(waiting=NAIVE_INVOICES)
    bench.stub.reset(delay=DELAY)
    naive = run_inside(odoo, "naive", "bulk", url=bench.stub.url, number=NAIVE_INVOICES)
    bench.drop(odoo)
    ratio = naive["seconds"] / (NAIVE_INVOICES * IDEAL)
    yield shown("naive client, the same: wall / ideal", f"{ratio:.2f}")
    statements = naive["statements"] / NAIVE_INVOICES
    yield shown("naive client, the same: SQL per invoice", f"{statements:.1f}")
    connections = bench.stub.counts()["connections"] * INVOICES // NAIVE_INVOICES
    yield shown("naive client, the same: TCP connections", connections)


def _run(bench):
    odoo = bench.database(waiting=INVOICES)
    bench.stub.reset(delay=DELAY)
    found = run_inside(odoo, "queue", "drain")
    bench.drop(odoo)
    return {**found, **bench.stub.counts()}
