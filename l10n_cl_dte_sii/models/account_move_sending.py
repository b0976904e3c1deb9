# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from odoo.addons.l10n_cl_dte_ai.models.l10n_cl_dte_ai_service import USER_GROUP

from .account_move_envelope import MAX_DOCUMENTS
from .environments import SIGN_GROUP
from .l10n_cl_dte_document import SENT_STATES


# pylint: disable=consider-merging-classes-inherited
class AccountMove(models.Model):
    """A document on its way to the SII: sent, known, mended and sent again."""

    _inherit = "account.move"

    l10n_cl_dte_state = fields.Selection(
        # * signed --[its sending is claimed]--> sending --> received | unknown
        # * received --[the SII's word]--> accepted | objected | rejected | open
        # * rejected --[mended]--> outdated --[generated again]--> signed
        selection_add=SENT_STATES,
        ondelete={name: "set null" for name, _label in SENT_STATES},
    )
    l10n_cl_dte_sii_sending_id = fields.Many2one(
        "l10n_cl_dte_sii.sending",
        string="Sending to the SII",
        compute="_compute_l10n_cl_dte_sii_sending",
        groups=USER_GROUP,
    )
    l10n_cl_dte_sii_can_send = fields.Boolean(
        string="Can Be Sent", compute="_compute_l10n_cl_dte_sii_sending"
    )
    l10n_cl_dte_sii_can_mend = fields.Boolean(
        string="Can Be Mended and Sent Again",
        compute="_compute_l10n_cl_dte_sii_sending",
        help="The SII rejected it: its folio can be used again.",
    )

    @api.depends(
        "state", "l10n_cl_dte_state", "l10n_cl_dte_document_ids.sending_id.state"
    )
    @api.depends_context("uid")
    def _compute_l10n_cl_dte_sii_sending(self):
        may = self.env.user.has_group(SIGN_GROUP)
        for move in self:
            version = move.sudo().l10n_cl_dte_document_id
            sending = version.sending_id
            move.l10n_cl_dte_sii_sending_id = sending.sudo(False)
            move.l10n_cl_dte_sii_can_send = (
                may
                and move.state == "posted"
                and move.l10n_cl_dte_state == "signed"
                and (not sending or "send" in sending._valid_actions())
            )
            move.l10n_cl_dte_sii_can_mend = (
                may
                and move.state in ("posted", "draft")
                and version.state == "rejected"
            )

    # === Sending === #

    def action_l10n_cl_dte_sii_send(self):
        """Send signed documents: one while the person waits, more in the background.

        One document goes in an envelope of its own, for the SII counts what it
        rejected in an envelope, and does not say which.
        """
        self._l10n_cl_dte_sii_check_signer()
        for move in self:
            if not move.l10n_cl_dte_sii_can_send:
                raise UserError(move._l10n_cl_dte_sii_why_not_sent())
        self.check_access("write")
        sendings = self._l10n_cl_dte_sii_queue()
        if len(sendings) == 1:
            sendings._send_now()
            return self._l10n_cl_dte_sii_tell(sendings)
        sendings._trigger()
        return False

    def _l10n_cl_dte_sii_queue(self):
        """Queue each of these signed documents in an envelope of its own.

        :return: their sendings, as superuser; those that wait already are among them
        """
        sendings = self.env["l10n_cl_dte_sii.sending"].sudo()
        for move in self:
            version = move.sudo().l10n_cl_dte_document_id
            waiting = version.sending_id
            if waiting.state == "ready":
                waiting.next_at = waiting._now()
                sendings |= waiting
            else:
                sendings |= sendings._queue(version)
        return sendings

    def _l10n_cl_dte_sii_why_not_sent(self):
        """Return why this document cannot be sent now, for a person."""
        self.ensure_one()
        version = self.l10n_cl_dte_document_id
        if version and version._is_frozen():
            return version._why_frozen()
        return self.env._(
            "“%s” is not signed as it is now: generate and sign it first.",
            self.display_name,
        )

    def _l10n_cl_dte_sii_check_signer(self):
        if not self.env.user.has_group(SIGN_GROUP):
            raise AccessError(
                self.env._(
                    "Only who has the right “DTE SII: May Sign” sends documents."
                )
            )

    def _l10n_cl_dte_sii_tell(self, sending):
        """Return what a person is told who has just sent."""
        sending.invalidate_recordset()
        is_sent = sending.state in ("received", "done")
        message = sending.with_env(self.env).sudo().message
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success" if is_sent else "warning",
                "title": dict(
                    sending._fields["state"]._description_selection(self.env)
                )[sending.state],
                "message": message or "",
                "sticky": not is_sent,
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def _l10n_cl_dte_after_generating(self, versions):
        # EXTENDS 'l10n_cl_dte_ai'
        result = super()._l10n_cl_dte_after_generating(versions)
        signed = versions.move_id.filtered(
            lambda move: (
                move.l10n_cl_dte_document_id.state == "signed"
                and move.company_id._l10n_cl_dte_sii_sends("generating")
            )
        )
        if signed:
            signed._l10n_cl_dte_sii_queue()._trigger()
        return result

    @api.model
    def _l10n_cl_dte_sii_collect(self):
        """Queue what is signed and not sent, in large envelopes, where that is chosen.

        :return: the sendings
        """
        sendings = self.env["l10n_cl_dte_sii.sending"].sudo()
        versions = (
            self.env["l10n_cl_dte.document"]
            .sudo()
            .search(
                [
                    ("is_current", "=", True),
                    ("state", "=", "signed"),
                    ("move_id.l10n_cl_dte_state", "=", "signed"),
                    ("sending_id", "=", False),
                ],
                order="id",
            )
        )
        for (company, _environment), same in versions.grouped(
            lambda row: (row.company_id, row.environment)
        ).items():
            if company._l10n_cl_dte_sii_sends("schedule"):
                for start in range(0, len(same), MAX_DOCUMENTS):
                    sendings |= sendings._queue(same[start : start + MAX_DOCUMENTS])
        return sendings

    # === After a rejection === #

    def action_l10n_cl_dte_sii_mend(self):
        """Open a rejected document; once mended, the same button sends it again.

        Its folio stays. What is in a contact or in the settings is mended there.
        """
        self.ensure_one()
        self._l10n_cl_dte_sii_check_signer()
        if not self.l10n_cl_dte_sii_can_mend:
            raise UserError(
                self.env._(
                    "“%s” was not rejected by the SII: there is nothing to send again.",
                    self.display_name,
                )
            )
        if self.state == "posted" and self.l10n_cl_dte_state == "rejected":
            self.button_draft()
            return False
        if self.state == "draft":
            self.action_post()
        self._l10n_cl_dte_generate()
        return self.action_l10n_cl_dte_sii_send()

    def action_l10n_cl_dte_sii_open_sending(self):
        self.ensure_one()
        return self.l10n_cl_dte_sii_sending_id._get_records_action()

    # === To the customer === #

    def _l10n_cl_dte_sii_why_no_exchange(self):
        """Return why the XML for the customer does not go with the PDF, or None."""
        missing = self.filtered(
            lambda move: (
                move.state == "posted"
                and move.is_sale_document()
                and move._l10n_cl_dte_sii_takes_folio()
                and not move.sudo().l10n_cl_dte_document_id.exchange_attachment_id
            )
        )
        if not missing:
            return None
        return self.env._(
            "The XML for the customer goes along only once the SII has accepted the "
            "document, and it has not for: %s. Until then the PDF goes alone.",
            ", ".join(missing.mapped("display_name")),
        )

    # === What people read === #

    def _l10n_cl_dte_explain_state(self):
        # EXTENDS 'l10n_cl_dte_ai'
        states = [name for name, _label in SENT_STATES]
        version = self.sudo().l10n_cl_dte_document_id.with_env(self.env).sudo()
        sending = version.sending_id
        if self.l10n_cl_dte_state == "signed" and sending.reason:
            return sending.message
        if self.l10n_cl_dte_state not in (*states, "uploaded"):
            return super()._l10n_cl_dte_explain_state()
        if self.l10n_cl_dte_state in ("accepted", "objected", "rejected"):
            found = version._texts_of_findings()
            return " ".join([version._verdict(), *found])
        return sending.message or super()._l10n_cl_dte_explain_state()

    def _get_alerts(self):
        # EXTENDS 'account'
        alerts = super()._get_alerts()
        levels = {
            "rejected": "danger",
            "objected": "warning",
            "unknown": "warning",
            "open": "warning",
            "sending": "info",
            "received": "info",
            "signed": "warning",  # only where something stands against sending it
        }
        level = levels.get(self.l10n_cl_dte_state)
        if not level or not self.env.user.has_group(USER_GROUP):
            return alerts
        if text := self.l10n_cl_dte_why:
            alert = {"level": level, "message": text}
            if sending := self.l10n_cl_dte_sii_sending_id:
                alert["action_text"] = self.env._("Open the sending")
                alert["action"] = sending._get_records_action()
            alerts["l10n_cl_dte_sii_state"] = alert
        return alerts
