# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models
from odoo.fields import Domain


class IrUiMenu(models.Model):
    _inherit = "ir.ui.menu"

    def _load_menus_blacklist(self):
        # EXTENDS 'base': who works in no Chilean company sees none of our menus.
        blacklist = super()._load_menus_blacklist()
        companies = self.env.user.company_ids.sudo()
        if "CL" in companies.account_fiscal_country_id.mapped("code"):
            return blacklist
        named = Domain("module", "=like", "l10n\\_cl\\_dte\\_%") & Domain(
            "model", "=", "ir.ui.menu"
        )
        return [
            *blacklist,
            *self.env["ir.model.data"].sudo().search(named).mapped("res_id"),
        ]
