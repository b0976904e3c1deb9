# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import logging

from odoo import fields, models
from odoo.exceptions import UserError

from ..tools import envelope, signature
from ..tools.errors import SiiError
from .signing_desk import SigningDesk

_logger = logging.getLogger(__name__)


# pylint: disable=consider-merging-classes-inherited
class L10nClDteDocument(models.Model):
    """The copy for the customer: an envelope addressed to it, made once accepted.

    The DTE in it is byte for byte the one that the SII has; only the envelope around it
    is signed anew.
    """

    _inherit = "l10n_cl_dte.document"

    exchange_file = fields.Binary(attachment=True, readonly=True, copy=False)
    exchange_attachment_id = fields.Many2one(
        "ir.attachment",
        string="XML for the Customer",
        readonly=True,
        copy=False,
        index="btree_not_null",
    )

    def _decide(self, state, findings=None):
        # EXTENDS
        result = super()._decide(state, findings)
        if state in ("accepted", "objected"):
            self.sudo()._make_exchange_copies()
        return result

    def _make_exchange_copies(self):
        """Make the envelopes for the customers; one that cannot be made is left out."""
        contents = {}
        for row in self.filtered(lambda row: not row.exchange_attachment_id):
            try:
                contents[row] = row._exchange_copy()
            except (SiiError, UserError) as error:
                kind = type(error).__name__
                _logger.warning("No envelope for the customer of %s: %s", row, kind)
        attachments = self.env["ir.attachment"].create(
            [
                {
                    "name": f"EnvioDTE_{row.file_name}",
                    "raw": content,
                    "mimetype": "application/xml",
                    "res_model": self._name,
                    "res_field": "exchange_file",
                    "res_id": row.id,
                    "company_id": row.company_id.id,
                }
                for row, content in contents.items()
            ]
        )
        for row, attachment in zip(contents, attachments, strict=True):
            row.exchange_attachment_id = attachment
        self.invalidate_recordset(["exchange_file"], flush=False)

    def _exchange_copy(self):
        """Return the envelope for the customer.

        :rtype: bytes
        :raise SiiError, UserError: what stands against it
        """
        company = self.company_id
        cover = company._l10n_cl_dte_sii_cover()._replace(
            receiver=self._as_asked().receiver
        )
        unsigned = envelope.build(
            [self._content()], cover, company._l10n_cl_dte_sii_now()
        )
        certificate = company._l10n_cl_dte_sii_certificate()
        signer = SigningDesk.of(self.env).signer(certificate)
        return signature.sign_envelope(unsigned, signer)
