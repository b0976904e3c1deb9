# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Credit and debit notes, against what our books say of what they correct."""

from freezegun import freeze_time

from odoo import Command
from odoo.tests import Form, tagged

from ..tools.dte import payload
from ..tools.dte.rules import ERROR, WARNING
from .test_situations import SituationCommon

CANCELS, TEXT, AMOUNTS = "1", "2", "3"


class NoteCommon(SituationCommon):
    def setUp(self):
        super().setUp()
        self.invoice = self.create_posted(invoice_date="2026-03-02")

    def found(self, document):
        found = super().found(document)
        found.pop("date", None)  # dated long before or after the day of the test
        return found

    def note(self, correction=CANCELS, **values):
        return self.reverse(self.invoice, l10n_cl_dte_correction=correction, **values)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestNotes(NoteCommon):
    def test_a_note_of_each_kind(self):
        for correction, code, total in (
            (CANCELS, 1, 119_000),
            (AMOUNTS, 3, 59_500),
            (TEXT, 2, 0),
        ):
            with self.subTest(correction=correction):
                self.invoice = self.create_posted(invoice_date="2026-03-02")
                note = self.note(correction, reason="Dice Talca, debe decir Curicó")
                if correction == AMOUNTS:
                    note.invoice_line_ids.price_unit = 50_000
                note.action_post()
                built = self.assertClean(note)
                self.assertEqual(built.MntTotal, total)
                [reference] = built.Referencia
                self.assertEqual(reference.CodRef, code)
                self.assertEqual(reference.RazonRef, "Dice Talca, debe decir Curicó")
                if correction == TEXT:
                    [line] = built.Detalle
                    self.assertEqual(line.NmbItem, "Dice Talca, debe decir Curicó")
                    self.assertEqual(line.MontoItem, 0)

    def test_the_wizard_asks_in_chile(self):
        wizard = self.env["account.move.reversal"].with_context(
            active_model="account.move", active_ids=self.invoice.ids
        )
        with Form(wizard) as form:
            self.assertTrue(form.l10n_cl_dte_is_chilean)
            form.l10n_cl_dte_correction = TEXT

    def test_reversing_to_issue_anew_cancels(self):
        action = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=self.invoice.ids)
            .create({"journal_id": self.invoice.journal_id.id, "date": "2026-03-05"})
            .modify_moves()
        )
        new = self.env["account.move"].browse(action["res_id"])
        self.assertEqual(new.move_type, "out_invoice")
        [note] = self.invoice.reversal_move_ids
        self.assertEqual(note.l10n_cl_reference_ids.reference_doc_code, CANCELS)

    def test_another_customer(self):
        note = self.note()
        note.partner_id = self.other_customer
        self.assertEqual(self.found(note), {"corrected_customer": ERROR})
        self.assertIn("76202020-3", self.message(note, "corrected_customer"))

    def test_another_folio(self):
        other = self.create_posted(invoice_date="2026-03-02")
        note = self.note()
        reference = note.l10n_cl_reference_ids
        reference.origin_doc_number = str(int(other.l10n_latam_document_number))
        self.assertEqual(self.found(note), {"corrected_origin": WARNING})
        reference.origin_doc_number = "99999"  # none of ours
        self.assertEqual(self.found(note), {"corrected_origin": WARNING})

    def test_another_type(self):
        note = self.note()
        note.l10n_cl_reference_ids.l10n_cl_reference_doc_type_id = self.env.ref(
            "l10n_cl.dc_y_f_dte"
        )
        self.assertIn("corrected_origin", self.found(note))

    def test_another_date(self):
        note = self.note()
        note.l10n_cl_reference_ids.date = "2026-03-01"
        self.assertEqual(self.found(note), {"corrected_date": WARNING})

    def test_the_name_that_is_printed_is_no_folio(self):
        note = self.note()
        folio = int(note.l10n_cl_reference_ids.origin_doc_number)
        note.l10n_cl_reference_ids.origin_doc_number = f"FAC {folio:06}"
        self.assertEqual(self.found(note)["reference_folio"], ERROR)
        self.assertIn(f"here {folio}.", self.message(note, "reference_folio"))

    def test_more_than_was_invoiced(self):
        note = self.note(AMOUNTS)
        note.invoice_line_ids.price_unit = 100_001
        self.assertEqual(self.found(note), {"credited_twice": WARNING})

    def test_more_than_is_left(self):
        first = self.note(AMOUNTS)
        first.invoice_line_ids.price_unit = 60_000
        first.action_post()
        second = self.note(AMOUNTS)
        second.invoice_line_ids.price_unit = 40_000
        self.assertEqual(self.found(second), {})
        second.invoice_line_ids.price_unit = 40_001
        self.assertEqual(self.found(second), {"credited_twice": WARNING})
        self.assertIn("47.600", self.message(second, "credited_twice"))
        self.assertEqual(self.found(first), {})  # the draft counts for nothing

    def test_a_second_full_credit(self):
        first = self.note()
        first.action_post()
        self.assertEqual(self.found(first), {})
        second = self.note()
        self.assertEqual(self.found(second), {"credited_twice": WARNING})
        self.assertIn(first.name, self.message(second, "credited_twice"))

    def test_only_an_order(self):
        note = self.note()
        reference = note.l10n_cl_reference_ids
        reference.l10n_cl_reference_doc_type_id = self.env.ref("l10n_cl.dc_odc")
        self.assertEqual(self.found(note)["corrected_document"], ERROR)

    def test_itself(self):
        note = self.note()
        note.action_post()
        reference = note.l10n_cl_reference_ids
        reference.l10n_cl_reference_doc_type_id = note.l10n_latam_document_type_id
        reference.origin_doc_number = note.l10n_latam_document_number
        self.assertEqual(self.found(note)["corrected_document"], ERROR)
        self.assertIn("itself", self.message(note, "corrected_document"))

    def test_what_a_note_without_origin_refers_to_is_known_too(self):
        folio = self.invoice.l10n_latam_document_number
        note = self.create_document(
            "61",
            partner_id=self.other_customer.id,
            invoice_date="2026-03-05",
            l10n_cl_reference_ids=[
                Command.create(
                    {
                        **self.invoice._l10n_cl_dte_reference_values("x", AMOUNTS),
                        "origin_doc_number": folio,
                    }
                )
            ],
        )
        self.assertEqual(self.found(note), {"corrected_customer": ERROR})

    def test_a_debit_note_cancels_a_credit_note(self):
        credit = self.note()
        credit.action_post()
        debit = self.debit(credit, copy_lines=True)
        debit.action_post()
        built = self.assertClean(debit)
        self.assertEqual(built.Referencia[0].CodRef, 1)
        # The invoice may be credited again: its credit note is gone.

    def test_a_debit_note_on_an_invoice(self):
        debit = self.debit(self.invoice, copy_lines=True)
        debit.action_post()
        self.assertEqual(self.assertClean(debit).Referencia[0].CodRef, 3)

    def test_the_service_is_told_of_the_document_that_is_corrected(self):
        """It rejected right notes whose first reference was an order."""
        note = self.note()
        note.l10n_cl_reference_ids.unlink()
        note.l10n_cl_reference_ids = [
            Command.create(
                {
                    "l10n_cl_reference_doc_type_id": self.env.ref("l10n_cl.dc_odc").id,
                    "origin_doc_number": "OC-1",
                    "date": "2026-03-01",
                }
            ),
            Command.create(self.invoice._l10n_cl_dte_reference_values("", CANCELS)),
        ]
        data = payload.as_dte_data(note._l10n_cl_dte_as_document())
        self.assertEqual(data["documento_referencia"]["tipo_doc"], "33")
        self.assertEqual(data["documento_referencia"]["codigo"], 1)
        self.assertEqual(
            [each["tipo_doc"] for each in data["referencias"]], ["801", "33"]
        )
        text = self.note(TEXT)
        data = payload.as_dte_data(text._l10n_cl_dte_as_document())
        self.assertEqual(data["monto_total"], 0)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestNotesInDollars(NoteCommon):
    def setUp(self):
        super().setUp()
        dollar = self.env.ref("base.USD").sudo()
        dollar.active = True
        dollar.rate_ids = [
            Command.create(
                {
                    "name": day,
                    "inverse_company_rate": rate,
                    "company_id": self.own_company.id,
                }
            )
            for day, rate in (("2026-03-01", 900), ("2026-03-04", 990))
        ]
        self.invoice = self.create_posted(
            lines=[{"price": 1_000}],
            invoice_date="2026-03-02",
            currency_id=dollar.id,
        )

    def test_a_note_takes_back_as_many_pesos_as_were_invoiced(self):
        note = self.note()
        note.action_post()
        built = self.assertClean(note)
        self.assertEqual(built.MntTotal, 1_190 * 900)
        self.assertEqual(built.Referencia[0].CodRef, 1)

    def test_at_another_rate_it_corrects_amounts(self):
        note = self.note()
        note.invoice_currency_rate = 1 / 850
        note.action_post()
        built = self.assertClean(note)
        self.assertEqual(built.Referencia[0].CodRef, 3)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestReceivers(SituationCommon):
    def test_a_customer_without_country(self):
        self.customer.sudo().country_id = False
        document = self.create_document()
        self.assertEqual(self.found(document)["identity_country"], ERROR)
        readiness = self.customer.l10n_cl_dte_readiness
        self.assertTrue(any("country" in each["message"] for each in readiness))

    def test_a_customer_without_type_of_taxpayer_or_rut(self):
        self.customer.sudo().l10n_cl_sii_taxpayer_type = False
        self.customer.sudo().l10n_latam_identification_type_id = self.env.ref(
            "l10n_latam_base.it_pass"
        )
        found = self.found(self.create_document())
        self.assertEqual(found["identity_taxpayer"], ERROR)
        self.assertEqual(found["identity_has_rut"], ERROR)

    def test_a_new_contact_is_chilean(self):
        contact = self.admin_env["res.partner"].create({"name": "Nuevo"})
        self.assertEqual(contact.country_id.code, "CL")
        self.assertEqual(contact.l10n_cl_sii_taxpayer_type, "1")
        abroad = self.admin_env["res.partner"].create(
            {"name": "Ajeno", "country_id": self.env.ref("base.us").id}
        )
        self.assertEqual(abroad.country_id.code, "US")

    def test_a_rut_as_a_word_processor_writes_it(self):
        for rut in ("76202020–3", "76.202.020-3", "76 202 020-3", "76202020\u20113"):
            self.customer.sudo().with_context(no_vat_validation=True).vat = rut
            with self.subTest(rut=rut):
                self.assertEqual(self.customer._l10n_cl_dte_rut(), "76202020-3")

    def test_a_child_contact_is_its_firm(self):
        child = self.admin_env["res.partner"].create(
            {
                "name": "Bodega",
                "parent_id": self.customer.id,
                "type": "delivery",
                "street": "Ruta 5 Sur",
                "city": "Maule",
            }
        )
        built = self.assertClean(self.create_posted(partner_id=child.id))
        self.assertEqual(built.Receptor.RUTRecep, "76202020-3")
        self.assertEqual(built.Receptor.CmnaRecep, "Maule")


@tagged("post_install_l10n", "post_install", "-at_install")
class TestDates(SituationCommon):
    def test_a_document_is_dated_with_the_day_in_chile(self):
        """It is eleven at night there, and tomorrow for the user."""
        self.accountant.sudo().tz = "Europe/Madrid"
        with freeze_time("2026-03-11 02:00:00"):
            document = self.create_document(invoice_date=False)
            document.action_post()
            self.assertEqual(str(document.invoice_date), "2026-03-10")
            self.assertEqual(self.found(document), {})
            self.assertEqual(document.l10n_cl_dte_posting_date, document.invoice_date)

    def test_a_draft_with_errors_is_not_sent_to_be_confirmed(self):
        self.customer.sudo().l10n_cl_activity_description = False
        document = self.create_document()
        message = document._l10n_cl_dte_why_not_generated()
        self.assertIn("Mend it first", message)
        self.customer.sudo().l10n_cl_activity_description = "Abarrotes"
        self.assertIn("confirm it first", document._l10n_cl_dte_why_not_generated())

    def test_an_invoice_of_an_order_names_the_customer_s_order(self):
        document = self.create_posted(ref="OC-77/A", invoice_origin="S00012")
        [reference] = self.assertClean(document).Referencia
        self.assertEqual((reference.TpoDocRef, reference.FolioRef), ("801", "OC-77/A"))
        self.assertFalse(self.create_document(ref="marzo").l10n_cl_reference_ids)
