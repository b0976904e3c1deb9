# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, models


class L10nClDteFolio(models.Model):
    """What a living document has; the ledger knows the folios of those that are gone,
    too.

    Each number is taken in both, by `_take` here and there: neither gives one that the
    other has for somebody else.
    """

    _inherit = "l10n_cl_dte.folio"

    @api.model
    def _take(self, move, key):
        # EXTENDS 'l10n_cl_dte_ai'
        entries = self.env["l10n_cl_dte_sii.folio"]._entries(key, move.company_id)
        if entries.filtered(lambda entry: entry.move_id != move):
            return False
        return super()._take(move, key)

    @api.model
    def _holder(self, key):
        # EXTENDS 'l10n_cl_dte_ai': of a document that is gone its name is left.
        gone = (
            self.env["l10n_cl_dte_sii.folio"]
            ._entries(key)
            .filtered(lambda entry: not entry.move_id)
        )
        return gone[:1].document_name or super()._holder(key)
