# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import logging
from datetime import timedelta

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools import ai
from .alarm import trigger
from .database import database_now
from .reasons import UNTRUSTED_REASONS, WIRE_REASONS

_logger = logging.getLogger(__name__)

# While documents wait for a service that is out: soon enough that they are all asked
# about within 15 s of its return, this and the time for one document included.
CHECK_SECONDS_OUT = 4

# A document is asked about again early only so often for other documents' good answers:
# the failure may be its own.
MAX_EARLY_ATTEMPTS = 4


# The state of the service is a room, and how it comes back another.
# pylint: disable=consider-merging-classes-inherited
class L10nClDteAiService(models.Model):
    """How the service comes back: whoever notices it makes due what waits.

    * /health is well: one waiting document is asked about, and may pass the breaker
    * a document was answered: all that wait for the service are asked about
    """

    _inherit = "l10n_cl_dte_ai.service"

    def _recover(self, last_outcome, was_out):
        """See whether the last of some outcomes shows that the service is back.

        :param list last_outcome: one, or none
        :param bool was_out: whether it was the service that failed, and not a document
        """
        for outcome in last_outcome:
            match outcome:
                case ai.Health(status="healthy" | "degraded"):
                    if self.health_reason not in UNTRUSTED_REASONS:
                        self._half_open()
                        self._make_due(limit=1)
                case ai.Opinion() | ai.Refused():
                    most = None if was_out else MAX_EARLY_ATTEMPTS
                    self._make_due(most_attempts=most)

    def _make_due(self, limit=None, most_attempts=None):
        """Let documents that wait for the service be asked about now.

        :param int limit: so many of them, those that come next
        :param int most_attempts: not those that were asked about more often
        """
        rows = self.env["l10n_cl_dte_ai.validation"]
        rows.flush_model()
        with self._own_cursor() as cr:
            cr.execute(
                SQL(
                    """
                    UPDATE l10n_cl_dte_ai_validation
                       SET next_attempt_at = date_trunc(
                               'second', clock_timestamp() AT TIME ZONE 'UTC')
                     WHERE id IN (
                            SELECT id FROM l10n_cl_dte_ai_validation
                             WHERE company_id = ANY(%(companies)s)
                               AND state = 'pending'
                               AND next_attempt_at
                                   > clock_timestamp() AT TIME ZONE 'UTC'
                               AND reason = ANY(%(reasons)s)
                               AND attempts <= %(attempts)s
                             ORDER BY next_attempt_at, id
                             LIMIT %(limit)s
                               FOR UPDATE SKIP LOCKED)
                    """,
                    companies=self._companies_to_ask_for().ids,
                    reasons=[*WIRE_REASONS, *UNTRUSTED_REASONS, "paused"],
                    attempts=1000 if most_attempts is None else most_attempts,
                    limit=limit,
                )
            )
            count = cr.rowcount
        if count:
            rows.invalidate_model(["next_attempt_at"], flush=False)
            rows._trigger_cron()

    def _on_closed(self, until):
        self.env["l10n_cl_dte_ai.validation"]._trigger_cron(until)

    def _on_reopened(self):
        # Now, and not when the cron next looks.
        self.env["l10n_cl_dte_ai.validation"]._trigger_cron()

    # === The health check === #

    def _check_health_soon(self):
        """Look whether the service is back, where documents wait for it."""
        if self.health != "down" or not self._is_awaited():
            return
        now = database_now(self.env)
        is_planned = self.next_check_at and self.next_check_at >= now
        if not is_planned:
            at = now + timedelta(seconds=CHECK_SECONDS_OUT)
            self._write_state({"next_check_at": at})
            trigger(self.env, "l10n_cl_dte_ai.ir_cron_check_health", at)

    def _is_awaited(self):
        waiting = Domain("company_id", "in", self._companies_to_ask_for().ids)
        waiting &= Domain("state", "=", "pending")
        rows = self.env["l10n_cl_dte_ai.validation"].sudo()
        return bool(rows.search_count(waiting, limit=1))

    @api.model
    def _cron_check_health(self):
        """Ask each service how it is, so that a person need not find out."""
        now = database_now(self.env)
        for service in self.search(Domain("company_ids.active", "=", True)):
            if service._no_call_reason(ignore_state=True):
                continue
            is_locked = service.health_reason == "credentials"
            if is_locked and service.next_check_at and service.next_check_at > now:
                continue
            try:
                service._check_health()
                self._commit()
            except Exception as error:  # noqa: BLE001  the others are asked nevertheless
                if self._can_commit():
                    self.env.cr.rollback()
                kind = type(error).__name__
                _logger.error("The health of AI service %s: %s", service.id, kind)

    def _check_health(self):
        client = self._client(ai.HEALTH_CHECK)
        is_misconfigured = self.health == "misconfigured"
        self._commit()  # no transaction is open while the service is asked
        with client:
            try:
                outcome = client.health()
                if is_misconfigured:
                    # /health knows nothing of key and address of the real requests.
                    client.check_key()
            except ai.AIServiceError as error:
                outcome = error
        if not self.exists():
            return
        self._learn([outcome])
        self._note_uptime(getattr(outcome, "uptime", None))
        self._check_health_soon()
