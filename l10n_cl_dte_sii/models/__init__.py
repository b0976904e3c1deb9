# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import (
    account_journal,
    account_move_envelope,
    account_move_folio,
    account_move_line,
    account_move_print,
    account_move_screens,
    account_move_signing,
    certificate_certificate,
    l10n_cl_dte_document,
    l10n_cl_dte_folio,
    l10n_cl_dte_sii_caf,
    l10n_cl_dte_sii_folio,
    res_company,
    res_config_settings,
)
