# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import demo


def uninstall_hook(env):
    # Odoo cannot delete a company that still has a chart of accounts.
    demo.unload(env)
