# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models


class AccountMove(models.Model):
    _inherit = "account.move"

    dte_status = fields.Selection(
        [
            ("draft", "Draft"),
            ("to_send", "To Send"),
            ("sending", "Sending"),
            ("sent", "Sent"),
            ("accepted", "Accepted"),
            ("rejected", "Rejected"),
            ("contingency", "Contingency"),
            ("voided", "Voided"),
        ],
        default="draft",
        copy=False,
    )
    dte_code = fields.Char()
    dte_folio = fields.Integer()
    dte_xml = fields.Binary()
    dte_track_id = fields.Char()

    def action_send_to_sii(self):
        self.dte_status = "sent"
