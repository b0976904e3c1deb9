# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import (
    l10n_cl_dte_sii_envelope,
    l10n_cl_dte_sii_load_caf,
    l10n_cl_dte_sii_load_certificate,
    l10n_cl_dte_sii_load_result,
    l10n_cl_dte_sii_uploaded,
)
