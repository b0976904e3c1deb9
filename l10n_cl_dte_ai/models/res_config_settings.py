# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.exceptions import UserError

from ..tools import ai

SERVICE_FIELDS = (
    "url",
    "allow_http",
    "rate_per_minute",
    "interactive_seconds",
    "background_seconds",
)
DEFAULT_RATE = 20  # a minute, as the service is delivered


def _of_service(name, default=None):
    """Return a compute method for a field of the company's service.

    One for each field: those that share one come out empty in the inverse where only
    some of them are given.
    """

    @api.depends("l10n_cl_dte_ai_service_id")
    def compute(self):
        for settings in self:
            service = settings.l10n_cl_dte_ai_service_id
            settings[f"l10n_cl_dte_ai_{name}"] = service[name] if service else default

    return compute


class ResConfigSettings(models.TransientModel):
    """The AI service of the current company, edited in place.

    The fields are not stored: the settings' own table keeps its rows for a while, and a
    key has no business in there.
    """

    _inherit = "res.config.settings"

    l10n_cl_dte_ai_service_id = fields.Many2one(
        related="company_id.l10n_cl_dte_ai_service_id", readonly=False
    )
    l10n_cl_dte_ai_policy = fields.Selection(
        related="company_id.l10n_cl_dte_ai_policy", readonly=False, required=True
    )
    l10n_cl_dte_ai_on_post = fields.Selection(
        related="company_id.l10n_cl_dte_ai_on_post", readonly=False, required=True
    )
    l10n_cl_dte_ai_unattended = fields.Selection(
        related="company_id.l10n_cl_dte_ai_unattended", readonly=False, required=True
    )
    l10n_cl_dte_ai_leave_out_names = fields.Boolean(
        related="company_id.l10n_cl_dte_ai_leave_out_names", readonly=False
    )
    l10n_cl_dte_ai_url = fields.Char(
        string="AI Service Address",
        compute=_of_service("url"),
        inverse="_inverse_l10n_cl_dte_ai_service",
        readonly=False,
    )
    l10n_cl_dte_ai_allow_http = fields.Boolean(
        string="Allow an Unencrypted Connection",
        compute=_of_service("allow_http"),
        inverse="_inverse_l10n_cl_dte_ai_service",
        readonly=False,
    )
    l10n_cl_dte_ai_new_key = fields.Char(
        string="AI Service Key",
        compute="_compute_l10n_cl_dte_ai_new_key",
        inverse="_inverse_l10n_cl_dte_ai_service",
        readonly=False,
    )
    l10n_cl_dte_ai_rate_per_minute = fields.Integer(
        string="Requests a Minute",
        compute=_of_service("rate_per_minute", DEFAULT_RATE),
        inverse="_inverse_l10n_cl_dte_ai_service",
        readonly=False,
        help="What the service allows for the key. 0: it has no limit.",
    )
    l10n_cl_dte_ai_interactive_seconds = fields.Integer(
        string="Time Limit While a Person Waits",
        compute=_of_service("interactive_seconds", int(ai.INTERACTIVE.total)),
        inverse="_inverse_l10n_cl_dte_ai_service",
        readonly=False,
    )
    l10n_cl_dte_ai_background_seconds = fields.Integer(
        string="Time Limit in the Background",
        compute=_of_service("background_seconds", int(ai.BACKGROUND.total)),
        inverse="_inverse_l10n_cl_dte_ai_service",
        readonly=False,
    )
    l10n_cl_dte_ai_key_source = fields.Selection(
        related="l10n_cl_dte_ai_service_id.key_source", string="AI Service Key Source"
    )
    l10n_cl_dte_ai_health = fields.Json(
        string="AI Service State", compute="_compute_l10n_cl_dte_ai_health"
    )
    l10n_cl_dte_ai_shared_with = fields.Char(
        string="AI Service Shared With", compute="_compute_l10n_cl_dte_ai_health"
    )

    l10n_cl_dte_readiness = fields.Json(related="company_id.l10n_cl_dte_readiness")
    l10n_cl_dte_ai_schemas = fields.Selection(
        [("none", "Not Loaded"), ("loaded", "Loaded"), ("broken", "Unusable")],
        string="SII Schemas",
        compute="_compute_l10n_cl_dte_ai_schemas",
    )

    def _compute_l10n_cl_dte_ai_schemas(self):
        self.l10n_cl_dte_ai_schemas = self.env["l10n_cl_dte.schema"]._state()

    def _compute_l10n_cl_dte_ai_new_key(self):
        self.l10n_cl_dte_ai_new_key = False

    @api.depends("l10n_cl_dte_ai_service_id")
    def _compute_l10n_cl_dte_ai_health(self):
        for settings in self:
            service = settings.l10n_cl_dte_ai_service_id
            others = service.company_ids - settings.company_id
            settings.l10n_cl_dte_ai_health = service._status()
            settings.l10n_cl_dte_ai_shared_with = ", ".join(others.mapped("name"))

    def _inverse_l10n_cl_dte_ai_service(self):
        for settings in self:
            service = settings.l10n_cl_dte_ai_service_id
            values = {
                name: settings[f"l10n_cl_dte_ai_{name}"] for name in SERVICE_FIELDS
            }
            values["url"] = (values["url"] or "").strip().rstrip("/")
            key = (settings.l10n_cl_dte_ai_new_key or "").strip()
            if not values["url"]:
                if key:
                    raise UserError(
                        self.env._("Enter the address of the AI service with its key.")
                    )
                settings.company_id.l10n_cl_dte_ai_service_id = False
                continue
            if key:
                values["new_key"] = key
            if service:
                service.write(values)
            else:
                values["name"] = self.env._(
                    "AI service of %s", settings.company_id.name
                )
                settings.company_id.l10n_cl_dte_ai_service_id = service.create(values)
        # Not even the answer to the request that saves it may hold the key.
        self.invalidate_recordset(["l10n_cl_dte_ai_new_key"], flush=False)

    def action_l10n_cl_dte_ai_test_connection(self):
        """Test what stands on the page: it is saved with the click, as Save does."""
        self.set_values()
        service = self.company_id.l10n_cl_dte_ai_service_id
        if not service:
            raise UserError(
                self.env._("Enter the address and the key of the AI service first.")
            )
        action = service.action_test_connection()
        # The state beside the button follows by itself; a reload would scroll away.
        del action["params"]["next"]
        return action

    def action_l10n_cl_dte_ai_load_schemas(self):
        self.env["l10n_cl_dte.schema"]._load_from_sii()
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def action_l10n_cl_dte_ai_remove_schemas(self):
        self.env["l10n_cl_dte.schema"]._remove()
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def action_l10n_cl_dte_ai_open_company(self):
        return self.company_id._get_records_action()
