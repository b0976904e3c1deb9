# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import Command, api, fields, models

from ..tools.dte.tax_codes import IVA_CODE

CANCELS, CORRECTS_TEXT, CORRECTS_AMOUNTS = "1", "2", "3"


class AccountMoveReversal(models.TransientModel):
    """Asks what a credit note corrects, and makes the note that says so."""

    _inherit = "account.move.reversal"

    l10n_cl_dte_correction = fields.Selection(
        [
            (CANCELS, "The whole document: cancel it"),
            (CORRECTS_AMOUNTS, "Amounts: credit part of it"),
            (CORRECTS_TEXT, "A text: nothing is credited"),
        ],
        string="What Is Corrected",
        default=CANCELS,
        help="Chile: the SII wants to know what a credit note does. To correct "
        "amounts, the note is made of the whole document, and you leave in it what is "
        "credited. To correct a text, as the customer's address, the note says so in "
        "one line without amounts; enter what was wrong and what is right as the "
        "reason.",
    )
    l10n_cl_dte_is_chilean = fields.Boolean(
        compute="_compute_l10n_cl_dte_is_chilean", string="Is a Chilean Document"
    )

    @api.depends("move_ids")
    def _compute_l10n_cl_dte_is_chilean(self):
        for wizard in self:
            moves = wizard.move_ids._origin
            wizard.l10n_cl_dte_is_chilean = bool(moves) and all(
                move._l10n_cl_dte_refers_by_itself() for move in moves
            )

    def _prepare_default_reversal(self, move):
        # EXTENDS 'account': the note says which document it corrects, how, and why.
        values = super()._prepare_default_reversal(move)
        if move._l10n_cl_dte_refers_by_itself():
            reference = move._l10n_cl_dte_reference_values(
                self.reason, self.l10n_cl_dte_correction
            )
            values["l10n_cl_reference_ids"] = [Command.create(reference)]
            # As many pesos as were invoiced, whatever the dollar is worth today.
            values["invoice_currency_rate"] = move.invoice_currency_rate
        return values

    def reverse_moves(self, is_modify=False):
        # EXTENDS 'account': a note that corrects a text credits nothing.
        if is_modify or not self.l10n_cl_dte_is_chilean:
            return super().reverse_moves(is_modify)
        action = super().reverse_moves(is_modify)
        if self.l10n_cl_dte_correction == CORRECTS_TEXT:
            for note in self.new_move_ids:
                note._l10n_cl_dte_make_text_correction(self.reason)
        return action


# What the wizard makes of a note stands beside it.
# pylint: disable=consider-merging-classes-inherited
class AccountMove(models.Model):
    _inherit = "account.move"

    def _l10n_cl_dte_make_text_correction(self, reason):
        """Leave of a note one line without amounts, that says what is corrected."""
        self.ensure_one()
        taxes = self.invoice_line_ids.tax_ids.flatten_taxes_hierarchy()
        account = self.invoice_line_ids.account_id[:1]
        text = reason or self.env._("Corrects a text")
        self.write(
            {
                "invoice_line_ids": [
                    Command.clear(),
                    Command.create(
                        {
                            "name": text,
                            "quantity": 1,
                            "price_unit": 0,
                            "account_id": account.id,
                            "tax_ids": taxes.filtered(
                                lambda tax: tax.l10n_cl_sii_code == IVA_CODE
                            )[:1].ids,
                        }
                    ),
                ]
            }
        )
