# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models


class L10nClCompanyActivities(models.Model):
    """An economic activity as the SII numbers it (acteco).

    Model and fields have the names of Odoo Enterprise's `l10n_cl_edi`.
    """

    _name = "l10n_cl.company.activities"
    _description = "SII Company Economic Activity"
    _order = "code"
    _rec_names_search = ["code", "name"]

    name = fields.Char(string="Activity", required=True)
    code = fields.Char(string="Activity Code", required=True, size=6)
    active = fields.Boolean(default=True)

    _code_unique = models.Constraint(
        "UNIQUE(code)", "There is an activity with this code already."
    )

    @api.depends("code", "name")
    def _compute_display_name(self):
        for activity in self:
            activity.display_name = f"{activity.code} {activity.name}"
