# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
import logging
from datetime import timedelta

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import AccessError, ConcurrencyError, UserError
from odoo.fields import Domain
from odoo.tools import SQL, LazyTranslate, format_datetime

from ..tools.dte.payload import digest
from .alarm import trigger
from .database import database_now
from .l10n_cl_dte_ai_service import USER_GROUP
from .reasons import EXPLANATIONS, REASONS, UNTRUSTED_REASONS, cron_off_text

_logger = logging.getLogger(__name__)
_lt = LazyTranslate(__name__)

# What of a row tells whether its document is to be asked about again.
ROW_FIELDS = ("move_id", "digest", "state", "reason", "is_current")

# Longer than any call may take: what is still "sending" after it lost its worker.
LEASE = timedelta(seconds=90)


def as_read(body):
    """Return a request's JSON as a person reads it."""
    return json.dumps(json.loads(body), ensure_ascii=False, indent=2)


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
    sent = fields.Text(compute="_compute_sent", string="What Is Sent")
    is_current = fields.Boolean(
        compute="_compute_is_current",
        store=True,
        precompute=True,
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
        # * failed, cancelled --[_get_or_queue, action_retry]--> pending
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
    reason = fields.Selection(
        REASONS,
        string="Why there is no opinion",
        readonly=True,
        # Without the mark no template names it.
        falsy_value_label=_lt("Nothing in the way"),  # pylint: disable=translation-field
    )
    message = fields.Char(compute="_compute_message", string="What it means")
    attempts = fields.Integer(readonly=True, aggregator="sum")
    next_attempt_at = fields.Datetime(
        string="Next Attempt", readonly=True, default=fields.Datetime.now, index=True
    )
    lease_until = fields.Datetime(readonly=True)
    batch_ids = fields.Many2many(
        "l10n_cl_dte_ai.batch",
        "l10n_cl_dte_ai_batch_validation_rel",
        "validation_id",
        "batch_id",
        string="Batches",
        readonly=True,
    )
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
        precompute=True,
        help="State and verdict in one, as lists show it.",
    )
    confidence = fields.Float(
        readonly=True, digits=(5, 1), aggregator="avg", help="From 0 to 100."
    )
    findings = fields.Json(
        readonly=True,
        help="A list of {severity, message}, as the service gave them.",
    )
    found = fields.Char(compute="_compute_found", string="What Was Found")
    cached = fields.Boolean(readonly=True, string="From the service's cache")
    reused = fields.Integer(
        readonly=True,
        help="How often it was wanted again and known: so many requests were saved.",
    )
    answered_at = fields.Datetime(string="Answered on", readonly=True)
    duration_ms = fields.Integer(
        readonly=True, aggregator="avg", string="Duration (ms)"
    )
    http_status = fields.Integer(readonly=True, aggregator=None, string="HTTP status")
    request_id = fields.Char(readonly=True, help="Names the call in the service's log.")

    # === What a person decided on it === #
    decided_by_id = fields.Many2one(
        "res.users",
        string="Reviewed by",
        readonly=True,
        # Without the mark no template names it.
        falsy_value_label=_lt("Nobody"),  # pylint: disable=translation-field
    )
    decided_on = fields.Datetime(string="Reviewed on", readonly=True)
    decision_reason = fields.Char(string="Reason of the Review", readonly=True)
    decision_overrides = fields.Boolean(
        readonly=True,
        help="Company policy wanted somebody who may override, and a reason.",
    )

    # === Going against it === #
    override_user_id = fields.Many2one(
        "res.users", readonly=True, string="Generated anyway by"
    )
    override_reason = fields.Char(string="Reason to Generate Anyway", readonly=True)

    _one_per_content = models.UniqueIndex("(move_id, digest)")
    _queue_idx = models.Index("(next_attempt_at) WHERE state IN ('pending', 'sending')")

    # === Compute === #

    @api.depends("digest", "move_id.l10n_cl_dte_ai_digest")
    def _compute_is_current(self):
        for validation in self:
            now = validation.move_id.l10n_cl_dte_ai_digest
            validation.is_current = validation.digest == now

    @api.depends("findings")
    def _compute_found(self):
        for validation in self:
            texts = [finding["message"] for finding in validation.findings or []]
            validation.found = " · ".join(texts)

    @api.depends("request_body", "state", "company_id.l10n_cl_dte_ai_leave_out_names")
    def _compute_sent(self):
        for validation in self:
            waits = validation.state == "pending"
            validation.sent = as_read(
                validation._body_to_send() if waits else validation.request_body
            )

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
    @api.depends_context("lang")
    def _compute_message(self):
        for validation in self:
            validation.message = validation._explain()

    def _explain(self):
        """Return why there is no opinion yet and what happens next, for a person."""
        if self.state == "cancelled":  # nothing happens next
            return False
        if self.state == "pending" and (obstacle := self._why_it_only_waits()):
            return obstacle
        if not self.reason:
            return (
                self.env._("The AI service has not been asked yet.")
                if self.state == "pending"
                else False
            )
        if self.state == "failed" and self.reason != "refused":
            reasons = dict(self._fields["reason"]._description_selection(self.env))
            return self.env._(
                "The AI service was asked %(attempts)s times without success and is "
                "not asked again by itself (%(reason)s). Press Generate DTE to try "
                "again.",
                attempts=self.attempts,
                reason=reasons[self.reason],
            )
        text = self.env._(EXPLANATIONS[self.reason])
        if self.state != "pending":
            return text
        now = fields.Datetime.now()
        due = max(self.next_attempt_at or now, self._service().blocked_until or now)
        if due <= now:
            return text
        # Odoo's scheduler looks once a minute: half of that later, on average.
        expected = due + timedelta(seconds=30)
        return self.env._(
            "%(explanation)s Next attempt at about %(time)s.",
            explanation=text,
            time=format_datetime(
                self.env,
                expected,
                tz=self.company_id._l10n_cl_dte_zone(),
                dt_format="HH:mm",
            ),
        )

    def _why_it_only_waits(self):
        """Return why nobody will ask about it by itself, or None where that is so."""
        if reason := self._service()._no_call_reason():
            return self.env._(EXPLANATIONS[reason])
        return cron_off_text(self.env, "l10n_cl_dte_ai.ir_cron_ask")

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
                    self.lease_until < database_now(self.env)
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
                    "Nothing here can be asked again: only what failed or was "
                    "cancelled can, as long as the document has not changed since."
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
        self.sudo().batch_ids._update()

    def action_open_document(self):
        self.ensure_one()
        return self.move_id._get_records_action()

    def _check_user(self):
        self.check_access("read")
        if not self.env.user.has_group(USER_GROUP):
            raise AccessError(self.env._("This is reserved to users of DTE AI."))

    # === Business: the queue === #

    @api.model
    def _get_or_queue(self, moves, questions=None):
        """Return the row of each document's present content, made where there is none.

        A row that was answered is returned as it is: nothing is asked twice.

        :param moves: documents of a company with a service, that can be asked about
        :param dict[AccountMove, Question] questions: theirs, if just built
        """
        self = self.sudo()
        moves.check_access("read")
        questions = questions or moves._l10n_cl_dte_ai_questions()
        rows = self.search_fetch(Domain("move_id", "in", moves.ids), ROW_FIELDS)
        row_by_content = {(row.move_id.id, row.digest): row for row in rows}
        found, missing = self.browse(), []
        for move, question in questions.items():
            if row := row_by_content.get((move.id, question.digest)):
                found |= row
            else:
                missing.append((move, question))
        found.filtered(lambda row: row.state == "cancelled")._requeue()
        for row in found.filtered(lambda row: row.state == "done"):
            row.reused += 1
        if not missing:
            return found
        bodies = (
            self.env["account.move"]
            .union(*(move for move, _question in missing))
            ._l10n_cl_dte_ai_request_bodies(questions)
        )
        now = self.env.cr.now().replace(microsecond=0)
        values = [
            {
                "move_id": move.id,
                "digest": question.digest,
                "next_attempt_at": now,
                "requested_by_id": self.env.uid,
                "request_body": bodies[move],
            }
            for move, question in missing
        ]
        try:
            return found | self.create(values)
        except psycopg2.errors.UniqueViolation as error:
            # Another worker was first: Odoo runs the request again, from its beginning,
            # and finds that one's row.
            raise ConcurrencyError("This document is being asked about") from error

    def _requeue(self):
        again = self.filtered(lambda row: "retry" in row._valid_actions())
        for validation in again:
            validation.sudo().write(
                {
                    "state": "pending",
                    "reason": False,
                    "attempts": 0,
                    "next_attempt_at": database_now(self.env),
                    "requested_by_id": self.env.uid,
                }
            )
        if again:
            self._trigger_cron()

    @api.model
    def _trigger_cron(self, at=None):
        trigger(self.env, "l10n_cl_dte_ai.ir_cron_ask", at)

    @api.model
    def _give_up(self, companies):
        """Nobody will be asked for these companies: take out what waits.

        Batches end, and generate what the policy allows without an opinion.
        """
        waiting = Domain("company_id", "in", companies.ids)
        rows = self.sudo().search(waiting & Domain("state", "=", "pending"))
        rows.write({"state": "cancelled", "next_attempt_at": False})
        rows.batch_ids._update()

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
        taken = {row_id for (row_id,) in self.env.cr.fetchall()}
        claimed = self.filtered(lambda row: row.id in taken)
        claimed.invalidate_recordset(["state", "lease_until"], flush=False)
        return claimed

    def _body_to_send(self):
        """Return what goes out now: the company may have decided anew since then."""
        company = self.company_id.sudo()
        body = json.loads(self.request_body)
        to_send = dict(company._l10n_cl_dte_ai_to_send(body))
        if not self._service().understands_history:
            to_send["history"] = []
        if not self._service().understands_context:
            to_send.pop("contexto", None)
        if to_send == body:
            return self.request_body
        return json.dumps(to_send, ensure_ascii=False)

    def _idempotency_key(self):
        # Of what is sent, which is not the row's digest where names are left out: these
        # could be guessed from it. And two invoices may have the same content, and
        # different histories.
        dte_data = json.loads(self.request_body)["dte_data"]
        return f"{digest(dte_data, self.company_id.id)}-{self.move_id.id}"
