# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, models


class AccountMoveSend(models.AbstractModel):
    """*Send & Print* gives the customer the DTE, once the SII has accepted it."""

    _inherit = "account.move.send"

    @api.model
    def _get_invoice_extra_attachments(self, move):
        # EXTENDS 'account'
        attachments = super()._get_invoice_extra_attachments(move)
        version = move.sudo().l10n_cl_dte_document_id
        # In the rights of whoever asks: a portal does so as superuser.
        return attachments + version.exchange_attachment_id.with_env(move.env)

    @api.model
    def _get_alerts(self, moves, moves_data):
        # EXTENDS 'account'
        alerts = super()._get_alerts(moves, moves_data)
        if reason := moves._l10n_cl_dte_sii_why_no_exchange():
            alerts["l10n_cl_dte_sii_exchange"] = {"level": "info", "message": reason}
        return alerts
