# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models


class DteGenerateWizard(models.TransientModel):
    _name = "dte.generate.wizard"
    _description = "Generate"

    move_id = fields.Many2one("account.move")

    def action_generate(self):
        self.move_id.dte_status = "to_send"
