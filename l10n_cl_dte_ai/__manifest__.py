# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "Chile - AI validation of electronic tax documents",
    "version": "19.0.1.0.0",
    "category": "Accounting/Localizations",
    "summary": "Check a DTE with the SII's rules and an AI service before it spends a folio",
    "author": "l10n_cl_dte_ai contributors",
    "license": "LGPL-3",
    "countries": ["cl"],
    "depends": ["l10n_cl"],
    "external_dependencies": {"python": ["requests", "tenacity"]},
    "data": [],
    "installable": True,
}
