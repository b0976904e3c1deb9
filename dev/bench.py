# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""`make bench`: the figures that we claim, one file of `bench/` after the other.

Each of the service prints a table and writes `build/bench/<what>.json`; the exit code
is 1 where a target was missed.
"""

import json

from . import venv
from .console import say, step
from .process import ROOT, call, run
from .workspace import workspace

# Rules and XML of a document may take this many times what lxml takes for its tree.
MOST_TIMES = 5


def main(_arguments):
    missed = []
    python = venv.ensure("service")
    for program in sorted((ROOT / "bench").glob("service_*.py")):
        say(f"── {program.stem} " + "─" * (70 - len(program.stem)))
        if call([python, program], cwd=ROOT):
            missed.append(program.stem)
    missed += [bench.__name__ for bench in (dte_document, dte_queries) if bench()]
    if missed:
        say(f"Missed a target: {', '.join(missed)}")
    return 1 if missed else 0


def dte_document():
    """Pure Python: rules and XML against lxml building the same tree by hand."""
    script = ROOT / "bench" / "dte_document.py"
    with step("Rules and XML, without Odoo"):
        printed = run([venv.ensure("oracle"), script], "the bench failed", log="bench")
    figures = json.loads(printed)
    times = figures["ours"] / figures["by_hand"]
    say(
        f"Rules and XML of an invoice of 6 lines: {figures['ours'] * 1e6:.0f} µs, "
        f"{times:.1f} times lxml by hand (claimed: at most {MOST_TIMES})"
    )
    return int(times > MOST_TIMES)


def dte_queries():
    """In Odoo: the number of SQL statements does not depend on that of invoices."""
    script = (ROOT / "bench" / "dte_queries.py").read_text()
    with workspace() as space, step("Documents, rules and XML of 1,000 invoices"):
        odoo = space.with_addon("bench")
        printed = odoo.shell(script, log="bench-odoo")
    figures = json.loads(printed.strip().splitlines()[-1])
    (few, _seconds), (many, seconds) = figures["few"], figures["many"]
    say(
        f"{figures['invoices']} invoices: {many} SQL statements, 10 invoices: {few} "
        f"(claimed: the same); {seconds / figures['invoices'] * 1000:.1f} ms each"
    )
    return int(many > few)
