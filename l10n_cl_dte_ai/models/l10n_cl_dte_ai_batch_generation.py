# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import logging
from functools import partial

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from .alarm import trigger
from .database import DATABASE_GONE, can_commit
from .l10n_cl_dte_ai_service import USER_GROUP
from .machine import MACHINE_ERRORS, MachineError, together_or_alone

_logger = logging.getLogger(__name__)

# Documents generated in one transaction: a user who saves one of them meanwhile waits.
GENERATED_AT_ONCE = 100


# pylint: disable=consider-merging-classes-inherited
class L10nClDteAiBatch(models.Model):
    """Generating what the policy allows of a batch, once it is answered.

    It is done in the name of who started it, under her rights. Whatever happens to one
    batch, those behind it go on, and it has somebody who can end it.
    """

    _inherit = "l10n_cl_dte_ai.batch"

    @api.model
    def _cron_generate(self):
        """Queue and generate what batches wait for, as long as there is time.

        What is left over has a trigger: so nothing "remains" for the scheduler, which
        would call it late.
        """
        progress = self.env["ir.cron"]._commit_progress
        is_work = Domain("state", "in", ("queueing", "generating"))
        for batch in self.search(is_work, order="id"):
            if progress(remaining=0) <= 0 or not batch._go_on():
                trigger(self.env, "l10n_cl_dte_ai.ir_cron_generate")
                break
        progress(remaining=0)

    def _go_on(self):
        """Do what this batch waits for; whatever happens, the next one has its turn.

        :return: whether there was time for all of it
        """
        try:
            if not self._may_requester():
                self._note_problem("requester")
                return True
            if self.state == "queueing" and not self._queue_all():
                return False
            return self.state != "generating" or self._generate_all()
        except (MachineError, *MACHINE_ERRORS, *DATABASE_GONE) as error:
            self._undo(error)
            self._note_problem("machine")
        except Exception as error:  # noqa: BLE001  later batches wait behind it
            self._undo(error)
            self._note_problem("fault")
        return True

    def _undo(self, error):
        if can_commit():
            self.env.cr.rollback()
        # No traceback: what a document says is nobody's business in a log.
        _logger.error("Batch %s: %s", self.id, type(error).__name__)

    def _note_problem(self, problem):
        """Remember why it does not go on, and tell whoever waits for it, once."""
        if not self.exists() or self.problem == problem:
            return
        self.problem = problem
        if problem == "requester":
            self.state = "paused"
        self._notify_problem()
        self._notify()

    def _generate_all(self):
        """Generate all; return whether there was time for it."""
        progress = self.env["ir.cron"]._commit_progress
        repeat = self.env["l10n_cl_dte_ai.validation"]._repeat
        with self.env.cr.savepoint():
            moves = self._moves_to_generate()
        left = progress(remaining=0)
        for start in range(0, len(moves), GENERATED_AT_ONCE):
            if left <= 0:
                return False
            chunk = moves[start : start + GENERATED_AT_ONCE]
            if not repeat(partial(self._generate_chunk, chunk)):
                return True  # cancelled meanwhile
            left = progress(len(chunk), remaining=0)
            self.env.invalidate_all()  # memory stays flat
        repeat(self._end_generation)
        return True

    def _may_requester(self):
        """Tell whether who started it may still generate documents of the company."""
        user = self.user_id
        return (
            user.active
            and self.company_id in user.company_ids
            and user.has_group(USER_GROUP)
            and self.env["account.move"].with_user(user).has_access("write")
        )

    def _moves_to_generate(self):
        """Return the posted documents without a file of today, as the user sees
        them.
        """
        moves = self.move_ids.filtered(
            lambda move: move.id > self.handled_up_to and move.state == "posted"
        )
        moves = moves.sorted("id").with_company(self.company_id)
        moves = moves.with_user(self.user_id).with_context(
            lang=self.user_id.lang, tz=self.user_id.tz
        )
        moves = moves._filtered_access("write")
        without = moves.filtered(lambda move: not move.l10n_cl_dte_document_id)
        outdated = together_or_alone(
            moves - without, type(moves)._l10n_cl_dte_outdated_files, _note
        )
        return without.union(*outdated).sorted("id")

    def _generate_chunk(self, moves):
        """Generate some documents; return whether the batch goes on."""
        self.invalidate_recordset(["state"], flush=False)
        if self.state != "generating":
            return False
        self.generated += len(self._generate(moves))
        self.handled_up_to = moves[-1].id
        self.problem = False
        self._notify()
        return True

    def _end_generation(self):
        if self.state == "generating":
            self.write({"state": "done", "problem": False})
            self._notify_end()
            self._notify()

    def _generate(self, moves):
        """Generate documents together; one by one where one of them is bad.

        One bad document must not stop the others; the batch says why it has none.

        :return: the documents that got a new file
        """
        generate = type(moves)._l10n_cl_dte_generate_allowed
        return moves.browse().union(*together_or_alone(moves, generate, _note))


def _note(move, error):
    """Log why a document got no file; the batch says so to people."""
    if isinstance(error, UserError):
        _logger.info("No DTE for %s: %s", move, error)
    else:
        # No text and no traceback: what a document says does not belong in a log.
        _logger.error("No DTE for %s: %s", move, type(error).__name__)
