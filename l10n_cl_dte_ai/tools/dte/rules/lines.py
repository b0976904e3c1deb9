# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What is invoiced, line by line."""

# pylint: disable=prefer-env-translation
# `_` is the caller's `env._`: there is no Odoo in here.

from ..document import half_up
from ..texts import holds_code
from .base import DOCUMENT, ERROR, LINE, WARNING, Finding, pesos, rule

MAX_LINES = 60
MAX_DISCOUNTS = 20


@rule(19, "X")
def lines(document, _today, _):
    """There are 1 to 60 lines."""
    if not document.Detalle:
        yield Finding(
            "lines",
            ERROR,
            _("The document has no lines. Add what is invoiced."),
            DOCUMENT,
            "Detalle",
        )
    elif len(document.Detalle) > MAX_LINES:
        yield Finding(
            "lines",
            ERROR,
            _(
                "The document has %(count)s lines; the SII accepts %(limit)s. Split "
                "it.",
                count=len(document.Detalle),
                limit=MAX_LINES,
            ),
            DOCUMENT,
            "Detalle",
        )


@rule(20, "X")
def item_name(document, _today, _):
    """Each line says what it is."""
    for line in document.Detalle:
        if not line.NmbItem:
            yield Finding(
                "item_name",
                ERROR,
                _(
                    "Line %(number)s says nothing of what is invoiced. Give it a "
                    "description.",
                    number=line.NroLinDet,
                ),
                LINE,
                "NmbItem",
                line.NroLinDet,
            )


@rule(21, "X")
def quantity(document, _today, _):
    """Quantities and prices are from 0.000001 to 999,999,999,999."""
    for line in document.Detalle:
        for value, field, what in (
            (line.QtyItem, "QtyItem", "quantity"),
            (line.PrcItem, "PrcItem", "price"),
        ):
            if 1e-6 <= value < 1e12 or (not value and not line.MontoItem):
                continue
            if not line.QtyItem and not line.PrcItem and not has_parts(line):
                continue  # the amount alone, as others write it
            yield Finding(
                "quantity",
                ERROR,
                _(
                    "The quantity of line %(number)s, %(value)s, cannot be written in "
                    "a DTE: it holds from 0.000001 to 999,999,999,999.",
                    number=line.NroLinDet,
                    value=value,
                )
                if what == "quantity"
                else _(
                    "The price of line %(number)s, %(value)s, cannot be written in a "
                    "DTE: it holds from 0.000001 to 999,999,999,999.",
                    number=line.NroLinDet,
                    value=value,
                ),
                LINE,
                field,
                line.NroLinDet,
            )


def has_parts(line):
    """Tell whether a line has a discount or surcharge, which is of quantity × price."""
    return bool(line.DescuentoMonto or line.RecargoMonto)


@rule(22, "F, C: DET-2-200", WARNING)
def line_amount(document, _today, _):
    """A line's amount is quantity × price, half up, − discount + surcharge."""
    for line in document.Detalle:
        if not line.QtyItem and not line.PrcItem and not has_parts(line):
            continue
        expected = half_up(line.QtyItem, line.PrcItem)
        expected += line.RecargoMonto - line.DescuentoMonto
        if expected != line.MontoItem:
            yield Finding(
                "line_amount",
                WARNING,
                _(
                    "Line %(number)s amounts to $ %(amount)s, and its quantity, price "
                    "and discount give $ %(expected)s. Check the line; the document is "
                    "generated as Odoo computes it.",
                    number=line.NroLinDet,
                    amount=pesos(line.MontoItem),
                    expected=pesos(expected),
                ),
                LINE,
                "MontoItem",
                line.NroLinDet,
            )


@rule(23, "C", WARNING)
def discount_amount(document, _today, _):
    """A percentage of discount or surcharge comes with its amount."""
    for line in document.Detalle:
        for percent, amount, field in (
            (line.DescuentoPct, line.DescuentoMonto, "DescuentoMonto"),
            (line.RecargoPct, line.RecargoMonto, "RecargoMonto"),
        ):
            if percent and not amount and line.MontoItem:
                yield Finding(
                    "discount_amount",
                    WARNING,
                    _(
                        "The discount of line %(number)s, %(percent)s %%, comes to "
                        "less than a peso. Take it off the line.",
                        number=line.NroLinDet,
                        percent=percent,
                    ),
                    LINE,
                    field,
                    line.NroLinDet,
                )


@rule(24, "X")
def negative_line(document, _today, _):
    """No line is negative, and there are up to 20 discounts on the whole."""
    for line in document.Detalle:
        if line.MontoItem < 0:
            yield Finding(
                "negative_line",
                ERROR,
                _(
                    "Line %(number)s is negative, which a DTE cannot hold. Enter it as "
                    "a discount.",
                    number=line.NroLinDet,
                ),
                LINE,
                "MontoItem",
                line.NroLinDet,
            )
    if len(document.DscRcgGlobal) > MAX_DISCOUNTS:
        yield Finding(
            "discounts",
            ERROR,
            _(
                "The document has %(count)s discounts on the whole; the SII accepts "
                "%(limit)s. Add some of them up.",
                count=len(document.DscRcgGlobal),
                limit=MAX_DISCOUNTS,
            ),
            DOCUMENT,
            "DscRcgGlobal",
        )


@rule(56, "X, F")
def numbering(document, _today, _):
    """Lines, and discounts on the whole, are numbered from 1 on."""
    for numbers, field in (
        ([line.NroLinDet for line in document.Detalle], "NroLinDet"),
        ([each.NroLinDR for each in document.DscRcgGlobal], "NroLinDR"),
    ):
        if numbers != list(range(1, len(numbers) + 1)):
            yield Finding(
                "numbering",
                ERROR,
                _("The lines are not numbered from 1 on, without gaps."),
                DOCUMENT,
                field,
            )


@rule(55, "X", WARNING)
def item_code(document, _today, _):
    """A code of an item has up to 35 characters of Latin-1, or is left out."""
    for line in document.Detalle:
        for code in line.CdgItem:
            if not holds_code(code):
                yield Finding(
                    "item_code",
                    WARNING,
                    _(
                        "The code “%(code)s” of line %(number)s cannot be written in a "
                        "DTE, which holds 35 characters, and is left out. Shorten it "
                        "in the product.",
                        code=code.VlrCodigo,
                        number=line.NroLinDet,
                    ),
                    LINE,
                    "VlrCodigo",
                    line.NroLinDet,
                )
