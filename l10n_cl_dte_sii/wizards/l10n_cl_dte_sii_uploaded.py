# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models


class L10nClDteSiiUploaded(models.TransientModel):
    """A person uploaded a signed file on the SII's page: its track ID is entered."""

    _name = "l10n_cl_dte_sii.uploaded"
    _inherit = "l10n_cl_dte.on.documents"
    _description = "DTE Uploaded by Hand"

    move_id = fields.Many2one("account.move", required=True, index=True)
    track_id = fields.Char(
        string="Track ID",
        required=True,
        help="The “identificador de envío” that the SII's page showed after the "
        "upload.",
    )

    def _documents(self):
        return self.move_id

    def action_confirm(self):
        self.ensure_one()
        self.move_id.l10n_cl_dte_document_id._mark_uploaded(self.track_id)
