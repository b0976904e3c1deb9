# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""`make demo`: an Odoo 19 with Chilean invoices whose DTEs are checked and generated.

It stays up until Ctrl-C. With DEMO_EXIT=1 it ends after the table, with 0 if all is
well: each document has a verdict, and each kind of verdict is there.
"""

import json
import os
import signal
import threading
import time

from .console import Stop, say, step, table
from .stack import running_stack
from .workspace import workspace

ODOO_PORT = 8169
SERVICE_PORT = 8002
LOGIN = PASSWORD = "contadora"
VERDICTS = {"approved", "review", "rejected"}
HEADER = (
    "Document",
    "Type",
    "Customer",
    "Total",
    "Verdict",
    "Confidence",
    "Findings",
    "Generated",
)
LOAD = """
company = env["res.company"]._l10n_cl_dte_ai_load_demo()
"""


def main(_arguments):
    start = time.monotonic()
    with (
        workspace() as space,
        running_stack(space, ODOO_PORT, SERVICE_PORT, prepare=prepare) as stack,
    ):
        with step("Validate and generate the documents"):
            rows = validate_and_generate(stack)
        say()
        for line in table(HEADER, rows):
            say(line)
        missing = VERDICTS.difference(row[4] for row in rows)
        say(
            f"\nIn {time.monotonic() - start:.0f} s. Log in as {LOGIN} / {PASSWORD} "
            f"(administrator: admin / admin)\n\n"
            f"  Odoo        {stack.odoo_url}/odoo\n"
            f"  AI service  {stack.service_url}/health\n"
        )
        if missing:
            raise Stop(f"no document came out as {' or '.join(sorted(missing))}")
        if os.environ.get("DEMO_EXIT") == "1":
            return 0
        say("Ctrl-C ends it; what was entered is not kept.")
        wait_for_interrupt(stack)
    return 0


def prepare(stack):
    """Before Odoo serves: the demo company, with the URL and the key of our service."""
    with step("Load the demo company"):
        stack.odoo_shell(LOAD + connect(stack))


def connect(stack):
    """A script that gives `company` our service."""
    return ""


def validate_and_generate(stack):
    """The main job on each document, as the accountant. Rows of the table."""
    client = stack.rpc(LOGIN, PASSWORD)
    raise NotImplementedError


def wait_for_interrupt(stack):
    """Until Ctrl-C, or until one of the two servers ends by itself."""
    while stack.running():
        time.sleep(0.5)
    raise Stop(f"{stack.ended()} ended by itself: see build/logs/demo")
