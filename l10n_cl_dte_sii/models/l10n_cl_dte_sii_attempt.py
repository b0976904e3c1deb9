# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models


class L10nClDteSiiAttempt(models.Model):
    """One exchange with the SII about a sending, and what was answered.

    Code alone makes rows, as superuser; what is kept of an answer holds no secret.
    """

    _name = "l10n_cl_dte_sii.attempt"
    _description = "Exchange With the SII"
    _order = "id desc"
    _rec_name = "kind"

    sending_id = fields.Many2one(
        "l10n_cl_dte_sii.sending", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(
        related="sending_id.company_id", store=True, index=True, precompute=True
    )
    kind = fields.Selection(
        [
            ("upload", "Upload"),
            ("state", "State of the envelope"),
            ("document", "State of a document"),
            ("known", "Whether it has a document"),
            ("mail", "Mail asked for again"),
        ],
        required=True,
    )
    document_id = fields.Many2one(
        "l10n_cl_dte.document", ondelete="set null", index="btree_not_null"
    )
    outcome = fields.Char(help="What it was taken for.")
    answer = fields.Text(help="What was answered, as it came.")
    duration_ms = fields.Integer(string="Duration (ms)", aggregator="avg")
