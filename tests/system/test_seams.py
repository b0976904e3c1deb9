# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Another addon uses each seam of CONTRIBUTING.md, and leaves nothing when it goes."""

import json
from pathlib import Path

import pytest

from dev.odoo import problems

SCRATCH = "l10n_cl_dte_scratch"
STAND_INS = Path(__file__).parent / "stand_ins"
# What is seen with the addon and without it, of a copy of the same posted invoice.
# Rules and policy are asked, for generating against them is for few people.
LOOK = """
import json
env["l10n_cl_dte_ai.demo"]._load()
model = env.ref("l10n_cl_dte_ai.demo_document_mixed")
has_scratch = "scratch_note" in model._fields

def posted(name="Asesoría", **values):
    move = model.copy({"invoice_date": model.invoice_date, **values})
    move.invoice_line_ids.filtered("product_id")[:1].name = name
    move.action_post()
    return move

seen = {}
move = posted()
before = move._l10n_cl_dte_ai_digests()[move]
if has_scratch:
    move.scratch_note = "Según contrato"
seen["field"] = before != move._l10n_cl_dte_ai_digests()[move]
seen["rule"] = [
    finding.code
    for finding in posted("Por definir")._l10n_cl_dte_findings()
    if finding.code.startswith("scratch")
]
asked = posted(**({"scratch_note": "ask first"} if has_scratch else {}))
asked.company_id.l10n_cl_dte_ai_policy = "advise"
seen["policy"] = asked._l10n_cl_dte_needs_override([])
version = move._l10n_cl_dte_generate()
content = version._content()
seen["described"] = "Según contrato".encode("latin-1") in content
seen["element"] = b"<Contacto>Scratch</Contacto>" in content
seen["bytes"] = content.endswith(b"<!-- stamped -->\\n")
seen["after"] = has_scratch and move.scratch_done == version.file_name
state = move.l10n_cl_dte_state
if has_scratch:
    move.scratch_note = "Según otro contrato"
seen["states"] = [state, move.l10n_cl_dte_state]
print(json.dumps(seen))
env.cr.rollback()
"""


@pytest.fixture(scope="module")
def odoo(workspace):
    odoo = workspace.with_addon("seams")
    settings = odoo.config.read_text()
    odoo.config.write_text(
        settings.replace("addons_path = ", f"addons_path = {STAND_INS},")
    )
    assert problems(odoo.install(SCRATCH)) == []
    return odoo


def look(odoo, log):
    return json.loads(odoo.shell(LOOK, log=log).strip().splitlines()[-1])


def test_each_seam_is_used(odoo):
    assert look(odoo, "seams") == {
        "field": True,
        "rule": ["scratch_draft_words"],
        "policy": True,
        "described": True,
        "element": True,
        "bytes": True,
        "after": True,
        "states": ["generated", "outdated"],
    }


def test_nothing_of_it_stays_when_it_is_removed(odoo):
    assert problems(odoo.uninstall(SCRATCH)) == []
    assert look(odoo, "seams-removed") == {
        "field": False,
        "rule": [],
        "policy": False,
        "described": False,
        "element": False,
        "bytes": False,
        "after": False,
        "states": ["generated", "generated"],
    }
