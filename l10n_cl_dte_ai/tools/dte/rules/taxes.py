# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""IVA and the other taxes."""

# pylint: disable=prefer-env-translation
# `_` is the caller's `env._`: there is no Odoo in here.

from ..document import (
    FACTURA,
    FACTURA_COMPRA,
    FACTURA_EXENTA,
    WITHHELD,
    WITHHELD_IN_FULL,
)
from .base import DOCUMENT, ERROR, LINE, WARNING, Finding, pesos, rule, short

MAX_TAXES = 20
MAX_TAXES_PER_LINE = 2
# As the schema enumerates them (ImpAdicDTEType).
TAX_CODES = frozenset(
    (14, 15, 16, 17, 18, 19, *range(23, 29), *range(30, 42), *range(44, 56))
    + (271, 301, 321, 331, 341, 361, 371, 481)
)


@rule(29, "F")
def affected_line(document, _today, _):
    """A type 33 has a line with IVA."""
    if document.TipoDTE == FACTURA and document.Detalle and not document.MntNeto:
        yield Finding(
            "affected_line",
            ERROR,
            _(
                "All lines are exempt, and an invoice of type 33 needs one with IVA. "
                "Use an exempt invoice (34), or add the tax to the lines."
            ),
            DOCUMENT,
            "MntNeto",
        )


@rule(30, "F")
def exempt_without_iva(document, _today, _):
    """A type 34 has an exempt amount and no IVA."""
    if document.TipoDTE == FACTURA_EXENTA and (document.IVA or document.MntNeto):
        yield Finding(
            "exempt_without_iva",
            ERROR,
            _(
                "An exempt invoice (34) has lines with IVA. Use type 33, or take the "
                "tax off the lines."
            ),
            DOCUMENT,
            "IVA",
        )


@rule(31, "F, X")
def other_taxes(document, _today, _):
    """Other taxes have a code of the SII and its sign; up to 20, two on a line."""
    for tax in document.ImptoReten:
        if tax.TipoImp not in TAX_CODES:
            message = _(
                "A tax of %(rate)s %% has the SII code %(code)s, which is none. Enter "
                "the code in the tax, or take the tax off the lines.",
                rate=short(tax.TasaImp),
                code=tax.TipoImp,
            )
        elif not tax.MontoImp or (tax.MontoImp < 0) != (tax.TipoImp in WITHHELD):
            message = _(
                "The tax with the SII code %(code)s is $ %(amount)s: withheld taxes "
                "are subtracted and others added, and none is zero. Check the tax.",
                code=tax.TipoImp,
                amount=pesos(tax.MontoImp),
            )
        else:
            continue
        yield Finding("other_taxes", ERROR, message, DOCUMENT, "ImptoReten")
    if len(document.ImptoReten) > MAX_TAXES:
        yield Finding(
            "other_taxes",
            ERROR,
            _(
                "The document has %(count)s taxes besides IVA; the SII accepts "
                "%(limit)s. Split it.",
                count=len(document.ImptoReten),
                limit=MAX_TAXES,
            ),
            DOCUMENT,
            "ImptoReten",
        )
    codes = {tax.TipoImp for tax in document.ImptoReten}
    for line in document.Detalle:
        if len(line.CodImpAdic) > MAX_TAXES_PER_LINE or not codes.issuperset(
            line.CodImpAdic
        ):
            yield Finding(
                "other_taxes",
                ERROR,
                _(
                    "The taxes of line %(number)s cannot be written in a DTE: up to "
                    "two besides IVA, and each of them in the totals.",
                    number=line.NroLinDet,
                ),
                LINE,
                "CodImpAdic",
                line.NroLinDet,
            )


@rule(41, "P", WARNING)
def withheld_iva(document, _today, _):
    """A purchase invoice (46) withholds IVA; with code 15, all of it."""
    if document.TipoDTE != FACTURA_COMPRA or not document.IVA:
        return
    taxes = [tax for tax in document.ImptoReten if tax.TipoImp in WITHHELD]
    in_full = [tax for tax in taxes if tax.TipoImp == WITHHELD_IN_FULL]
    withheld = -sum(tax.MontoImp for tax in in_full)
    if not taxes:
        message = _(
            "The purchase invoice withholds no IVA, which is what it is made for. Add "
            "the tax that withholds it to the lines, or use another type of document."
        )
    elif in_full and withheld != document.IVA:
        message = _(
            "The IVA is $ %(iva)s, and $ %(withheld)s of it are withheld with the SII "
            "code 15, which stands for all of it. Check the taxes of the lines.",
            iva=pesos(document.IVA),
            withheld=pesos(withheld),
        )
    else:
        return
    yield Finding("withheld_iva", WARNING, message, DOCUMENT, "ImptoReten")
