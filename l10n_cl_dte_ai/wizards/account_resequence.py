# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models


class AccountResequenceWizard(models.TransientModel):
    """Core's road to other numbers: the files of these documents are outdated then."""

    _inherit = "account.resequence.wizard"

    def resequence(self):
        # EXTENDS 'account'
        with self.move_ids._l10n_cl_dte_renumbering():
            return super().resequence()
