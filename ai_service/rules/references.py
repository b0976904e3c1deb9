# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a credit or debit note corrects."""

from collections.abc import Iterator
from datetime import date

from ..schemas import Reference
from .base import NOTES, Case, Finding, day, error, money, quoted, review, rule

FIRST_DAY = date(2002, 8, 1)


@rule(types=NOTES)
def note_refers_to_a_document(case: Case) -> Iterator[Finding]:
    """56 and 61 need a reference (F: REF-3-415); so do their export siblings."""
    if case.corrected is None:
        yield error(
            "Documento de referencia: una nota de crédito o débito debe indicar qué"
            " documento corrige. Créela desde la factura original o agregue la"
            " referencia."
        )


@rule("corrected", types=NOTES)
def note_says_why(case: Case) -> Iterator[Finding]:
    """CodRef is mandatory on notes: 1, 2 or 3 (F: REF-3-758).

    Clients of version 1.2.0 tell one reference, and it may be that of an order.
    """
    reference, code = case.corrected, case.corrected.codigo
    if not reference.is_tax_document and not case.dte.referencias:
        yield review(
            f"Documento de referencia: {quoted(reference.tipo_doc or '')} no es un"
            " documento tributario. Confirme que la nota indica también el que corrige."
        )
    elif code not in ("1", "2", "3"):
        given = f"{quoted(code)} no es válido" if code else "falta"
        yield error(
            f"Código de referencia: {given}. Indique 1 (anula), 2 (corrige texto) o 3"
            " (corrige montos)."
        )


# The next two ask for no field: an invoice without reference lacks nothing.
@rule()
def reference_is_complete(case: Case) -> Iterator[Finding]:
    """TpoDocRef, FolioRef and FchRef are mandatory in a reference (X)."""
    for reference in _references(case):
        yield from _incomplete(reference)


def _references(case: Case) -> list[Reference]:
    """All of them, each once."""
    named = case.dte.documento_referencia
    listed = case.dte.referencias
    same = named is None or any(
        (each.tipo_doc, each.folio) == (named.tipo_doc, named.folio) for each in listed
    )
    return [*listed] if same else [named, *listed]


def _incomplete(reference: Reference) -> Iterator[Finding]:
    fields = {
        "el tipo": reference.tipo_doc,
        "el folio": reference.folio,
        "la fecha": reference.fecha,
    }
    missing = [label for label, value in fields.items() if not value]
    if missing:
        yield error(
            f"Documento de referencia: falta {' y '.join(missing)}. Complete la"
            " referencia con los datos del documento original."
        )


@rule()
def reference_is_not_later(case: Case) -> Iterator[Finding]:
    """FchRef from 2002-08-01 to the document's own date (F: FchRef)."""
    for reference in _references(case):
        if reference.fecha:
            yield from _wrong_date(case, reference.fecha)


def _wrong_date(case: Case, referred: date) -> Iterator[Finding]:
    if referred > case.issued:
        yield error(
            f"Fecha de la referencia: {day(referred)} es posterior a la de este"
            f" documento ({day(case.issued)}). Corrija la que esté equivocada."
        )
    if referred < FIRST_DAY:
        yield error(
            f"Fecha de la referencia: {day(referred)} es anterior al {day(FIRST_DAY)},"
            " la primera que admite el SII. Corrija la fecha."
        )


@rule("corrected", "monto_total", types=NOTES)
def text_correction_has_no_amounts(case: Case) -> Iterator[Finding]:
    """CodRef 2 goes with zero amounts (F: REF-2-781)."""
    if case.corrects_text:
        yield error(
            "Código de referencia: 2 corrige textos y exige montos en cero, pero el"
            f" total es {money(case.dte.monto_total)}. Use 1 (anula) o 3 (corrige"
            " montos), o deje los montos en cero."
        )
