# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What people have today is there after the upgrade: files, verdicts, decisions."""

import json
import subprocess

import pytest

from dev.odoo import ADDON, problems
from dev.process import ROOT

# The last commit of version 19.0.1.0.0.
BEFORE = "bad7391"
MAKE = """
import json
from odoo import Command
company = env["res.company"]._l10n_cl_dte_ai_load_demo()
company.l10n_cl_dte_ai_ciudad = "Santiago"
env = env(context={**env.context, "allowed_company_ids": company.ids})
moves = env["account.move"].search(
    [("company_id", "=", company.id), ("state", "=", "posted"),
     ("move_type", "=", "out_invoice")], order="id")
good = moves.filtered(
    lambda move: move._l10n_cl_dte_ai_is_covered()
    and not any(f.severity == "error" for f in move._l10n_cl_dte_ai_findings()))
assert len(good) >= 5, good
asked, changed, overridden, gone, plain = good[:5]
plain.l10n_cl_dte_ai_payment_form = "1"
rows = env["l10n_cl_dte_ai.validation"].sudo()
bodies = asked._l10n_cl_dte_ai_bodies(asked._l10n_cl_dte_ai_contents())
rows.create({
    "move_id": asked.id, "digest": asked._l10n_cl_dte_ai_digests()[asked],
    "request_body": bodies[asked], "state": "done", "verdict": "approved",
    "confidence": 91.5, "answered_at": "2026-01-02 10:00:00",
    "findings": [{"severity": "warning", "message": "Mire el precio"}]})
service = env["l10n_cl_dte_ai.service"].create(
    {"url": "https://ai.example.cl", "new_key": "sk-of-the-upgrade-0123456789"})
company.write(
    {"l10n_cl_dte_ai_service_id": service.id, "l10n_cl_dte_ai_on_post": "off"})
quoted = "bad request, you sent Bearer sk-of-the-upgrade-0123456789"
rows.create({
    "move_id": plain.id, "digest": "0" * 64, "request_body": "{}", "state": "failed",
    "outcome": "refused", "findings": [{"severity": "error", "message": quoted}]})
plain.message_post(body=quoted)
(asked + changed + gone)._l10n_cl_dte_ai_generate_allowed()
overridden.invoice_line_ids[:1].name = "Caja \N{PACKAGE}"  # no DTE can hold it
overridden._l10n_cl_dte_ai_generate("Urgente")
changed.button_draft()
changed.invoice_line_ids[:1].price_unit += 1000
changed.action_post()
gone.l10n_cl_dte_ai_attachment_id.unlink()
env["ir.filters"].create({
    "name": "Mine", "model_id": "account.move", "user_ids": False,
    "domain": "[('l10n_cl_dte_ai_payment_form', '=', '1')]"})
# Nobody can generate from now on.
employee = env["res.users"].create({"name": "Employee", "login": "employee"})
env["ir.attachment"].with_user(employee).create(
    {"name": "l10n_cl_dte_ai.DTE_v10.xsd", "raw": b"<not xml"})
env.flush_all()
"""
BEFORE_THAT = """
files = {move.name: move.l10n_cl_dte_ai_attachment_id.checksum
         for move in good if move.l10n_cl_dte_ai_attachment_id}
"""
AFTER_THAT = """
import json
from odoo.tools import SQL
company = env.ref("l10n_cl_dte_ai.demo_company")
env = env(context={**env.context, "allowed_company_ids": company.ids})
versions = env["l10n_cl_dte.document"].search([])
files = {row.move_id.name: row.attachment_id.checksum for row in versions}
"""
TELL = """
print(json.dumps({
    "names": {"asked": asked.name, "changed": changed.name,
              "overridden": overridden.name, "gone": gone.name, "plain": plain.name},
    "files": files,
    "verdicts": env["l10n_cl_dte_ai.validation"].sudo().search_read(
        [("state", "=", "done")],
        ["digest", "state", "verdict", "confidence", "findings", "request_body"],
        order="id"),
}))
"""
LOOK = """
by_name = {move.name: move for move in env["account.move"].search(
    [("company_id", "=", company.id), ("state", "=", "posted")])}
overridden = by_name[NAMES["overridden"]].l10n_cl_dte_document_id
kept = by_name[NAMES["asked"]].l10n_cl_dte_document_id
shown = env["ir.filters"].search([("name", "=", "Mine")])
print(json.dumps({
    "files": files,
    "verdicts": env["l10n_cl_dte_ai.validation"].sudo().search_read(
        [("state", "=", "done")],
        ["digest", "state", "verdict", "confidence", "findings", "request_body"],
        order="id"),
    "intact": all(row._content() for row in versions),
    "states": {key: by_name[name].l10n_cl_dte_state for key, name in NAMES.items()},
    "opinion": by_name[NAMES["asked"]].l10n_cl_dte_ai_state,
    "validation": kept.validation_id.verdict,
    "reason": overridden.override_reason,
    "by": overridden.override_user_id.login,
    "payment": by_name[NAMES["plain"]].l10n_cl_dte_payment_form,
    "city": company.l10n_cl_dte_ciudad,
    "filter": shown.domain,
    "policy": company.l10n_cl_dte_ai_on_post,
    "texts": env["l10n_cl_dte_ai.validation"].sudo().search(
        [("state", "=", "failed")]).mapped("findings"),
    "chatter": [
        str(each.body) for each in by_name[NAMES["plain"]].message_ids],
    "key_is_kept": company.sudo().l10n_cl_dte_ai_service_id.key_source,
    "schemas": env["ir.attachment"].search_count(
        [("name", "=like", "l10n_cl_dte_ai.%.xsd")])
        + env["l10n_cl_dte.schema"].sudo().search_count([]),
    "same": kept == by_name[NAMES["asked"]]._l10n_cl_dte_generate(),
    "old_columns": env.execute_query(SQL(
        "SELECT column_name FROM information_schema.columns WHERE column_name IN"
        " ('l10n_cl_dte_ai_attachment_id', 'l10n_cl_dte_ai_posting_date')")),
}))
"""


@pytest.fixture(scope="module")
def upgraded(workspace, tmp_path_factory):
    """What was there before the upgrade, and what is there after it."""
    old = tmp_path_factory.mktemp("before")
    archive = subprocess.run(
        ["git", "archive", BEFORE, ADDON], cwd=ROOT, capture_output=True, check=True
    )
    subprocess.run(["tar", "-x", "-C", old], input=archive.stdout, check=True)
    odoo = workspace.create("upgrade")
    settings = odoo.config.read_text()
    odoo.config.write_text(settings.replace(str(ROOT), str(old)))
    odoo.install(ADDON, log="install-before")
    before = _read(odoo.shell(MAKE + BEFORE_THAT + TELL, log="make-before"))
    odoo.config.write_text(settings)
    printed = odoo.upgrade(ADDON)
    names = f"NAMES = {before['names']!r}\n"
    after = _read(odoo.shell(names + AFTER_THAT + LOOK, log="look-after"))
    return printed, before, after


def _read(printed):
    return json.loads(printed.strip().splitlines()[-1])


def test_it_is_quiet(upgraded):
    printed, _before, _after = upgraded
    assert problems(printed) == []


def test_files_and_verdicts_are_the_same(upgraded):
    _printed, before, after = upgraded
    assert len(before["files"]) == 3
    assert after["files"] == before["files"]
    assert after["intact"]
    assert after["verdicts"] == before["verdicts"]


def test_no_key_and_no_schema_of_a_user_comes_along(upgraded):
    _printed, _before, after = upgraded
    assert after["key_is_kept"] == "database"
    kept = json.dumps([after["texts"], after["chatter"]])
    assert "you sent Bearer" in kept
    assert "sk-of-the-upgrade" not in kept
    assert after["schemas"] == 0


def test_what_the_rules_refuse_is_not_confirmed_any_more(upgraded):
    """Nothing was looked at on confirming, since that was the default."""
    _printed, _before, after = upgraded
    assert after["policy"] == "rules"


def test_documents_stand_where_they_stood(upgraded):
    _printed, _before, after = upgraded
    assert after["states"] == {
        "asked": "generated",
        "changed": "outdated",
        "overridden": "generated",
        "gone": "ready",
        "plain": "ready",
    }
    assert after["opinion"] == "approved"
    assert after["validation"] == "approved"
    assert after["same"], "the same document is not generated twice"


def test_what_people_entered_is_kept(upgraded):
    _printed, _before, after = upgraded
    assert (after["reason"], after["by"]) == ("Urgente", "__system__")
    assert after["payment"] == "1"
    assert after["city"] == "Santiago"
    assert "l10n_cl_dte_payment_form" in after["filter"]
    assert after["old_columns"] == []
