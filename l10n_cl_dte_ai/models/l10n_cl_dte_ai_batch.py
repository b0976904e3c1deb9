# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import logging

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

_logger = logging.getLogger(__name__)

BUS_BATCH = "l10n_cl_dte_ai/batch"
# Documents read, requested and committed at once: memory stays flat for any number.
CHUNK = 500
GENERATED_AT_ONCE = 20


class L10nClDteAiBatch(models.Model):
    """Many documents that somebody had validated at once, and how far they are.

    The rows are those of the queue, and the dispatcher asks about them as about any
    other: a batch only counts them, and holds them back while it is paused.
    """

    _name = "l10n_cl_dte_ai.batch"
    _description = "Validation of Many Documents"
    _order = "id desc"

    name = fields.Char(compute="_compute_name")
    company_id = fields.Many2one(
        "res.company",
        required=True,
        readonly=True,
        index=True,
        default=lambda self: self.env.company,
    )
    user_id = fields.Many2one(
        "res.users",
        string="Requested by",
        readonly=True,
        default=lambda self: self.env.user,
    )
    create_date = fields.Datetime(string="Started on", readonly=True)
    generates = fields.Boolean(
        string="Generates the DTE",
        readonly=True,
        help="Of the posted documents that company policy allows.",
    )
    state = fields.Selection(
        ########################################################################
        # STATE DIAGRAM
        # * running <--[action_pause, action_resume]--> paused
        # * running --[all rows answered, nothing to generate]--> done
        # * running --[all rows answered]--> generating --[_cron_generate]--> done
        # * running, paused --[action_cancel]--> cancelled
        ########################################################################
        [
            ("running", "Running"),
            ("paused", "Paused"),
            ("generating", "Generating"),
            ("done", "Done"),
            ("cancelled", "Cancelled"),
        ],
        default="running",
        required=True,
        readonly=True,
        index=True,
    )
    validation_ids = fields.Many2many(
        "l10n_cl_dte_ai.validation",
        "l10n_cl_dte_ai_batch_validation_rel",
        "batch_id",
        "validation_id",
        readonly=True,
    )
    total = fields.Integer(string="Documents", readonly=True)
    generated = fields.Integer(string="DTE Generated", readonly=True)
    progress = fields.Json(compute="_compute_progress")

    # === Compute === #

    @api.depends("create_date", "total")
    @api.depends_context("lang", "tz")
    def _compute_name(self):
        for batch in self:
            batch.name = self.env._(
                "%(count)s documents, %(date)s",
                count=batch.total,
                date=fields.Datetime.context_timestamp(
                    batch, batch.create_date or fields.Datetime.now()
                ).strftime("%d-%m-%Y %H:%M"),
            )

    @api.depends("state", "validation_ids.outcome")
    def _compute_progress(self):
        counts = self._counts()
        for batch in self:
            batch.progress = batch._progress(counts.get(batch.id, {}))

    def _counts(self):
        """Return how many rows of each batch have which outcome.

        :rtype: dict[int, dict[str, int]]
        """
        self.env["l10n_cl_dte_ai.validation"].flush_model(["outcome"])
        self.flush_model(["validation_ids"])
        counts = {}
        if self.ids:
            for batch_id, outcome, count in self.env.execute_query(
                SQL(
                    """
                    SELECT rel.batch_id, row.outcome, count(*)
                      FROM l10n_cl_dte_ai_batch_validation_rel rel
                      JOIN l10n_cl_dte_ai_validation row ON row.id = rel.validation_id
                     WHERE rel.batch_id IN %s
                  GROUP BY rel.batch_id, row.outcome
                    """,
                    tuple(self.ids),
                )
            ):
                counts.setdefault(batch_id, {})[outcome] = count
        return counts

    def _progress(self, counts):
        waiting = counts.get("waiting", 0) + counts.get("no_opinion", 0)
        return {
            "id": self.id,
            "state": self.state,
            "total": self.total,
            "waiting": counts.get("waiting", 0),
            "answered": max(self.total - waiting, 0),
            "counts": counts,
            "generated": self.generated,
        }

    # === Valid actions === #

    def _valid_actions(self):
        self.ensure_one()
        return {
            "running": {"pause", "cancel"},
            "paused": {"resume", "cancel"},
        }.get(self.state, set())

    def _check_action(self, action):
        self.check_access("read")
        for batch in self:
            if action not in batch._valid_actions():
                raise UserError(
                    self.env._(
                        "“%s” has ended meanwhile, or is not in a state for this.",
                        batch.name,
                    )
                )

    # === Actions === #

    def action_pause(self):
        """Hold back what has not been asked about; what is under way comes in."""
        self._check_action("pause")
        batches = self.sudo()
        batches._waiting_rows().next_attempt_at = False
        batches.state = "paused"
        batches._notify()

    def action_resume(self):
        self._check_action("resume")
        batches = self.sudo()
        batches.state = "running"
        batches._waiting_rows().next_attempt_at = fields.Datetime.now()
        self.env["l10n_cl_dte_ai.validation"]._trigger_cron()
        batches._notify()

    def action_cancel(self):
        """Take out of the queue what nobody else waits for; keep what was answered."""
        self._check_action("cancel")
        batches = self.sudo()
        batches.state = "cancelled"
        rows = batches._waiting_rows()
        wanted = rows.filtered(
            lambda row: any(b.state in ("running", "paused") for b in row.batch_ids)
        )
        (rows - wanted).write({"state": "cancelled", "next_attempt_at": False})
        batches._notify()

    def action_open_results(self):
        """Show the documents' rows in one list, grouped by verdict."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "l10n_cl_dte_ai.action_validation"
        )
        action.pop("path", None)
        return {
            **action,
            "display_name": self.name,
            "domain": [("batch_ids", "in", self.ids)],
            "context": {"search_default_group_by_outcome": 1, "create": False},
        }

    def _waiting_rows(self):
        return self.env["l10n_cl_dte_ai.validation"].search(
            Domain("batch_ids", "in", self.ids) & Domain("state", "=", "pending")
        )

    # === Business === #

    @api.model
    def _start(self, moves, generates=False):
        """Put documents into the queue, and return the batch that counts them.

        :param moves: documents that can be asked about, of the current company
        """
        validations = self.env["l10n_cl_dte_ai.validation"]
        batch = self.sudo().create({"generates": generates, "total": len(moves)})
        commit = self.env["l10n_cl_dte_ai.service"]._commit
        for start in range(0, len(moves), CHUNK):
            rows = validations._request(moves[start : start + CHUNK])
            retried = rows.filtered(
                lambda row: row.state == "failed" and row.reason != "refused"
            )
            retried._requeue()
            batch.validation_ids = [fields.Command.link(row.id) for row in rows]
            commit()
            self.env.invalidate_all()
        validations._trigger_cron()
        batch._update()
        return batch.sudo(False)

    def _update(self):
        """Tell how far the running ones are, and end those that are through."""
        counts = self._counts()
        for batch in self.filtered(lambda b: b.state == "running"):
            waiting = counts.get(batch.id, {}).get("waiting", 0)
            waiting += batch._waiting_without_opinion()
            if not waiting:
                batch.state = "generating" if batch.generates else "done"
                if batch.generates:
                    self.env.ref("l10n_cl_dte_ai.ir_cron_generate")._trigger()
                else:
                    batch._notify_end()
        self._notify(counts)

    def _waiting_without_opinion(self):
        return self.env["l10n_cl_dte_ai.validation"].search_count(
            Domain("batch_ids", "in", self.ids)
            & Domain("outcome", "=", "no_opinion")
            & Domain("state", "=", "pending"),
            limit=1,
        )

    def _notify(self, counts=None):
        counts = self._counts() if counts is None else counts
        for batch in self:
            batch.user_id._bus_send(
                BUS_BATCH, batch._progress(counts.get(batch.id, {}))
            )

    def _notify_end(self):
        """One notification at the end, in the inbox and as a message on the screen."""
        for batch in self:
            user = batch.user_id
            batch = batch.with_context(lang=user.lang, tz=user.tz)
            counts = batch._counts().get(batch.id, {})
            outcomes = dict(
                batch.validation_ids._fields["outcome"]._description_selection(
                    batch.env
                )
            )
            text = ", ".join(
                f"{label}: {counts[outcome]}"
                for outcome, label in outcomes.items()
                if counts.get(outcome)
            )
            if batch.generates:
                text += ". " + batch.env._("DTE generated: %s", batch.generated)
            title = batch.env._("Validation finished: %s", batch.name)
            user._bus_send(
                BUS_BATCH + "_done", {"id": batch.id, "title": title, "message": text}
            )
            batch.env["mail.thread"].message_notify(
                subject=title, body=text, partner_ids=user.partner_id.ids
            )

    # === Cron === #

    @api.model
    def _cron_generate(self):
        """Generate what policy allows of the batches that are answered."""
        progress = self.env["ir.cron"]._commit_progress
        for batch in self.search(Domain("state", "=", "generating"), order="id"):
            moves = batch._moves_to_generate()
            left = progress(remaining=len(moves))
            for start in range(0, len(moves), GENERATED_AT_ONCE):
                if left <= 0:
                    self.env.ref("l10n_cl_dte_ai.ir_cron_generate")._trigger()
                    return
                chunk = moves[start : start + GENERATED_AT_ONCE]
                batch._generate(chunk)
                batch._notify()
                left = progress(len(chunk))
            batch.state = "done"
            batch._notify_end()
            batch._notify()
            progress()

    def _moves_to_generate(self):
        moves = self.validation_ids.move_id.filtered(
            lambda move: (
                move.state == "posted" and not move.l10n_cl_dte_ai_attachment_id
            )
        )
        return moves.with_user(self.user_id).with_company(self.company_id)

    def _generate(self, moves):
        for move in moves:
            try:
                with self.env.cr.savepoint():
                    findings = move._l10n_cl_dte_ai_findings()
                    if move._l10n_cl_dte_ai_needs_override(findings):
                        continue
                    move._l10n_cl_dte_ai_generate()
                    self.generated += 1
            except UserError as error:
                # One bad document must not stop the others; its own form says why.
                _logger.info("No DTE for %s: %s", move.id, error)
