# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, models


class L10nClDteAiWizard(models.AbstractModel):
    """What every wizard on documents keeps to: it shows no more than they do.

    Whoever may use a wizard says over RPC which documents it is on, also those of other
    companies, and Odoo gives away the name of a record that a many2one points to. Its
    rows belong to whoever made them; that is a record rule of each wizard. Related
    fields of a wizard take `related_sudo=False`.
    """

    _name = "l10n_cl_dte_ai.wizard"
    _description = "Wizard on Documents"

    def _documents(self):
        """Return the documents that the wizard is on."""
        return self.env["account.move"]

    def _check_documents(self):
        """:raise AccessError: where the user may not read one of the documents"""
        self._documents()._origin.check_access("read")

    def new(self, values=None, origin=None, ref=None):
        # EXTENDS 'base': what a form holds before it is saved (onchange).
        wizard = super().new(values, origin, ref)
        wizard._check_documents()
        return wizard

    @api.model_create_multi
    def create(self, vals_list):
        wizards = super().create(vals_list)
        wizards._check_documents()
        return wizards

    def write(self, vals):
        result = super().write(vals)
        self._check_documents()
        return result
