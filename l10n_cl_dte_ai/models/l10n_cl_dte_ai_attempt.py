# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain

from .reasons import REASONS

RETENTION_PARAMETER = "l10n_cl_dte_ai.attempt_retention_days"
RETENTION_DAYS = 90
GC_BATCH = 10_000


class L10nClDteAiAttempt(models.Model):
    """One request to the service: when, how long, and what came of it.

    Append-only (nobody may write or delete), without payload and without secret.
    """

    _name = "l10n_cl_dte_ai.attempt"
    _description = "Request to an AI Service"
    _order = "id desc"
    _rec_name = "request_id"
    _log_access = False

    create_date = fields.Datetime(
        string="Asked on", readonly=True, index=True, default=fields.Datetime.now
    )
    service_id = fields.Many2one(
        "l10n_cl_dte_ai.service", readonly=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(
        "res.company", readonly=True, index=True, ondelete="cascade"
    )
    validation_id = fields.Many2one(
        "l10n_cl_dte_ai.validation", readonly=True, index=True, ondelete="cascade"
    )
    outcome = fields.Selection(
        [
            ("opinion", "Opinion"),
            ("no_opinion", "No Opinion"),
            ("rate_limited", "Rate Limited"),
            ("refused", "Document Refused"),
            ("misconfigured", "Settings Refused"),
            ("unavailable", "Unavailable"),
            ("fault", "Fault in Odoo"),
            ("restarted", "Service Restarted"),
        ],
        readonly=True,
        index=True,
    )
    reason = fields.Selection(REASONS, string="Cause", readonly=True)
    status = fields.Integer(string="HTTP Status", readonly=True, aggregator=None)
    cached = fields.Boolean(
        readonly=True, string="From the service's cache", help="Where it tells."
    )
    number = fields.Integer(
        string="Attempt", readonly=True, aggregator=None, help="Of this document."
    )
    requests = fields.Integer(
        string="HTTP Requests",
        readonly=True,
        help="More than one where a connection was retried at once.",
    )
    duration_ms = fields.Integer(
        string="Duration (ms)", readonly=True, aggregator="avg"
    )
    wait_ms = fields.Integer(
        string="Wait for the Limit (ms)", readonly=True, aggregator="avg"
    )
    in_background = fields.Boolean(readonly=True)
    request_id = fields.Char(
        string="Request ID", readonly=True, help="Names it in the service's log."
    )

    @api.autovacuum
    def _gc_attempts(self):
        days = int(
            self.env["ir.config_parameter"]
            .sudo()
            .get_param(RETENTION_PARAMETER, RETENTION_DAYS)
        )
        before = fields.Datetime.now() - timedelta(days=days)
        old = self.sudo().search(Domain("create_date", "<", before), limit=GC_BATCH)
        old.unlink()
        return len(old), len(old) == GC_BATCH
