# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models


class L10nClDteSiiEnvelope(models.TransientModel):
    """A file for the SII's page on its way to the browser of who asked for it: an
    envelope, or the list of folios to annul.
    """

    _name = "l10n_cl_dte_sii.envelope"
    _description = "File for the SII"

    name = fields.Char(readonly=True)
    file = fields.Binary(readonly=True, attachment=False)
