# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What is sent beside a document, and what persons decide on what comes back."""

import json

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..models.account_move_context import within_bytes
from ..tools import ai
from ..tools.dte import payload
from .common import DteAiCommon
from .loopback import opinion

PRICE = {
    "key": "price_is_usual:0123456789abcdef",
    "rule": "price_is_usual",
    "message": "Precio de «Caja»: suele pagar $ 1.000 y aquí $ 1.500.",
    "value": 1500.0,
}
OTHER = {
    "key": "amount_is_usual:1123456789abcdef",
    "rule": "amount_is_usual",
    "message": "Monto total: suele ser $ 10.000.",
    "value": None,
}


class ContextCase(DteAiCommon):
    def setUp(self):
        super().setUp()
        self.service.sudo().understands_context = True

    def sent(self, *documents):
        """What is sent about some documents, by document."""
        moves = self.env["account.move"].union(*documents)
        bodies = moves._l10n_cl_dte_ai_request_bodies(moves._l10n_cl_dte_ai_questions())
        return [json.loads(bodies[move]) for move in documents]

    def context(self, document):
        return self.sent(document)[0].get("contexto", {})

    def product_document(self, price, customer=None, **values):
        return self.create_document(
            lines=[
                {
                    "name": "Caja",
                    "product_id": self.product_a.id,
                    "product_uom_id": self.product_a.uom_id.id,
                    "price": price,
                    "quantity": 2,
                }
            ],
            partner_id=(customer or self.customer).id,
            **values,
        )

    def answer(self, document, *findings, recommendation="review"):
        self.server.script(
            opinion(
                recommendation,
                warnings=[finding["message"] for finding in findings],
                findings=list(findings),
            )
        )
        self.click(document)
        return self.validation(document)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestContext(ContextCase):
    def test_only_who_understands_it_is_sent_context(self):
        self.product_document(1000, self.other_customer).action_post()
        for capabilities, is_sent in (
            (["history.items"], False),
            (["history.items", "context"], False),
            (["history.items", "context", "decisions"], True),
        ):
            health = ai.Health("healthy", "2.0", None, frozenset(capabilities))
            self.service.sudo()._learn([health])
            self.server.script(opinion())
            self.click(self.product_document(1000 + len(capabilities)))
            sent = self.server.requests[-1].json
            self.assertEqual("contexto" in sent, is_sent, capabilities)

    def test_what_was_queued_for_another_service(self):
        self.product_document(1000, self.other_customer).action_post()
        document = self.product_document(1500)
        row = self.env["l10n_cl_dte_ai.validation"]._get_or_queue(document)
        self.assertIn("contexto", json.loads(row.request_body))
        self.service.sudo().understands_context = False
        self.server.script(opinion())
        self.run_cron()
        self.assertNotIn("contexto", self.server.requests[-1].json)

    def test_what_others_pay(self):
        for price in (1000, 1200):
            self.product_document(price, self.other_customer).action_post()
        self.product_document(9000).action_post()  # her own
        context = self.context(self.product_document(1500))
        (price,) = context["precios"]
        self.assertEqual(price.pop("documentos"), 2)
        self.assertEqual(
            price,
            {
                "nombre": "Caja",
                "unidad": price["unidad"],
                "precio_mediano": 1200,
                "precio_minimo": 1000,
                "precio_maximo": 1200,
            },
        )
        line = self.sent(self.product_document(1500))[0]["dte_data"]["items"][0]
        self.assertEqual(line["unidad"], price["unidad"])

    def test_the_document_that_a_note_corrects(self):
        invoice = self.product_document(1000)
        invoice.action_post()
        note = self.create_document(
            code="61", move_type="out_refund", reversed_entry_id=invoice.id
        )
        corrected = self.context(note)["documento_corregido"]
        self.assertEqual(corrected["tipo_dte"], "33")
        self.assertEqual(corrected["monto_total"], 2380)
        self.assertEqual(corrected["rut_receptor"], "76202020-3")
        (item,) = corrected["items"]
        self.assertEqual((item["nombre"], item["precio_unitario"]), ("Caja", 1000))

    def test_the_last_folio_of_the_type_for_a_draft(self):
        invoice = self.product_document(1000)
        invoice.action_post()
        last = self.context(self.product_document(2000))["folio_anterior"]
        number = int(invoice.l10n_latam_document_number)
        date = invoice.invoice_date.isoformat()
        self.assertEqual(last, {"folio": number, "fecha_emision": date})
        self.assertNotIn("folio_anterior", self.context(invoice))

    def test_it_costs_as_many_queries_for_many_as_for_two(self):
        self.product_document(1000, self.other_customer).action_post()
        documents = [self.product_document(2000 + number) for number in range(8)]
        counts = []
        for some in (documents[:2], documents):
            moves = self.env["account.move"].union(*some)
            questions = moves._l10n_cl_dte_ai_questions()
            moves._l10n_cl_dte_ai_request_bodies(questions)
            before = self.cr.sql_log_count
            moves._l10n_cl_dte_ai_request_bodies(questions)
            counts.append(self.cr.sql_log_count - before)
        self.assertEqual(counts[0], counts[1])

    def test_no_digest_depends_on_it(self):
        document = self.product_document(1500)
        before = document._l10n_cl_dte_ai_digests()
        self.product_document(1000, self.other_customer).action_post()
        self.assertEqual(document._l10n_cl_dte_ai_digests(), before)

    def test_it_is_bounded_and_shares_the_room(self):
        entries = [{"nombre": "Ñ" * 80, "precio_mediano": 1}] * 5000
        context = within_bytes({"folio_anterior": {"folio": 1}, "precios": entries})
        self.assertLessEqual(payload.size(context), 31_000)
        self.assertTrue(context["folio_anterior"] and context["precios"])
        self.assertNotIn("precios", within_bytes({"a": ["x" * 40_000], "precios": []}))


@tagged("post_install_l10n", "post_install", "-at_install")
class TestDecisions(ContextCase):
    def decisions(self, document):
        return self.context(document).get("decisiones", [])

    def test_what_was_reviewed_goes_along_with_the_next_document(self):
        document = self.product_document(1500)
        self.answer(document, PRICE, OTHER)
        self.assertFalse(self.decisions(self.product_document(1600)))
        document.action_l10n_cl_dte_reviewed()
        told = self.decisions(self.product_document(1600))
        self.assertEqual(
            sorted((each["key"], each.get("value")) for each in told),
            [(OTHER["key"], None), (PRICE["key"], 1500.0)],
        )
        other = self.product_document(1600, self.other_customer)
        self.assertFalse(self.decisions(other), "of this customer alone")

    def test_names_in_what_was_found_are_left_out(self):
        document = self.product_document(1500)
        self.answer(document, PRICE)
        document.action_l10n_cl_dte_reviewed()
        self.assertIn("message", self.decisions(self.product_document(1600))[0])
        document.company_id.sudo().l10n_cl_dte_ai_leave_out_names = True
        (decision,) = self.decisions(self.product_document(1600))
        self.assertNotIn("message", decision)

    def test_one_click_on_the_only_finding_reviews_the_document(self):
        document = self.product_document(1500)
        row = self.answer(document, PRICE)
        (shown,) = self.click(document).ai_findings
        self.assertEqual(shown["id"], row.finding_ids.id)
        row.finding_ids.action_not_useful()
        self.assertEqual(row.decided_by_id, self.accountant)
        self.assertEqual(row.finding_ids.decision, "not_useful")
        self.assertEqual(row.finding_ids.decided_by_id, self.accountant)
        self.assertEqual(document.l10n_cl_dte_state, "ready")
        self.assertEqual(len(self.decisions(self.product_document(1600))), 1)
        self.assertIn("Not Useful", self.click(document).ai_findings[0]["decision"])
        self.assertIn("Not useful", self.messages(document))

    def test_another_finding_still_stands_against_it(self):
        row = self.answer(self.product_document(1500), PRICE, OTHER)
        row.finding_ids.filtered(lambda x: x.rule == PRICE["rule"]).action_not_useful()
        self.assertFalse(row.decided_by_id)
        self.assertEqual(row.move_id.l10n_cl_dte_state, "review")

    def test_it_may_be_brought_up_again(self):
        row = self.answer(self.product_document(1500), PRICE)
        row.finding_ids.action_not_useful()
        row.finding_ids.action_bring_up_again()
        self.assertFalse(row.finding_ids.decision)
        self.assertFalse(self.decisions(self.product_document(1600)))

    def test_policy_keeps_dismissing_to_who_may_override(self):
        """Or whoever may not decide on this one teaches it to let the next pass."""
        document = self.product_document(1500)
        document.company_id.sudo().l10n_cl_dte_ai_policy = "block"
        finding = self.answer(document, PRICE).finding_ids
        with self.assertRaises(AccessError):
            finding.action_not_useful()
        finding.with_user(self.overrider).action_not_useful()
        self.assertEqual(finding.decided_by_id, self.overrider)
        self.assertFalse(
            finding.validation_id.decided_by_id, "the policy wants a reason for that"
        )

    def test_nobody_writes_a_decision(self):
        finding = self.answer(self.product_document(1500), PRICE).finding_ids
        values = {"decision": "reviewed", "decided_by_id": self.accountant.id}
        for user in (self.accountant, self.overrider):
            with self.assertRaises(AccessError):
                finding.with_user(user).write(values)
            with self.assertRaises(AccessError):
                finding.with_user(user).create(
                    {"validation_id": finding.validation_id.id, **values}
                )

    def test_what_is_no_finding_is_no_row(self):
        """Of what the service tells, only what is shown and has a key."""
        document = self.product_document(1500)
        strange = [
            {**PRICE, "key": "x y"},
            {**PRICE, "key": None},
            {**PRICE, "key": "a" * 500},
            {**OTHER, "message": "not among the warnings"},
            "text",
        ]
        self.server.script(
            opinion("review", warnings=[PRICE["message"]], findings=strange)
        )
        self.click(document)
        self.assertFalse(self.validation(document).finding_ids)

    def test_statistics_by_kind(self):
        row = self.answer(self.product_document(1500), PRICE, OTHER)
        row.finding_ids.filtered(lambda x: x.kind == "price").action_not_useful()
        found = self.env["l10n_cl_dte_ai.finding"].formatted_read_group(
            [], ["kind"], ["__count", "dismissed_share:avg"]
        )
        shares = {each["kind"]: each["dismissed_share:avg"] for each in found}
        self.assertEqual(shares, {"amount": 0.0, "price": 100.0})

    def test_the_language_is_that_of_who_asked(self):
        self.accountant.lang = "es_419"
        self.answer(self.product_document(1500), PRICE)
        self.assertEqual(self.server.requests[-1].headers["Accept-Language"], "es-419")

    def test_a_reviewed_document_has_nothing_to_decide(self):
        document = self.product_document(1500)
        self.answer(document, PRICE).finding_ids.action_not_useful()
        with self.assertRaises(UserError):
            document.action_l10n_cl_dte_reviewed()
