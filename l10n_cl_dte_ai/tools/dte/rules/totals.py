# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The amounts of the whole document, and how they are paid."""

# pylint: disable=prefer-env-translation
# `_` is the caller's `env._`: there is no Odoo in here.

from ..currencies import CURRENCIES
from ..document import EXEMPT, NOT_INVOICED
from .base import DOCUMENT, ERROR, LAST_DATE, WARNING, Finding, pesos, rule, short

MAX_PAYMENTS = 30
DEPOSIT_LESS = 6  # of IndExe: a line that is subtracted from what is not invoiced


@rule(25, "F: HED-2-220", WARNING)
def sums(document, _today, _):
    """Net, exempt and not invoiced amount are the sums of their lines, less
    discounts.
    """
    for total, kind, field in (
        (document.MntNeto, 0, "MntNeto"),
        (document.MntExe, EXEMPT, "MntExe"),
        (document.MontoNF, NOT_INVOICED, "MontoNF"),
    ):
        expected = _sum(document, kind)
        if total != expected:
            yield Finding(
                "sums",
                WARNING,
                _(
                    "The lines add up to $ %(expected)s, and the total of them is "
                    "$ %(total)s. Check the document's lines.",
                    expected=pesos(expected),
                    total=pesos(total),
                ),
                DOCUMENT,
                field,
            )


def _sum(document, kind):
    """Return what the lines of a kind add up to, with its discounts and surcharges."""
    amount = sum(line.MontoItem for line in document.Detalle if line.IndExe == kind)
    if kind == NOT_INVOICED:
        amount -= sum(
            line.MontoItem for line in document.Detalle if line.IndExe == DEPOSIT_LESS
        )
    change = sum(
        each.change(amount) for each in document.DscRcgGlobal if each.IndExeDR == kind
    )
    return round(amount + change)


@rule(27, "F: HED-2-260", WARNING)
def total(document, _today, _):
    """The total is net + exempt + IVA + other taxes − withheld ones."""
    expected = document.MntNeto + document.MntExe + document.IVA
    expected += sum(tax.MontoImp for tax in document.ImptoReten)
    if document.MntTotal != expected:
        yield Finding(
            "total",
            WARNING,
            _(
                "The total is $ %(total)s, and net, exempt amount and taxes add up to "
                "$ %(expected)s. Check the document's taxes.",
                total=pesos(document.MntTotal),
                expected=pesos(expected),
            ),
            DOCUMENT,
            "MntTotal",
        )


@rule(28, "X")
def amounts(document, _today, _):
    """Amounts are not negative."""
    for name in ("MntNeto", "MntExe", "IVA", "MntTotal"):
        value = getattr(document, name)
        if value < 0:
            yield Finding(
                "amounts",
                ERROR,
                _(
                    "An amount is negative: %(name)s, $ %(value)s. The discounts are "
                    "more than what is invoiced; issue a credit note instead.",
                    name=name,
                    value=pesos(value),
                ),
                DOCUMENT,
                name,
            )


@rule(46, "P", WARNING)
def cash_rounding(document, _today, _):
    """A cash rounding is a matter of the payment, and left out of the document."""
    rounding = document.circumstances.rounding
    if rounding:
        yield Finding(
            "cash_rounding",
            WARNING,
            _(
                "The document is rounded by $ %(rounding)s for payment in cash, which "
                "is no part of a tax document: the DTE's total is $ %(total)s.",
                rounding=pesos(rounding),
                total=pesos(document.MntTotal),
            ),
            DOCUMENT,
            "MntTotal",
        )


@rule(53, "F, X", WARNING)
def payments(document, _today, _):
    """Payments in parts add up to the total, each with a date; up to 30 (an error)."""
    parts = document.MntPagos
    if not parts:
        return
    severity = WARNING
    if len(parts) > MAX_PAYMENTS or any(
        part.MntPago <= 0 or part.FchPago > LAST_DATE for part in parts
    ):
        severity = ERROR
        message = _(
            "The payment terms make %(count)s payments: a DTE holds %(limit)s, each "
            "with an amount and a date up to 2050. Choose other payment terms.",
            count=len(parts),
            limit=MAX_PAYMENTS,
        )
    elif sum(part.MntPago for part in parts) != document.MntTotal:
        message = _(
            "The payments add up to $ %(sum)s, and the total is $ %(total)s. Check the "
            "payment terms.",
            sum=pesos(sum(part.MntPago for part in parts)),
            total=pesos(document.MntTotal),
        )
    elif document.FchEmis and min(part.FchPago for part in parts) < document.FchEmis:
        message = _(
            "A payment is due before the document's own date. Correct the payment "
            "terms."
        )
    else:
        return
    yield Finding("payments", severity, message, DOCUMENT, "MntPagos")


@rule(54, "F, X", WARNING)
def other_currency(document, _today, _):
    """Amounts in another currency are those in pesos, at the rate that is given."""
    other = document.OtraMoneda
    if not other:
        return
    severity = WARNING
    if other.TpoMoneda not in CURRENCIES:
        severity = ERROR
        message = _(
            "The SII has no currency “%(name)s”. Enter the name that the customs have "
            "for it in the currency, or issue the document in pesos.",
            name=other.TpoMoneda,
        )
    elif not 0.0001 <= other.TpoCambio <= 999_999.9999:
        severity = ERROR
        message = _(
            "The exchange rate is %(rate)s, which a DTE cannot hold. Correct the rate "
            "of the currency.",
            rate=short(other.TpoCambio),
        )
    elif _differs(other.MntTotOtrMnda * other.TpoCambio, document, other):
        message = _(
            "At the rate of %(rate)s, the total of %(other)s in the other currency is "
            "$ %(expected)s, and not $ %(total)s. Check the rate.",
            rate=short(other.TpoCambio),
            other=short(other.MntTotOtrMnda),
            expected=pesos(round(other.MntTotOtrMnda * other.TpoCambio)),
            total=pesos(document.MntTotal),
        )
    elif abs(other.MntTotOtrMnda - _parts(other)) > 0.05 and not document.ImptoReten:
        message = _(
            "The amounts in the other currency add up to %(sum)s, and its total is "
            "%(total)s. Check the document's taxes.",
            sum=short(_parts(other)),
            total=short(other.MntTotOtrMnda),
        )
    else:
        return
    yield Finding("other_currency", severity, message, DOCUMENT, "OtraMoneda")


def _parts(other):
    return other.MntNetoOtrMnda + other.MntExeOtrMnda + other.IVAOtrMnda


def _differs(expected, document, other):
    """Each line is rounded in both currencies, and the rate to four decimals."""
    roundings = len(document.Detalle) + len(document.DscRcgGlobal) + 3
    allowed = roundings * (1 + other.TpoCambio * 0.01) + 0.0001 * other.MntTotOtrMnda
    return abs(expected - document.MntTotal) > allowed
