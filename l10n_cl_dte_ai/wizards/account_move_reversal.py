# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import Command, models


class AccountMoveReversal(models.TransientModel):
    _inherit = "account.move.reversal"

    def _prepare_default_reversal(self, move):
        # EXTENDS 'account': the note says which document it corrects, and why.
        values = super()._prepare_default_reversal(move)
        if move._l10n_cl_dte_refers_by_itself():
            reference = move._l10n_cl_dte_reference_values(self.reason)
            values["l10n_cl_reference_ids"] = [Command.create(reference)]
        return values
