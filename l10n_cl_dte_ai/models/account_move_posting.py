# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models
from odoo.exceptions import UserError

from ..tools.dte import rules
from .account_move_generation import OVERRIDE_GROUP


# pylint: disable=consider-merging-classes-inherited
class AccountMove(models.Model):
    """The company's policy on the act of confirming, by which a folio is spent."""

    _inherit = "account.move"

    # The date that posting gave to an undated draft. It is not the accountant's word,
    # so a verdict on the draft still holds; a date that she enters later is.
    l10n_cl_dte_posting_date = fields.Date(
        string="Date Given by Posting", readonly=True, copy=False
    )

    def _l10n_cl_dte_ai_require_verdict(self):
        """:raise UserError: for what company policy does not let through, all at once"""
        problems = []
        for move in self:
            name = move._l10n_cl_dte_name()
            findings = move._l10n_cl_dte_findings()
            errors = [f.message for f in findings if f.severity == rules.ERROR]
            if errors:
                problems.append(f"{name}: {' '.join(errors)}")
                continue
            validation = move._l10n_cl_dte_ai_current_validation()
            # Who was asked and could not answer is the policy's matter.
            was_asked = validation.reason or validation.state in ("done", "failed")
            if not was_asked:
                text = self.env._(
                    "%s: the AI service has not been asked yet. Press Generate DTE.",
                    name,
                )
            elif not move._l10n_cl_dte_needs_override(findings, validation):
                continue
            elif validation.state == "done":
                text = self.env._(
                    "%s: the AI service objects. Press Generate DTE to see why.", name
                )
            else:
                text = self.env._(
                    "%s: the AI service has given no opinion yet, and company policy "
                    "wants its approval. Press Generate DTE to see why.",
                    name,
                )
            problems.append(text)
        if problems:
            raise UserError(
                self.env._("Not confirmed, so that no folio is spent:")
                + "\n\n"
                + "\n".join(problems)
            )

    def _l10n_cl_dte_ai_on_post(self, value):
        """Return the documents of companies that have chosen a way on posting."""
        return self.filtered(
            lambda move: (
                move.company_id.l10n_cl_dte_ai_on_post == value
                and move._l10n_cl_dte_is_covered()
                and move.company_id.sudo().l10n_cl_dte_ai_service_id._no_call_reason()
                != "not_configured"
            )
        )

    def _post(self, soft=True):
        # EXTENDS 'account': remember which dates were posting's and not the user's, and
        # do what the company wants on posting.
        required = self._l10n_cl_dte_ai_on_post("required")
        if not self.env.user.has_group(OVERRIDE_GROUP):
            required._l10n_cl_dte_ai_require_verdict()
        undated = self.filtered(
            lambda move: move.l10n_cl_dte_is_candidate and not move.invoice_date
        )
        posted = super()._post(soft)
        for date, moves in (
            undated.filtered("invoice_date").grouped("invoice_date").items()
        ):
            moves._l10n_cl_dte_set({"l10n_cl_dte_posting_date": date})
        questions = {
            move: question
            for move, question in (posted & self)
            ._l10n_cl_dte_ai_on_post("background")
            ._l10n_cl_dte_ai_questions()
            .items()
            if not move._l10n_cl_dte_has_errors(question.document)
        }
        if questions:
            moves = self.concat(*questions)
            self.env["l10n_cl_dte_ai.validation"]._get_or_queue(moves, questions)
            self.env["l10n_cl_dte_ai.validation"]._trigger_cron()
        return posted
