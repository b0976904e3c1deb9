# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
from datetime import timedelta

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import RUT, DteSiiCommon


@tagged("post_install_l10n", "post_install", "-at_install")
class TestFolios(DteSiiCommon):
    def test_numbers_come_from_the_caf_and_enter_the_ledger(self):
        caf = self.load_caf(first=101, last=103)
        first, second = self.create_posted(), self.create_posted()
        self.assertEqual([first.name, second.name], ["FAC 000101", "FAC 000102"])
        folios = self.folios(code="33")
        self.assertEqual(folios.mapped("number"), [101, 102])
        self.assertEqual(folios.move_id, first | second)
        self.assertEqual(set(folios.mapped("state")), {"used"})
        self.assertEqual(folios.caf_id, caf)
        self.assertEqual((caf.used_count, caf.left_count), (2, 1))

    def test_they_jump_from_one_range_to_the_next_oldest_first(self):
        self.load_caf(first=501, last=502)
        self.load_caf(first=11, last=12, age=20)
        documents = self.create_document() | self.create_document()
        documents |= self.create_document()
        documents.action_post()
        self.assertEqual(sorted(map(self.number, documents)), [11, 12, 501])

    def test_each_type_has_its_own(self):
        self.load_caf("33", 5, 9)
        self.load_caf("34", 7, 9)
        self.assertEqual(self.number(self.create_posted("33")), 5)
        self.assertEqual(self.number(self.create_posted("34")), 7)

    def test_without_a_folio_nothing_is_confirmed(self):
        document = self.create_document()
        with self.assertRaises(UserError) as caught:
            document.action_post()
        self.assertIn("no folio left", str(caught.exception))
        self.assertIn("Timbraje", str(caught.exception))
        self.assertEqual(document.state, "draft")
        self.load_caf(first=1, last=1)
        document.action_post()
        both = self.create_document() | self.create_document()
        with self.assertRaisesRegex(UserError, "no folio left"):
            both.action_post()
        self.load_caf(first=2, last=2)
        with self.assertRaisesRegex(UserError, "1 folios left.*2 documents"):
            both.action_post()
        self.assertEqual(set(both.mapped("state")), {"draft"})

    def test_an_expired_caf_gives_none(self):
        caf = self.load_caf(first=1, last=9, age=180)
        self.assertEqual(self.number(self.create_posted()), 1)
        caf.sudo().expires_on -= timedelta(days=1)
        self.assertEqual(caf.state, "expired")
        with self.assertRaisesRegex(UserError, "no folio left"):
            self.create_posted()
        self.assertEqual(caf._unused_ranges(), [(2, 9)])

    def test_a_rollback_gives_it_back(self):
        self.load_caf(first=1, last=9)
        document = self.create_document()
        try:
            with self.env.cr.savepoint():
                document.action_post()
                self.assertEqual(self.number(document), 1)
                raise ZeroDivisionError
        except ZeroDivisionError:
            self.env.invalidate_all()
        self.assertFalse(self.folios())
        self.assertEqual(self.number(self.create_posted()), 1)

    def test_two_journals_and_two_customers_share_the_folios(self):
        self.load_caf(first=1, last=9)
        journal = self.company_data["default_journal_sale"]
        other = journal.sudo().copy({"code": "OTRO"})
        other.l10n_latam_use_documents = True
        documents = [
            self.create_posted(),
            self.create_posted(journal_id=other.id),
            self.create_posted(partner_id=self.other_customer.id),
            self.create_posted(journal_id=other.id, partner_id=self.other_customer.id),
        ]
        self.assertEqual(list(map(self.number, documents)), [1, 2, 3, 4])

    def test_two_suppliers_of_purchase_invoices_share_them_too(self):
        self.load_caf("46", 1, 9)
        bills = [
            self.create_posted("46", move_type="in_invoice", partner_id=supplier.id)
            for supplier in (self.customer, self.other_customer)
        ]
        self.assertEqual(list(map(self.number, bills)), [1, 2])

    def test_what_suppliers_issue_takes_none_of_ours(self):
        self.load_caf(first=1, last=9)
        bill = self.create_document(
            move_type="in_invoice", l10n_latam_document_number="000004"
        )
        bill.action_post()
        self.assertFalse(self.folios())
        self.assertEqual(self.number(self.create_posted()), 1)

    def test_branches_of_one_rut_draw_from_the_same_folios(self):
        branch = self.company.sudo().create(
            {
                "name": "Sucursal Talca",
                "parent_id": self.company.id,
                "country_id": self.company.country_id.id,
            }
        )
        self.env.user.sudo().company_ids |= branch
        self.load_caf(first=1, last=9)
        self.assertEqual(branch._l10n_cl_dte_sii_rut(), RUT)
        self.assertEqual(branch._l10n_cl_dte_sii_with_settings(), self.company)
        companies = (branch | self.company).ids
        there = self.env(context={**self.env.context, "allowed_company_ids": companies})
        parent = self.company.partner_id
        branch.partner_id.sudo().write(
            {
                name: parent[name].id
                if parent._fields[name].relational
                else parent[name]
                for name in (
                    *("vat", "l10n_latam_identification_type_id", "street", "city"),
                    *("l10n_cl_sii_taxpayer_type", "l10n_cl_activity_description"),
                )
            }
        )
        branch.l10n_cl_company_activity_ids = self.company.l10n_cl_company_activity_ids
        for name in ("property_account_receivable_id", "property_account_payable_id"):
            account = self.customer.with_company(self.company)[name]
            self.customer.sudo().with_company(branch)[name] = account
        documents = self.create_posted()
        documents |= self.create_posted(env=there)
        documents |= self.create_posted()
        self.assertEqual(documents.mapped("company_id"), self.company | branch)
        self.assertEqual(list(map(self.number, documents)), [1, 2, 3])
        self.assertEqual(set(self.folios().mapped("issuer")), {RUT})
        self.assertEqual(self.folios(number=2).company_id, branch)

    # === What people write === #

    def test_a_number_that_a_person_writes_must_be_a_free_folio(self):
        self.load_caf(first=1, last=9)
        self.assertEqual(self.number(self.create_posted(folio="000005")), 5)
        for folio, said in (
            ("000005", "used already"),
            ("000077", "none of the valid"),
        ):
            with self.assertRaisesRegex(UserError, said):
                self.create_posted(folio=folio)
        # The gap is filled before the range goes on.
        self.assertEqual(
            [self.number(self.create_posted()) for _ in range(5)], [1, 2, 3, 4, 6]
        )

    def test_a_confirmed_document_keeps_its_number(self):
        self.load_caf(first=1, last=9)
        self.load_caf("34", 1, 9)
        document = self.create_posted()
        for values in (
            {"name": "FAC 000009"},
            {"name": False},
            {"l10n_latam_document_number": "000009"},
            {"l10n_latam_document_type_id": self.env.ref("l10n_cl.dc_y_f_dte").id},
        ):
            with self.subTest(values), self.assertRaises(UserError):
                document.write(values)
        self.assertEqual(self.number(document), 1)

    def test_confirmed_again_it_has_the_same_folio(self):
        self.load_caf(first=1, last=9)
        document = self.create_posted()
        document.button_draft()
        document.action_post()
        self.assertEqual(self.number(document), 1)
        self.assertEqual(len(self.folios()), 1)

    def test_another_type_is_another_folio_and_the_first_is_free_again(self):
        self.load_caf("33", 1, 9)
        self.load_caf("34", 7, 9)
        document = self.create_posted("33")
        document.button_draft()
        document.l10n_latam_document_type_id = self.env.ref("l10n_cl.dc_y_f_dte")
        document.invoice_line_ids.tax_ids = [Command.clear()]
        document.action_post()
        self.assertEqual(self.number(document), 7)
        self.assertEqual(self.folios(code="33").state, "free")
        self.assertEqual(self.number(self.create_posted("33")), 1)
        self.assertEqual(self.folios(code="33").mapped("state"), ["free", "used"])

    # === What becomes of them === #

    def test_a_deleted_document_gives_its_folio_back(self):
        caf = self.load_caf(first=1, last=1)
        document = self.create_posted()
        document.button_draft()
        document.with_context(force_delete=True).unlink()
        folio = self.folios()
        self.assertEqual((folio.state, folio.move_id.id), ("free", False))
        self.assertEqual(folio.document_name, "FAC 000001")
        self.assertEqual(caf.left_count, 1)
        self.assertEqual(self.number(self.create_posted()), 1)

    def test_a_folio_given_back_is_found_in_a_range_that_was_used_up(self):
        caf = self.load_caf(first=1, last=2)
        document = self.create_posted() | self.create_posted()
        self.admin_env["l10n_cl_dte_sii.caf"]._cron_warn()
        self.assertTrue(caf.is_used_up)
        document[0].button_draft()
        document[0].with_context(force_delete=True).unlink()
        self.assertEqual(self.number(self.create_posted()), 1)

    def test_the_ledger_after_a_day_with_a_gap(self):
        self.load_caf(first=1, last=9)
        kept, cancelled, deleted = (self.create_posted() for _ in range(3))
        cancelled.button_draft()
        cancelled.button_cancel()
        deleted.button_draft()
        deleted.with_context(force_delete=True).unlink()
        next_one = self.create_posted()
        self.assertEqual(
            [
                (folio.number, folio.state, folio.move_id)
                for folio in self.folios().sorted(lambda each: (each.number, each.id))
            ],
            [
                (1, "used", kept),
                (2, "to_annul", cancelled),
                (3, "free", kept.browse()),
                (3, "used", next_one),
            ],
        )
        folio = self.folios(number=2)
        with self.assertRaises(UserError):
            folio.with_user(self.accountant).action_annulled()
        folio.with_user(self.manager).action_annulled()
        self.assertEqual(folio.state, "annulled")
        # What the SII was told is null is never used again.
        cancelled.button_draft()
        cancelled.action_post()
        self.assertEqual(self.number(cancelled), 4)
        self.assertEqual(cancelled.l10n_cl_dte_sii_folio_id.number, 4)

    def test_a_cancelled_document_that_comes_back_has_its_folio(self):
        self.load_caf(first=1, last=9)
        document = self.create_posted()
        document.button_draft()
        document.button_cancel()
        document.button_draft()
        document.action_post()
        self.assertEqual(self.number(document), 1)
        self.assertEqual(self.folios().state, "used")

    def test_the_ledger_is_nobodys_to_write(self):
        self.load_caf(first=1, last=9)
        self.create_posted()
        folio = self.folios()
        for user in (self.accountant, self.manager):
            mine = folio.with_user(user)
            for attempt in (
                lambda mine=mine: mine.write({"state": "free"}),
                lambda mine=mine: mine.unlink(),
                lambda mine=mine: mine.create({"number": 8}),
            ):
                with self.assertRaises(AccessError):
                    attempt()
            # What a document shows of it is no road to it either.
            folio.move_id.with_user(user).write(
                {"l10n_cl_dte_sii_folio_id": folio.id + 1}
            )
            self.env.invalidate_all()
            self.assertEqual(folio.move_id.l10n_cl_dte_sii_folio_id, folio)

    # === History === #

    def test_numbers_of_documents_before_enter_as_used(self):
        self.company.l10n_cl_dte_sii_environment = False
        old = self.create_posted(folio="000021")
        self.assertEqual(self.number(self.create_posted()), 22)
        self.assertFalse(self.folios())
        self.company.l10n_cl_dte_sii_environment = "simulator"
        caf = self.load_caf(first=1, last=50)
        self.assertEqual(caf.start, 23)
        self.assertEqual(self.folios(number=21).move_id, old)
        self.assertEqual(self.number(self.create_posted()), 23)
        old.button_draft()
        old.action_post()
        self.assertEqual(self.number(old), 21)

    def test_where_it_is_not_used_odoo_numbers(self):
        self.company.l10n_cl_dte_sii_environment = False
        self.assertEqual(self.number(self.create_posted(folio="000300")), 300)
        self.assertEqual(self.number(self.create_posted()), 301)
        self.assertFalse(self.folios())

    def test_working_days_left_at_the_use_of_the_last_month(self):
        caf = self.load_caf(first=1, last=50)
        self.assertEqual(caf.working_days_left, 0)
        for _ in range(10):
            self.create_posted()
        caf.invalidate_recordset()
        # 40 left, 10 in 30 days, which have 21.4 working days.
        self.assertEqual(caf.working_days_left, 85)

    def test_people_are_warned_once_of_what_runs_short(self):
        caf = self.load_caf(first=1, last=12)
        for _ in range(10):
            self.create_posted()
        messages = self.admin_env["mail.message"]
        domain = [("partner_ids", "in", self.manager.partner_id.ids)]
        before = messages.search_count(domain)
        caf._cron_warn()
        caf._cron_warn()
        self.assertEqual(messages.search_count(domain), before + 1)
        self.assertIn("4 working days", messages.search(domain, limit=1).body)

    def test_the_list_to_annul_has_a_row_for_each_range(self):
        self.load_caf("33", 1, 9)
        documents = [self.create_posted() for _number in range(5)]
        folios = self.folios(code="33").sorted("number").with_user(self.manager)
        with self.assertRaisesRegex(UserError, "to be annulled"):
            folios.action_list_to_annul()
        (folios - folios[2]).sudo().state = "to_annul"
        action = folios.action_list_to_annul()
        row = folios.env["l10n_cl_dte_sii.envelope"].browse(
            int(action["url"].split("/")[4])
        )
        text = base64.b64decode(row.file).decode("utf-8-sig")
        ranges = [line.split(";")[2:] for line in text.split("\r\n")]
        self.assertEqual(len(documents), 5)
        self.assertEqual(
            ranges,
            [
                ["Tipo", "Desde", "Hasta", "Cantidad"],
                ["33", "1", "2", "2"],
                ["33", "4", "5", "2"],
                [],
            ],
        )
