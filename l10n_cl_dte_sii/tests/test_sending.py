# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import timedelta

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import file_open

from ..models.l10n_cl_dte_sii_host import SIMULATOR_PARAMETER
from ..tools import signature
from .sending_common import SendingCommon

NOBODY_THERE = "http://127.0.0.1:9"


@tagged("post_install_l10n", "post_install", "-at_install")
class TestSending(SendingCommon):
    """A document goes to the SII once, and what becomes of it is known."""

    def test_a_document_is_sent_and_what_became_of_it_is_known(self):
        for state in ("accepted", "objected", "rejected"):
            with self.subTest(state):
                document = self.create_signed()
                self.sii.decide(state)
                action = document.action_l10n_cl_dte_sii_send()
                self.assertEqual(action["params"]["type"], "success")
                self.assertIn("The simulator has it", action["params"]["message"])
                self.stands(document, "received", "received")
                with self.assertRaisesRegex(UserError, "on its way"):
                    document.action_l10n_cl_dte_sii_send()
                self.wait(seconds=5)
                self.stands(document, "received", "received")
                self.wait(seconds=6)
                self.stands(document, state, "done")
                folio = document.sudo().l10n_cl_dte_document_id.folio_id
                wanted = "used" if state == "rejected" else "accepted"
                self.assertEqual(folio.state, wanted)
                # Nobody is to take the simulator's word for the SII's.
                self.assertIn("by the simulator", document.l10n_cl_dte_why)
                self.assertIn("by the simulator", self.messages(document))
                self.assertNotIn("by the SII", self.messages(document))
        self.assertEqual([each["times"] for each in self.sii.documents], [1, 1, 1])

    def test_who_may_not_sign_sends_and_asks_nothing(self):
        document = self.create_signed().with_user(self.accountant)
        self.assertFalse(document.l10n_cl_dte_sii_can_send)
        with self.assertRaises(AccessError):
            document.action_l10n_cl_dte_sii_send()
        self.send(document.with_user(self.signing_user))
        sending = document.l10n_cl_dte_sii_sending_id
        self.assertEqual(sending.state, "received")
        for call in ("action_ask", "action_ask_for_mail", "action_cancel"):
            with self.assertRaises(AccessError):
                getattr(sending, call)()
        for user in (self.accountant, self.signing_user, self.manager):
            with self.assertRaises(AccessError):
                sending.with_user(user).write({"state": "done"})
            with self.assertRaises(AccessError):
                sending.with_user(user).unlink()

    def test_as_the_company_chooses_it_goes_when_it_is_generated(self):
        self.company.sudo().l10n_cl_dte_sii_send = "generating"
        documents = self.create_signed() | self.create_signed()
        self.assertEqual(set(documents.mapped("l10n_cl_dte_state")), {"signed"})
        self.wait()
        self.assertEqual(set(documents.mapped("l10n_cl_dte_state")), {"received"})
        sendings = documents.sudo().l10n_cl_dte_document_id.sending_id
        self.assertEqual(len(sendings), 2)  # so that counts say which is rejected

    def test_or_collected_in_one_envelope(self):
        documents = self.create_signed() | self.create_signed("34")
        sendings = self.env["l10n_cl_dte_sii.sending"].sudo()
        sendings._cron_collect()
        self.assertFalse(documents.sudo().l10n_cl_dte_document_id.sending_id)
        self.company.sudo().l10n_cl_dte_sii_send = "schedule"
        sendings._cron_collect()
        self.wait()
        self.wait(seconds=11)
        sending = documents.sudo().l10n_cl_dte_document_id.sending_id
        self.assertEqual((len(sending), sending.state), (1, "done"))
        self.assertEqual(set(documents.mapped("l10n_cl_dte_state")), {"accepted"})

    # === Unknown === #

    def test_an_answer_that_did_not_come_is_asked_for_and_nothing_sent_twice(self):
        for mode in (
            *("reset_after", "close_after", "error_500_after", "html_after"),
            *("empty_after", "http_after", "status_missing", "status_text"),
            *("no_trackid", "bad_xml_after", "truncated"),
        ):
            with self.subTest(mode):
                self.sii.misbehave(mode, target="upload", times=1)
                document = self.send()
                self.stands(document, "unknown", "unknown")
                sending = self.sending(document)
                self.assertIn("not known", document.l10n_cl_dte_why)
                with self.assertRaises(UserError):
                    sending.with_user(self.signing_user).action_send()
                self.wait(seconds=11)
                self.stands(document, "received", "received")
                self.wait(seconds=11)
                self.stands(document, "accepted", "done")
                self.assertEqual(sending.attempts, 1)
        self.assertEqual({each["times"] for each in self.sii.documents}, {1})

    def test_what_the_sii_surely_does_not_have_is_sent_again_as_it_was(self):
        self.sii.misbehave("reset_before", target="upload", times=1)
        document = self.send()
        sending = self.sending(document)
        digest = sending.sha256
        for minutes in (1, 1, 5, 15, 60):
            self.wait(minutes=minutes)
            self.stands(document, "unknown", "unknown")
            self.assertEqual(sending.attempts, 1)
        self.wait(minutes=240)
        self.stands(document, "received", "received")
        self.assertEqual((sending.attempts, sending.sha256), (2, digest))
        self.wait(seconds=11)
        self.stands(document, "accepted", "done")
        self.assertEqual([each["times"] for each in self.sii.documents], [1])

    def test_asking_again_and_again_makes_nothing_sure(self):
        """Six clicks within a second had it sent once more."""
        self.sii.misbehave("hang_after", target="upload", seconds=0, times=1)
        self.sii.misbehave("advanced_no")
        document = self.send()
        self.wait(seconds=11)  # the first planned question
        sending = self.sending(document)
        for _click in range(8):
            sending.with_user(self.signing_user).action_ask()
        self.env.invalidate_all()
        self.stands(document, "unknown", "unknown")
        self.assertEqual((sending.attempts, sending.denials), (1, 1))

    def test_a_repeated_document_is_none_that_was_rejected(self):
        """The SII said for hours that it had nothing, and has it."""
        self.sii.misbehave("advanced_no", minutes=100_000)
        self.sii.misbehave("reset_after", target="upload", times=1)
        document = self.send()
        for minutes in (1, 1, 5, 15, 60, 240):
            self.wait(minutes=minutes)
        self.assertEqual(self.sending(document).attempts, 2)
        self.sii.admin("DELETE", "modes")
        for _step in range(4):
            self.wait(minutes=1)
        self.stands(document, "accepted", "done")

    def test_what_lost_its_worker_is_unknown_and_never_ready(self):
        document = self.create_signed()
        (sending,) = document._l10n_cl_dte_sii_queue()
        self.assertTrue(sending._claim())
        self.assertFalse(sending._claim())  # another worker
        self.stands(document, "sending", "sending")
        self.wait(seconds=170)
        self.stands(document, "sending", "sending")
        self.wait(seconds=11)
        self.stands(document, "unknown", "unknown")

    # === Nothing was stored === #

    def test_where_nothing_left_this_host_it_waits_and_can_change(self):
        parameters = self.admin_env["ir.config_parameter"]
        parameters.set_param(SIMULATOR_PARAMETER, NOBODY_THERE)
        document = self.send()
        self.stands(document, "signed", "ready")
        self.assertIn("cannot be reached", document.l10n_cl_dte_why)
        self.assertFalse(document.l10n_cl_dte_document_id._is_frozen())
        parameters.set_param(SIMULATOR_PARAMETER, self.sii.url)
        self.wait(minutes=1)
        self.stands(document, "received", "received")

    def test_what_the_settings_stop_stops_all_of_the_company_until_mended(self):
        for status, text in ((1, "may not send"), (6, "not authorised"), (5, "login")):
            with self.subTest(status):
                self.sii.misbehave("status", value=status)
                first, second = self.create_signed(), self.create_signed()
                second._l10n_cl_dte_sii_queue()
                self.send(first)
                self.stands(first, "signed", "ready")
                self.stands(second, "signed", "ready")
                self.assertIn(text, second.l10n_cl_dte_why)
                self.sii.admin("DELETE", "modes")
                self.wait(minutes=31)
                self.stands(first, "received", "received")
                self.stands(second, "received", "received")

    def test_the_sii_refuses_the_token_of_another(self):
        self.sii.admin("POST", "companies", rut="76101010-7", senders=["22222222-2"])
        document = self.send()
        self.stands(document, "signed", "ready")
        self.assertEqual(self.sending(document).reason, "permission")

    def test_asking_without_permission_says_so_and_goes_on(self):
        document = self.send()
        self.sii.misbehave("estado", value="106", times=1)
        self.wait(seconds=11)
        self.stands(document, "received", "received")
        self.assertIn("Mantención de usuarios", document.l10n_cl_dte_why)
        self.wait(minutes=1)
        self.stands(document, "accepted", "done")

    def test_an_envelope_that_is_refused_is_mended_under_the_same_folio(self):
        self.sii.misbehave("status", value=7, times=1)
        document = self.send()
        self.stands(document, "rejected", "refused")
        self.assertTrue(document.l10n_cl_dte_sii_can_mend)
        document.action_l10n_cl_dte_sii_mend()
        self.assertEqual(document.state, "draft")
        document.invoice_line_ids.price_unit = 50_000
        document.action_l10n_cl_dte_sii_mend()
        self.assertEqual(self.number(document), 1)
        self.stands(document, "received", "received")

    # === It does not go === #

    def test_a_certificate_that_ended_since_the_signature_sends_nothing(self):
        document = self.create_signed()
        certificate = self.company.sudo().l10n_cl_dte_sii_certificate_id
        end = certificate.date_end
        certificate.date_end -= timedelta(days=700)
        self.send(document)
        self.stands(document, "signed", "ready")
        self.assertIn("no certificate", document.l10n_cl_dte_why)
        certificate.date_end = end
        self.wait(minutes=31)
        self.stands(document, "received", "received")

    def test_what_changed_since_it_was_queued_is_not_sent(self):
        document, other = self.create_signed(), self.create_signed()
        (sending,) = document._l10n_cl_dte_sii_queue()
        other.sudo().l10n_cl_dte_document_id.sending_id = sending
        document.button_draft()
        document.invoice_line_ids.price_unit = 1_000
        document.action_post()
        self.wait()
        self.assertEqual(document.l10n_cl_dte_state, "outdated")
        self.stands(other, "received", "received")
        self.assertEqual([each["folio"] for each in self.sii.documents], [2])
        (alone,) = other._l10n_cl_dte_sii_queue()
        other.sudo().l10n_cl_dte_document_id.sending_id = sending
        self.wait()
        self.assertEqual(alone.state, "cancelled")

    def test_a_copy_sends_nothing(self):
        document = self.create_signed()
        parameters = self.admin_env["ir.config_parameter"]
        for name, value, reason in (
            ("database.uuid", "another", "copied"),
            ("database.is_neutralized", "true", "neutralized"),
        ):
            with self.subTest(reason):
                before = parameters.get_param(name)
                parameters.set_param(name, value)
                self.send(document)
                self.assertEqual(self.sending(document).reason, reason)
                parameters.set_param(name, before)
        self.assertFalse(self.sii.documents)
        # Nobody says that it is none.
        pin = "l10n_cl_dte_sii_database_uuid"
        self.company.with_user(self.manager).sudo().write({pin: "another"})
        self.assertNotEqual(self.company.sudo()[pin], "another")

    def test_neutralizing_leaves_nothing_that_would_be_sent(self):
        document, sent = self.create_signed(), self.send()
        document._l10n_cl_dte_sii_queue()
        self.env.flush_all()
        with file_open("l10n_cl_dte_sii/data/neutralize.sql") as source:
            self.env.cr.execute(source.read())
        self.env.invalidate_all()
        self.assertEqual(self.sending(document).state, "cancelled")
        self.wait(days=1)
        self.stands(sent, "received", "received")
        self.assertEqual(len(self.sii.documents), 1)

    def test_production_takes_no_folios_of_a_test(self):
        document = self.create_signed()
        (sending,) = document._l10n_cl_dte_sii_queue()
        self.company.sudo().l10n_cl_dte_resolution_number = "80"
        self.env.cr.execute(
            "UPDATE res_company SET l10n_cl_dte_sii_environment = 'production';"
            "UPDATE l10n_cl_dte_sii_caf SET is_vouched = FALSE"
        )
        self.env.invalidate_all()
        sending.environment = "production"
        self.assertEqual(sending._why_not_sent(), "test_caf")

    # === The rest === #

    def test_what_was_uploaded_by_hand_is_asked_about_and_never_sent(self):
        document, missing = self.create_signed(), self.create_signed()
        sending = document._l10n_cl_dte_sii_queue()
        call, client = sending._claim()
        with client:  # as a person on the SII's page
            client.upload(call.issuer, call.name, call.content)
        version = document.sudo().l10n_cl_dte_document_id
        version.write({"state": "signed", "sending_id": False})
        for each in (document, missing):
            self.env["l10n_cl_dte_sii.uploaded"].create(
                {"move_id": each.id, "track_id": "257000001"}
            ).action_confirm()
            self.assertEqual(each.l10n_cl_dte_state, "uploaded")
        self.wait(seconds=11)
        self.stands(document, "received", "received")
        self.wait(seconds=11)
        self.stands(document, "accepted", "done")
        for _step in range(9):
            self.wait(hours=5)
        self.stands(missing, "uploaded", "unknown")
        self.assertEqual(len(self.sii.documents), 1)

    def test_the_customer_gets_what_the_sii_has_once_it_is_accepted(self):
        document = self.send()
        send = self.env["account.move.send"]
        settings = send._get_default_sending_settings(document)
        data = {document: {**settings, "sending_methods": set()}}
        alert = send._get_alerts(document, data)["l10n_cl_dte_sii_exchange"]
        self.assertIn("has not for", alert["message"])
        self.assertFalse(send._get_invoice_extra_attachments(document))
        self.wait(seconds=11)
        self.assertNotIn("l10n_cl_dte_sii_exchange", send._get_alerts(document, data))
        for user in (self.accountant, self.signing_user):
            (file,) = send.with_user(user)._get_invoice_extra_attachments(
                document.with_user(user)
            )
            content = file.with_context(bin_size=False).raw
            self.assertEqual(list(signature.verify(content)), ["F1T33", "SetDoc"])
            self.assertIn(b"<RutReceptor>76202020-3</RutReceptor>", content)
            alone = self.content(document).partition(b"?>")[2].strip()
            self.assertIn(alone, content)

    def test_uninstalling_is_refused_while_something_is_under_way(self):
        module = self.admin_env.ref("base.module_l10n_cl_dte_sii")
        first = self.admin_env.ref("base.module_l10n_cl_dte_ai")
        self.send()
        for each in (module, first):
            with self.assertRaisesRegex(UserError, "under way"):
                each.button_uninstall()
        self.wait(seconds=11)
        module.button_uninstall()
        self.assertEqual(module.state, "to remove")

    def test_a_person_is_told_once_of_all_that_she_sent(self):
        documents = self.create_signed() | self.create_signed() | self.create_signed()
        documents.action_l10n_cl_dte_sii_send()
        self.sii.decide("rejected")
        self.wait()
        with self.bus() as sent:
            self.wait(seconds=11)
        told = [payload for _to, kind, payload in sent if kind.endswith("sii/results")]
        self.assertEqual(len(told), 1)
        self.assertEqual(told[0]["rejected"], 1)
        self.assertIn("Accepted: 2", told[0]["message"])
