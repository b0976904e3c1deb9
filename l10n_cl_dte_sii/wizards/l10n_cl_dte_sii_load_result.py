# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64

from odoo import fields, models
from odoo.exceptions import AccessError, UserError

from ..models.environments import SIGN_GROUP
from ..tools import result_mail
from ..tools.errors import SiiError


class L10nClDteSiiLoadResult(models.TransientModel):
    """A person loads the mail in which the SII says what became of an envelope."""

    _name = "l10n_cl_dte_sii.load.result"
    _description = "Load a Result Mail of the SII"

    file = fields.Binary(
        attachment=False, help="The XML that is attached to the SII's mail."
    )
    text = fields.Text(string="Or Its Text", help="The XML, pasted.")

    def action_confirm(self):
        """Apply it, or say why it is not believed."""
        self.ensure_one()
        if not self.env.user.has_group(SIGN_GROUP):
            raise AccessError(
                self.env._("Only who has the right “DTE SII: May Sign” loads results.")
            )
        content = base64.b64decode(self.file or b"") or (self.text or "").encode(
            "latin-1", "xmlcharrefreplace"
        )
        try:
            result = result_mail.read(content)
        except SiiError as error:
            raise UserError(error.explain(self.env._)) from None
        taken = self.env["l10n_cl_dte_sii.result"]._take(
            result, content, self.env.companies
        )
        if taken.state == "applied":
            return {"type": "ir.actions.act_window_close"}
        if taken.state == "early":
            return {
                "type": "ir.actions.client",
                "tag": "display_notification",
                "params": {
                    "type": "info",
                    "message": self.env._(
                        "The result is kept. It counts as soon as the SII says that "
                        "it has processed the envelope, which is asked now."
                    ),
                    "next": {"type": "ir.actions.act_window_close"},
                },
            }
        raise UserError(
            self.env._(
                "Nothing with track ID %s was sent from here for this company: choose "
                "the company, or another mail.",
                result.track_id,
            )
            if taken.state == "unknown"
            else self.env._(
                "This mail is not of what the SII itself counted in the envelope "
                "%s, so it is not believed: load the one that the SII sent for it.",
                result.track_id,
            )
        )
