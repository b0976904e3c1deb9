# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
# pylint: skip-file
# ruff: noqa: F821
# Runs in Odoo's shell, by `python3 -m dev bench`: SQL statements and seconds for
# documents, rules and XML of many invoices. `env` is the shell's.
import json
import time

from odoo import Command, fields

from odoo.addons.l10n_cl_dte_ai.tools.dte import rules, xml

LINES = 6
company = env["res.company"]._l10n_cl_dte_ai_load_demo()
env = company.with_company(company).env
moves = env["account.move"].with_context(tracking_disable=True)
[model] = moves.search([("company_id", "=", company.id), ("state", "=", "posted")])[:1]


def create(count):
    values = {
        "move_type": "out_invoice",
        "partner_id": model.partner_id.id,
        "invoice_date": fields.Date.today(),
        "l10n_latam_document_type_id": env.ref("l10n_cl.dc_a_f_dte").id,
        "invoice_line_ids": [
            Command.create(
                {
                    "name": f"Servicio {number}",
                    "price_unit": 12_345 * number,
                    "tax_ids": [Command.set(company.account_sale_tax_id.ids)],
                }
            )
            for number in range(LINES)
        ],
    }
    return moves.create([values] * count)


def measure(ids):
    env.flush_all()
    env.invalidate_all()
    before, start = env.cr.sql_log_count, time.process_time()
    for document in moves.browse(ids)._l10n_cl_dte_as_documents().values():
        rules.check(document, fields.Date.today(), env._)
        xml.as_xml(document)
    return env.cr.sql_log_count - before, time.process_time() - start


created = [move for _batch in range(10) for move in create(100).ids]
measure(created[:1])  # what the registry caches
few, many = measure(created[:10]), measure(created)
print(json.dumps({"invoices": len(created), "few": few, "many": many}))
env.cr.rollback()
