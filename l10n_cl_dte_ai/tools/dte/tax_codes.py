# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The SII's codes of taxes other than IVA, with their rates and where they may stand.

From chapter 4 of the "Formato Documentos Tributarios Electrónicos", v2.2; the rates are
law, and were compared with it on :data:`AS_OF`. Codes without a rate here are amounts
for a quantity (fuels), or have none in that table.
"""

import datetime
from typing import NamedTuple

AS_OF = datetime.date(2026, 11, 25)
IVA_RATE = 19


class TaxCode(NamedTuple):
    """A code.

    :param float rate: in percent, None where the table has none
    :param tuple types: of documents on which it stands; empty where none is known
    :param bool is_withheld: the buyer keeps it, so it is subtracted from the total
    """

    rate: float | None
    types: tuple
    is_withheld: bool = False


SOLD = ("33", "56", "61")  # added to what is sold
BOUGHT = ("46", "56", "61")  # withheld by who buys


def _added(codes, rate=None, types=SOLD):
    return {code: TaxCode(rate, types) for code in codes}


def _withheld(codes, rate=IVA_RATE, types=BOUGHT):
    return {code: TaxCode(rate, types, True) for code in codes}


IVA_CODE = 14  # of `account.tax.l10n_cl_sii_code`; here the margin of a sale
IN_FULL = 15
CODES = {
    **_added([IVA_CODE], float(IVA_RATE)),
    **_withheld([IN_FULL]),
    **_withheld([16], None, ()),
    **_added([17, 18], 5.0),
    **_added([19], 12.0),
    **_added([23, 44], 15.0),
    **_added([45], 50.0),
    **_added([24], 31.5),
    **_added([25, 26], 20.5),
    **_added([27], 10.0),
    **_added([271], 18.0),
    **_added([28, 35, 51, 52]),
    **_withheld([30, 36, 37], 10.0),
    **_withheld([32, 33], 8.0),
    **_withheld([34], 4.0),
    **_withheld([48], 14.0),
    **_withheld([301, 321, 331, 341, 361, 371, 481]),
    **_withheld([31, 38, 39, 41, 47]),
    **_withheld([46], IVA_RATE, ("33", "46", "56", "61")),
    **_added([49], 0.0, BOUGHT),
    **_added([50, 53]),
    **_withheld([40], None, ()),
    **_added([54, 55], None, ()),
}
WITHHELD = frozenset(code for code, tax in CODES.items() if tax.is_withheld)
# Nothing is withheld, and the code says so.
WITHHELD_NOTHING = 49
