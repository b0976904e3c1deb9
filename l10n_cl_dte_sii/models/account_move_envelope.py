# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64

from odoo import models
from odoo.exceptions import AccessError, UserError

from ..tools import envelope, signature
from ..tools.errors import PRODUCTION, SiiError
from .environments import SIGN_GROUP
from .signing_desk import SigningDesk

# One wrong document has the SII refuse all that are with it.
MAX_DOCUMENTS = 100


# pylint: disable=consider-merging-classes-inherited
class AccountMove(models.Model):
    """The envelope in which signed documents are uploaded on the SII's page."""

    _inherit = "account.move"

    def action_l10n_cl_dte_sii_envelope(self):
        """Give the file to upload: these documents in a signed envelope."""
        name, content = self._l10n_cl_dte_sii_envelope()
        file = self.env["l10n_cl_dte_sii.envelope"].create(
            {"name": name, "file": base64.b64encode(content)}
        )
        return {
            "type": "ir.actions.act_url",
            "url": f"/web/content/{file._name}/{file.id}/file/{name}?download=true",
            "target": "download",
        }

    def _l10n_cl_dte_sii_envelope(self):
        """Return name and bytes of an envelope of these documents for the SII.

        :rtype: tuple[str, bytes]
        :raise AccessError: where the user may not sign
        :raise UserError: of what is not signed, of several companies, or incomplete
        """
        if not self.env.user.has_group(SIGN_GROUP):
            raise AccessError(
                self.env._(
                    "Only who has the right “DTE SII: May Sign” signs envelopes."
                )
            )
        if problem := self._l10n_cl_dte_sii_why_no_envelope():
            raise UserError(problem)
        company = self.company_id
        contents = [move.l10n_cl_dte_document_id._content() for move in self]
        time = company._l10n_cl_dte_sii_now()
        try:
            signer = SigningDesk.of(self.env).signer(
                company._l10n_cl_dte_sii_certificate()
            )
            unsigned = envelope.build(contents, company._l10n_cl_dte_sii_cover(), time)
            content = signature.sign_envelope(unsigned, signer)
        except SiiError as error:
            raise UserError(error.explain(self.env._)) from None
        names = self.mapped("l10n_cl_dte_document_id.file_name")
        last = names[0] if len(names) == 1 else f"{time:%Y%m%d-%H%M%S}.xml"
        return f"EnvioDTE_{last}", content

    def _l10n_cl_dte_sii_why_no_envelope(self):
        """Return why these documents cannot go into one envelope, or None."""
        if len(self.company_id) != 1 or len(self) > MAX_DOCUMENTS:
            return self.env._(
                "Choose up to %s signed documents of one company.", MAX_DOCUMENTS
            )
        for move in self:
            if not move._l10n_cl_dte_sii_valid_ted():
                return self.env._(
                    "“%s” is not signed as it is now: sign it first, or leave it out.",
                    move.display_name,
                )
        company = self.company_id._l10n_cl_dte_sii_with_settings().sudo()
        number = company.l10n_cl_dte_resolution_number or ""
        if not company.l10n_cl_dte_resolution_date or (
            company.l10n_cl_dte_sii_environment == PRODUCTION and not number.isdecimal()
        ):
            return self.env._(
                "Number and date of the SII's resolution are missing: enter them in "
                "the settings of %s. In certification the date is the day on which the "
                "SII authorised the tests.",
                company.name,
            )
        certificate = self.company_id._l10n_cl_dte_sii_certificate()
        if not (certificate.is_valid and certificate.l10n_cl_dte_sii_holder_rut):
            return self.env._(
                "%s has no valid certificate to sign with: load one in the settings.",
                company.name,
            )
        return None
