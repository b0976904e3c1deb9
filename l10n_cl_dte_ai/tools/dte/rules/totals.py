# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The amounts of the whole document."""

# pylint: disable=prefer-env-translation
# `_` is the caller's `env._`: there is no Odoo in here.

from .base import DOCUMENT, ERROR, WARNING, Finding, pesos, rule

IVA_RATE_PERCENT = 19


@rule(25, "F: HED-2-220", WARNING)
def sums(document, _today, _):
    """Net and exempt amount are the sums of their lines, less their discounts."""
    for total, is_exempt, field in (
        (document.MntNeto, False, "MntNeto"),
        (document.MntExe, True, "MntExe"),
    ):
        expected = sum(
            line.MontoItem for line in document.Detalle if line.IndExe == is_exempt
        ) - sum(
            discount.ValorDR
            for discount in document.DscRcgGlobal
            if discount.IndExeDR == is_exempt
        )
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


@rule(26, "F", WARNING)
def iva(document, _today, _):
    """IVA is 19 % of the net amount, half up. Odoo's rounding is never altered."""
    expected = (document.MntNeto * IVA_RATE_PERCENT + 50) // 100
    if expected != document.IVA:
        yield Finding(
            "iva",
            WARNING,
            _(
                "The IVA is $ %(iva)s, and 19%% of the net amount is $ %(expected)s. "
                "Check the tax lines; the document is generated as Odoo computes it.",
                iva=pesos(document.IVA),
                expected=pesos(expected),
            ),
            DOCUMENT,
            "IVA",
        )


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
