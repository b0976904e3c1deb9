# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    l10n_cl_dte_sii_environment = fields.Selection(
        related="company_id.l10n_cl_dte_sii_environment", readonly=False
    )
    l10n_cl_dte_sii_send = fields.Selection(
        related="company_id.l10n_cl_dte_sii_send", readonly=False, required=True
    )
    l10n_cl_dte_sii_certificate_id = fields.Many2one(
        related="company_id.l10n_cl_dte_sii_certificate_id", readonly=False
    )
    l10n_cl_dte_sii_certificate_end = fields.Datetime(
        related="company_id.l10n_cl_dte_sii_certificate_id.date_end"
    )
    l10n_cl_dte_sii_office = fields.Char(
        related="company_id.l10n_cl_dte_sii_office", readonly=False
    )
