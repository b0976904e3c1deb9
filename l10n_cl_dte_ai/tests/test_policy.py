# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""When a document may be generated, by whom, and what remains of it."""

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import DteAiCommon
from .loopback import opinion, refusal, reply

OUTCOMES = {
    "approved": opinion("send"),
    "review": opinion("review"),
    "rejected": opinion("reject", errors=["Monto inusual"]),
    "no_opinion": opinion("send", 50, warnings=["AI Service error: x"]),
    "waiting": reply(500, b""),
    "failed": refusal("RUT"),
}


class PolicyCase(DteAiCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.own_company = cls.company_data["company"].sudo()

    def create_checked(self, outcome, policy="advise"):
        self.own_company.l10n_cl_dte_ai_policy = policy
        document = self.create_posted()
        self.server.script(OUTCOMES[outcome])
        wizard = self.click(document)
        self.assertEqual(wizard.outcome, outcome)
        return document, wizard

    def wizard_of(self, document, user):
        return (
            self.env["l10n_cl_dte_ai.generate"]
            .with_user(user)
            .create({"move_id": document.id})
        )


class PolicyTests:
    def test_which_outcomes_need_an_override(self):
        needs_override = {
            "advise": set(),
            "warn": {"rejected"},
            "block": {"review", "rejected", "no_opinion", "waiting", "failed"},
        }
        for outcome in OUTCOMES:
            document, wizard = self.create_checked(outcome)
            for policy, outcomes in needs_override.items():
                with self.subTest(policy=policy, outcome=outcome):
                    self.own_company.l10n_cl_dte_ai_policy = policy
                    wizard.invalidate_recordset(["needs_override"])
                    self.assertIs(wizard.needs_override, outcome in outcomes)
                    if outcome in outcomes:
                        with self.assertRaises(AccessError):
                            wizard.action_generate()
                        self.assertFalse(document.l10n_cl_dte_document_id)
                    else:
                        wizard.action_generate()
                        self.assertTrue(document.l10n_cl_dte_document_id)
                        document.l10n_cl_dte_document_id.sudo().unlink()

    def test_a_document_that_was_never_asked_about(self):
        document = self.create_posted()
        for policy, needs_override in (
            ("advise", False),
            ("warn", False),
            ("block", True),
        ):
            self.own_company.l10n_cl_dte_ai_policy = policy
            wizard = self.wizard_of(document, self.accountant)
            self.assertIs(wizard.needs_override, needs_override)

    def test_a_verdict_on_what_it_was_before_does_not_count(self):
        document, _wizard = self.create_checked("approved", "block")
        self.customer.l10n_cl_activity_description = "Otro giro"
        wizard = self.wizard_of(document, self.accountant)
        self.assertTrue(wizard.needs_override)

    def test_an_error_in_odoos_data_needs_an_override_in_any_case(self):
        document, _wizard = self.create_checked("approved")
        self.customer.l10n_cl_activity_description = False
        for policy in ("advise", "warn", "block"):
            self.own_company.l10n_cl_dte_ai_policy = policy
            wizard = self.wizard_of(document, self.accountant)
            self.assertTrue(wizard.needs_override)
            with self.assertRaises(AccessError):
                wizard.action_generate()

    def test_a_company_without_a_service_waits_for_nothing(self):
        self.own_company.l10n_cl_dte_ai_service_id = False
        self.own_company.l10n_cl_dte_ai_policy = "block"
        document = self.create_posted()
        self.wizard_of(document, self.accountant).action_generate()
        self.assertTrue(document.l10n_cl_dte_document_id)


class OverrideTests:
    def test_it_needs_the_right(self):
        document, wizard = self.create_checked("rejected", "warn")
        self.assertFalse(wizard.may_override)
        wizard.override_reason = "Me apuran"
        with self.assertRaises(AccessError):
            wizard.action_generate_anyway()
        self.assertFalse(document.l10n_cl_dte_document_id)

    def test_it_needs_a_reason(self):
        document, _wizard = self.create_checked("rejected", "warn")
        wizard = self.wizard_of(document, self.overrider)
        self.assertTrue(wizard.may_override)
        for reason in (False, "", "   "):
            wizard.override_reason = reason
            with self.assertRaises(UserError):
                wizard.action_generate_anyway()
        self.assertFalse(document.l10n_cl_dte_document_id)

    def test_who_and_why_is_kept(self):
        document, _wizard = self.create_checked("rejected", "warn")
        wizard = self.wizard_of(document, self.overrider)
        wizard.override_reason = "El cliente <b>insiste</b>"
        wizard.action_generate_anyway()
        self.assertTrue(document.l10n_cl_dte_document_id)
        row = self.validation(document)
        self.assertEqual(row.override_user_id, self.overrider)
        self.assertEqual(row.override_reason, "El cliente <b>insiste</b>")
        self.assertIn("El cliente &lt;b&gt;insiste", self.messages(document))

    def test_who_and_why_is_kept_of_a_document_that_was_not_asked_about(self):
        document = self.create_posted()
        self.customer.l10n_cl_activity_description = False
        wizard = self.wizard_of(document, self.overrider)
        wizard.override_reason = "Es extranjero"
        wizard.action_generate_anyway()
        self.assertIn("Es extranjero", self.messages(document))

    def test_a_reason_that_was_not_needed_is_not_kept(self):
        document, _wizard = self.create_checked("approved")
        wizard = self.wizard_of(document, self.overrider)
        wizard.override_reason = "Por si acaso"
        wizard.action_generate_anyway()
        self.assertFalse(self.validation(document).override_user_id)
        self.assertNotIn("Por si acaso", self.messages(document))


class GeneratedFileTests:
    def test_it_is_the_document_with_its_folio(self):
        document = self.create_document()
        self.server.script(opinion())
        self.click(document)
        document.l10n_latam_document_number = "000123"
        document.action_post()
        self.click(document).action_generate()
        version = document.l10n_cl_dte_document_id
        self.assertEqual(version.file_name, "DTE_33_123.xml")
        self.assertEqual(version.folio, 123)
        xml = version._content().decode("iso-8859-1")
        self.assertIn('<Documento ID="F123T33">', xml)
        asked = self.server.requests[0].json["dte_data"]
        self.assertIn(f"<MntTotal>{asked['monto_total']}</MntTotal>", xml)
        self.assertNotIn("Signature", xml)
        messages = self.messages(document)
        self.assertIn("unsigned: not yet a tax document", messages)
        self.assertIn("Approved", messages)

    def test_generating_again_makes_no_second_file(self):
        document, wizard = self.create_checked("approved")
        wizard.action_generate()
        attachment, messages = (
            document.l10n_cl_dte_document_id,
            document.message_ids,
        )
        self.click(document, self.overrider).action_generate()
        self.assertEqual(document.l10n_cl_dte_document_id, attachment)
        self.assertEqual(document.message_ids, messages)

    def test_a_changed_document_gets_a_new_file_and_keeps_the_old(self):
        document, wizard = self.create_checked("approved")
        wizard.action_generate()
        old = document.l10n_cl_dte_document_id
        self.customer.l10n_cl_activity_description = "Otro giro"
        self.server.script(opinion())
        self.click(document).action_generate()
        new = document.l10n_cl_dte_document_id
        self.assertNotEqual(new, old)
        self.assertTrue(old.exists())
        self.assertIn(b"<GiroRecep>Otro giro<", new._content())
        self.assertIn(b"<GiroRecep>Venta de abarrotes<", old._content())
        self.assertEqual(new.file_name, f"DTE_33_{document._l10n_cl_dte_folio()}.xml")
        self.assertEqual(old.file_name, new.file_name)
        self.assertFalse(old.is_current)

    def test_a_draft_is_only_checked(self):
        document = self.create_document()
        self.server.script(opinion())
        wizard = self.click(document)
        with self.assertRaisesRegex(UserError, "is a draft"):
            wizard.action_generate()
        self.assertFalse(document.l10n_cl_dte_document_id)

    def test_a_duplicate_has_no_file(self):
        document, wizard = self.create_checked("approved")
        wizard.action_generate()
        self.assertFalse(document.copy().l10n_cl_dte_document_id)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestGeneration(PolicyTests, OverrideTests, GeneratedFileTests, PolicyCase):
    """One class: what it shares takes seconds to set up."""
