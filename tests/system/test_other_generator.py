# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Beside another addon that generates: one *Generate DTE*, ours first, then theirs."""

import json
from pathlib import Path

import pytest

from dev.odoo import ADDON, problems

OTHER = "l10n_cl_dte"
STAND_INS = Path(__file__).parent / "stand_ins"
SCRIPT = """
import json
from lxml import etree
from odoo.exceptions import UserError
company = env["l10n_cl_dte_ai.demo"]._load()
env = env(context={**env.context, "allowed_company_ids": company.ids})
move = env.ref("l10n_cl_dte_ai.demo_document_mixed").with_env(env)
arch = etree.fromstring(move.get_view(view_type="form")["arch"])
buttons = [
    button.get("name") for button in arch.iterfind(".//header/button")
    if "DTE" in button.get("string", "")]
wizard = env["l10n_cl_dte_ai.generate"].create({"move_id": move.id})
action = wizard.action_generate()
try:
    refused = bool(move._l10n_cl_dte_generate()) and ""
except UserError as error:
    refused = str(error)
states = [move.l10n_cl_dte_state]
env[action["res_model"]].with_context(action["context"]).create({}).action_generate()
states.append(move.l10n_cl_dte_state)
move.action_send_to_sii()
states.append(move.l10n_cl_dte_state)
move.dte_status = "rejected"
states.append(move.l10n_cl_dte_state)
flawed = env["l10n_cl_dte_ai.generate"].create({"move_id": move.id})
move.invoice_line_ids[:1].name = "Caja \\N{PACKAGE}"
user = env["res.users"].create({
    "name": "A", "login": "accountant_of_test", "company_id": company.id,
    "company_ids": company.ids,
    "group_ids": [(6, 0, [env.ref("account.group_account_invoice").id])]})
try:
    env["l10n_cl_dte_ai.generate"].with_user(user).create(
        {"move_id": move.id}).action_generate()
    policy = ""
except Exception as error:
    policy = str(error)
print(json.dumps({
    "buttons": buttons, "opens": action["res_model"], "states": states,
    "refused": refused, "policy": policy}))
env.cr.rollback()
"""


@pytest.mark.parametrize(
    "order", [(ADDON, OTHER), (OTHER, ADDON)], ids=["after ours", "before ours"]
)
def test_one_button_and_theirs_behind_it(workspace, order):
    odoo = workspace.create(f"with_{OTHER}_{order.index(OTHER)}")
    settings = odoo.config.read_text()
    odoo.config.write_text(
        settings.replace("addons_path = ", f"addons_path = {STAND_INS},")
    )
    for module in order:
        assert problems(odoo.install(module)) == []
    seen = json.loads(odoo.shell(SCRIPT, log="other").strip().splitlines()[-1])
    # Ours only: of confirmed documents, of drafts, of generated ones, and the file.
    assert set(seen["buttons"]) == {
        "action_l10n_cl_dte_generate",
        "action_l10n_cl_dte_download",
    }
    assert seen["opens"] == "dte.generate.wizard"
    assert OTHER in seen["refused"]
    assert seen["states"] == ["ready", "generated", "generated", "review"]
    assert "has problems" in seen["policy"] or "tiene problemas" in seen["policy"]
