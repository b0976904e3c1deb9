# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Folios that many processes take at the same time: each once, and none is left out."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from dev import sii
from dev.rpc import RpcError
from dev.stack import Stack

DRAFTS = 24
COMPANY = f"""
from odoo import fields
from odoo.addons.l10n_cl_dte_ai.demo import builder
builder.load(env)
company = env.ref("l10n_cl_dte_ai.demo_company")
draft = env.ref("l10n_cl_dte_ai.demo_document_draft").with_company(company)
today = fields.Date.today()
copies = [draft.copy({{"invoice_date": today}}).id for number in range({DRAFTS})]
env.cr.execute("SELECT max(sequence_number) FROM account_move m"
               " JOIN l10n_latam_document_type t ON t.id = l10n_latam_document_type_id"
               " WHERE t.code = '33' AND m.company_id = %s", [company.id])
print(company.id, env.cr.fetchone()[0], *copies)
"""


@pytest.fixture(scope="module")
def issuer(workspace):
    """An Odoo with two workers, its drafts, and the highest number that there is."""
    odoo = workspace.with_addon("sii_folios")
    printed = odoo.shell(COMPANY, log="folios").split()
    company, highest, *drafts = map(int, printed[-DRAFTS - 2 :])
    stack = Stack(odoo, workers=2)
    try:
        stack.start_odoo()
        sii.set_up(stack, stack.rpc(), company, "contadora")
        yield stack, highest, drafts
    finally:
        stack.stop()


def test_many_processes_take_each_folio_once_and_leave_none_out(issuer):
    stack, highest, drafts = issuer
    clients = [stack.rpc("contadora", "contadora") for _number in range(6)]

    def confirm(number):
        """As people do: the server repeats what collides; a person tries once more."""
        for _attempt in range(3):
            try:
                return clients[number % 6].call(
                    "account.move", "action_post", [drafts[number]]
                )
            except RpcError as error:
                last = error
        raise last

    with ThreadPoolExecutor(6) as people:
        list(people.map(confirm, range(DRAFTS)))
    admin = stack.rpc()
    moves = admin.search_read(
        "account.move", [("id", "in", drafts)], ["name", "state", "sequence_number"]
    )
    assert {move["state"] for move in moves} == {"posted"}
    taken = sorted(move["sequence_number"] for move in moves)
    assert taken == list(range(highest + 1, highest + 1 + DRAFTS))
    rows = admin.search_read(
        "l10n_cl_dte_sii.folio",
        [("move_id", "in", drafts)],
        ["number", "state", "move_id"],
    )
    assert sorted(row["number"] for row in rows) == taken
    assert {row["state"] for row in rows} == {"used"}
    assert len({row["move_id"][0] for row in rows}) == DRAFTS
