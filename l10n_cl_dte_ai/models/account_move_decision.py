# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models
from odoo.exceptions import AccessError, UserError

from .account_move_generation import OVERRIDE_GROUP
from .l10n_cl_dte_ai_service import USER_GROUP


# pylint: disable=consider-merging-classes-inherited
class AccountMove(models.Model):
    """What a person decides on an opinion that objects: kept with name and reason.

    On the row of the opinion: it holds for the document as it was then, and a change
    puts the document before a person again.
    """

    _inherit = "account.move"

    def action_l10n_cl_dte_reviewed(self):
        """Take the opinion as read: the document leaves the list of what is to do."""
        self._l10n_cl_dte_decide()

    def _l10n_cl_dte_decide(self, reason=None):
        """Keep that the user has looked at what the AI says, and goes on.

        :param str reason: why, which the company's policy may want
        :raise AccessError: where only who may override decides
        :raise UserError: where there is nothing to decide, or the reason is missing
        """
        self.ensure_one()
        self.check_access("write")
        if not self.env.user.has_group(USER_GROUP):
            raise AccessError(
                self.env._("Deciding on a DTE is reserved to users of DTE AI.")
            )
        validation = self._l10n_cl_dte_ai_current_validation()
        objects = validation.outcome in ("review", "rejected", "failed", "no_opinion")
        if not objects or validation.decided_by_id:
            raise UserError(
                self.env._("Nothing is to be decided on “%s”.", self.display_name)
            )
        reason = (reason or "").strip()
        overrides = self._l10n_cl_dte_needs_override([], validation)
        if overrides:
            self._l10n_cl_dte_check_decider(reason)
        validation.sudo().write(
            {
                "decided_by_id": self.env.uid,
                "decided_on": fields.Datetime.now(),
                "decision_reason": reason,
                "decision_overrides": overrides,
            }
        )
        validation._decide_findings()
        self._message_log(
            body=self.env._("Reviewed what the AI service said. Reason: %s", reason)
            if reason
            else self.env._("Reviewed what the AI service said.")
        )

    def _l10n_cl_dte_check_decider(self, reason):
        """:raise UserError: where company policy wants another person, or a reason"""
        if not self.env.user.has_group(OVERRIDE_GROUP):
            raise AccessError(
                self.env._(
                    "Company policy keeps to what the AI service says: only users who "
                    "may override can decide otherwise. Ask one of them, or mend the "
                    "document."
                )
            )
        if not reason:
            raise UserError(
                self.env._(
                    "Company policy wants a reason: press Generate DTE, and enter it "
                    "there."
                )
            )
