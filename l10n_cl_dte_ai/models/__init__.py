# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import (
    account_move,
    account_move_document,
    ir_http,
    l10n_cl_dte_ai_service,
    l10n_cl_dte_ai_validation,
    res_company,
    res_config_settings,
)
