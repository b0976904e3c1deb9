# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What history costs: nothing, when an address is saved; little, in lists."""

from statistics import median

from .. import at_most, exactly, shown
from ..context import run_inside

TITLE = "100,000 settled invoices, and as many validations"
INVOICES, TIMES = 10_000, 10


def measure(bench):
    odoo = bench.database(waiting=INVOICES)
    counted = run_inside(odoo, "settled", "multiply", times=TIMES)
    yield exactly("settled: invoices and validations", min(counted), INVOICES * TIMES)
    bench.workspace.server.query("VACUUM ANALYZE", odoo.name)
    bare = bench.workspace.create("bench_bare")
    without = run_inside(bare, "settled", "address")
    bench.drop(bare)
    found = run_inside(odoo, "settled", "address")
    added = median(found["seconds"]) - median(without["seconds"])
    yield at_most("address: seconds more than without the addon", added, 0.5)
    yield at_most(
        "address: extra peak memory (MB)", found["extra_kb"] / 1024, 20, "{:.1f}"
    )
    lists = run_inside(odoo, "settled", "lists")
    bench.drop(odoo)
    # Found by a filter of ours: as by core's group-by. Shown, which takes a sort of
    # all that was found: as by a filter of core's.
    group, page = (median(lists.pop(n)) for n in ("group by state", "page of posted"))
    core = {"group": group, "count": group, "page": page}
    del lists["count of posted"]
    yield shown("lists: core's group-by (ms)", f"{1000 * group:.0f}")
    yield shown("lists: a page of core's filter (ms)", f"{1000 * page:.0f}")
    for name, seconds in lists.items():
        base = core[name.split()[0]]
        yield at_most(f"lists: {name} / core's", median(seconds) / base, 2)
