# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which SII a company works with, and who may do what: said once for all models."""

from ..tools.errors import CERTIFICATION, PRODUCTION, SIMULATOR

ENVIRONMENTS = [
    (SIMULATOR, "Simulator"),
    (CERTIFICATION, "Certification"),
    (PRODUCTION, "Production"),
]
SIGN_GROUP = "l10n_cl_dte_sii.group_sign"
MANAGER_GROUP = "l10n_cl_dte_sii.group_manager"
