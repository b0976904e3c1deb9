# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The generated file, what it is built from, and what Community lacks for it."""

import io
import zipfile
from unittest.mock import patch

from lxml import etree

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import Form, tagged
from odoo.tools import file_open
from odoo.tools.safe_eval import safe_eval

from ..tools.dte import xml
from .common import DteAiCommon
from .loopback import opinion

FIXTURES = "l10n_cl_dte_ai/tests/fixtures"


class DteFileCommon(DteAiCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.own_company = cls.company_data["company"]
        # What is tested is the file, not the road to it.
        cls.own_company.l10n_cl_dte_ai_service_id = False
        cls.own_company.l10n_cl_dte_ciudad = "Santiago"

    def generate(self, document):
        return document._l10n_cl_dte_generate()

    def content(self, document):
        """What generating the document now would write."""
        return xml.as_xml(document._l10n_cl_dte_as_document())

    def findings(self, document):
        return {finding.code for finding in document._l10n_cl_dte_findings()}

    def reverse(self, origin, reason="Devolución", **values):
        wizard = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=origin.ids)
            .create(
                {
                    "reason": reason,
                    "date": "2026-03-05",
                    "journal_id": origin.journal_id.id,
                    **values,
                }
            )
        )
        return self.env["account.move"].browse(wizard.reverse_moves()["res_id"])

    def debit(self, origin, reason="Diferencia", **values):
        wizard = (
            self.env["account.debit.note"]
            .with_context(active_model="account.move", active_ids=origin.ids)
            .create({"reason": reason, "date": "2026-03-05", **values})
        )
        action = wizard.create_debit()
        return self.env["account.move"].browse(action["res_id"])


@tagged("post_install_l10n", "post_install", "-at_install")
class TestDteFile(DteFileCommon):
    """Each type against a file that the tests in `oracle/` validate independently."""

    def assertFile(self, document, fixture):
        if document.state == "draft":
            document.action_post()
        version = self.generate(document)
        self.assertEqual(
            version.file_name,
            f"DTE_{document.l10n_latam_document_type_id.code}_"
            f"{int(document.l10n_latam_document_number)}.xml",
        )
        with file_open(f"{FIXTURES}/{fixture}.xml", "rb") as file:
            self.assertEqual(
                version._content().decode("iso-8859-1"),
                file.read().decode("iso-8859-1"),
            )

    def create_invoice(self):
        ila = self.env["account.chart.template"].with_company(self.own_company)
        tax = ila.sudo().ref("ila_a_100_s").sudo(False)
        return self.create_posted(
            folio="000041",
            invoice_date="2026-03-02",
            invoice_date_due="2026-04-01",
            lines=[
                {"name": "Asesoría “en terreno”\n2 días & viáticos", "price": 90_000},
                {
                    "name": "Bebida",
                    "price": 990.5,
                    "quantity": 12.25,
                    "discount": 7.5,
                    "tax_ids": [Command.set((self.vat_19 + tax).ids)],
                },
                {"name": "Pasajes", "price": 12_000, "exempt": True},
                {"name": "Descuento por volumen", "price": -5_000},
            ],
        )

    def test_invoice(self):
        self.assertFile(self.create_invoice(), "DTE_33_41")

    def test_exempt_invoice(self):
        document = self.create_posted(
            "34",
            folio="000012",
            invoice_date="2026-03-02",
            invoice_date_due="2026-03-02",
        )
        self.assertFile(document, "DTE_34_12")

    def test_credit_note_that_cancels(self):
        note = self.reverse(self.create_invoice(), "Anula: error de digitación")
        note.l10n_latam_document_number = "000007"
        self.assertFile(note, "DTE_61_7")

    def test_debit_note(self):
        note = self.debit(self.create_invoice())
        note.l10n_latam_document_type_id = self.env.ref("l10n_cl.dc_nd_f_dte")
        note.invoice_line_ids = [Command.create(self.line("Diferencia", 10_000))]
        note.l10n_latam_document_number = "000003"
        self.assertFile(note, "DTE_56_3")

    def create_purchase_invoice(self, taxes=("OTAX_19", "I_RTI"), **values):
        """A vendor bill that the company issues itself, as for scrap or its suppliers.

        With Community's own taxes: 19 % IVA, and all of it withheld.
        """
        chart = self.env["account.chart.template"].with_company(self.own_company).sudo()
        tax_ids = [chart.ref(name).id for name in taxes]
        return self.create_document(
            "46",
            [{"name": "Chatarra de cobre", "price": 250_010}],
            move_type="in_invoice",
            invoice_line_ids=[
                Command.create(
                    {
                        **self.line("Chatarra de cobre", 250_010),
                        "tax_ids": [Command.set(tax_ids)],
                    }
                )
            ],
            invoice_date="2026-03-02",
            invoice_date_due="2026-03-02",
            **values,
        )

    def test_purchase_invoice(self):
        self.assertFile(self.create_purchase_invoice(), "DTE_46_1")

    def test_a_purchase_invoice_is_checked_and_asked_about(self):
        self.own_company.sudo().l10n_cl_dte_ai_service_id = self.service
        bill = self.create_purchase_invoice()
        self.assertEqual(self.findings(bill), {"date"})  # of March
        self.server.script(opinion())
        self.assertEqual(self.click(bill).outcome, "approved")
        [request] = self.server.requests
        sent = request.json["dte_data"]
        self.assertEqual((sent["tipo_dte"], sent["monto_total"]), ("46", 250_010))
        self.assertEqual(sent["monto_otros_impuestos"], -47_502)
        self.assertEqual(sent["rut_receptor"], self.customer.vat)

    def test_a_purchase_invoice_that_withholds_nothing_is_said(self):
        bill = self.create_purchase_invoice(taxes=["OTAX_19"])
        self.assertEqual(self.findings(bill), {"date", "withheld_iva"})

    def test_a_vendor_s_bill_is_the_vendor_s_document(self):
        bill = self.create_purchase_invoice(
            l10n_latam_document_type_id=self.env.ref("l10n_cl.dc_a_f_dte").id,
            l10n_latam_document_number="000077",
        )
        self.assertFalse(bill.l10n_cl_dte_is_candidate)
        with self.assertRaisesRegex(UserError, "purchase invoices"):
            bill.action_l10n_cl_dte_generate()

    def test_a_dispatch_guide_says_what_lacks(self):
        document = self.create_document()
        document.l10n_latam_document_type_id = self.env.ref("l10n_cl.dc_gd_dte")
        with self.assertRaisesRegex(UserError, "dispatch guide .52. accompanies goods"):
            document.action_l10n_cl_dte_generate()

    def test_the_same_invoice_gives_the_same_file(self):
        document = self.create_posted()
        version = self.generate(document)
        messages = len(document.message_ids)
        self.assertEqual(self.generate(document), version)
        self.assertEqual(len(document.message_ids), messages)
        self.env.invalidate_all()
        self.assertEqual(self.content(document), version._content())

    def test_a_changed_invoice_says_that_its_file_is_outdated(self):
        document = self.create_posted()
        old = self.generate(document)
        self.assertEqual(document.l10n_cl_dte_state, "generated")
        document.button_draft()
        document.invoice_line_ids.price_unit = 90_000
        document.action_post()
        self.assertEqual(document.l10n_cl_dte_state, "outdated")
        self.assertIn("l10n_cl_dte_outdated", document._get_alerts())
        new = self.generate(document)
        self.assertNotEqual(new, old)
        self.assertFalse(old.is_current)
        self.assertEqual(document.l10n_cl_dte_state, "generated")
        self.assertNotIn("l10n_cl_dte_outdated", document._get_alerts())

    def test_a_change_that_is_taken_back_outdates_nothing(self):
        document = self.create_posted()
        self.generate(document)
        for price, state in ((90_000, "outdated"), (100_000, "generated")):
            document.button_draft()
            document.invoice_line_ids.price_unit = price
            document.action_post()
            self.assertEqual(document.l10n_cl_dte_state, state)

    def test_a_customer_who_moves_outdates_nothing(self):
        self.own_company.sudo().l10n_cl_dte_ai_service_id = self.service
        document = self.create_posted()
        self.server.script(opinion())
        self.click(document)
        old = self.generate(document)
        self.customer.write({"street": "Calle Nueva 7", "city": "Curicó"})
        # Also where something else has it looked at.
        document._l10n_cl_dte_refresh()
        self.assertEqual(document.l10n_cl_dte_state, "generated")
        self.assertEqual(document.l10n_cl_dte_ai_state, "approved")
        self.assertEqual(self.click_without_asking(document).outcome, "approved")
        # Who presses Generate DTE has a file of today, which nobody has looked at.
        self.assertNotEqual(self.generate(document), old)
        self.assertEqual(document.l10n_cl_dte_state, "generated")

    def click_without_asking(self, document):
        return self.env["l10n_cl_dte_ai.generate"].create({"move_id": document.id})

    def test_an_override_without_a_verdict_is_found(self):
        document = self.create_posted(lines=[{"name": "Caja 📦"}])
        usual = self.create_posted()
        self.generate(usual)
        document.with_user(self.overrider)._l10n_cl_dte_generate("Urgente")
        self.assertFalse(document.l10n_cl_dte_ai_validation_ids)
        version = document.l10n_cl_dte_document_id
        self.assertEqual(version.override_user_id, self.overrider)
        self.assertEqual(version.override_reason, "Urgente")
        self.assertEqual(self.generated_anyway(), document)
        # Mended and generated again, it is one like any other.
        document.button_draft()
        document.invoice_line_ids.name = "Caja"
        document.action_post()
        self.generate(document)
        self.assertFalse(self.generated_anyway())

    def generated_anyway(self):
        """What the filter of that name finds."""
        moves = self.env["account.move"]
        arch = moves.get_view(
            self.env.ref("account.view_account_invoice_filter").id, "search"
        )["arch"]
        [found] = etree.fromstring(arch).xpath(
            "//filter[@name='l10n_cl_dte_state_overridden']"
        )
        return moves.search(safe_eval(found.get("domain")))

    def test_the_chatter_says_what_it_is_and_what_the_rules_found(self):
        self.customer.l10n_cl_activity_description = "x" * 41
        document = self.create_posted()
        version = self.generate(document)
        messages = self.messages(document)
        self.assertIn(version.file_name, messages)
        self.assertIn("unsigned: not yet a tax document", messages)
        self.assertIn("too long for a DTE", messages)
        self.assertIn("not asked", messages)

    def test_a_zip_of_the_files_that_there_are(self):
        documents = self.create_posted() + self.create_posted() + self.create_document()
        self.assertEqual(documents._l10n_cl_dte_zip(), b"")
        generated = documents._l10n_cl_dte_generate_allowed()
        self.assertEqual(generated, documents[:2])
        archive = documents._l10n_cl_dte_zip()
        with zipfile.ZipFile(io.BytesIO(archive)) as content:
            self.assertEqual(
                {name: content.read(name) for name in content.namelist()},
                {
                    version.file_name: version._content()
                    for version in documents.l10n_cl_dte_document_id
                },
            )
        self.env.invalidate_all()
        self.assertEqual(documents._l10n_cl_dte_zip(), archive)

    def test_many_are_generated_as_one_is(self):
        alone, together = self.create_posted(), self.create_posted()
        self.generate(alone)
        together._l10n_cl_dte_generate_allowed()
        for document in (alone, together):
            message = document.message_ids[0]
            self.assertEqual(
                message.attachment_ids,
                document.l10n_cl_dte_document_id.attachment_id,
            )
            self.assertIn("unsigned", message.body)
        self.assertFalse(together._l10n_cl_dte_generate_allowed())

    def test_generating_many_costs_few_queries_each(self):
        documents = self.env["account.move"].union(
            *(self.create_posted() for _count in range(22))
        )
        documents[:1]._l10n_cl_dte_generate_allowed()  # what the registry caches
        counts = []
        for some in (documents[1:2], documents[2:]):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self.env["account.move"].browse(some.ids)._l10n_cl_dte_generate_allowed()
            self.env.flush_all()
            counts.append(self.cr.sql_log_count - before)
        self.assertLess((counts[1] - counts[0]) / 19, 12, counts)

    def test_statements_do_not_grow_with_the_documents(self):
        lines = [{"name": f"Línea {number}"} for number in range(6)]
        documents = self.env["account.move"].union(
            *(self.create_posted(lines=lines) for _count in range(20))
        )
        notes = self.env["account.move"].union(*map(self.reverse, documents[:5]))
        documents += notes
        documents._l10n_cl_dte_as_documents()  # what the registry caches
        counts = []
        for some in (documents[:1] + notes[:1], documents):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self.env["account.move"].browse(some.ids)._l10n_cl_dte_as_documents()
            counts.append(self.cr.sql_log_count - before)
        self.assertEqual(*counts)

    def test_a_discount_of_less_than_a_peso_and_a_surcharge(self):
        document = self.create_document(
            lines=[
                {"price": 10, "discount": 1},
                {"price": 1_000, "discount": -10},
                {"price": -100, "quantity": -3},
            ]
        )
        small, surcharge, returned = document._l10n_cl_dte_as_document().Detalle
        self.assertEqual((small.MontoItem, small.DescuentoMonto), (10, 0))
        self.assertEqual(
            (surcharge.MontoItem, surcharge.RecargoMonto, surcharge.DescuentoMonto),
            (1_100, 100, 0),
        )
        self.assertEqual((returned.QtyItem, returned.PrcItem), (3, 100))
        self.assertEqual(self.findings(document), {"discount_amount"})

    def test_a_negative_line_is_a_discount_on_the_whole(self):
        document = self.create_document(
            lines=[{}, {"price": -1_000, "exempt": True}, {"exempt": True}]
        )
        [discount] = document._l10n_cl_dte_as_document().DscRcgGlobal
        self.assertEqual((discount.ValorDR, discount.IndExeDR), (1_000, True))
        self.assertFalse(self.findings(document))

    def test_the_form_of_payment(self):
        document = self.create_document(
            invoice_date="2026-03-02", invoice_date_due="2026-03-02"
        )
        self.assertEqual(document._l10n_cl_dte_as_document().FmaPago, 1)
        document.invoice_date_due = "2026-03-30"
        found = document._l10n_cl_dte_as_document()
        self.assertEqual((found.FmaPago, str(found.FchVenc)), (2, "2026-03-30"))
        document.l10n_cl_dte_payment_form = "3"
        found = document._l10n_cl_dte_as_document()
        self.assertEqual((found.FmaPago, found.FchVenc), (3, None))

    def test_a_type_that_is_not_covered_says_so(self):
        document = self.create_document()
        for xmlid in ("l10n_cl.dc_b_f_dte", "l10n_cl.dc_fe_dte"):
            document.l10n_latam_document_type_id = self.env.ref(xmlid)
            with self.assertRaisesRegex(UserError, "are not covered"):
                document.action_l10n_cl_dte_generate()


@tagged("post_install_l10n", "post_install", "-at_install")
class TestPreview(DteFileCommon):
    def test_it_shows_what_the_file_will_say(self):
        self.customer.l10n_cl_activity_description = "y" * 50
        origin = self.create_posted(folio="000041")
        note = self.reverse(origin, "Anula <b>todo</b>")
        preview = str(self.click(note).preview)
        for text in (
            "Comercial Los Boldos SpA",
            "76.202.020-3",
            "$ 119.000",
            "Nº 41",
            "Anula &lt;b&gt;todo",
            "Unsigned",
        ):
            self.assertIn(text, " ".join(preview.split()))
        self.assertNotIn("y" * 41, preview)

    def test_it_needs_no_complete_document(self):
        document = self.create_document(partner_id=False, lines=[{"price": -5}])
        self.assertIn("Unsigned", str(self.click(document).preview))

    def test_the_preview_writes_rut_and_units_as_people_read_them(self):
        document = self.create_document()
        dozen = self.env.ref("uom.product_uom_dozen")
        dozen.sudo().name = "Docenas"
        document.invoice_line_ids.product_uom_id = dozen
        wizard = self.env["l10n_cl_dte_ai.generate"].create({"move_id": document.id})
        preview = str(wizard.preview)
        for text in ("76.101.010-7", "76.202.020-3", "Docenas"):
            self.assertIn(text, preview)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestReferences(DteFileCommon):
    def test_a_reversal_cancels_until_its_amounts_change(self):
        note = self.reverse(self.create_posted(folio="000041"), "Anula")
        [reference] = note.l10n_cl_reference_ids
        self.assertEqual(reference.l10n_cl_reference_doc_type_id.code, "33")
        self.assertEqual(reference.origin_doc_number, "41")
        self.assertEqual(reference.reason, "Anula")
        self.assertEqual(reference.date, note.reversed_entry_id.invoice_date)
        self.assertEqual(reference.reference_doc_code, "1")
        note.invoice_line_ids.price_unit = 40_000
        self.assertEqual(reference.reference_doc_code, "3")
        # It is of March, before the invoice's own date.
        self.assertEqual(self.findings(note), {"date", "references"})

    def test_a_debit_note_corrects_amounts(self):
        note = self.debit(self.create_posted(folio="000041"), "Faltó", copy_lines=True)
        [reference] = note.l10n_cl_reference_ids
        self.assertEqual(reference.reference_doc_code, "3")
        self.assertEqual(reference.reason, "Faltó")

    def test_a_debit_note_of_a_credit_note_cancels_it(self):
        credit = self.reverse(self.create_posted())
        credit.action_post()
        note = self.debit(credit)
        note.invoice_line_ids = [Command.create(self.line())]
        self.assertEqual(note.l10n_cl_reference_ids.reference_doc_code, "1")

    def test_it_can_be_edited(self):
        note = self.reverse(self.create_posted())
        with Form(note) as form, form.l10n_cl_reference_ids.edit(0) as reference:
            reference.reason = "Otra razón"
            reference.reference_doc_code = "2"
        [reference] = note._l10n_cl_dte_as_document().Referencia
        self.assertEqual((reference.RazonRef, reference.CodRef), ("Otra razón", 2))
        self.assertIn("text_correction", self.findings(note))
        note.invoice_line_ids.price_unit = 0
        self.assertEqual(note.l10n_cl_reference_ids.reference_doc_code, "2")

    def test_an_order_can_be_referred_to(self):
        document = self.create_document(
            l10n_cl_reference_ids=[
                Command.create(
                    {
                        "l10n_cl_reference_doc_type_id": self.env.ref(
                            "l10n_cl.dc_odc"
                        ).id,
                        "origin_doc_number": "OC-77/A",
                        "date": "2026-02-01",
                    }
                )
            ]
        )
        [reference] = document._l10n_cl_dte_as_document().Referencia
        self.assertEqual((reference.TpoDocRef, reference.FolioRef), ("801", "OC-77/A"))
        self.assertIsNone(reference.CodRef)
        self.assertFalse(self.findings(document))

    def test_a_note_from_before_has_its_reference_too(self):
        note = self.reverse(self.create_posted(folio="000041"))
        note.l10n_cl_reference_ids.unlink()
        [reference] = note._l10n_cl_dte_as_document().Referencia
        self.assertEqual((reference.FolioRef, reference.CodRef), ("41", 1))

    def test_a_changed_reference_outdates_the_verdict_and_the_file(self):
        note = self.reverse(self.create_posted(folio="000041"))
        digest = note._l10n_cl_dte_ai_digests()[note]
        row = self.env["l10n_cl_dte_ai.validation"].sudo()._get_or_queue(note)
        note.action_post()
        content = self.content(note)
        self.assertTrue(row.is_current)
        note.l10n_cl_reference_ids.origin_doc_number = "42"
        self.assertFalse(row.is_current)
        self.assertNotEqual(note._l10n_cl_dte_ai_digests()[note], digest)
        self.assertNotEqual(self.content(note), content)

    def test_a_copy_does_not_take_them_along(self):
        note = self.reverse(self.create_posted())
        self.assertFalse(note.copy().l10n_cl_reference_ids)

    def test_enterprise_fills_in_its_own(self):
        origin = self.create_posted()
        modules = {*self.registry._init_modules, "l10n_cl_edi"}
        with patch.object(self.registry, "_init_modules", modules):
            note = self.reverse(origin)
            self.assertFalse(note.l10n_cl_reference_ids)
            self.assertFalse(note.l10n_cl_dte_shows_references)
            document = self.create_posted()
            with self.assertRaisesRegex(UserError, "l10n_cl_edi is installed"):
                self.generate(document)
            self.assertFalse(self.findings(document))


@tagged("post_install_l10n", "post_install", "-at_install")
class TestCommunityCrashes(DteFileCommon):
    """Names that `l10n_cl` uses and does not define."""

    def create_in_dollars(self, **values):
        dollar = self.env.ref("base.USD").sudo()
        dollar.active = True
        self.env["res.currency.rate"].sudo().create(
            {
                "name": "2026-01-01",
                "currency_id": dollar.id,
                "company_id": self.own_company.id,
                "inverse_company_rate": 950,
            }
        )
        return self.create_document(currency_id=dollar.id, lines=[{"price": 10}])

    def test_an_invoice_in_dollars_is_printed(self):
        document = self.create_in_dollars()
        document.action_post()
        html, _type = self.env["ir.actions.report"]._render_qweb_html(
            "account.account_invoices", document.ids
        )
        self.assertIn(b"USD", html)

    def test_the_amounts_of_an_invoice_in_dollars(self):
        amounts = self.create_in_dollars()._l10n_cl_get_amounts()
        self.assertEqual(amounts["second_currency"]["name"], "DOLAR USA")

    def test_a_foreign_suppliers_credit_note_is_posted(self):
        supplier = self.customer.sudo().copy(
            {
                "vat": "55555555-5",
                "country_id": self.env.ref("base.us").id,
                "l10n_cl_sii_taxpayer_type": "4",
                "l10n_latam_identification_type_id": self.env.ref(
                    "l10n_latam_base.it_vat"
                ).id,
            }
        )
        values = {
            "partner_id": supplier.id,
            "invoice_date": "2026-03-02",
            "l10n_latam_document_number": "000009",
            "invoice_line_ids": [
                Command.create({"name": "Uno", "price_unit": 100, "tax_ids": False})
            ],
        }
        note = self.env["account.move"].create(
            {
                **values,
                "move_type": "in_refund",
                "l10n_latam_document_type_id": self.env.ref("l10n_cl.dc_nc_f_dte").id,
                "l10n_cl_reference_ids": [
                    Command.create(
                        {
                            "l10n_cl_reference_doc_type_id": self.env.ref(
                                "l10n_cl.dc_fc_f_dte"
                            ).id,
                            "origin_doc_number": "8",
                        }
                    )
                ],
            }
        )
        note.action_post()
        self.assertEqual(note.state, "posted")


@tagged("post_install_l10n", "post_install", "-at_install")
class TestReadiness(DteFileCommon):
    def fields_of(self, record):
        return [entry["message"] for entry in record.l10n_cl_dte_readiness]

    def test_a_company(self):
        company = self.own_company
        company.write(
            {
                "l10n_cl_dte_resolution_number": "80",
                "l10n_cl_dte_resolution_date": "2014-08-22",
            }
        )
        self.assertFalse(company.l10n_cl_dte_readiness)
        company.l10n_cl_company_activity_ids = False
        company.l10n_cl_dte_resolution_date = False
        company.partner_id.city = False
        messages = " ".join(self.fields_of(company))
        for missing in ("acteco", "resolution", "comuna"):
            self.assertIn(missing, messages)
        links = [entry["record"] for entry in company.l10n_cl_dte_readiness]
        self.assertIn(company.partner_id.id, [link["id"] for link in links if link])

    def test_customers_who_lack_something_are_found_with_what_it_is(self):
        self.customer.sudo().customer_rank = 1
        bare = self.customer.sudo().copy({"name": "Sin Giro SpA"})
        bare.write({"customer_rank": 1, "l10n_cl_activity_description": False})
        partners = self.env["res.partner"]
        found = partners.search([("l10n_cl_dte_is_incomplete", "=", True)])
        self.assertIn(bare, found)
        self.assertNotIn(self.customer, found)
        self.assertIn("giro", bare.l10n_cl_dte_missing)
        self.assertTrue(bare.l10n_cl_dte_is_incomplete)
        ready = partners.search([("l10n_cl_dte_is_incomplete", "=", False)])
        self.assertIn(self.customer, ready)
        self.assertNotIn(bare, ready)

    def test_a_customer(self):
        self.assertFalse(self.customer.l10n_cl_dte_readiness)
        self.customer.write({"city": False, "l10n_cl_activity_description": False})
        messages = " ".join(self.fields_of(self.customer))
        self.assertIn("comuna", messages)
        self.assertIn("giro", messages)

    def test_an_address_of_a_customer_points_to_the_firm(self):
        address = (
            self.env["res.partner"]
            .sudo()
            .create(
                {"name": "Sucursal", "parent_id": self.customer.id, "type": "invoice"}
            )
        )
        self.customer.l10n_cl_activity_description = False
        entries = {e["message"]: e["record"] for e in address.l10n_cl_dte_readiness}
        [giro] = [link for text, link in entries.items() if "giro" in text]
        self.assertEqual(giro["id"], self.customer.id)
