# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from .sending_common import SendingCommon

# What callers set over RPC to get past checks of Odoo's own.
CONTEXT = dict.fromkeys(
    (
        *("force_delete", "_force_unlink", "check_move_validity", "dynamic_unlink"),
        *("skip_readonly_check", "skip_invoice_sync", "bypass_lock_check"),
        *("tracking_disable", "skip_account_move_synchronization", "is_imported"),
    ),
    True,
)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestFrozen(SendingCommon):
    """What the SII may have does not change, whoever wants it and however."""

    def roads(self, document):
        """Each road by which a document would become another one."""
        line = document.invoice_line_ids
        other = self.create_document()
        tax_line = document.line_ids.filtered("tax_line_id")
        reference = {
            "l10n_cl_reference_doc_type_id": self.env.ref("l10n_cl.dc_a_f_dte").id,
            "origin_doc_number": "1",
        }
        references = self.env["l10n_cl.account.invoice.reference"]
        values = {
            "name": "FAC 000009",
            "state": "cancel",
            "date": "2026-01-01",
            "invoice_date": "2026-01-01",
            "invoice_date_due": "2027-01-01",
            "invoice_payment_term_id": self.pay_terms_a.id,
            "partner_id": self.other_customer.id,
            "currency_id": self.env.ref("base.USD").id,
            "l10n_latam_document_type_id": self.env.ref("l10n_cl.dc_nd_f_dte").id,
            "l10n_latam_document_number": "9",
            "journal_id": self.company_data["default_journal_bank"].id,
            "move_type": "out_receipt",
            "invoice_line_ids": [Command.update(line.id, {"name": "Otra"})],
            "line_ids": [Command.delete(line.id)],
            "l10n_cl_reference_ids": [Command.create(reference)],
        }
        for name, value in values.items():
            yield name, lambda n=name, v=value: document.write({n: v})
        yield "button_draft", document.button_draft
        yield "button_cancel", document.button_cancel
        yield "unlink", document.unlink
        yield "generate", document._l10n_cl_dte_generate
        for name, value in {
            "name": "Otra cosa",
            "quantity": 2,
            "price_unit": 1,
            "debit": 1,
            "tax_ids": [Command.clear()],
            "move_id": other.id,
        }.items():
            yield f"line {name}", lambda n=name, v=value: line.write({n: v})
        yield "line unlink", (document.line_ids - line)[:1].unlink
        yield "tax line", lambda: tax_line.write({"balance": 1})
        yield "line copy", line.copy
        yield (
            "line moved here",
            lambda: other.invoice_line_ids.write({"move_id": document.id}),
        )
        yield (
            "reference",
            lambda: references.create({"move_id": document.id, **reference}),
        )

    def assertFrozen(self, document):
        for who in (self.signing_user, self.manager, None):
            mine = document.sudo() if who is None else document.with_user(who)
            for each in (mine, mine.with_context(**CONTEXT)):
                for name, attempt in self.roads(each):
                    with (
                        self.subTest(name, who=who and who.login),
                        self.assertRaisesRegex(UserError, "may not change"),
                        self.cr.savepoint(),
                    ):
                        attempt()

    def test_from_the_claim_on_and_for_ever_once_it_is_accepted(self):
        document = self.create_signed()
        (sending,) = document._l10n_cl_dte_sii_queue()
        self.assertTrue(sending._claim())
        self.assertFrozen(document)
        sending._become_received("1")
        self.assertFrozen(document)
        sending._decide({document.sudo().l10n_cl_dte_document_id.id: "accepted"})
        self.assertFrozen(document)
        document.ref = "Orden 7"  # what the SII does not see

    def test_contacts_do_not_count_any_more(self):
        document = self.send()
        version = document.l10n_cl_dte_document_id
        self.customer.sudo().write({"name": "Otro nombre SpA", "city": "Arica"})
        self.env.flush_all()
        self.stands(document, "received", "received")
        self.assertEqual(document.l10n_cl_dte_document_id, version)

    def test_a_rejected_document_is_mended_and_accepted_under_its_folio(self):
        self.sii.decide("rejected", codes=["HED-3-861"])
        document = self.send()
        self.wait(seconds=11)
        self.stands(document, "rejected", "done")
        first = document.l10n_cl_dte_document_id
        document.action_l10n_cl_dte_sii_mend()
        self.assertEqual(document.state, "draft")
        self.assertTrue(document.l10n_cl_dte_sii_can_mend)
        document.invoice_line_ids.price_unit = 50_000
        action = document.action_l10n_cl_dte_sii_mend()
        self.assertEqual(action["params"]["type"], "success")
        self.wait(seconds=11)
        self.stands(document, "accepted", "done")
        second = document.l10n_cl_dte_document_id
        self.assertNotEqual(first, second)
        self.assertEqual((first.folio, first.state), (second.folio, "rejected"))
        with self.assertRaisesRegex(UserError, "was not rejected"):
            document.action_l10n_cl_dte_sii_mend()

    def test_mended_in_a_contact_it_is_signed_and_sent_anew(self):
        """The document says the same, and its file is another one all the same."""
        self.sii.decide("rejected")
        document = self.send()
        self.wait(seconds=11)
        first = document.l10n_cl_dte_document_id
        document.action_l10n_cl_dte_sii_mend()
        document.action_l10n_cl_dte_sii_mend()
        self.assertNotEqual(document.l10n_cl_dte_document_id, first)
        self.stands(document, "received", "received")
