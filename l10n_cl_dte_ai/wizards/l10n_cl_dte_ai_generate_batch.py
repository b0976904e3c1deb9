# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from collections import Counter

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..models.l10n_cl_dte_ai_batch import CHUNK
from ..models.l10n_cl_dte_ai_service import USER_GROUP
from ..models.l10n_cl_dte_gate import RATE_MARGIN
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
    applicable_ids = fields.Many2many("account.move", compute="_compute_counts")
    applicable_count = fields.Integer(compute="_compute_counts", string="To Generate")
    has_service = fields.Boolean(compute="_compute_counts")
    duration = fields.Char(compute="_compute_counts", string="It will take")

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
    @api.depends_context("lang")
    def _compute_counts(self):
        self._check_documents()
        for wizard in self:
            moves = wizard.move_ids
            reasons, applicable, answered = Counter(), [], 0
            for start in range(0, len(moves), CHUNK):
                chunk = moves[start : start + CHUNK]
                documents = chunk._l10n_cl_dte_as_documents()
                validations = chunk._l10n_cl_dte_ai_current_validations(documents)
                for move, document in documents.items():
                    if reason := wizard._why_left_out(move, document):
                        reasons[reason] += 1
                        continue
                    applicable.append(move.id)
                    validation = validations[move]
                    answered += validation.state == "done" or (
                        validation.state == "failed" and validation.reason == "refused"
                    )
            service = self.env.company.sudo().l10n_cl_dte_ai_service_id
            wizard.has_service = service._no_call_reason() != "not_configured"
            wizard.selected_count = len(moves)
            wizard.applicable_ids = applicable
            wizard.applicable_count = len(applicable)
            drafts = wizard.applicable_ids.filtered(lambda move: move.state == "draft")
            wizard.draft_notice = bool(drafts) and self.env._(
                "Drafts: %s. They are checked, and get no DTE until they are "
                "confirmed.",
                len(drafts),
            )
            wizard.answered_count = answered
            wizard.new_count = len(applicable) - answered
            wizard.left_out_count = sum(reasons.values())
            wizard.left_out = [
                {"severity": "warning", "message": f"{count} · {reason}"}
                for reason, count in reasons.most_common()
            ]
            wizard.duration = wizard._estimate(wizard.new_count)

    def _why_left_out(self, move, document):
        """Return why a document cannot be validated, for a person, or None."""
        if move.company_id != self.env.company:
            return self.env._("of another company: switch to it first")
        if not move.l10n_cl_dte_is_candidate:
            return self.env._("not a document that a Chilean company issues")
        if move.state == "cancel":
            return self.env._("cancelled")
        if not move._l10n_cl_dte_is_covered():
            return self.env._("of a type that is not covered")
        findings = move._l10n_cl_dte_apply_rules(document)
        if any(finding.severity == rules.ERROR for finding in findings):
            return self.env._("with errors in Odoo's data: open them and mend those")
        return None

    def _estimate(self, count):
        rate = self.env.company.sudo().l10n_cl_dte_ai_service_id.rate_per_minute
        if not count:
            return self.env._("no time: everything is answered")
        if not rate:
            return self.env._("as long as the service needs: it has no limit")
        minutes = count * (1 + RATE_MARGIN) / rate
        if minutes < 1:
            return self.env._("less than a minute")
        if minutes < 90:
            return self.env._("about %s minutes", round(minutes))
        return self.env._("about %s hours", round(minutes / 60))

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
        if not self.applicable_ids:
            raise UserError(
                self.env._("None of the selected documents can be validated.")
            )
        left_out = (self.move_ids - self.applicable_ids).filtered(
            lambda move: move.company_id == self.env.company
        )
        batch = self.env["l10n_cl_dte_ai.batch"]._start(
            self.applicable_ids, self.generates, left_out
        )
        return batch._get_records_action(target="current")
