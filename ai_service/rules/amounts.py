# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The amounts of the heading, among themselves and against the lines."""

from collections.abc import Iterator
from decimal import Decimal

from .base import (
    DISPATCH_GUIDE,
    EXEMPT,
    EXPORTS,
    RECEIPTS,
    Case,
    Finding,
    error,
    half_up,
    money,
    notice,
    rule,
    total,
)

VAT = Decimal("0.19")
#: Pesos that rounding explains.
TOLERANCE = 1


@rule(not_types={DISPATCH_GUIDE})
def total_is_given(case: Case) -> Iterator[Finding]:
    """MntTotal is mandatory (X); only a correction of text has none, and what cancels
    one.
    """
    if case.dte.monto_total is None and not (case.corrects_text or case.cancels_a_note):
        yield error(
            "Monto total: falta o es cero. Agregue líneas con monto al documento."
        )


@rule(not_types=EXPORTS)
def pesos_are_whole(case: Case) -> Iterator[Finding]:
    """Amounts in pesos have no decimals (X: MontoType)."""
    dte = case.dte
    amounts = {
        "Monto neto": dte.monto_neto,
        "Monto exento": dte.monto_exento,
        "IVA": dte.monto_iva,
        "Monto total": dte.monto_total,
    }
    for label, amount in amounts.items():
        if amount is not None and amount != half_up(amount):
            yield error(
                f"{label}: {money(amount)} tiene decimales y los pesos son enteros."
                " Revise el redondeo de la moneda y de los impuestos."
            )


@rule(not_types=EXEMPT)
def vat_is_nineteen_percent(case: Case) -> Iterator[Finding]:
    """IVA is half-up(neto × 19 %) (F: IVA). One peso is rounding and only said."""
    net, vat = case.dte.monto_neto, case.dte.monto_iva
    if net is None:
        if vat is not None:
            yield error(
                f"IVA: es {money(vat)} y el documento no tiene monto neto. Revise los"
                " impuestos de las líneas."
            )
        return
    expected = half_up(net * VAT)
    difference = abs((vat or Decimal(0)) - expected)
    if not difference:
        return
    found = f"es {money(vat)}" if vat is not None else "falta"
    text = f"IVA: {found} y el 19 % del neto {money(net)} es {money(expected)}."
    if difference <= TOLERANCE:
        yield notice(
            text + " La diferencia es de redondeo: puede enviarse así, o calcule el"
            " impuesto sobre el total del documento."
        )
    else:
        yield error(text + " Recalcule los impuestos del documento.", certainty=0.98)


@rule("monto_total")
def total_adds_up(case: Case) -> Iterator[Finding]:
    """MntTotal = neto + exento + IVA + other taxes (F: HED-2-260).

    On a 46, and notes on it, the buyer may withhold all or part of the IVA, so its
    total lies between the sums with and without it.
    """
    dte = case.dte
    parts = (dte.monto_neto, dte.monto_exento, dte.monto_iva)
    if not any(parts):
        # A receipt may carry its total only.
        return
    highest = lowest = total((*parts, dte.monto_otros_impuestos))
    if case.is_of_a_purchase:
        # Whether or not the withheld part is told among the other taxes.
        lowest = min(lowest - (dte.monto_iva or 0), total(parts[:2]))
    if lowest <= dte.monto_total <= highest:
        return
    difference = max(lowest - dte.monto_total, dte.monto_total - highest)
    text = (
        f"Monto total: es {money(dte.monto_total)} y la suma de neto, exento, IVA y"
        f" otros impuestos es {money(highest)}."
    )
    if difference <= TOLERANCE:
        yield notice(text + " La diferencia es de redondeo.")
    else:
        yield error(
            text + " Revise los impuestos y recalcule el documento.", certainty=0.98
        )


@rule("items")
def lines_add_up(case: Case) -> Iterator[Finding]:
    """MntNeto and MntExe are the lines less global discounts (F: HED-2-220).

    The contract does not say which line is exempt, so the lines are compared with the
    sum of both. The lines of a receipt include the IVA.
    """
    dte = case.dte
    if any(item.monto is None for item in dte.items):
        return
    if dte.tipo_dte in RECEIPTS or not (dte.monto_neto or dte.monto_exento):
        heading, label = dte.monto_total, "el total"
    else:
        heading = total((dte.monto_neto, dte.monto_exento))
        label = "el neto más el exento"
    if heading is None:
        return
    lines = total(item.monto for item in dte.items)
    lines -= dte.monto_descuento_global or 0
    difference = abs(lines - heading)
    if not difference:
        return
    text = (
        f"Líneas: suman {money(lines)} con los descuentos globales y {label} es"
        f" {money(heading)}."
    )
    if difference <= TOLERANCE:
        yield notice(text + " La diferencia es de redondeo.")
    else:
        yield error(
            text + " Revise los montos de las líneas y los descuentos globales.",
            certainty=0.95,
        )
