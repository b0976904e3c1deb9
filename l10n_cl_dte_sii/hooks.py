# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from .models.res_company import AUTHORITY_PARAMETER


def uninstall_hook(env):
    """Leave no key that stamps in Odoo's store of keys; certificates are the users'."""
    cafs = env["l10n_cl_dte_sii.caf"].sudo().search([("key_id", "!=", False)])
    keys = cafs.key_id
    cafs.key_id = False
    keys.unlink()
    env["ir.config_parameter"].sudo().search(
        [("key", "=", AUTHORITY_PARAMETER)]
    ).unlink()
