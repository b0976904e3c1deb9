# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, models
from odoo.fields import Domain


class AccountJournal(models.Model):
    _inherit = "account.journal"

    @api.model
    def _l10n_cl_dte_dashboard(self):
        # EXTENDS 'l10n_cl_dte_ai'
        return {
            **super()._l10n_cl_dte_dashboard(),
            **{
                name: Domain("l10n_cl_dte_state", "in", states)
                for name, states in {
                    "to_send": ["signed"],
                    "sent": ["sending", "received", "open", "uploaded"],
                    "unknown": ["unknown"],
                    "rejected": ["rejected"],
                }.items()
            },
        }
