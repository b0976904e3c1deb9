# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""`make demo`: an Odoo 19 with Chilean invoices whose DTEs are checked and generated.

It stays up until Ctrl-C. With DEMO_EXIT=1 it ends after the table, with 0 if all is
well: every document was looked at, each kind of verdict is there, and the simulator of
the SII has accepted, rejected and objected.
"""

import os
import time

from . import sii
from .console import Stop, say, step, table
from .odoo import ADDON
from .simulator import SiiSimulator
from .stack import RATE_LIMIT, running_stack
from .workspace import workspace

ODOO_PORT = 8169
SERVICE_PORT = 8002
LOGIN = PASSWORD = "contadora"
VERDICTS = {"approved", "review", "rejected"}
WORDS = {"accepted", "objected", "rejected"}
HEADER = (
    "Document",
    "Type",
    "Customer",
    "Total",
    "Verdict",
    "Confidence",
    "State",
    "Findings",
)


def main(_arguments):
    start = time.monotonic()
    with (
        SiiSimulator("--delay", "0") as simulator,
        workspace(kept=("demo",)) as space,
        running_stack(space, ODOO_PORT, SERVICE_PORT, demo=True) as stack,
    ):
        documents = configure(stack, simulator)
        with step(f"Validate and generate {len(documents)} documents"):
            rows = validate_and_generate(stack.rpc(LOGIN, PASSWORD), documents)
        say("\n" + "\n".join(table(HEADER, rows)) + "\n")
        with step("Send what is signed to the simulator of the SII"):
            sent = sii.send(stack.rpc(LOGIN, PASSWORD), simulator, documents)
        shown = [(*row[:2], shortened(row[2], 150)) for row in sent]
        say("\n" + "\n".join(table(("Document", "At the simulator", "Why"), shown)))
        say(
            f"\nIn {time.monotonic() - start:.0f} s. Log in as {LOGIN} / {PASSWORD} "
            f"(administrator: admin / admin)\n\n"
            f"  Odoo        {stack.odoo_url}/odoo\n"
            f"  AI service  {stack.service_url}/health\n"
            f"  SII         {simulator.url}/admin/state (simulator)\n"
        )
        missing = VERDICTS.difference(row[HEADER.index("Verdict")] for row in rows)
        if missing:
            raise Stop(f"no document came out as {' or '.join(sorted(missing))}")
        if missing := WORDS.difference(row[1] for row in sent):
            raise Stop(f"the simulator {' or '.join(sorted(missing))} none")
        if os.environ.get("DEMO_EXIT") != "1":
            stay(stack)
    return 0


def configure(stack, simulator):
    """What the administrator does: address and key, certificate and folios.

    Returns the documents to show.
    """
    admin = stack.rpc()
    records = {
        record["name"]: record["res_id"]
        for record in admin.search_read(
            "ir.model.data", [("module", "=", ADDON)], ["name", "res_id"], order="id"
        )
    }
    (service,) = admin.call(
        "l10n_cl_dte_ai.service",
        "create",
        [
            {
                "url": stack.service_url,
                "new_key": stack.service_key,
                "rate_per_minute": RATE_LIMIT,
            }
        ],
    )
    company = records["demo_company"]
    values = {"l10n_cl_dte_ai_service_id": service}
    admin.call("res.company", "write", [company], values)
    # What the administrator sees first is the demo company, too.
    admin.call("res.users", "write", [admin.uid], {"company_id": company})
    sii.set_up(stack, admin, company, LOGIN, simulator)
    return [
        identifier
        for name, identifier in records.items()
        if name.startswith("demo_document_")
    ]


def validate_and_generate(client, documents):
    """The main job on each document, as the accountant does it; rows of the table."""
    types = {
        record["id"]: record["code"]
        for record in client.search_read("l10n_latam.document.type", [], ["code"])
    }
    wizard = "l10n_cl_dte_ai.generate"
    rows = []
    for document in documents:
        client.call("account.move", "action_l10n_cl_dte_generate", [document])
        identifier = client.call(wizard, "create", {"move_id": document})
        (seen,) = client.call(
            wizard,
            "read",
            [identifier],
            [
                *("move_id", "document_type_id", "partner_id", "amount_total"),
                *("state", "outcome", "confidence", "needs_override"),
                *("odoo_findings", "ai_findings"),
            ],
        )
        posted = seen["state"] == "posted"
        generate = posted and not seen["needs_override"]
        if generate:
            client.call(wizard, "action_generate", [identifier])
        (stands,) = client.call(
            "account.move", "read", [document], ["l10n_cl_dte_state"]
        )
        findings = [*(seen["odoo_findings"] or []), *(seen["ai_findings"] or [])]
        rows.append(
            (
                seen["move_id"][1].partition(" (")[0] if posted else "draft",
                types[seen["document_type_id"][0]],
                shortened(seen["partner_id"][1], 28),
                round(seen["amount_total"]),
                seen["outcome"].replace("_", " "),
                f"{seen['confidence']:.0f} %" if seen["confidence"] else "",
                stands["l10n_cl_dte_state"] or "",
                shortened("; ".join(found["message"] for found in findings), 72),
            )
        )
    return rows


def shortened(text, length):
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def stay(stack):
    """Until Ctrl-C, or until one of the two servers ends by itself."""
    say("Ctrl-C ends it; what is entered is not kept.")
    try:
        while True:
            stack.check()
            time.sleep(0.5)
    except KeyboardInterrupt:
        say("\nStopping.")
