# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Issuer and receiver: RUT, name, activity, address."""

import re
from collections.abc import Iterator

from .base import (
    DISPATCH_GUIDE,
    EXEMPT_INVOICE,
    EXPORTS,
    INVOICE,
    PURCHASE_INVOICE,
    RECEIPTS,
    Case,
    Finding,
    error,
    quoted,
    review,
    rule,
)

FINAL_CONSUMER = "66666666-6"
FOREIGNER = "55555555-5"


def check_digit(number: int) -> str:
    """Check digit of a RUT: modulus 11 with weights 2 to 7 (F: "RUT")."""
    digits = map(int, reversed(str(number)))
    weighted = sum(digit * (2 + i % 6) for i, digit in enumerate(digits))
    return "0123456789K"[-weighted % 11]


def _rut_problem(rut: str | None, party: str) -> Iterator[Finding]:
    if not rut:
        yield error(f"RUT del {party}: falta. Complételo en su ficha.")
    elif match := re.fullmatch(r"([1-9][0-9]{0,7})-([0-9K])", rut):
        if check_digit(int(match[1])) != match[2]:
            yield error(
                f"RUT del {party}: {rut} tiene un dígito verificador que no"
                " corresponde. Pida el RUT correcto y corrija la ficha.",
                certainty=0.99,
            )
    else:
        yield error(
            f"RUT del {party}: {quoted(rut)} no tiene el formato 12345678-5 (sin"
            " puntos ni prefijo, con guion y K mayúscula). Corrija la ficha."
        )


@rule()
def issuer_rut(case: Case) -> Iterator[Finding]:
    """RUTEmisor: pattern and check digit (X: RUTType; F: modulus 11)."""
    yield from _rut_problem(case.dte.rut_emisor, "emisor")


@rule()
def receiver_rut(case: Case) -> Iterator[Finding]:
    """RUTRecep: pattern and check digit (X: RUTType; F: modulus 11)."""
    yield from _rut_problem(case.dte.rut_receptor, "receptor")


@rule("rut_receptor")
def generic_receiver_fits_the_type(case: Case) -> Iterator[Finding]:
    """66666666-6 only on receipts (P), 55555555-5 only on exports (F: RUTRecep), and on
    purchase invoices for services of a foreigner."""
    code, rut = case.dte.tipo_dte, case.dte.rut_receptor
    if rut == FINAL_CONSUMER and code not in RECEIPTS:
        yield error(
            f"RUT del receptor: {rut} es el de consumidor final y sólo sirve en"
            " boletas. Use el RUT del cliente o emita una boleta."
        )
    if rut == FOREIGNER and code not in EXPORTS and not case.is_of_a_purchase:
        yield error(
            f"RUT del receptor: {rut} es el de extranjeros y sólo sirve en documentos"
            " de exportación y facturas de compra. Use el RUT chileno del cliente."
        )


@rule("rut_emisor", "rut_receptor", not_types={DISPATCH_GUIDE})
def receiver_is_another(case: Case) -> Iterator[Finding]:
    """Nobody invoices himself (P); a guide may move goods between own premises."""
    if case.dte.rut_emisor == case.dte.rut_receptor:
        yield review(
            f"RUT del receptor: es el mismo del emisor ({case.dte.rut_receptor})."
            " Confirme el cliente del documento.",
            certainty=0.9,
        )


@rule()
def names_are_given(case: Case) -> Iterator[Finding]:
    """RznSoc and RznSocRecep are mandatory (X); a receipt needs no receiver."""
    if not case.dte.razon_social_emisor:
        yield error(
            "Razón social del emisor: falta. Complétela en la ficha de la empresa."
        )
    if not case.dte.razon_social_receptor and case.dte.tipo_dte not in RECEIPTS:
        yield error(
            "Razón social del receptor: falta. Complétela en la ficha del cliente."
        )


@rule()
def issuer_activity_is_given(case: Case) -> Iterator[Finding]:
    """GiroEmis is mandatory (X)."""
    if not case.dte.giro_emisor:
        yield error("Giro del emisor: falta. Complételo en la ficha de la empresa.")


@rule(types={INVOICE, EXEMPT_INVOICE, PURCHASE_INVOICE, DISPATCH_GUIDE})
def receiver_details_are_given(case: Case) -> Iterator[Finding]:
    """GiroRecep, DirRecep and CmnaRecep are mandatory on 33, 34, 46 and 52 (F).

    Clients of version 1.2.0 send none of the three: that asks for a look instead of
    rejecting everything that they issue.
    """
    fields = {
        "Giro": case.dte.giro_receptor,
        "Dirección": case.dte.direccion_receptor,
        "Comuna": case.dte.comuna_receptor,
    }
    missing = [label for label, value in fields.items() if not value]
    if len(missing) == len(fields):
        yield review(
            "Giro, dirección y comuna del receptor: no vienen en el documento y el SII"
            " los exige. Confirme que están en la ficha del cliente."
        )
        return
    for label in missing:
        yield error(
            f"{label} del receptor: falta y el SII exige el dato en este documento."
            " Complete la ficha del cliente."
        )
