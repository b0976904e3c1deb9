# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import logging
from functools import partial

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Domain

from .alarm import trigger
from .l10n_cl_dte_ai_service import USER_GROUP
from .machine import together_or_alone

_logger = logging.getLogger(__name__)

# Documents read, requested and committed at once: memory stays flat for any number.
CHUNK = 500
# So many are put into the queue while a person waits; more in the background.
AT_ONCE = 100


# pylint: disable=consider-merging-classes-inherited
class L10nClDteAiBatch(models.Model):
    """Putting the documents of a batch into the queue."""

    _inherit = "l10n_cl_dte_ai.batch"

    @api.model
    def _start(self, moves, total, generates=False):
        """Put documents into the queue, and return the batch that counts them.

        Those that cannot be asked about are left out, and the batch says why. Without a
        service there is nobody to ask, and they are generated at once.

        :param moves: of the current company
        :param int total: how many of them can be asked about, as far as is known
        """
        batch = self.sudo().create(
            {
                "generates": generates,
                # Until all are queued, so that the first answers do not end it.
                "state": "queueing",
                "total": total,
                "move_ids": [fields.Command.set(moves.ids)],
            }
        )
        if len(moves) <= AT_ONCE:
            if batch._asks():
                batch._queue_chunk(sorted(moves.ids))
            batch._end_queueing()
        else:
            trigger(self.env, "l10n_cl_dte_ai.ir_cron_generate")
        return batch.sudo(False)

    def _check_may_generate(self):
        """:raise AccessError: where the user may not take a batch over"""
        if not self.env.user.has_group(USER_GROUP):
            raise AccessError(self.env._("This is reserved to users of DTE AI."))
        self.move_ids.check_access("write")

    def _asks(self):
        """Tell whether there is a service to ask."""
        service = self.company_id.l10n_cl_dte_ai_service_id
        return service._no_call_reason() != "not_configured"

    def _queue_all(self):
        """Put what is not there yet into the queue; return whether there was time."""
        progress = self.env["ir.cron"]._commit_progress
        if self._asks():
            repeat = self.env["l10n_cl_dte_ai.validation"]._repeat
            ids = sorted(id_ for id_ in self.move_ids.ids if id_ > self.queued_up_to)
            for start in range(0, len(ids), CHUNK):
                if not repeat(partial(self._queue_chunk, ids[start : start + CHUNK])):
                    return True  # cancelled meanwhile
                left = progress(CHUNK, remaining=0)
                self.env.invalidate_all()
                if left <= 0:
                    return False
        self._end_queueing()
        return True

    def _queue_chunk(self, move_ids):
        """Queue some documents; return whether the batch goes on."""
        self.invalidate_recordset(["state"], flush=False)
        if self.state != "queueing":
            return False
        moves = self.env["account.move"].with_user(self.user_id).browse(move_ids)
        moves = moves.with_company(self.company_id).exists()
        rows = self.env["l10n_cl_dte_ai.validation"].with_user(self.user_id)

        def note(move, error):
            _logger.error("%s was not queued: %s", move, type(error).__name__)

        rows = rows.union(*together_or_alone(moves, rows._queue_askable, note)).sudo()
        self.validation_ids = [fields.Command.link(row.id) for row in rows]
        self.queued_up_to = move_ids[-1]
        self._notify()
        return True

    def _end_queueing(self):
        """Let it run: all that can be asked about is in the queue."""
        if self.validation_ids:
            self.total = len(self.validation_ids)
        # What a paused batch holds back, this one waits for.
        held = Domain("next_attempt_at", "=", False)
        self._waiting_rows(held).next_attempt_at = fields.Datetime.now()
        self.env["l10n_cl_dte_ai.validation"]._trigger_cron()
        self.state = "running"
        self._update()  # all may have been answered before

    def _waiting_rows(self, domain=Domain.TRUE):
        return self.env["l10n_cl_dte_ai.validation"].search(
            Domain("batch_ids", "in", self.ids)
            & Domain("state", "=", "pending")
            & domain
        )


# pylint: disable=consider-merging-classes-inherited
class L10nClDteAiValidation(models.Model):
    _inherit = "l10n_cl_dte_ai.validation"

    @api.model
    def _queue_askable(self, moves):
        """Queue those of some documents that can be asked about.

        :return: their rows, also those that were answered before
        """
        moves = moves.filtered(lambda move: move._l10n_cl_dte_is_covered())
        questions = {
            move: question
            for move, question in moves._l10n_cl_dte_ai_questions().items()
            if not move._l10n_cl_dte_has_errors(question.document)
        }
        rows = self._get_or_queue(moves.browse().concat(*questions), questions)
        again = rows.filtered(
            lambda row: row.state == "failed" and row.reason != "refused"
        )
        again._requeue()
        return rows
