# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models
from odoo.exceptions import AccessError

from .l10n_cl_dte_ai_service import USER_GROUP


class DigestDigest(models.Model):
    """How many DTE are to do, in the weekly mail of who has chosen so."""

    _inherit = "digest.digest"

    kpi_l10n_cl_dte_todo = fields.Boolean("DTE to Do")
    kpi_l10n_cl_dte_todo_value = fields.Integer(
        compute="_compute_kpi_l10n_cl_dte_todo_value"
    )

    def _compute_kpi_l10n_cl_dte_todo_value(self):
        if not self.env.user.has_group(USER_GROUP):
            # As Odoo's digest wants it: it leaves the figure out.
            raise AccessError(self.env._("This is reserved to users of DTE AI."))
        for digest in self:
            company = digest.company_id or self.env.company
            digest.kpi_l10n_cl_dte_todo_value = self.env["account.move"].search_count(
                [("company_id", "=", company.id), ("l10n_cl_dte_todo", "=", True)]
            )

    def _compute_kpis_actions(self, company, user):
        # EXTENDS 'digest'
        return {
            **super()._compute_kpis_actions(company, user),
            "kpi_l10n_cl_dte_todo": "l10n_cl_dte_ai.action_to_review",
        }
