# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import logging
import time
from datetime import timedelta
from functools import partial

from odoo import api, models
from odoo.fields import Domain
from odoo.service.model import retrying
from odoo.tools import SQL

from ..tools import ai
from . import dispatch
from .database import DATABASE_GONE, database_now, database_soon
from .dispatch import Call, perform
from .keep import keep
from .l10n_cl_dte_ai_validation import LEASE
from .l10n_cl_dte_gate import MAX_CLICK_WAIT
from .machine import together_or_alone

_logger = logging.getLogger(__name__)

# Seconds that the cron goes on asking. Only about 51 s of Odoo's default limit of 120
# are sure for all crons of a database, and the last requests may take 25 s more.
SLICE = 10


# The dispatcher is a room of its own beside the rows.
# pylint: disable=consider-merging-classes-inherited
class L10nClDteAiValidation(models.Model):
    """The one road to the service: for a click, for many documents, and for retries.

        claim ──> gate ──commit──> ask (no transaction) ──> store ──commit──> learn

    The order matters: the claim is committed before the service hears of a document,
    no transaction is open while it thinks, and after its answer only the storing is
    ever repeated. So a conflict in the database never asks it again, and what a killed
    worker leaves behind is asked again under the same key, when its lease is over.

    The gate comes after all that takes time: a request that is late for its slot comes
    too close to those of other workers, and the service counts it in their minute.
    """

    _inherit = "l10n_cl_dte_ai.validation"

    # === A person waits === #

    def _ask_now(self):
        """Ask while a person waits; what cannot be answered in time stays queued."""
        self.ensure_one()
        started = time.monotonic()
        validation = self.sudo()
        service = validation._service()
        if "ask" not in validation._valid_actions():
            return
        if reason := service._no_call_reason():
            validation.reason = reason
            return
        if not validation._claim():
            return
        (call,) = validation._calls(service.generation)
        # Of the time that she was promised, at least half is left for the answer.
        half = timedelta(seconds=service.interactive_seconds / 2)
        grant = service._acquire(min(MAX_CLICK_WAIT, half))
        if not grant:
            # Without a time the service was just deleted: another may be asked at once.
            until = grant.until or database_now(self.env)
            validation._postpone(grant.reason, until)
            return
        spent = time.monotonic() - started + grant.wait
        client = service._client(ai.INTERACTIVE, spent)
        service._commit()
        time.sleep(grant.wait)
        call = call._replace(wait=grant.wait, is_probe=grant.is_probe)
        with client:
            result = perform(client, call, service._take_retry)
        self._finish(service, [result], in_background=False)

    # === Nobody waits === #

    @api.model
    def _cron_ask(self):
        """Ask about what is due, the longest waiting first, until the slice is over."""
        seconds = min(self._commit_progress(), SLICE)
        if seconds > 0:
            dispatch.ask(self, self._services_to_ask(), seconds)
        # The rest has a trigger, and nothing "remains" for the scheduler: it would warn
        # where nobody could be asked, and show the action as late while it works.
        self.env["ir.cron"]._commit_progress(remaining=0)
        if self._services_to_ask() and self.search_count(self._due_domain(), limit=1):
            # Without it the rest waits for the next poll, a minute away.
            self._trigger_cron()

    @api.model
    def _commit_progress(self, processed=0):
        remaining = self.search_count(self._due_domain(), limit=100_000)
        return self.env["ir.cron"]._commit_progress(processed, remaining=remaining)

    @api.model
    def _services_to_ask(self):
        services = self.env["l10n_cl_dte_ai.service"].search(
            Domain("company_ids.active", "=", True)
        )
        return services.filtered(
            lambda s: not s._no_call_reason() and not s._is_closed()
        )

    @api.model
    def _due_domain(self, services=None):
        """Select the rows that may be asked about now, without those that must wait."""
        now = database_soon(self.env)
        services = self._services_to_ask() if services is None else services
        companies = services._companies_to_ask_for()
        return Domain("company_id", "in", companies.ids) & (
            Domain("state", "=", "pending") & Domain("next_attempt_at", "<=", now)
            | Domain("state", "=", "sending") & Domain("lease_until", "<", now)
        )

    @api.model
    def _is_due(self, service):
        """Tell whether there is something to ask this service about."""
        return bool(self.search(self._due_domain(service), limit=1))

    @api.model
    def _release(self, row_ids):
        """Give back what was claimed and not sent."""

        def release():
            rows = self.browse(row_ids).exists()
            rows.filtered(lambda row: row.state == "sending").write(
                {"state": "pending", "lease_until": False}
            )

        self._repeat(release)

    @api.model
    def _repeat(self, change):
        """Change rows and commit, again after a conflict; no request is in it.

        Who saves a document writes its row: the cron must not end for it and forget
        what came in.
        """
        can_commit = self.env["l10n_cl_dte_ai.service"]._can_commit()
        return retrying(change, self.env) if can_commit else change()

    @api.model
    def _claim_due(self, service, limit):
        """Take the rows that wait longest, each for this worker alone.

        On a cursor of its own: in Odoo's isolation a worker would fail on a row that
        another one has just taken, instead of taking the next.
        """
        self.env.flush_all()
        with service._own_cursor() as cr:
            cr.execute(
                SQL(
                    """
                    WITH clock AS (
                        SELECT clock_timestamp() AT TIME ZONE 'UTC' AS now),
                    due AS (
                        SELECT id FROM l10n_cl_dte_ai_validation, clock
                         WHERE company_id = ANY(%(companies)s)
                           AND (state = 'pending' AND next_attempt_at <= clock.now
                                OR state = 'sending' AND lease_until < clock.now)
                         ORDER BY next_attempt_at, id
                         LIMIT %(limit)s
                           FOR UPDATE OF l10n_cl_dte_ai_validation SKIP LOCKED)
                    UPDATE l10n_cl_dte_ai_validation validation
                       SET state = 'sending', lease_until = clock.now + %(lease)s
                      FROM due, clock
                     WHERE validation.id = due.id
                 RETURNING validation.id, validation.next_attempt_at
                    """,
                    companies=service._companies_to_ask_for().ids,
                    limit=limit,
                    lease=LEASE,
                )
            )
            taken = sorted(cr.fetchall(), key=lambda row: (row[1], row[0]))
        claimed = self.browse([row_id for row_id, _since in taken])
        claimed.invalidate_recordset(["state", "lease_until"], flush=False)
        return claimed

    def _prepare_calls(self, generation):
        """Return the calls of the claimed rows; one bad row holds no other back."""

        def note(row, error):
            _logger.error("%s cannot be asked: %s", row, type(error).__name__)
            row._try_later("fault")

        calls = together_or_alone(
            self, lambda rows: rows._prepare_background()._calls(generation), note
        )
        return [call for some in calls for call in some]

    def _prepare_background(self):
        """Return the claimed rows to ask about, without those that are outdated.

        Where a document has changed, its new content gets a row, which is due at once.
        Where it is cancelled, or of a type that is not covered, it gets none.
        """
        ready = self.filtered(
            lambda row: row.is_current and row.move_id._l10n_cl_dte_is_covered()
        )
        outdated = self - ready
        outdated.write(
            {"state": "cancelled", "next_attempt_at": False, "lease_until": False}
        )
        for row in outdated:
            if row.move_id._l10n_cl_dte_is_covered():
                row._queue_anew()
        outdated.batch_ids._update()
        return ready

    # === The call === #

    def _calls(self, generation):
        for row in self:
            if (body := row._body_to_send()) != row.request_body:
                row.request_body = body
        return [
            Call(
                row.id,
                row.request_body,
                row._idempotency_key(),
                generation,
                (row.requested_by_id.lang or "").replace("_", "-"),
            )
            for row in self
        ]

    @api.model
    def _finish(self, service, results, in_background):
        store = partial(self._store, service, results, in_background)
        try:
            is_news = self._repeat(store)
        except DATABASE_GONE:
            if not in_background:
                keep(service, results)
            raise
        if is_news and (service := service._reread()):
            service._write_state({"answer_seconds": service._speed_after(results)})
            # What was asked with settings of before says nothing of those of now.
            generation = service.generation
            service._learn(
                [r.outcome for r in results if r.call.generation == generation]
            )
            service._commit()
        for result in results:
            _logger.info(
                "AI service: %s in %s ms, request %s",
                getattr(result.outcome, "recommendation", None) or result.outcome.code,
                result.trace.duration_ms,
                result.trace.request_id,
            )
