# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import logging
import math
import random
from datetime import timedelta

from markupsafe import Markup

from odoo import api, fields, models
from odoo.tools import SQL

from ..tools import ai
from .alarm import is_off
from .database import NO_CURSOR, database_now
from .l10n_cl_dte_ai_service import MANAGER_GROUP, USER_GROUP
from .l10n_cl_dte_gate import FAILURES_TO_OPEN
from .reasons import EXPLANATIONS, REASONS, UNTRUSTED_REASONS

_logger = logging.getLogger(__name__)

# What the indicator shows. This transaction may not see yet what another wrote, so only
# a change of it is told, and never a stale value beside another one.
SHOWN_STATE = {"health", "health_reason", "blocked_until"}
BUS_HEALTH = "l10n_cl_dte_ai/health"

# A service that limits without saying for how long: 3 s, doubled up to a minute.
BLIND_LIMIT_BASE, BLIND_LIMIT_MAX = 3, 60

# So many strange answers in a row, over so long, are no restart of a proxy any more.
PROOF_COUNT, PROOF_TIME = 3, timedelta(minutes=2)

# A key that was refused is not shown again and again to who may lock it for that.
CHECK_SECONDS_KEY = 600

# What a service says in /health that it understands.
HISTORY, CONTEXT = "history.items", frozenset(("context", "decisions"))


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
        # * any --[key; certificate or address, three times in 2 min]--> misconfigured,
        #   queue paused
        # * misconfigured --[settings saved, Test connection, a good health check of
        #   address and key]--> as it answers
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

    suspicions = fields.Integer(
        readonly=True,
        copy=False,
        help="Answers in a row that were something else's than the service's.",
    )
    suspected_since = fields.Datetime(readonly=True, copy=False)
    next_check_at = fields.Datetime(
        readonly=True, copy=False, help="When to ask next how it is."
    )
    answer_seconds = fields.Integer(
        "Slow answers take (s)",
        readonly=True,
        copy=False,
        help="What the slower of its answers have taken lately. 0: not known yet.",
    )
    understands_history = fields.Boolean(
        "Understands previous documents",
        readonly=True,
        copy=False,
        help="The service says that it compares a document with the customer's "
        "previous ones. Another one would take these for past rejections, so it is not "
        "sent any.",
    )
    understands_context = fields.Boolean(
        "Understands context",
        readonly=True,
        copy=False,
        help="The service says that it reads what other customers pay, what a note "
        "corrects, the last folio, and what persons have decided on its findings. "
        "Another one is not sent it.",
    )

    # === Business: what calls and the cron find out === #

    def _learn(self, outcomes):
        """Note how the service is from what some requests gave, in their order.

        :param outcomes: `Opinion`, `Health` or `AIServiceError` objects
        """
        self.ensure_one()
        was_well, was_out = self._is_well(), self._is_out()
        try:
            self._feed_breaker(outcomes)
        except NO_CURSOR:
            # The answers are stored: the next call will tell again how it is.
            _logger.info("The breaker of AI service %s could not be told", self.id)
        values = {}
        for outcome in outcomes:
            values |= self._state_after(outcome, values)
        newly_misconfigured = (
            values.get("health") == "misconfigured" and self.health != "misconfigured"
        )
        if values.get("health", self.health) != self.health:
            values["health_since"] = fields.Datetime.now()
        self._write_state(values)
        if newly_misconfigured:
            self._notify_managers(values["health_reason"])
        if not was_well:
            try:
                self._recover(outcomes[-1:], was_out)
            except NO_CURSOR:  # the next answer tells again
                _logger.info("What waits for AI service %s waits longer", self.id)
        if values.get("blocked_until"):
            self.env["l10n_cl_dte_ai.validation"]._trigger_cron(values["blocked_until"])
        if values.get("health") == "down":
            self._check_health_soon()

    def _is_well(self):
        """Tell whether one more good answer changes nothing of what is known."""
        return (
            self.health == "healthy"
            and not self.health_reason
            and not self.breaker_failures
            and not self.limited_count
            and not self.suspicions
        )

    def _is_out(self):
        """Tell whether it is the service that fails, whatever document it is asked."""
        return (
            self.health == "misconfigured" or self.breaker_failures >= FAILURES_TO_OPEN
        )

    def _feed_breaker(self, outcomes):
        failures = 0
        for outcome in outcomes:
            match outcome:
                case ai.Unavailable() | ai.Misconfigured(is_proof=False):
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

    def _speed_after(self, results):
        """Return what slow answers take after some more, in whole seconds.

        Known of the slower ones: those from the service's cache say little of the next.
        After one that took too long nothing is known any more, so that the next gets
        all of the time again.
        """
        known = self.answer_seconds
        for result in results:
            if isinstance(result.outcome, ai.Opinion):
                seconds = math.ceil(result.trace.duration_ms / 1000)
                known = max(seconds, known - 1 if 2 * seconds < known else known)
            elif getattr(result.outcome, "code", None) == "timeout":
                known = 0
        return known

    def _state_after(self, outcome, known):
        """Return the state that an outcome shows.

        :param dict known: what the outcomes before it have shown
        """
        calm = {"suspicions": 0, "suspected_since": None}
        match outcome:
            case ai.ClientFault():
                return {}  # says nothing of the service
            case ai.Misconfigured(is_proof=False):
                return self._suspect(outcome.code, known)
            case ai.Misconfigured(code=code):
                return {
                    **calm,
                    "health": "misconfigured",
                    "health_reason": code,
                    "next_check_at": self._seconds_from_now(CHECK_SECONDS_KEY),
                }
            case ai.Health():
                return calm | self._state_after_health(outcome)
            case ai.RateLimited(retry_after=retry_after):
                wait = retry_after or min(
                    BLIND_LIMIT_BASE * 2**self.limited_count, BLIND_LIMIT_MAX
                ) * random.uniform(1, 1.5)
                return {
                    **calm,
                    "health": "healthy",
                    "health_reason": None,
                    "blocked_until": self._seconds_from_now(wait),
                    "limited_count": min(self.limited_count + 1, 10),
                }
            case ai.Unavailable(code=code, retry_after=seconds):
                state = {**calm, "health": "down", "health_reason": code}
                if seconds:
                    state["blocked_until"] = self._seconds_from_now(seconds)
                return state
            case ai.Opinion():
                calm["limited_count"] = 0
        # Healthy; a Refused says so, too.
        return {**calm, "health": "healthy", "health_reason": None}

    def _state_after_health(self, outcome):
        understood = {
            "understands_history": HISTORY in outcome.capabilities,
            "understands_context": outcome.capabilities >= CONTEXT,
        }
        if outcome.status == "unhealthy":
            return {**understood, "health": "down", "health_reason": "server_error"}
        if outcome.status == "degraded":
            return {**understood, "health": "degraded", "health_reason": None}
        if self.health_reason in UNTRUSTED_REASONS:
            # /health does not look at the model, which gave no opinion: only an opinion
            # shows that it is well again.
            return {**understood, "health": "degraded"}
        return {**understood, "health": "healthy", "health_reason": None}

    def _suspect(self, code, known):
        """Something else answered: proof only where it goes on to.

        A proxy that is restarted gives one 404, one redirect or one broken TLS. To stop
        all documents until an administrator comes takes more than that.
        """
        if self.health == "misconfigured":
            return {}
        if self.health == "unknown":  # since its settings were saved it never was there
            return {"health": "misconfigured", "health_reason": code}
        now = database_now(self.env)
        count = known.get("suspicions", self.suspicions) + 1
        since = known.get("suspected_since") or self.suspected_since or now
        state = {"suspicions": count, "suspected_since": since}
        if count >= PROOF_COUNT and now - since >= PROOF_TIME:
            return {**state, "health": "misconfigured", "health_reason": code}
        return {**state, "health": "down", "health_reason": "strange"}

    def _seconds_from_now(self, seconds):
        return database_now(self.env) + timedelta(seconds=seconds)

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
        elif is_off(self.env, "l10n_cl_dte_ai.ir_cron_ask"):
            state = "queue_off"
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
