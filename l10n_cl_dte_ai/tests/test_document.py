# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What is sent of an invoice, and which changes of it outdate a verdict."""

import json

from odoo import Command, fields
from odoo.tests import Form, tagged
from odoo.tools import file_open

from ..tools.dte import payload
from .common import DOCUMENT_TYPES, DteAiCommon
from .loopback import opinion

FIXTURES = "l10n_cl_dte_ai/tests/fixtures"


class PayloadTests:
    """Each document type against a file of what the service is to receive."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sack = cls.env["uom.uom"].sudo().create({"name": "Saco de 25 kg"})

    def assertPayload(self, document, fixture):
        with file_open(f"{FIXTURES}/{fixture}.json") as file:
            expected = file.read()
        dte_data = document._l10n_cl_dte_ai_questions()[document].dte_data
        # As text: the order of the keys and 1 against 1.0 are part of the contract.
        text = json.dumps(dte_data, indent=2, ensure_ascii=False)
        self.assertEqual(text + "\n", expected)
        self.server.script(opinion())
        self.click(document)
        [request] = self.server.requests
        self.assertEqual(json.dumps(request.json["dte_data"]), json.dumps(dte_data))
        self.assertEqual(request.json["company_id"], document.company_id.id)
        self.assertEqual(list(request.json), ["dte_data", "company_id", "history"])

    def test_invoice(self):
        self.assertPayload(
            self.create_document(
                "33",
                [
                    self.given("Asesoría\nen terreno,\n  dos días", 90_000, quantity=2),
                    self.given(
                        "Arriendo de bodega",
                        4_990.5,
                        quantity=12.25,
                        discount=7.5,
                        product_uom_id=self.sack.id,
                    ),
                ],
                invoice_date="2026-03-02",
            ),
            "33",
        )

    def test_invoice_with_exempt_lines_notes_and_sections(self):
        self.assertPayload(
            self.create_document(
                "33",
                [
                    {"display_type": "line_section", "name": "Traslados"},
                    self.given("Flete", 38_500, quantity=2.5),
                    self.given("Pasajes", 12_000, quantity=4, exempt=True),
                    {"display_type": "line_note", "name": "Sin peajes"},
                    self.given("Muestra", 1_000, discount=100),
                ],
                invoice_date="2026-03-02",
            ),
            "33_mixed",
        )

    def test_exempt_invoice(self):
        lines = [self.given("Curso", 1_000_000, exempt=True)]
        self.assertPayload(
            self.create_document("34", lines, invoice_date="2026-03-02"), "34"
        )

    def test_debit_note(self):
        origin = self.create_posted(folio="000041", invoice_date="2026-03-02")
        note = self.create_document(
            "56",
            [self.given("Diferencia de precio", 10_000)],
            debit_origin_id=origin.id,
            invoice_date="2026-03-05",
        )
        self.assertPayload(note, "56")

    def test_credit_note_for_a_part(self):
        origin = self.create_posted(folio="000041", invoice_date="2026-03-02")
        note = self.create_document(
            "61",
            [self.given("Devolución", 10_000)],
            reversed_entry_id=origin.id,
            invoice_date="2026-03-05",
        )
        self.assertPayload(note, "61")

    def test_credit_note_that_cancels(self):
        origin = self.create_posted(folio="000041", invoice_date="2026-03-02")
        reversal = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=origin.ids)
            .create(
                {
                    "reason": "Anula",
                    "date": "2026-03-05",
                    "journal_id": origin.journal_id.id,
                }
            )
        )
        action = reversal.reverse_moves()
        note = self.env["account.move"].browse(action["res_id"])
        self.assertPayload(note, "61_cancels")

    def given(self, name, price, **values):
        return {"name": name, "price": price, **values}

    def test_what_is_absent_is_left_out(self):
        document = self.create_document()
        self.customer.write({"street": False, "city": False})
        dte_data = document._l10n_cl_dte_ai_questions()[document].dte_data
        self.assertFalse({"direccion_receptor", "comuna_receptor"} & set(dte_data))
        self.assertNotIn("monto_exento", dte_data)
        self.assertNotIn("folio", dte_data)
        self.assertEqual(next(iter(dte_data)), "tipo_dte")
        self.assertEqual(list(dte_data)[-1], "items")

    def test_a_rut_is_sent_as_the_sii_writes_it(self):
        document = self.create_document()
        for vat in ("76202020-3", "76.202.020-3", "CL762020203", "cl76202020-3"):
            with self.subTest(vat):
                # As an import may have stored it.
                self.env.cr.execute(
                    "UPDATE res_partner SET vat = %s WHERE id = %s",
                    [vat, self.customer.id],
                )
                self.customer.invalidate_recordset(["vat"])
                self.assertEqual(
                    document._l10n_cl_dte_as_document().Receptor.RUTRecep, "76202020-3"
                )

    def test_an_invoice_in_dollars_is_sent_in_pesos(self):
        dollar = self.env.ref("base.USD").sudo()
        dollar.active = True
        self.env["res.currency.rate"].sudo().create(
            {
                "name": "2026-01-01",
                "currency_id": dollar.id,
                "company_id": self.company_data["company"].id,
                "inverse_company_rate": 950,
            }
        )
        document = self.create_document(
            lines=[self.given("Licencia", 10.5, quantity=2)],
            currency_id=dollar.id,
            invoice_date="2026-03-02",
        )
        dte_data = document._l10n_cl_dte_ai_questions()[document].dte_data
        self.assertEqual(
            [dte_data[f"monto_{name}"] for name in ("neto", "iva", "total")],
            [19_950, 3_791, 23_741],
        )
        self.assertEqual(dte_data["items"][0]["precio_unitario"], 9_975)

    def test_history_is_of_the_same_customer_and_kind(self):
        for values in (
            {"invoice_date": "2026-01-05"},
            {"invoice_date": "2026-02-05", "lines": [{"price": 50_000}]},
            {"invoice_date": "2026-02-06", "partner_id": self.other_customer.id},
        ):
            self.create_posted(**values)
        self.create_document(invoice_date="2026-02-07")  # a draft
        document = self.create_document(invoice_date="2026-03-02")
        self.assertEqual(
            document._l10n_cl_dte_ai_histories()[document.id],
            [
                {
                    "message": "2026-02-05: tipo 33, folio 2, total 59500",
                    "error_code": "PREVIOUS_DOCUMENT",
                    "tipo_dte": "33",
                    "folio": 2,
                    "fecha_emision": "2026-02-05",
                    "monto_neto": 50_000,
                    "monto_total": 59_500,
                    "items": [self.advice(50_000)],
                },
                {
                    "message": "2026-01-05: tipo 33, folio 1, total 119000",
                    "error_code": "PREVIOUS_DOCUMENT",
                    "tipo_dte": "33",
                    "folio": 1,
                    "fecha_emision": "2026-01-05",
                    "monto_neto": 100_000,
                    "monto_total": 119_000,
                    "items": [self.advice(100_000)],
                },
            ],
        )

    def advice(self, price):
        return {
            "nombre": "Asesoría",
            "cantidad": 1,
            **self.unit_of_line(),
            "precio_unitario": price,
        }

    def unit_of_line(self):
        """What the document itself says of the unit, so that both can be compared."""
        document = self.create_document()
        [item] = document._l10n_cl_dte_ai_questions()[document].dte_data["items"]
        return {"unidad": item["unidad"]} if "unidad" in item else {}

    def history_items(self, document):
        [entry] = document._l10n_cl_dte_ai_histories()[document.id]
        return [
            (
                item["nombre"],
                item["cantidad"],
                item["precio_unitario"],
                item.get("descuento_pct", 0),
            )
            for item in entry.get("items", ())
        ]

    def test_history_has_all_lines(self):
        """As the document itself gives them, and not only those that this one has."""
        self.create_posted(
            lines=[
                self.given("  Cemento  gris\nSaco de 25 kg", 4_990),
                self.given("CLAVOS", 10.5, quantity=1.5, discount=10),
                self.given("Asesoría", 1_000_000, quantity=3),
                self.given("Muestra", 500, discount=100),
                self.given("Muestra", -500, quantity=0),
                {"display_type": "line_note", "name": "Flete"},
                self.given("Flete", 20_000, exempt=True),
            ]
        )
        document = self.create_document(lines=[{"name": "Otro"}])
        self.assertEqual(
            self.history_items(document),
            # A price is what was booked: $ 14 of 1.5 with a discount of 10 %.
            [
                ("Cemento gris", 1, 4_990, 0),
                ("CLAVOS", 1.5, 10.37, 10),
                ("Asesoría", 3, 1_000_000, 0),
                ("Flete", 1, 20_000, 0),
            ],
        )
        [entry] = document._l10n_cl_dte_ai_histories()[document.id]
        self.assertEqual(entry["monto_neto"], 4_990 + 14 + 3_000_000)

    def test_a_note_is_told_with_what_it_corrects(self):
        invoice = self.create_posted(invoice_date="2026-01-05")
        note = self.create_document(
            "61",
            [self.given("Devolución", 10_000)],
            reversed_entry_id=invoice.id,
            invoice_date="2026-01-06",
        )
        [entry] = note._l10n_cl_dte_ai_histories()[note.id]
        self.assertEqual((entry["tipo_dte"], entry["folio"]), ("33", 1))
        note.action_post()
        document = self.create_document(invoice_date="2026-03-02")
        newest, oldest = document._l10n_cl_dte_ai_histories()[document.id]
        self.assertEqual(
            (newest["tipo_dte"], newest["documento_referencia"]),
            ("61", {"tipo_doc": "33", "folio": "1"}),
        )
        self.assertNotIn("documento_referencia", oldest)

    def test_prices_are_net_and_in_pesos(self):
        """As the document itself gives them, whatever the invoice was entered in."""
        dollar = self.env.ref("base.USD").sudo()
        dollar.active = True
        self.env["res.currency.rate"].sudo().create(
            {
                "name": "2026-01-01",
                "currency_id": dollar.id,
                "company_id": self.company_data["company"].id,
                "inverse_company_rate": 950,
            }
        )
        included = self.vat_19.sudo().copy(
            {"name": "IVA incluido", "price_include_override": "tax_included"}
        )
        for values in (
            {"currency_id": dollar.id, "lines": [{"price": 10.5, "quantity": 2}]},
            {
                "lines": [
                    {"price": 11_870.25, "tax_ids": [Command.set(included.ids)]},
                ]
            },
        ):
            with self.subTest(**values):
                past = self.create_posted(invoice_date="2026-03-02", **values)
                data = past._l10n_cl_dte_ai_questions()[past].dte_data
                document = self.create_document()
                self.assertEqual(
                    [item[2] for item in self.history_items(document)], [9_975]
                )
                self.assertEqual(data["items"][0]["precio_unitario"], 9_975)
                past.button_draft()

    def test_the_largest_history_is_within_the_limits(self):
        names = [f"{number:02}" + "ñ" * 78 for number in range(45)]
        for _number in range(21):
            self.create_posted(lines=[{"name": name} for name in (*names, "x" * 81)])
        document = self.create_document(lines=[{"name": f"{n}\n…"} for n in names])
        history = document._l10n_cl_dte_ai_histories()[document.id]
        self.assertEqual({len(entry["items"]) for entry in history}, {40})
        for entry in history:
            self.assertTrue(entry["message"] and entry["error_code"])
        size = len(json.dumps(history, ensure_ascii=False).encode())
        # The oldest were left out, and no more of them than had to be.
        self.assertTrue(75_000 < size < 100_000, size)

    def test_one_query_for_all_histories(self):
        customers = self.customer + self.other_customer
        documents = self.env["account.move"].union(
            *(
                self.create_posted(partner_id=customers[number % 2].id)
                for number in range(12)
            )
        )
        self.env.flush_all()
        for some in (documents[:1], documents):
            with self.subTest(documents=len(some)), self.assertQueryCount(1):
                histories = some._l10n_cl_dte_ai_histories()
            self.assertEqual(len(histories), len(some))
            self.assertTrue(
                all(entry["items"] for [entry, *_more] in histories.values())
            )

    def test_the_digest_is_the_content_and_the_company(self):
        data = {"tipo_dte": "33", "monto_neto": 1}
        same = payload.digest(dict(reversed(data.items())), 1)
        self.assertEqual(payload.digest(data, 1), same)
        self.assertNotEqual(payload.digest(data, 2), same)
        self.assertNotEqual(payload.digest({**data, "monto_neto": 2}, 1), same)
        self.assertRegex(same, "^[0-9a-f]{64}$")


class StalenessTests:
    """A verdict holds for what was asked about, and for nothing else."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.hour = cls.env.ref("uom.product_uom_hour")
        cls.other_tax = cls.vat_19.sudo().copy({"name": "IVA 19% bis"})

    def create_approved(self, **values):
        document = self.create_document(**values)
        self.server.script(opinion("send"))
        self.click(document)
        self.assertEqual(document.l10n_cl_dte_ai_state, "approved")
        return document

    def assertHolds(self, document):
        """The verdict is shown, in lists as well, and a click asks nobody."""
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(document.l10n_cl_dte_ai_state, "approved")
        domain = [("id", "=", document.id), ("l10n_cl_dte_ai_state", "=", "approved")]
        self.assertEqual(document.search_count(domain), 1)
        self.click(document)
        self.assertEqual(len(self.server.requests), 1)

    def assertOutdated(self, document):
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(document.l10n_cl_dte_ai_state, "outdated")
        self.assertFalse(document.l10n_cl_dte_ai_validation_ids.is_current)
        self.assertFalse(self.validation(document))

    def test_a_verdict_on_the_draft_holds_after_posting(self):
        for date in ("2026-03-02", False):
            with self.subTest(invoice_date=date):
                self.server.requests.clear()
                document = self.create_approved(invoice_date=date)
                document.action_post()
                self.assertTrue(document.invoice_date)
                self.assertHolds(document)
                document.button_draft()
                self.assertHolds(document)
                document.action_post()
                self.assertHolds(document)

    def test_a_verdict_holds_when_a_draft_is_given_its_folio(self):
        document = self.create_approved()
        document.l10n_latam_document_number = "000777"
        self.assertHolds(document)
        document.action_post()
        self.assertHolds(document)

    def test_a_date_that_is_entered_after_posting_is_a_change(self):
        document = self.create_approved(invoice_date=False)
        document.action_post()
        document.button_draft()
        document.invoice_date = fields.Date.subtract(document.invoice_date, days=3)
        self.assertOutdated(document)

    def test_an_undated_draft_that_is_dated_is_a_change(self):
        document = self.create_approved(invoice_date=False)
        document.invoice_date = "2026-03-02"
        self.assertOutdated(document)
        document.invoice_date = False
        self.assertHolds(document)

    def test_a_verdict_survives_what_does_not_concern_it(self):
        document = self.create_approved()
        document.write(
            {"narration": "Gracias", "ref": "OC 12", "payment_reference": "x"}
        )
        self.customer.write({"phone": "+56 2 2555 0000", "email": "x@boldos.example"})
        self.create_posted()  # another invoice of this customer
        self.assertHolds(document)

    def test_whoever_looks_sees_the_same_document(self):
        """Units and taxes have names that are translated."""
        document = self.create_approved(
            lines=[{"product_uom_id": self.hour.id}], invoice_date="2026-03-02"
        )
        digest = document._l10n_cl_dte_ai_digests()[document]
        self.hour.sudo().with_context(lang="en_US").name = "Somehours"
        digest_renamed = document._l10n_cl_dte_ai_digests()[document]
        for lang in ("en_US", "es_419"):
            same = document.with_context(lang=lang)
            self.assertEqual(same._l10n_cl_dte_ai_digests()[same], digest_renamed)
        self.assertTrue(digest)

    def test_every_field_that_is_sent_outdates(self):
        """And taking the change back makes the verdict hold again."""
        document = self.create_approved(
            lines=[{}, {"name": "Viático", "price": 5_000}], invoice_date="2026-03-02"
        )
        issuer = document.company_id.partner_id
        line = document.invoice_line_ids[0]
        type_56 = self.env.ref(DOCUMENT_TYPES["56"])
        partner_changes = {
            "name": "Otro Nombre SpA",
            "vat": "76303030-K",
            "l10n_cl_activity_description": "Otro giro",
        }
        address_changes = {"street": "Otra 1", "street2": "Of. 3", "city": "Curicó"}
        changes = [
            (document, "invoice_date", "2026-03-03"),
            (document, "l10n_latam_document_type_id", type_56.id),
            (line, "quantity", 3),
            (line, "price_unit", 7),
            (line, "discount", 10),
            (line, "name", "Otra cosa"),
            (line, "product_uom_id", self.hour.id),
            (line, "tax_ids", [Command.clear()]),
            (line, "sequence", 999),
            *((self.customer, n, v) for n, v in partner_changes.items()),
            *((self.customer, n, v) for n, v in address_changes.items()),
            *((issuer, n, v) for n, v in partner_changes.items()),
            # `street2` of the issuer is part of its address, though not sent yet.
        ]
        for record, name, value in changes:
            with self.subTest(record=record._name, id=record.id, field=name):
                record = record.sudo()
                before = record._fields[name].convert_to_write(record[name], record)
                record.write({name: value})
                self.assertOutdated(document)
                record.write({name: before})
                self.assertHolds(document)

    def test_lines_that_come_and_go(self):
        document = self.create_approved()
        document.invoice_line_ids = [Command.create(self.line("Otra", 5_000))]
        self.assertOutdated(document)
        document.invoice_line_ids = [Command.delete(document.invoice_line_ids[1].id)]
        self.assertHolds(document)

    def test_another_customer(self):
        document = self.create_approved(invoice_date="2026-03-02")
        document.partner_id = self.other_customer
        self.assertOutdated(document)

    def test_a_changed_document_is_asked_about_anew(self):
        document = self.create_approved()
        document.invoice_line_ids[0].price_unit = 200_000
        self.assertOutdated(document)
        self.server.script(opinion("reject", errors=["Monto inusual"]))
        self.click(document)
        self.assertEqual(document.l10n_cl_dte_ai_state, "rejected")
        self.assertEqual(document.l10n_cl_dte_ai_validation_count, 2)
        # The old verdict is kept, and is in force again with the old content.
        document.invoice_line_ids[0].price_unit = 100_000
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(document.l10n_cl_dte_ai_state, "approved")
        self.click(document)
        self.assertEqual(len(self.server.requests), 2)

    def test_the_form_of_a_validated_invoice_can_be_edited(self):
        """Lines that are not saved yet have no number to be sorted by."""
        document = self.create_approved()
        with Form(document) as form:
            for name in ("Uno", "Dos"):
                with form.invoice_line_ids.new() as line:
                    line.name = name
                    line.price_unit = 1_000
        self.assertEqual(len(document.invoice_line_ids), 3)
        self.assertOutdated(document)

    def test_a_duplicate_has_no_verdict(self):
        document = self.create_approved()
        copy = document.copy()
        self.assertFalse(copy.l10n_cl_dte_ai_state)
        self.assertFalse(copy.l10n_cl_dte_ai_validation_ids)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestDocument(PayloadTests, StalenessTests, DteAiCommon):
    """One class: what it shares takes seconds to set up."""
