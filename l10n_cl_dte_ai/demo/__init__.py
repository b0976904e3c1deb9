# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import l10n_cl_dte_ai_demo
from .builder import showcase

__all__ = ["l10n_cl_dte_ai_demo", "showcase"]
