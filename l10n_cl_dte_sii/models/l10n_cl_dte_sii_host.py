# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models

from odoo.addons.l10n_cl_dte_ai.models.alarm import trigger
from odoo.addons.l10n_cl_dte_ai.models.l10n_cl_dte_ai_service import USER_GROUP
from odoo.addons.l10n_cl_dte_ai.tools.ai import Exchange

from ..tools import sii_client
from ..tools.errors import SIMULATOR
from .environments import ENVIRONMENTS

SIMULATOR_PARAMETER = "l10n_cl_dte_sii.simulator_url"
SIMULATOR_ADDRESS = "http://127.0.0.1:8110"
CRON = "l10n_cl_dte_sii.ir_cron_exchange"


class L10nClDteSiiHost(models.Model):
    """A host of the SII, with its gate: whether it may be asked now.

    Certification and production are one host each, and so is the simulator: what one
    of them does says nothing of the others. Code alone makes and changes rows.
    """

    _name = "l10n_cl_dte_sii.host"
    _inherit = ["l10n_cl_dte.gate"]
    _description = "Host of the SII"
    _order = "id"
    _rec_name = "environment"

    environment = fields.Selection(ENVIRONMENTS, required=True, readonly=True)
    # The SII names no limit: who is too fast meets its breaker.
    rate_per_minute = fields.Integer(default=0)

    _one_each = models.UniqueIndex("(environment)")
    _check_rate = models.Constraint(
        "CHECK (rate_per_minute BETWEEN 0 AND 100000)",
        "The rate must be from 0 (no limit) to 100,000 requests a minute.",
    )

    @api.model
    def _of(self, environment):
        """Return the host of an environment, as superuser."""
        return self.sudo().search([("environment", "=", environment)])

    def _client(self, signer, holder):
        """Return a client of this host: nothing of the database is in it.

        :param signer: who signs the login, and under which token is worked
        :param str holder: RUT of the certificate's holder
        """
        self.ensure_one()
        return sii_client.SiiClient(self._address(), signer, holder, Exchange)

    def _address(self):
        """Return where the host answers; the simulator's is a system parameter."""
        if self.environment != SIMULATOR:
            return sii_client.HOSTS[self.environment]
        parameters = self.env["ir.config_parameter"].sudo()
        return parameters.get_param(SIMULATOR_PARAMETER) or SIMULATOR_ADDRESS

    def _learn(self, is_there):
        """Feed the breaker: the host answered, or it failed.

        :param bool is_there: whether it answered, whatever that was
        """
        if is_there:
            self._close_breaker()
        else:
            self._count_failures(1)

    def _on_closed(self, until):
        # EXTENDS 'l10n_cl_dte_ai'
        self._notify_state("down")
        trigger(self.env, CRON, until)

    def _on_reopened(self):
        # EXTENDS 'l10n_cl_dte_ai': what waits for it is due now, and not when it was
        # to be asked next.
        self._notify_state("healthy")
        self.env["l10n_cl_dte_sii.sending"]._make_due(self)
        trigger(self.env, CRON)

    def _notify_state(self, state):
        """Tell those who have the indicator in their top bar.

        :param str state: healthy or down; this transaction may not see it yet
        """
        if group := self.env.ref(USER_GROUP, raise_if_not_found=False):
            status = {"environment": self.environment, "state": state}
            group.sudo()._bus_send("l10n_cl_dte_sii/host", status)


class L10nClDteAiService(models.Model):
    _inherit = "l10n_cl_dte_ai.service"

    @api.model
    def get_status(self):
        # EXTENDS 'l10n_cl_dte_ai': the indicator tells how the SII is, too.
        statuses = super().get_status()
        companies = self.env["res.company"].browse(statuses).sudo()
        for company in companies:
            settings = company._l10n_cl_dte_sii_with_settings().sudo()
            if environment := settings.l10n_cl_dte_sii_environment:
                host = self.env["l10n_cl_dte_sii.host"]._of(environment)
                statuses[company.id]["sii"] = {
                    "environment": environment,
                    "state": "down" if host._is_closed() else "healthy",
                }
        return statuses
