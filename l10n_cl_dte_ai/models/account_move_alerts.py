# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models

from ..tools.dte import rules
from .l10n_cl_dte_ai_service import USER_GROUP


# pylint: disable=consider-merging-classes-inherited
class AccountMove(models.Model):
    """What stands above an invoice: what was found, and where it is mended."""

    _inherit = "account.move"

    def _get_alerts(self):
        # EXTENDS 'account'
        alerts = super()._get_alerts()
        if not self.l10n_cl_dte_is_candidate or not self.env.user.has_group(USER_GROUP):
            return alerts
        alerts.update(self._l10n_cl_dte_mend_alerts())
        if self._l10n_cl_dte_outdated_files():
            alerts["l10n_cl_dte_ai_file"] = {
                "level": "warning",
                "message": self.env._(
                    "The document has changed since its DTE was generated. Press "
                    "Generate DTE to replace the file."
                ),
            }
        open_findings = {
            "action_text": self.env._("See what was found"),
            "action": self._l10n_cl_dte_wizard_action(),
        }
        match self.l10n_cl_dte_ai_state:
            case "rejected":
                alerts["l10n_cl_dte_ai_rejected"] = {
                    "level": "danger",
                    "message": self.env._("The AI service advises against sending."),
                    **open_findings,
                }
            case "review":
                alerts["l10n_cl_dte_ai_review"] = {
                    "level": "warning",
                    "message": self.env._(
                        "The AI service recommends a review of this document."
                    ),
                    **open_findings,
                }
            case "outdated":
                alerts["l10n_cl_dte_ai_outdated"] = {
                    "level": "info",
                    "message": self.env._(
                        "The document has changed since the AI service saw it. Press "
                        "Generate DTE to check it again."
                    ),
                }
            case "waiting" | "no_opinion" | "failed" as state:
                validation = self._l10n_cl_dte_ai_current_validation()
                alerts[f"l10n_cl_dte_ai_{state}"] = {
                    "level": "warning" if state == "failed" else "info",
                    "message": validation.message
                    or self.env._("The AI service is being asked."),
                    **open_findings,
                }
        return alerts

    def _l10n_cl_dte_mend_alerts(self):
        """Return an alert for each record whose errors the SII would refuse."""
        if (
            not self.id
            or not self.invoice_line_ids
            or not self._l10n_cl_dte_is_covered()
            or self.sudo().l10n_cl_dte_ai_attachment_id
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
