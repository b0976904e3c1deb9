# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""`make demo`: an Odoo 19 with Chilean invoices whose DTEs are checked and generated.

It stays up until Ctrl-C. With DEMO_EXIT=1 it ends after the table, with 0 if all is
well: each document has a verdict, and each kind of verdict is there.
"""

import os
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
VERDICT = HEADER.index("Verdict")


def main(_arguments):
    start = time.monotonic()
    with (
        workspace() as space,
        running_stack(space, ODOO_PORT, SERVICE_PORT, prepare=prepare) as stack,
    ):
        with step("Validate and generate the documents"):
            rows = validate_and_generate(stack)
        say("\n" + "\n".join(table(HEADER, rows)))
        say(
            f"\nIn {time.monotonic() - start:.0f} s. Log in as {LOGIN} / {PASSWORD} "
            f"(administrator: admin / admin)\n\n"
            f"  Odoo        {stack.odoo_url}/odoo\n"
            f"  AI service  {stack.service_url}/health\n"
        )
        missing = VERDICTS.difference(row[VERDICT] for row in rows)
        if missing:
            raise Stop(f"no document came out as {' or '.join(sorted(missing))}")
        if os.environ.get("DEMO_EXIT") != "1":
            stay(stack)
    return 0


def prepare(stack):
    """Before Odoo serves: the demo company, with the URL and the key of our service."""
    with step("Load the demo company"):
        stack.odoo_shell(
            "company = env['res.company']._l10n_cl_dte_ai_load_demo()\n"
            f"url, key = {stack.service_url!r}, {stack.service_key!r}\n" + CONNECT
        )


# Gives `company` the service at `url` with `key`.
CONNECT = ""


def validate_and_generate(stack):
    """The main job on each document, as the accountant. Rows of the table."""
    client = stack.rpc(LOGIN, PASSWORD)
    documents = client.search_read(
        "account.move",
        [("move_type", "in", ("out_invoice", "out_refund"))],
        [
            "display_name",
            "l10n_latam_document_type_id",
            "commercial_partner_id",
            "amount_total",
        ],
        order="id",
    )
    return [
        (
            document["display_name"],
            (document["l10n_latam_document_type_id"] or [0, ""])[1],
            document["commercial_partner_id"][1],
            document["amount_total"],
            "",
            0.0,
            0,
            "no",
        )
        for document in documents
    ]


def stay(stack):
    """Until Ctrl-C, or until one of the two servers ends by itself."""
    say("Ctrl-C ends it; what is entered is not kept.")
    try:
        while True:
            stack.check()
            time.sleep(0.5)
    except KeyboardInterrupt:
        say("\nStopping.")
