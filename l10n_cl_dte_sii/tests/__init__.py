# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from . import (
    test_dialog,
    test_folios,
    test_frozen,
    test_ledgers,
    test_loading,
    test_neutralize,
    test_print,
    test_result_mail,
    test_results,
    test_sending,
    test_sii_answers,
    test_sii_client,
    test_signing,
)
