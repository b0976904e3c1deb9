# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
import logging
import random
import threading
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from datetime import timedelta
from functools import partial
from typing import NamedTuple

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.service.model import retrying
from odoo.tools import SQL

from ..tools import ai
from .database import NO_CURSOR, database_now, database_soon
from .fetch_tree import fetch_tree
from .l10n_cl_dte_ai_service import CALL_FIELDS
from .l10n_cl_dte_ai_validation import LEASE
from .l10n_cl_dte_gate import MAX_CLICK_WAIT

_logger = logging.getLogger(__name__)

VERDICTS = {"send": "approved", "review": "review", "reject": "rejected"}

MAX_ATTEMPTS = 8
# An answer that is no opinion rarely gets better by asking again.
MAX_UNTRUSTED_ANSWERS = 3
BACKOFF_BASE, BACKOFF_MAX = 15, 900  # seconds

# Requests under way at once, in the background. More do not make a limited service
# answer more, and an unlimited one is not to be overrun.
CONCURRENCY = 8
# Seconds that the cron goes on asking. Only about 51 s of Odoo's default limit of 120
# are sure for all crons of a database, and the last requests may take 25 s more.
SLICE = 10

# Where something is due within the second, but not yet.
IDLE_SECONDS = 0.05

# Rows claimed at once from an unlimited service.
CLAIM_BATCH = 80
# Outcomes written at once; a slow service's after so many seconds, though they be fewer.
STORE_BATCH, STORE_SECONDS = 40, 1


# What is looked at when an answer is stored.
STORE_FIELDS = {
    "move_id": {},
    "state": {},
    "verdict": {},
    "reason": {},
    "attempts": {},
    "is_current": {},
    "requested_by_id": {},
    "batch_ids": {},
    "company_id": {
        "l10n_cl_dte_ai_service_id": {name: {} for name in CALL_FIELDS},
    },
}


class Call(NamedTuple):
    """All that a request needs, read before the transaction ends."""

    validation_id: int
    body: str
    idempotency_key: str
    generation: int
    wait: float = 0.0  # seconds, for the slot


class Result(NamedTuple):
    call: Call
    outcome: object  # an `Opinion` or an `AIServiceError`
    trace: ai.Trace


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
        client = service._client(ai.INTERACTIVE)
        grant = service._acquire(MAX_CLICK_WAIT)
        if not grant:
            # Without a time the service was just deleted: another may be asked at once.
            until = grant.until or database_now(self.env)
            validation._postpone(grant.reason, until)
            return
        service._commit()
        time.sleep(grant.wait)
        with client:
            result = _perform(
                client, call._replace(wait=grant.wait), service._take_retry
            )
        self._finish(service, [result], in_background=False)

    # === Nobody waits === #

    @api.model
    def _cron_ask(self):
        """Ask about what is due, the longest waiting first, until the slice is over."""
        seconds = min(self._commit_progress(), SLICE)
        for service in self._services_to_ask():
            if seconds <= 0:
                break
            seconds = self._dispatch(service, seconds)
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
            Domain("company_ids", "!=", False)
        )
        return services.filtered(
            lambda s: not s._no_call_reason() and not s._is_closed()
        )

    @api.model
    def _due_domain(self, services=None):
        """Select the rows that may be asked about now, without those that must wait."""
        now = database_soon(self.env)
        services = self._services_to_ask() if services is None else services
        return Domain("company_id.l10n_cl_dte_ai_service_id", "in", services.ids) & (
            Domain("state", "=", "pending") & Domain("next_attempt_at", "<=", now)
            | Domain("state", "=", "sending") & Domain("lease_until", "<", now)
        )

    def _dispatch(self, service, seconds):
        """Ask one service about what is due, some at once; return the seconds left.

        Threads do the HTTP and nothing else; the database is this thread's.
        """
        end = time.monotonic() + seconds
        # The address and the key of now: once they change, this slice is over.
        clients = _Clients(partial(service._client, ai.BACKGROUND))
        generation = service.generation
        ready, under_way, results = deque(), {}, []
        admitted = 0  # of those that are ready
        stored_at = time.monotonic()
        service_is_limited = bool(service.rate_per_minute)
        # To an unlimited service so many more are handed over that the threads have
        # work while this one is busy with the database.
        most = CONCURRENCY if service_is_limited else 4 * CONCURRENCY
        with clients, ThreadPoolExecutor(CONCURRENCY) as pool:
            while True:
                # First write down what came, and let the gate know: it decides.
                if results and (
                    len(results) >= STORE_BATCH
                    or not (admitted or under_way)
                    or time.monotonic() - stored_at > STORE_SECONDS
                    or service_is_limited
                    or not all(map(_went_well, results))
                ):
                    self._finish(service, results, in_background=True)
                    self.env["ir.cron"]._commit_progress(len(results))
                    results, stored_at = [], time.monotonic()
                pause = None
                in_time = time.monotonic() < end
                free = not admitted and not clients.held.is_set()
                if in_time and free and len(under_way) < most:
                    admitted, pause = self._admit(service, generation, ready)
                goes_on = bool(admitted)
                while admitted and len(under_way) < most:
                    call = ready.popleft()
                    under_way[pool.submit(clients.perform, call)] = call
                    admitted -= 1
                if goes_on and len(under_way) < most:
                    continue
                if under_way:
                    seconds = STORE_SECONDS if results else pause
                    if len(under_way) > CONCURRENCY:
                        # More than the threads have begun with. A slow service would
                        # take minutes for it: longer than the leases.
                        left = max(end - time.monotonic(), 0)
                        seconds = left if seconds is None else min(seconds, left)
                        if not in_time:
                            clients.held.set()
                    done = wait(under_way, seconds, FIRST_COMPLETED).done
                    answers = [(under_way.pop(each), each.result()) for each in done]
                    results += [result for _call, result in answers if result]
                    if clients.held.is_set():
                        # What no thread has begun with is given back.
                        ready += [call for call, result in answers if not result]
                        unbegun = [each for each in under_way if each.cancel()]
                        ready += [under_way.pop(each) for each in unbegun]
                        admitted = 0
                        self._release(service, ready)
                        if not under_way:
                            clients.held.clear()
                elif pause is None or time.monotonic() + pause >= end:
                    self._release(service, ready)
                    return end - time.monotonic()
                else:
                    time.sleep(pause)

    def _release(self, service, calls):
        """Give back what was claimed and not sent."""

        def release():
            rows = self.browse([call.validation_id for call in calls]).exists()
            rows.filtered(lambda row: row.state == "sending").write(
                {"state": "pending", "lease_until": False}
            )

        self._repeat(release)
        calls.clear()
        service._commit()

    @api.model
    def _repeat(self, change):
        """Change rows and commit, again after a conflict; no request is in it.

        Who saves a document writes its row: the cron must not end for it and forget
        what came in.
        """
        can_commit = self.env["l10n_cl_dte_ai.service"]._can_commit()
        return retrying(change, self.env) if can_commit else change()

    def _admit(self, service, generation, ready):
        """Claim what is due, where nothing is ready, and ask the gate about it.

        :param int generation: of the settings that the clients have
        :param deque ready: calls that were claimed; more are added
        :return: how many of them may be sent now, and after how many seconds to ask
            again; None where nothing is due, or the settings have changed
        """
        current = service._reread()
        is_same = not current._no_call_reason() and current.generation == generation
        if not is_same or not (
            ready or self.search(self._due_domain(service), limit=1)
        ):
            service._commit()  # others may be under way: no transaction waits for them
            return 0, None
        if not ready:
            service._commit()  # claiming is to see what other workers just did
            number = 1 if current._is_one_at_a_time() else CLAIM_BATCH
            try:
                claimed = self._claim_due(service, number)
            except NO_CURSOR:  # where nobody can decide, nobody passes
                _logger.warning("AI service %s is not asked: no claim", service.id)
                return 0, None
            ready.extend(
                self._repeat(lambda: claimed._prepare_background()._calls(generation))
            )
        service._commit()
        if not ready:
            return 0, IDLE_SECONDS
        grant = service._acquire()
        number = 1 if grant.is_probe or service.rate_per_minute else len(ready)
        service._commit()  # no transaction is open over a pause, or while others think
        if not grant:
            return 0, max(grant.wait, 0.01) if grant.until else None
        return number, 0

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
                    companies=service.with_context(active_test=False).company_ids.ids,
                    limit=limit,
                    lease=LEASE,
                )
            )
            taken = sorted(cr.fetchall(), key=lambda row: (row[1], row[0]))
        claimed = self.browse([row_id for row_id, _since in taken])
        claimed.invalidate_recordset(["state", "lease_until"], flush=False)
        return claimed

    def _prepare_background(self):
        """Return the claimed rows to ask about, without those that are outdated.

        Where a document has changed, its new content gets a row, which is due at once.
        Where it is cancelled, or of a type that is not covered, it gets none.
        """
        ready = self.filtered(
            lambda row: row.is_current and row.move_id._l10n_cl_dte_ai_is_covered()
        )
        outdated = self - ready
        outdated.write(
            {"state": "cancelled", "next_attempt_at": False, "lease_until": False}
        )
        for row in outdated:
            if row.move_id._l10n_cl_dte_ai_is_covered():
                row._request_anew()
        outdated.batch_ids._update()
        return ready

    # === The call === #

    def _calls(self, generation):
        for row in self:
            if (body := row._body_to_send()) != row.request_body:
                row.request_body = body
        return [
            Call(row.id, row.request_body, row._idempotency_key(), generation)
            for row in self
        ]

    @api.model
    def _finish(self, service, results, in_background):
        store = partial(self._store, service, results, in_background)
        is_news = self._repeat(store)
        if is_news and (service := service._reread()):
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

    # === What came of it === #

    @api.model
    def _store(self, service, results, in_background):
        """Write down what came of some calls, in one transaction.

        :return: whether they may tell something new of the service
        """
        self.env.invalidate_all()
        asked = self.browse([result.call.validation_id for result in results])
        rows = fetch_tree(asked, STORE_FIELDS)
        if rows._service() != service:
            service = service._reread()  # another has taken its place, or it is gone
        is_news = not (service._is_well() and all(map(_went_well, results)))
        results = {
            row: result
            for row, result in zip(asked, results, strict=True)
            # Not one deleted meanwhile, or answered by whoever took over the lease.
            if row in rows and row.state == "sending"
        }
        for row, result in results.items():
            current = row._service()
            if current == service and current.generation == result.call.generation:
                row._store_outcome(result.outcome, result.trace)
            else:
                # The settings have changed: what the service of before said is void.
                row._postpone(False, database_now(self.env))
        self._log_attempts(service, results, in_background)
        self._request_edited(results)
        answered = (
            self.browse()
            .concat(*results)
            .filtered(lambda row: row.state in ("done", "failed"))
        )
        if in_background:
            # A batch tells how far it is, and once that it is through.
            answered.filtered(lambda row: not row.batch_ids)._notify_requesters()
        answered.batch_ids._update()
        self.env.flush_all()
        return is_news

    @api.model
    def _request_edited(self, rows):
        """Queue documents that were edited while the service thought.

        What it said is kept under what it was asked about, and is outdated.
        """
        for row in rows:
            if (
                row.state in ("done", "failed")
                and not row.is_current
                and row.move_id._l10n_cl_dte_ai_is_covered()
            ):
                row._request_anew()
                row._trigger_cron()

    def _request_anew(self):
        """Queue the document as it is now; the batches wait for that instead."""
        new = self.with_user(self.requested_by_id)._request(self.move_id)
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

    def _store_outcome(self, outcome, trace):
        """Write down what came of a call about this row."""
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
                        "findings": _findings(outcome.errors, outcome.warnings),
                        "cached": bool(outcome.cached),
                        "reason": False,
                        "attempts": self.attempts + 1,
                        "answered_at": fields.Datetime.now(),
                        "next_attempt_at": False,
                    }
                )
            case ai.Refused():
                self.write(
                    {
                        **call,
                        "state": "failed",
                        "reason": outcome.code,
                        "attempts": self.attempts + 1,
                        "findings": _findings(outcome.messages, ()),
                    }
                )
            case _:
                self.write(call)
                self._store_no_answer(outcome)

    def _store_no_answer(self, outcome):
        match outcome:
            case ai.RateLimited() | ai.Misconfigured():
                # Nobody was asked: the attempt does not count, the service's state
                # says when it goes on.
                self._postpone(outcome.code, database_now(self.env))
            case ai.Unavailable(code="unreachable"):
                # The same: a restart of the service burns no document's attempts.
                self._postpone(outcome.code, self._later(self.attempts + 1))
            case _:
                self.findings = _findings((), outcome.messages)
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


def _findings(errors, warnings):
    return [{"severity": "error", "message": text} for text in errors] + [
        {"severity": "warning", "message": text} for text in warnings
    ]


def _went_well(result):
    """Tell whether the service was there: if not, no more is sent to it for now."""
    return isinstance(result.outcome, ai.Opinion | ai.Refused)


def _perform(client, call, may_retry=lambda: False):
    """Ask, and return what came of it: never raises, knows no database."""
    try:
        outcome = client.validate(
            **json.loads(call.body),
            idempotency_key=call.idempotency_key,
            may_retry=may_retry,
        )
    except ai.AIServiceError as error:
        outcome = error
    except Exception:  # noqa: BLE001
        # A row must not stay "sending" for a fault of ours; no traceback of it, since
        # a local variable of the client holds the key.
        _logger.error("Asking the AI service failed unexpectedly")
        outcome = ai.Unavailable("interrupted")
    return Result(call, outcome, client.trace)


class _Clients:
    """A client for each thread, so that each keeps its connection."""

    def __init__(self, new_client):
        # Made here: the threads must not touch the database, where the key is.
        self._free = deque(new_client() for _number in range(CONCURRENCY))
        self._all = list(self._free)
        self._local = threading.local()
        # Set once the service is found to be gone or limited, or the slice is over.
        self.held = threading.Event()

    def perform(self, call):
        """Ask; None where nothing more is to be sent for now."""
        if self.held.is_set():
            return None
        if not hasattr(self._local, "client"):
            self._local.client = self._free.popleft()
        result = _perform(self._local.client, call)
        if not _went_well(result):
            self.held.set()
        return result

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        for client in self._all:
            client.close()
