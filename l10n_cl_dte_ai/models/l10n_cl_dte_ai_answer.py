# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import logging
import random
from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain

from ..tools import ai
from .database import database_now
from .dispatch import went_well
from .l10n_cl_dte_ai_service import CALL_FIELDS
from .machine import together_or_alone
from .payload_fields import read_ahead
from .reasons import WIRE_REASONS

_logger = logging.getLogger(__name__)

BUS_ANSWER = "l10n_cl_dte_ai/answer"
BUS_ANSWERED = "l10n_cl_dte_ai/answered"  # for the forms that are open
VERDICTS = {"send": "approved", "review": "review", "reject": "rejected"}

MAX_ATTEMPTS = 8
# An answer that is no opinion rarely gets better by asking again.
MAX_UNTRUSTED_ANSWERS = 3
BACKOFF_BASE, BACKOFF_MAX = 15, 900  # seconds

# What is looked at when an answer is stored.
STORE_FIELDS = (
    "move_id",
    "state",
    "verdict",
    "reason",
    "attempts",
    "is_current",
    "digest",
    "outcome",
    "decided_by_id",
    "requested_by_id",
    "batch_ids",
    # From which follows where the document stands.
    "move_id.company_id",
    "move_id.state",
    "move_id.l10n_cl_dte_ai_digest",
    "move_id.l10n_cl_dte_ai_state",
    "move_id.l10n_cl_dte_findings",
    "move_id.l10n_cl_dte_fingerprint",
    "move_id.l10n_cl_dte_state",
    "company_id.l10n_cl_dte_ai_policy",
    *(f"company_id.l10n_cl_dte_ai_service_id.{name}" for name in CALL_FIELDS),
)
OWN_STORE_FIELDS = tuple({name.partition(".")[0]: None for name in STORE_FIELDS})


# What comes of a call is a room of its own beside the rows.
# pylint: disable=consider-merging-classes-inherited
class L10nClDteAiValidation(models.Model):
    """What came of asking: written down, told, and asked again later where it
    failed.
    """

    _inherit = "l10n_cl_dte_ai.validation"

    @api.model
    def _store(self, service, results, in_background):
        """Write down what came of some calls, in one transaction.

        :return: whether they may tell something new of the service
        """
        self.env.invalidate_all()
        asked = self.browse([result.call.validation_id for result in results])
        # Those that are still there, with what is looked at in one statement.
        rows = self.search_fetch(Domain("id", "in", asked.ids), OWN_STORE_FIELDS)
        read_ahead(rows, STORE_FIELDS)
        if rows._service() != service:
            service = service._reread()  # another has taken its place, or it is gone
        is_news = not (
            service._is_well()
            and all(map(went_well, results))
            and service._speed_after(results) == service.answer_seconds
        )
        # Who is known to be down was asked only to see whether it is back.
        was_down = service.health == "down"
        results = {
            row: result
            for row, result in zip(asked, results, strict=True)
            # Not one deleted meanwhile, or answered by whoever took over the lease.
            if row in rows and row.state == "sending"
        }
        for row, result in results.items():
            current = row._service()
            if current == service and current.generation == result.call.generation:
                counts = not (was_down and result.call.is_probe)
                row._store_outcome(result.outcome, result.trace, counts)
            else:
                # The settings have changed: what the service of before said is void.
                row._postpone(False, database_now(self.env))
            if row.state == "pending" and not current.active:
                # Nobody is there to be asked again.
                row.write({"state": "cancelled", "next_attempt_at": False})
                row.batch_ids._update()
        self._log_attempts(service, results, in_background)
        self._queue_edited(results)
        answered = (
            self.browse()
            .concat(*results)
            .filtered(lambda row: row.state in ("done", "failed"))
        )
        if in_background:
            answered.filtered(
                lambda row: not row._is_told_by_batch()
            )._notify_requesters()
            answered._reload_forms()
        answered.batch_ids._update()
        self.env.flush_all()
        return is_news

    @api.model
    def _queue_edited(self, rows):
        """Queue documents that were edited while the service thought.

        What it said is kept under what it was asked about, and is outdated.
        """

        def note(row, error):
            _logger.error("%s is not asked anew: %s", row, type(error).__name__)

        for row in rows:
            if (
                row.state in ("done", "failed")
                and not row.is_current
                and row.move_id._l10n_cl_dte_is_covered()
            ):
                # What was answered is stored, whatever is wrong with the document.
                together_or_alone(row, type(row)._queue_anew, note)
                row._trigger_cron()

    def _queue_anew(self):
        """Queue the document as it is now; the batches wait for that instead."""
        new = self.with_user(self.requested_by_id)._get_or_queue(self.move_id)
        new.batch_ids |= self.batch_ids

    @api.model
    def _log_attempts(self, service, results, in_background):
        kinds = {
            ai.Opinion: "opinion",
            ai.NoOpinion: "no_opinion",
            ai.RateLimited: "rate_limited",
            ai.Refused: "refused",
            ai.Misconfigured: "misconfigured",
            ai.Unavailable: "unavailable",
            ai.ClientFault: "fault",
        }
        self.env["l10n_cl_dte_ai.attempt"].create(
            [
                {
                    "service_id": service.id,
                    "company_id": row.company_id.id,
                    "validation_id": row.id,
                    "outcome": kinds[type(result.outcome)],
                    "reason": getattr(result.outcome, "code", False),
                    "status": result.trace.status,
                    "cached": bool(getattr(result.outcome, "cached", False)),
                    "number": row.attempts,
                    "requests": result.trace.attempts,
                    "duration_ms": result.trace.duration_ms,
                    "wait_ms": round(result.call.wait * 1000),
                    "in_background": in_background,
                    "request_id": result.trace.request_id,
                }
                for row, result in results.items()
            ]
        )

    def _store_outcome(self, outcome, trace, counts=True):
        """Write down what came of a call about this row.

        :param bool counts: whether it is an attempt of the document's, if it failed
        """
        self.ensure_one()
        call = {
            "request_id": trace.request_id,
            "http_status": trace.status,
            "duration_ms": trace.duration_ms,
            "lease_until": False,
        }
        match outcome:
            case ai.Opinion():
                self.write(
                    {
                        **call,
                        "state": "done",
                        "verdict": VERDICTS[outcome.recommendation],
                        "confidence": outcome.confidence,
                        "findings": _as_findings(outcome.errors, outcome.warnings),
                        "cached": bool(outcome.cached),
                        "reason": False,
                        "attempts": self.attempts + 1,
                        "answered_at": fields.Datetime.now(),
                        "next_attempt_at": False,
                    }
                )
                self._keep_findings(outcome.told)
            case ai.Refused():
                self.write(
                    {
                        **call,
                        "state": "failed",
                        "reason": outcome.code,
                        "attempts": self.attempts + 1,
                        "findings": _as_findings(outcome.messages, ()),
                    }
                )
            case _:
                self.write(call)
                self._store_no_answer(outcome, counts)

    def _store_no_answer(self, outcome, counts):
        match outcome:
            case ai.Misconfigured(is_proof=False):
                self._postpone("strange", self._later(self.attempts + 1))
            case ai.RateLimited() | ai.Misconfigured():
                # Nobody was asked: the attempt does not count, the service's state
                # says when it goes on.
                self._postpone(outcome.code, database_now(self.env))
            case ai.Unavailable(code="unreachable" | "proxy"):
                # The same: a restart of the service burns no document's attempts.
                self._postpone(outcome.code, self._later(self.attempts + 1))
            case ai.Unavailable(code=code) if code in WIRE_REASONS and not counts:
                # Nor does an outage that lasts.
                self._postpone(code, self._later(self.attempts + 1))
            case _:
                self.findings = _as_findings((), outcome.messages)
                self._try_later(outcome.code)

    def _try_later(self, reason):
        """Plan the next attempt, or give up after the last one."""
        attempts = self.attempts + 1
        untrusted = reason in ("unreadable", "contradictory")
        if attempts >= (MAX_UNTRUSTED_ANSWERS if untrusted else MAX_ATTEMPTS):
            self.write({"state": "failed", "reason": reason, "attempts": attempts})
            return
        self.attempts = attempts
        self._postpone(reason, self._later(attempts))

    def _postpone(self, reason, until):
        self.write(
            {
                "state": "pending",
                "reason": reason,
                "next_attempt_at": until,
                "lease_until": False,
            }
        )
        self._trigger_cron(until)

    def _later(self, attempts):
        delay = min(BACKOFF_BASE * 2 ** (attempts - 1), BACKOFF_MAX)
        delay *= random.uniform(0.5, 1.5)
        return database_now(self.env) + timedelta(seconds=round(delay))

    # === Telling === #

    def _is_told_by_batch(self):
        """Tell whether a batch of whoever asked says how far it is, and at its end."""
        return any(
            batch.state in ("running", "paused")
            and batch.user_id == self.requested_by_id
            for batch in self.batch_ids
        )

    def _reload_forms(self):
        """Have the forms of these documents show what was answered."""
        for user, rows in self.grouped("requested_by_id").items():
            user._bus_send(BUS_ANSWERED, {"move_ids": rows.move_id.ids})

    def _notify_requesters(self):
        """Tell those who asked, if they are there, and the documents' chatter."""
        for lang, rows in self.grouped(lambda row: row.requested_by_id.lang).items():
            rows.with_context(lang=lang)._notify_in_one_language()

    def _notify_in_one_language(self):
        outcomes = dict(self._fields["outcome"]._description_selection(self.env))
        bodies = {}
        for validation in self:
            move = validation.move_id
            if validation.state == "done":
                text = self.env._(
                    "The AI service has answered: %(verdict)s (confidence "
                    "%(confidence)s%%).",
                    verdict=outcomes[validation.outcome],
                    confidence=round(validation.confidence),
                )
            else:
                text = validation.message
            bodies[move.id] = text
            validation.requested_by_id._bus_send(
                BUS_ANSWER,
                {
                    "move_id": move.id,
                    "name": move._l10n_cl_dte_name(),
                    "outcome": validation.outcome,
                    "message": text,
                },
            )
        # In one statement: a message each costs more than the whole request.
        self.env["account.move"].browse(bodies)._message_log_batch(bodies)


def _as_findings(errors, warnings):
    return [{"severity": "error", "message": text} for text in errors] + [
        {"severity": "warning", "message": text} for text in warnings
    ]
