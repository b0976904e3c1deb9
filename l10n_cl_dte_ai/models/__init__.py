# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import l10n_cl_dte_ai_service
from . import l10n_cl_dte_ai_validation
from . import account_move
from . import account_move_document
from . import res_company
from . import res_config_settings
from . import ir_http
