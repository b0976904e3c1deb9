# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a credit or debit note corrects."""

from collections.abc import Iterator
from datetime import date

from .base import NOTES, Case, Finding, day, error, money, quoted, rule

FIRST_DAY = date(2002, 8, 1)


@rule(types=NOTES)
def note_refers_to_a_document(case: Case) -> Iterator[Finding]:
    """56 and 61 need a reference (F: REF-3-415); so do their export siblings."""
    if case.dte.documento_referencia is None:
        yield error(
            "Documento de referencia: una nota de crédito o débito debe indicar qué"
            " documento corrige. Créela desde la factura original o agregue la"
            " referencia."
        )


@rule("documento_referencia", types=NOTES)
def note_says_why(case: Case) -> Iterator[Finding]:
    """CodRef is mandatory on notes: 1, 2 or 3 (F: REF-3-758)."""
    code = case.dte.documento_referencia.codigo
    if code not in ("1", "2", "3"):
        given = f"{quoted(code)} no es válido" if code else "falta"
        yield error(
            f"Código de referencia: {given}. Indique 1 (anula), 2 (corrige texto) o 3"
            " (corrige montos)."
        )


# The next two ask for no field: an invoice without reference lacks nothing.
@rule()
def reference_is_complete(case: Case) -> Iterator[Finding]:
    """TpoDocRef, FolioRef and FchRef are mandatory in a reference (X)."""
    reference = case.dte.documento_referencia
    if reference is None:
        return
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
    reference = case.dte.documento_referencia
    if reference is None or reference.fecha is None:
        return
    referred = reference.fecha
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


@rule("documento_referencia", "monto_total", types=NOTES)
def text_correction_has_no_amounts(case: Case) -> Iterator[Finding]:
    """CodRef 2 goes with zero amounts (F: REF-2-781)."""
    if case.corrects_text:
        yield error(
            "Código de referencia: 2 corrige textos y exige montos en cero, pero el"
            f" total es {money(case.dte.monto_total)}. Use 1 (anula) o 3 (corrige"
            " montos), o deje los montos en cero."
        )
