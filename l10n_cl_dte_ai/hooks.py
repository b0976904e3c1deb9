# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


def uninstall_hook(env):
    # Odoo cannot delete a company that still has a chart of accounts.
    env["l10n_cl_dte_ai.demo"]._unload()
