# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL, formatLang

PERIOD = timedelta(hours=24)
# Two readings of one start, from an uptime in whole seconds, differ by a little.
START_TOLERANCE = timedelta(seconds=10)


# The figures are a room of their own beside the settings.
# pylint: disable=consider-merging-classes-inherited
class L10nClDteAiService(models.Model):
    """What an operator looks at: the last 24 hours, beside a baseline marked
    earlier.
    """

    _inherit = "l10n_cl_dte_ai.service"

    figures = fields.Json(compute="_compute_figures", string="Last 24 Hours")
    baseline = fields.Json(readonly=True, copy=False)
    baseline_at = fields.Datetime(string="Baseline of", readonly=True, copy=False)
    started_at = fields.Datetime(
        string="Running since", readonly=True, copy=False, help="As the service says."
    )

    @api.depends_context("lang")
    def _compute_figures(self):
        for service in self:
            figures = service._measure()
            baseline = service.baseline or {}
            service.figures = [
                {
                    "label": label,
                    "value": service._show(name, figures),
                    "baseline": service._show(name, baseline),
                }
                for name, label in service._figure_labels().items()
            ]

    def _figure_labels(self):
        return {
            "requests": self.env._("Requests"),
            "error_rate": self.env._("Error rate"),
            "no_opinions": self.env._("Answers without an opinion"),
            "hit_rate": self.env._("From the service's cache"),
            "limited": self.env._("Rate limit violations (429)"),
            "duration_ms": self.env._("Average duration"),
            "saved": self.env._("Requests saved, because the verdict was known"),
            "restarts": self.env._("Restarts of the service"),
        }

    def _show(self, name, figures):
        value = figures.get(name)
        if value is None:
            return "–"
        if name.endswith("_rate"):
            return f"{formatLang(self.env, value, digits=1)} %"
        if name.endswith("_ms"):
            return f"{formatLang(self.env, value, digits=0)} ms"
        return formatLang(self.env, value, digits=0)

    def _measure(self):
        """Return the figures of the last 24 hours; rates in percent."""
        self.ensure_one()
        for model in ("l10n_cl_dte_ai.attempt", "l10n_cl_dte_ai.validation"):
            self.env[model].flush_model()
        since = fields.Datetime.now() - PERIOD
        ((requests, failed, no_opinions, hits, limited, duration, restarts),) = (
            self.env.execute_query(
                SQL(
                    """
                    SELECT count(*) FILTER (WHERE outcome != 'restarted'),
                           count(*) FILTER (WHERE outcome IN
                               ('unavailable', 'misconfigured')),
                           count(*) FILTER (WHERE outcome = 'no_opinion'),
                           count(*) FILTER (WHERE cached),
                           count(*) FILTER (WHERE outcome = 'rate_limited'),
                           avg(duration_ms) FILTER (WHERE outcome = 'opinion'),
                           count(*) FILTER (WHERE outcome = 'restarted')
                      FROM l10n_cl_dte_ai_attempt
                     WHERE service_id = %s AND create_date >= %s
                    """,
                    self.id,
                    since,
                )
            )
        )
        return {
            "requests": requests,
            "error_rate": 100 * failed / requests if requests else None,
            "no_opinions": no_opinions,
            "hit_rate": 100 * hits / requests if requests else None,
            "limited": limited,
            "duration_ms": float(duration) if duration is not None else None,
            "saved": self._count_saved(since),
            "restarts": restarts,
        }

    def _count_saved(self, since):
        ((saved,),) = self.env.execute_query(
            SQL(
                """
                SELECT COALESCE(SUM(row.reused), 0)
                  FROM l10n_cl_dte_ai_validation row
                  JOIN res_company company ON company.id = row.company_id
                 WHERE company.l10n_cl_dte_ai_service_id = %s
                   AND row.answered_at >= %s
                """,
                self.id,
                since,
            )
        )
        return int(saved)

    def action_mark_baseline(self):
        """Keep the figures of now, to compare later ones with."""
        self.ensure_one()
        self.check_access("read")
        self._check_manager()
        self.sudo().write(
            {"baseline": self.sudo()._measure(), "baseline_at": fields.Datetime.now()}
        )

    def _note_uptime(self, uptime_seconds):
        """Notice a restart by the time that the service says it has been running."""
        self.ensure_one()
        if uptime_seconds is None:
            return
        started_at = fields.Datetime.now() - timedelta(seconds=uptime_seconds)
        if self.started_at and started_at <= self.started_at + START_TOLERANCE:
            return
        if self.started_at:
            self.env["l10n_cl_dte_ai.attempt"].create(
                {
                    "service_id": self.id,
                    "company_id": self.company_ids[:1].id,
                    "outcome": "restarted",
                }
            )
        self._write_state({"started_at": started_at.replace(microsecond=0)})
