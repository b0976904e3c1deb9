# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, models

from .l10n_cl_dte_ai_service import USER_GROUP


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @api.model
    def lazy_session_info(self):
        # EXTENDS 'web': where the indicator in the top bar begins; the bus goes on.
        info = super().lazy_session_info()
        user = self.env.user
        companies = user.company_ids.filtered(
            lambda company: company.account_fiscal_country_id.code == "CL"
        )
        if companies and user.has_group(USER_GROUP):
            info["l10n_cl_dte_ai"] = {
                company.id: company.sudo().l10n_cl_dte_ai_service_id._status()
                for company in companies
            }
        return info
