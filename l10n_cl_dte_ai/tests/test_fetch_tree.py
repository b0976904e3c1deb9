# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""One statement reads the same as the ORM's many, for whoever may read it."""

from datetime import datetime
from unittest.mock import patch

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import tagged

from ..models import fetch_tree as fetch_tree_module
from ..models.account_move_document import MOVE_FIELDS
from ..models.fetch_tree import fetch_tree
from .common import DteAiCommon

TREE = {
    "invoice_date": {},
    "amount_total_signed": {},
    "line_ids": {"name": {}, "tax_ids": {"amount": {}}},
    "partner_id": {"city": {}},
}


class DatetimeOfPython310(datetime):
    @classmethod
    def fromisoformat(cls, text):
        if len(text) not in (19, 23, 26):
            raise ValueError(f"Invalid isoformat string: {text!r}")
        return datetime.fromisoformat(text)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestFetchTree(DteAiCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.admin_env
        cls.stranger = cls.create_user("stranger", "base.group_user")
        # The ORM lists it before the other, which is older.
        cls.first_tax = cls.vat_19.copy({"name": "Otro", "amount": 5, "sequence": 0})
        cls.env = cls.env(user=cls.accountant)

    def documents(self):
        """An invoice of each kind of content, and its credit note, none in the cache."""
        invoice = self.create_posted(
            lines=[
                {
                    "name": "Arriendo",
                    "price": 4_990.5,
                    "discount": 7.5,
                    "tax_ids": [Command.set((self.vat_19 + self.first_tax).ids)],
                },
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
        return self.unread(invoice + note + self.create_document())

    def unread(self, documents):
        self.env.flush_all()
        self.env.invalidate_all()
        return self.env["account.move"].browse(documents.ids)

    def values(self, records, tree):
        """Read a tree as everybody reads fields; with types, 1 is not 1.0."""
        return [
            self.values(record[name], subtree)
            if subtree
            else (record, name, repr(record[name]))
            for record in records
            for name, subtree in tree.items()
        ]

    def test_it_reads_what_the_orm_reads(self):
        tree = {**MOVE_FIELDS, "create_date": {}, "invoice_currency_rate": {}}
        documents = self.documents().sudo()
        # As another program writes it: JSON makes an integer of it.
        self.cr.execute(
            "UPDATE account_move SET invoice_currency_rate = 2 WHERE id = ANY(%s)",
            [documents.ids],
        )
        expected = self.values(documents, tree)
        documents = self.unread(documents).sudo()
        with self.assertQueryCount(1):
            self.assertEqual(fetch_tree(documents, tree), documents)
            self.assertEqual(self.values(documents, tree), expected)
            fetch_tree(documents, tree)  # nothing is left to read

    def test_it_reads_any_fraction_of_a_second(self):
        """Python 3.10 read those of three or six digits only."""
        document = self.create_document()
        for fraction in ("", ".5", ".25", ".125", ".03125", ".015625"):
            written = f"2026-03-02 10:20:30{fraction}"
            self.env.flush_all()
            self.cr.execute(
                "UPDATE account_move SET create_date = %s WHERE id = %s RETURNING"
                " create_date",
                [written, document.id],
            )
            [expected] = self.cr.fetchone()
            document = self.unread(document)
            with patch.object(fetch_tree_module, "datetime", DatetimeOfPython310):
                fetch_tree(document, {"create_date": {}})
            self.assertEqual(document.create_date, expected)

    def test_it_reads_archived_taxes(self):
        document = self.documents()[0]
        self.vat_19.active = False
        document = self.unread(document)
        fetch_tree(document, TREE)
        self.assertIn(self.vat_19, document.line_ids.tax_ids)

    def test_a_change_that_is_not_written_yet_is_kept(self):
        document = self.documents()[-1]
        line = document.invoice_line_ids
        line.price_unit = 50_000
        document.partner_id.sudo().city = "Linares"
        document.invoice_date = False
        fetch_tree(document, TREE)
        self.assertEqual(document.amount_total_signed, 59_500)
        self.assertEqual(document.partner_id.city, "Linares")
        self.assertFalse(document.invoice_date)
        self.assertEqual(document.line_ids.tax_ids, self.vat_19)

    def test_a_deleted_record_is_not_returned(self):
        documents = self.documents()
        documents[-1].unlink()
        documents = self.unread(documents)
        self.assertEqual(fetch_tree(documents, TREE), documents[:2])

    def test_a_new_record_is_left_out(self):
        new = self.env["account.move"].new({"partner_id": self.customer.id})
        self.assertFalse(fetch_tree(new, TREE))

    def test_record_rules_hold(self):
        self.env["ir.rule"].sudo().create(
            {
                "name": "No document of 2026-03-02",
                "model_id": self.env["ir.model"]._get_id("account.move"),
                "domain_force": [("invoice_date", "!=", "2026-03-02")],
            }
        )
        hidden = self.create_document()
        hidden.invoice_date = "2026-03-02"
        documents = self.unread(hidden + self.create_document())
        self.assertEqual(fetch_tree(documents, TREE), documents[1])
        with self.assertRaises(AccessError):
            documents[0].read(["amount_total_signed"])

    def test_who_may_not_read_a_model_reads_nothing(self):
        documents = self.documents().with_user(self.stranger)
        with self.assertRaises(AccessError):
            fetch_tree(documents, TREE)
        with self.assertRaises(AccessError):
            documents._l10n_cl_dte_documents()

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
