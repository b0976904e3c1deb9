# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, models


class AccountMoveLine(models.Model):
    """Lines of a document that the SII may have do not change either."""

    _inherit = "account.move.line"

    @api.model_create_multi
    def create(self, vals_list):
        # EXTENDS 'account'
        moves = self.env["account.move"].browse(
            {vals["move_id"] for vals in vals_list if vals.get("move_id")}
        )
        moves._l10n_cl_dte_sii_check_frozen()
        return super().create(vals_list)

    def write(self, vals):
        # EXTENDS 'account'
        if self._l10n_cl_dte_sii_frozen_fields() & vals.keys():
            self.move_id._l10n_cl_dte_sii_check_frozen()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_frozen(self):
        self.move_id._l10n_cl_dte_sii_check_frozen()

    @api.model
    def _l10n_cl_dte_sii_frozen_fields(self):
        """Return the fields of a line that its document's DTE is made of."""
        paths = self.env["account.move"]._l10n_cl_dte_payload_fields()
        return {path.split(".")[1] for path in paths if path.startswith("line_ids.")}
