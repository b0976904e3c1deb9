# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import logging

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain

_logger = logging.getLogger(__name__)

# Documents generated in one transaction: a user who saves one of them meanwhile waits.
GENERATED_AT_ONCE = 100


# pylint: disable=consider-merging-classes-inherited
class L10nClDteAiBatch(models.Model):
    """Generating what the policy allows of a batch, once it is answered."""

    _inherit = "l10n_cl_dte_ai.batch"

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
                batch.generated += len(batch._generate(chunk))
                batch.handled_up_to = chunk[-1].id
                batch._notify()
                left = progress(len(chunk))
                self.env.invalidate_all()  # memory stays flat
            batch.state = "done"
            batch._notify_end()
            batch._notify()
            progress()

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
        without = moves.filtered(lambda move: not move.l10n_cl_dte_document_id)
        return (without | (moves - without)._l10n_cl_dte_outdated_files()).sorted("id")

    def _generate(self, moves):
        """Generate documents together; one by one where one of them is bad.

        One bad document must not stop the others; the batch says why it has none.

        :return: the documents that got a new file
        """
        try:
            with self.env.cr.savepoint():
                return moves._l10n_cl_dte_generate_allowed()
        except UserError as error:
            if len(moves) == 1:
                _logger.info("No DTE for %s: %s", moves.id, error)
                return moves.browse()
        return moves.browse().union(*(self._generate(move) for move in moves))
