# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import os

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Domain

from ..tools import ai
from .alarm import trigger
from .reasons import EXPLANATIONS

# A key in the server's environment, and the one address that may be given it: any
# administrator of any database on this server can enter another.
KEY_VARIABLE, URL_VARIABLE = "L10N_CL_DTE_AI_KEY", "L10N_CL_DTE_AI_URL"
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
    "suspicions",
    "suspected_since",
    "next_check_at",
    "answer_seconds",
    "understands_history",
    "understands_context",
)
USER_GROUP = "l10n_cl_dte_ai.group_user"
MANAGER_GROUP = "l10n_cl_dte_ai.group_manager"


class L10nClDteAiService(models.Model):
    """An AI service: its address, its key, and how it is.

    One row for each (address, key), shared by the companies that use it, since limits
    and outages belong to the service and not to a company.
    """

    _name = "l10n_cl_dte_ai.service"
    _inherit = ["l10n_cl_dte.gate"]
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
        help="Write-only: no screen, export or RPC answer shows a stored key, not to "
        "administrators either. Who can run code on the server (server actions, "
        "modules, the database) can read it nevertheless.",
    )
    key_source = fields.Selection(
        [
            ("environment", "From the environment"),
            ("database", "Stored"),
            ("elsewhere", "The environment's key is for another address"),
        ],
        compute="_compute_key_source",
        help="A key in the server's environment (L10N_CL_DTE_AI_KEY) is used for the "
        "address that the environment names beside it (L10N_CL_DTE_AI_URL), and for no "
        "other. There it wins over a stored one.",
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

    @api.depends("key", "url")
    def _compute_key_source(self):
        for service in self:
            if service._environment_key():
                service.key_source = "environment"
            elif service.sudo().key:
                service.key_source = "database"
            else:
                has_other = bool(os.environ.get(KEY_VARIABLE, "").strip())
                service.key_source = "elsewhere" if has_other else False

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
        if vals.get("active") is False:
            companies = self.with_context(active_test=False).company_ids
            self.env["l10n_cl_dte_ai.validation"]._give_up(companies)
            self._notify_health()
        changed = self.filtered(
            lambda service: (
                "key" in vals or addresses[service] != (service.url, service.allow_http)
            )
        )
        if changed:
            changed._check_url()
            changed._pin_to_database()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_in_use(self):
        rows = self.env["l10n_cl_dte_ai.validation"].sudo()
        for service in self.with_context(active_test=False):
            companies = service.company_ids
            if not companies:
                continue
            waiting = Domain("company_id", "in", companies.ids)
            waiting &= Domain("state", "in", ("pending", "sending"))
            raise UserError(
                self.env._(
                    "“%(service)s” is the AI service of %(companies)s, and documents "
                    "that wait for it: %(count)s. Choose another one for them in the "
                    "settings first, or archive this one: then its queue is given up, "
                    "and what the policy wants still holds.",
                    service=service.name,
                    companies=", ".join(companies.mapped("name")),
                    count=rows.search_count(waiting),
                )
            )

    def _companies_to_ask_for(self):
        """Return the companies whose documents are sent; an archived one's are not."""
        return self.sudo().company_ids.filtered("active")

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
                    "suspicions": 0,
                    "suspected_since": False,
                    "next_check_at": False,
                    "answer_seconds": 0,
                    "understands_history": False,
                    "understands_context": False,
                    "blocked_until": False,
                    "limited_count": 0,
                    "breaker_failures": 0,
                    "breaker_opens": 0,
                    "breaker_until": False,
                }
            )
        self._notify_health()
        # What it understands is known from its health: before the first document, if
        # possible. What waited for the settings is due now.
        trigger(self.env, "l10n_cl_dte_ai.ir_cron_check_health")
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
        client = self._client(ai.HEALTH_CHECK)
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
        return self._environment_key() or self.sudo().key

    def _environment_key(self):
        """Return the environment's key where it is for this service's address."""
        if not ai.is_same_address(self.url, os.environ.get(URL_VARIABLE)):
            return None
        # Read from a file, a variable often ends with a line break.
        return os.environ.get(KEY_VARIABLE, "").strip()

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

    def _client(self, limits, spent=0.0):
        """Return a client for this service: nothing of the database is in it.

        :param ai.Limits limits: what it is for; the settings say how long it may take
        :param float spent: seconds of that which have passed already
        """
        total = {
            ai.INTERACTIVE: self.interactive_seconds,
            ai.BACKGROUND: self.background_seconds,
        }.get(limits, limits.total)
        limits = limits._replace(total=max(total - spent, 0))
        limits = limits.for_answers_of(self.answer_seconds)
        return ai.AIServiceClient(self.url, self._key(), limits)
