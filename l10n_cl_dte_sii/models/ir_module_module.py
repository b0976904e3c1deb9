# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models
from odoo.exceptions import UserError

from .l10n_cl_dte_sii_sending import OPEN_STATES

ADDON = "l10n_cl_dte_sii"


class IrModuleModule(models.Model):
    _inherit = "ir.module.module"

    def button_uninstall(self):
        # EXTENDS 'base': with us goes who would learn what became of what was sent.
        ours = self | self.downstream_dependencies(self)
        if ADDON in ours.mapped("name"):
            sendings = self.env["l10n_cl_dte_sii.sending"].sudo()
            count = sendings.search_count([("state", "in", OPEN_STATES)])
            if count:
                raise UserError(
                    self.env._(
                        "%s sendings to the SII are under way, and nobody would learn "
                        "what became of them. Wait until their results are in, or take "
                        "back what waits, under Accounting → Customers → Sendings to "
                        "the SII.",
                        count,
                    )
                )
        return super().button_uninstall()
