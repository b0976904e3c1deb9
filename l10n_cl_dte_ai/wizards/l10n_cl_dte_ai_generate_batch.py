# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from collections import Counter

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..models.l10n_cl_dte_ai_answer import VERDICTS
from ..models.l10n_cl_dte_ai_service import USER_GROUP
from ..tools.dte import rules


class L10nClDteAiGenerateBatch(models.TransientModel):
    """What would happen to many documents, before it does."""

    _name = "l10n_cl_dte_ai.generate.batch"
    _inherit = "l10n_cl_dte.on.documents"
    _description = "Validate Many Documents"

    move_ids = fields.Many2many("account.move", required=True, readonly=True)
    generates = fields.Boolean(
        string="Generate the DTE",
        help="Of the posted documents that company policy allows, once the AI service "
        "has answered.",
    )
    selected_count = fields.Integer(compute="_compute_counts", string="Selected")
    new_count = fields.Integer(compute="_compute_counts", string="To be asked about")
    answered_count = fields.Integer(
        compute="_compute_counts", string="Already answered"
    )
    left_out_count = fields.Integer(compute="_compute_counts", string="Left out")
    left_out = fields.Json(compute="_compute_counts")
    draft_notice = fields.Char(compute="_compute_counts")
    applicable_count = fields.Integer(compute="_compute_counts", string="To Generate")
    has_service = fields.Boolean(compute="_compute_counts")
    duration = fields.Char(compute="_compute_counts", string="It will take")
    obstacle = fields.Char(compute="_compute_counts")

    @api.model
    def default_get(self, fields_list):
        values = super().default_get(fields_list)
        if self.env.context.get("active_model") == "account.move":
            values["move_ids"] = [
                fields.Command.set(self.env.context.get("active_ids", []))
            ]
        return values

    def _documents(self):
        return self.move_ids

    @api.depends("move_ids")
    @api.depends_context("lang", "tz", "company")
    def _compute_counts(self):
        """Count by what is stored on the documents: twenty thousand take a second.

        It is for showing. What is put into the queue is looked at as it is then.
        """
        self._check_documents()
        service = self.env.company.sudo().l10n_cl_dte_ai_service_id
        for wizard in self:
            counts = wizard._counts()
            reasons = wizard._why_left_out(counts)
            applicable = counts["applicable"]
            answered = counts["answered"]
            wizard.has_service = service._no_call_reason() != "not_configured"
            wizard.obstacle = wizard.has_service and service._obstacle()
            wizard.selected_count = len(wizard.move_ids)
            wizard.applicable_count = applicable
            wizard.draft_notice = bool(counts["drafts"]) and self.env._(
                "Drafts: %s. They are checked, and get no DTE until they are "
                "confirmed.",
                counts["drafts"],
            )
            wizard.answered_count = answered
            wizard.new_count = applicable - answered
            wizard.left_out_count = sum(reasons.values())
            wizard.left_out = [
                {"severity": "warning", "message": f"{count} · {reason}"}
                for reason, count in reasons.most_common()
                if count
            ]
            wizard.duration = service._how_long(wizard.new_count)

    def _counts(self):
        """Return how many documents stand where.

        :rtype: dict[str, int]
        """
        moves = self.move_ids._origin
        moves.flush_recordset()
        self.env["l10n_cl_dte_ai.validation"].flush_model(["digest", "state", "reason"])
        [counts] = self.env.execute_query_dict(
            SQL(
                """
                WITH selected AS (
                    SELECT move.*,
                           move.company_id = %(company)s
                           AND move.l10n_cl_dte_ai_digest IS NOT NULL
                           AND NOT coalesce(move.l10n_cl_dte_findings, '[]')
                               @> %(error)s::jsonb AS applicable
                      FROM account_move move
                     WHERE move.id = ANY(%(ids)s))
                SELECT count(*) FILTER (WHERE applicable) AS applicable,
                       count(*) FILTER (WHERE applicable AND state = 'draft') AS drafts,
                       count(*) FILTER (
                           WHERE applicable
                             AND (l10n_cl_dte_ai_state = ANY(%(answers)s)
                                  OR EXISTS (
                                    SELECT FROM l10n_cl_dte_ai_validation question
                                     WHERE question.move_id = selected.id
                                       AND question.digest
                                           = selected.l10n_cl_dte_ai_digest
                                       AND question.state = 'failed'
                                       AND question.reason = 'refused'))) AS answered,
                       count(*) FILTER (
                           WHERE company_id != %(company)s) AS of_another_company,
                       count(*) FILTER (
                           WHERE company_id = %(company)s
                             AND l10n_cl_dte_ai_digest IS NOT NULL
                             AND NOT applicable) AS with_errors,
                       array_agg(id) FILTER (
                           WHERE company_id = %(company)s
                             AND l10n_cl_dte_ai_digest IS NULL) AS not_covered
                  FROM selected
                """,
                company=self.env.company.id,
                error=f'[{{"severity": "{rules.ERROR}"}}]',
                ids=moves.ids,
                answers=list(VERDICTS.values()),
            )
        )
        return counts

    def _why_left_out(self, counts):
        """Return how many documents can't be validated, by the reason for a person.

        :rtype: Counter[str]
        """
        reasons = Counter(
            {
                self.env._("of another company: switch to it first"): counts[
                    "of_another_company"
                ],
                self.env._(
                    "with errors in Odoo's data: open them and mend those"
                ): counts["with_errors"],
            }
        )
        for move in self.env["account.move"].browse(counts["not_covered"] or ()):
            if not move.l10n_cl_dte_is_candidate:
                reasons[self.env._("not a document that a Chilean company issues")] += 1
            elif move.state == "cancel":
                reasons[self.env._("cancelled")] += 1
            else:
                reasons[self.env._("of a type that is not covered")] += 1
        return reasons

    def action_start(self):
        """Put the documents into the queue, and show how far they are."""
        self.ensure_one()
        if not self.env.user.has_group(USER_GROUP):
            raise AccessError(self.env._("This is reserved to users of DTE AI."))
        self.move_ids.check_access("write")
        if not self.has_service and not self.generates:
            raise UserError(
                self.env._(
                    "No AI service is configured for this company. An administrator "
                    "can enter its address and key in the settings of Invoicing."
                )
            )
        if not self.applicable_count:
            raise UserError(
                self.env._("None of the selected documents can be validated.")
            )
        moves = self.move_ids.filtered(lambda move: move.company_id == self.env.company)
        batch = self.env["l10n_cl_dte_ai.batch"]._start(
            moves, self.applicable_count, self.generates
        )
        return batch._get_records_action(target="current")
