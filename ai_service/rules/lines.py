# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The lines of detail."""

from collections.abc import Iterator
from decimal import Decimal

from ..schemas import Item
from .amounts import TOLERANCE
from .base import (
    Case,
    Finding,
    error,
    half_up,
    money,
    notice,
    quoted,
    review,
    rule,
)

MAX_LINES = 60


def numbered(case: Case) -> Iterator[tuple[str, Item]]:
    """Each line with the words that a message names it by."""
    for position, item in enumerate(case.dte.items, 1):
        name = f" {quoted(item.nombre)}" if item.nombre else ""
        yield f"Línea {item.numero or position}{name}", item


@rule()
def has_lines(case: Case) -> Iterator[Finding]:
    """A document has at least one line (X: Detalle)."""
    if not case.dte.items:
        yield error("Líneas: el documento no tiene ninguna. Agregue los ítems.")


@rule("items")
def not_too_many(case: Case) -> Iterator[Finding]:
    """A document has at most 60 lines (X: Detalle)."""
    count = len(case.dte.items)
    if count > MAX_LINES:
        yield error(
            f"Líneas: son {count} y el SII admite {MAX_LINES}. Divida el documento o"
            " agrupe ítems."
        )


@rule("items")
def each_has_a_name(case: Case) -> Iterator[Finding]:
    """NmbItem is mandatory (X)."""
    for where, item in numbered(case):
        if not item.nombre:
            yield error(f"{where}: falta el nombre del ítem. Complételo.")


@rule("items")
def quantities_are_positive(case: Case) -> Iterator[Finding]:
    """QtyItem is at least 0.000001 (X: Dec12_6Type)."""
    for where, item in numbered(case):
        if item.cantidad is not None and item.cantidad <= 0:
            yield error(
                f"{where}: la cantidad es {item.cantidad:f} y debe ser mayor que cero."
                " Corrija la cantidad; una devolución va en una nota de crédito."
            )


@rule("items")
def prices_are_positive(case: Case) -> Iterator[Finding]:
    """PrcItem is positive and no line is negative (X); a zero price deserves a look."""
    for where, item in numbered(case):
        values = (("precio", item.precio_unitario), ("monto", item.monto))
        negative = [(label, value) for label, value in values if value and value < 0]
        for label, value in negative:
            yield error(
                f"{where}: el {label} es {money(value)} y el SII no admite líneas"
                " negativas. Use un descuento de la línea o un descuento global."
            )
        if item.precio_unitario == 0 and not case.corrects_text:
            yield review(
                f"{where}: el precio es cero. Confirme que la línea va sin cobro o"
                " complete el precio."
            )


@rule("items")
def discounts_are_percentages(case: Case) -> Iterator[Finding]:
    """DescuentoPct and RecargoPct lie between 0 and 100 (X: PctType).

    A negative discount is a surcharge.
    """
    for where, item in numbered(case):
        if item.descuento_pct is not None and not -100 <= item.descuento_pct <= 100:
            word = "descuento" if item.descuento_pct > 0 else "recargo"
            yield error(
                f"{where}: el {word} es {abs(item.descuento_pct):f} % y debe estar"
                f" entre 0 y 100. Corrija el {word}."
            )


@rule("items")
def each_amount_is_right(case: Case) -> Iterator[Finding]:
    """MontoItem = half-up(price × quantity) − discount (F; C: DET-2-200)."""
    for where, item in numbered(case):
        if item.monto is None or item.precio_unitario is None:
            continue
        quantity = Decimal(1) if item.cantidad is None else item.cantidad
        gross = half_up(item.precio_unitario * quantity)
        discount = half_up(gross * (item.descuento_pct or Decimal(0)) / 100)
        expected = gross - discount
        difference = abs(item.monto - expected)
        if not difference:
            continue
        text = (
            f"{where}: el monto es {money(item.monto)} y cantidad por precio menos"
            f" descuento es {money(expected)}."
        )
        if difference <= TOLERANCE:
            yield notice(text + " La diferencia es de redondeo.")
        else:
            yield error(text + " Corrija la línea.")


@rule("items")
def none_is_repeated(case: Case) -> Iterator[Finding]:
    """The same item, quantity and price twice is often typed twice (P)."""
    seen: set[tuple[object, ...]] = set()
    for where, item in numbered(case):
        same = (
            item.nombre,
            item.descripcion,
            item.cantidad,
            item.precio_unitario,
            item.descuento_pct,
        )
        if item.nombre and same in seen:
            yield review(
                f"{where}: repite otra línea con igual cantidad y precio. Si no es a"
                " propósito, elimínela.",
                certainty=0.6,
            )
        seen.add(same)
