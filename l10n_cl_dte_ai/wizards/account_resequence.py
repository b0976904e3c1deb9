# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models


class AccountResequenceWizard(models.TransientModel):
    """Core's road to other numbers: the files of these documents are outdated then."""

    _inherit = "account.resequence.wizard"

    def resequence(self):
        self.move_ids._l10n_cl_dte_check_frozen()
        versions = self.move_ids.l10n_cl_dte_document_id
        versions.sudo().write({"renumbered_on": fields.Datetime.now()})
        return super().resequence()
