# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import (
    account_debit_note,
    account_move_reversal,
    l10n_cl_dte_ai_generate,
    l10n_cl_dte_ai_generate_batch,
)
from . import account_resequence
