# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
import hashlib
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..tools import rehearsal, signature, stamp
from .common import DteSiiCommon


class SigningCommon(DteSiiCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.load_certificate()
        for code in ("33", "34", "46", "56", "61"):
            cls.load_caf(code, 1, 50)
        # Who signs does all of it here; that others cannot is tried by name.
        cls.env = cls.admin_env(user=cls.signing_user)

    def create_signed(self, code="33", **values):
        document = self.create_posted(code, **values)
        document._l10n_cl_dte_generate()
        return document

    def content(self, document):
        return document.l10n_cl_dte_document_id._content()


@tagged("post_install_l10n", "post_install", "-at_install")
class TestSigning(SigningCommon):
    def test_a_generated_document_is_stamped_and_signed(self):
        document = self.create_signed()
        version = document.l10n_cl_dte_document_id
        self.assertEqual((document.l10n_cl_dte_state, version.state), ("signed",) * 2)
        content = self.content(document)
        self.assertEqual(list(signature.verify(content)), ["F1T33"])
        stamp.verify(content)
        self.assertEqual(version.sha256, hashlib.sha256(content).hexdigest())
        self.assertEqual(version.holder_rut, "11111111-1")
        self.assertEqual(version.signed_by_id, self.signing_user)
        self.assertEqual(version.environment, "simulator")
        self.assertEqual(version.folio_id.move_id, document)
        ted = base64.b64decode(version.with_context(bin_size=False).ted)
        self.assertIn(ted, content)
        self.assertEqual(stamp.read(ted).MNT, 119_000)
        self.assertIn(version.signature_value[:60].encode(), content)
        self.assertIn("stamped and signed", self.messages(document))
        self.assertNotIn("unsigned", self.messages(document))

    def test_each_type_is(self):
        invoice = self.create_signed("33")
        for code, values in {
            "34": {},
            "46": {"move_type": "in_invoice"},
            "56": {"debit_origin_id": invoice.id},
            "61": {"reversed_entry_id": invoice.id},
        }.items():
            with self.subTest(code):
                document = self.create_posted(code, **values)
                document = document.with_user(self.signing_user)
                plan = document._l10n_cl_dte_plan_files()[document]
                document._l10n_cl_dte_make_versions({document: plan})
                self.assertEqual(document.l10n_cl_dte_state, "signed")
                signature.verify(self.content(document))
                stamp.verify(self.content(document))

    def test_who_may_not_sign_generates_and_another_signs(self):
        document = self.create_posted()
        document.with_user(self.accountant)._l10n_cl_dte_generate()
        self.assertEqual(document.l10n_cl_dte_state, "generated")
        self.assertFalse(document.with_user(self.accountant).l10n_cl_dte_sii_can_sign)
        with self.assertRaises(AccessError):
            document.with_user(self.accountant).action_l10n_cl_dte_sii_sign()
        self.assertTrue(document.l10n_cl_dte_sii_can_sign)
        unsigned = document.l10n_cl_dte_document_id
        document.action_l10n_cl_dte_sii_sign()
        signed = document.l10n_cl_dte_document_id
        self.assertEqual(document.l10n_cl_dte_state, "signed")
        self.assertEqual(signed.built_sha256, unsigned.built_sha256)
        self.assertFalse(unsigned.is_current)
        self.assertEqual(unsigned.state, "generated")
        signature.verify(self.content(document))
        with self.assertRaisesRegex(UserError, "no generated DTE"):
            document.action_l10n_cl_dte_sii_sign()

    def test_the_signed_file_is_nobodys_to_change(self):
        document = self.create_signed()
        version = document.l10n_cl_dte_document_id
        attachment = version.sudo().attachment_id
        for user in (self.accountant, self.signing_user, self.manager):
            for attempt in (
                lambda user=user: version.with_user(user).write({"track_id": "1"}),
                lambda user=user: version.with_user(user).write({"state": "uploaded"}),
                lambda user=user: version.with_user(user).unlink(),
                lambda user=user: attachment.with_user(user).write({"raw": b"x"}),
                lambda user=user: attachment.with_user(user).unlink(),
                lambda user=user: document.with_user(user).write(
                    {
                        "l10n_cl_dte_document_ids": [
                            Command.update(version.id, {"state": "uploaded"})
                        ]
                    }
                ),
            ):
                with self.assertRaises(AccessError):
                    attempt()

    def test_generated_again_it_is_the_same_file(self):
        document = self.create_signed()
        version = document.l10n_cl_dte_document_id
        document._l10n_cl_dte_generate()
        self.assertEqual(document.l10n_cl_dte_document_id, version)

    def test_a_correction_is_a_new_version_with_the_same_folio(self):
        document = self.create_signed()
        first = document.l10n_cl_dte_document_id
        document.button_draft()
        document.invoice_line_ids.price_unit = 50_000
        document.action_post()
        self.assertEqual(document.l10n_cl_dte_state, "outdated")
        document._l10n_cl_dte_generate()
        second = document.l10n_cl_dte_document_id
        self.assertNotEqual(first, second)
        self.assertEqual((first.folio, second.folio), (1, 1))
        self.assertEqual(document.l10n_cl_dte_state, "signed")
        self.assertEqual(stamp.verify(self.content(document)), None)
        self.assertEqual(stamp.read(self.content(document)).MNT, 59_500)
        self.assertEqual(len(self.folios(code="33")), 1)

    def test_a_signed_document_that_is_deleted_leaves_a_folio_to_annul(self):
        document = self.create_signed()
        document.button_draft()
        document.with_context(force_delete=True).unlink()
        self.assertEqual(self.folios(code="33").state, "to_annul")
        self.assertEqual(self.number(self.create_posted()), 2)

    # === What stands against it === #

    def test_an_ended_certificate_signs_nothing_and_leaves_nothing(self):
        document = self.create_posted()
        certificate = self.company.sudo().l10n_cl_dte_sii_certificate_id
        certificate.date_end -= timedelta(days=700)
        with self.assertRaisesRegex(UserError, "not valid now"):
            document._l10n_cl_dte_generate()
        self.assertFalse(document.l10n_cl_dte_document_id)

    def test_an_expired_caf_signs_nothing(self):
        document = self.create_posted()
        caf = self.folios(code="33").sudo().caf_id
        caf.expires_on = self.today() - timedelta(days=1)
        with self.assertRaisesRegex(UserError, "could sign until"):
            document._l10n_cl_dte_generate()
        self.assertFalse(document.l10n_cl_dte_document_id)

    def test_without_a_certificate_it_is_only_generated(self):
        self.company.sudo().l10n_cl_dte_sii_certificate_id = False
        document = self.create_signed()
        self.assertEqual(document.l10n_cl_dte_state, "generated")
        with self.assertRaisesRegex(UserError, "has no certificate"):
            document.action_l10n_cl_dte_sii_sign()

    def test_a_number_from_before_cannot_be_stamped(self):
        self.company.l10n_cl_dte_sii_environment = False
        document = self.create_posted(folio="000321")
        self.company.l10n_cl_dte_sii_environment = "simulator"
        document._l10n_cl_dte_generate()
        self.assertEqual(document.l10n_cl_dte_state, "generated")
        with self.assertRaisesRegex(UserError, "not taken from a CAF"):
            document.action_l10n_cl_dte_sii_sign()

    def test_unless_it_lies_in_the_range_of_a_caf_that_is_loaded_for_it(self):
        self.company.l10n_cl_dte_sii_environment = False
        document = self.create_posted(folio="000321")
        self.company.l10n_cl_dte_sii_environment = "simulator"
        self.load_caf(first=300, last=400, start=321)
        document._l10n_cl_dte_generate()
        self.assertEqual(document.l10n_cl_dte_state, "signed")
        stamp.verify(self.content(document))

    def test_where_odoo_enterprise_invoices_nothing_is_numbered_or_signed(self):
        with patch.object(
            type(self.env["account.move"]), "_l10n_cl_dte_has_edi", lambda self: True
        ):
            document = self.create_posted(folio="000777")
            self.assertEqual(self.number(document), 777)
            self.assertFalse(document._l10n_cl_dte_sii_signs())
        self.assertFalse(self.folios())

    def test_in_bulk_the_keys_are_read_once(self):
        documents = self.env["account.move"]
        for _ in range(4):
            documents |= self.create_posted()
        with patch.object(
            type(self.env["l10n_cl_dte_sii.caf"]),
            "_as_tool",
            autospec=True,
            side_effect=type(self.env["l10n_cl_dte_sii.caf"])._as_tool,
        ) as read:
            documents._l10n_cl_dte_generate_allowed()
        self.assertEqual(read.call_count, 1)
        self.assertEqual(set(documents.mapped("l10n_cl_dte_state")), {"signed"})

    # === The file for the SII === #

    def test_signed_documents_go_into_an_envelope_unchanged(self):
        documents = self.create_signed() | self.create_signed()
        self.company.l10n_cl_dte_resolution_number = "80"
        with self.assertRaisesRegex(UserError, "resolution are missing"):
            documents.action_l10n_cl_dte_sii_envelope()
        self.company.l10n_cl_dte_resolution_date = "2014-08-22"
        action = documents.action_l10n_cl_dte_sii_envelope()
        self.assertIn("/EnvioDTE_", action["url"])
        _name, content = documents._l10n_cl_dte_sii_envelope()
        self.assertEqual(list(signature.verify(content)), ["F1T33", "F2T33", "SetDoc"])
        for document in documents:
            alone = self.content(document).partition(b"?>")[2].strip()
            self.assertIn(alone, content)
        self.assertIn(b"<RutEnvia>11111111-1</RutEnvia>", content)
        # Anything else but 0 is refused outside of production.
        self.assertIn(b"<NroResol>0</NroResol>", content)
        self.assertIn(b"<NroDTE>2</NroDTE>", content)

    def test_an_envelope_is_for_who_signs_and_of_what_is_signed(self):
        self.company.l10n_cl_dte_resolution_date = "2014-08-22"
        document = self.create_signed()
        with self.assertRaises(AccessError):
            document.with_user(self.accountant).action_l10n_cl_dte_sii_envelope()
        draft = self.create_document()
        with self.assertRaisesRegex(UserError, "not signed as it is now"):
            (document | draft).action_l10n_cl_dte_sii_envelope()

    # === Uploaded by hand === #

    def upload(self, document, track_id="0123456789", user=None):
        wizard = self.env["l10n_cl_dte_sii.uploaded"].with_user(
            user or self.signing_user
        )
        wizard.create({"move_id": document.id, "track_id": track_id}).action_confirm()

    def test_a_document_uploaded_by_hand_is_frozen(self):
        document = self.create_signed()
        self.upload(document)
        version = document.l10n_cl_dte_document_id
        self.assertEqual(document.l10n_cl_dte_state, "uploaded")
        self.assertEqual(version.track_id, "0123456789")
        self.assertEqual(version.uploaded_by_id, self.signing_user)
        self.assertIn("0123456789", self.messages(document))
        line = document.invoice_line_ids
        for attempt in (
            document.button_draft,
            document.button_cancel,
            document.unlink,
            document._l10n_cl_dte_generate,
            lambda: document.write({"name": "FAC 000009"}),
            lambda: document.write({"invoice_date": "2026-01-01"}),
            lambda: document.write({"partner_id": self.other_customer.id}),
            lambda: document.write({"state": "draft"}),
            lambda: document.write(
                {"invoice_line_ids": [Command.update(line.id, {"name": "Otra"})]}
            ),
            lambda: line.write({"name": "Otra cosa"}),
            lambda: line.write({"price_unit": 1}),
            line.unlink,
            line.copy,
        ):
            with self.assertRaisesRegex(UserError, "credit note"):
                attempt()
        document.ref = "Orden 7"  # what the SII does not see
        with self.assertRaisesRegex(UserError, "signed file"):
            self.upload(document)

    def test_what_is_no_track_id_is_refused(self):
        document = self.create_signed()
        for track_id in ("", "12a", "1" * 16, "٣"):
            with self.subTest(track_id), self.assertRaises(UserError):
                self.upload(document, track_id)
        self.assertEqual(document.l10n_cl_dte_state, "signed")

    def test_only_what_is_signed_can_have_been_uploaded(self):
        document = self.create_posted()
        document.with_user(self.accountant)._l10n_cl_dte_generate()
        with self.assertRaisesRegex(UserError, "sign it first"):
            self.upload(document)
        with self.assertRaises(AccessError):
            self.upload(document, user=self.accountant)

    # === Rehearsal === #

    def test_a_draft_is_rehearsed_as_it_would_be_signed(self):
        draft = self.create_document()
        document = replace(draft._l10n_cl_dte_as_document(), Folio=1)
        content = draft._l10n_cl_dte_xml(document)
        company = self.company
        rehearsed = rehearsal.rehearse(
            content, company._l10n_cl_dte_sii_cover(), company._l10n_cl_dte_sii_now()
        )
        self.assertEqual(
            list(signature.verify(rehearsed.envelope)), ["F1T33", "SetDoc"]
        )
        stamp.verify(rehearsed.document)
        self.assertFalse(self.folios())

    def test_what_the_schema_would_refuse_is_an_error_of_the_draft(self):
        self.company.sudo().l10n_cl_dte_ai_service_id = False
        draft = self.create_document()
        asked = []

        class Schema:
            def errors(self, content):
                asked.append(content)
                return ["Element 'X': no."]

        schemas = type(self.env["l10n_cl_dte.schema"])
        with patch.object(schemas, "_schema", lambda *args, **kwargs: Schema()):
            findings = draft._l10n_cl_dte_findings()
            self.assertEqual(
                [
                    (each.severity, each.message)
                    for each in findings
                    if each.code == "rehearsal"
                ],
                [("error", "Element 'X': no.")],
            )
            wizard = self.click(draft)
            self.assertIn("Element 'X': no.", str(wizard.odoo_findings))
        self.assertIn(b"<EnvioDTE", asked[0])
        self.assertIn(b"<TED", asked[0])
        self.assertEqual(draft.state, "draft")
