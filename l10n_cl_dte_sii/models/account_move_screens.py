# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, models


# pylint: disable=consider-merging-classes-inherited
class AccountMove(models.Model):
    """What the screens say of documents that are stamped, signed and sent."""

    _inherit = "account.move"

    def _l10n_cl_dte_next_step(self):
        # EXTENDS 'l10n_cl_dte_ai'
        if self.l10n_cl_dte_sii_can_sign:
            return "sign"
        if self.l10n_cl_dte_sii_can_send:
            return "send"
        if self.l10n_cl_dte_sii_can_mend:
            return "mend"
        return super()._l10n_cl_dte_next_step()

    def _l10n_cl_dte_hint(self):
        # EXTENDS 'l10n_cl_dte_ai'
        if self.l10n_cl_dte_sii_can_sign:
            return self.env._("Stamp and sign it: Sign, above the document.")
        if (
            self.l10n_cl_dte_state == "generated"
            and self._l10n_cl_dte_sii_takes_folio()
        ):
            return self.env._("It waits for somebody who may sign.")
        return super()._l10n_cl_dte_hint()

    @api.model
    def _l10n_cl_dte_state_colours(self):
        # EXTENDS 'l10n_cl_dte_ai'
        colours = super()._l10n_cl_dte_state_colours()
        own = {
            "success": ["signed", "uploaded", "accepted"],
            "warning": ["unknown", "open", "objected"],
            "danger": ["rejected"],
            "info": ["sending", "received"],
        }
        return {name: [*states, *own[name]] for name, states in colours.items()}

    @api.model
    def _l10n_cl_dte_todo_states(self):
        # EXTENDS 'l10n_cl_dte_ai': an unknown one is settled by asking, by itself; for
        # an open one the SII's mail is to be loaded.
        return [*super()._l10n_cl_dte_todo_states(), "rejected", "open"]
