# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import test_folios, test_loading, test_neutralize, test_print, test_signing
