# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Where Odoo Enterprise's `l10n_cl_edi` is, our names and *Generate* step aside."""

import json
from pathlib import Path

import pytest

from dev.odoo import ADDON, problems

EDI = "l10n_cl_edi"
STAND_INS = Path(__file__).parent / "stand_ins"
SCRIPT = """
import json
from odoo import Command
from odoo.exceptions import UserError
company = env["l10n_cl_dte_ai.demo"]._load()
move = env.ref("l10n_cl_dte_ai.demo_document_mixed")
note = env.ref("l10n_cl_dte_ai.demo_document_credit_note_partial")
try:
    refused = bool(move._l10n_cl_dte_generate()) and ""
except UserError as error:
    refused = str(error)
flawed = env.ref("l10n_cl_dte_ai.demo_document_no_giro")
wizard = env["l10n_cl_dte_ai.generate"].create({"move_id": flawed.id})
print(json.dumps({
    "fields": sorted(env["l10n_cl.account.invoice.reference"]._fields),
    "label": move._fields["l10n_cl_reference_ids"].string,
    "texts": [move._format_length("x", 1), move._l10n_cl_normalize_currency_name("x")],
    "refused": refused,
    "checked": wizard.odoo_findings,
    "tab": move.l10n_cl_dte_shows_references,
    "reference": [r.FolioRef for r in note._l10n_cl_dte_as_document().Referencia],
}))
env.cr.rollback()
"""


@pytest.mark.parametrize(
    "order", [(ADDON, EDI), (EDI, ADDON)], ids=["after ours", "before ours"]
)
def test_enterprise_comes_first(workspace, order):
    odoo = workspace.create(f"with_{EDI}_{order.index(EDI)}")
    settings = odoo.config.read_text()
    odoo.config.write_text(
        settings.replace("addons_path = ", f"addons_path = {STAND_INS},")
    )
    for module in order:
        assert problems(odoo.install(module)) == []
    seen = json.loads(odoo.shell(SCRIPT, log="edi").strip().splitlines()[-1])
    assert "only_in_enterprise" in seen["fields"]
    assert seen["label"] == "Of Enterprise"
    assert seen["texts"] == ["enterprise", "enterprise"]
    assert seen["refused"]
    assert len(seen["checked"]) == 1  # the rules stay
    assert seen["tab"] is False
    assert seen["reference"]
