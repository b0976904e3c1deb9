# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.tools import format_datetime

from .l10n_cl_dte_gate import RATE_MARGIN
from .reasons import EXPLANATIONS, UNTRUSTED_REASONS, cron_off_text


# pylint: disable=consider-merging-classes-inherited
class L10nClDteAiService(models.Model):
    """When many documents will be answered, and what holds them up."""

    _inherit = "l10n_cl_dte_ai.service"

    is_limited = fields.Boolean(compute="_compute_until_when")
    is_left_alone = fields.Boolean(compute="_compute_until_when")

    @api.depends("blocked_until", "breaker_until")
    def _compute_until_when(self):
        """Tell which of these times are still to come: the others say nothing."""
        now = fields.Datetime.now()
        for service in self:
            service.is_limited = service.blocked_until and service.blocked_until > now
            service.is_left_alone = (
                service.breaker_until and service.breaker_until > now
            )

    def _expectation(self, count):
        """Return for a person when documents that wait are answered, or None."""
        if not count:
            return None
        return self._obstacle() or self.env._("To go: %s.", self._how_long(count))

    def _obstacle(self):
        """Return what keeps documents from being answered at this moment, or None."""
        if reason := self._no_call_reason():
            return self.env._(EXPLANATIONS[reason])
        if text := cron_off_text(self.env, "l10n_cl_dte_ai.ir_cron_ask"):
            return text
        if self.is_limited:
            return self.env._(
                "The AI service accepts no more documents until %s. They go on by "
                "themselves then.",
                format_datetime(self.env, self.blocked_until, dt_format="HH:mm:ss"),
            )
        if self.health != "down":
            return None
        if self.health_reason in UNTRUSTED_REASONS:
            return self.env._(
                "The AI service answers, but its model gives no opinion at this "
                "moment. It is asked again by itself, and nothing is lost."
            )
        return self.env._(
            "The AI service does not answer at this moment. It is asked again by "
            "itself as soon as it is back, and nothing is lost."
        )

    def _how_long(self, count):
        """Return how long the service takes for documents, as a person says it."""
        if not count:
            return self.env._("no time: everything is answered")
        if self._obstacle():
            return self.env._("not known at this moment")
        if not self.rate_per_minute:
            return self.env._("as long as the service needs: it has no limit")
        minutes = count * (1 + RATE_MARGIN) / self.rate_per_minute
        if minutes < 1:
            return self.env._("less than a minute")
        if minutes < 1.5:
            return self.env._("about a minute")
        if minutes < 90:
            return self.env._("about %s minutes", round(minutes))
        return self.env._("about %s hours", round(minutes / 60))
