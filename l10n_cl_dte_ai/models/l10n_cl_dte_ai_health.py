# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import logging
import random
from datetime import timedelta

from markupsafe import Markup

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools import ai
from .database import NO_CURSOR, database_now
from .l10n_cl_dte_ai_service import MANAGER_GROUP, USER_GROUP
from .reasons import EXPLANATIONS, REASONS, UNTRUSTED_REASONS

_logger = logging.getLogger(__name__)

# What the indicator shows. This transaction may not see yet what another wrote, so only
# a change of it is told, and never a stale value beside another one.
SHOWN_STATE = {"health", "health_reason", "blocked_until"}
BUS_HEALTH = "l10n_cl_dte_ai/health"

# A service that limits without saying for how long: 3 s, doubled up to a minute.
BLIND_LIMIT_BASE, BLIND_LIMIT_MAX = 3, 60


# How the service is has a room of its own beside the settings.
# pylint: disable=consider-merging-classes-inherited
class L10nClDteAiService(models.Model):
    """How the service is: what calls and the health cron find out, and who is told."""

    _inherit = "l10n_cl_dte_ai.service"

    # Shared by all workers: see _write_state.
    health = fields.Selection(
        ######################################################################
        # STATE DIAGRAM
        # * any --[an answer, /health 200]--> healthy
        # * any --[/health 207]--> degraded
        # * down for want of an opinion --[/health 200]--> degraded
        # * any --[timeout, refused, 5xx, no opinion, /health 503]--> down
        # * any --[key, certificate, address]--> misconfigured, queue paused
        # * misconfigured --[settings saved, Test connection]--> as it answers
        # "limited" is not in here: it is `blocked_until`, and ends by itself.
        ######################################################################
        [
            ("unknown", "Not asked yet"),
            ("healthy", "Healthy"),
            ("degraded", "Degraded"),
            ("down", "Unavailable"),
            ("misconfigured", "To be configured"),
        ],
        string="State",
        default="unknown",
        required=True,
        readonly=True,
        copy=False,
    )
    health_reason = fields.Selection(
        REASONS, string="Reason", readonly=True, copy=False
    )
    health_since = fields.Datetime(string="Since", readonly=True, copy=False)
    limited_count = fields.Integer(
        readonly=True,
        copy=False,
        help="429 answers in a row that did not say how long to wait.",
    )

    # === Business: what calls and the cron find out === #

    def _learn(self, outcomes):
        """Note how the service is from what some requests gave, in their order.

        :param outcomes: `Opinion`, `Health` or `AIServiceError` objects
        """
        self.ensure_one()
        try:
            self._feed_breaker(outcomes)
        except NO_CURSOR:
            # The answers are stored: the next call will tell again how it is.
            _logger.info("The breaker of AI service %s could not be told", self.id)
        values = {}
        for outcome in outcomes:
            values |= self._state_after(outcome)
        newly_misconfigured = (
            values.get("health") == "misconfigured" and self.health != "misconfigured"
        )
        if values.get("health", self.health) != self.health:
            values["health_since"] = fields.Datetime.now()
        self._write_state(values)
        if newly_misconfigured:
            self._notify_managers(values["health_reason"])

    def _is_well(self):
        """Tell whether one more good answer changes nothing of what is known."""
        return (
            self.health == "healthy"
            and not self.health_reason
            and not self.breaker_failures
            and not self.limited_count
        )

    def _feed_breaker(self, outcomes):
        failures = 0
        for outcome in outcomes:
            match outcome:
                case ai.Unavailable():
                    failures += 1
                case (
                    ai.Opinion()
                    | ai.Refused()
                    | ai.RateLimited()  # who limits is there
                ):
                    failures = 0
                    self._close_breaker()
        if failures:
            self._count_failures(failures)

    def _state_after(self, outcome):
        """Return the state that an outcome shows."""
        match outcome:
            case ai.Health(status="healthy"):
                if self.health_reason in UNTRUSTED_REASONS:
                    # /health does not look at the model, which gave no opinion: only
                    # an opinion shows that it is well again.
                    return {"health": "degraded"}
            case ai.Health(status="degraded"):
                return {"health": "degraded", "health_reason": None}
            case ai.Health():
                return {"health": "down", "health_reason": "server_error"}
            case ai.RateLimited(retry_after=retry_after):
                wait = retry_after or min(
                    BLIND_LIMIT_BASE * 2**self.limited_count, BLIND_LIMIT_MAX
                ) * random.uniform(1, 1.5)
                return {
                    "health": "healthy",
                    "health_reason": None,
                    "blocked_until": database_now(self.env) + timedelta(seconds=wait),
                    "limited_count": min(self.limited_count + 1, 10),
                }
            case ai.Misconfigured(code=code):
                return {"health": "misconfigured", "health_reason": code}
            case ai.ClientFault():
                return {}  # says nothing of the service
            case ai.Unavailable(code=code):
                return {"health": "down", "health_reason": code}
            case ai.Opinion():
                return {"health": "healthy", "health_reason": None, "limited_count": 0}
        # Healthy; a Refused says so, too.
        return {"health": "healthy", "health_reason": None}

    def _on_reopened(self):
        # Now, and not when the cron next looks.
        self.env["l10n_cl_dte_ai.validation"]._trigger_cron()

    def _write_state(self, values):
        """Write state that all workers share, at once and only where it changed.

        On a cursor of its own, in one statement: in the caller's transaction it would
        be seen late, and two workers would fail on each other's writes.
        """
        changed = {
            name: value
            for name, value in values.items()
            if (self[name] or None) != (value or None)
        }
        if not changed:
            return
        assignments = SQL(", ").join(
            SQL("%s = %s", SQL.identifier(name), value)
            for name, value in changed.items()
        )
        try:
            with self._own_cursor() as cr:
                cr.execute(
                    SQL(
                        "UPDATE l10n_cl_dte_ai_service SET %s WHERE id = %s",
                        assignments,
                        self.id,
                    )
                )
        except NO_CURSOR:
            # Another worker is writing the same: the next call will tell again.
            _logger.info("The state of AI service %s could not be written", self.id)
            return
        self.invalidate_recordset(list(changed), flush=False)
        if not SHOWN_STATE.isdisjoint(changed):
            self._notify_health(values)

    @api.model
    def get_status(self):
        """Return how the service of each Chilean company of the user is.

        Called by the indicator, when a page begins and when its bus has been away.

        :rtype: dict[int, dict]
        """
        user = self.env.user
        if not user.has_group(USER_GROUP):
            return {}
        return {
            company.id: company.sudo().l10n_cl_dte_ai_service_id._status()
            for company in user.company_ids
            if company.account_fiscal_country_id.code == "CL"
        }

    def _status(self, values=None):
        """Return what the indicator shows: no secret, and no text (it has its own).

        :param dict values: what was just written and this transaction cannot see yet
        """
        values = values or {}
        if not self or not self.active:
            return {"id": False, "state": "not_configured"}
        health = values.get("health", self.health)
        blocked_until = values.get("blocked_until", self.blocked_until)
        limited = blocked_until and blocked_until > fields.Datetime.now()
        reason = values.get("health_reason", self.health_reason)
        state = "limited" if limited and health != "misconfigured" else health
        if fixed := self.sudo()._no_call_reason(ignore_state=True):
            state, reason = "not_configured", fixed
        return {
            "id": self.id,
            "state": state,
            "reason": reason or False,
            "until": fields.Datetime.to_string(blocked_until) if limited else False,
        }

    def _notify_health(self, values=None):
        group = self.env.ref(USER_GROUP, raise_if_not_found=False)
        for service in self:
            if group:
                group.sudo()._bus_send(BUS_HEALTH, service._status(values))

    def _notify_managers(self, reason):
        """Tell the administrators, once, that the queue waits for them.

        :param str reason: just written, so that this transaction cannot see it yet
        """
        group = self.env.ref(MANAGER_GROUP)
        managers = group.sudo().all_user_ids.filtered("active").partner_id
        # The cron has no language: each is told in her own.
        for lang, partners in managers.grouped("lang").items():
            env = self.with_context(lang=lang).env
            env["mail.thread"].sudo().message_notify(
                subject=env._("The AI service for DTE needs your attention"),
                body=Markup("<p>%s</p><p>%s</p>")
                % (
                    env._(EXPLANATIONS[reason]),
                    env._(
                        "Until then no document is sent to it; those in the queue wait "
                        "and are not lost. Accountants can go on generating documents."
                    ),
                ),
                partner_ids=partners.ids,
            )

    # === Cron === #

    @api.model
    def _cron_check_health(self):
        """Ask each service how it is, so that a person need not find out."""
        services = self.search(Domain("company_ids", "!=", False))
        for service in services:
            if service._no_call_reason():
                continue
            client = service._client(ai.INTERACTIVE)
            self._commit()  # no transaction is open while the service is asked
            with client:
                try:
                    outcome = client.health()
                except ai.AIServiceError as error:
                    outcome = error
            if service.exists():
                service._learn([outcome])
                service._note_uptime(getattr(outcome, "uptime", None))
            self._commit()
