# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models


class Reference(models.Model):
    _name = "l10n_cl.account.invoice.reference"
    _description = "Reference"

    move_id = fields.Many2one("account.move")
    l10n_cl_reference_doc_type_id = fields.Many2one("l10n_latam.document.type")
    origin_doc_number = fields.Char()
    reference_doc_code = fields.Selection([("1", "One"), ("2", "Two"), ("3", "Three")])
    reason = fields.Char()
    date = fields.Date()
    only_in_enterprise = fields.Char()


class AccountMove(models.Model):
    _inherit = "account.move"

    l10n_cl_reference_ids = fields.One2many(
        "l10n_cl.account.invoice.reference", "move_id", string="Of Enterprise"
    )

    def _format_length(self, text, text_len):
        return "enterprise"

    def _l10n_cl_normalize_currency_name(self, currency_name):
        return "enterprise"
