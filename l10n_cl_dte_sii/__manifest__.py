# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "Chile - Electronic tax documents: folios, stamp and signature",
    "version": "19.0.1.0.0",
    "category": "Accounting/Localizations",
    "summary": "From the checked document to the one that the SII takes",
    "author": "l10n_cl_dte_ai contributors",
    "license": "LGPL-3",
    "countries": ["cl"],
    "depends": ["l10n_cl_dte_ai", "certificate"],
    "external_dependencies": {"python": ["cryptography", "lxml"]},
    "data": [
        "security/groups.xml",
        "security/ir.model.access.csv",
        "security/rules.xml",
        "data/ir_cron.xml",
        "wizards/l10n_cl_dte_sii_load_certificate_views.xml",
        "wizards/l10n_cl_dte_sii_load_caf_views.xml",
        "views/l10n_cl_dte_sii_caf_views.xml",
        "views/l10n_cl_dte_sii_folio_views.xml",
        "views/res_config_settings_views.xml",
        "views/menus.xml",
    ],
}
