# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models

from ..tools.dte import rules
from .l10n_cl_dte_ai_service import USER_GROUP


# pylint: disable=consider-merging-classes-inherited
class AccountMove(models.Model):
    """What stands above an invoice: what was found, and where it is mended."""

    _inherit = "account.move"

    l10n_cl_dte_why = fields.Char(
        string="Why",
        compute="_compute_l10n_cl_dte_why",
        help="What stands against the document, as it was last looked at.",
    )

    def _get_alerts(self):
        # EXTENDS 'account'
        alerts = super()._get_alerts()
        if not self.l10n_cl_dte_is_candidate or not self.env.user.has_group(USER_GROUP):
            return alerts
        match self.l10n_cl_dte_state:
            case "errors":
                alerts.update(self._l10n_cl_dte_mend_alerts())
            case "outdated":
                alerts["l10n_cl_dte_outdated"] = {
                    "level": "warning",
                    "message": self.l10n_cl_dte_why,
                }
            case "review" | "waiting" | "ready":
                alerts.update(self._l10n_cl_dte_ai_alerts())
        return alerts

    def _l10n_cl_dte_ai_alerts(self):
        """Return what the AI says against a document that is open, or why it is
        silent.
        """
        levels = {
            "rejected": "danger",
            "review": "warning",
            "failed": "warning",
            "outdated": "info",
            "no_opinion": "info",
            "waiting": "info",
        }
        opinion = self.l10n_cl_dte_ai_state
        if opinion not in levels or self._l10n_cl_dte_ai_stored_row().decided_by_id:
            return {}
        alert = {"level": levels[opinion], "message": self._l10n_cl_dte_ai_why()}
        if opinion != "outdated":
            alert["action_text"] = self.env._("See what was found")
            alert["action"] = self._l10n_cl_dte_wizard_action()
        return {f"l10n_cl_dte_ai_{opinion}": alert}

    # === Why it stands where it does === #

    @api.depends("l10n_cl_dte_state")  # with it change findings and opinion
    @api.depends_context("lang", "tz")
    def _compute_l10n_cl_dte_why(self):
        for move in self:
            move.l10n_cl_dte_why = move._l10n_cl_dte_explain_state()

    def _l10n_cl_dte_explain_state(self):
        """Return why the document stands where it does, False where that says all.

        Extend it for further states.
        """
        self.ensure_one()
        match self.l10n_cl_dte_state:
            case "errors":
                return " ".join(self._l10n_cl_dte_texts_of_errors())
            case "outdated":
                return self.env._(
                    "The document has changed since its DTE was generated. Press "
                    "Generate DTE to replace the file."
                )
            case "review":
                return self.sudo()._l10n_cl_dte_ai_stored_row().found or (
                    self.sudo()._l10n_cl_dte_ai_why()
                )
            case "waiting":
                return self.sudo()._l10n_cl_dte_ai_why()
        return False

    def _l10n_cl_dte_hint(self):
        """Return what follows for a document that has its file, False if nothing.

        Extend it for further states.
        """
        self.ensure_one()
        if self.l10n_cl_dte_state == "generated" and self.l10n_cl_dte_document_id:
            return self.env._(
                "Download it, and stamp, sign and send it with the program that you "
                "use for that."
            )
        return False

    def _l10n_cl_dte_texts_of_errors(self):
        """Return what the rules refused when they last looked, in the user's
        language.
        """
        texts = []
        for finding in self.l10n_cl_dte_findings or []:
            if finding["severity"] == rules.ERROR:
                messages = finding["messages"]
                default = next(iter(messages.values()))
                texts.append(messages.get(self.env.lang or "en_US", default))
        return texts

    def _l10n_cl_dte_ai_why(self):
        """Return what the AI says against the document, or why it says nothing."""
        row = self.sudo()._l10n_cl_dte_ai_stored_row()
        match self.sudo().l10n_cl_dte_ai_state:
            case "rejected":
                return self.env._("The AI service advises against sending.")
            case "review":
                return self.env._(
                    "The AI service recommends a review of this document."
                )
            case "outdated":
                return self.env._(
                    "The document has changed since the AI service saw it. Press "
                    "Generate DTE to check it again."
                )
        return row.with_env(self.env).sudo().message or self.env._(
            "The AI service is being asked."
        )

    def _l10n_cl_dte_mend_alerts(self):
        """Return an alert for each record whose errors the SII would refuse."""
        if (
            not self.id
            or not self.invoice_line_ids
            or not self._l10n_cl_dte_is_covered()
        ):
            return {}
        messages = {}
        for finding in self._l10n_cl_dte_findings():
            if finding.severity == rules.ERROR:
                record = self._l10n_cl_dte_record_to_mend(finding)
                messages.setdefault(record, []).append(finding.message)
        alerts = {}
        for record, texts in messages.items():
            alert = {"level": "warning", "message": "\n".join(texts)}
            if record != self:
                alert["action_text"] = self.env._("Open %s", record.display_name)
                alert["action"] = record._get_records_action()
            alerts[f"l10n_cl_dte_ai_mend_{record._name}_{record.id}"] = alert
        return alerts
