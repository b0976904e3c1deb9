# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a document is built of: one list, from which all else follows."""

from unittest.mock import patch

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import tagged

from ..models.payload_fields import own_paths, shared_fields
from .common import DteAiCommon


@tagged("post_install_l10n", "post_install", "-at_install")
class TestPayloadFields(DteAiCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.admin_env
        cls.stranger = cls.create_user("stranger", "base.group_user")
        cls.env = cls.env(user=cls.accountant)

    def documents(self, number=1):
        """So many invoices of each kind of content, and their credit notes."""
        documents = self.env["account.move"]
        for _number in range(number):
            invoice = self.create_posted(
                lines=[
                    {"name": "Arriendo", "price": 4_990.5, "discount": 7.5},
                    {"name": "Flete", "exempt": True},
                    {"name": "Nota", "display_type": "line_note"},
                ],
                l10n_cl_reference_ids=[
                    Command.create(
                        {
                            "l10n_cl_reference_doc_type_id": self.env.ref(
                                "l10n_cl.dc_oc"
                            ).id,
                            "origin_doc_number": "4501",
                            "date": "2026-03-02",
                            "reason": "Orden de compra",
                        }
                    )
                ],
            )
            note = self.create_document("61", reversed_entry_id=invoice.id)
            documents += invoice + note
        return self.unread(documents)

    def unread(self, documents):
        self.env.flush_all()
        self.env.invalidate_all()
        return self.env["account.move"].browse(documents.ids)

    def statements(self, documents):
        documents = self.unread(documents)
        before = self.cr.sql_log_count
        documents._l10n_cl_dte_ai_digests()
        return self.cr.sql_log_count - before

    def test_statements_do_not_grow_with_the_documents(self):
        documents = self.documents(4)
        self.statements(documents)  # what the registry caches
        self.assertEqual(self.statements(documents), self.statements(documents[:2]))

    def test_all_is_read_before_a_document_is_built(self):
        """What the list lacks would be read for each document anew."""
        documents = self.documents()
        documents._l10n_cl_dte_ai_digests()
        documents = self.unread(documents)
        ahead = documents._l10n_cl_dte_fetch()
        known = ahead._l10n_cl_dte_known()
        with self.assertQueryCount(0):
            for move in ahead:
                move._l10n_cl_dte_build(known.get(move, {}))

    def test_a_field_of_another_addon_is_read_ahead(self):
        documents = self.documents()
        model = type(documents)
        paths = [*documents._l10n_cl_dte_payload_fields(), "partner_id.ref"]
        documents = self.unread(documents)
        with patch.object(model, "_l10n_cl_dte_payload_fields", return_value=paths):
            ahead = documents._l10n_cl_dte_fetch()
        with self.assertQueryCount(0):
            ahead.partner_id.mapped("ref")

    def test_what_is_shared_counts_as_which_one_it_is(self):
        """Through the contact the ORM finds every invoice that there has ever been."""
        paths = self.env["account.move"]._l10n_cl_dte_payload_fields()
        own = own_paths(paths)
        self.assertIn("partner_id", own)
        self.assertIn("line_ids.tax_ids", own)
        self.assertIn("line_ids.name", own)
        self.assertFalse([path for path in own if path.count(".") > 1])
        self.assertFalse([path for path in own if path.startswith("partner_id.")])

    def test_what_is_shared_is_known_by_model(self):
        moves = self.env["account.move"]
        shared = shared_fields(moves, moves._l10n_cl_dte_payload_fields())
        self.assertIn("street", shared["res.partner"])
        self.assertIn("amount", shared["account.tax"])
        self.assertIn("l10n_cl_dte_ciudad", shared["res.company"])
        self.assertNotIn("account.move.line", shared)

    def test_who_may_not_read_an_invoice_builds_no_document(self):
        documents = self.documents().with_user(self.stranger)
        with self.assertRaises(AccessError):
            documents._l10n_cl_dte_as_documents()

    def test_a_document_does_not_depend_on_who_looks_at_it(self):
        document = self.documents()[0]
        expected = document.sudo()._l10n_cl_dte_ai_digests()[document]
        self.env["ir.rule"].sudo().create(
            {
                "name": "No taxes",
                "model_id": self.env["ir.model"]._get_id("account.tax"),
                "domain_force": [("id", "=", 0)],
            }
        )
        document = self.unread(document)
        self.assertFalse(document.line_ids.tax_ids)
        document = self.unread(document)
        self.assertEqual(document._l10n_cl_dte_ai_digests()[document], expected)
