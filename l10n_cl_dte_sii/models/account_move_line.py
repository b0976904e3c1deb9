# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, models

# Beside what the DTE is made of: which document a line is of, and other names of its
# amounts.
FROZEN_TOO = {"move_id", "debit", "credit", "price_total"}


class AccountMoveLine(models.Model):
    """Lines of a document that the SII may have do not change either."""

    _inherit = "account.move.line"

    @api.model_create_multi
    def create(self, vals_list):
        # EXTENDS 'account'
        _moves_named(self, vals_list)._l10n_cl_dte_sii_check_frozen()
        return super().create(vals_list)

    def write(self, vals):
        # EXTENDS 'account'
        if self._l10n_cl_dte_sii_frozen_fields() & vals.keys():
            moves = self.move_id | _moves_named(self, [vals])
            moves._l10n_cl_dte_sii_check_frozen()
        return super().write(vals)

    def unlink(self):
        # EXTENDS 'account': not by `ondelete`, which a key of the context switches off.
        self.move_id._l10n_cl_dte_sii_check_frozen()
        return super().unlink()

    @api.model
    def _l10n_cl_dte_sii_frozen_fields(self):
        """Return the fields of a line that its document's DTE is made of."""
        paths = self.env["account.move"]._l10n_cl_dte_payload_fields()
        of_lines = {
            path.split(".")[1] for path in paths if path.startswith("line_ids.")
        }
        return of_lines | FROZEN_TOO


class L10nClAccountInvoiceReference(models.Model):
    """The references of such a document stand in its DTE, too."""

    _inherit = "l10n_cl.account.invoice.reference"

    @api.model_create_multi
    def create(self, vals_list):
        # EXTENDS 'l10n_cl_dte_ai'
        _moves_named(self, vals_list)._l10n_cl_dte_sii_check_frozen()
        return super().create(vals_list)

    def write(self, vals):
        # EXTENDS 'l10n_cl_dte_ai'
        moves = self.move_id | _moves_named(self, [vals])
        moves._l10n_cl_dte_sii_check_frozen()
        return super().write(vals)

    def unlink(self):
        # EXTENDS 'base'
        self.move_id._l10n_cl_dte_sii_check_frozen()
        return super().unlink()


def _moves_named(records, vals_list):
    """Return the documents that lines are to belong to; a default names one, too."""
    default = records.env.context.get("default_move_id")
    ids = {vals.get("move_id", default) for vals in vals_list}
    return records.env["account.move"].browse([each for each in ids if each])
