# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import test_ai_address
from . import test_ai_answers
from . import test_ai_client
from . import test_fetch_tree
from . import test_document
from . import test_generate
from . import test_fault_matrix
from . import test_gate
from . import test_policy
from . import test_privacy
from . import test_multi_company
from . import test_secrecy
from . import test_views
from . import test_demo
from . import test_translations
from . import test_batch
from . import test_figures
