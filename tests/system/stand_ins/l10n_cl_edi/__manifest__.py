# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "Stand-in for Odoo Enterprise's electronic invoicing for Chile",
    "version": "19.0.1.0.0",
    "summary": "Only the names that it shares with our addon, written for our tests",
    "author": "l10n_cl_dte_ai contributors",
    "license": "LGPL-3",
    "depends": ["l10n_cl"],
    "data": ["ir.model.access.csv"],
}
