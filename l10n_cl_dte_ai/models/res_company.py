# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models

from .. import demo


class ResCompany(models.Model):
    _inherit = "res.company"

    l10n_cl_dte_ai_service_id = fields.Many2one(
        "l10n_cl_dte_ai.service", string="AI Service", ondelete="set null"
    )
    l10n_cl_dte_ai_policy = fields.Selection(
        [
            ("advise", "Advise: show what was found, and generate"),
            ("warn", "Warn: what the AI rejects needs a reason"),
            ("block", "Block: only what the AI approves is generated"),
        ],
        string="AI Policy",
        default="advise",
        required=True,
        help="Whoever may override can generate a document in any case, with a reason.",
    )

    l10n_cl_dte_ai_on_post = fields.Selection(
        [
            ("off", "Nothing: somebody presses Generate DTE"),
            ("background", "The AI service is asked in the background"),
            (
                "required",
                "First the document must be allowed: without errors, and as the policy says",
            ),
        ],
        string="When a Document is Confirmed",
        default="off",
        required=True,
    )

    @api.model
    def _l10n_cl_dte_ai_load_demo(self):
        """Load the demo company with its documents; see `demo`."""
        return demo.load(self.env)
