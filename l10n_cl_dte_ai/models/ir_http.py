# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, models


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @api.model
    def lazy_session_info(self):
        # EXTENDS 'web': where the indicator in the top bar begins; the bus goes on.
        info = super().lazy_session_info()
        if statuses := self.env["l10n_cl_dte_ai.service"].get_status():
            info["l10n_cl_dte_ai"] = statuses
        return info
