# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Documents of before are not all looked at while the new columns are made."""

from odoo.addons.l10n_cl_dte_ai.hooks import add_columns


def migrate(cr, _version):
    add_columns(cr)
