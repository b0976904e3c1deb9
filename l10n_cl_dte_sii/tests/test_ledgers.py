# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a document has, and the ledger of the SII's folios: they always say the same."""

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import RUT, DteSiiCommon


@tagged("post_install_l10n", "post_install", "-at_install")
class TestLedgers(DteSiiCommon):
    def assertAgree(self, road):
        self.env.flush_all()
        self.env.invalidate_all()
        documents = self.admin_env["l10n_cl_dte.folio"].search([("issuer", "=", RUT)])
        ledger = self.folios(issuer=RUT).filtered(
            lambda folio: folio.state != "free" and folio.move_id
        )
        # A document that was given another number leaves the one before to be annulled.
        current = ledger.filtered(
            lambda folio: folio == folio.move_id._l10n_cl_dte_sii_folio()
        )
        with self.subTest(road):
            self.assertEqual(
                sorted(
                    (row.type_code, int(row.number), row.move_id) for row in documents
                ),
                sorted((row.code, row.number, row.move_id) for row in current),
            )
            self.assertEqual(
                {move: self.number(move) for move in documents.move_id},
                {row.move_id: int(row.number) for row in documents},
            )

    def test_they_agree_on_every_road(self):
        self.load_caf("33", 1, 9)
        self.load_caf("34", 1, 9)
        document, other = self.create_posted(), self.create_posted(folio="000005")
        self.assertAgree("confirmed")
        document.button_draft()
        self.assertAgree("reset to draft")
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self.create_posted(folio="000001")
        document.action_post()
        self.assertAgree("confirmed again")
        other.button_draft()
        other.l10n_latam_document_number = "000007"
        other.action_post()
        self.assertAgree("another number in the draft")
        other.button_draft()
        other.l10n_latam_document_type_id = self.env.ref("l10n_cl.dc_y_f_dte")
        other.invoice_line_ids.tax_ids = [Command.clear()]
        other.action_post()
        self.assertAgree("another type in the draft")
        document.button_draft()
        document.button_cancel()
        self.assertAgree("cancelled")
        document.with_user(self.manager).l10n_cl_dte_sii_folio_id.action_annulled()
        document.button_draft()
        document.action_post()
        self.assertEqual(self.number(document), 2)
        self.assertAgree("confirmed again after the folio was annulled")
        document.button_draft()
        document.with_context(force_delete=True).unlink()
        self.assertAgree("deleted")
        self.assertEqual(self.number(self.create_posted()), 2)
        self.assertAgree("the next one")

    def test_a_draft_of_before_keeps_the_folio_that_it_had(self):
        """A draft was in neither ledger's sight: the next one wanted its folio."""
        self.company.l10n_cl_dte_sii_environment = False
        draft = self.create_posted(folio="000004")
        draft.button_draft()
        self.company.l10n_cl_dte_sii_environment = "simulator"
        self.load_caf(first=1, last=9, start=4)
        self.assertEqual(self.folios(number=4).move_id, draft)
        self.assertEqual(self.number(self.create_posted()), 5)
        draft.action_post()
        self.assertEqual(self.number(draft), 4)
        self.assertAgree("confirmed again here")

    def test_who_stops_using_it_spends_no_folio_twice(self):
        """As after the addon is gone, and where a folio waits to be annulled."""
        self.load_caf(first=1, last=9)
        gone, kept = self.create_posted(), self.create_posted()
        gone.l10n_cl_dte_sii_folio_id.sudo().state = "to_annul"
        gone.button_draft()
        gone.with_context(force_delete=True).unlink()
        self.company.l10n_cl_dte_sii_environment = False
        with self.assertRaisesRegex(UserError, "FAC 000001"), self.env.cr.savepoint():
            self.create_posted(folio="000001")
        with self.assertRaisesRegex(UserError, kept.name), self.env.cr.savepoint():
            self.create_posted(folio="000002", journal_id=self.other_journal().id)
        self.assertEqual(self.number(self.create_posted()), 3)

    def other_journal(self):
        journal = self.company_data["default_journal_sale"].with_env(self.admin_env)
        return journal.copy({"name": "Otras ventas", "code": "OV"})

    def test_folios_of_more_digits_than_odoo_keeps(self):
        with self.assertRaisesRegex(UserError, "1000000001, and Odoo can number"):
            self.load_caf(first=1_000_000_000, last=1_000_000_001)
