# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""IVA and the other taxes."""

# pylint: disable=prefer-env-translation
# `_` is the caller's `env._`: there is no Odoo in here.

from ..document import (
    EXEMPT,
    FACTURA,
    FACTURA_COMPRA,
    FACTURA_EXENTA,
    NOTES,
)
from ..tax_codes import CODES, IN_FULL, IVA_RATE, WITHHELD, WITHHELD_NOTHING
from .base import DOCUMENT, ERROR, LINE, WARNING, Finding, pesos, rule, short

MAX_TAXES = 20
MAX_TAXES_PER_LINE = 2
MAX_RATE = 100  # of TasaImp, in the schema
# Odoo rounds the tax of each line, and the format that of their sum.
PESOS_A_LINE = 1


@rule(29, "F")
def affected_line(document, _today, _):
    """A type 33 has a line with IVA."""
    if document.TipoDTE != FACTURA or not document.Detalle or document.MntNeto:
        return
    if any(line.IndExe != EXEMPT for line in document.Detalle):
        message = _(
            "What has IVA adds up to nothing, and an invoice of type 33 needs an "
            "amount. Correct its prices and discounts."
        )
    else:
        message = _(
            "All lines are exempt, and an invoice of type 33 needs one with IVA. "
            "Use an exempt invoice (34), or add the tax to the lines."
        )
    yield Finding("affected_line", ERROR, message, DOCUMENT, "MntNeto")


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
        if tax.TipoImp not in CODES:
            message = _(
                "The tax %(tax)s has the SII code %(code)s, which is none. Enter the "
                "code in the tax, or take the tax off the lines.",
                tax=_name(tax),
                code=tax.TipoImp,
            )
        elif not _has_its_sign(tax):
            message = _(
                "The tax with the SII code %(code)s is $ %(amount)s: withheld taxes "
                "are subtracted and others added, and none is zero. Check the tax.",
                code=tax.TipoImp,
                amount=pesos(tax.MontoImp),
            )
        elif tax.TasaImp > MAX_RATE:
            message = _(
                "The rate of the tax %(tax)s is above 100 %%, which a DTE cannot hold. "
                "Correct it in the tax.",
                tax=_name(tax),
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
    yield from _lines_without_their_taxes(document, _)


def _has_its_sign(tax):
    return tax.MontoImp and (tax.MontoImp < 0) == (tax.TipoImp in WITHHELD)


def _lines_without_their_taxes(document, _):
    codes = {tax.TipoImp for tax in document.ImptoReten} | {WITHHELD_NOTHING}
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
    used = {code for line in document.Detalle for code in line.CodImpAdic}
    for tax in document.ImptoReten:
        if tax.TipoImp not in used:
            yield Finding(
                "other_taxes",
                ERROR,
                _(
                    "The tax %(tax)s is in the totals and on no line. Add it to the "
                    "lines that it is for.",
                    tax=_name(tax),
                ),
                DOCUMENT,
                "ImptoReten",
            )


@rule(42, "F: chapter 4", WARNING)
def tax_rate(document, _today, _):
    """The rate of a tax is the one that the law has for its code."""
    for tax in document.ImptoReten:
        rate = CODES[tax.TipoImp].rate if tax.TipoImp in CODES else None
        if rate is None or not tax.TasaImp or abs(tax.TasaImp - rate) < 0.005:
            continue
        is_withheld = tax.TipoImp in WITHHELD
        others = [
            str(code)
            for code, other in CODES.items()
            if other.rate == tax.TasaImp and other.is_withheld == is_withheld
        ]
        message = _(
            "The tax %(tax)s has the SII code %(code)s, whose rate is %(right)s %%, "
            "and not %(rate)s %%. Correct the rate or the code in the tax.",
            tax=_name(tax),
            code=tax.TipoImp,
            right=short(rate),
            rate=short(tax.TasaImp),
        )
        if others:
            message += " " + _(
                "The codes with that rate: %(codes)s.", codes=", ".join(others)
            )
        yield Finding("tax_rate", WARNING, message, DOCUMENT, "ImptoReten")


@rule(43, "F: chapter 4")
def tax_type(document, _today, _):
    """A tax stands on the types of documents that its code is for."""
    kinds = {document.TipoDTE}
    if document.TipoDTE in NOTES:  # it has the taxes of what it corrects
        kinds = {each.TpoDocRef for each in document.Referencia if each.CodRef}
        kinds = (kinds & {FACTURA, FACTURA_COMPRA, FACTURA_EXENTA}) or {FACTURA}
        if document.is_purchase:
            kinds = {FACTURA_COMPRA}
    for tax in document.ImptoReten:
        types = CODES[tax.TipoImp].types if tax.TipoImp in CODES else ()
        if types and not kinds.intersection(types):
            yield Finding(
                "tax_type",
                ERROR,
                _(
                    "The tax %(tax)s has the SII code %(code)s, which is for documents "
                    "of type %(types)s only. Take it off the lines, or correct the "
                    "code in the tax.",
                    tax=_name(tax),
                    code=tax.TipoImp,
                    types=", ".join(types),
                ),
                DOCUMENT,
                "ImptoReten",
            )


@rule(45, "F: chapter 4", WARNING)
def tax_amount(document, _today, _):
    """A tax is its rate of what the lines with its code add up to."""
    for tax in document.ImptoReten:
        lines = [line for line in document.Detalle if tax.TipoImp in line.CodImpAdic]
        if not tax.TasaImp or not lines:
            continue
        base = sum(line.MontoItem for line in lines)
        expected = round(base * tax.TasaImp / 100)
        if abs(abs(tax.MontoImp) - expected) <= PESOS_A_LINE * len(lines):
            continue
        if document.DscRcgGlobal:
            message = _(
                "The tax %(tax)s is $ %(amount)s, and %(rate)s %% of its lines are "
                "$ %(expected)s: a negative line takes part of it off, which a DTE "
                "cannot say. Enter the discount in the discount column of the lines.",
                tax=_name(tax),
                amount=pesos(abs(tax.MontoImp)),
                rate=short(tax.TasaImp),
                expected=pesos(expected),
            )
        else:
            message = _(
                "The tax %(tax)s is $ %(amount)s, and %(rate)s %% of its lines are "
                "$ %(expected)s. Check the taxes of the lines.",
                tax=_name(tax),
                amount=pesos(abs(tax.MontoImp)),
                rate=short(tax.TasaImp),
                expected=pesos(expected),
            )
        yield Finding("tax_amount", WARNING, message, DOCUMENT, "ImptoReten")


@rule(41, "P", WARNING)
def withheld_iva(document, _today, _):
    """A purchase invoice (46) withholds IVA; with code 15, all of it."""
    if document.TipoDTE != FACTURA_COMPRA or not document.IVA:
        return
    taxes = [tax for tax in document.ImptoReten if tax.TipoImp in WITHHELD]
    says_so = any(WITHHELD_NOTHING in line.CodImpAdic for line in document.Detalle)
    in_full = [tax for tax in taxes if tax.TipoImp == IN_FULL]
    withheld = -sum(tax.MontoImp for tax in in_full)
    if not taxes and not says_so:
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


@rule(44, "F: 118")
def iva_not_withheld(document, _today, _):
    """A purchase invoice (46), or a note on one, says what IVA is not withheld."""
    expected = 0
    if document.is_purchase:
        expected = document.IVA + sum(
            tax.MontoImp for tax in document.ImptoReten if tax.TipoImp in WITHHELD
        )
    if document.IVANoRet != max(expected, 0):
        yield Finding(
            "iva_not_withheld",
            ERROR,
            _(
                "IVA that is not withheld is $ %(written)s in the document, and "
                "$ %(expected)s by its taxes. Check the taxes of the lines.",
                written=pesos(document.IVANoRet),
                expected=pesos(max(expected, 0)),
            ),
            DOCUMENT,
            "IVANoRet",
        )
    elif expected < 0:
        yield Finding(
            "iva_not_withheld",
            ERROR,
            _(
                "$ %(more)s more are withheld than the IVA that there is. Check the "
                "taxes of the lines.",
                more=pesos(-expected),
            ),
            DOCUMENT,
            "ImptoReten",
        )


@rule(47, "F")
def tax_settings(document, _today, _):
    """Neither a cash rounding nor an early payment discount changes the IVA."""
    if document.circumstances.rounds_taxes:
        yield Finding(
            "tax_settings",
            ERROR,
            _(
                "The cash rounding changes the IVA, which a DTE does not allow. Take "
                "it off the document, or choose in the cash rounding's settings the "
                "strategy “Add a rounding line”."
            ),
            DOCUMENT,
            "IVA",
        )
    if document.circumstances.discounts_taxes:
        yield Finding(
            "tax_settings",
            ERROR,
            _(
                "The early payment discount lowers the IVA whether it is taken or not, "
                "which a DTE does not allow. Choose in the payment terms that the tax "
                "is reduced on early payment, or never."
            ),
            DOCUMENT,
            "IVA",
        )


@rule(26, "F", WARNING)
def iva(document, _today, _):
    """IVA is 19 % of the net amount, half up. Odoo's rounding is never altered."""
    expected = (document.MntNeto * IVA_RATE + 50) // 100
    circumstances = document.circumstances
    if circumstances.rounds_taxes or circumstances.discounts_taxes:
        return  # it is said of what makes it so
    if expected != document.IVA:
        message = _(
            "The IVA is $ %(iva)s, and 19%% of the net amount is $ %(expected)s. "
            "Check the tax lines; the document is generated as Odoo computes it.",
            iva=pesos(document.IVA),
            expected=pesos(expected),
        )
    elif document.IVA and document.TasaIVA != IVA_RATE:
        message = _(
            "The rate of the IVA is %(rate)s %%, and the law's is 19 %%. Check the "
            "taxes of the lines.",
            rate=short(document.TasaIVA),
        )
    else:
        return
    yield Finding("iva", WARNING, message, DOCUMENT, "IVA")


def _name(tax):
    """Name a tax for people: as Odoo does, or by its rate."""
    return f"“{tax.name}”" if tax.name else f"{short(tax.TasaImp)} %"
