# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .sending_common import SendingCommon


@tagged("post_install_l10n", "post_install", "-at_install")
class TestResults(SendingCommon):
    """*Processed* is not *accepted*: which documents are is in the SII's mail."""

    def send_together(self, *states, codes=("33", "33", "34")):
        """Send in one envelope; these states are decided, document by document."""
        self.company.sudo().l10n_cl_dte_sii_send = "schedule"
        documents = self.env["account.move"]
        for code in codes:
            documents |= self.create_signed(code)
        self.sii.admin("POST", "decisions", next=[{"state": each} for each in states])
        self.env["l10n_cl_dte_sii.sending"].sudo()._cron_collect()
        self.wait()
        return documents

    def load(self, content, user=None):
        wizard = self.env["l10n_cl_dte_sii.load.result"].with_user(
            user or self.signing_user
        )
        return wizard.create({"file": base64.b64encode(content)}).action_confirm()

    def states(self, documents):
        return documents.mapped("l10n_cl_dte_state")

    def test_what_the_counts_do_not_say_the_mail_does(self):
        documents = self.send_together("accepted", "rejected", "objected")
        self.wait(seconds=11)
        # All of type 34 came to the same, and of type 33 there are two.
        self.assertEqual(self.states(documents), ["open", "open", "objected"])
        self.assertIn("mail with the result", documents[0].l10n_cl_dte_why)
        sending = self.sending(documents[0])
        self.assertEqual(sending.state, "open")
        with self.assertRaises(UserError):
            documents[1].button_draft()
        mail = self.sii.result_mail()
        for forged in (
            mail.replace(b"<FOLIO>2<", b"<FOLIO>9<"),
            mail.replace(b"RCH", b"RPR"),
            mail.replace(b"RPR", b"RCH"),
        ):
            with self.assertRaisesRegex(UserError, "not believed"):
                self.load(forged)
        with self.assertRaisesRegex(UserError, "was sent from here"):
            self.load(mail.replace(b"<TRACKID>", b"<TRACKID>9"))
        with self.assertRaisesRegex(UserError, "not the mail"):
            self.load(b"<html>No</html>")
        self.assertEqual(self.states(documents)[:2], ["open", "open"])
        self.load(mail)
        self.assertEqual(self.states(documents), ["accepted", "rejected", "objected"])
        self.assertEqual(sending.state, "done")
        self.assertIn("HED-3-861", documents[1].l10n_cl_dte_why)
        self.assertIn("same folio", documents[1].l10n_cl_dte_why)
        # A mail takes back nothing that was said.
        with self.assertRaisesRegex(UserError, "not believed"):
            self.load(mail.replace(b"<FOLIO>2<", b"<FOLIO>1<"))
        self.assertEqual(self.states(documents), ["accepted", "rejected", "objected"])

    def test_what_the_sii_says_it_has_not_is_what_it_rejected(self):
        self.sii.admin("POST", "settings", rejected_is_received=False)
        self.addCleanup(self.sii.admin, "POST", "settings", rejected_is_received=True)
        documents = self.send_together("accepted", "rejected", codes=("33", "33"))
        self.wait(seconds=11)
        self.assertEqual(self.states(documents), ["accepted", "rejected"])

    def test_the_mail_comes_in_through_the_alias_also_before_its_time(self):
        documents = self.send_together("accepted", "rejected", codes=("33", "33"))
        mail = self.sii.result_mail()
        results = self.env["l10n_cl_dte_sii.result"]
        message = {"attachments": [("resultado.xml", mail, {})], "body": "Hola"}
        with self.assertRaises(AccessError):
            results.message_new(message)
        alias = self.admin_env.ref("l10n_cl_dte_sii.mail_alias_result")
        self.assertEqual(alias.alias_model_id.model, results._name)
        kept = results.sudo().message_new(message)
        self.assertEqual(kept.state, "early")
        self.wait()
        self.assertEqual(self.states(documents), ["accepted", "rejected"])
        self.assertIn("HED-3-861", documents[1].l10n_cl_dte_why)
        strange = results.sudo().message_new({"attachments": [], "body": "Hola"})
        self.assertEqual(strange.state, "unreadable")

    def test_the_sii_is_asked_to_send_the_mail_again(self):
        documents = self.send_together("accepted", "rejected", codes=("33", "33"))
        self.wait(seconds=11)
        sending = self.sending(documents[0]).with_user(self.signing_user)
        before = len(self.sii.admin("GET", "mails").json())
        action = sending.action_ask_for_mail()
        self.assertEqual(action["params"]["type"], "success")
        self.assertEqual(len(self.sii.admin("GET", "mails").json()), before + 1)

    def test_the_reason_of_a_rejection_comes_with_its_mail(self):
        self.sii.decide("rejected", codes=["REF-3-750"])
        document = self.send()
        self.wait(seconds=11)
        self.stands(document, "rejected", "done")
        self.load(self.sii.result_mail())
        self.assertIn("REF-3-750", document.l10n_cl_dte_why)
        self.assertIn("REF-3-750", self.messages(document))

    def test_who_may_not_sign_loads_nothing(self):
        self.send()
        mail = self.sii.result_mail()
        with self.assertRaises(AccessError):
            self.load(mail, self.accountant)

    def test_an_envelope_refused_as_a_whole_rejects_its_documents(self):
        self.company.l10n_cl_dte_resolution_date = "2014-08-22"
        self.sii.admin("POST", "settings", schema_later=True)
        self.addCleanup(self.sii.admin, "POST", "settings", schema_later=False)
        companies = type(self.company)
        cover = companies._l10n_cl_dte_sii_cover

        def wrong(company):
            return cover(company)._replace(resolution_number=80)

        with patch.object(companies, "_l10n_cl_dte_sii_cover", wrong):
            document = self.send()
        self.wait(seconds=11)
        self.stands(document, "rejected", "refused")
        self.assertIn("resolution", document.l10n_cl_dte_why)
        document.action_l10n_cl_dte_sii_mend()
        document.action_l10n_cl_dte_sii_mend()
        self.wait(seconds=11)
        self.stands(document, "accepted", "done")
