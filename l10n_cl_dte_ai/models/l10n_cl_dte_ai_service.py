# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import logging
import os
import random
from datetime import timedelta

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools import ai
from .database import NO_CURSOR, can_commit, commit, database_now, own_cursor
from .reasons import EXPLANATIONS, REASONS, UNTRUSTED_REASONS

_logger = logging.getLogger(__name__)

KEY_VARIABLE = "L10N_CL_DTE_AI_KEY"
# What the indicator shows. This transaction may not see yet what another wrote, so only
# a change of it is told, and never a stale value beside another one.
SHOWN_STATE = {"health", "health_reason", "blocked_until"}
BUS_HEALTH = "l10n_cl_dte_ai/health"
# What a call needs, and what is learnt from it.
CALL_FIELDS = (
    "active",
    "url",
    "interactive_seconds",
    "background_seconds",
    "rate_per_minute",
    "database_uuid",
    "generation",
    "health",
    "health_reason",
    "health_since",
    "blocked_until",
    "limited_count",
    "breaker_failures",
    "breaker_until",
    "probe_until",
)
USER_GROUP = "l10n_cl_dte_ai.group_user"
MANAGER_GROUP = "l10n_cl_dte_ai.group_manager"

# A service that limits without saying for how long: 3 s, doubled up to a minute.
BLIND_LIMIT_BASE, BLIND_LIMIT_MAX = 3, 60


class L10nClDteAiService(models.Model):
    """An AI service: its address, its key, and how it is.

    One row for each (address, key), shared by the companies that use it, since limits
    and outages belong to the service and not to a company.
    """

    _name = "l10n_cl_dte_ai.service"
    _description = "AI Service for Electronic Tax Documents"
    _order = "id"

    # === Settings === #
    name = fields.Char(required=True, default=lambda self: self.env._("AI Service"))
    active = fields.Boolean(default=True)
    company_ids = fields.One2many(
        "res.company", "l10n_cl_dte_ai_service_id", string="Companies"
    )
    url = fields.Char(
        string="Address",
        required=True,
        help="Where the AI service answers, for example https://ai.example.cl",
    )
    allow_http = fields.Boolean(
        string="Allow an unencrypted connection",
        help="Only for a service in your own protected network: documents and key are "
        "sent in clear.",
    )
    key = fields.Char("Stored Key", groups=fields.NO_ACCESS, copy=False, prefetch=False)
    new_key = fields.Char(
        string="Key",
        compute="_compute_new_key",
        inverse="_inverse_new_key",
        help="Write-only: a stored key is never shown. Enter a new one to replace it.",
    )
    key_source = fields.Selection(
        [("environment", "From the environment"), ("database", "Stored")],
        compute="_compute_key_source",
    )
    interactive_seconds = fields.Integer(
        string="Time limit while a person waits",
        default=int(ai.INTERACTIVE.total),
        help="In seconds. After that the document is queued and the person goes on.",
    )
    background_seconds = fields.Integer(
        string="Time limit in the background",
        default=int(ai.BACKGROUND.total),
        help="In seconds, for a document in the queue.",
    )
    database_uuid = fields.Char("Configured in Database", readonly=True, copy=False)
    generation = fields.Integer(
        readonly=True,
        copy=False,
        help="Counts changes of address and key: what was asked before one is void.",
    )

    # === State, shared by all workers: see _write_state === #
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
    blocked_until = fields.Datetime(string="Limited until", readonly=True, copy=False)
    limited_count = fields.Integer(
        readonly=True,
        copy=False,
        help="429 answers in a row that did not say how long to wait.",
    )

    _check_time_limits = models.Constraint(
        "CHECK (interactive_seconds BETWEEN 3 AND 12"
        " AND background_seconds BETWEEN 5 AND 25)",
        "The time limit must be 3 to 12 seconds while a person waits, and 5 to 25 "
        "seconds in the background.",
    )

    # === Compute === #

    def _compute_new_key(self):
        self.new_key = False

    def _inverse_new_key(self):
        for service in self:
            key = service.new_key
            if not key:  # an untouched, empty input
                continue
            if not ai.is_valid_key(key):
                raise ValidationError(
                    self.env._(
                        "The key must have 16 to 512 characters: letters, digits and "
                        "signs, without spaces or accents. Copy it again from where "
                        "the service gave it to you."
                    )
                )
            service.sudo().key = key
        # Not even the answer to the request that saves it may hold the key.
        self.invalidate_recordset(["new_key"], flush=False)

    @api.depends("key")
    def _compute_key_source(self):
        for service in self:
            if os.environ.get(KEY_VARIABLE, "").strip():
                service.key_source = "environment"
            else:
                service.key_source = "database" if service.sudo().key else False

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        services = super().create(vals_list)
        services._check_url()
        services._pin_to_database()
        services.invalidate_recordset(["new_key"], flush=False)
        return services

    def write(self, vals):
        addresses = {service: (service.url, service.allow_http) for service in self}
        result = super().write(vals)
        changed = self.filtered(
            lambda service: (
                "key" in vals or addresses[service] != (service.url, service.allow_http)
            )
        )
        if changed:
            changed._check_url()
            changed._pin_to_database()
        return result

    def _check_url(self):
        messages = {
            "malformed": self.env._(
                "The address must look like https://ai.example.cl, without spaces and "
                "without anything after a ? or #."
            ),
            "userinfo": self.env._(
                "The address must not hold a user or password. Enter the key in its "
                "own field."
            ),
            "http": self.env._(
                "The address must begin with https://, so that documents and key are "
                "encrypted on their way. Unencrypted http:// is accepted for a service "
                "on this same machine, or if you allow it explicitly."
            ),
            "forbidden_address": self.env._(
                "This address belongs to the machine's own network and cannot be an AI "
                "service. Enter the service's name or address."
            ),
        }
        for service in self:
            if problem := ai.check_url(service.url, service.allow_http):
                raise ValidationError(messages[problem])

    def _pin_to_database(self):
        """Remember for which database the settings were made, and start afresh."""
        uuid = self.env["ir.config_parameter"].sudo().get_param("database.uuid")
        for service in self.sudo():
            service.write(
                {
                    "database_uuid": uuid,
                    "generation": service.generation + 1,
                    "health": "unknown",
                    "health_reason": False,
                    "blocked_until": False,
                    "limited_count": 0,
                    "breaker_failures": 0,
                    "breaker_opens": 0,
                    "breaker_until": False,
                }
            )
        self._notify_health()
        # What waited for the settings is due now.
        self.env["l10n_cl_dte_ai.validation"]._trigger_cron()

    # === Actions === #

    def action_test_connection(self):
        """Prove address, certificate, service and key, and say what was found."""
        self.ensure_one()
        self._check_manager()
        service = self.sudo()
        if reason := service._no_call_reason(ignore_state=True):
            kind, message = "warning", self.env._(EXPLANATIONS[reason])
        else:
            kind, message = service._test_connection()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": kind,
                "title": self.env._("AI service"),
                "message": message,
                "sticky": kind != "success",
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def _check_manager(self):
        if not self.env.user.has_group(MANAGER_GROUP):
            raise AccessError(
                self.env._("This is reserved to administrators of DTE AI.")
            )

    def _test_connection(self):
        """Return the kind of notification and the text of what was found."""
        client = self._client(ai.INTERACTIVE)
        self._commit()  # no transaction is open while the service is asked
        try:
            with client:
                health = client.health()
                client.check_key()
        except ai.AIServiceError as error:
            self._learn([error])
            return "danger", self._test_failure(error.code)
        self._learn([health])
        if health.status == "healthy":
            return "success", self.env._(
                "The service answers and accepts the key (version %s).", health.version
            )
        return "warning", self.env._(
            "The service answers and accepts the key (version %s), but says that it is "
            "degraded: its answers may be slow or missing. Documents are queued then.",
            health.version,
        )

    def _test_failure(self, code):
        if code in ("unreachable", "timeout", "interrupted", "server_error", "busy"):
            return self.env._(
                "The service cannot be reached at %s. Check the address, and that the "
                "service runs.",
                self.url,
            )
        return self.env._(EXPLANATIONS.get(code, EXPLANATIONS["unreadable"]))

    # === Business: may it be asked, and with what === #

    def _key(self):
        # Read from a file, a variable often ends with a line break.
        return os.environ.get(KEY_VARIABLE, "").strip() or self.sudo().key

    def _reread(self):
        """Return itself as it is now, or nothing if it was deleted; in one query."""
        everything = self.with_context(active_test=False)
        found = everything.search_fetch(Domain("id", "in", self.ids), CALL_FIELDS)
        return found.with_env(self.env)

    def _no_call_reason(self, ignore_state=False):
        """Return the code of why the service must not be asked at all now, or None.

        :param bool ignore_state: for the test of the connection, which asks in order to
            find out whether a misconfigured service has been mended
        """
        self.sudo().fetch([*CALL_FIELDS, "key"])
        if not self or not self.active or not self.url or not self._key():
            return "not_configured"
        parameters = self.env["ir.config_parameter"].sudo()
        if parameters.get_param("database.is_neutralized"):
            return "neutralized"
        if self.database_uuid != parameters.get_param("database.uuid"):
            return "copied"
        if self.health == "misconfigured" and not ignore_state:
            return self.health_reason or "not_configured"
        return None

    def _client(self, limits):
        """Return a client for this service: nothing of the database is in it."""
        total = (
            self.interactive_seconds
            if limits is ai.INTERACTIVE
            else self.background_seconds
        )
        limits = limits._replace(total=total, read=min(limits.read, total))
        return ai.AIServiceClient(self.url, self._key(), limits)

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
            case ai.Unavailable(code=code):
                return {"health": "down", "health_reason": code}
            case ai.Opinion():
                return {"health": "healthy", "health_reason": None, "limited_count": 0}
        # Healthy; a Refused says so, too.
        return {"health": "healthy", "health_reason": None}

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

    def _own_cursor(self):
        if not self._can_commit():
            self.flush_recordset()
        return own_cursor(self.env)

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

    @api.model
    def _commit(self):
        commit(self.env)

    @api.model
    def _can_commit(self):
        return can_commit()
