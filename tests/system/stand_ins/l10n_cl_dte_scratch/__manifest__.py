# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "An addon that uses each seam once",
    "version": "19.0.1.0.0",
    "summary": "For our tests, and to copy from: see CONTRIBUTING.md",
    "author": "l10n_cl_dte_ai contributors",
    "license": "LGPL-3",
    "depends": ["l10n_cl_dte_ai"],
}
