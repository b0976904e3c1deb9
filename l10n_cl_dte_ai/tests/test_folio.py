# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""One folio, one document: across journals, suppliers and branches."""

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..hooks import take_folios
from .common import DteAiCommon


@tagged("post_install_l10n", "post_install", "-at_install")
class TestFolio(DteAiCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.journal = cls.company_data["default_journal_sale"]
        cls.other_journal = cls.journal.with_env(cls.admin_env).copy(
            {"name": "Otras ventas", "code": "OV"}
        )

    def in_other_journal(self, code="33", **values):
        return self.create_document(code, journal_id=self.other_journal.id, **values)

    def folios(self, documents):
        return [int(move.l10n_latam_document_number) for move in documents]

    def test_one_batch_over_two_journals(self):
        first = self.create_posted()
        batch = self.env["account.move"].concat(
            self.create_document(), self.in_other_journal(), self.create_document()
        )
        batch += self.in_other_journal()
        batch.action_post()
        start = self.folios(first)[0]
        self.assertEqual(sorted(self.folios(batch)), list(range(start + 1, start + 5)))

    def test_a_number_that_another_journal_has(self):
        first = self.create_posted(folio="000041")
        second = self.in_other_journal()
        second.l10n_latam_document_number = "41"
        with (
            self.assertRaisesRegex(UserError, first.name),
            self.env.cr.savepoint(),
        ):
            second.action_post()
        second.l10n_latam_document_number = "42"
        second.action_post()
        self.assertEqual(self.folios(second), [42])

    def test_another_type_has_folios_of_its_own(self):
        self.create_posted(folio="000041")
        exempt = self.create_posted("34", folio="000041")
        self.assertEqual(self.folios(exempt), [41])

    def test_two_purchase_invoices_of_two_suppliers(self):
        bills = self.env["account.move"].union(
            *(
                self.create_document(
                    "46", move_type="in_invoice", partner_id=partner.id
                )
                for partner in (self.customer, self.other_customer)
            )
        )
        for bill in bills:
            bill.action_post()
        self.assertEqual(len(set(self.folios(bills))), 2)
        third = self.create_document(
            "46", move_type="in_invoice", partner_id=self.other_customer.id
        )
        third.l10n_latam_document_number = str(self.folios(bills)[0])
        with self.assertRaisesRegex(UserError, bills[0].name):
            third.action_post()

    def test_a_draft_keeps_its_folio_and_another_number_frees_it(self):
        document = self.create_posted(folio="000041")
        document.button_draft()
        taken = self.in_other_journal()
        taken.l10n_latam_document_number = "41"
        with self.assertRaises(UserError), self.env.cr.savepoint():
            taken.action_post()
        document.l10n_latam_document_number = "43"
        document.action_post()
        taken.action_post()
        self.assertEqual(self.folios(document + taken), [43, 41])

    def test_duplicates_of_before_are_told_and_break_nothing(self):
        first, second = self.create_posted(), self.in_other_journal()
        second.action_post()
        self.env.flush_all()
        self.cr.execute("DELETE FROM l10n_cl_dte_folio")
        self.cr.execute(
            "UPDATE account_move SET name = %s WHERE id = %s", [first.name, second.id]
        )
        self.env.invalidate_all()
        with self.assertLogs("odoo.addons.l10n_cl_dte_ai.hooks", "WARNING") as logs:
            take_folios(self.admin_env)
        self.assertEqual(len(logs.output), 1)
        self.assertIn(first.name, self.messages(second))
        self.assertTrue(first._l10n_cl_dte_generate())
        with self.assertRaisesRegex(UserError, "each folio of an issuer once"):
            second._l10n_cl_dte_generate()

    def test_what_a_file_says_stays(self):
        document = self.create_posted()
        document._l10n_cl_dte_generate()
        exempt = self.env.ref("l10n_cl.dc_y_f_dte").id
        for values in (
            {"name": "FAC 000777"},
            {"l10n_latam_document_number": "777"},
            {"l10n_latam_document_type_id": exempt},
            {"invoice_date": "2026-01-31"},
        ):
            with self.subTest(values), self.assertRaises(UserError):
                document.write(values)
            with self.subTest(values), self.assertRaises(UserError):
                document.with_env(self.admin_env).write(values)
        document.write({"name": document.name})
        # By the road that core offers it changes, and its file is outdated.
        document.button_draft()
        document.invoice_date = "2026-01-31"
        document.action_post()
        self.assertEqual(document.l10n_cl_dte_state, "outdated")

    def test_resequencing_outdates_the_file(self):
        document = self.create_posted()
        document._l10n_cl_dte_generate()
        wizard = (
            self.admin_env["account.resequence.wizard"]
            .with_context(active_model="account.move", active_ids=document.ids)
            .create({"first_name": "FAC 000900", "ordering": "keep"})
        )
        wizard.resequence()
        self.assertEqual(document.name, "FAC 000900")
        self.assertEqual(document.l10n_cl_dte_state, "outdated")
        # The road was open for the wizard alone.
        with self.assertRaises(UserError):
            document.name = "FAC 000901"
        document._l10n_cl_dte_generate()
        self.assertEqual(document.l10n_cl_dte_document_id.folio, 900)
        with self.assertRaises(UserError):
            document.name = "FAC 000901"

    def test_a_number_of_more_digits_than_odoo_keeps(self):
        """Odoo takes the last nine digits for the number: another document's folio."""
        for number in ("1000000000", "9999999999", "12345678901234567890"):
            with (
                self.subTest(number),
                self.assertRaisesRegex(UserError, f"{number} is no folio"),
                self.env.cr.savepoint(),
            ):
                self.create_posted(folio=number)
        self.assertEqual(
            self.folios(self.create_posted(folio="999999999")), [999999999]
        )

    def test_branches_of_one_rut_share_its_folios(self):
        branch = self.admin_env["res.company"].create(
            {
                "name": "Sucursal",
                "parent_id": self.company_data["company"].id,
                "vat": self.company_data["company"].vat,
            }
        )
        issuer = self.company_data["company"]._l10n_cl_dte_issuer()
        self.assertEqual(branch._l10n_cl_dte_issuer(), issuer)
        document = self.create_posted(folio="000041")
        key = (issuer, "33", "41")
        folios = self.env["l10n_cl_dte.folio"]
        self.assertFalse(folios._take(self.create_document(), key))
        self.assertTrue(folios._take(document, key))
        self.assertIn(document.name, folios._holder(key))

    def test_a_frozen_document_is_neither_changed_nor_deleted(self):
        document = self.create_posted()
        version = document._l10n_cl_dte_generate()
        self.patch(type(version), "_is_frozen", lambda _version: True)
        for change in (document.button_draft, document.button_cancel):
            with self.assertRaisesRegex(UserError, "orrect it with a credit"):
                change()
        with self.assertRaisesRegex(UserError, "orrect it with a credit"):
            document._unlink_except_frozen_dte()

    def test_nobody_writes_folios(self):
        document = self.create_posted()
        with self.assertRaises(AccessError):
            document.write({"l10n_cl_dte_folio_ids": [Command.clear()]})
