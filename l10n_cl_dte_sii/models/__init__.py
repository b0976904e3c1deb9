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
    ir_module_module,
    l10n_cl_dte_document,
    l10n_cl_dte_folio,
    l10n_cl_dte_sii_caf,
    l10n_cl_dte_sii_folio,
    l10n_cl_dte_sii_host,
    l10n_cl_dte_sii_sending,
    res_company,
    res_config_settings,
)
from . import (  # isort: skip  these extend what the former make
    account_move_sending,
    l10n_cl_dte_document_sending,
    l10n_cl_dte_sii_asker,
    l10n_cl_dte_sii_attempt,
    l10n_cl_dte_sii_result,
    l10n_cl_dte_sii_sender,
)
