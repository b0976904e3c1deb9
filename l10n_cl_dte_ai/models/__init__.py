# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
# A class that extends another of ours comes after it.
# isort: off
from . import (
    l10n_cl_dte_gate,
    account_move,
    account_move_document,
    account_move_generation,
    account_move_opinion,
    account_move_posting,
    account_move_alerts,
    account_move_reference,
    ir_http,
    l10n_cl_account_invoice_reference,
    l10n_cl_company_activities,
    l10n_cl_dte_schema,
    l10n_cl_dte_ai_service,
    l10n_cl_dte_ai_health,
    l10n_cl_dte_ai_figures,
    l10n_cl_dte_ai_validation,
    l10n_cl_dte_ai_dispatcher,
    l10n_cl_dte_ai_answer,
    l10n_cl_dte_ai_attempt,
    l10n_cl_dte_ai_batch,
    res_company,
    res_config_settings,
    res_partner,
)
