# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "Stand-in for another addon that generates DTE",
    "version": "19.0.1.0.0",
    "author": "l10n_cl_dte_ai contributors",
    "license": "LGPL-3",
    "depends": ["l10n_cl"],
    "data": ["ir.model.access.csv", "views/account_move_views.xml"],
    "installable": True,
}
