# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from dataclasses import replace

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from odoo.addons.l10n_cl_dte_ai.tools.dte import rules

from ..tools import rehearsal, signature, stamp
from ..tools.errors import SiiError
from .environments import SIGN_GROUP
from .signing_desk import SigningDesk

ENVELOPE_SCHEMA = "EnvioDTE_v10.xsd"

# Beside what the DTE is made of: where its lines come in, and what gives it dates,
# number and lines.
FROZEN_TOO = {
    *("name", "state", "date", "journal_id", "auto_post"),
    *("invoice_line_ids", "quick_edit_total_amount"),
    *("l10n_latam_document_number", "invoice_payment_term_id"),
    *("fiscal_position_id", "partner_shipping_id"),
}


# pylint: disable=consider-merging-classes-inherited
class AccountMove(models.Model):
    """The signature of a document: rehearsed on drafts, made when it is generated."""

    _inherit = "account.move"

    l10n_cl_dte_state = fields.Selection(
        # * generated --[signed, by who may]--> signed
        # * signed --[the document changes]--> outdated --[generated again]--> signed
        # * signed --[uploaded on the SII's page]--> uploaded: frozen
        selection_add=[("signed", "Signed"), ("uploaded", "Uploaded by Hand")],
        ondelete={"signed": "set null", "uploaded": "set null"},
    )
    l10n_cl_dte_sii_can_sign = fields.Boolean(
        string="Can Be Signed", compute="_compute_l10n_cl_dte_sii_can_sign"
    )

    @api.depends("l10n_cl_dte_state")
    @api.depends_context("uid")
    def _compute_l10n_cl_dte_sii_can_sign(self):
        may = self.env.user.has_group(SIGN_GROUP)
        for move in self:
            move.l10n_cl_dte_sii_can_sign = (
                may
                and move.l10n_cl_dte_state == "generated"
                and move._l10n_cl_dte_sii_takes_folio()
            )

    # === Whether it can be signed === #

    def _l10n_cl_dte_sii_signs(self):
        """Tell whether a file that is generated now is signed as well."""
        self.ensure_one()
        return (
            self.env.user.has_group(SIGN_GROUP)
            and self._l10n_cl_dte_sii_takes_folio()
            and bool(self.company_id._l10n_cl_dte_sii_certificate())
            and bool(self._l10n_cl_dte_sii_folio().caf_id)
        )

    def _l10n_cl_dte_sii_why_not_signed(self):
        """Return why this document cannot be signed now, for a person, or None."""
        self.ensure_one()
        if not self._l10n_cl_dte_sii_takes_folio():
            return self.env._(
                "“%s” is not one of the documents that are signed here: choose the "
                "SII's environment of its company in the settings.",
                self.display_name,
            )
        certificate = self.company_id._l10n_cl_dte_sii_certificate()
        if not certificate:
            return self.env._(
                "%s has no certificate to sign with: load one in the settings.",
                self.company_id.name,
            )
        if not certificate.is_valid:
            return self.env._(
                "The certificate of %(holder)s is not valid now, but from %(first)s to "
                "%(last)s: renew it with your provider, and load the new one.",
                holder=certificate.name,
                first=certificate.date_start.date(),
                last=certificate.date_end.date(),
            )
        folio = self._l10n_cl_dte_sii_folio()
        if not folio.caf_id:
            return self.env._(
                "The number of “%s” was not taken from a CAF here, so there is nothing "
                "to stamp it with: issue it again with a new number.",
                self.display_name,
            )
        today = self.company_id._l10n_cl_dte_sii_today()
        expires_on = folio.caf_id.expires_on
        if expires_on and expires_on < today:
            return self.env._(
                "The CAF of “%(document)s” could sign until %(date)s. Its folio has to "
                "be annulled at the SII: cancel the document, and issue it again.",
                document=self.display_name,
                date=expires_on,
            )
        return None

    def _l10n_cl_dte_why_not_generated(self):
        # EXTENDS 'l10n_cl_dte_ai': what would be signed, and cannot, is not generated;
        # nor is what the SII may have.
        if problem := super()._l10n_cl_dte_why_not_generated():
            return problem
        version = self.l10n_cl_dte_document_id
        if version and version._is_frozen():
            return version._why_frozen()
        if self._l10n_cl_dte_sii_signs():
            return self._l10n_cl_dte_sii_why_not_signed()
        return None

    # === Signing === #

    def _l10n_cl_dte_finish_content(self, plan):
        # EXTENDS 'l10n_cl_dte_ai'
        content = super()._l10n_cl_dte_finish_content(plan)
        if self._l10n_cl_dte_sii_signs():
            return self._l10n_cl_dte_sii_signed(content)
        return content

    def _l10n_cl_dte_sii_signed(self, content):
        """Return a file with stamp and signature.

        :param bytes content: of the unsigned file
        :raise AccessError: where the user may not sign
        :raise UserError: what stands against it; nothing has changed then
        """
        self.ensure_one()
        if not self.env.user.has_group(SIGN_GROUP):
            raise AccessError(
                self.env._(
                    "Only who has the right “DTE SII: May Sign” signs documents."
                )
            )
        if problem := self._l10n_cl_dte_sii_why_not_signed():
            raise UserError(problem)
        desk = SigningDesk.of(self.env)
        company = self.company_id
        try:
            caf, key = desk.caf(self._l10n_cl_dte_sii_folio().caf_id)
            signer = desk.signer(company._l10n_cl_dte_sii_certificate())
            time = company._l10n_cl_dte_sii_now()
            stamped, _ted = stamp.stamp(content, caf, key, time)
            return signature.sign_dte(stamped, signer)
        except SiiError as error:
            problem = f"{self.display_name}: {error.explain(self.env._)}"
            raise UserError(problem) from None

    def _l10n_cl_dte_after_generating(self, versions):
        # EXTENDS 'l10n_cl_dte_ai': a row says what its file is.
        result = super()._l10n_cl_dte_after_generating(versions)
        versions._note_signature()
        return result

    def action_l10n_cl_dte_sii_sign(self):
        """Sign documents that were generated by somebody who may not sign."""
        for move in self:
            version = move.l10n_cl_dte_document_id
            if move.l10n_cl_dte_state != "generated" or not version:
                raise UserError(
                    self.env._(
                        "“%s” has no generated DTE that is to be signed: press "
                        "Generate DTE first.",
                        move.display_name,
                    )
                )
            move.check_access("write")
            signed = move._l10n_cl_dte_sii_signed(version._content())
            new = version._replace(signed)
            new._note_signature()
            move._message_log(
                body=self.env._("DTE stamped and signed: %s.", version.file_name),
                attachment_ids=new.sudo().attachment_id.ids,
            )

    def _l10n_cl_dte_headline(self, version):
        # EXTENDS 'l10n_cl_dte_ai'
        if self._l10n_cl_dte_sii_signs():
            return self.env._(
                "DTE generated, stamped and signed: %s.", version.file_name
            )
        return super()._l10n_cl_dte_headline(version)

    def _l10n_cl_dte_sii_was_signed(self):
        # EXTENDS: any version that ever left our hands counts.
        versions = self.sudo().l10n_cl_dte_document_ids
        return any(version.ted for version in versions)

    def _l10n_cl_dte_sii_detach_pdf(self):
        """Set a PDF apart that was made before the signature: it lacks the stamp.

        Odoo never makes one again where there is one.
        """
        self._detach_attachments()

    # === Rehearsal === #

    def _l10n_cl_dte_findings(self):
        # EXTENDS 'l10n_cl_dte_ai': on a draft, what the schema would refuse is found
        # before a folio is spent.
        findings = super()._l10n_cl_dte_findings()
        if any(each.severity == rules.ERROR for each in findings):
            return findings
        document = self._l10n_cl_dte_as_document()
        return findings + [
            rules.Finding("rehearsal", rules.ERROR, text, rules.DOCUMENT, "")
            for text in self._l10n_cl_dte_sii_rehearse(document)
        ]

    def _l10n_cl_dte_sii_rehearse(self, document):
        """Return what the SII's schemas have against a document once it is signed.

        It is stamped, signed and put into an envelope with throw-away keys.

        :param Documento document: with or without its folio
        :return: texts; none where no schema was loaded or nothing is signed here
        """
        if not self._l10n_cl_dte_sii_takes_folio():
            return []
        schemas = self.env["l10n_cl_dte.schema"]
        schema = schemas._schema(ENVELOPE_SCHEMA, signed=True)
        if schema is None:
            return []
        company = self.company_id
        content = self._l10n_cl_dte_xml(replace(document, Folio=document.Folio or 1))
        time = company._l10n_cl_dte_sii_now()
        try:
            rehearsed = rehearsal.rehearse(
                content, company._l10n_cl_dte_sii_cover(), time
            )
        except SiiError as error:
            return [error.explain(self.env._)]
        return schema.errors(rehearsed.envelope)

    # === Frozen === #

    def _l10n_cl_dte_sii_check_frozen(self):
        """:raise UserError: where the SII may have a document"""
        for move in self:
            version = move.sudo().l10n_cl_dte_document_id
            if version and version._is_frozen():
                raise UserError(version._why_frozen())

    def button_draft(self):
        # EXTENDS 'account'
        self._l10n_cl_dte_sii_check_frozen()
        return super().button_draft()

    def button_cancel(self):
        # EXTENDS 'account'
        self._l10n_cl_dte_sii_check_frozen()
        return super().button_cancel()

    def unlink(self):
        # EXTENDS 'account': not by `ondelete`, which a key of the context switches off.
        self._l10n_cl_dte_sii_check_frozen()
        return super().unlink()

    def write(self, vals):
        # EXTENDS 'account'
        if self._l10n_cl_dte_sii_frozen_fields() & vals.keys():
            self._l10n_cl_dte_sii_check_frozen()
        return super().write(vals)

    @api.model
    def _l10n_cl_dte_sii_frozen_fields(self):
        """Return the fields of an invoice that its DTE is made of, and its number."""
        paths = self._l10n_cl_dte_payload_fields()
        own = {path.partition(".")[0] for path in paths}
        return (own | FROZEN_TOO) - {"company_id"}
