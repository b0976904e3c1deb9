# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Where a document stands, who may change that, and what its versions are."""

from unittest.mock import patch

from lxml import etree

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..hooks import uninstall_hook
from ..models import l10n_cl_dte_refresh
from .common import DteAiCommon
from .loopback import opinion

FORGED = {
    "l10n_cl_dte_state": "generated",
    "l10n_cl_dte_findings": [],
    "l10n_cl_dte_fingerprint": "0" * 64,
    "l10n_cl_dte_ai_digest": "0" * 64,
    "l10n_cl_dte_ai_state": "approved",
    "l10n_cl_dte_posting_date": "2026-01-01",
}


class LifeCase(DteAiCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.company_data["company"]

    def refused(self, function, error=AccessError):
        with self.assertRaises(error), self.env.cr.savepoint():
            function()


class StateTests:
    def test_from_the_draft_to_the_file(self):
        document = self.create_document()
        self.assertEqual(document.l10n_cl_dte_state, "ready")
        document.invoice_line_ids.unlink()
        self.assertFalse(document.l10n_cl_dte_state, "nothing is said of nothing")
        document.write({"invoice_line_ids": [Command.create(self.line())]})
        self.customer.l10n_cl_activity_description = False
        self.assertEqual(document.l10n_cl_dte_state, "errors")
        self.assertIn("Los Boldos", document.l10n_cl_dte_why)
        self.customer.l10n_cl_activity_description = "Abarrotes"
        self.assertEqual(document.l10n_cl_dte_state, "ready")
        document.action_post()
        self.assertEqual(document.l10n_cl_dte_state, "ready")
        document._l10n_cl_dte_generate()
        self.assertEqual(document.l10n_cl_dte_state, "generated")
        self.assertFalse(document.l10n_cl_dte_why)

    def test_what_the_ai_says(self):
        for recommendation, state in (
            ("send", "ready"),
            ("review", "review"),
            ("reject", "review"),
        ):
            document = self.create_document()
            self.server.script(opinion(recommendation))
            self.click(document)
            self.assertEqual(document.l10n_cl_dte_state, state, recommendation)

    def test_what_policy_waits_for(self):
        for policy, state in (("advise", "ready"), ("block", "waiting")):
            self.company.l10n_cl_dte_ai_policy = policy
            document = self.create_document()
            self.env["l10n_cl_dte_ai.validation"]._get_or_queue(document)
            self.assertEqual(document.l10n_cl_dte_state, state)
            self.assertEqual(document.l10n_cl_dte_ai_state, "waiting")

    def test_what_is_no_dte_stands_nowhere(self):
        document = self.create_document()
        document.button_cancel()
        self.assertFalse(document.l10n_cl_dte_state)
        document.button_draft()
        self.assertEqual(document.l10n_cl_dte_state, "ready")
        bill = self.create_document(move_type="in_invoice", env=self.env)
        self.assertFalse(bill.l10n_cl_dte_state)

    def test_findings_are_kept_in_each_language(self):
        self.customer.l10n_cl_activity_description = False
        document = self.create_document()
        [finding] = [
            each
            for each in document.l10n_cl_dte_findings
            if each["severity"] == "error"
        ]
        self.assertEqual(finding["target"], "receptor")
        self.assertLessEqual({"en_US", "es_419"}, set(finding["messages"]))
        spanish = document.with_context(lang="es_419")
        self.assertEqual(spanish.l10n_cl_dte_why, finding["messages"]["es_419"])

    def test_lists_find_and_group_by_it(self):
        document = self.create_posted()
        document._l10n_cl_dte_generate()
        moves = self.env["account.move"]
        found = moves.search([("l10n_cl_dte_state", "=", "generated")])
        self.assertIn(document, found)
        groups = dict(
            moves._read_group([], ["l10n_cl_dte_state"], ["__count"]),
        )
        self.assertEqual(groups["generated"], len(found))
        # The group of all others has a name.
        for name in ("l10n_cl_dte_state", "l10n_cl_dte_ai_state"):
            label = moves.fields_get([name])[name]["falsy_value_label"]
            self.assertTrue(label, name)

    def test_odoo_s_lists_have_the_column(self):
        """Chile's own *Facturas de Vta y Notas de Crédito (CL)*, too."""
        for xmlid in (
            "account.view_out_invoice_tree",
            "l10n_cl.view_complete_invoice_refund_tree",
        ):
            view = self.env.ref(xmlid)
            arch = self.env["account.move"].get_view(view.id, "list")["arch"]
            [node] = etree.fromstring(arch).xpath("//field[@name='l10n_cl_dte_state']")
            with self.subTest(xmlid):
                self.assertIn("errors", node.get("decoration-danger"))


class DecisionTests:
    def reviewed(self, recommendation="review", policy="advise"):
        self.company.sudo().l10n_cl_dte_ai_policy = policy
        document = self.create_document()
        self.server.script(opinion(recommendation))
        self.click(document)
        self.assertEqual(document.l10n_cl_dte_state, "review")
        return document

    def test_reviewed_takes_it_out_of_what_is_to_do(self):
        document = self.reviewed()
        document.action_l10n_cl_dte_reviewed()
        self.assertEqual(document.l10n_cl_dte_state, "ready")
        row = self.validation(document)
        self.assertEqual(row.decided_by_id, self.accountant)
        self.assertTrue(row.decided_on)
        self.assertIn("Reviewed", self.messages(document))
        self.assertFalse(document._get_alerts())
        with self.assertRaisesRegex(UserError, "Nothing is to be decided"):
            document.action_l10n_cl_dte_reviewed()

    def test_a_change_puts_it_before_a_person_again(self):
        document = self.reviewed()
        document.action_l10n_cl_dte_reviewed()
        document.invoice_line_ids.price_unit = 90_000
        self.server.script(opinion("review"))
        self.click(document)
        self.assertEqual(document.l10n_cl_dte_state, "review")

    def test_policy_wants_who_may_and_a_reason(self):
        document = self.reviewed("reject", "warn")
        self.refused(document.action_l10n_cl_dte_reviewed)
        overrider = document.with_user(self.overrider)
        self.refused(overrider.action_l10n_cl_dte_reviewed, UserError)
        overrider._l10n_cl_dte_decide("Precio acordado")
        self.assertEqual(document.l10n_cl_dte_state, "ready")
        # What was decided lets it pass, and stands with the file.
        document.action_post()
        version = document._l10n_cl_dte_generate()
        self.assertEqual(version.override_user_id, self.overrider)
        self.assertEqual(version.override_reason, "Precio acordado")

    def test_a_decision_of_before_a_stricter_policy_is_none(self):
        document = self.reviewed("reject")
        document.action_l10n_cl_dte_reviewed()
        self.company.sudo().l10n_cl_dte_ai_policy = "warn"
        self.assertTrue(
            document._l10n_cl_dte_needs_override([], self.validation(document))
        )

    def test_nobody_writes_a_decision(self):
        row = self.validation(self.reviewed())
        for env in (self.env, self.admin_env):
            values = {"decided_by_id": self.accountant.id, "decision_overrides": True}
            self.refused(lambda env=env, v=values: row.with_env(env).write(v))

    def test_a_generated_document_offers_its_file(self):
        document = self.create_posted()
        document._l10n_cl_dte_generate()
        wizard = self.env["l10n_cl_dte_ai.generate"].create({"move_id": document.id})
        self.assertEqual(wizard.version_id, document.l10n_cl_dte_document_id)
        self.assertEqual(wizard.action_download()["type"], "ir.actions.act_url")
        self.assertFalse(wizard.differs)
        self.assertIn("Download it", wizard.hint)
        self.customer.city = "Curicó"
        wizard.invalidate_recordset()
        self.assertTrue(wizard.differs)

    def test_one_button_stands_out(self):
        """The next step; Odoo's own buttons wait until there is none."""
        document = self.create_document()
        self.assertFalse(document.l10n_cl_dte_next_step)  # Odoo's Confirm
        document.action_post()
        self.assertEqual(document.l10n_cl_dte_next_step, "generate")
        self.assertFalse(document.highlight_send_button)
        document._l10n_cl_dte_generate()
        self.assertEqual(document.l10n_cl_dte_next_step, "download")
        self.assertFalse(document.highlight_send_button)
        bill = self.create_document(
            move_type="in_invoice", l10n_latam_document_number="000004"
        )
        bill.action_post()
        self.assertFalse(bill.l10n_cl_dte_next_step)
        self.assertTrue(bill.highlight_send_button)

    def test_a_history_says_who_when_why_and_gives_the_file(self):
        document = self.create_posted()
        first = document._l10n_cl_dte_generate()
        document.button_draft()
        document.narration = "Otra cosa"
        document.invoice_line_ids.name = "Caja 📦"
        document.action_post()
        document.with_user(self.overrider)._l10n_cl_dte_generate("Lo pidió Rosa")
        action = document.action_l10n_cl_dte_open_versions()
        second, listed = self.env[action["res_model"]].search(action["domain"])
        self.assertEqual(listed, first)
        self.assertTrue(first.superseded_on)
        self.assertEqual(first.create_uid, self.accountant)
        self.assertEqual(second.override_user_id, self.overrider)
        self.assertEqual(second.override_reason, "Lo pidió Rosa")
        self.assertIn("a character that a DTE cannot hold", second.found)
        for version in (first, second):
            self.assertTrue(version._content().startswith(b"<?xml"))

    def test_uninstalling_copies_each_current_file_to_its_invoice(self):
        kept, changed = self.create_posted(), self.create_posted()
        for document in (kept, changed):
            document._l10n_cl_dte_generate()
        changed.button_draft()
        changed.invoice_line_ids.name = "Otra cosa"
        changed.action_post()
        changed._l10n_cl_dte_generate()
        versions = (kept | changed).l10n_cl_dte_document_id
        uninstall_hook(self.admin_env)
        for version in versions:
            copies = self.env["ir.attachment"].search(
                [
                    ("res_model", "=", "account.move"),
                    ("res_id", "=", version.move_id.id),
                    ("name", "=", version.file_name),
                ]
            )
            self.assertEqual(copies.raw, version._content())


class OpenDocumentTests:
    """What follows contacts, companies and taxes are the open documents only."""

    def looked_at(self, change):
        looked_at = []
        compute = self.registry["account.move"]._l10n_cl_dte_kept_findings

        def look(move, document):
            looked_at.append(move.id)
            return compute(move, document)

        with patch.object(
            self.registry["account.move"], "_l10n_cl_dte_kept_findings", look
        ):
            change()
            self.env.flush_all()
        return looked_at

    def test_a_settled_document_is_not_looked_at(self):
        settled, is_open = self.create_posted(), self.create_posted()
        settled._l10n_cl_dte_generate()
        self.env.flush_all()
        for record, values in (
            (self.customer, {"street": "Calle Nueva 7"}),
            (self.company.partner_id, {"city": "Ñuñoa"}),
            (self.company, {"l10n_cl_dte_ciudad": "Santiago"}),
            (self.vat_19, {"price_include_override": "tax_excluded"}),
        ):
            looked_at = self.looked_at(
                lambda record=record, values=values: record.sudo().write(values)
            )
            self.assertEqual(looked_at, [is_open.id], record)

    def test_what_no_document_says_is_looked_for_nowhere(self):
        self.create_posted()
        self.env.flush_all()
        self.assertFalse(self.looked_at(lambda: self.customer.write({"ref": "A1"})))

    def test_many_are_looked_at_in_the_background(self):
        documents = self.env["account.move"].union(
            *(self.create_document() for _number in range(3))
        )
        self.env.flush_all()
        with patch.object(l10n_cl_dte_refresh, "AT_ONCE", 2):
            change = {"l10n_cl_activity_description": False}
            self.assertFalse(self.looked_at(lambda: self.customer.write(change)))
        self.assertEqual(set(documents.mapped("l10n_cl_dte_state")), {"ready"})
        queue = self.env["l10n_cl_dte.refresh"].sudo()
        self.assertEqual(queue.search([]).res_ids, self.customer.ids)
        with patch.object(l10n_cl_dte_refresh, "CHUNK", 2):
            queue._cron_refresh()
        self.assertEqual(set(documents.mapped("l10n_cl_dte_state")), {"errors"})
        self.assertFalse(queue.search([]))

    def test_another_form_of_what_is_asked_leaves_no_old_badge(self):
        document = self.create_document()
        self.server.script(opinion())
        self.click(document)
        self.assertEqual(document.l10n_cl_dte_ai_state, "approved")
        self.env.flush_all()
        queue = self.env["l10n_cl_dte.refresh"].sudo()
        with (
            patch("odoo.addons.l10n_cl_dte_ai.tools.dte.payload.SCHEMA_VERSION", 99),
            patch.object(l10n_cl_dte_refresh, "SCHEMA_VERSION", 99),
        ):
            queue.init()  # as an upgrade does
            queue._cron_refresh()
            self.assertEqual(document.l10n_cl_dte_ai_state, "outdated")
            self.assertFalse(self.validation(document))


class ForgeryTests:
    def test_nobody_writes_where_a_document_stands(self):
        document = self.create_posted()
        admin = document.with_env(self.admin_env)
        for name, value in FORGED.items():
            for move in (document, admin, document.sudo()):
                with self.subTest(name, user=move.env.user.login):
                    self.refused(lambda m=move, v={name: value}: m.write(v))
            with self.subTest(name):
                self.refused(lambda v={name: value}: self.create_document(**v))
                moves = self.env["account.move"].with_context(
                    **{f"default_{name}": value}
                )
                self.refused(lambda env=moves.env: self.create_document(env=env))
        self.assertFalse(document.copy().l10n_cl_dte_document_ids)

    def test_an_import_is_refused(self):
        document = self.create_document()
        result = document.load([".id", "l10n_cl_dte_state"], [[document.id, "ready"]])
        self.assertIn("nobody can write them", result["messages"][0]["message"])

    def test_nobody_writes_a_version(self):
        document = self.create_posted()
        version = document._l10n_cl_dte_generate()
        self.env.flush_all()
        values = {"move_id": document.id, "file_name": "DTE_33_1.xml"}
        for env in (self.env, self.admin_env, self.env(user=self.overrider)):
            row = version.with_env(env)
            for change in (
                lambda row=row: row.write({"override_reason": "No"}),
                lambda row=row: row.unlink(),
                lambda row=row: row.copy(),
                lambda row=row: row.create(values),
                lambda row=row: row.move_id.write(
                    {"l10n_cl_dte_document_ids": [Command.create(values)]}
                ),
                lambda row=row: row.attachment_id.write({"raw": b"<DTE/>"}),
                lambda row=row: row.attachment_id.unlink(),
                lambda row=row: row.attachment_id.write({"res_id": 0}),
                lambda row=row: row.env["ir.attachment"].create(
                    {
                        "name": "DTE_33_1.xml",
                        "raw": b"<DTE/>",
                        "res_model": row._name,
                        "res_field": "file",
                        "res_id": row.id,
                    }
                ),
            ):
                self.refused(change)
        self.assertIn(b"<DTE", version._content())

    def test_a_file_that_is_missing_is_told(self):
        document = self.create_posted()
        version = document._l10n_cl_dte_generate()
        self.assertEqual(version.action_download()["type"], "ir.actions.act_url")
        self.assertTrue(document._l10n_cl_dte_zip())
        attachment = version.attachment_id.sudo()
        self.env.flush_all()
        self.cr.execute(
            "UPDATE ir_attachment SET store_fname = '00/gone', db_datas = NULL"
            " WHERE id = %s",
            [attachment.id],
        )
        attachment.invalidate_recordset()
        with self.assertRaisesRegex(UserError, "missing on the server"):
            version.action_download()
        self.assertEqual(document._l10n_cl_dte_zip(), b"")
        self.assertIn("missing", document._l10n_cl_dte_why_no_file()[document])
        # Generated again it is there again, as another version.
        again = document._l10n_cl_dte_generate()
        self.assertNotEqual(again, version)
        self.assertTrue(document._l10n_cl_dte_zip())


@tagged("post_install_l10n", "post_install", "-at_install")
class TestDocumentLife(
    StateTests, DecisionTests, OpenDocumentTests, ForgeryTests, LifeCase
):
    """One class: what it shares takes seconds to set up."""

    allow_inherited_tests_method = True
