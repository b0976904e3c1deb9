# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Folio and type."""

from collections.abc import Iterator

from .base import EXEMPT, INVOICE, Case, Finding, error, money, quoted, rule


@rule("folio")
def folio_is_a_folio(case: Case) -> Iterator[Finding]:
    """Folio: a positive integer of at most 10 digits (X: FolioType)."""
    text = str(case.dte.folio)
    is_number = text.isascii() and text.isdigit() and len(text) <= 20
    if not is_number or not 1 <= int(text) <= 9_999_999_999:
        yield error(
            f"Folio: {quoted(text)} no es un número entero positivo de hasta 10"
            " dígitos. Corrija el número del documento."
        )


@rule(types={INVOICE})
def invoice_has_affected_amounts(case: Case) -> Iterator[Finding]:
    """A type 33 has at least one affected line (F: TipoDTE 33)."""
    if case.dte.monto_neto is None and case.dte.monto_exento is not None:
        yield error(
            "Tipo de documento: es una factura afecta (33) y todo su monto es exento."
            " Emita una factura exenta (34) o corrija los impuestos de las líneas."
        )


@rule(types=EXEMPT)
def exempt_document_has_no_tax(case: Case) -> Iterator[Finding]:
    """A type 34 has MntExe and no IVA (F); the same for 41 and exports."""
    dte = case.dte
    for label, amount in (("neto afecto", dte.monto_neto), ("IVA", dte.monto_iva)):
        if amount is not None:
            yield error(
                f"Tipo de documento: el tipo {dte.tipo_dte} es exento y lleva {label}"
                f" por {money(amount)}. Quite el impuesto de las líneas o emita un"
                " documento afecto."
            )
