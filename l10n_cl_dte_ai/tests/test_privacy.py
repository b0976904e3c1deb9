# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the AI service gets to know, who sees it, and what a company keeps to itself."""

import json

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import Form, new_test_user, tagged

from ..tools.dte import payload
from .common import KEY, DteAiCommon
from .loopback import opinion, reply

NAMES = {
    "razon_social_emisor": "Servicios Peumo 76101010-7 SpA",
    "razon_social_receptor": "Comercial Los Boldos SpA",
    "direccion_receptor": "Calle Los Boldos 45",
    "comuna_receptor": "Talca",
}


class PrivacyCase(DteAiCommon):
    def leave_names_out(self, value=True):
        """As an administrator does, in the settings."""
        with Form(self.admin_env["res.config.settings"]) as form:
            form.l10n_cl_dte_ai_leave_out_names = value
        form.record.execute()
        self.env.invalidate_all()

    def assertNoNames(self, text):
        for name in NAMES.values():
            self.assertNotIn(name, text)

    def tab(self, wizard):
        """What the tab *What Is Sent* shows, as the form reads it."""
        [values] = wizard.web_read({"sent": {}})
        self.assertNotIn(KEY, values["sent"])
        return values["sent"]


class SentTests:
    def test_it_is_shown_as_it_was_sent(self):
        self.create_posted(invoice_date="2026-01-05")
        document = self.create_document(invoice_date="2026-03-02")
        self.server.script(opinion())
        shown = self.tab(self.click(document))
        [request] = self.server.requests
        self.assertEqual(json.dumps(json.loads(shown)), json.dumps(request.json))
        self.assertIn(
            '\n    "razon_social_receptor": "Comercial Los Boldos SpA",', shown
        )
        self.assertIn("PREVIOUS_DOCUMENT", shown)
        self.assertIn("Bearer " + KEY, str(request.headers), "the key goes elsewhere")
        # And where everything that was asked is kept, also to who only invoices.
        row = document.l10n_cl_dte_ai_validation_ids
        [kept] = row.web_read({"sent": {}})
        self.assertEqual(kept["sent"], shown)
        view = row.get_view(view_type="form")["arch"]
        self.assertIn('name="sent"', view)

    def test_it_is_shown_before_anything_is_sent(self):
        self.customer.sudo().vat = False
        document = self.create_document()
        wizard = self.click(document)
        self.assertEqual(wizard.outcome, "not_asked")
        self.assertIn("Comercial Los Boldos SpA", self.tab(wizard))
        self.leave_names_out()
        self.assertNoNames(self.tab(wizard))
        self.assertFalse(self.server.requests)
        self.assertFalse(document.l10n_cl_dte_ai_validation_ids)

    def test_only_who_may_see_the_document_sees_it(self):
        document = self.create_document()
        self.server.script(opinion())
        self.click(document)
        stranger = new_test_user(
            self.admin_env, "stranger", company_id=document.company_id.id
        )
        row = document.l10n_cl_dte_ai_validation_ids.with_user(stranger)
        with self.assertRaises(AccessError):
            row.read(["sent"])

    def test_nothing_that_the_check_does_not_need(self):
        buyer = (
            self.env["res.partner"]
            .sudo()
            .create(
                {
                    "name": "Rosa Huenchumilla",
                    "parent_id": self.customer.id,
                    "email": "rosa@boldos.example",
                    "phone": "+56 9 5555 0001",
                    "function": "Jefa de compras",
                }
            )
        )
        self.customer.sudo().write(
            {
                "email": "pagos@boldos.example",
                "phone": "+56 2 2555 0000",
                "website": "https://boldos.example",
                "comment": "Paga tarde",
                "bank_ids": [Command.create({"acc_number": "000-11-222"})],
            }
        )
        document = self.create_document(
            partner_id=buyer.id,
            ref="OC de Rosa",
            narration="Saludos a Rosa",
            payment_reference="PAGO-77",
        )
        self.server.script(opinion())
        self.click(document)
        [request] = self.server.requests
        sent = request.body.decode() + str(request.headers)
        for secret in (
            *("Rosa", "boldos.example", "5555", "Jefa", "Paga", "11-222", "PAGO"),
            *(self.accountant.name, self.accountant.login, self.accountant.email),
        ):
            self.assertNotIn(secret, sent)


class NamesTests:
    def test_names_are_left_out(self):
        self.leave_names_out()
        self.create_posted(invoice_date="2026-01-05")
        document = self.create_document(invoice_date="2026-03-02")
        whole = document._l10n_cl_dte_ai_questions()[document].dte_data
        self.assertEqual(NAMES, {name: whole[name] for name in NAMES})
        self.server.script(opinion())
        shown = self.tab(self.click(document))
        [request] = self.server.requests
        self.assertNoNames(request.body.decode())
        self.assertNoNames(shown)
        # The rest is as it was, in the same order, and nothing seems to be missing.
        expected = {**whole, **dict.fromkeys(NAMES, "(omitido)")}
        self.assertEqual(json.dumps(request.json["dte_data"]), json.dumps(expected))
        self.assertEqual(request.json["dte_data"]["rut_receptor"], "76202020-3")

    def test_what_is_missing_is_not_hidden(self):
        self.leave_names_out()
        document = self.create_document()
        self.customer.sudo().write({"street": False, "city": False})
        contents = document._l10n_cl_dte_ai_questions()
        body = json.loads(document._l10n_cl_dte_ai_request_bodies(contents)[document])
        self.assertFalse(
            {"direccion_receptor", "comuna_receptor"} & set(body["dte_data"])
        )

    def test_a_change_of_the_setting_asks_nothing_again(self):
        document = self.create_document(invoice_date="2026-03-02")
        self.server.script(opinion())
        self.click(document)
        for value in (True, False):
            self.leave_names_out(value)
            self.click(document)
            self.assertEqual(document.l10n_cl_dte_ai_state, "approved")
            # What was sent is what was sent.
            sent = document.l10n_cl_dte_ai_validation_ids.sent
            self.assertIn("Comercial Los Boldos SpA", sent)
        self.assertEqual(len(self.server.requests), 1)

    def test_a_new_name_outdates_a_verdict_all_the_same(self):
        self.leave_names_out()
        document = self.create_document(invoice_date="2026-03-02")
        self.server.script(opinion())
        self.click(document)
        self.customer.sudo().name = "Otro Nombre SpA"
        self.env.flush_all()
        self.assertEqual(document.l10n_cl_dte_ai_state, "outdated")
        self.server.script(opinion())
        self.click(document)
        self.assertEqual(document.l10n_cl_dte_ai_state, "approved")
        first, second = self.server.requests
        # The same question under the same key: the service need not think again.
        self.assertEqual(first.body, second.body)
        key = "Idempotency-Key"
        self.assertEqual(first.headers[key], second.headers[key])

    def test_what_waits_is_sent_without_names(self):
        document = self.create_document(invoice_date="2026-03-02")
        self.server.script(reply(500, b""))
        self.click(document)
        row = self.validation(document)
        self.assertIn("Comercial Los Boldos SpA", row.sent)
        self.leave_names_out()
        self.assertNoNames(row.sent)
        self.make_due(row)
        self.server.script(opinion())
        self.run_cron()
        self.assertEqual(row.state, "done")
        failed, answered = self.server.requests
        self.assertIn("Comercial Los Boldos SpA", failed.body.decode())
        self.assertNoNames(answered.body.decode())
        self.assertEqual(json.dumps(json.loads(row.sent)), json.dumps(answered.json))
        # Another question: the service would refuse it under the key of the first.
        key = "Idempotency-Key"
        self.assertNotEqual(failed.headers[key], answered.headers[key])

    def test_the_key_of_a_request_says_nothing_of_names(self):
        """They could be guessed from the digest, which is one of all of the content."""
        document = self.create_document(invoice_date="2026-03-02")
        self.leave_names_out()
        self.server.script(opinion())
        self.click(document)
        [request] = self.server.requests
        row = self.validation(document)
        known = payload.digest(request.json["dte_data"], document.company_id.id)
        self.assertEqual(request.headers["Idempotency-Key"], f"{known}-{document.id}")
        self.assertNotIn(row.digest, request.body.decode() + str(request.headers))

    def test_the_other_company_decides_for_itself(self):
        other = self.admin_env["res.company"].create({"name": "Otra SpA"})
        self.leave_names_out()
        self.assertTrue(self.env.company.l10n_cl_dte_ai_leave_out_names)
        self.assertFalse(other.l10n_cl_dte_ai_leave_out_names)
        with self.assertRaises(AccessError):
            self.env.company.l10n_cl_dte_ai_leave_out_names = False


@tagged("post_install_l10n", "post_install", "-at_install")
class TestPrivacy(SentTests, NamesTests, PrivacyCase):
    """One class: what it shares takes seconds to set up."""
