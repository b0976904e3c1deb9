# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
import logging
import random
from datetime import timedelta
from functools import partial

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import AccessError, ConcurrencyError, UserError
from odoo.fields import Domain
from odoo.service.model import retrying
from odoo.tools import SQL, format_datetime

from ..tools import ai_service
from .l10n_cl_dte_ai_service import USER_GROUP
from .reasons import EXPLANATIONS, REASONS, UNTRUSTED_REASONS

_logger = logging.getLogger(__name__)

BUS_ANSWER = "l10n_cl_dte_ai/answer"

VERDICTS = {"send": "approved", "review": "review", "reject": "rejected"}

# Longer than any call may take: what is still "sending" after it lost its worker.
LEASE = timedelta(seconds=90)
MAX_ATTEMPTS = 8
# An answer that is no opinion rarely gets better by asking again.
MAX_UNTRUSTED_ANSWERS = 3
BACKOFF_BASE, BACKOFF_MAX = 15, 900  # seconds


class L10nClDteAiValidation(models.Model):
    """What the AI service was asked about one state of one invoice, and what it said.

    One row for each (invoice, digest of its content): the queue, the audit log and the
    cache in one.  A changed invoice has another digest, so an old verdict is outdated
    by itself, and holds again when the change is taken back.
    """

    _name = "l10n_cl_dte_ai.validation"
    _description = "AI Validation of an Electronic Tax Document"
    _order = "id desc"
    _rec_name = "move_id"

    # === What is asked === #
    move_id = fields.Many2one(
        "account.move",
        string="Document",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one(
        related="move_id.company_id", store=True, index=True, precompute=True
    )
    partner_id = fields.Many2one(related="move_id.commercial_partner_id")
    digest = fields.Char(required=True, readonly=True)
    # As text: jsonb would reorder the keys, and an older service reads only the
    # beginning.  The same bytes go out at each attempt.
    request_body = fields.Text(string="Sent", required=True, readonly=True)
    is_current = fields.Boolean(
        compute="_compute_is_current",
        store=True,
        string="Up to Date",
        help="The document has not changed since.",
    )

    # === State === #
    state = fields.Selection(
        ########################################################################
        # STATE DIAGRAM
        # * pending, lease over --[_claim]--> sending
        # * sending --[an opinion]--> done
        # * sending --[no opinion, unavailable, limited, misconfigured]--> pending
        # * sending --[the document is refused, or asked too often]--> failed
        # * pending --[the document changed or is gone, action_cancel]--> cancelled
        # * failed, cancelled --[_request, action_retry]--> pending
        # A lease that is over lets another worker claim what a killed one left.
        ########################################################################
        [
            ("pending", "Waiting"),
            ("sending", "Being Asked"),
            ("done", "Answered"),
            ("failed", "Failed"),
            ("cancelled", "Cancelled"),
        ],
        default="pending",
        required=True,
        readonly=True,
        index=True,
    )
    reason = fields.Selection(REASONS, string="Why there is no opinion", readonly=True)
    message = fields.Char(compute="_compute_message", string="What it means")
    attempts = fields.Integer(readonly=True, aggregator="sum")
    next_attempt_at = fields.Datetime(
        string="Next Attempt", readonly=True, default=fields.Datetime.now, index=True
    )
    lease_until = fields.Datetime(readonly=True)
    requested_by_id = fields.Many2one(
        "res.users",
        string="Requested by",
        readonly=True,
        default=lambda self: self.env.user,
    )

    # === What was answered === #
    verdict = fields.Selection(
        [
            ("approved", "Approved"),
            ("review", "To Review"),
            ("rejected", "Rejected"),
        ],
        readonly=True,
    )
    outcome = fields.Selection(
        [
            ("waiting", "Waiting"),
            ("approved", "Approved"),
            ("review", "To Review"),
            ("rejected", "Rejected"),
            ("no_opinion", "No Opinion"),
            ("failed", "Failed"),
            ("cancelled", "Cancelled"),
        ],
        compute="_compute_outcome",
        store=True,
        help="State and verdict in one, as lists show it.",
    )
    confidence = fields.Float(
        readonly=True, digits=(5, 1), aggregator="avg", help="From 0 to 100."
    )
    findings = fields.Json(
        readonly=True,
        help="A list of {severity, message}, as the service gave them.",
    )
    cached = fields.Boolean(readonly=True, string="From the service's cache")
    answered_at = fields.Datetime(string="Answered on", readonly=True)
    duration_ms = fields.Integer(
        readonly=True, aggregator="avg", string="Duration (ms)"
    )
    http_status = fields.Integer(readonly=True, aggregator=None, string="HTTP status")
    request_id = fields.Char(readonly=True, help="Names the call in the service's log.")

    # === Going against it === #
    override_user_id = fields.Many2one(
        "res.users", readonly=True, string="Generated anyway by"
    )
    override_reason = fields.Char(string="Reason to Generate Anyway", readonly=True)

    _one_per_content = models.UniqueIndex("(move_id, digest)")
    _queue_idx = models.Index("(next_attempt_at) WHERE state IN ('pending', 'sending')")

    # === Compute === #

    @api.depends(lambda self: self._content_dependencies())
    def _compute_is_current(self):
        digests = self.move_id._l10n_cl_dte_ai_digests()
        for validation in self:
            validation.is_current = digests.get(validation.move_id) == validation.digest

    def _content_dependencies(self):
        """Return the fields that a document is built from, as seen from a row."""
        return [
            f"move_id.{name}"
            for name in self.env["account.move"]._l10n_cl_dte_ai_dependencies()
        ]

    @api.depends("state", "verdict", "reason")
    def _compute_outcome(self):
        for validation in self:
            match validation.state:
                case "done":
                    validation.outcome = validation.verdict
                case "pending" | "failed" if validation.reason in UNTRUSTED_REASONS:
                    validation.outcome = "no_opinion"
                case "pending" | "sending":
                    validation.outcome = "waiting"
                case state:
                    validation.outcome = state

    @api.depends("reason", "state", "next_attempt_at")
    @api.depends_context("lang", "tz")
    def _compute_message(self):
        for validation in self:
            validation.message = validation._explain()

    def _explain(self):
        """Return why there is no opinion yet and what happens next, for a person."""
        if not self.reason:
            return (
                self.env._("The AI service has not been asked yet.")
                if self.state == "pending"
                else False
            )
        if self.state == "failed" and self.reason != "refused":
            reasons = dict(self._fields["reason"]._description_selection(self.env))
            return self.env._(
                "The AI service was asked %(attempts)s times without success and is not "
                "asked again by itself (%(reason)s). Press Generate DTE to try again.",
                attempts=self.attempts,
                reason=reasons[self.reason],
            )
        text = self.env._(EXPLANATIONS[self.reason])
        if self.state != "pending" or self._service()._no_call_reason():
            return text
        now = fields.Datetime.now()
        due = max(self.next_attempt_at or now, self._service().blocked_until or now)
        if due <= now:
            return text
        return self.env._(
            "%(explanation)s Next attempt at %(time)s.",
            explanation=text,
            time=format_datetime(self.env, due, dt_format="HH:mm:ss"),
        )

    # === Valid actions: buttons, crons and checks all ask this === #

    def _valid_actions(self):
        """Return what can be done with a row.

        :rtype: set[str]
        """
        self.ensure_one()
        match self.state:
            case "pending":
                return {"ask", "cancel"}
            case "sending":
                lease_over = self.lease_until and (
                    self.lease_until < fields.Datetime.now()
                )
                return {"ask"} if lease_over else set()
            case "failed" | "cancelled":
                return {"retry"} if self.is_current else set()
        return set()

    # === Actions === #

    def action_retry(self):
        """Put failed or cancelled rows into the queue again."""
        self._check_user()
        if not any("retry" in validation._valid_actions() for validation in self):
            raise UserError(
                self.env._(
                    "Nothing here can be asked again: only what failed or was cancelled "
                    "can, as long as the document has not changed since."
                )
            )
        self._requeue()

    def action_cancel(self):
        """Take rows out of the queue."""
        self._check_user()
        for validation in self:
            if "cancel" not in validation._valid_actions():
                raise UserError(
                    self.env._(
                        "“%s” is not waiting in the queue, so it cannot be cancelled.",
                        validation.display_name,
                    )
                )
        self.sudo().write({"state": "cancelled", "next_attempt_at": False})

    def action_open_document(self):
        self.ensure_one()
        return self.move_id._get_records_action()

    def _check_user(self):
        self.check_access("read")
        if not self.env.user.has_group(USER_GROUP):
            raise AccessError(self.env._("This is reserved to users of DTE AI."))

    # === Business: the queue === #

    @api.model
    def _request(self, moves):
        """Return the row of each document's present content, made where there is none.

        A row that was answered is returned as it is: nothing is asked twice.

        :param moves: documents of a company with a service, that can be asked about
        """
        self = self.sudo()
        moves.check_access("read")
        contents = moves._l10n_cl_dte_ai_contents()
        rows = self.search(Domain("move_id", "in", moves.ids))
        row_by_content = {(row.move_id.id, row.digest): row for row in rows}
        found, missing = self.browse(), []
        for move, content in contents.items():
            if row := row_by_content.get((move.id, content.digest)):
                found |= row
            else:
                missing.append((move, content))
        (found.filtered(lambda row: row.state == "cancelled"))._requeue()
        if not missing:
            return found
        histories = (
            self.env["account.move"]
            .union(*(move for move, _content in missing))
            ._l10n_cl_dte_ai_histories()
        )
        try:
            with self.env.cr.savepoint():
                return found | self.create(
                    [
                        {
                            "move_id": move.id,
                            "digest": content.digest,
                            "requested_by_id": self.env.uid,
                            "request_body": json.dumps(
                                {
                                    "dte_data": content.dte_data,
                                    "company_id": move.company_id.id,
                                    "history": histories.get(move.id, []),
                                },
                                ensure_ascii=False,
                            ),
                        }
                        for move, content in missing
                    ]
                )
        except psycopg2.errors.UniqueViolation as error:
            # Another worker was first: Odoo runs the request again, and finds its row.
            raise ConcurrencyError("This document is being asked about") from error

    def _requeue(self):
        for validation in self:
            if "retry" not in validation._valid_actions():
                continue
            validation.sudo().write(
                {
                    "state": "pending",
                    "reason": False,
                    "attempts": 0,
                    "next_attempt_at": fields.Datetime.now(),
                    "requested_by_id": self.env.uid,
                }
            )
        self._trigger_cron()

    @api.model
    def _trigger_cron(self, at=None):
        cron = self.env.ref("l10n_cl_dte_ai.ir_cron_ask", raise_if_not_found=False)
        if cron:
            cron.sudo()._trigger(at)

    def _service(self):
        return self.company_id.sudo().l10n_cl_dte_ai_service_id

    def _claim(self):
        """Take the rows that may be asked about now, so that no other worker does.

        :return: those of `self` that were taken
        """
        self.flush_recordset()
        self.env.cr.execute(
            SQL(
                """
                UPDATE l10n_cl_dte_ai_validation
                   SET state = 'sending',
                       lease_until = clock_timestamp() AT TIME ZONE 'UTC' + %(lease)s
                 WHERE id IN (
                        SELECT id FROM l10n_cl_dte_ai_validation
                         WHERE id = ANY(%(ids)s)
                           AND (state = 'pending' OR state = 'sending'
                                AND lease_until < clock_timestamp() AT TIME ZONE 'UTC')
                           FOR UPDATE SKIP LOCKED)
             RETURNING id
                """,
                lease=LEASE,
                ids=list(self.ids),
            )
        )
        claimed = self.browse([row_id for (row_id,) in self.env.cr.fetchall()])
        claimed.invalidate_recordset(["state", "lease_until"], flush=False)
        return claimed

    # === Business: asking === #

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
        if service._is_limited():
            validation._postpone("rate_limited", service.blocked_until)
            return
        if validation._claim():
            validation._ask(ai_service.INTERACTIVE)

    def _ask(self, limits):
        """Ask about a claimed row, and store what comes of it.

        The order matters: the claim is committed before the service hears of it, no
        transaction is open while it thinks, and after its answer only the storing is
        ever repeated.  So a conflict in the database never asks it again.
        """
        service = self._service()
        request = json.loads(self.request_body)
        idempotency_key = self._idempotency_key()
        generation = service.generation
        client = service._client(limits)
        service._commit()
        with client:
            try:
                outcome = client.validate(**request, idempotency_key=idempotency_key)
            except ai_service.AIServiceError as error:
                outcome = error
            except Exception:  # noqa: BLE001
                # A row must not stay "sending" for a fault of ours; no traceback of
                # it, since a local variable of the client holds the key.
                _logger.error("Asking the AI service failed unexpectedly")
                outcome = ai_service.Unavailable("interrupted")
        store = partial(self._store, outcome, client.trace, generation, limits)
        if service._can_commit():
            retrying(store, self.env)
        else:
            store()
        if service.exists():
            service._learn(outcome)
        service._commit()
        _logger.info(
            "AI service: %s in %s ms, request %s",
            getattr(outcome, "code", None) or outcome.recommendation,
            client.trace.duration_ms,
            client.trace.request_id,
        )

    def _idempotency_key(self):
        # Two invoices may have the same content, and different histories.
        return f"{self.digest}-{self.move_id.id}"

    def _store(self, outcome, trace, generation, limits):
        """Write down what came of a call.

        :param outcome: an `Opinion` or an `AIServiceError`
        :param int generation: that of the service's settings when it was asked
        """
        self.invalidate_recordset()
        if not self.exists() or self.state != "sending":
            return  # deleted meanwhile, or answered by whoever took over the lease
        if self._service().generation != generation:
            self.write({"state": "pending", "next_attempt_at": fields.Datetime.now()})
            return
        values = {
            "request_id": trace.request_id,
            "http_status": trace.status,
            "duration_ms": trace.duration_ms,
            "lease_until": False,
        }
        match outcome:
            case ai_service.Opinion():
                self.write({**values, **self._opinion_values(outcome)})
            case ai_service.Refused():
                findings = self._findings(outcome.messages, ())
                self.write(
                    {
                        **values,
                        "state": "failed",
                        "reason": outcome.code,
                        "attempts": self.attempts + 1,
                        "findings": findings,
                    }
                )
            case ai_service.RateLimited() | ai_service.Misconfigured():
                # Nobody was asked: the attempt does not count, the service's state
                # says when it goes on.
                self.write(values)
                self._postpone(outcome.code, fields.Datetime.now())
            case _:
                self.write({**values, "findings": self._findings((), outcome.messages)})
                self._try_later(outcome.code)
        if limits is not ai_service.INTERACTIVE and self.state in ("done", "failed"):
            self._notify_requester()

    def _try_later(self, reason):
        """Plan the next attempt, or give up after the last one."""
        attempts = self.attempts + 1
        untrusted = reason in ("unreadable", "contradictory")
        if attempts >= (MAX_UNTRUSTED_ANSWERS if untrusted else MAX_ATTEMPTS):
            self.write({"state": "failed", "reason": reason, "attempts": attempts})
            return
        delay = min(BACKOFF_BASE * 2 ** (attempts - 1), BACKOFF_MAX)
        delay *= random.uniform(0.5, 1.5)
        self.attempts = attempts
        self._postpone(reason, fields.Datetime.now() + timedelta(seconds=round(delay)))

    @api.model
    def _findings(self, errors, warnings):
        return [{"severity": "error", "message": text} for text in errors] + [
            {"severity": "warning", "message": text} for text in warnings
        ]

    def _opinion_values(self, opinion):
        return {
            "state": "done",
            "verdict": VERDICTS[opinion.recommendation],
            "confidence": opinion.confidence,
            "findings": self._findings(opinion.errors, opinion.warnings),
            "cached": bool(opinion.cached),
            "reason": False,
            "attempts": self.attempts + 1,
            "answered_at": fields.Datetime.now(),
            "next_attempt_at": False,
        }

    def _postpone(self, reason, until):
        self.write({"state": "pending", "reason": reason, "next_attempt_at": until})
        self._trigger_cron(max(until, self._service().blocked_until or until))

    def _notify_requester(self):
        """Tell the person who asked, if she is there, and the document's chatter."""
        user = self.requested_by_id
        move = self.move_id.with_context(lang=user.lang)
        validation = self.with_env(move.env)
        outcomes = dict(self._fields["outcome"]._description_selection(move.env))
        if self.state == "done":
            text = move.env._(
                "The AI service has answered: %(verdict)s (confidence %(confidence)s%%).",
                verdict=outcomes[self.outcome],
                confidence=round(self.confidence),
            )
        else:
            text = validation.message
        move._message_log(body=text)
        user._bus_send(
            BUS_ANSWER,
            {
                "move_id": move.id,
                "name": f"{move.display_name} · {move.commercial_partner_id.name}",
                "outcome": self.outcome,
                "message": text,
            },
        )

    # === Cron === #

    @api.model
    def _cron_ask(self):
        """Ask about what is due, the longest waiting first, one after the other."""
        cron = self.env["ir.cron"]
        # Looked up anew after each call: a limit that one reaches holds for all.
        due = self._due_domain()
        left = cron._commit_progress(remaining=self.search_count(due))
        while left > 0:
            validation = self.search(due, order="next_attempt_at, id", limit=1)
            if not validation:
                return
            validation = validation._prepare_background()
            if validation and validation._claim():
                validation._ask(ai_service.BACKGROUND)
            due = self._due_domain()
            left = cron._commit_progress(1, remaining=self.search_count(due))
        if self.search_count(due, limit=1):
            # Without it the rest waits for the next poll, a minute away.
            self._trigger_cron()

    @api.model
    def _due_domain(self):
        """Select the rows that may be asked about now, without those that must wait."""
        now = fields.Datetime.now()
        services = (
            self.env["l10n_cl_dte_ai.service"]
            .search(Domain("company_ids", "!=", False))
            .filtered(lambda s: not s._no_call_reason() and not s._is_limited())
        )
        return Domain("company_id.l10n_cl_dte_ai_service_id", "in", services.ids) & (
            Domain("state", "=", "pending") & Domain("next_attempt_at", "<=", now)
            | Domain("state", "=", "sending") & Domain("lease_until", "<", now)
        )

    def _prepare_background(self):
        """Return the row to ask about: another where the document has changed.

        None where it is cancelled, or of a type that is not covered.
        """
        move = self.move_id
        is_covered = move._l10n_cl_dte_ai_is_covered()
        if self.is_current and is_covered:
            return self
        self.write({"state": "cancelled", "next_attempt_at": False})
        if not is_covered:
            return self.browse()
        validations = self.with_user(self.requested_by_id)._request(move).sudo()
        return validations.filtered(lambda row: "ask" in row._valid_actions())
