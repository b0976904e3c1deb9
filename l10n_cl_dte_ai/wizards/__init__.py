# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
# A class that builds on another of ours comes after it.
# isort: off
from . import (
    l10n_cl_dte_ai_wizard,
    account_debit_note,
    account_move_reversal,
    l10n_cl_dte_ai_generate,
    l10n_cl_dte_ai_generate_batch,
)
