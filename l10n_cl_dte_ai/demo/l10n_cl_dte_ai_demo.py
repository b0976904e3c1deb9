# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, models

from .builder import load, unload


class L10nClDteAiDemo(models.AbstractModel):
    """The demo company, for `demo.xml` and for who uninstalls: nothing else
    knows it.
    """

    _name = "l10n_cl_dte_ai.demo"
    _description = "Demo Company of DTE AI"

    @api.model
    def _load(self):
        """Load the demo company with its documents, and return it."""
        return load(self.env)

    @api.model
    def _unload(self):
        unload(self.env)
