# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from .alarm import trigger
from .l10n_cl_dte_ai_service import USER_GROUP
from .machine import telling_machine_errors

BUS_BATCH = "l10n_cl_dte_ai/batch"
# Documents without a file that a batch names, each with the reason.
NAMED = 50
# Of a batch that still wants what its rows are waiting for.
WAITING_STATES = ("queueing", "running", "paused")


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
        ondelete="cascade",
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
        # * new: queueing --[_start, or the cron where it is many]--> running
        # * running <--[action_pause, action_resume]--> paused
        # * running --[all rows answered, nothing to generate]--> done
        # * running --[all rows answered]--> generating --[_cron_generate]--> done
        # * no service: queueing --> generating
        # * queueing, generating --[its person may not any more]--> paused, with a
        #   problem; who resumes it takes it over
        # * any but done --[action_cancel]--> cancelled
        ########################################################################
        [
            ("queueing", "Being Queued"),
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
    move_ids = fields.Many2many(
        "account.move",
        "l10n_cl_dte_ai_batch_move_rel",
        "batch_id",
        "move_id",
        string="Selected Documents",
        readonly=True,
        help="Also those that were left out from the beginning.",
    )
    total = fields.Integer(string="Documents", readonly=True)
    generated = fields.Integer(string="DTE Generated", readonly=True)
    handled_up_to = fields.Integer(
        readonly=True,
        help="The id of the last document that was generated or could not be: a run of "
        "the cron goes on behind it.",
    )
    queued_up_to = fields.Integer(
        readonly=True, help="The id of the last document that was put into the queue."
    )
    problem = fields.Selection(
        [
            ("requester", "Its person may not do this any more"),
            ("machine", "The server has no room"),
            ("fault", "A fault in Odoo"),
        ],
        readonly=True,
        help="What it met when it last went on.",
    )
    progress = fields.Json(compute="_compute_progress")

    # === The files === #
    selected_count = fields.Integer(
        string="Selected", compute="_compute_file_count", groups=USER_GROUP
    )
    file_count = fields.Integer(
        string="Files in the ZIP", compute="_compute_file_count", groups=USER_GROUP
    )
    left_out_count = fields.Integer(
        string="Left out", compute="_compute_file_count", groups=USER_GROUP
    )
    left_out = fields.Json(compute="_compute_left_out", groups=USER_GROUP)
    # Made when it is downloaded, so that nothing piles up and it is never an old one.
    zip_file = fields.Binary(
        string="ZIP File",
        compute="_compute_zip_file",
        attachment=False,
        exportable=False,
        groups=USER_GROUP,
    )

    # === Compute === #

    @api.depends("create_date", "total")
    @api.depends_context("lang")
    def _compute_name(self):
        for batch in self:
            # It names a file as well: the same for all, in the company's zone.
            there = batch.with_context(tz=batch.company_id._l10n_cl_dte_zone())
            batch.name = self.env._(
                "%(count)s documents, %(date)s",
                count=batch.total,
                date=fields.Datetime.context_timestamp(
                    there, batch.create_date or fields.Datetime.now()
                ).strftime("%d-%m-%Y %H:%M"),
            )

    @api.depends("state", "problem", "validation_ids.outcome")
    @api.depends_context("lang", "tz")
    def _compute_progress(self):
        counts = self._counts()
        for batch in self:
            batch.progress = batch._progress(counts.get(batch.id, {}))

    @api.depends("move_ids.l10n_cl_dte_document_ids.is_current")
    def _compute_file_count(self):
        for batch in self:
            moves = batch.move_ids
            batch.selected_count = len(moves)
            batch.file_count = len(batch._moves_with_file())
            batch.left_out_count = len(moves) - batch.file_count

    @api.depends("move_ids.l10n_cl_dte_document_ids.is_current", "state")
    @api.depends_context("lang", "uid")
    def _compute_left_out(self):
        """Say which documents have no file, and why, as they are at this moment."""
        for batch in self:
            batch.left_out = []
            if not batch._ended() or not batch.left_out_count:
                continue
            left_out = batch.move_ids - batch._moves_with_file()
            # First what has a folio already.
            named = left_out.sorted(lambda move: (move.state != "posted", move.id))
            named = named[:NAMED]
            lines = []
            for move, reason in named._l10n_cl_dte_why_no_file().items():
                name = move._l10n_cl_dte_name()
                lines.append(
                    {
                        "severity": "warning",
                        "message": reason,
                        "record": {"model": move._name, "id": move.id, "name": name},
                    }
                )
            if more := len(left_out) - len(named):
                lines.append(
                    {
                        "severity": "warning",
                        "message": self.env._(
                            "And %s more. Mend these, and they appear here.", more
                        ),
                    }
                )
            batch.left_out = lines

    @api.depends("move_ids.l10n_cl_dte_document_ids.is_current")
    def _compute_zip_file(self):
        for batch in self:
            with telling_machine_errors(self.env):
                content = batch.move_ids._l10n_cl_dte_zip()
                batch.zip_file = base64.b64encode(content)

    def _moves_with_file(self):
        """Return the documents whose file is there, on the server, too."""
        return self.move_ids.filtered(
            lambda move: (
                move.l10n_cl_dte_document_id
                and move.l10n_cl_dte_document_id._has_file()
            )
        )

    def _ended(self):
        return self.generates and self.state in ("done", "cancelled")

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
        """Return how far it is, in the language of the environment."""
        open_rows = sum(
            counts.get(outcome, 0) for outcome in ("waiting", "no_opinion", "cancelled")
        )
        return {
            "id": self.id,
            "state": self.state,
            "total": self.total,
            "waiting": counts.get("waiting", 0),
            "answered": max(self.total - open_rows, 0),
            "counts": counts,
            "generated": self.generated,
            "queued": sum(counts.values()),
            "notice": self._notice(counts),
            "asks": bool(counts) or not self.generates,
        }

    # === Valid actions === #

    def _valid_actions(self):
        self.ensure_one()
        return {
            "queueing": {"cancel"},
            "running": {"pause", "cancel"},
            "paused": {"resume", "cancel"},
            "generating": {"cancel"},
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
        batches.state = "paused"
        batches._waiting_rows().filtered(
            lambda row: "running" not in row.batch_ids.mapped("state")
        ).next_attempt_at = False
        batches._notify()

    def action_resume(self):
        """Go on. What its person may not do any more is done for who presses this."""
        self._check_action("resume")
        batches = self.sudo()
        for batch in batches:
            is_stopped = bool(batch.problem)
            batch.write({"state": "queueing", "problem": False})
            if not is_stopped:
                batch._end_queueing()
                continue
            batch.with_env(self.env)._check_may_generate()
            batch.user_id = self.env.user
            trigger(self.env, "l10n_cl_dte_ai.ir_cron_generate")
            batch._notify()

    def action_cancel(self):
        """Take out of the queue what nobody else waits for; keep what was answered."""
        self._check_action("cancel")
        batches = self.sudo()
        batches.state = "cancelled"
        rows = batches._waiting_rows()
        batches.problem = False
        wanted = rows.filtered(
            lambda row: any(b.state in WAITING_STATES for b in row.batch_ids)
        )
        (rows - wanted).write({"state": "cancelled", "next_attempt_at": False})
        batches._notify()

    def action_open(self):
        """Show what came of it: what is in the ZIP, and what was left out and why."""
        self.ensure_one()
        return self._get_records_action(target="current")

    def action_download_zip(self):
        """Give the files of the documents, as they are now, in one zip."""
        self.ensure_one()
        self.check_access("read")
        if not self.generates:
            raise UserError(
                self.env._(
                    "This batch only validates. Download the DTE of its documents in "
                    "their list, or generate them first."
                )
            )
        if not self.file_count:
            raise UserError(
                self.env._(
                    "None of these documents has a DTE yet, so there is nothing to "
                    "download."
                )
            )
        return {
            "type": "ir.actions.act_url",
            "url": f"/web/content/{self._name}/{self.id}/zip_file/"
            f"DTE_{self.create_date:%Y-%m-%d}_{self.id}.zip?download=true",
            "target": "download",
        }

    def _update(self):
        """Tell how far the running ones are, and end those that are through."""
        counts = self._counts()
        for batch in self.filtered(lambda b: b.state == "running"):
            waiting = counts.get(batch.id, {}).get("waiting", 0)
            waiting += batch._waiting_without_opinion()
            if not waiting:
                batch.state = "generating" if batch.generates else "done"
                if batch.generates:
                    trigger(self.env, "l10n_cl_dte_ai.ir_cron_generate")
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
        for batch in self.filtered("user_id"):
            told = batch.with_context(lang=batch.user_id.lang, tz=batch.user_id.tz)
            batch.user_id._bus_send(BUS_BATCH, told._progress(counts.get(batch.id, {})))
