# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Two transactions that confirm at once get two folios, whatever their journals."""

import json

import pytest

from dev.odoo import ADDON

SCRIPT = """
import json, threading
from odoo import SUPERUSER_ID, api
from odoo.service.model import retrying

company = env["l10n_cl_dte_ai.demo"]._load()
env = env(context={**env.context, "allowed_company_ids": company.ids})
model = env.ref("l10n_cl_dte_ai.demo_document_mixed")
other = model.journal_id.copy({"name": "Otras ventas", "code": "OV"})
drafts = [
    model.copy({"journal_id": journal.id, "invoice_date": model.invoice_date})
    for journal in (model.journal_id, other) * PAIRS
]
ids = [draft.id for draft in drafts]
env.cr.commit()
barrier = threading.Barrier(2)
failures = []

def confirm(mine):
    for move_id in mine:
        with env.registry.cursor() as cr:
            move = api.Environment(
                cr, SUPERUSER_ID, {"allowed_company_ids": company.ids}
            )["account.move"].browse(move_id)
            move.name  # the snapshot of the transaction is of now
            barrier.wait()
            try:
                retrying(move.action_post, move.env)
            except Exception as error:
                failures.append(repr(error))
                raise

threads = [threading.Thread(target=confirm, args=(ids[n::2],)) for n in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(120)
env.invalidate_all()
env.cr.rollback()
print(json.dumps({
    "failures": failures,
    "names": env["account.move"].browse(ids).mapped("name"),
    "taken": env["l10n_cl_dte.folio"].search_count([("move_id", "in", ids)]),
}))
"""


@pytest.fixture(scope="module")
def odoo(workspace):
    odoo = workspace.create("folios")
    odoo.install(ADDON)
    return odoo


def test_no_folio_is_given_twice(odoo):
    pairs = 6
    printed = odoo.shell(f"PAIRS = {pairs}\n{SCRIPT}", log="folios")
    seen = json.loads(printed.strip().splitlines()[-1])
    assert seen["failures"] == []
    assert len(seen["names"]) == len(set(seen["names"])) == 2 * pairs
    assert seen["taken"] == 2 * pairs
